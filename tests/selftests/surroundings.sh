#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who owns the address does not depend on what else is set, or goes up and down.
#
#       client             a                 b                c
#         10               11                12 -- router --- 10
#          |             carp0 1           carp0 1            |
#        eth0             eth0          eth0    eth1        eth0
#          +----------------+-------------+       +-----------+
#                       sw: br0                       br1
#     192.0.2.0/24, 2001:db8:2::/64        198.51.100.0/24, 2001:db8:51::/64
#
# Asserted: with strict reverse path filters on every node and device from the
# beginning, connections to the address end at the MASTER, wherever they come from; so
# they do if the carp device itself is made strict;
# while the parent or the carp device of the BACKUP goes down and up the address
# never becomes its own, there is no second MASTER, and nothing is left behind; the
# host's own stack sees no advert that was accepted, unless somebody reads the protocol.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	strict_filters
	strict_carp_device
	accepted_adverts
	flapping_wire
	flapping_parent
	flapping_carp_device
"

strict_filters()
{
	RET=0
	local ns
	for ns in "$client" "$a" "$b" "$c"; do
		[ "$(ip netns exec "$ns" sysctl -n net.ipv4.conf.all.rp_filter)" = 1 ] &&
			[ "$(ip netns exec "$ns" sysctl -n net.ipv4.conf.eth0.rp_filter)" = 1 ]
		check_err $? "${ns%-*} is not strict"
	done
	serve "$a" a
	serve "$b" b
	answers "$client" "$shared" "a ${net}10"
	answers "$b" "$shared" "a ${net}12"
	answers "$c" "$shared" "a ${far}10"
	ip netns exec "$a" ping -q -c 1 -W $((5 * slow)) -I "$shared" "${net}12" >/dev/null
	check_err $? "the MASTER does not reach the BACKUP from the address"
	hand_over "$a" "$b"
	answers "$client" "$shared" "b ${net}10"
	answers "$a" "$shared" "b ${net}11"
	answers "$c" "$shared" "b ${far}10"
	ip netns exec "$b" ping -q -c 1 -W $((5 * slow)) -I "$shared" "${far}10" >/dev/null
	check_err $? "the MASTER does not reach another subnet from the address"
	hand_over "$b" "$a"
	end_test "with strict reverse path filters everywhere, $ipv"
}

strict_carp_device()
{
	RET=0
	local ns
	for ns in "$a" "$b"; do
		[ "$(ip netns exec "$ns" sysctl -n net.ipv4.conf.carp0.rp_filter)" = 2 ]
		check_err $? "carp0 of ${ns%-*} is not made loose"
		ip netns exec "$ns" sysctl -qw net.ipv4.conf.carp0.rp_filter=1
	done
	serve "$a" a
	serve "$b" b
	answers "$client" "$shared" "a ${net}10"
	hand_over "$a" "$b"
	answers "$client" "$shared" "b ${net}10"
	answers "$c" "$shared" "b ${far}10"
	hand_over "$b" "$a"
	answers "$client" "$shared" "a ${net}10"
	for ns in "$a" "$b"; do
		ip netns exec "$ns" sysctl -qw net.ipv4.conf.carp0.rp_filter=2
	done
	end_test "with a strict filter on carp0 itself, $ipv"
}

# Adverts that the stack of B was given, as a filter counts them.
in_stack() {
	ip netns exec "$b" nft list counter inet adverts seen | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

accepted_adverts()
{
	RET=0
	# shellcheck disable=SC2154 # of families.sh
	ip netns exec "$b" nft "add table inet adverts { counter seen { }
		chain input { type filter hook input priority 0; meta nfproto ipv$f meta l4proto 112 counter name seen; }; }"
	check_err $? "no filter"
	defer ip netns exec "$b" nft delete table inet adverts
	hears "$b" 3
	[ "$(in_stack)" = 0 ]
	check_err $? "the stack of B was given $(in_stack) adverts that were accepted"
	ip netns exec "$b" timeout "$WAIT_TIMEOUT" python3 -c '
import _socket, sys
reader = _socket.socket(int(sys.argv[1]), _socket.SOCK_RAW, 112)
print("reads", flush=True)
print("read", len(reader.recv(256)), flush=True)
' "$((f == 4 ? 2 : 10))" >"$tmp/reader" &
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/reader" 'read '
	check_err $? "a raw socket of B reads no advert"
	wait $!
	busywait "$BUSYWAIT_TIMEOUT" is_deaf_again
	check_err $? "without the socket the stack of B is still given adverts"
	end_test "an accepted advert goes no further than to who reads it, $ipv"
}

# Three adverts later the stack of B was given none.
is_deaf_again() {
	local before
	before=$(in_stack)
	hears "$b" 3
	[ "$(in_stack)" = "$before" ]
}

# Something to see, until it is seen.
monitor_listens() {
	ip -n "$b" "-$f" route replace "$unused" dev lo
	ip -n "$b" "-$f" route del "$unused" dev lo
	[ -s "$tmp/monitor" ]
}

# flaps FROM TO NAMESPACE DEVICE: down and up ten times, until B is in the state FROM and TO.
flaps() {
	local down=$1 up=$2 ns=$3 device=$4 round before was_a was_b
	before=$(tables "$b")
	was_a=$(attr "$a" changed)
	was_b=$(attr "$b" to_master)
	ip -n "$b" monitor route >"$tmp/monitor" 2>/dev/null &
	defer kill_process $!
	busywait "$BUSYWAIT_TIMEOUT" monitor_listens
	check_err $? "the monitor does not listen"
	for round in {1..10}; do
		ip -n "$ns" link set "$device" down
		# Half of the times as fast as can be.
		((round % 2)) || becomes "$b" "$down"
		is_remote "$b"
		check_err $? "round $round, down: B takes the address for its own"
		ip -n "$ns" link set "$device" up
		((round % 2)) || becomes "$b" "$up"
		is_remote "$b"
		check_err $? "round $round, up: B takes the address for its own"
	done
	becomes "$b" "$up"
	hears "$b" 3
	stays "$b" backup
	[ "$(attr "$a" changed) $(attr "$b" to_master)" = "$was_a $was_b" ]
	check_err $? "there was another MASTER"
	! grep -q "local $shared dev" "$tmp/monitor" ||
		fail "for a moment it was B's: $(grep -m1 "local $shared dev" "$tmp/monitor")"
	tables_become "$b" "$before"
	serve "$a" a
	answers "$b" "$shared" "a ${net}12"
	# The monitor would have seen it.
	hand_over "$a" "$b"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/monitor" "local $shared dev"
	check_err $? "the monitor sees nothing"
	hand_over "$b" "$a"
}

flapping_wire()
{
	RET=0
	flaps init backup "$sw" to_b
	end_test "the BACKUP's carrier goes and comes, $ipv"
}

flapping_parent()
{
	RET=0
	ip netns exec "$b" sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1
	flaps init backup "$b" eth0
	end_test "the BACKUP's parent is set down and up, $ipv"
}

flapping_carp_device()
{
	RET=0
	flaps init backup "$b" carp0
	end_test "the BACKUP's carp device is set down and up, $ipv"
}

setup_ns client a b c
for ns in "$client" "$a" "$b" "$c"; do
	ip netns exec "$ns" sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1
done
setup_ns sw
ip -n "$sw" link add br0 up type bridge mcast_snooping 0
for node in client=10 a=11 b=12; do
	lan_link "${node%=*}" eth0 "to_${node%=*}"
	address "${node%=*}" eth0 "${node#*=}"
done
far_side
dual_pair
run_tests_in 4 6
