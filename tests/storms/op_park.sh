#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A change of the parent's MAC address while somebody is inside a virtual host.
#
#                        a
#            eth0                  eth1
#       192.0.2.11            198.51.100.11
#       a1 ... a4             c1
#            |                     |
#            +---------------------+      sw: br0
#
# Asserted: the operation parks, and holds up nobody but its own group; what is
# asked of that group meanwhile is accepted and waits, and is applied in the order
# of asking once the user is gone, each as an operation of its own or folded into the
# one before it; what is asked again of the same is merged with what waits, and changes
# of vhids share one rest; none is lost if the devices are set down meanwhile; `carp sync`
# returns then and not before, and holds up nobody meanwhile; a parked operation does not keep its devices, their
# namespace or the module from going.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	requests_wait
	no_overtaking
	asked_again
	syncs
	device_down
	all_down
	device_gone
	parent_gone
	namespace_gone
	module_gone
"

nodes() {
	setup_ns a
	lan_link a eth0 to_a0 192.0.2.11
	lan_link a eth1 to_a1 198.51.100.11
	defer delete_nodes
	vhosts "$a" a eth0 1 4 advbase 0 advskew 51
	ip -n "$a" link add c1 link eth1 type carp vhid 1 pass secret advbase 0 advskew 51
	ip -n "$a" addr add 198.51.100.1/32 dev c1
	ip -n "$a" link set c1 up
	check_err $? "c1 could not be set up"
	all_become "$a" master 5
	trace_on carp
}

delete_nodes() {
	ip -n "$sw" link del to_a0 2>/dev/null
	ip -n "$sw" link del to_a1 2>/dev/null
	cleanup_ns "$a" 2>/dev/null
}

# park: a user in vhid 3, and the MAC address of eth0 changed, which parks.
park() {
	file=$(debugfs_of "$a" eth0)
	hold "$a" eth0 3
	fresh_mac
	in_time ip -n "$a" link set eth0 address "$mac"
	debugfs_becomes "$file" current "parent-address event vhid 0 parked"
	wait_traced 1 "carp_op_park: group=eth0 kind=parent-address "
}

waiting() {
	sed -n 's/^waiting //p' "$file"
}

# started PARENT: "KIND vhid=N" of what has started or was folded into what had, in order; a carrier's
# news are no request.
started() {
	sed -nE "s/.* carp_op_(start|fold): group=$1 kind=([^ ]*) origin=[^ ]* (vhid=[0-9]*) .*/\2 \3/p" \
		"$trace/trace" | grep -v '^parent-state\|^parent-limits'
}

