// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/etherdevice.h>
#include <linux/if_bridge.h>
#include <linux/if_vlan.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/ipv6.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <net/addrconf.h>
#include <net/fib_notifier.h>
#include <net/genetlink.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/l3mdev.h>
#include <net/net_namespace.h>
#include <net/netdev_lock.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netlink.h>
#include <net/netns/generic.h>
#include <net/nexthop.h>
#include <net/route.h>
#include <net/sch_generic.h>
#include <net/rtnetlink.h>
#include <if_carp.h>
#include "helpers.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static unsigned int user_devices_max = 64;
module_param(user_devices_max, uint, 0644);
MODULE_PARM_DESC(user_devices_max,
		 "carp devices that a network namespace may have before one more takes CAP_NET_ADMIN in the initial user namespace (64)");

unsigned int carp_user_devices_max(void)
{
	return READ_ONCE(user_devices_max);
}

/* The longest interval that there is has 255,992 ms. */
static int set_user_interval(const char *val, const struct kernel_param *param)
{
	return param_set_uint_minmax(val, param, 0, 256000);
}

static const struct kernel_param_ops user_interval_ops = {
	.set = set_user_interval,
	.get = param_get_uint,
};

static unsigned int user_interval_min_ms = 100;
module_param_cb(user_interval_min_ms, &user_interval_ops, &user_interval_min_ms, 0644);
__MODULE_PARM_TYPE(user_interval_min_ms, "uint");
MODULE_PARM_DESC(user_interval_min_ms,
		 "milliseconds, 0 to 256000: a shorter interval between adverts takes CAP_NET_ADMIN in the initial user namespace (100)");

unsigned int carp_user_interval_min_ms(void)
{
	return READ_ONCE(user_interval_min_ms);
}

void carp_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}

bool carp_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}

void carp_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}

void carp_local_bh_disable(void)
{
	local_bh_disable();
}

void carp_local_bh_enable(void)
{
	local_bh_enable();
}

void *carp_netdev_priv(struct net_device *dev)
{
	return netdev_priv(dev);
}

struct net *carp_dev_net(const struct net_device *dev)
{
	return dev_net(dev);
}

void carp_netdev_hold(struct net_device *dev, netdevice_tracker *tracker)
{
	netdev_hold(dev, tracker, GFP_KERNEL);
}

void carp_netdev_put(struct net_device *dev, netdevice_tracker *tracker)
{
	netdev_put(dev, tracker);
}

/* Also false as long as the core has not seen that there is a carrier. */
bool carp_netdev_has_queue(const struct net_device *dev)
{
	return !qdisc_tx_is_noop(dev);
}

/* The fields here are bit fields and flags in macros. */
void carp_netdev_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->priv_flags &= ~(IFF_TX_SKB_SHARING | IFF_XMIT_DST_RELEASE);
	dev->priv_flags |= IFF_NO_QUEUE | IFF_UNICAST_FLT;
	dev->lltx = true;
	dev->netns_immutable = true;
	dev->needs_free_netdev = true;
	/* Until the parent is known, whose MTU is the limit. */
	dev->max_mtu = ETH_MAX_MTU;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_DSTATS;
	/* The parent's queue does in software what its hardware cannot. */
	dev->features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA |
			NETIF_F_GSO_SOFTWARE;
	dev->hw_features = dev->features;
}

/* A carp device's locks nest inside those of its parent, which may be of the same kind of lock. */
void carp_netdev_set_lockdep(struct net_device *dev)
{
	static struct lock_class_key addr_list_key;

	netdev_lockdep_set_classes(dev);
	lockdep_set_class(&dev->addr_list_lock, &addr_list_key);
}

void carp_eth_hw_addr_set(struct net_device *dev, const u8 *addr)
{
	eth_hw_addr_set(dev, addr);
}

bool carp_netif_carrier_ok(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
}

void carp_count_sent(struct net_device *dev, unsigned int len)
{
	dev_dstats_tx_add(dev, len);
}

