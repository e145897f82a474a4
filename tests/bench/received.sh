#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints what a host pays for a packet that it receives, in instructions, IPv4 and IPv6:
#
#   make vm ICOUNT=1 TIMEOUT=900 RUN=tests/bench/received.sh [ARGS=FRAMES]
#
# UDP to a socket whose queue is full.
set -eu
count=${1:-4000}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

own=02:00:00:00:00:01 stranger=02:00:00:00:00:99

# host NAME: a sender tNAME, and rNAME, which listens.
host() {
	local ns
	for ns in "t$1" "r$1"; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	link "t$1" s0 02:00:00:00:00:02 "r$1" r0 $own
	ip -n "r$1" -batch - <<-EOF
		addr add 10.0.0.1/16 dev r0
		addr add fd00::1/64 dev r0 nodad
	EOF
	ip netns exec "r$1" python3 - <<-'EOF' &
		import signal, socket

		for family, anybody in (socket.AF_INET, ""), (socket.AF_INET6, "::"):
		    listener = socket.socket(family, socket.SOCK_DGRAM)
		    if family == socket.AF_INET6:
		        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
		    listener.bind((anybody, 9))
		    globals()[family.name] = listener
		signal.pause()
	EOF
	sleep 2
}

# at NAME LABEL MAC ADDRESS4 ADDRESS6
at() {
	measure "$2" "t$1" s0 "$3" 10.0.0.2 "$4" fd00::2 "$5"
}

bench_init
host bare
at bare "bare" $own 10.0.0.1 fd00::1
at bare "bare, a stranger's MAC" $stranger 10.0.0.1 fd00::1
host macvlan
ip -n rmacvlan link add mv0 link r0 address $vmac type macvlan mode bridge
ip -n rmacvlan addr add 10.1.0.1/32 dev mv0
ip -n rmacvlan addr add fd00::100/128 dev mv0 nodad
ip -n rmacvlan link set mv0 up
at macvlan "macvlan, to its address" $vmac 10.1.0.1 fd00::100
at macvlan "macvlan, to the parent's own address" $own 10.0.0.1 fd00::1
modprobe carp
host carp
carp rcarp carp0 r0 1 master 10.1.0.1/32 fd00::100/128
at carp "carp MASTER, to the virtual address" $vmac 10.1.0.1 fd00::100
at carp "carp MASTER, to the parent's own address" $own 10.0.0.1 fd00::1
at carp "carp MASTER, a stranger's MAC" $stranger 10.0.0.1 fd00::1
at bare "bare, carp in another namespace" $own 10.0.0.1 fd00::1
host other
ip -n rother link add el0 up type dummy
carp rother carp0 el0 1 master 10.1.0.1/32 fd00::100/128
at other "carp MASTER on another parent" $own 10.0.0.1 fd00::1
host backup
carp rbackup carp0 r0 1 backup 10.1.0.1/32 fd00::100/128 -- advbase 255 advskew 200
at backup "carp BACKUP, to the parent's own address" $own 10.0.0.1 fd00::1
