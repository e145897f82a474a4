// SPDX-License-Identifier: GPL-2.0
/*
 * What does it cost to take the frames for a virtual MAC off a device?
 *
 * Measures the hooks that a module can use for it, on three devices that exist
 * already. Frames are prepared, then handed to the stack as a driver does, in
 * batches of 64, and consumed by an IPv4 protocol handler, after all of the
 * receive path: so what a hook spoils further up counts too. Only the handing
 * over is timed; of each cell's batches the median counts, which no timer
 * interrupt reaches.
 *
 *   insmod rxhook.ko parent=P upper=U other=O    measures; then the table is in
 *   /sys/module/rxhook/parameters/table
 *
 * The virtual MAC is on P, and its frames are to arrive on U. The devices have
 * the addresses 10.0.1.1/24, 10.0.2.1/24, 10.0.3.1/24. To be run in a guest under
 * `-icount shift=0`, where a nanosecond is an instruction.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_netdev.h>
#include <linux/rtnetlink.h>
#include <linux/sort.h>
#include <net/ip.h>
#include <net/protocol.h>

#define BATCH	64
#define LIST	8	/* net.core.gro_normal_batch: what NAPI hands over at once */
#define ROUNDS	201
#define PROTO	253	/* for experiments, RFC 3692 */
#define CELLS	5

static char *parent = "parent", *upper = "upper", *other = "other";
static char table[PAGE_SIZE];
module_param(parent, charp, 0);
module_param(upper, charp, 0);
module_param(other, charp, 0);
module_param_string(table, table, sizeof(table), 0444);

static const u8 vmac[ETH_ALEN] = { 0x00, 0x00, 0x5e, 0x00, 0x01, 0x01 };

static struct net_device *parent_dev, *upper_dev, *other_dev;
static struct net_device __rcu *by_vhid[256];
/* Where the frames are to arrive, and how many did. */
static const struct net_device *expected_dev;
static unsigned int consumed;
static u64 times[ROUNDS];

/* Where a frame belongs; the same work for every hook. */
static struct net_device *owner(const struct sk_buff *skb)
{
	const u8 *dest = eth_hdr(skb)->h_dest;

	/* The virtual MAC is not the device's own. */
	if (skb->pkt_type != PACKET_OTHERHOST || skb_vlan_tag_present(skb))
		return NULL;
	if (get_unaligned((u32 *)dest) != get_unaligned((u32 *)vmac) || dest[4] != vmac[4])
		return NULL;
	return rcu_dereference(by_vhid[dest[5]]);
}

static rx_handler_result_t rx_handler(struct sk_buff **pskb)
{
	struct net_device *dev = owner(*pskb);
	struct sk_buff *skb;

	if (!dev)
		return RX_HANDLER_PASS;
	skb = skb_share_check(*pskb, GFP_ATOMIC);
	if (!skb)
		return RX_HANDLER_CONSUMED;
	*pskb = skb;
	skb->dev = dev;
	skb->pkt_type = PACKET_HOST;
	return RX_HANDLER_ANOTHER;
}

static __always_inline unsigned int ingress(struct sk_buff *skb, int (*receive)(struct sk_buff *))
{
	struct net_device *dev = owner(skb);

	if (!dev)
		return NF_ACCEPT;
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return NF_STOLEN;
	skb->dev = dev;
	skb->pkt_type = PACKET_HOST;
	receive(skb);
	return NF_STOLEN;
}

static unsigned int ingress_again(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	return ingress(skb, netif_receive_skb);
}

static unsigned int ingress_core(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	return ingress(skb, netif_receive_skb_core);
}

/*
 * Goes on with the same pass of the receive path, as ipvlan's l3s mode does on
 * LOCAL_IN. Taps, tc and netfilter's ingress of the upper device are skipped, so
 * a device that has any, and a shared skb, take the way of ingress_again().
 */
static unsigned int ingress_in_place(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct net_device *dev = owner(skb);

	if (!dev)
		return NF_ACCEPT;
	if (skb_shared(skb) || !list_empty(&dev->ptype_all) ||
	    !list_empty(&dev_net_rcu(dev)->ptype_all) ||
	    rcu_access_pointer(dev->tcx_ingress) || rcu_access_pointer(dev->xdp_prog) ||
	    rcu_access_pointer(dev->nf_hooks_ingress))
		return ingress(skb, netif_receive_skb);
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->pkt_type = PACKET_HOST;
	return NF_ACCEPT;
}

static int consume(struct sk_buff *skb)
{
	consumed += skb->dev == expected_dev;
	consume_skb(skb);
	return 0;
}

static const struct net_protocol consumer = { .handler = consume, .no_policy = 1 };

/* The smallest frame, as a driver hands it over: Ethernet header pulled. */
static struct sk_buff *frame(struct net_device *dev, const u8 *dest, int subnet)
{
	struct sk_buff *skb = netdev_alloc_skb_ip_align(dev, ETH_ZLEN);
	struct iphdr *ip;

	if (!skb)
		return NULL;
	eth_broadcast_addr(skb_put(skb, ETH_ALEN));
	ether_addr_copy((u8 *)skb->data, dest);
	skb_put_data(skb, "\x02\x00\x00\x00\x00\x99\x08\x00", 8);
	ip = skb_put_zero(skb, ETH_ZLEN - ETH_HLEN);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons(ETH_ZLEN - ETH_HLEN);
	ip->ttl = 64;
	ip->protocol = PROTO;
	ip->saddr = htonl(0x0a000009 | subnet << 8);
	ip->daddr = htonl(0x0a000001 | subnet << 8);
	ip_send_check(ip);
	skb->protocol = eth_type_trans(skb, dev);
	if (dev == upper_dev)
		skb->pkt_type = PACKET_HOST;
	return skb;
}

