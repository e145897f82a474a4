#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Requests that ip would not make.
#
#          a
#     192.0.2.11
#     eth0, carp0, carp9
#          |
#          +---- sw: br0
#
# Asserted: each fails with its error number and a sentence, and changes nothing
# (bad_netlink.py has the list: unknown and truncated attributes, all out of range
# by one and by far, what can only be read, what cannot be changed, users without
# rights); the device goes on being MASTER.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	refused
"

refused()
{
	RET=0
	local was
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	was=$(attr "$a" changed)
	ip -n "$a" link add carp9 link eth0 type carp vhid 9
	ip netns exec "$a" python3 -S "$here/bad_netlink.py"
	check_err $? "see above"
	attr_is "$a" advskew 77
	stays "$a" master
	attr_is "$a" changed "$was"
	end_test "wrong requests are refused and change nothing"
}

lan a=192.0.2.11
run_tests
