#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once, STORM_SECONDS long (60), on a running pair.
#
#       client              a                   b
#     192.0.2.20       192.0.2.11          192.0.2.12
#     UDP at full      a1 ... a4 on eth0   b1 ... b8 on eth0
#     speed, ARP,      a5 ... a8 come
#     forged adverts   and go
#          |                |                   |
#          +----------------+-------------------+      sw: br0
#
# On A, as fast as it can: MAC changes of the parent, devices added and deleted,
# set up and down, renamed with the parent, addresses, MTUs, settings, other vhids;
# parent down and up, carrier lost and back; users held inside; everything read
# (see storm.py, which does it).
#
# Asserted: no request is refused that should not be; afterwards everything is as
# asked last; no more operations have waited at once than there are devices times
# kinds, none for long; some have parked; within three intervals there is exactly one
# MASTER for each vhid, and it stays; removed, nothing is left.
#
# From the environment: STORM_SECONDS, STORM_SEED.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	storm
	nothing_left
"

storm()
{
	RET=0
	local seconds=${STORM_SECONDS:-60}
	vhosts "$a" a eth0 1 8 advbase 1 advskew 0
	vhosts "$b" b eth0 1 8 advbase 1 advskew 100
	all_become "$a" master 8
	traffic 192.0.2.20 "$a" "$b"
	trace_on carp/carp_op_park
	timeout $((seconds + 300)) python3 -S "$storms/storm.py" "$sw" "$a" "$b" "$seconds" \
		"${STORM_SEED:-$RANDOM}"
	check_err $? "see above"
	parks_traced
	traffic_end
	end_test "a storm of $seconds s"
}

nothing_left()
{
	RET=0
	local node
	for node in "$a" "$b"; do
		ip -n "$node" -j link show type carp | jq -r '.[].ifname // empty | "link del \(.)"' |
			in_time ip -n "$node" -batch -
		! ip -n "$node" maddr show | grep -q 224.0.0.18
		check_err $? "${node%-*} is still a member of CARP's group"
		! bridge -n "$node" fdb show | grep -qi 00:00:5e:00:01
		check_err $? "a parent of ${node%-*} still listens to a virtual MAC address"
	done
	busywait "$BUSYWAIT_TIMEOUT" no_files_left
	check_err $? "debugfs still has $(ls /sys/kernel/debug/carp)"
	in_time rmmod carp
	# A reference that was not given back keeps a device or a namespace from going.
	in_time ip -n "$sw" link del to_a
	in_time ip -n "$sw" link del to_b
	end_test "nothing is left"
}

lan client=192.0.2.20 a=192.0.2.11 b=192.0.2.12
run_tests
