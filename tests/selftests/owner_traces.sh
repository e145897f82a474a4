#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What packets and tables tell of a shared address, which both have and the MASTER owns.
#
#       client             a                 b                c
#         10               11                12 -- router --- 10
#          |             carp0 1           carp0 1            |
#        eth0             eth0          eth0    eth1        eth0
#          +----------------+-------------+       +-----------+
#                       sw: br0                       br1
#     192.0.2.0/24, 2001:db8:2::/64        198.51.100.0/24, 2001:db8:51::/64
#
# Asserted, of MASTER and BACKUP: what becomes of a frame to the virtual MAC address, and of what
# is sent by the carp device; with which MAC address the MASTER speaks, and that a BACKUP says
# nothing from the address, by whatever device; what each lists, and what is left of the
# administrator's routes and of its own.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	frame_to_the_virtual_mac
	through_the_carp_device
	source_mac
	silent
	listed
	static_routes
	deleted
"

# counter NAMESPACE rx|tx NAME: of carp0.
counter() {
	ip -n "$1" -j -s link show carp0 | jq ".[0].stats64.$2.$3"
}

# forwards NAMESPACE: packets so far.
forwards() {
	ip netns exec "$1" nstat -asz IpForwDatagrams Ip6OutForwDatagrams |
		awk '/Forw/ { n += $2 } END { print n }'
}

frame_to_the_virtual_mac()
{
	RET=0
	local forwarded received
	# The neighbour's entry must not have to be asked for, neither by way of B.
	ip -n "$client" neigh replace "$shared" lladdr "$vmac" dev eth0
	defer ip -n "$client" neigh del "$shared" dev eth0
	pings "$client" "$shared"
	forwarded=$(forwards "$b")
	received=$(counter "$b" rx packets)
	capture "$sw" to_b to_b -Q out
	capture "$sw" to_b from_b -Q in
	# The switch takes the BACKUP for the owner.
	bridge -n "$sw" fdb replace "$vmac" dev to_b master static sticky
	ip netns exec "$client" ping -q -c 3 -i 0.2 -W 1 "$shared" >/dev/null
	check_fail $? "the BACKUP answers"
	bridge -n "$sw" fdb del "$vmac" dev to_b master static
	pings "$client" "${net}12"
	capture_end to_b
	capture_end from_b
	(($(packets to_b "ether dst $vmac and dst host $shared") >= 3))
	check_err $? "the BACKUP has got nothing"
	(($(packets from_b "src host ${net}12") >= 1))
	check_err $? "the BACKUP says nothing at all"
	packets_are 0 from_b "src host $shared"
	[ "$(counter "$b" rx packets)" = "$received" ]
	check_err $? "carp0 of the BACKUP has received it"
	[ "$(forwards "$b")" = "$forwarded" ]
	check_err $? "the BACKUP has forwarded it"
	end_test "a frame to the virtual MAC address of a BACKUP, $ipv"
}

through_the_carp_device()
{
	RET=0
	local dropped sent
	capture "$sw" to_b backup -Q in
	dropped=$(counter "$b" tx dropped)
	ip netns exec "$b" python3 -S "$here/send_through.py" carp0 "$f" 10
	check_err $? "it could not be sent"
	# A report of membership for each of these.
	(($(counter "$b" tx dropped) >= dropped + 10)) ||
		fail "$(counter "$b" tx dropped) dropped, after $dropped and 10 frames"
	pings "$b" "${net}10"
	capture_end backup
	(($(packets backup "src host ${net}12") >= 1))
	check_err $? "B said nothing at all"
	packets_are 0 backup "ether src $vmac"
	packets_are 0 backup "src host $shared"
	# The same of the MASTER goes out.
	capture "$sw" to_a master -Q in
	sent=$(counter "$a" tx packets)
	ip netns exec "$a" python3 -S "$here/send_through.py" carp0 "$f" 10
	check_err $? "it could not be sent"
	(($(counter "$a" tx packets) >= sent + 10)) ||
		fail "$(counter "$a" tx packets) sent, after $sent and 10 frames"
	pings "$a" "${net}10"
	capture_end master
	packets_are 10 master "ether src $vmac and ether proto 0x88b5"
	if [ "$f" = 4 ]; then
		(($(packets master "ether src $vmac and igmp") >= 1))
	else
		(($(packets master "ether src $vmac and ip6 and ip6[6] = 0") >= 1))
	fi
	check_err $? "no report of membership from the MASTER's carp0"
	end_test "what is sent by the carp device, $ipv"
}

