#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Joining and leaving a group of devices is an operation of both groups.
#
#                          a
#         eth0           eth1           eth2
#      192.0.2.11     192.0.2.12     192.0.2.13
#       a1, vhid 1     a2, vhid 2     a3, vhid 3
#          |              |              |
#          +--------------+--------------+      sw: br0
#
# Asserted: while an operation of one group is parked, joining it waits, whichever
# side asks, and what is asked of the joining parent behind that waits as well; it is
# accepted at once; a third parent goes on; released, all end, in the order of
# asking, and the trace shows the joining for both. The same for leaving. Who only
# hung together by a parent that leaves is separate again. Parents that join each
# other at the same time, again and again, with operations that park between, end as
# asked last.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	joins_what_is_parked
	is_joined_while_parked
	each_other
	leaves
	separated
	joins_and_leaves
"

nodes() {
	local number
	setup_ns a
	for number in 0 1 2; do
		lan_link a "eth$number" "to_a$number" "192.0.2.1$((number + 1))"
		vhosts "$a" a "eth$number" $((number + 1)) $((number + 1)) advbase 0 advskew 51
	done
	defer delete_nodes
	all_become "$a" master 3
	trace_on carp
}

delete_nodes() {
	local number
	for number in 0 1 2; do
		ip -n "$sw" link del "to_a$number" 2>/dev/null
	done
	cleanup_ns "$a" 2>/dev/null
}

# set_carp DEVICE OPTION...: accepted at once.
set_carp() {
	in_time ip -n "$a" link set "$1" type carp "${@:2}"
}

# park PARENT VHID: a user inside, and the MAC address changed, which parks.
park() {
	hold "$a" "$1" "$2"
	fresh_mac
	in_time ip -n "$a" link set "$1" address "$mac"
	wait_traced 1 "carp_op_park: group=$1 kind=parent-address "
}

group_of() {
	ip -n "$a" -j -d link show "$1" | jq -r '.[0].linkinfo.info_data.group // ""'
}

# group_is DEVICE NAME: is in it now.
group_is() {
	[ "$(group_of "$1")" = "$2" ]
	check_err $? "$1 is in the group '$(group_of "$1")' and not '$2'"
}

advskew_is() {
	[ "$(attr "$a" advskew "$1")" = "$2" ]
	check_err $? "advskew of $1 is $(attr "$a" advskew "$1") and not $2"
}

# waiting_is PARENT N
waiting_is() {
	debugfs_is "$(debugfs_of "$a" "$1")" waiting "$2"
	check_err $? "$1: $(tr '\n' ';' <"$(debugfs_of "$a" "$1")"), and not $2 waiting"
}

# traced_in_order PATTERN...: the trace has them, one behind the other.
traced_in_order() {
	local pattern line last=0
	for pattern; do
		line=$(grep -nE "$pattern" "$trace/trace" | cut -d: -f1 | awk -v last="$last" '$1 > last { print; exit }')
		[ -n "$line" ]
		check_err $? "the trace has no '$pattern' behind what must be before it"
		last=${line:-$last}
	done
}

# wait_idle PARENT...
wait_idle() {
	local parent
	sync_carp "$a"
	for parent; do
		debugfs_becomes "$(debugfs_of "$a" "$parent")" current none
		waiting_is "$parent" 0
	done
}

joins_what_is_parked()
{
	RET=0
	nodes
	set_carp a2 group wan
	park eth1 2
	echo >"$trace/trace"
	set_carp a1 group wan
	set_carp a1 advskew 7
	group_is a1 ""
	advskew_is a1 51
	# Both are one.
	waiting_is eth0 1
	waiting_is eth1 1
	set_carp a3 advskew 9
	advskew_is a3 9
	fresh_mac
	ip -n "$a" link set eth2 address "$mac"
	wait_traced 1 "carp_op_finish: group=eth2 kind=parent-address "
	debugfs_is "$(debugfs_of "$a" eth1)" current "parent-address event vhid 0 parked"
	check_err $? "it is not parked any more"
	release "$a" eth1 2
	wait_idle eth0 eth1
	group_is a1 wan
	advskew_is a1 7
	traced_in_order "carp_op_finish: group=eth1 kind=parent-address " \
		"carp_op_start: group=eth0 kind=configure origin=request vhid=1 " \
		"carp_op_start: group=eth1 kind=configure origin=request vhid=1 " \
		"carp_op_finish: group=eth0 kind=configure origin=request vhid=1 " \
		"carp_op_finish: group=eth1 kind=configure origin=request vhid=1 "
	end_test "joining waits for what is parked in the other group, in order"
}

