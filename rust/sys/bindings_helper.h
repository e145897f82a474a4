/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads: the kernel's headers, our contract with user space, our helpers. */
#include <linux/hrtimer_types.h> /* first: bindgen takes another layout when it comes later */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_netdev.h>
#include <linux/reboot.h>
#include <linux/rtnetlink.h>
#include <linux/sort.h>
#include <net/addrconf.h>
#include <net/arp.h>
#include <net/fib_notifier.h>
#include <net/genetlink.h>
#include <net/l3mdev.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#include <crypto/sha1.h>
#include <if_carp.h>
#include "helpers.h"

/* A macro made of enumerators, which bindgen evaluates only in this form. */
const unsigned int RUST_CONST_HELPER_NL_VALIDATE_STRICT = NL_VALIDATE_STRICT;