/* In any context, unlike its neighbour. */
void carp_count_not_sent(struct net_device *dev)
{
	dev_core_stats_tx_dropped_inc(dev);
}

void carp_count_not_received(struct net_device *dev)
{
	dev_dstats_rx_dropped(dev);
}

struct net_device *carp_notifier_device(void *info)
{
	return netdev_notifier_info_to_dev(info);
}

/* @tag: that of the frames on the bridge, if @dev is a VLAN on it. */
struct net_device *carp_bridge_below(struct net_device *dev, u16 *tag)
{
	*tag = 0;
	while (is_vlan_dev(dev)) {
		*tag = vlan_dev_priv(dev)->vlan_id;
		dev = vlan_dev_priv(dev)->real_dev;
	}
	return netif_is_bridge_master(dev) ? dev : NULL;
}

/* Those of the bridge module, which need not be there; valid while they are held. */
static typeof(br_vlan_enabled) *bridge_filters_vlans;
static typeof(br_vlan_get_pvid_rcu) *bridge_pvid;

int carp_bridge_hold(void)
{
	ASSERT_RTNL();
	bridge_filters_vlans = symbol_get(br_vlan_enabled);
	if (!bridge_filters_vlans)
		return -ENOENT;
	bridge_pvid = symbol_get(br_vlan_get_pvid_rcu);
	if (bridge_pvid)
		return 0;
	symbol_put(br_vlan_enabled);
	return -ENOENT;
}

void carp_bridge_release(void)
{
	symbol_put(br_vlan_enabled);
	symbol_put(br_vlan_get_pvid_rcu);
}

bool carp_bridge_filters_vlans(const struct net_device *bridge)
{
	return bridge_filters_vlans(bridge);
}

/* The VLAN of frames without a tag, of a bridge or of one of its ports; 0: they are refused. */
u16 carp_bridge_pvid(const struct net_device *dev)
{
	u16 pvid = 0;

	bridge_pvid(dev, &pvid);
	return pvid;
}

bool carp_has_unicast_filter(const struct net_device *dev)
{
	return dev->priv_flags & IFF_UNICAST_FLT;
}

/* What is left out is counted, and the count is printed with the next line. */
bool carp_log_is_due(bool of_initial_namespace)
{
	static DEFINE_RATELIMIT_STATE(initial, 5 * HZ, 10);
	static DEFINE_RATELIMIT_STATE(others, 5 * HZ, 10);

	return ___ratelimit(of_initial_namespace ? &initial : &others, KBUILD_MODNAME);
}

struct sk_buff *carp_skb_share_check(struct sk_buff *skb)
{
	return skb_share_check(skb, GFP_ATOMIC);
}

/* An empty buffer with room for the headers and trailers that @dev adds. */
struct sk_buff *carp_skb_alloc(struct net_device *dev, unsigned int len)
{
	unsigned int head = LL_RESERVED_SPACE(dev);
	struct sk_buff *skb = alloc_skb(head + len + dev->needed_tailroom, GFP_ATOMIC);

	if (skb)
		skb_reserve(skb, head);
	return skb;
}

/* @skb holds a whole Ethernet frame. */
void carp_skb_set_frame(struct sk_buff *skb, struct net_device *dev, unsigned int network_offset)
{
	skb_reset_mac_header(skb);
	skb->dev = dev;
	skb->protocol = eth_hdr(skb)->h_proto;
	skb->priority = TC_PRIO_CONTROL;
	skb_set_network_header(skb, network_offset);
}

void carp_skb_set_device(struct sk_buff *skb, struct net_device *dev)
{
	skb->dev = dev;
}

void carp_skb_deliver_to(struct sk_buff *skb, struct net_device *dev)
{
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->pkt_type = PACKET_HOST;
	dev_dstats_rx_add(dev, skb->len + ETH_HLEN);
}

void carp_skb_copy_to(struct sk_buff *skb, struct net_device *dev)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (!copy)
		return;
	copy->dev = dev;
	dev_dstats_rx_add(dev, copy->len + ETH_HLEN);
	netif_receive_skb(copy);
}