requests_wait()
{
	RET=0
	local before adverts order syncing
	nodes
	park
	debugfs_is "$file" at_rest yes
	check_err $? "the group is not at rest"
	grep -qE '^vhost 3 a3 [a-zA-Z]+ users 1$' "$file" ||
		fail "debugfs does not show the user: $(tr '\n' ';' <"$file")"
	stays "$a" init a3
	has_attr "$a" reason at-rest a3
	[[ $(ip -n "$a" -o link show a3) == *[,\<]UP[,\>]* ]]
	check_err $? "a3 is not up"
	end_test "it parks, and the devices keep IFF_UP"

	RET=0
	adverts=$(attr "$a" tx_adverts c1)
	fresh_mac
	ip -n "$a" link set eth1 address "$mac"
	wait_traced 1 "carp_op_finish: group=eth1 kind=parent-address "
	ip -n "$a" link set c1 type carp advskew 40
	wait_traced 1 "carp_op_finish: group=eth1 kind=configure "
	has_attr "$a" advskew 40 c1
	stays "$a" master c1
	busywait "$BUSYWAIT_TIMEOUT" has_sent c1 $((adverts + 5))
	check_err $? "c1 sends no adverts"
	debugfs_is "$file" current "parent-address event vhid 0 parked"
	check_err $? "the first group did not stay parked"
	end_test "another group goes on meanwhile"

	RET=0
	before=$(waiting)
	in_time ip -n "$a" link set a1 type carp advskew 7
	in_time ip -n "$a" addr add 192.0.2.101/32 dev a2
	in_time ip -n "$a" link add a9 link eth0 type carp vhid 9
	in_time ip -n "$a" link set a9 up
	in_time ip -n "$a" link set a4 type carp advskew 9
	fresh_mac
	in_time ip -n "$a" link set eth0 address "$mac"
	(($(waiting) - before == 5)) ||
		fail "$(waiting) wait after five requests, and $before before"
	has_attr "$a" advskew 51 a1
	has_attr "$a" advskew 51 a4
	# In the background, so that it is asked before the release.
	{
		ip netns exec "$a" carp sync 60
		echo "$? $EPOCHREALTIME" >"$tmp/synced"
	} &
	syncing=$!
	! ip netns exec "$a" carp sync 1 2>/dev/null
	check_err $? "carp sync did not wait"
	[ ! -s "$tmp/synced" ] ||
		fail "carp sync did not wait: $(cat "$tmp/synced" 2>/dev/null)"
	debugfs_is "$file" current "parent-address event vhid 0 parked"
	check_err $? "it is not parked any more"
	end_test "what is asked meanwhile returns at once, and waits"

	RET=0
	release "$a" eth0 3
	wait_traced 1 "carp_op_resume: group=eth0 kind=parent-address "
	wait "$syncing"
	[[ $(cat "$tmp/synced") == "0 "* ]] ||
		fail "carp sync ended with $(cat "$tmp/synced")"
	order=$(started eth0 | grep -v '^sync\|^leave' | tr '\n' ',')
	[ "$order" = "parent-address vhid=0,configure vhid=1,addresses vhid=2,join vhid=9,configure vhid=4,parent-address vhid=0," ]
	check_err $? "they started in the order $order"
	has_attr "$a" advskew 7 a1
	has_attr "$a" advskew 9 a4
	python3 -S "$storms/check_order.py" "$trace/trace" eth0 "$(cut -d' ' -f2 "$tmp/synced")"
	check_err $? "see above"
	debugfs_becomes "$file" current none
	debugfs_is "$file" waiting 0
	check_err $? "some still wait"
	debugfs_is "$file" at_rest no
	check_err $? "the group is still at rest"
	ip -n "$a" addr add 192.0.2.9/32 dev a9
	all_become "$a" master 6
	end_test "released: all are applied, in order, and carp sync returns"
}

# has_sent DEVICE N
has_sent() {
	(($(attr "$a" tx_adverts "$1") >= $2))
}

no_overtaking()
{
	RET=0
	nodes
	file=$(debugfs_of "$a" eth0)
	python3 -S "$storms/overtake.py" "$a" eth0 "$file" "${STORM_ROUNDS:-30}"
	check_err $? "see above"
	end_test "a request does not overtake those that wait"
}

# set_carp DEVICE OPTION...: accepted at once.
set_carp() {
	in_time ip -n "$a" link set "$1" type carp "${@:2}"
}

# waits_for N WHAT: so many operations wait, WHAT having been asked for.
waits_for() {
	debugfs_is "$file" waiting "$1" ||
		fail "$(waiting) wait and not $1 after $2: $(tr '\n' ';' <"$file")"
}

# lets_in VHID: the parent lets in frames to its virtual MAC address.
lets_in() {
	bridge -n "$a" fdb show dev eth0 | grep -qi "00:00:5e:00:01:$(printf %02x "$1")"
}

