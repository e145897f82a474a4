#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The last thing that a host says when it goes down as MASTER.
#
#       client             a: MASTER
#     192.0.2.10         192.0.2.11
#          +------------------+      sw: br0
#
# Asserted: as it is rebooted it sends one leaving advert, and none before that. It is rebooted in a VM,
# by the part of this script that runs there, and what a filter of the client's sees goes to the
# kernel's log, which the part on the host reads.

set -u

if [ ! -e /vm/guest ]; then
	root=$(cd "$(dirname "$0")/.." && pwd)
	out=$root/build/test/reboot
	CPUS=${CPUS:-1} OUT=$out "$root/qemu/run" "$(realpath "$0")" || exit
	left=$(sed '1,/carp: the host goes down/d' "$out/dmesg" | grep -c 'carp: it leaves: ')
	[ "$left" = 1 ] || echo "reboot: $left leaving adverts, and not 1 (build/test/reboot/dmesg)"
	[ "$left" = 1 ]
	exit
fi

# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/selftests/lib.sh"

# seen COUNTER: adverts.
seen() {
	ip netns exec "$client" nft -j list counter netdev adverts "$1" | jq '.nftables[1].counter.packets'
}

has_seen() {
	(($(seen "$1") >= $2))
}

modprobe carp
lan client=192.0.2.10 a=192.0.2.11
sysctl -qw net.netfilter.nf_log_all_netns=1
# Byte 2 is advskew, byte 5 advbase: both are 255 if the sender leaves.
ip netns exec "$client" nft -f - <<-EOF
	table netdev adverts {
		counter regular {}
		counter leaving {}
		chain in {
			type filter hook ingress device eth0 priority 0
			ip protocol != 112 return
			@nh,176,8 255 @nh,200,8 255 counter name leaving log prefix "carp: it leaves: " return
			counter name regular
		}
	}
EOF
check_err $? "the test cannot filter"
carp_add "$a" advbase 0 advskew 26
becomes "$a" master
busywait "$BUSYWAIT_TIMEOUT" has_seen regular 3
check_err $? "the filter sees no adverts"
[ "$(seen leaving)" = 0 ]
check_err $? "a leaving advert before the end"
end_test "before the end"
((EXIT_STATUS == 0)) || exit "$EXIT_STATUS"

# What qemu/guest does when a script has ended.
mkdir -p /tmp/result/out
echo 0 >/tmp/result/status
tar -C /tmp/result -c . >/dev/vport0p2
echo "carp: the host goes down" >/dev/kmsg
busybox reboot -f
sleep 60