static int compare(const void *a, const void *b)
{
	return cmp_int(*(const u64 *)a, *(const u64 *)b);
}

/* Instructions a frame, or -1 if not all of them arrived where they should. */
static int measure(struct net_device *dev, const u8 *dest, int subnet, int list)
{
	struct sk_buff *frames[BATCH];
	u64 begin, empty;
	int round, i, j;

	expected_dev = dest == vmac ? upper_dev : dev;
	consumed = 0;
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < BATCH; i++) {
			frames[i] = frame(dev, dest, subnet);
			if (!frames[i])
				goto no_memory;
		}
		local_bh_disable();
		begin = ktime_get_ns();
		empty = ktime_get_ns() - begin;
		begin = ktime_get_ns();
		if (list) {
			for (i = 0; i < BATCH; i += LIST) {
				LIST_HEAD(head);

				for (j = i; j < i + LIST; j++)
					list_add_tail(&frames[j]->list, &head);
				netif_receive_skb_list(&head);
			}
		} else {
			for (i = 0; i < BATCH; i++)
				netif_receive_skb(frames[i]);
		}
		times[round] = ktime_get_ns() - begin - empty;
		local_bh_enable();
		cond_resched();
	}
	if (consumed != BATCH * ROUNDS)
		return -1;
	sort(times, ROUNDS, sizeof(*times), compare, NULL);
	return DIV_ROUND_CLOSEST_ULL(times[ROUNDS / 2], BATCH);

no_memory:
	while (i--)
		kfree_skb(frames[i]);
	return -1;
}

static void print(const char *name, const int cells[CELLS])
{
	size_t len = strlen(table);
	char text[12];
	int i;

	len += scnprintf(table + len, sizeof(table) - len, "%-38s", name);
	for (i = 0; i < CELLS; i++) {
		snprintf(text, sizeof(text), "%d", cells[i]);
		len += scnprintf(table + len, sizeof(table) - len, "%9s",
				 cells[i] > 0 ? text : cells[i] ? "lost" : "-");
	}
	scnprintf(table + len, sizeof(table) - len, "\n");
}

static void row(const char *name, bool steered)
{
	const u8 *own = parent_dev->dev_addr;
	int cells[CELLS] = {
		steered ? measure(parent_dev, vmac, 2, 0) : 0,
		steered ? measure(parent_dev, vmac, 2, 1) : 0,
		measure(parent_dev, own, 1, 0),
		measure(parent_dev, own, 1, 1),
		measure(other_dev, other_dev->dev_addr, 3, 0),
	};

	print(name, cells);
}

static int row_ingress(const char *name, nf_hookfn *hook)
{
	struct nf_hook_ops ops = {
		.hook = hook,
		.dev = parent_dev,
		.pf = NFPROTO_NETDEV,
		.hooknum = NF_NETDEV_INGRESS,
	};
	int err = nf_register_net_hook(&init_net, &ops);

	if (err)
		return err;
	row(name, true);
	nf_unregister_net_hook(&init_net, &ops);
	synchronize_net();
	return 0;
}

static int row_rx_handler(const char *name)
{
	int err;

	rtnl_lock();
	err = netdev_rx_handler_register(parent_dev, rx_handler, NULL);
	rtnl_unlock();
	if (err)
		return err;
	row(name, true);
	rtnl_lock();
	netdev_rx_handler_unregister(parent_dev);
	rtnl_unlock();
	return 0;
}

/* Two instructions a turn, if a nanosecond is an instruction: no timer reaches one of the tries. */
static int calibrate(void)
{
	unsigned long turns;
	int try, best = INT_MAX;
	u64 begin;

	for (try = 0; try < 100; try++) {
		turns = 50000;
		begin = ktime_get_ns();
		asm volatile("1: dec %0; jnz 1b" : "+r"(turns));
		best = min_t(u64, best, ktime_get_ns() - begin);
	}
	return best;
}

static int __init rxhook_init(void)
{
	int arrived[CELLS] = {};
	int err = -ENODEV;

	parent_dev = dev_get_by_name(&init_net, parent);
	upper_dev = dev_get_by_name(&init_net, upper);
	other_dev = dev_get_by_name(&init_net, other);
	if (!parent_dev || !upper_dev || !other_dev)
		goto out;
	err = inet_add_protocol(&consumer, PROTO);
	if (err)
		goto out;
	RCU_INIT_POINTER(by_vhid[vmac[5]], upper_dev);

	snprintf(table, sizeof(table),
		 "100000 instructions last %d ns\n%-38s%9s%9s%9s%9s%9s\n", calibrate(), "",
		 "vMAC", "lists", "own MAC", "lists", "other");
	row("no hook", false);
	arrived[0] = measure(upper_dev, vmac, 2, 0);
	arrived[1] = measure(upper_dev, vmac, 2, 1);
	print("no hook, arriving on the upper device", arrived);
	err = row_rx_handler("rx_handler") ?:
	      row_ingress("ingress, netif_receive_skb()", ingress_again) ?:
	      row_ingress("ingress, netif_receive_skb_core()", ingress_core) ?:
	      row_ingress("ingress, in place", ingress_in_place);

	inet_del_protocol(&consumer, PROTO);
out:
	dev_put(parent_dev);
	dev_put(upper_dev);
	dev_put(other_dev);
	return err;
}

static void __exit rxhook_exit(void)
{
}

module_init(rxhook_init);
module_exit(rxhook_exit);
MODULE_DESCRIPTION("Measures the cost of receive hooks");
MODULE_LICENSE("GPL");