source_mac()
{
	RET=0
	serve "$a" a
	capture "$sw" to_a all -Q in
	answers "$client" "$shared" "a ${net}10"
	answers "$c" "$shared" "a ${far}10"
	# Fragments, and errors.
	ip netns exec "$client" ping -q -c 1 -W $((5 * slow)) -s 4000 "$shared" >/dev/null
	check_err $? "no answer to a large packet"
	ip netns exec "$a" ping -q -c 1 -W $((5 * slow)) -I "$shared" "${net}10" >/dev/null
	check_err $? "no answer to what comes from the address"
	ip netns exec "$client" bash -c "echo >/dev/udp/$shared/9"
	busywait "$BUSYWAIT_TIMEOUT" has_packets all "src host $shared and $(unreachable)"
	check_err $? "no error for a closed port"
	capture_end all
	(($(packets all "src host $shared and tcp") >= 4))
	check_err $? "too few packets from the address"
	packets_are 0 all "src host $shared and not ether src $vmac"
	packets_are 0 all "src host ${net}11 and ether src $vmac and not proto 112 and not arp"
	end_test "the source MAC address of what comes from the address, $ipv"
}

unreachable() {
	[ "$f" = 4 ] && echo "icmp[icmptype] = icmp-unreach" || echo "icmp6 and ip6[40] = 1"
}

has_packets() {
	(($(packets "$1" "$2") >= 1))
}

# lists NAMESPACE: it has the address in its list.
lists() {
	ip -n "$1" -o addr show dev carp0 | grep -q " $shared/$host "
	check_err $? "${1%-*} does not list $shared as $2"
}

# says NAMESPACE: from the address, to both sides.
says() {
	local to
	for to in "${net}10" "${beyond}99" "${beyond}64"; do
		ip netns exec "$1" ping -q -c 2 -i 0.2 -W "0.$((1 + slow))" -I "$shared" "$to" >/dev/null 2>&1
	done
}

# Who may bind to an address that is not here could speak from it.
silent()
{
	RET=0
	local beyond=203.0.113.
	[ "$f" = 4 ] || beyond=2001:db8:cb::
	ip netns exec "$b" sysctl -qw "net.ipv$f.ip_nonlocal_bind=1"
	# Another way out, which carries no carp device.
	ip -n "$b" link add other type dummy
	ip -n "$b" link set other up
	ip -n "$b" addr add "${beyond}1/$subnet" dev other
	# One that is MASTER, of another address.
	ip -n "$b" link add carp9 link other type carp vhid 9
	ip -n "$b" addr add "${beyond}9/$host" dev carp9
	ip -n "$b" link set carp9 up
	ip -n "$b" route add "${beyond}64/$host" dev carp9
	ip -n "$b" neigh add "${beyond}64" lladdr 02:00:00:00:00:64 dev carp9
	becomes "$b" master carp9
	capture "$b" eth0 near -Q out "src host $shared"
	capture "$b" other beyond -Q out "src host $shared"
	says "$b"
	pings "$b" "${net}10"
	capture_end near
	capture_end beyond
	captured_nothing near
	captured_nothing beyond
	hand_over "$a" "$b"
	capture "$b" eth0 near -Q out "src host $shared"
	capture "$b" other beyond -Q out "src host $shared"
	says "$b"
	capture_end near
	capture_end beyond
	(($(packets near "icmp or icmp6") >= 2 && $(packets beyond "icmp or icmp6") >= 2))
	check_err $? "the MASTER says nothing either"
	packets_are 0 near "not ether src $vmac"
	packets_are 0 beyond "ether src $vmac"
	(($(packets beyond "dst host ${beyond}64") >= 2))
	check_err $? "the MASTER says nothing by another carp device"
	hand_over "$b" "$a"
	ip -n "$b" link del carp9
	ip -n "$b" link del other
	ip netns exec "$b" sysctl -qw "net.ipv$f.ip_nonlocal_bind=0"
	end_test "a BACKUP says nothing from the address, $ipv"
}

