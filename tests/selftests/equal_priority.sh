#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes of equal priority.
#
#            a                 b
#       192.0.2.11        192.0.2.12
#       199 ms interval   199 ms interval
#            |                 |
#            +-----------------+      sw: br0
#
# Asserted: started together there is one MASTER, and it stays; of two MASTERs
# the one with the higher address stays, the other yields within an interval,
# whatever was before, and every time.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	cold_start
	higher_address_stays
"

interval=199

exactly_one_master() {
	if state_is "$a" master; then
		state_is "$b" backup
	else
		state_is "$a" backup && state_is "$b" master
	fi
}

cold_start()
{
	RET=0
	carp_add "$a" advbase 0 advskew 51
	carp_add "$b" advbase 0 advskew 51
	busywait "$BUSYWAIT_TIMEOUT" exactly_one_master
	check_err $? "there is not exactly one MASTER"
	local was
	was="$(attr "$a" changed) $(attr "$b" changed)"
	local backup=$b
	state_is "$b" master && backup=$a
	hears "$backup" 20
	exactly_one_master
	check_err $? "there is not exactly one MASTER any more"
	[ "$(attr "$a" changed) $(attr "$b" changed)" = "$was" ]
	check_err $? "it was not always the same MASTER"
	end_test "started together, one is MASTER and stays"
}

higher_address_stays()
{
	RET=0
	local healed round
	carp_add "$a" advbase 0 advskew 51
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51
	for round in 1 2 3; do
		bridge -n "$sw" link set dev to_a state 0
		becomes "$a" master
		becomes "$b" master
		now_ms
		healed=$now
		bridge -n "$sw" link set dev to_a state 3
		becomes "$a" backup
		between 0 $(($(attr "$a" changed) - healed)) $((interval + slack)) "ms of two MASTERs"
		attr_is "$a" reason better-master
		attr_is "$a" master 192.0.2.12
		hears "$a" 4
		stays "$b" master
		stays "$a" backup
		[ "$(attr "$a" to_master) $(attr "$b" to_master)" = "$round 1" ]
		check_err $? "there were more changes than these in round $round"
	done
	end_test "of two MASTERs the one with the higher address stays"
}

lan a=192.0.2.11 b=192.0.2.12
run_tests
