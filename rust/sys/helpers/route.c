// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/inetdevice.h>
#include <net/dst_metadata.h>
#include <net/addrconf.h>
#include <net/fib_notifier.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/l3mdev.h>
#include <net/nexthop.h>
#include <net/route.h>
#include "helpers.h"

/* No device if the route leaves by none. */
void carp_fib_route(const struct fib_notifier_info *info, struct carp_route *route)
{
	if (info->family == AF_INET) {
		const struct fib_entry_notifier_info *entry =
			container_of(info, struct fib_entry_notifier_info, info);

		route->dev = fib_info_nhc(entry->fi, 0)->nhc_dev;
		route->type = entry->type;
		route->protocol = entry->fi->fib_protocol;
		route->custom_local = entry->type == RTN_LOCAL &&
				      entry->fi->fib_protocol != RTPROT_KERNEL;
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

bool carp_fib_has_custom_local_routes(const struct net *net)
{
	return net->ipv4.fib_has_custom_local_routes;
}

void carp_fib_set_custom_local_routes(struct net *net, bool has)
{
	WRITE_ONCE(net->ipv4.fib_has_custom_local_routes, has);
}

/* As fib_validate_source() decides it: whether the source of what @dev receives is looked up in the
 * routes. Otherwise it is looked up in the list of the addresses of the namespace.
 */
bool carp_fib_looks_up_sources(const struct net_device *dev)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	struct net *net = dev_net(dev);

	return !in_dev || IN_DEV_RPFILTER(in_dev) || fib_num_tclassid_users(net) ||
	       net->ipv4.fib_has_custom_local_routes || fib4_has_custom_rules(net);
}

/* By the table of the host's own addresses. As fib_validate_source() without rp_filter looks at the
 * list of addresses only, it lets directed broadcasts pass.
 */
bool carp_is_martian(const struct net_device *dev, __be32 source)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);

	switch (inet_addr_type_table(dev_net(dev), source, RT_TABLE_LOCAL)) {
	case RTN_UNICAST:
		return false;
	case RTN_LOCAL:
		return !in_dev || !IN_DEV_ACCEPT_LOCAL(in_dev);
	default:
		return true;
	}
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

/* The same for IPv6, if there is IPv6. Whoever keeps it finds it outdated at the next look. */
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

bool carp_skb_has_route(const struct sk_buff *skb)
{
	return skb_valid_dst(skb);
}

/* Under RCU, which keeps @route as long as the packet is on its way. */
void carp_skb_set_route(struct sk_buff *skb, struct dst_entry *route)
{
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, route);
}
