#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What happens to a parent while a carp device is on it.
#
#       client              a
#     192.0.2.10       192.0.2.11
#          |           eth0, carp0
#          +----------------+      sw: br0
#
# Asserted: down, up, carrier lost and back stop and start carp0, every time; with
# another MAC address of the parent it is MASTER again, with the virtual one, and its
# address its own meanwhile; another MTU or name leaves it MASTER, and its MTU within
# that of the parent; an advert that the parent's queue drops counts as not sent.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	down_and_up
	carrier
	mac_address
	at_rest
	mtu
	small_mtu
	jumbo
	renamed
	dropping_queue
"

down_and_up()
{
	RET=0
	local round
	for round in 1 2 3; do
		ip -n "$a" link set eth0 down
		becomes "$a" init
		attr_is "$a" reason parent-down
		ip -n "$a" link set eth0 up
		becomes "$a" master
	done
	attr_is "$a" demotion 0
	attr_is "$a" to_master 4
	pings "$client" "$vip"
	end_test "the parent goes down and up"
}

carrier()
{
	RET=0
	local before
	before=$(attr "$a" to_master)
	ip -n "$sw" link set to_a down
	becomes "$a" init
	attr_is "$a" reason parent-down
	ip -n "$sw" link set to_a up
	becomes "$a" master
	attr_is "$a" to_master $((before + 1))
	# Up and down again before anything could come of it.
	for _ in 1 2 3 4 5; do
		ip -n "$sw" link set to_a down
		ip -n "$sw" link set to_a up
	done
	becomes "$a" master
	pings "$client" "$vip"
	end_test "the parent loses its carrier and has it back"
}

unchanged_by() {
	local was
	was=$(attr "$a" changed)
	"$@"
	check_err $? "refused: $*"
	pings "$client" "$vip"
	stays "$a" master
	attr_is "$a" changed "$was"
}

carrier_changes() {
	ip netns exec "$a" cat /sys/class/net/carp0/carrier_changes
}

mac_address()
{
	RET=0
	local flaps
	flaps=$(carrier_changes)
	capture "$client" eth0 all
	ip -n "$a" link set eth0 address 02:00:00:00:00:11
	check_err $? "refused"
	becomes "$a" master
	attr_is "$a" reason resumed
	[ "$(carrier_changes)" = "$flaps" ]
	check_err $? "the carrier of carp0 was taken away"
	ip -n "$client" neigh flush all
	pings "$client" "$vip"
	pings "$client" 192.0.2.11
	capture_end all
	packets_are 0 all "src host $vip and not ether src $vmac"
	(($(packets all "ip src 192.0.2.11 and icmp and ether src 02:00:00:00:00:11") >= 1))
	check_err $? "the parent does not use its new MAC address"
	ip -n "$client" neigh show "$vip" | grep -q "lladdr $vmac "
	check_err $? "the client's neighbour is not the virtual MAC address"
	end_test "the parent gets another MAC address"
}

at_rest()
{
	RET=0
	local file
	file=/sys/kernel/debug/carp/eth0@$(stat -Lc %i "/run/netns/$a")
	echo "hold 1" >"$file"
	check_err $? "nobody can hold it"
	ip -n "$a" link set eth0 address 02:00:00:00:00:13
	busywait "$BUSYWAIT_TIMEOUT" has_said "$file" parked
	check_err $? "the operation is not parked"
	stays "$a" init
	attr_is "$a" reason at-rest
	# Whoever takes the routes away needs a moment.
	sleep $((1 * slow))
	[[ $(ip -n "$a" -o route get "$vip") == local* ]]
	check_err $? "a MASTER at rest gives up its address"
	ip -n "$a" link set carp0 down
	ip netns exec "$a" carp sync
	check_err $? "the operation is still parked"
	attr_is "$a" reason device-down
	ip -n "$a" link set carp0 up
	becomes "$a" master
	pings "$client" "$vip"
	end_test "a MASTER at rest keeps its address"
}

mtu_is() {
	[ "$(ip -n "$a" -j link show carp0 | jq '.[0].mtu')" = "$1" ]
	check_err $? "the MTU of carp0 is not $1"
}

mtu()
{
	RET=0
	mtu_is 1500
	unchanged_by ip -n "$a" link set eth0 mtu 1400
	mtu_is 1400
	ip -n "$a" link set carp0 mtu 1401 2>"$tmp/refused"
	check_fail $? "carp0 may have a larger MTU than its parent"
	grep -q 'mtu greater than device maximum' "$tmp/refused"
	check_err $? "ip says $(cat "$tmp/refused")"
	unchanged_by ip -n "$a" link set carp0 mtu 1300
	unchanged_by ip -n "$a" link set eth0 mtu 1500
	mtu_is 1300
	unchanged_by ip -n "$a" link set carp0 mtu 1500
	end_test "the parent gets another MTU"
}

