#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every kind of change is an operation, which starts and finishes in the trace.
#
#            a
#     192.0.2.11
#     eth0: a1, vhid 1
#           a2, vhid 2
#            |
#            +-----      sw: br0
#
# Asserted: each change below shows a start and a finish of its kind, by whom it was
# asked for, and about whom; and the devices are what they must be behind it. A MAC
# address that cannot work is refused, another one is not.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	requests
	parent_changes
	parent_address
	parent_goes
	namespace_goes
"

nodes() {
	setup_ns a
	lan_link a eth0 to_a 192.0.2.11
	defer delete_nodes
	vhosts "$a" a eth0 1 2 advbase 0 advskew 51
	all_become "$a" master 2
	sync_carp "$a"
	trace_on carp
}

delete_nodes() {
	ip -n "$sw" link del to_a 2>/dev/null
	cleanup_ns "$a" 2>/dev/null
}

# shows "KIND origin=ORIGIN vhid=N" COMMAND...: what it does is this operation.
shows() {
	local operation="group=eth0 kind=$1 " count
	shift
	echo >"$trace/trace"
	"$@"
	check_err $? "refused: $*"
	wait_traced 1 "carp_op_(finish|fold): $operation"
	sync_carp "$a"
	cat "$trace/trace" >"$tmp/trace"
	count=$(grep -c "carp_op_start: $operation" "$tmp/trace")
	[ "$count" = "$(grep -c "carp_op_finish: $operation" "$tmp/trace")" ] ||
		fail "$*: $(operations)"
	one_at_a_time ||
		fail "$*: more than one operation at a time: $(operations)"
}

operations() {
	grep carp_op_ "$tmp/trace" | cut -c 20- | tr '\n' ';'
}

# one_at_a_time: one operation starts when the one before has finished. The trace may begin within one.
one_at_a_time() {
	awk '/carp_op_start:/ { bad += current; current = 1 }
		/carp_op_finish:/ { current = 0 }
		END { exit bad != 0 }' "$tmp/trace"
}

requests()
{
	RET=0
	nodes
	ip -n "$a" link add a3 link eth0 type carp vhid 3 pass secret
	shows "join origin=request vhid=3" ip -n "$a" link set a3 up
	shows "addresses origin=request vhid=3" ip -n "$a" addr add 192.0.2.3/32 dev a3
	shows "configure origin=request vhid=3" ip -n "$a" link set a3 type carp advbase 0 advskew 60
	shows "configure origin=request vhid=3" ip -n "$a" link set a3 type carp group wan
	shows "vhid origin=request vhid=(3|33)" ip -n "$a" link set a3 type carp vhid 33
	has_attr "$a" vhid 33 a3
	all_become "$a" master 3
	shows "sync origin=request vhid=0" ip netns exec "$a" carp sync
	shows "leave origin=event vhid=0" ip -n "$a" link set a3 down
	shows "ties origin=event vhid=0" ip -n "$a" link set a3 up
	shows "leave origin=event vhid=0" ip -n "$a" link del a3
	all_become "$a" master 2
	end_test "what is asked for: vhosts added, changed, removed"
}

parent_changes()
{
	RET=0
	nodes
	shows "parent-state origin=event vhid=0" ip -n "$a" link set eth0 down
	all_become "$a" init 2
	shows "parent-state origin=event vhid=0" ip -n "$a" link set eth0 up
	all_become "$a" master 2
	shows "parent-state origin=event vhid=0" ip -n "$sw" link set to_a down
	all_become "$a" init 2
	shows "parent-state origin=event vhid=0" ip -n "$sw" link set to_a up
	all_become "$a" master 2
	shows "parent-limits origin=event vhid=0" ip -n "$a" link set eth0 mtu 1400
	[ "$(ip -n "$a" -j link show a1 | jq '.[0].mtu')" = 1400 ]
	check_err $? "a1 has not followed its parent's MTU"
	shows "parent-limits origin=event vhid=0" ip netns exec "$a" ethtool -K eth0 tso off >/dev/null
	end_test "the parent up and down, its carrier, MTU and features"
}

parent_address()
{
	RET=0
	nodes
	fresh_mac
	shows "parent-address origin=event vhid=0" ip -n "$a" link set eth0 address "$mac"
	all_become "$a" master 2
	# That of a vhid nobody here has can work.
	shows "parent-address origin=event vhid=0" ip -n "$a" link set eth0 address 00:00:5e:00:01:09
	echo >"$trace/trace"
	ip -n "$a" link set eth0 address 00:00:5e:00:01:02 2>/dev/null
	check_fail $? "the parent may have the virtual MAC address of a2"
	! grep -q parent-address "$trace/trace"
	check_err $? "what was refused is an operation"
	[ "$(ip -n "$a" -j link show eth0 | jq -r '.[0].address')" = 00:00:5e:00:01:09 ]
	check_err $? "the parent has another address"
	all_become "$a" master 2
	end_test "the parent's MAC address, and one that cannot work"
}

parent_goes()
{
	RET=0
	nodes
	setup_ns b
	shows "parent-gone origin=event vhid=0" ip -n "$a" link set eth0 netns "$b"
	[ -z "$(states "$a")$(states "$b")" ]
	check_err $? "carp devices are left"
	end_test "the parent moved to another namespace"

	RET=0
	ip -n "$b" link set eth0 netns "$a"
	ip -n "$a" link set eth0 up
	vhosts "$a" a eth0 1 2 advbase 0 advskew 51
	all_become "$a" master 2
	ip -n "$a" link set a1 netns "$b" 2>/dev/null
	check_fail $? "a carp device was moved to another namespace"
	all_become "$a" master 2
	shows "parent-gone origin=event vhid=0" ip -n "$a" link del eth0
	[ -z "$(states "$a")" ]
	check_err $? "carp devices are left"
	end_test "the parent deleted"
}

namespace_goes()
{
	RET=0
	nodes
	echo >"$trace/trace"
	ip netns del "$a"
	wait_traced 1 "carp_op_finish: group=eth0 kind=(leave|parent-gone) origin=event vhid=0 "
	cat "$trace/trace" >"$tmp/trace"
	one_at_a_time ||
		fail "more than one operation at a time: $(operations)"
	busywait "$BUSYWAIT_TIMEOUT" gone "$sw" to_a
	check_err $? "the namespace is not taken down"
	(($(traced "device=a[12] .* to=INIT reason=device-down") == 2)) ||
		fail "not both devices went down: $(grep carp_state "$trace/trace" | tr '\n' ';')"
	end_test "the namespace deleted"
}

# gone NAMESPACE DEVICE
gone() {
	! ip -n "$1" link show "$2" >/dev/null 2>&1
}

setup_ns sw
ip -n "$sw" link add br0 up type bridge mcast_snooping 0
run_tests
