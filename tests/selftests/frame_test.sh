#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests of the tests: each way to pass for nothing.
#
#     frame_test.sh ---- runs small scripts, each with frame.sh and lib.sh as any other has
#
# Asserted: a script fails if it ends before its tests have, if a command at file level
# fails, if the module does not load, if there is no test or not the one that is named;
# a test fails if it gives no verdict, if a check fails before RET=0, in a subshell, after
# the verdict or in a deferred command, and if what it looks at is not there: a process, a
# capture, a filter, a device, an attribute; a script fails that leaves something on a host
# when its carp devices are deleted. A script that does all of this right passes; of its
# tests those are run that TESTS names.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	sound
	named
	ends_early
	set_up_fails
	no_module
	no_test
	skipped
	lost_checks
	nothing_to_look_at
	left_behind
"

# of_script [OPTION...]: runs what standard input has after lib.sh, or after the $library on top of
# it; its output is in $tmp/output.
of_script() {
	{
		echo "set -u; source '$here/${library:-lib.sh}'"
		cat
	} >"$tmp/script.sh"
	env -u TESTS "$@" bash "$tmp/script.sh" >"$tmp/output" 2>&1
	status=$?
}

# ends_with STATUS PATTERN: it has, and has said so.
ends_with() {
	[ "$status" = "$1" ] && grep -q -- "$2" "$tmp/output"
	check_err $? "it ends with $status and not $1, or does not say '$2': $(tr '\n' ';' <"$tmp/output")"
}

# fails_at NAME PATTERN: this one of its tests has failed, for that reason.
fails_at() {
	grep -A2 "^TEST: $1 .*\[FAIL\]" "$tmp/output" | grep -q -- "$2"
	check_err $? "$1 does not fail with '$2'"
}

sound()
{
	RET=0
	of_script <<-'END'
		ALL_TESTS="one two"
		one() { RET=0; check_err 0 no; check_fail 1 no; end_test one; }
		two() {
			RET=0
			sleep 60 &
			defer kill_process $!
			capture "$a" lo all
			ip netns exec "$a" ping -q -c 1 127.0.0.1
			capture_end all
			packets_are 2 all "icmp and dst host 127.0.0.1"
			packets_are 0 all arp
			attr_is "$a" master ""
			attr_is "$a" vhid 1
			[ "$(attr "$a" vhid)" = 1 ]
			check_err $? "another vhid"
			end_test two
		}
		setup_ns a
		ip -n "$a" link add eth0 up type dummy
		carp_add "$a"
		run_tests
	END
	ends_with 0 'TEST: two .* OK'
	end_test "a sound script passes"
}

named()
{
	RET=0
	library=families.sh of_script TESTS="one two tow" <<-'END'
		ALL_TESTS_ONCE="one"
		ALL_TESTS="
			two
			three
		"
		one() { RET=0; end_test "one of $f"; }
		two() { RET=0; end_test "two of $f"; }
		three() { RET=0; end_test "three of $f"; }
		run_tests_in 4 6
	END
	ends_with 1 'no test tow'
	[ "$(sed -n 's/^TEST: \([a-z]* of [46]\) .*/\1/p' "$tmp/output" | tr '\n' ,)" = "one of 4,two of 4,two of 6," ]
	check_err $? "these were run: $(grep '^TEST' "$tmp/output")"
	end_test "those that are named are run, once or in each family"
}

ends_early()
{
	RET=0
	of_script <<<'exit 0'
	ends_with 1 'before its tests'
	of_script <<<'true'
	ends_with 1 'before its tests'
	of_script <<-'END'
		ALL_TESTS="one two"
		one() { RET=0; end_test one; exit 0; }
		two() { RET=0; check_err 1 two; end_test two; }
		run_tests
	END
	ends_with 1 'before its tests'
	end_test "a script that ends early"
}

set_up_fails()
{
	RET=0
	of_script <<-'END'
		ALL_TESTS="one"
		one() { RET=0; end_test one; }
		check_err 1 lost
		ip link set nobody up
		BUSYWAIT_TIMEOUT=300
		lan a=192.0.2.11
		lan_link a lo to_lo
		capture nobody lo all
		run_tests
	END
	ends_with 1 lost
	ends_with 1 'ip link set nobody up'
	ends_with 1 'lo of a could not'
	ends_with 1 'all does not start'
	of_script <<-'END'
		ALL_TESTS="one"
		one() { RET=0; end_test one; }
		defer check_err 1 lost
		run_tests
	END
	ends_with 1 lost
	end_test "a command at file level"
}

no_module()
{
	RET=0
	mkdir "$tmp/bin"
	ln -s /bin/false "$tmp/bin/modprobe"
	of_script env "PATH=$tmp/bin:$PATH" <<-'END'
		ALL_TESTS="one"
		one() { RET=0; end_test one; }
		run_tests
	END
	ends_with 1 'does not load'
	end_test "a module that does not load"
}

