#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a user without rights can do with carp devices, in a namespace of its own.
#
#     the host                     the namespace of nobody
#     host0 on h0 ---- h1          carp devices on u0 ---- peer0
#
# Asserted: more devices, and shorter intervals, than the module's parameters say are refused to the
# user and not to the host's administrator, also to one who asks in two steps while nothing can be
# done; the memory of the user's devices is accounted to the user; names are escaped in the kernel log, and a line names the namespace; whatever the
# namespaces have to say, it is ten lines in five seconds, the rest is counted, and a device of the
# host is still heard.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	number
	interval
	memory
	notices
"

# user_add: $user is a process in a user namespace and a network namespace of nobody, with u0 and u1.
user_add() {
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urn sleep infinity &
	user=$!
	defer kill_process "$user"
	busywait "$BUSYWAIT_TIMEOUT" has_said "/proc/$user/comm" sleep
	check_err $? "there is no user namespace"
	as_user ip -batch - <<<"$(printf '%s\n' "link add u0 type veth peer name peer0" \
		"link set u0 up" "link set peer0 up")"
	check_err $? "the user has no rights in its own namespace"
}

# as_user COMMAND...: root in the user's namespaces, and nobody elsewhere.
as_user() {
	nsenter -t "$user" -U -n -S 0 -G 0 "$@"
}

# log PATTERN: the lines of the kernel log since $mark that match it, byte by byte.
log() {
	busybox dmesg | sed "1,/$mark/d" | LC_ALL=C grep -aE "$1"
}

logged() {
	log "$1" >/dev/null
}

# devices N: what ip is to do for so many, with names that ip lets pass.
devices() {
	local n name
	for ((n = 1; n <= $1; n++)); do
		printf -v name 'c\e\xff\\%d' "$n"
		echo "link add $name link u0 type carp vhid $n advbase 0 advskew 26"
		echo "addr add 192.0.2.$n/32 dev $name"
		echo "link set $name up"
	done
}

all_are_up() {
	[ "$(as_user ip -o link show type carp up | grep -c LOWER_UP)" = "$1" ]
}

suppressed() {
	log 'carp: [0-9]+ callbacks suppressed' | awk '{ n += $(NF - 2) } END { print n + 0 }'
}

# as_root COMMAND...: the host's administrator, in the user's network namespace.
as_root() {
	nsenter -t "$user" -n "$@"
}

# refused SENTENCE COMMAND...
refused() {
	local sentence=$1 said
	shift
	said=$("$@" 2>&1)
	check_fail $? "not refused: $*"
	[ "$said" = "Error: $sentence." ]
	check_err $? "$*: $said"
}

# allowed COMMAND...
allowed() {
	"$@"
	check_err $? "refused: $*"
}

# param NAME VALUE: until the end of the test.
param() {
	defer eval "echo $(cat "$parameters/$1") >$parameters/$1"
	echo "$2" >"$parameters/$1"
	check_err $? "$1 is not to be $2"
}

