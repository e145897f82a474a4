/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints of the carp module: /sys/kernel/tracing/events/carp. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM carp

#if !defined(CARP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CARP_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(carp_op,
	TP_PROTO(const struct carp_op *op),
	TP_ARGS(op),
	TP_STRUCT__entry(
		__string(group, op->group->name)
		__string(kind, op->kind)
		__string(origin, op->origin)
		__field(u8, vhid)
		__field(u64, queued_ns)
	),
	TP_fast_assign(
		__assign_str(group);
		__assign_str(kind);
		__assign_str(origin);
		__entry->vhid = op->vhid;
		__entry->queued_ns = op->queued_ns;
	),
	TP_printk("group=%s kind=%s origin=%s vhid=%u queued_ns=%llu", __get_str(group),
		  __get_str(kind), __get_str(origin), __entry->vhid, __entry->queued_ns)
);

#define CARP_OP(name) DEFINE_EVENT(carp_op, name, TP_PROTO(const struct carp_op *op), TP_ARGS(op))

CARP_OP(carp_op_start);
/* A request becomes a part of the operation under way, and finishes with it. */
CARP_OP(carp_op_fold);
CARP_OP(carp_op_park);
CARP_OP(carp_op_resume);
CARP_OP(carp_op_finish);

TRACE_EVENT(carp_if_swap,
	TP_PROTO(const struct net_device *parent, u64 generation, size_t vhosts),
	TP_ARGS(parent, generation, vhosts),
	TP_STRUCT__entry(
		__string(parent, parent->name)
		__field(u64, generation)
		__field(size_t, vhosts)
	),
	TP_fast_assign(
		__assign_str(parent);
		__entry->generation = generation;
		__entry->vhosts = vhosts;
	),
	TP_printk("parent=%s generation=%llu vhosts=%zu", __get_str(parent), __entry->generation,
		  __entry->vhosts)
);

TRACE_EVENT(carp_if_free,
	TP_PROTO(const struct net_device *parent, size_t snapshots),
	TP_ARGS(parent, snapshots),
	TP_STRUCT__entry(
		__string(parent, parent->name)
		__field(size_t, snapshots)
	),
	TP_fast_assign(
		__assign_str(parent);
		__entry->snapshots = snapshots;
	),
	TP_printk("parent=%s snapshots=%zu", __get_str(parent), __entry->snapshots)
);

TRACE_EVENT(carp_parent_address,
	TP_PROTO(const struct net_device *parent),
	TP_ARGS(parent),
	TP_STRUCT__entry(
		__string(parent, parent->name)
		__array(u8, address, ETH_ALEN)
	),
	TP_fast_assign(
		__assign_str(parent);
		ether_addr_copy(__entry->address, parent->dev_addr);
	),
	TP_printk("parent=%s address=%pM", __get_str(parent), __entry->address)
);

TRACE_EVENT(carp_state,
	TP_PROTO(const struct net_device *device, u8 from, u8 to, u8 reason),
	TP_ARGS(device, from, to, reason),
	TP_STRUCT__entry(
		__string(device, device->name)
		__field(u8, from)
		__field(u8, to)
		__field(u8, reason)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->from = from;
		__entry->to = to;
		__entry->reason = reason;
	),
	TP_printk("device=%s from=%s to=%s reason=%s", __get_str(device),
		  __print_symbolic(__entry->from, { 0, "INIT" }, { 1, "BACKUP" }, { 2, "MASTER" }),
		  __print_symbolic(__entry->to, { 0, "INIT" }, { 1, "BACKUP" }, { 2, "MASTER" }),
		  __print_symbolic(__entry->reason,
				   { CARP_REASON_NONE, "none" },
				   { CARP_REASON_STARTED, "started" },
				   { CARP_REASON_DEVICE_DOWN, "device-down" },
				   { CARP_REASON_PARENT_DOWN, "parent-down" },
				   { CARP_REASON_NO_ADDRESS, "no-address" },
				   { CARP_REASON_MASTER_TIMEOUT, "master-timeout" },
				   { CARP_REASON_MASTER_LEAVING, "master-leaving" },
				   { CARP_REASON_PREEMPT, "preempt" },
				   { CARP_REASON_PEER_DEMOTED, "peer-demoted" },
				   { CARP_REASON_BETTER_MASTER, "better-master" },
				   { CARP_REASON_REQUESTED, "requested" },
				   { CARP_REASON_AT_REST, "at-rest" },
				   { CARP_REASON_RESUMED, "resumed" }))
);

#endif /* CARP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
