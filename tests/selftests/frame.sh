# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# How a test comes to its verdict, on top of the kernel's net/lib.sh. A test passes only
# if everything in it was reached: whatever does not happen is a failure.
#
#   at file level          every command that fails is a failure of the set-up
#   in a test              check_err and check_fail, also in a subshell and in what is deferred
#   a test                 is a function that exists, and gives a verdict (end_test)
#   a process started      runs until kill_process
#   the script             comes to the end of run_tests, or says why it cannot (skip)
#
# frame_test.sh has a script for each way to pass for nothing.

# The verdicts, as net/lib.sh has them.
: "${ksft_fail:=1}" "${ksft_skip:=4}"

retmsg=''
tmp=$(mktemp -d)
script=${0##*/}
# What has failed since the last verdict, a line each. A file, as a subshell cannot set a variable.
failures=$tmp/failures
: >"$failures"
# How many verdicts were given, and whether all that are due were.
verdicts=0 complete=''

fail() {
	RET=$ksft_fail
	echo "$1" >>"$failures" || exit "$ksft_fail"
}

# check_err STATUS MESSAGE
check_err() {
	[ "$1" = 0 ] || fail "$2"
}

# The kernel log says to whom a report belongs.
mark() {
	[ ! -w /dev/kmsg ] || echo "kselftest: $script: $*" >/dev/kmsg
}

# end_test NAME: the verdict on what has failed since the last one.
end_test() {
	local ns
	verdicts=$((verdicts + 1))
	if [ -s "$failures" ]; then
		RET=$ksft_fail
		retmsg=$(head -n 20 "$failures")
		: >"$failures"
		for ns in "${NS_LIST[@]}"; do
			ip -n "$ns" -s -d link show type carp 2>/dev/null | sed "s/^/	$ns: /"
		done
		mark "failed: $1"
	fi
	# net/lib.sh is not written for set -u.
	set +u
	log_test "$1"
	set -u
	RET=0 retmsg=''
}

# run_test NAME: and whatever is deferred in it.
run_test() {
	local before=$verdicts
	mark "$1${ipv:+, $ipv}"
	if declare -F "$1" >/dev/null; then
		in_defer_scope "$1"
		((verdicts > before)) || fail "$1 has ended without a verdict"
	else
		fail "there is no test $1"
	fi
	[ ! -s "$failures" ] || end_test "$1, after its last verdict"
}

# each_test NAME...
each_test() {
	local name
	for name; do
		run_test "$name"
	done
}

# start_tests: the set-up is over.
start_tests() {
	modprobe carp
	check_err $? "the module does not load"
	remember_hosts
	[ -s "$failures" ] || return 0
	end_test "the set-up"
	complete=yes
	exit "$EXIT_STATUS"
}

end_tests() {
	((verdicts > 0)) || fail "there was no test"
	nothing_is_left
	[ ! -s "$failures" ] || end_test "nothing is left"
	complete=yes
	exit "$EXIT_STATUS"
}

run_tests() {
	start_tests
	# shellcheck disable=SC2086 # a list of words
	each_test ${TESTS:-$ALL_TESTS}
	end_tests
}

# skip REASON: what this kernel or machine cannot do.
skip() {
	echo "SKIP: $1"
	complete=yes
	((EXIT_STATUS == 0)) || exit "$EXIT_STATUS"
	exit "$ksft_skip"
}

clean_up() {
	local status=$?
	set +u
	defer_scopes_cleanup
	[ -n "$complete" ] || fail "$script has ended before its tests had"
	if [ -s "$failures" ]; then
		end_test "the end of $script"
		status=$ksft_fail
	fi
	cleanup_all_ns
	rm -rf "$tmp"
	mark "ends with $status"
	exit "$status"
}
trap clean_up EXIT

# kill_process PID [SIGNAL]: ends what was started in the background, once. One that has ended by
# itself did not do what the test counts on.
has_killed=' '
kill_process() {
	[[ $has_killed != *" $1 "* ]] || return 0
	has_killed+="$1 "
	[[ " $(jobs -rp | tr '\n' ' ')" == *" $1 "* ]]
	check_err $? "a process of the test has ended by itself"
	# shellcheck disable=SC2015 # both may fail
	{ kill "-${2:-TERM}" "$1" && wait "$1"; } 2>/dev/null
	return 0
}

# A file to wait for in vain: read's time-out is a sleep without a process.
exec {never}<> <(:)

# loopy_wait SLEEP MILLISECONDS COMMAND...: until it succeeds; prints what it printed last. What
# net/lib.sh waits with; there it starts processes as fast as it can. Here COMMAND runs in this very
# shell, and is tried after a fifth of the time again, but not before $first_pause milliseconds, if set: a
# short wait ends soon, a long one costs little.
loopy_wait() {
	local __wait_begin=${EPOCHREALTIME/./} __wait_ms=0 __wait_pause __wait_status=0
	# It may wait for something in its turn.
	local __wait_depth=$((${__wait_depth:-0} + 1))
	local __wait_limit=$2 __wait_said=$tmp/said.$BASHPID.$__wait_depth
	shift 2
	until "$@" >"$__wait_said"; do
		__wait_ms=$(((${EPOCHREALTIME/./} - __wait_begin) / 1000))
		if ((__wait_ms > __wait_limit)); then
			__wait_status=1
			break
		fi
		__wait_pause=$((__wait_ms < 1250 ? __wait_ms / 5 : 250))
		((__wait_pause >= ${first_pause:-20})) || __wait_pause=${first_pause:-20}
		printf -v __wait_pause '0.%03d' "$__wait_pause"
		read -rt "$__wait_pause" -u "$never"
	done
	[ ! -s "$__wait_said" ] || echo -n "$(<"$__wait_said")"
	return "$__wait_status"
}

# until_counter_is EXPRESSION COMMAND...: as net/lib.sh has it, in this shell.
until_counter_is() {
	local __counter_file=$tmp/counter.$BASHPID __counter='' __counter_is
	"${@:2}" >"$__counter_file"
	read -r __counter <"$__counter_file"
	echo "$__counter"
	__counter_is="$__counter $1"
	((__counter_is))
}

# What net/lib/sh/defer.sh does with a process for each number that it counts.
declare -A __DEFER__JOBS __DEFER__NJOBS
__defer__schedule() {
	local __defer_track=$__DEFER__SCOPE_ID,$1 __defer_number
	__defer_number=${__DEFER__NJOBS[$__defer_track]}
	shift
	__DEFER__JOBS[$__defer_track,$__defer_number]=${*@Q}
	__DEFER__NJOBS[$__defer_track]=$((__defer_number + 1))
}

__defer__scope_wipe() {
	__DEFER__NJOBS[$__DEFER__SCOPE_ID,d]=0
	__DEFER__NJOBS[$__DEFER__SCOPE_ID,p]=0
}

defer_scope_pop() {
	local __defer_track __defer_number
	for __defer_track in p d; do
		__defer_track=$__DEFER__SCOPE_ID,$__defer_track
		for ((__defer_number = __DEFER__NJOBS[$__defer_track]; __defer_number-- > 0; )); do
			eval "${__DEFER__JOBS[$__defer_track,$__defer_number]}"
			unset "__DEFER__JOBS[$__defer_track,$__defer_number]"
		done
	done
	__defer__scope_wipe
	((__DEFER__SCOPE_ID--))
}

mark "starts"
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
