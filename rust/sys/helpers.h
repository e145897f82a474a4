/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Static inlines, macros and bit fields of the kernel, as functions that Rust can call.
 * Nothing else belongs here: no protocol, no policy, no state but the module's parameters.
 */
#ifndef CARP_HELPERS_H
#define CARP_HELPERS_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <crypto/sha1.h>

struct fib_notifier_info;
struct dst_entry;
struct genl_info;
struct rtnl_newlink_params;

/* spinlock */
void carp_spin_lock_bh(spinlock_t *lock);
bool carp_spin_trylock_bh(spinlock_t *lock);
void carp_spin_unlock_bh(spinlock_t *lock);
void carp_local_bh_disable(void);
void carp_local_bh_enable(void);

/* net_device */
void *carp_netdev_priv(struct net_device *dev);
void carp_netdev_hold(struct net_device *dev, netdevice_tracker *tracker);
void carp_netdev_put(struct net_device *dev, netdevice_tracker *tracker);
bool carp_netdev_has_queue(const struct net_device *dev);
void carp_netdev_setup(struct net_device *dev);
void carp_netdev_set_lockdep(struct net_device *dev);
void carp_eth_hw_addr_set(struct net_device *dev, const u8 *addr);
bool carp_netif_carrier_ok(const struct net_device *dev);
bool carp_has_readers(const struct net_device *dev, bool is_v6, u8 protocol);
void carp_count_sent(struct net_device *dev, unsigned int len);
void carp_count_not_sent(struct net_device *dev);
void carp_count_not_received(struct net_device *dev);
struct net_device *carp_notifier_device(void *info);
struct net_device *carp_next_device(struct net *net, struct net_device *dev);
struct net *carp_next_net_rcu(struct net *net);
struct net_device *carp_next_device_rcu(struct net *net, struct net_device *dev);

/* bridge */
struct net_device *carp_bridge_below(struct net_device *dev, u16 *tag);
int carp_bridge_hold(void);
void carp_bridge_release(void);
bool carp_bridge_filters_vlans(const struct net_device *bridge);
u16 carp_bridge_pvid(const struct net_device *dev);
bool carp_has_unicast_filter(const struct net_device *dev);

/* module parameters */
unsigned int carp_user_devices_max(void);
unsigned int carp_user_interval_min_ms(void);

/* printk */
bool carp_log_is_due(bool of_initial_namespace);

/* sk_buff */
struct sk_buff *carp_skb_share_check(struct sk_buff *skb);
struct sk_buff *carp_skb_alloc(struct net_device *dev, unsigned int len);
void carp_skb_set_frame(struct sk_buff *skb, struct net_device *dev, unsigned int network_offset);
void carp_skb_set_device(struct sk_buff *skb, struct net_device *dev);
void carp_skb_deliver_to(struct sk_buff *skb, struct net_device *dev);
void carp_skb_copy_to(struct sk_buff *skb, struct net_device *dev);
void carp_skb_set_seen(struct sk_buff *skb);
bool carp_skb_is_redirected_unseen(const struct sk_buff *skb);
int carp_skb_make_ethernet_writable(struct sk_buff *skb);
int carp_dev_queue_xmit(struct sk_buff *skb);
void carp_skb_untrack(struct sk_buff *skb);
void carp_skb_free(struct sk_buff *skb);

/* netlink */
struct sk_buff *carp_genl_reply(struct genl_info *info);
void carp_genl_send(struct net *net, struct sk_buff *skb, u32 portid);
struct nlattr *carp_nla_nest_start(struct sk_buff *skb, int type);
void carp_nla_nest_end(struct sk_buff *skb, struct nlattr *nest);
struct net *carp_newlink_net(struct rtnl_newlink_params *params);

/* net */
struct net *carp_maybe_get_net(struct net *net);
void carp_put_net(struct net *net);

/* routes */

/* What a notifier is told of a route. */
struct carp_route {
	struct net_device *dev;
	u8 type;
	u8 protocol;
	bool of_link;
	/* Of IPv4, and not the kernel's own. */
	bool custom_local;
};

void carp_fib_route(const struct fib_notifier_info *info, struct carp_route *route);
u32 carp_l3mdev_table(const struct net_device *dev);
bool carp_fib_has_custom_local_routes(const struct net *net);
void carp_fib_set_custom_local_routes(struct net *net, bool has);
bool carp_is_martian(const struct net_device *dev, __be32 source);
bool carp_fib_looks_up_sources(const struct net_device *dev);
struct dst_entry *carp_local_route(struct net *net);
struct dst_entry *carp_local_route6(struct net *net);
void carp_route_put(struct dst_entry *route);
bool carp_skb_has_route(const struct sk_buff *skb);
void carp_skb_set_route(struct sk_buff *skb, struct dst_entry *route);

/* IPv4 */
struct in_device *carp_in_dev_rtnl(const struct net_device *dev);
struct in_device *carp_in_dev_rcu(const struct net_device *dev);
struct in_ifaddr *carp_ifa_first_rcu(struct in_device *in_dev);
struct in_ifaddr *carp_ifa_next_rcu(struct in_ifaddr *ifa);
void carp_set_rp_filter(struct in_device *in_dev, int value);
int carp_adopt_rp_filter(const struct net_device *dev);
bool carp_ip_mc_is_member(struct in_device *in_dev, __be32 group);
void carp_ip_mc_dec_group(struct in_device *in_dev, __be32 group);
void carp_arp_learn(struct net_device *dev, __be32 address, const u8 *mac);

/* IPv6 */
void carp_set_no_addrconf(struct net_device *dev, bool on);
bool carp_ipv6_mod_enabled(void);
struct inet6_dev *carp_in6_dev_rcu(const struct net_device *dev);
struct inet6_ifaddr *carp_inet6_next_rcu(struct inet6_dev *idev, struct inet6_ifaddr *ifp);
bool carp_inet6_is_local_but_for(const struct net_device *near, const struct net_device *carp,
				 const struct in6_addr *addr);
bool carp_inet6_is_routed(struct inet6_ifaddr *ifp);
void carp_inet6_set_usable(struct inet6_ifaddr *ifp, bool usable);

/* HMAC-SHA1 */
void carp_hmac_sha1_update(struct hmac_sha1_ctx *ctx, const u8 *data, size_t len);
void carp_memzero_explicit(void *s, size_t count);

/* tracepoints */

/* An operation on a group; the pointers are only used during the call. */
struct carp_op {
	const struct net_device *group;
	const char *kind;
	const char *origin;
	u64 queued_ns;
	u8 vhid;
};

void carp_trace_op_start(const struct carp_op *op);
void carp_trace_op_fold(const struct carp_op *op);
void carp_trace_op_park(const struct carp_op *op);
void carp_trace_op_resume(const struct carp_op *op);
void carp_trace_op_finish(const struct carp_op *op);
void carp_trace_if_swap(const struct net_device *parent, u64 generation, size_t vhosts);
void carp_trace_if_free(const struct net_device *parent, size_t snapshots);
void carp_trace_parent_address(const struct net_device *parent);
void carp_trace_state(const struct net_device *device, u8 from, u8 to, u8 reason);

#endif /* CARP_HELPERS_H */
