#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints what the receive hooks cost, in instructions a packet. In the guest:
#
#   tests/bench/rxhook/build.sh && make vm ICOUNT=1 RUN=tests/bench/rxhook/run.sh
#
# vMAC: a frame for the virtual MAC; own MAC: one that passes the hook by; lists: the
# same in lists of 8, as NAPI hands them over; other: on a device without a hook. Run 4
# is in a namespace with a carp device, which stands on none of these, and run 5 in one
# that had one.
set -eu

module=/carp/tests/bench/rxhook/out/$KERNEL/rxhook.ko
[ -f "$module" ] || { echo "no $module: run tests/bench/rxhook/build.sh first"; exit 1; }

n=0
for device in parent upper other elsewhere; do
	n=$((n + 1))
	ip link add "$device" type dummy
	ip addr add "10.0.$n.1/24" dev "$device"
	ip link set "$device" up
done

echo "kernel $(uname -r), clock $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
echo "spectre_v2: $(cat /sys/devices/system/cpu/vulnerabilities/spectre_v2)"
for run in 1 2 3 4 5; do
	[ "$run" != 4 ] || ip link add carp0 link elsewhere type carp vhid 1
	[ "$run" != 5 ] || ip link del carp0
	insmod "$module" parent=parent upper=upper other=other
	printf '\nrun %s\n' "$run"
	tee "/tmp/rxhook.$run" </sys/module/rxhook/parameters/table
	rmmod rxhook
done
! grep -q lost /tmp/rxhook.*