asked_again()
{
	RET=0
	local number found
	nodes
	park
	# The carrier's news.
	sleep 0.2
	found=$(waiting)
	for number in 1 2 3; do
		set_carp a1 advskew "$number" demotion $((number * 10))
		set_carp a1 grace "$number"
		set_carp a1 vhid $((76 + number))
		set_carp a2 vhid $((86 + number))
		set_carp a3 vhid $((96 + number))
		in_time ip -n "$a" addr add "192.0.2.10$number/32" dev a2
		fresh_mac
		in_time ip -n "$a" link set eth0 address "$mac"
	done
	waits_for $((found + 6)) "settings, vhids and addresses again and again"
	set_carp a4 state backup
	set_carp a4 vhid 44
	set_carp a4 state master
	set_carp a4 vhid 4
	waits_for $((found + 8)) "a state and a vhid twice"
	in_time ip -n "$a" link add a9 link eth0 type carp vhid 77
	check_err $? "vhid 77 is nobody's any more"
	! ip -n "$a" link add a10 link eth0 type carp vhid 79 2>/dev/null
	check_err $? "vhid 79 will be that of a1"
	for number in 1 2 3; do
		in_time ip -n "$a" link set a9 up
		waits_for $((found + 9)) "a9 set up"
		in_time ip -n "$a" link set a9 down
		waits_for $((found + 8)) "a9 set down"
	done
	in_time ip -n "$a" link del a9
	echo >"$trace/trace"
	release "$a" eth0 3
	sync_carp "$a"
	for number in 1 2 3; do
		has_attr "$a" vhid "$((number * 10 + 69))" "a$number"
		lets_in $((number * 10 + 69))
		check_err $? "the parent does not hear the new vhid of a$number"
	done
	has_attr "$a" advskew 3 a1
	has_attr "$a" demotion 30 a1
	has_attr "$a" grace 3 a1
	has_attr "$a" vhid 4 a4
	for number in 77 78 87 88 97 98 44 1 2 3; do
		! lets_in "$number"
		check_err $? "the parent still hears vhid $number"
	done
	found=$(ip -n "$a" -4 -o addr show dev a2 | grep -c '192.0.2.10[123]/32')
	[ "$found" = 3 ]
	check_err $? "$found of three addresses are there"
	# Nobody else wants to be it.
	all_become "$a" master 5
	end_test "what is asked again is merged with what waits"

	RET=0
	found=$(grep -oE "to=INIT reason=device-down" "$trace/trace" | wc -l)
	[ "$found" = 3 ]
	check_err $? "$found virtual hosts were brought down, and not three"
	grep -E "carp_op_(start|fold): group=eth0 kind=vhid |carp_if_swap" "$trace/trace" >"$tmp/vhids"
	grep -qE "carp_if_swap: parent=eth0 generation=[0-9]+ vhosts=1$" "$tmp/vhids" ||
		fail "not all three were taken out at once: $(tr '\n' ';' <"$tmp/vhids")"
	found=$(finished eth0 vhid)
	[ "$found" = 1 ] ||
		fail "there were $found operations on vhids: $(tr '\n' ';' <"$tmp/vhids")"
	[ "$(traced "carp_op_fold: group=eth0 kind=vhid ")" = 3 ] ||
		fail "three did not go along: $(tr '\n' ';' <"$tmp/vhids")"
	end_test "several vhids share one rest"
}

# sync_waits: the background process that is waiting for a parked group, as syncing.
sync_waits() {
	ip netns exec "$a" carp sync 60 &
	syncing=$!
	debugfs_becomes "$file" next "sync request vhid 0"
	# It is the program that waits, and not the kernel with a lock of all of generic netlink.
	busywait "$BUSYWAIT_TIMEOUT" has_said "/proc/$syncing/stack" poll ||
		fail "carp sync waits in $(tr '\n' ';' <"/proc/$syncing/stack")"
}

syncs()
{
	RET=0
	local syncing
	nodes
	park
	sync_waits
	if modprobe -nq fou; then
		# It has a family of its own.
		in_time modprobe fou
		in_time modprobe -r fou
	fi
	kill -0 "$syncing"
	check_err $? "carp sync has ended"
	kill_process "$syncing"
	python3 -S "$storms/syncs.py" "$a" "$file" 3
	check_err $? "see above"
	end_test "many wait with carp sync, and keep nobody waiting"
}

