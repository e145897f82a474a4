#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes share an address; one dies, the other takes over.
#
#       client                a                 b
#     192.0.2.10         192.0.2.11        192.0.2.12
#          |             carp0 192.0.2.1   carp0 192.0.2.1
#          |             102 ms interval   199 ms interval
#        eth0              eth0              eth0
#          +-----------------+-----------------+      sw: br0
#
# Asserted: exactly one MASTER, which answers the client; after the MASTER's link
# is cut, B takes over neither before it has missed three adverts nor much later;
# after a split of the LAN has healed there are two MASTERs for no longer than an
# interval; a MASTER that leaves, for another vhid as well, is replaced at once.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	one_master
	link_cut
	split_and_heal
	leaving
"

a_interval=102
# Three intervals of B's and its advskew, each 51/256 s: never less. (The clock of "changed" cuts off
# what a millisecond is more.)
b_waits=796

pair() {
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51
	hears "$b" 3
	stays "$b" backup
}

# listen, and b_has_waited: from A's last advert until B was MASTER.
listen() {
	capture "$b" eth0 heard "ip proto 112 and src host 192.0.2.11"
}

b_has_waited() {
	local last
	capture_end heard
	last=$(tcpdump -tt -n -r "$tmp/heard.pcap" 2>/dev/null | awk '/^[0-9]/ { last = $1 } END { printf "%d", last * 1000 }')
	between "$b_waits" $(($(attr "$b" changed) - last)) $((b_waits + slack)) "ms from A's last advert until B was MASTER"
}

one_master()
{
	RET=0
	pair
	attr_is "$a" reason master-timeout
	attr_is "$b" reason started
	attr_is "$b" master 192.0.2.11
	attr_is "$a" master ""
	pings "$client" "$vip"
	ip -n "$client" neigh show "$vip" | grep -q "lladdr $vmac "
	check_err $? "the client's neighbour is not the virtual MAC address"
	hears "$b" 5
	stays "$a" master
	stays "$b" backup
	((0 == $(attr "$a" rx_adverts) && 0 == $(attr "$b" tx_adverts)))
	check_err $? "the BACKUP has sent adverts"
	end_test "exactly one MASTER, and it answers"
}

link_cut()
{
	RET=0
	pair
	pings "$client" "$vip"
	listen
	hears "$b" 1
	ip -n "$sw" link set to_a down
	becomes "$b" master
	b_has_waited
	attr_is "$b" reason master-timeout
	becomes "$a" init
	attr_is "$a" reason parent-down
	pings "$client" "$vip"
	# A comes back, and leaves B alone.
	ip -n "$sw" link set to_a up
	becomes "$a" backup
	hears "$a" 4
	stays "$a" backup
	stays "$b" master
	end_test "the MASTER's link is cut: B takes over"
}

split_and_heal()
{
	RET=0
	local was healed
	pair
	was=$(attr "$a" changed)
	listen
	hears "$b" 1
	# Both links keep their carrier.
	bridge -n "$sw" link set dev to_a state 0
	becomes "$b" master
	b_has_waited
	stays "$a" master
	now_ms
	healed=$now
	bridge -n "$sw" link set dev to_a state 3
	becomes "$b" backup
	between 0 $(($(attr "$b" changed) - healed)) $((a_interval + slack)) "ms of two MASTERs"
	attr_is "$b" reason better-master
	attr_is "$b" master 192.0.2.11
	attr_is "$a" changed "$was"
	pings "$client" "$vip"
	hears "$b" 3
	stays "$a" master
	stays "$b" backup
	end_test "the LAN splits and heals: B yields to A"
}

leaving()
{
	RET=0
	local how left
	for how in "set carp0 down" "del carp0" "set carp0 type carp vhid 9"; do
		pair
		now_ms
		left=$now
		# shellcheck disable=SC2086 # words
		ip -n "$a" link $how
		becomes "$b" master
		between 0 $(($(attr "$b" changed) - left)) "$slack" "ms until B was MASTER after $how"
		attr_is "$b" reason master-leaving
		pings "$client" "$vip"
		carp_del "$a"
		carp_del "$b"
	done
	end_test "a MASTER that leaves is replaced at once"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
run_tests