__be16 carp_skb_protocol(const struct sk_buff *skb)
{
	return skb->protocol;
}

unsigned int carp_skb_len(const struct sk_buff *skb)
{
	return skb->len;
}

/* VLAN 0 is none: such a tag is about priority alone. */
u16 carp_skb_vlan(const struct sk_buff *skb)
{
	return skb_vlan_tag_present(skb) ? skb_vlan_tag_get_id(skb) : 0;
}

/* Nobody asks where a packet was redirected once it is not on its way there any more. */
void carp_skb_set_seen(struct sk_buff *skb)
{
#ifdef CONFIG_NET_REDIRECT
	if (skb->from_ingress)
		skb->from_ingress = 0;
#endif
}

bool carp_skb_is_redirected_unseen(const struct sk_buff *skb)
{
#ifdef CONFIG_NET_REDIRECT
	return skb->from_ingress;
#else
	return false;
#endif
}

int carp_skb_network_offset(const struct sk_buff *skb)
{
	return skb_network_offset(skb);
}

/* 0, which is that of an extension header, if there is no whole header. */
u8 carp_skb_ipv6_next_header(const struct sk_buff *skb)
{
	const struct ipv6hdr *header;
	struct ipv6hdr buffer;

	header = skb_header_pointer(skb, skb_network_offset(skb), sizeof(buffer), &buffer);
	return header ? header->nexthdr : 0;
}

const struct ethhdr *carp_skb_ethernet(const struct sk_buff *skb)
{
	return skb_mac_header_was_set(skb) ? eth_hdr(skb) : NULL;
}

/* For a buffer on its way out, whose data begins with the Ethernet header. */
int carp_skb_make_ethernet_writable(struct sk_buff *skb)
{
	int err = skb_ensure_writable(skb, ETH_HLEN);

	if (!err)
		skb_reset_mac_header(skb);
	return err;
}

int carp_dev_queue_xmit(struct sk_buff *skb)
{
	return dev_queue_xmit(skb);
}

/* The flow that @skb would begin is not kept; one that is known already goes on. */
void carp_skb_untrack(struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	if (ct && nf_ct_is_confirmed(ct))
		return;
	nf_reset_ct(skb);
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
#endif
}

void carp_skb_free(struct sk_buff *skb)
{
	kfree_skb(skb);
}

