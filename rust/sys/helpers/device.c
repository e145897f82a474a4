// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <net/netdev_lock.h>
#include <net/raw.h>
#include <net/rawv6.h>
#include <net/sch_generic.h>
#include "helpers.h"

void *carp_netdev_priv(struct net_device *dev)
{
	return netdev_priv(dev);
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

bool carp_has_readers(const struct net_device *dev, bool is_v6, u8 protocol)
{
	const struct raw_hashinfo *sockets = is_v6 ? &raw_v6_hashinfo : &raw_v4_hashinfo;

	/* Sockets of other protocols or namespaces may be in the same list. */
	return rcu_access_pointer(dev->rx_handler) ||
	       !hlist_empty(&sockets->ht[raw_hashfunc(dev_net(dev), protocol)]);
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

bool carp_has_unicast_filter(const struct net_device *dev)
{
	return dev->priv_flags & IFF_UNICAST_FLT;
}

/* The first device of @net if @dev is NULL. */
struct net_device *carp_next_device(struct net *net, struct net_device *dev)
{
	return dev ? next_net_device(dev) : first_net_device(net);
}

/* The first device of @net if @dev is NULL. */
struct net_device *carp_next_device_rcu(struct net *net, struct net_device *dev)
{
	struct list_head *at = dev ? &dev->dev_list : &net->dev_base_head;

	return list_next_or_null_rcu(&net->dev_base_head, at, struct net_device, dev_list);
}