no_test()
{
	RET=0
	of_script <<-'END'
		ALL_TESTS=""
		run_tests
	END
	ends_with 1 'no test'
	of_script <<-'END'
		ALL_TESTS="one tow"
		one() { RET=0; end_test one; }
		two() { RET=0; end_test two; }
		run_tests
	END
	ends_with 1 'no test tow'
	of_script <<-'END'
		ALL_TESTS="one"
		one() { RET=0; }
		run_tests
	END
	ends_with 1 'without a verdict'
	end_test "a test that is not there, and one without a verdict"
}

skipped()
{
	RET=0
	of_script <<<'skip "for a reason"'
	ends_with 4 'for a reason'
	of_script <<-'END'
		ALL_TESTS="one two"
		one() { RET=0; check_err 1 lost; end_test one; }
		two() { RET=0; skip "for a reason"; end_test two; }
		run_tests
	END
	ends_with 1 'for a reason'
	end_test "a skip says why, and hides no failure"
}

lost_checks()
{
	RET=0
	of_script <<-'END'
		ALL_TESTS="before in_subshell in_pipe after deferred no_status"
		before() { check_err 1 lost; RET=0; end_test before; }
		in_subshell() { RET=0; (check_err 1 lost); end_test in_subshell; }
		in_pipe() { RET=0; echo | while read -r; do check_fail 0 lost; done; end_test in_pipe; }
		after() { RET=0; end_test; check_err 1 lost; }
		deferred() { RET=0; defer check_err 1 lost; end_test deferred-itself; }
		no_status() { RET=0; check_err "" lost; end_test no_status; }
		run_tests
	END
	ends_with 1 FAIL
	fails_at before lost
	fails_at in_subshell lost
	fails_at in_pipe lost
	fails_at 'after, after its last verdict' lost
	fails_at 'deferred, after its last verdict' lost
	fails_at no_status lost
	end_test "a check is not lost"
}

nothing_to_look_at()
{
	RET=0
	of_script <<-'END'
		ALL_TESTS="process filter host empty unknown killed running attribute no_value device"
		process() {
			RET=0
			sleep 0.1 &
			local pid=$!
			sleep 0.5
			kill_process "$pid"
			end_test process
		}
		filter() { RET=0; packets_are 0 some "no such filter"; end_test filter; }
		host() { RET=0; [ "$(packets some "src hots 1")" != 1 ]; check_err $? no; end_test host; }
		empty() { RET=0; packets_are 0 none arp; end_test empty; }
		unknown() { RET=0; packets_are "" unknown arp; end_test unknown; }
		killed() {
			RET=0
			capture "$a" lo all
			kill -9 "$(cat "$tmp/all.pid")"
			sleep 0.2
			capture_end all
			end_test killed
		}
		running() { RET=0; capture_end some; end_test running; }
		attribute() { RET=0; [ "$(attr "$a" vihd)" != 1 ]; check_err $? no; end_test attribute; }
		no_value() { RET=0; attr_is "$a" vihd ""; end_test no_value; }
		device() { RET=0; attr_is "$b" master ""; end_test device; }
		setup_ns a b
		ip -n "$a" link add eth0 up type dummy
		carp_add "$a"
		capture "$a" lo some
		capture "$a" lo none arp
		ip netns exec "$a" ping -q -c 1 127.0.0.1
		capture_end some
		capture_end none
		BUSYWAIT_TIMEOUT=300
		run_tests
	END
	ends_with 1 FAIL
	fails_at process 'ended by itself'
	fails_at filter 'no such filter'
	fails_at host 'src hots'
	fails_at empty 'empty capture'
	fails_at unknown 'unknown.pcap'
	fails_at killed 'not whole'
	fails_at running 'not whole'
	fails_at attribute 'no vihd'
	fails_at no_value 'cannot be missing'
	fails_at device 'master'
	end_test "what is not there shows nothing"
}

left_behind()
{
	RET=0
	of_script <<-'END'
		ALL_TESTS="one"
		one() {
			RET=0
			ip -n "$a" maddr add 01:00:5e:00:00:12 dev eth0
			ip -n "$a" link set eth0 promisc on
			ip -n "$a" neigh add proxy 192.0.2.1 dev eth0
			end_test one
		}
		setup_ns a
		ip -n "$a" link add eth0 up type dummy
		carp_add "$a"
		run_tests
	END
	ends_with 1 'eth0 link 01:00:5e:00:00:12'
	ends_with 1 'eth0 promiscuity 1'
	ends_with 1 '192.0.2.1 dev eth0 proxy'
	end_test "what is left on a host"
}

run_tests
