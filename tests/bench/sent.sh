#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints what a host pays for a packet that it sends, in instructions, IPv4 and IPv6:
#
#   make vm ICOUNT=1 TIMEOUT=900 RUN=tests/bench/sent.sh [ARGS=PACKETS]
#
# UDP by a socket.
set -eu
count=${1:-4000}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

# host NAME: a namespace with the device p0.
host() {
	ip netns add "$1"
	ip -n "$1" -batch - <<-EOF
		link set lo up
		link add p0 address 02:00:00:00:00:01 type dummy
		link set p0 up
		addr add 10.0.0.1/16 dev p0
		addr add fd00::1/64 dev p0 nodad
	EOF
	neighbour "$1" 10.0.0.2 fd00::2 p0
}

# neighbour NAME ADDRESS4 ADDRESS6 DEVICE
neighbour() {
	ip -n "$1" neigh add "$2" lladdr 02:00:00:00:00:02 dev "$4" nud permanent
	ip -n "$1" neigh add "$3" lladdr 02:00:00:00:00:02 dev "$4" nud permanent
}

# by NAME LABEL FROM4 TO4 FROM6 TO6
by() {
	printf '%-60s %6d %6d\n' "$2" "$(packets "$1" "$3" "$4")" "$(packets "$1" "$5" "$6")"
}

# packets NAME FROM TO: nanoseconds each.
packets() {
	ip netns exec "$1" python3 - "$2" "$3" "$count" <<-'EOF'
		import socket, sys, time

		own, other, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
		family = socket.AF_INET6 if ":" in other else socket.AF_INET
		sender = socket.socket(family, socket.SOCK_DGRAM)
		sender.bind((own, 0))
		sender.connect((other, 9))
		for _ in range(200):
		    sender.send(b"x" * 18)
		begin = time.monotonic_ns()
		for _ in range(count):
		    sender.send(b"x" * 18)
		print((time.monotonic_ns() - begin) // count)
	EOF
}

bench_init
modprobe dummy
host bare
by bare "bare" 10.0.0.1 10.0.0.2 fd00::1 fd00::2
host macvlan
ip -n macvlan link add m0 link p0 up type macvlan mode private
ip -n macvlan addr add 10.3.0.1/24 dev m0
ip -n macvlan addr add fd03::1/64 dev m0 nodad
neighbour macvlan 10.3.0.2 fd03::2 m0
by macvlan "macvlan, from its address by it" 10.3.0.1 10.3.0.2 fd03::1 fd03::2
modprobe carp
host carp
carp carp carp0 p0 1 master 10.3.0.1/24 fd03::1/64 10.0.0.100/32 fd00::100/128
neighbour carp 10.3.0.2 fd03::2 carp0
by carp "carp MASTER, from the virtual address by the carp device" 10.3.0.1 10.3.0.2 fd03::1 fd03::2
by carp "carp MASTER, from the virtual address by the parent" 10.0.0.100 10.0.0.2 fd00::100 fd00::2
by carp "carp MASTER, from an own address by the parent" 10.0.0.1 10.0.0.2 fd00::1 fd00::2
by bare "bare, carp in another namespace" 10.0.0.1 10.0.0.2 fd00::1 fd00::2
host other
ip -n other link add el0 up type dummy
carp other carp0 el0 1 master 10.9.0.1/32 fd09::1/128
by other "carp MASTER on another device" 10.0.0.1 10.0.0.2 fd00::1 fd00::2