device_down()
{
	RET=0
	nodes
	park
	in_time ip -n "$a" link set a3 down
	wait_traced 1 "carp_op_finish: group=eth0 kind=parent-address "
	sync_carp "$a"
	all_become "$a" master 4
	ip -n "$a" link set a3 up
	all_become "$a" master 5
	end_test "its device set down: the operation goes on"
}

all_down()
{
	RET=0
	local device
	nodes
	park
	in_time ip -n "$a" link set a1 type carp advskew 7 vhid 77
	in_time ip -n "$a" link set a2 type carp advskew 8
	for device in a1 a2 a3 a4; do
		in_time ip -n "$a" link set "$device" down
	done
	wait_traced 1 "carp_op_finish: group=eth0 kind=parent-address "
	sync_carp "$a"
	has_attr "$a" advskew 7 a1
	has_attr "$a" vhid 77 a1
	has_attr "$a" advskew 8 a2
	for device in a1 a2 a3 a4; do
		ip -n "$a" link set "$device" up
	done
	all_become "$a" master 5
	end_test "all devices set down: no request is lost"
}

device_gone()
{
	RET=0
	nodes
	park
	in_time ip -n "$a" link del a3
	wait_traced 1 "carp_op_finish: group=eth0 kind=parent-address "
	sync_carp "$a"
	all_become "$a" master 4
	! grep -q '^vhost 3 ' "$file"
	check_err $? "debugfs still shows vhid 3"
	end_test "its device deleted: the operation goes on"
}

# ask_meanwhile: some that wait, so that there is something to be lost.
ask_meanwhile() {
	ip -n "$a" link set a1 type carp advskew 7
	ip -n "$a" addr add 192.0.2.101/32 dev a2
	fresh_mac
	ip -n "$a" link set eth0 address "$mac"
}

parent_gone()
{
	RET=0
	nodes
	park
	ask_meanwhile
	in_time ip -n "$a" link del eth0
	[ "$(states "$a")" = "c1 master" ] ||
		fail "left: $(states "$a" | tr '\n' ' ')"
	busywait "$BUSYWAIT_TIMEOUT" gone "$file"
	check_err $? "debugfs still shows the parent"
	sync_carp "$a" 10
	end_test "the parent deleted: everything goes"
}

namespace_gone()
{
	RET=0
	local syncing
	nodes
	park
	ask_meanwhile
	sync_waits
	kill_process "$syncing"
	ip netns del "$a"
	busywait "$BUSYWAIT_TIMEOUT" port_gone to_a0
	check_err $? "the namespace is not taken down"
	busywait "$BUSYWAIT_TIMEOUT" gone "$file"
	check_err $? "debugfs still shows the parent"
	in_time rmmod carp
	modprobe carp
	end_test "the namespace deleted: everything goes"
}

module_gone()
{
	RET=0
	local syncing
	nodes
	park
	ask_meanwhile
	sync_waits
	in_time rmmod carp
	wait "$syncing"
	check_err $? "carp sync failed as the module went"
	[ -z "$(ip -n "$a" -o link show type carp 2>/dev/null)" ]
	check_err $? "carp devices are left"
	gone /sys/kernel/debug/carp
	check_err $? "debugfs is left"
	! ip -n "$a" maddr show dev eth0 | grep -q 224.0.0.18
	check_err $? "the parent is still a member of CARP's group"
	modprobe carp
	vhosts "$a" a eth0 1 4 advbase 0 advskew 51
	all_become "$a" master 4
	end_test "the module removed: everything goes, and works again"
}

gone() {
	[ ! -e "$1" ]
}

port_gone() {
	! ip -n "$sw" link show "$1" >/dev/null 2>&1
}

setup_ns sw
ip -n "$sw" link add br0 up type bridge mcast_snooping 0
run_tests