/* An answer without attributes, of the command that is answered; NULL: out of memory. */
struct sk_buff *carp_genl_reply(struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(0, GFP_KERNEL);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put_reply(skb, info, info->family, 0, info->genlhdr->cmd);
	if (!head) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

/* Frees @skb if nobody takes it. */
void carp_genl_send(struct net *net, struct sk_buff *skb, u32 portid)
{
	genlmsg_unicast(net, skb, portid);
}

/* The first device of @net if @dev is NULL. */
struct net_device *carp_next_device(struct net *net, struct net_device *dev)
{
	return dev ? next_net_device(dev) : first_net_device(net);
}

/* The first namespace if @net is NULL. */
struct net *carp_next_net_rcu(struct net *net)
{
	struct list_head *at = net ? &net->list : &net_namespace_list;

	return list_next_or_null_rcu(&net_namespace_list, at, struct net, list);
}

/* The first device of @net if @dev is NULL. */
struct net_device *carp_next_device_rcu(struct net *net, struct net_device *dev)
{
	struct list_head *at = dev ? &dev->dev_list : &net->dev_base_head;

	return list_next_or_null_rcu(&net->dev_base_head, at, struct net_device, dev_list);
}

struct nlattr *carp_nla_nest_start(struct sk_buff *skb, int type)
{
	return nla_nest_start(skb, type);
}

void carp_nla_nest_end(struct sk_buff *skb, struct nlattr *nest)
{
	nla_nest_end(skb, nest);
}

struct net *carp_newlink_net(struct rtnl_newlink_params *params)
{
	return rtnl_newlink_link_net(params);
}

struct net *carp_maybe_get_net(struct net *net)
{
	return maybe_get_net(net);
}

void carp_put_net(struct net *net)
{
	put_net(net);
}

void *carp_net_generic(const struct net *net, unsigned int id)
{
	return net_generic(net, id);
}

/* No device if the route leaves by none. */
void carp_fib_route(const struct fib_notifier_info *info, struct carp_route *route)
{
	if (info->family == AF_INET) {
		const struct fib_entry_notifier_info *entry =
			container_of(info, struct fib_entry_notifier_info, info);

		route->dev = fib_info_nhc(entry->fi, 0)->nhc_dev;
		route->type = entry->type;
		route->protocol = entry->fi->fib_protocol;
	} else if (info->family == AF_INET6) {
		const struct fib6_entry_notifier_info *entry =
			container_of(info, struct fib6_entry_notifier_info, info);

		route->dev = fib6_info_nh_dev(entry->rt);
		route->type = entry->rt->fib6_type;
		route->protocol = entry->rt->fib6_protocol;
		route->of_link = ipv6_addr_type(&entry->rt->fib6_dst.addr) & IPV6_ADDR_LINKLOCAL;
	}
}

u32 carp_l3mdev_table(const struct net_device *dev)
{
	return l3mdev_fib_table(dev);
}

/* A received packet's source is looked up in the routes, not in the list of addresses. */
void carp_fib_check_sources(struct net *net)
{
	net->ipv4.fib_has_custom_local_routes = true;
}

/* As the route that a lookup makes for a packet that has come in for an address of the host. */
struct dst_entry *carp_local_route(struct net *net)
{
	struct rtable *rt = rt_dst_alloc(net->loopback_dev, RTCF_LOCAL, RTN_LOCAL, false);

	if (!rt)
		return NULL;
	rt->rt_is_input = 1;
	return &rt->dst;
}

/* The same for IPv6, if there is IPv6. Whoever keeps it finds it outdated when he looks again. */
struct dst_entry *carp_local_route6(struct net *net)
{
	struct inet6_dev *idev = in6_dev_get(net->loopback_dev);
	struct rt6_info *rt;

	if (!idev)
		return NULL;
	rt = ip6_dst_alloc(net, net->loopback_dev, 0);
	if (!rt) {
		in6_dev_put(idev);
		return NULL;
	}
	rt->dst.input = ip6_input;
	rt->rt6i_idev = idev;
	rt->rt6i_flags = RTF_UP | RTF_LOCAL | RTF_NONEXTHOP;
	return &rt->dst;
}

void carp_route_put(struct dst_entry *route)
{
	dst_release(route);
}

void carp_skb_set_route(struct sk_buff *skb, struct dst_entry *route)
{
	skb_dst_drop(skb);
	dst_hold(route);
	skb_dst_set(skb, route);
}

struct in_device *carp_in_dev_rtnl(const struct net_device *dev)
{
	return __in_dev_get_rtnl(dev);
}

struct in_device *carp_in_dev_rcu(const struct net_device *dev)
{
	return __in_dev_get_rcu(dev);
}

struct in_ifaddr *carp_ifa_first_rcu(struct in_device *in_dev)
{
	return rcu_dereference_check(in_dev->ifa_list, lockdep_rtnl_is_held());
}

struct in_ifaddr *carp_ifa_next_rcu(struct in_ifaddr *ifa)
{
	return rcu_dereference_check(ifa->ifa_next, lockdep_rtnl_is_held());
}

void carp_set_rp_filter(struct in_device *in_dev, int value)
{
	IN_DEV_CONF_SET(in_dev, RP_FILTER, value);
}

/* As it counts: the namespace's, if that is larger. */
int carp_rp_filter(const struct in_device *in_dev)
{
	return IN_DEV_RPFILTER(in_dev);
}

bool carp_ip_mc_is_member(struct in_device *in_dev, __be32 group)
{
	struct ip_mc_list *im;

	for (im = rtnl_dereference(in_dev->mc_list); im; im = rtnl_dereference(im->next_rcu))
		if (im->multiaddr == group)
			return true;
	return false;
}

void carp_ip_mc_dec_group(struct in_device *in_dev, __be32 group)
{
	ip_mc_dec_group(in_dev, group);
}

bool carp_ipv6_mod_enabled(void)
{
	return ipv6_mod_enabled();
}

void carp_set_no_addrconf(struct net_device *dev, bool on)
{
	if (on)
		dev->priv_flags |= IFF_NO_ADDRCONF;
	else
		dev->priv_flags &= ~IFF_NO_ADDRCONF;
}

struct inet6_dev *carp_in6_dev_rcu(const struct net_device *dev)
{
	return __in6_dev_get(dev);
}

/* The first address if @ifp is NULL. */
struct inet6_ifaddr *carp_inet6_next_rcu(struct inet6_dev *idev, struct inet6_ifaddr *ifp)
{
	struct list_head *at = ifp ? &ifp->if_list : &idev->addr_list;

	return list_next_or_null_rcu(&idev->addr_list, at, struct inet6_ifaddr, if_list);
}

bool carp_inet6_is_local_but_for(const struct net_device *near, const struct net_device *carp,
				 const struct in6_addr *addr)
{
	/* A link-local address means that of one link. */
	bool strict = rt6_need_strict(addr);
	struct flowi6 fl6 = {
		.daddr = *addr,
		.flowi6_oif = strict ? near->ifindex : 0,
		.flowi6_l3mdev = l3mdev_master_ifindex_rcu(near),
	};
	int flags = strict ? RT6_LOOKUP_F_IFACE : 0;
	struct rt6_info *rt = dst_rt6_info(ip6_route_lookup(dev_net(near), &fl6, NULL, flags));
	bool local = (rt->rt6i_flags & RTF_LOCAL) && rt->rt6i_idev && rt->rt6i_idev->dev != carp;

	ip6_rt_put(rt);
	return local;
}

/* Its route as the kernel has made it is in the table. */
bool carp_inet6_is_routed(struct inet6_ifaddr *ifp)
{
	bool routed;

	spin_lock_bh(&ifp->lock);
	routed = ifp->rt && rcu_access_pointer(ifp->rt->fib6_node);
	spin_unlock_bh(&ifp->lock);
	return routed;
}

void carp_inet6_set_usable(struct inet6_ifaddr *ifp, bool usable)
{
	spin_lock_bh(&ifp->lock);
	if (usable)
		ifp->flags &= ~(IFA_F_TENTATIVE | IFA_F_DADFAILED);
	else
		ifp->flags |= IFA_F_TENTATIVE | IFA_F_DADFAILED;
	/* With it a tentative address could be sent from all the same. */
	ifp->flags &= ~IFA_F_OPTIMISTIC;
	spin_unlock_bh(&ifp->lock);
}

void carp_hmac_sha1_update(struct hmac_sha1_ctx *ctx, const u8 *data, size_t len)
{
	hmac_sha1_update(ctx, data, len);
}

void carp_memzero_explicit(void *s, size_t count)
{
	memzero_explicit(s, count);
}

void carp_trace_op_start(const struct carp_op *op)
{
	trace_carp_op_start(op);
}

void carp_trace_op_fold(const struct carp_op *op)
{
	trace_carp_op_fold(op);
}

void carp_trace_op_park(const struct carp_op *op)
{
	trace_carp_op_park(op);
}

void carp_trace_op_resume(const struct carp_op *op)
{
	trace_carp_op_resume(op);
}

void carp_trace_op_finish(const struct carp_op *op)
{
	trace_carp_op_finish(op);
}

void carp_trace_if_swap(const struct net_device *parent, u64 generation, size_t vhosts)
{
	trace_carp_if_swap(parent, generation, vhosts);
}

void carp_trace_if_free(const struct net_device *parent, size_t snapshots)
{
	trace_carp_if_free(parent, snapshots);
}

void carp_trace_parent_address(const struct net_device *parent)
{
	trace_carp_parent_address(parent);
}

void carp_trace_state(const struct net_device *device, u8 from, u8 to, u8 reason)
{
	trace_carp_state(device, from, to, reason);
}
