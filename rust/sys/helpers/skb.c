// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/pkt_sched.h>
#include <net/netfilter/nf_conntrack.h>
#include "helpers.h"

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
