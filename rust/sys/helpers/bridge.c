// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/if_bridge.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include "helpers.h"

/* @tag: the VLAN of its frames on the bridge, if @dev is a VLAN on it. */
struct net_device *carp_bridge_below(struct net_device *dev, u16 *tag)
{
	*tag = 0;
	while (is_vlan_dev(dev)) {
		*tag = vlan_dev_priv(dev)->vlan_id;
		dev = vlan_dev_priv(dev)->real_dev;
	}
	return netif_is_bridge_master(dev) ? dev : NULL;
}

/* Functions of the bridge module, which need not be loaded; valid while they are held. */
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
