#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every request, with its first, second, third ... allocation failing.
#
#            a
#     192.0.2.11, a1, a2 ... on eth0
#            |
#            +-----      sw: br0
#
# Asserted: each either works entirely or is refused for want of memory, and then
# everything is as before; a change of the parent's MAC address is never lost, and
# nor is anything else when one in a hundred of what the module allocates fails, of IPv6
# as well; nothing is left in the end. Needs fault injection, which the debug kernel has.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	each_request
	some_fail
	nothing_left
"

# fault_injection NAME: only what is asked for with fail-nth fails, nothing is exempt, and
# the kernel log stays readable.
fault_injection() {
	local dir=/sys/kernel/debug/$1
	write "$dir/ignore-gfp-wait" N &&
		write "$dir/verbose" 0 &&
		write "$dir/probability" 0 &&
		write "$dir/times" -1
}

each_request()
{
	local case
	trace_on carp
	for case in ${STORM_CASES:-$(python3 -S "$storms/failnth.py" list)}; do
		RET=0
		python3 -S "$storms/failnth.py" "$a" "$case"
		check_err $? "see above"
		end_test "allocations fail one by one: $case"
	done
}

# One in a hundred of what is allocated below the module's own functions fails, in requests and in
# the work behind them alike; a request that makes a device allocates three hundred times.
some_fail()
{
	RET=0
	local dir=/sys/kernel/debug/failslab text
	text=$(cat /sys/module/carp/sections/.text)
	write "$dir/require-start" "$text"
	write "$dir/require-end" "$(printf '0x%x' $((text + $(cat /sys/module/carp/coresize))))"
	write "$dir/stacktrace-depth" 32
	ip netns exec "$a" sysctl -qw net.ipv6.conf.all.disable_ipv6=0
	ip netns exec "$a" sysctl -qw net.ipv6.conf.default.disable_ipv6=0
	trace_on carp
	defer write "$dir/probability" 0
	defer write "$dir/stacktrace-depth" 0
	python3 -S "$storms/somefail.py" "$a" "$dir/probability" "${STORM_ROUNDS:-50}"
	check_err $? "see above"
	end_test "one in a hundred of the module's allocations fails"
}

nothing_left()
{
	RET=0
	[ -z "$(ls /sys/kernel/debug/carp)" ]
	check_err $? "debugfs still has $(ls /sys/kernel/debug/carp)"
	in_time rmmod carp
	in_time ip -n "$sw" link del to_a
	end_test "nothing is left"
}

if [ ! -e /proc/self/fail-nth ] || [ ! -d /sys/kernel/debug/failslab ]; then
	skip "This kernel cannot fail an allocation: CONFIG_FAULT_INJECTION is off. KERNEL=debug has it."
fi
fault_injection failslab
fault_injection fail_page_alloc
write /sys/kernel/debug/fail_page_alloc/min-order 0
lan a=192.0.2.11
ip netns exec "$a" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec "$a" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
run_tests