# With an MTU that IPv6 needs, an ordinary device gets a link-local address of its own.
no_address_of_its_own() {
	ip -n "$a" link set "$1" mtu 1200
	mtu_is 1200
	! ip netns exec "$a" test -e /proc/sys/net/ipv6/conf/carp0
	check_err $? "carp0 has IPv6 with an MTU of 1200"
	unchanged_by ip -n "$a" link set "$1" mtu 1500
	[ "$1" = carp0 ] || ip -n "$a" link set carp0 mtu 1500
	ip netns exec "$a" test -e /proc/sys/net/ipv6/conf/carp0
	check_err $? "carp0 has no IPv6 with an MTU of 1500"
	# Nor with the next change of its carrier.
	ip -n "$a" link set carp0 type carp state backup
	becomes "$a" master
	[ -z "$(ip -n "$a" -6 addr show dev carp0)" ]
	check_err $? "$1: carp0 has $(ip -n "$a" -o -6 addr show dev carp0)"
}

small_mtu()
{
	RET=0
	no_address_of_its_own carp0
	no_address_of_its_own eth0
	ip -n "$a" -6 addr add 2001:db8::1/128 dev carp0
	check_err $? "no IPv6 address can be added"
	busywait "$BUSYWAIT_TIMEOUT" has_route6
	check_err $? "the address has no route"
	ip -n "$a" -6 addr del 2001:db8::1/128 dev carp0
	end_test "an MTU that is too small for IPv6, and back"
}

has_route6() {
	[[ $(ip -n "$a" -6 route show table local) == *"local 2001:db8::1 dev carp0"* ]]
}

jumbo()
{
	RET=0
	ip -n "$a" link set eth0 mtu 9000
	defer ip -n "$a" link set eth0 mtu 1500
	ip -n "$a" link add carp1 link eth0 type carp vhid 2
	check_err $? "refused on a parent with an MTU of 9000"
	[ "$(ip -n "$a" -j link show carp1 | jq '.[0].mtu')" = 9000 ]
	check_err $? "the MTU of carp1 is not that of its parent"
	ip -n "$a" link del carp1
	ip -n "$a" link add carp1 link eth0 mtu 5000 type carp vhid 2
	check_err $? "an MTU of 5000 is refused on a parent with 9000"
	ip -n "$a" link del carp1 2>/dev/null
	end_test "a parent with a large MTU"
}

# debugfs_is PARENT: the one file about this namespace is that of PARENT, and can be read.
debugfs_is() {
	local inode files
	inode=$(stat -Lc %i "/run/netns/$a")
	files=$(cd /sys/kernel/debug/carp && echo *@"$inode")
	[ "$files" = "$1@$inode" ]
	check_err $? "debugfs has $files for $1"
	grep -q '^vhost 1 ' "/sys/kernel/debug/carp/$1@$inode"
	check_err $? "debugfs does not tell of the device on $1"
}

renamed()
{
	RET=0
	debugfs_is eth0
	unchanged_by ip -n "$a" link set eth0 name lan0
	debugfs_is lan0
	unchanged_by ip -n "$a" link set lan0 name eth0
	debugfs_is eth0
	ip -n "$a" link set carp0 name shared0
	check_err $? "carp0 cannot be renamed"
	state_is "$a" master shared0
	check_err $? "it is not MASTER any more"
	ip -n "$a" link set shared0 name carp0
	end_test "parent and carp device are renamed"
}

dropping_queue()
{
	RET=0
	# Without the queue that it was given, tbf has the one that drops everything and says that
	# it is congested, as a device has that does not work.
	ip netns exec "$a" tc qdisc add dev eth0 root handle 1: tbf rate 1gbit burst 100k latency 1s &&
		ip netns exec "$a" tc qdisc add dev eth0 parent 1:1 handle 2: pfifo
	check_err $? "tc"
	local errors sent
	errors=$(attr "$a" tx_errors)
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 2 attr "$a" tx_adverts >/dev/null
	check_err $? "no advert is sent by a queue that works"
	attr_is "$a" tx_errors "$errors"
	ip netns exec "$a" tc qdisc del dev eth0 parent 1:1
	check_err $? "the queue cannot be removed"
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 2 attr "$a" tx_errors >/dev/null
	check_err $? "no advert counts as not sent"
	sent=$(attr "$a" tx_adverts)
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 2 attr "$a" tx_errors >/dev/null
	attr_is "$a" tx_adverts "$sent"
	ip netns exec "$a" tc qdisc del dev eth0 root
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 2 attr "$a" tx_adverts >/dev/null
	check_err $? "no advert is sent any more"
	end_test "a queue that drops everything"
}

lan client=192.0.2.10 a=192.0.2.11
carp_add "$a" advbase 0 advskew 26
becomes "$a" master
run_tests
