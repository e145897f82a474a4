#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints what a router pays for a packet that it forwards, in instructions, IPv4 and IPv6:
#
#   make vm ICOUNT=1 TIMEOUT=900 RUN=tests/bench/forwarded.sh [ARGS=FRAMES]
#
# By the bare router, with a macvlan as the gateway, and with carp.
set -eu
count=${1:-4000}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

own=02:00:00:00:00:01

# router NAME: a sender gNAME, a router rNAME, and sNAME, whose device is not the one that the
# packets are for.
router() {
	local ns
	for ns in "g$1" "r$1" "s$1"; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	link "g$1" s0 02:00:00:00:00:02 "r$1" l0 $own
	link "r$1" w0 02:00:00:00:00:03 "s$1" d0 02:00:00:00:00:04
	ip netns exec "r$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.send_redirects=0
	ip -n "r$1" -batch - <<-EOF
		addr add 10.0.0.1/24 dev l0
		addr add fd00::1/64 dev l0 nodad
		addr add 10.9.0.1/24 dev w0
		addr add fd09::1/64 dev w0 nodad
		neigh add 10.9.0.9 lladdr 02:00:00:00:00:99 dev w0 nud permanent
		neigh add fd09::9 lladdr 02:00:00:00:00:99 dev w0 nud permanent
	EOF
}

# through NAME LABEL MAC
through() {
	measure "$2" "g$1" s0 "$3" 10.0.0.2 10.9.0.9 fd00::2 fd09::9
}

bench_init
router bare
through bare "bare router" $own
router macvlan
ip -n rmacvlan link add mv0 link l0 address $vmac type macvlan mode private
ip -n rmacvlan addr add 10.0.0.254/32 dev mv0
ip -n rmacvlan link set mv0 up
through macvlan "macvlan as the gateway, to its MAC" $vmac
through macvlan "macvlan as the gateway, to the router's own MAC" $own
modprobe carp
router carp
carp rcarp carp0 l0 1 master 10.0.0.254/24 fd00::254/64
through carp "carp MASTER as the gateway, to the virtual MAC" $vmac
through carp "carp MASTER as the gateway, to the router's own MAC" $own
through bare "bare router, carp in another namespace" $own
carp rcarp carp1 w0 2 master 10.9.0.254/24 fd09::254/64
through carp "carp MASTER on both legs, to the virtual MAC" $vmac
router down
carp rdown carp0 l0 1 master 10.0.0.254/24 fd00::254/64
ip -n rdown link set carp0 down
through down "carp device set down" $own
ip -n rdown link del carp0
through down "last carp device of the namespace deleted" $own
router backup
carp rbackup carp0 l0 1 backup 10.0.0.254/24 fd00::254/64 -- advbase 255 advskew 200
through backup "carp BACKUP, to the router's own MAC" $own
