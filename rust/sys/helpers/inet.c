// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <net/arp.h>
#include "helpers.h"

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

/* As it counts: the namespace's, if that is larger. But the namespace's 1 makes it 2 (loose) where
 * the device has none of its own.
 */
int carp_adopt_rp_filter(const struct net_device *dev)
{
	struct in_device *in_dev = rcu_dereference_rtnl(dev->ip_ptr);

	if (!in_dev)
		return 0;
	if (IN_DEV_RPFILTER(in_dev) == 1 && !IN_DEV_CONF_GET(in_dev, RP_FILTER))
		IN_DEV_CONF_SET(in_dev, RP_FILTER, 2);
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

/* As a host learns who asks it: the entry is stale, and is confirmed when it is used. */
void carp_arp_learn(struct net_device *dev, __be32 address, const u8 *mac)
{
	struct neighbour *neigh = neigh_event_ns(&arp_tbl, (u8 *)mac, &address, dev);

	if (neigh)
		neigh_release(neigh);
}
