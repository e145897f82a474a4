// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <net/addrconf.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include "helpers.h"

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