is_joined_while_parked()
{
	RET=0
	nodes
	set_carp a2 group wan
	park eth0 1
	echo >"$trace/trace"
	set_carp a1 group wan
	group_is a1 ""
	# Not a part of it yet.
	set_carp a2 advskew 8
	advskew_is a2 8
	release "$a" eth0 1
	wait_idle eth0 eth1
	group_is a1 wan
	traced_in_order "carp_op_finish: group=eth0 kind=parent-address " \
		"carp_op_start: group=eth1 kind=configure origin=request vhid=1 " \
		"carp_op_finish: group=eth1 kind=configure origin=request vhid=1 "
	end_test "joining waits for what is parked in its own group"
}

each_other()
{
	RET=0
	nodes
	set_carp a1 group one
	set_carp a2 group two
	park eth0 1
	park eth1 2
	set_carp a1 group two
	set_carp a2 group one
	set_carp a1 advskew 7
	set_carp a2 advskew 8
	release "$a" eth1 2
	wait_traced 1 "carp_op_finish: group=eth1 kind=parent-address "
	release "$a" eth0 1
	wait_idle eth0 eth1
	group_is a1 two
	group_is a2 one
	advskew_is a1 7
	advskew_is a2 8
	# They have passed each other.
	park eth0 1
	set_carp a2 advskew 9
	advskew_is a2 9
	release "$a" eth0 1
	wait_idle eth0
	all_become "$a" master 3
	end_test "two that join each other do not wait for each other"
}

leaves()
{
	RET=0
	nodes
	set_carp a1 group wan
	set_carp a2 group wan
	park eth1 2
	echo >"$trace/trace"
	set_carp a1 group ''
	set_carp a1 advskew 7
	group_is a1 wan
	advskew_is a1 51
	release "$a" eth1 2
	wait_idle eth0 eth1
	group_is a1 ""
	advskew_is a1 7
	traced_in_order "carp_op_finish: group=eth1 kind=parent-address " \
		"carp_op_start: group=eth0 kind=configure origin=request vhid=1 " \
		"carp_op_start: group=eth1 kind=configure origin=request vhid=1 " \
		"carp_op_finish: group=eth1 kind=configure origin=request vhid=1 "
	park eth1 2
	set_carp a1 advskew 9
	advskew_is a1 9
	release "$a" eth1 2
	wait_idle eth1
	end_test "leaving waits for what is parked, and then it is alone"
}

separated()
{
	RET=0
	local device
	nodes
	# a1 and a3 hang together by eth1 alone.
	ip -n "$a" link add b2 link eth1 type carp vhid 22 pass secret group lan
	ip -n "$a" link set b2 up
	set_carp a1 group wan
	set_carp a2 group wan
	set_carp a3 group lan
	park eth0 1
	set_carp a3 advskew 7
	advskew_is a3 51
	release "$a" eth0 1
	wait_idle eth0 eth1 eth2
	advskew_is a3 7
	ip -n "$a" link del a2
	ip -n "$a" link del b2
	wait_idle eth0 eth2
	park eth0 1
	set_carp a3 advskew 8
	advskew_is a3 8
	release "$a" eth0 1
	wait_idle eth0
	end_test "who hangs together by others shares a queue, until those go"
}

joins_and_leaves()
{
	RET=0
	nodes
	timeout 300 python3 -S "$storms/join_and_leave.py" "$a" "${STORM_SECONDS:-20}" "${STORM_SEED:-$RANDOM}"
	check_err $? "see above"
	parks_traced
	all_become "$a" master 3
	end_test "joining and leaving at full speed"
}

setup_ns sw
ip -n "$sw" link add br0 up type bridge mcast_snooping 0
run_tests
