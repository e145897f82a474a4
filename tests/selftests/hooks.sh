#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a namespace pays for: the hooks that it has, and the kernel's lookups.
#
#       client                b
#       192.0.2.10        192.0.2.12
#       198.51.100.7      198.51.100.7, on a dummy
#            |                 |
#            +-----------------+      sw: br0
#
# Asserted: the hooks before the routing, and the one on the carp device, are there as
# long as its addresses are not owned; the others as long as it is up; none after that.
# The kernel looks up sources in the routes only if the administrator has a local route.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	each_state
	sources
"

unsettled="arp:input arp:output ip6:output ip6:prerouting ip:output ip:prerouting netdev:egress:carp0 netdev:egress:eth0 netdev:ingress:eth0"
settled="arp:input arp:output ip6:output ip:output netdev:egress:eth0 netdev:ingress:eth0"

# hooks: those of the module in B, sorted.
hooks() {
	ip netns exec "$b" nft list hooks | awk '
		/^family/ { family = $2 }
		$1 == "hook" { hook = family ":" $2 ($3 == "device" ? ":" $4 : "") }
		/\[carp\]$/ { print hook }' | LC_ALL=C sort | paste -sd' '
}

hooks_are() {
	[ "$(hooks)" = "$1" ]
}

# has_hooks HOOKS WHEN: waits for them, since they go after the routes have come.
has_hooks() {
	busywait "$BUSYWAIT_TIMEOUT" hooks_are "$1" || fail "$2 B has $(hooks), and not $1"
}

each_state()
{
	RET=0
	carp_add "$b" advbase 0 advskew 26
	becomes "$b" master
	has_hooks "$settled" "as MASTER"
	# A BACKUP that is alone remains one for a while.
	ip -n "$b" link set carp0 type carp advbase 20
	ip -n "$b" link set carp0 type carp state backup
	has_hooks "$unsettled" "as BACKUP"
	stays "$b" backup
	ip -n "$b" link set carp0 type carp state master
	has_hooks "$settled" "as MASTER again"
	ip -n "$sw" link set to_b down
	has_hooks "$unsettled" "without a carrier"
	ip -n "$sw" link set to_b up
	ip -n "$b" link set carp0 down
	has_hooks "" "with carp0 down"
	ip -n "$b" link set carp0 up
	has_hooks "$unsettled" "up again"
	ip -n "$b" link del carp0
	has_hooks "" "without carp0"
	end_test "hooks are there while they are needed"
}

# from_its_own: B gets an answer through to the client about an address that B has, too, without a
# local route.
from_its_own() {
	ip netns exec "$client" ping -q -c 1 -W 1 -I 198.51.100.7 192.0.2.12 >/dev/null
}

sources()
{
	RET=0
	ip -n "$client" addr add 198.51.100.7/32 dev eth0
	ip -n "$b" -batch - <<-EOF
		link add dummy0 up type dummy
		addr add 198.51.100.7/32 dev dummy0
		route del local 198.51.100.7 table local
		route add 198.51.100.7 dev eth0
	EOF
	defer ip -n "$b" link del dummy0
	check_err $? "no address without a local route"
	carp_add "$b" advbase 0 advskew 26
	becomes "$b" master
	has_hooks "$settled" "as MASTER"
	pings "$client" "$vip"
	from_its_own
	check_fail $? "B looks up sources, for a carp device"
	ip -n "$b" route add local 203.0.113.7 dev lo
	from_its_own
	check_err $? "B does not look up sources, for the administrator"
	ip -n "$b" link set carp0 type carp state backup
	becomes "$b" master
	has_hooks "$settled" "as MASTER again"
	from_its_own
	check_err $? "B does not look up sources any more"
	end_test "sources are looked up for the administrator only"
}

lan client=192.0.2.10 b=192.0.2.12
run_tests
