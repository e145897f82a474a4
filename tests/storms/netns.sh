#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A namespace deleted with everything in it, STORM_COUNT times (200), under traffic.
#
#       client              a                   b
#     192.0.2.20       192.0.2.11          192.0.2.12
#     UDP, ARP,        a1 ... a4 on eth0   b1 ... b4 on eth0, stays
#     forged adverts   comes and goes
#          |                |                   |
#          +----------------+-------------------+      sw: br0
#
# Asserted: it goes each time, at rest, with requests waiting or in peace; the
# other node takes over; in the end the module can be removed.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	deleted_under_traffic
	nothing_left
"

deleted_under_traffic()
{
	RET=0
	local count=${STORM_COUNT:-200}
	vhosts "$b" b eth0 1 4 advbase 0 advskew 3
	traffic 192.0.2.20 "$b"
	python3 -S "$storms/cycles.py" netns "$sw" carp-storm-a "$b" "$count"
	check_err $? "see above"
	all_become "$b" master 4
	traffic_end
	end_test "a namespace deleted under traffic, $count times"
}

nothing_left()
{
	RET=0
	in_time ip -n "$sw" link del to_b
	busywait "$BUSYWAIT_TIMEOUT" no_files_left
	check_err $? "debugfs still has $(ls /sys/kernel/debug/carp)"
	in_time rmmod carp
	end_test "nothing is left"
}

lan client=192.0.2.20 b=192.0.2.12
# What a failure leaves.
defer cleanup_ns carp-storm-a
run_tests