listed()
{
	RET=0
	lists "$a" MASTER
	lists "$b" BACKUP
	hand_over "$a" "$b"
	lists "$a" BACKUP
	lists "$b" MASTER
	hand_over "$b" "$a"
	ip -n "$sw" link set to_b down
	becomes "$b" init
	lists "$b" "INIT without a parent"
	ip -n "$sw" link set to_b up
	becomes "$b" backup
	ip -n "$b" link set carp0 down
	lists "$b" "INIT, set down"
	ip -n "$b" link set carp0 up
	becomes "$b" backup
	lists "$b" "BACKUP again"
	disowns "$b"
	end_test "the address is listed in every state, $ipv"
}

# static NAMESPACE add|show: what an administrator may have added.
static_add() {
	ip -n "$1" route add "$unused" via "${net}10" dev carp0 onlink &&
		ip -n "$1" route add "${far}77/$host" dev carp0 metric 50
	check_err $? "${1%-*}: routes by carp0 could not be added"
	defer ip -n "$1" route del "$unused" dev carp0
	defer ip -n "$1" route del "${far}77/$host" dev carp0 metric 50
}

static_are_there() {
	[[ "$(ip -n "$1" "-$f" route show dev carp0)" == *"$unused via ${net}10 "* &&
		"$(ip -n "$1" "-$f" route show dev carp0)" == *"${far}77 "* ]] ||
		fail "${1%-*} has of its routes: $(ip -n "$1" "-$f" route show dev carp0 | tr '\n' ';')"
}

static_routes()
{
	RET=0
	local with_source="${far}78/$host"
	static_add "$a"
	static_add "$b"
	ip -n "$a" route add "$with_source" via "${net}10" dev carp0 onlink src "$shared"
	check_err $? "no route with the address as its source"
	defer ip -n "$a" route del "$with_source" dev carp0
	static_are_there "$a"
	static_are_there "$b"
	hand_over "$a" "$b"
	static_are_there "$a"
	static_are_there "$b"
	hand_over "$b" "$a"
	static_are_there "$a"
	static_are_there "$b"
	ip -n "$a" "-$f" route show dev carp0 | grep -q "^${far}78 .* src $shared "
	check_err $? "the route with the address as its source is gone"
	end_test "the administrator's routes by the carp device stay, $ipv"
}

# deleted_as NAMESPACE STATE [DEVICE-STATE]: an address more, and less again.
deleted_as() {
	local before extra
	before=$(tables "$1")
	for extra in "${net}200/$host" "${net}200/$subnet" "${far}200/$len"; do
		ip -n "$1" addr add "$extra" dev carp0
		check_err $? "$extra cannot be added"
		[ "$2" != MASTER ] || owns "$1" "${extra%/*}"
		ip -n "$1" addr del "$extra" dev carp0
		tables_become "$1" "$before"
	done
}

deleted()
{
	RET=0
	local node
	for node in "$a" "$b"; do
		ip -n "$node" link set carp0 type carp grace 3600
	done
	deleted_as "$a" MASTER
	deleted_as "$b" BACKUP
	# Added to a MASTER, of which it is gone when it is BACKUP.
	ip -n "$a" addr add "${net}200/$host" dev carp0
	owns "$a" "${net}200"
	hand_over "$a" "$b"
	disowns "$a" "${net}200"
	[[ $(way "$a" "${net}200") == *"dev eth0 "* ]] ||
		fail "as BACKUP it goes another way: $(way "$a" "${net}200")"
	hand_over "$b" "$a"
	ip -n "$a" addr del "${net}200/$host" dev carp0
	# Added in one state, deleted in the other.
	local before
	before=$(tables "$a")
	ip -n "$a" addr add "${net}200/$subnet" dev carp0
	owns "$a" "${net}200"
	hand_over "$a" "$b"
	ip -n "$a" addr del "${net}200/$subnet" dev carp0
	hand_over "$b" "$a"
	tables_become "$a" "$before"
	before=$(tables "$b")
	ip -n "$b" addr add "${net}200/$subnet" dev carp0
	hand_over "$a" "$b"
	owns "$b" "${net}200"
	ip -n "$b" addr del "${net}200/$subnet" dev carp0
	hand_over "$b" "$a"
	tables_become "$b" "$before"
	end_test "no route is left of a deleted address, $ipv"
}

dual_lan client=10 a=11 b=12
setup_ns c
far_side
dual_pair
run_tests_in 4 6
