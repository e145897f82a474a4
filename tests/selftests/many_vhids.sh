#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# As many as there can be: 255 virtual hosts on one parent.
#
#       client              a
#     192.0.2.10       192.0.2.11
#     asks for all     eth0 with carp1 to carp255, 10.0.0.1 to 10.0.0.255
#          |                |
#          +----------------+      sw: br0
#
# Asserted: all are made and become MASTER; each address is answered for once, with
# its own virtual MAC address (ask_all.py); the 256th is refused; all are removed,
# and leave nothing on the parent. How long it takes is printed.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	all
"

masters() {
	ip -n "$a" -d link show type carp | grep -c ' state master '
}

all_masters() {
	[ "$(masters)" = 255 ]
}

# took WHAT: since the last time.
took() {
	local since=$now
	now_ms
	echo "	$1: $((now - since)) ms"
}

all()
{
	RET=0
	local vhid
	for ((vhid = 1; vhid <= 255; vhid++)); do
		echo "link add carp$vhid link eth0 group 7 type carp vhid $vhid pass secret"
		echo "addr add 10.0.0.$vhid/32 dev carp$vhid"
		echo "link set carp$vhid up"
	done >"$tmp/batch"
	now_ms
	ip -n "$a" -batch "$tmp/batch"
	check_err $? "they cannot all be made"
	took "255 devices made"
	slowwait $((60 * slow)) all_masters
	check_err $? "$(masters) and not 255 are MASTER"
	took "all of them MASTER"
	ip -n "$a" link add carp256 link eth0 type carp vhid 255 2>/dev/null
	check_fail $? "there is a 256th"
	ip netns exec "$client" python3 -S "$here/ask_all.py"
	check_err $? "see above"
	all_masters
	check_err $? "$(masters) and not 255 are MASTER any more"
	ip -n "$a" -s -d link show type carp | grep -q 'rx_adverts [1-9]'
	check_fail $? "one has heard another"
	now_ms
	ip -n "$a" link del group 7
	check_err $? "they cannot be removed"
	took "255 devices removed"
	[ -z "$(ip -n "$a" link show type carp)" ]
	check_err $? "some are still there"
	! bridge -n "$a" fdb show dev eth0 | grep -q 00:00:5e:00:01
	check_err $? "the parent still accepts a virtual MAC address"
	end_test "255 vhids on one parent"
}

lan client=192.0.2.10 a=192.0.2.11
ip -n "$client" route add 10.0.0.0/24 dev eth0
run_tests
