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
# B waits for three of its own intervals and its advskew, counted from the last advert of A.
b_waits_min=$((3 * 199 + 199 - a_interval - 100))
b_waits_max=$((3 * 199 + 199 + slack))

pair() {
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51
	hears "$b" 3
	stays "$b" backup
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
	now_ms
	local cut=$now
	ip -n "$sw" link set to_a down
	becomes "$b" master
	between "$b_waits_min" $(($(attr "$b" changed) - cut)) "$b_waits_max" "ms until B was MASTER"
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
	# Both links keep their carrier.
	now_ms
	local cut=$now
	bridge -n "$sw" link set dev to_a state 0
	becomes "$b" master
	between "$b_waits_min" $(($(attr "$b" changed) - cut)) "$b_waits_max" "ms until B was MASTER"
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
