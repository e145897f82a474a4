// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>
#include "helpers.h"

/* An answer without attributes, of the command that is answered; NULL: out of memory. */
struct sk_buff *carp_genl_reply(struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(0, GFP_KERNEL);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put_reply(skb, info, info->family, 0, info->genlhdr->cmd);
	if (!head) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

/* Frees @skb if nobody takes it. */
void carp_genl_send(struct net *net, struct sk_buff *skb, u32 portid)
{
	genlmsg_unicast(net, skb, portid);
}

struct nlattr *carp_nla_nest_start(struct sk_buff *skb, int type)
{
	return nla_nest_start(skb, type);
}

void carp_nla_nest_end(struct sk_buff *skb, struct nlattr *nest)
{
	nla_nest_end(skb, nest);
}

struct net *carp_newlink_net(struct rtnl_newlink_params *params)
{
	return rtnl_newlink_link_net(params);
}
