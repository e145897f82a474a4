#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module removed from under a running pair and its traffic, STORM_COUNT times (200).
#
#       client              a                   b
#     192.0.2.20       192.0.2.11          192.0.2.12
#     UDP, ARP,        a1 ... a4 on eth0   b1 ... b4 on eth0
#     forged adverts
#          |                |                   |
#          +----------------+-------------------+      sw: br0
#
# Asserted: it goes each time, with all devices and all that waits for its turn;
# in the end nothing of it is left, and the parents can be deleted.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	removed_under_traffic
	nothing_left
"

removed_under_traffic()
{
	RET=0
	local count=${STORM_COUNT:-200}
	rmmod carp
	traffic 192.0.2.20 "$a" "$b"
	python3 -S "$storms/cycles.py" rmmod "$sw" "$a" "$b" "$count"
	check_err $? "see above"
	traffic_end
	end_test "rmmod under traffic, $count times"
}

nothing_left()
{
	RET=0
	local node
	[ ! -e /sys/kernel/debug/carp ]
	check_err $? "debugfs is left"
	for node in "$a" "$b"; do
		! ip -n "$node" maddr show | grep -q 224.0.0.18
		check_err $? "${node%-*} is still a member of CARP's group"
		! bridge -n "$node" fdb show | grep -qi 00:00:5e:00:01
		check_err $? "a parent of ${node%-*} still listens to a virtual MAC address"
	done
	in_time ip -n "$sw" link del to_a
	in_time ip -n "$sw" link del to_b
	end_test "nothing is left"
}

lan client=192.0.2.20 a=192.0.2.11 b=192.0.2.12
run_tests
