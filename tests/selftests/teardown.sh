#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The end of a carp device, in all ways there are, under traffic.
#
#       client           a: MASTER          b: BACKUP
#     192.0.2.10      192.0.2.11         192.0.2.12
#     ping -f         carp0              carp0
#          +--------------+------------------+      sw: br0
#
# Asserted: when carp0 of A, its parent, its namespace or the module is removed, or
# the parent is moved to another namespace, carp0 is gone with it and nothing of it
# stays. In each of these cases, and when the parent or the device below it is set
# down, the peer hears a leaving advert and takes over; but where the wire goes first,
# it waits. (The runner looks for reports in the kernel log.)

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	device
	parent
	parent_down
	below_down
	parent_moves
	namespace
	module
	again_and_again
	with_many_addresses
"

under_traffic() {
	lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51
	hears "$b" 2
	ip netns exec "$client" ping -q -f "$vip" >/dev/null 2>&1 &
	defer kill_process $!
	ip netns exec "$client" ping -q -f -b 192.0.2.255 >/dev/null 2>&1 &
	defer kill_process $!
	pings "$client" "$vip"
}

no_carp0() {
	ip -n "$1" link show carp0 >/dev/null 2>&1
	check_fail $? "carp0 is still there"
}

peer_takes_over() {
	becomes "$b" master
	attr_is "$b" reason "$1"
	pings "$client" "$vip"
}

device()
{
	RET=0
	under_traffic
	ip -n "$a" link del carp0
	no_carp0 "$a"
	peer_takes_over master-leaving
	pings "$client" 192.0.2.11
	nothing_is_left
	end_test "the device is deleted"
}

parent()
{
	RET=0
	under_traffic
	ip -n "$a" link del eth0
	no_carp0 "$a"
	# A veth forgets its other end before anybody is told.
	becomes "$b" master
	pings "$client" "$vip"
	nothing_is_left
	end_test "the parent is deleted, and the wire with it"
}

parent_down()
{
	RET=0
	under_traffic
	ip -n "$a" link set eth0 down
	peer_takes_over master-leaving
	attr_is "$a" reason parent-down
	ip -n "$a" link set eth0 up
	becomes "$a" backup
	nothing_is_left
	end_test "the parent is set down"
}

below_down()
{
	RET=0
	lan a=192.0.2.11 b=192.0.2.12
	local node ns binding
	for node in a b; do
		ns=${!node}
		ip -n "$ns" link add vlan5 link eth0 up type vlan id 5
		ip -n "$ns" link add carp0 link vlan5 type carp vhid 1 pass secret advbase 0 advskew 26
		ip -n "$ns" addr add "$vip/32" dev carp0
		ip -n "$ns" link set carp0 up
		carp_del_later "$ns"
		[ "$node" = b ] || becomes "$a" master
	done
	for binding in off on; do
		ip -n "$a" link set vlan5 type vlan loose_binding "$binding"
		hears "$b" 2
		stays "$b" backup
		ip -n "$a" link set eth0 down
		becomes "$b" master
		attr_is "$b" reason master-leaving
		attr_is "$a" state init
		ip -n "$a" link set eth0 up
		busywait "$BUSYWAIT_TIMEOUT" hands_over
		check_err $? "$binding: A does not come back"
	done
	end_test "the device below the parent, a VLAN, is set down"
	hears "$b" 2
	ip -n "$a" link del vlan5
	no_carp0 "$a"
	becomes "$b" master
	attr_is "$b" reason master-leaving
	end_test "the parent, a VLAN, is deleted"
}

# B to A, as soon as A runs.
hands_over() {
	ip -n "$a" link set carp0 type carp state master 2>/dev/null
	state_is "$a" master && state_is "$b" backup
}

parent_moves()
{
	RET=0
	under_traffic
	setup_ns c
	ip -n "$a" link set eth0 netns "$c"
	check_err $? "the parent cannot be moved"
	no_carp0 "$a"
	no_carp0 "$c"
	peer_takes_over master-leaving
	ip -n "$c" addr add 192.0.2.11/24 dev eth0
	ip -n "$c" link set eth0 up
	carp_add "$c" advbase 0 advskew 26 preempt on
	becomes "$c" master
	becomes "$b" backup
	nothing_is_left
	end_test "the parent is moved to another namespace"
}

namespace()
{
	RET=0
	under_traffic
	cleanup_ns "$a"
	a=''
	peer_takes_over master-leaving
	nothing_is_left
	end_test "the namespace is deleted"
}

module()
{
	RET=0
	under_traffic
	capture "$client" eth0 all ip proto 112
	# As many transitions as possible are on the way.
	ip -n "$a" link set carp0 type carp advskew 0
	modprobe -r carp
	check_err $? "the module cannot be removed"
	! grep -q '^carp ' /proc/modules
	check_err $? "the module is still there"
	no_carp0 "$a"
	no_carp0 "$b"
	pings "$client" 192.0.2.11
	capture_end all
	# The one that was MASTER; the other may have followed it for a moment.
	(($(packets all "ip[20] = 0x21 and ip[22] = 255 and ip[25] = 255 and src host 192.0.2.11") == 1))
	check_err $? "there was no leaving advert"
	modprobe carp
	check_err $? "the module cannot be loaded again"
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	pings "$client" "$vip"
	nothing_is_left
	end_test "the module is removed, and comes back"
}

again_and_again()
{
	RET=0
	local round
	under_traffic
	for round in 1 2 3 4 5 6 7 8; do
		ip -n "$a" link del carp0
		ip -n "$a" link add carp0 link eth0 type carp vhid 1 pass secret advbase 0 advskew 0 preempt on
		ip -n "$a" addr add "$vip/32" dev carp0
		ip -n "$a" link set carp0 up
		((round % 2)) || becomes "$a" master
	done
	becomes "$a" master
	becomes "$b" backup
	pings "$client" "$vip"
	end_test "the device is deleted and made again and again"
}

# As the device goes down, the kernel takes away the very routes that carp takes away.
with_many_addresses()
{
	RET=0
	local lines round
	setup_ns a
	ip -n "$a" link add eth0 up type dummy
	lines=$(dmesg | wc -l)
	carp_add "$a" advbase 0 advskew 0
	printf 'addr add 2001:db8::%x/128 dev carp0\n' {1..200} | ip -n "$a" -batch -
	check_err $? "addresses are refused"
	for round in 1 2 3 4 5 6; do
		becomes "$a" master
		busywait "$BUSYWAIT_TIMEOUT" routed
		check_err $? "there are no routes"
		ip -n "$a" link set carp0 down
		ip -n "$a" link set carp0 up
	done
	becomes "$a" master
	cleanup_ns "$a"
	a=''
	! dmesg | tail -n +$((lines + 1)) | grep 'is refused'
	check_err $? "the log says that a route was refused"
	end_test "routes go as the kernel takes them away"
}

# The last of them has its route.
routed() {
	[[ $(ip -n "$a" -6 route show table local) == *" 2001:db8::c8 "* ]]
}

run_tests