number()
{
	RET=0
	local add="ip link add u65 link u0 type carp vhid 65"
	local sentence="more carp devices than the module's user_devices_max take rights on the host itself"
	[ "$(cat "$parameters/user_devices_max")" = 64 ]
	check_err $? "64 is not the default"
	user_add
	as_user ip -batch - <<<"$(printf 'link add u%d link u0 type carp vhid %d\n' {1..64}{,})"
	check_err $? "the user may not have 64 devices"
	# shellcheck disable=SC2086 # words
	{
		refused "$sentence" as_user $add
		allowed as_root $add
		allowed as_user ip link del u65
		param user_devices_max 65
		allowed as_user $add
		refused "$sentence" as_user ${add//65/66}
	}
	end_test "a user has so many devices, and the host's administrator any number"
}

# The asking is what counts, since nothing can be done while somebody is inside.
interval()
{
	RET=0
	local set="ip link set u1 type carp" number
	local sentence="an interval below the module's user_interval_min_ms takes rights on the host itself"
	local add="ip link add u1 link u0 type carp vhid 1 advbase 0"
	[ "$(cat "$parameters/user_interval_min_ms")" = 100 ]
	check_err $? "100 ms are not the default"
	! echo 256001 2>/dev/null >"$parameters/user_interval_min_ms"
	check_err $? "an interval that there is not may be the limit"
	user_add
	number=$(as_user readlink /proc/self/ns/net)
	# shellcheck disable=SC2086 # words
	{
		refused "$sentence" as_user $add
		refused "$sentence" as_user $add advskew 25
		refused "$sentence" as_user $add advskew 25 demotion 240
		allowed as_user $add advskew 26
		refused "$sentence" as_user $set advskew 25
		refused "$sentence" as_user $set advskew 0 preempt on
		[[ $(as_root ip -d link show u1) == *"advskew 26 preempt off"* ]] ||
			fail "changed: $(as_root ip -d link show u1)"
		allowed as_root $set advskew 5
		# What the administrator has set is no matter of other settings.
		allowed as_user $set preempt on
		refused "$sentence" as_user $set advskew 6
		param user_interval_min_ms 20
		refused "$sentence" as_user $set advskew 4
		allowed as_user $set advskew 6
		param user_interval_min_ms 1000
		refused "$sentence" as_user $set advskew 254
		allowed as_user $set advbase 1 advskew 0
		param user_interval_min_ms 100

		allowed as_user $set advbase 1 advskew 0
		allowed as_user ip addr add 192.0.2.1/32 dev u1
		allowed as_user ip link set u1 up
		busywait "$BUSYWAIT_TIMEOUT" all_are_up 1
		check_err $? "the device is not MASTER"
		echo "hold 1" >"/sys/kernel/debug/carp/u0@${number//[^0-9]/}"
		check_err $? "nobody is inside"
		allowed as_user ip link set u0 address 02:00:00:00:00:77
		allowed as_user $set advbase 0 advskew 26
		refused "$sentence" as_user $set advskew 0
		echo "release 1" >"/sys/kernel/debug/carp/u0@${number//[^0-9]/}"
		busywait "$BUSYWAIT_TIMEOUT" advertises "advbase 0 advskew 26" ||
			fail "not what was asked for: $(as_root ip -d link show u1)"
	}
	end_test "a user's adverts are so far apart, and those of the host's administrator as near as there are"
}

advertises() {
	[[ $(as_root ip -d link show u1) == *" $1 "* ]]
}

# charged: bytes of kernel memory that the group is charged for.
charged() {
	awk '$1 == "kernel" { print $2 }' "$group/memory.stat"
}

memory()
{
	RET=0
	local was with
	user_add
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p "$group"
	defer rmdir "$group"
	was=$(charged)
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		as_user ip -batch - <<<"$(printf 'link add u%d link u0 type carp vhid %d\n' {1..60}{,})"
	)
	check_err $? "the user has no carp devices"
	with=$(charged)
	echo "# 60 devices: $((with - was)) bytes"
	between $((60 * 10000)) $((with - was)) $((60 * 100000)) "bytes are charged for 60 devices"
	end_test "a user's devices are charged to the user"
}

notices()
{
	RET=0
	local n said number lines last=32
	local claim=("$here/send_claims.py")
	user_add
	ip link add h0 type veth peer name h1
	defer ip link del h0
	ip link set h0 up
	ip link set h1 up
	ip link add host0 link h0 type carp vhid 1 advbase 0 advskew 26
	ip addr add 198.51.100.1/32 dev host0
	ip link set host0 up
	devices "$last" | as_user ip -batch -
	check_err $? "the user has no carp devices"
	busywait "$BUSYWAIT_TIMEOUT" all_are_up "$last"
	check_err $? "not all devices of the user are MASTER"
	busywait "$BUSYWAIT_TIMEOUT" has_said /sys/class/net/host0/carrier 1
	check_err $? "the host's device is not MASTER"

	mark="claims$RANDOM"
	echo "$mark" >/dev/kmsg
	as_user python3 "${claim[@]}" peer0 192.0.2.{1..31}
	python3 "${claim[@]}" h1 198.51.100.1
	busywait "$BUSYWAIT_TIMEOUT" logged 'carp: host0: duplicate address 198\.51\.100\.1, claimed by'
	check_err $? "the host's device is silenced by those of the user"

	number=$(as_user readlink /proc/self/ns/net)
	number=${number//[^0-9]/}
	said="carp: c\\\\x1b\\\\xff\\\\x5c[0-9]+@$number: duplicate address 192\.0\.2\.[0-9]+, claimed by"
	busywait "$BUSYWAIT_TIMEOUT" logged "$said"
	check_err $? "no line with the escaped name and the namespace: $(log 'duplicate address')"
	lines=$(log 'duplicate address' | grep -vc host0)
	((lines <= 10))
	check_err $? "$lines lines, and not 10 at most"
	[ "$(log "$said" | wc -l)" = "$lines" ]
	check_err $? "lines of another form: $(log 'duplicate address' | cat -v)"
	! logged $'[\e\xff]'
	check_err $? "control characters are in the log: $(log $'[\e\xff]' | cat -v)"

	# The five seconds have gone by.
	sleep 5.2
	as_user python3 "${claim[@]}" peer0 "192.0.2.$last"
	busywait "$BUSYWAIT_TIMEOUT" logged "x5c$last@$number: "
	check_err $? "nothing is said any more"
	n=$(suppressed)
	((n + lines >= last - 1 && n >= last - 1 - 10))
	check_err $? "$n lines are said to be suppressed, after $lines of $((last - 1))"
	end_test "the kernel log bears a namespace of nobody"
}

user='' mark=''
parameters=/sys/module/carp/parameters group=/sys/fs/cgroup/carp_test
run_tests
