// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/rculist.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "helpers.h"

/* The first namespace if @net is NULL. */
struct net *carp_next_net_rcu(struct net *net)
{
	struct list_head *at = net ? &net->list : &net_namespace_list;

	return list_next_or_null_rcu(&net_namespace_list, at, struct net, list);
}

struct net *carp_maybe_get_net(struct net *net)
{
	return maybe_get_net(net);
}

void carp_put_net(struct net *net)
{
	put_net(net);
}
