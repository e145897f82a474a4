// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/etherdevice.h>
#include <if_carp.h>
#include "helpers.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

void carp_trace_op_start(const struct carp_op *op)
{
	trace_carp_op_start(op);
}

void carp_trace_op_fold(const struct carp_op *op)
{
	trace_carp_op_fold(op);
}

void carp_trace_op_park(const struct carp_op *op)
{
	trace_carp_op_park(op);
}

void carp_trace_op_resume(const struct carp_op *op)
{
	trace_carp_op_resume(op);
}

void carp_trace_op_finish(const struct carp_op *op)
{
	trace_carp_op_finish(op);
}

void carp_trace_if_swap(const struct net_device *parent, u64 generation, size_t vhosts)
{
	trace_carp_if_swap(parent, generation, vhosts);
}

void carp_trace_if_free(const struct net_device *parent, size_t snapshots)
{
	trace_carp_if_free(parent, snapshots);
}

void carp_trace_parent_address(const struct net_device *parent)
{
	trace_carp_parent_address(parent);
}

void carp_trace_state(const struct net_device *device, u8 from, u8 to, u8 reason)
{
	trace_carp_state(device, from, to, reason);
}
