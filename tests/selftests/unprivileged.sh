#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a user without rights can do with carp devices, in a namespace of its own.
#
#     the host                     the namespace of nobody
#     host0 on h0 ---- h1          carp devices on u0 ---- u1
#
# Asserted: names are escaped in the kernel log, and a line names the namespace; whatever the
# namespaces have to say, it is ten lines in five seconds, the rest is counted, and a device of the
# host is still heard.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	notices
"

# user_add: $user is a process in a user namespace and a network namespace of nobody, with u0 and u1.
user_add() {
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urn sleep infinity &
	user=$!
	defer kill "$user"
	busywait "$BUSYWAIT_TIMEOUT" grep -q sleep "/proc/$user/comm"
	check_err $? "there is no user namespace"
	as_user ip -batch - <<<"$(printf '%s\n' "link add u0 type veth peer name u1" \
		"link set u0 up" "link set u1 up")"
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
	busywait "$BUSYWAIT_TIMEOUT" grep -qs 1 /sys/class/net/host0/carrier
	check_err $? "the host's device is not MASTER"

	mark="claims$RANDOM"
	echo "$mark" >/dev/kmsg
	as_user python3 "${claim[@]}" u1 192.0.2.{1..31}
	python3 "${claim[@]}" h1 198.51.100.1
	busywait "$BUSYWAIT_TIMEOUT" logged 'carp: host0: 198\.51\.100\.1 is said to be at .* as well'
	check_err $? "the host's device is silenced by those of the user"

	number=$(as_user readlink /proc/self/ns/net)
	number=${number//[^0-9]/}
	said="carp: c\\\\x1b\\\\xff\\\\x5c[0-9]+@$number: 192\.0\.2\.[0-9]+ is said to be at .* as well"
	busywait "$BUSYWAIT_TIMEOUT" logged "$said"
	check_err $? "no line with the escaped name and the namespace: $(log 'is said')"
	lines=$(log 'is said' | grep -vc host0)
	((lines <= 10))
	check_err $? "$lines lines, and not 10 at most"
	[ "$(log "$said" | wc -l)" = "$lines" ]
	check_err $? "lines of another form: $(log 'is said' | cat -v)"
	! logged $'[\e\xff]'
	check_err $? "control characters are in the log: $(log $'[\e\xff]' | cat -v)"

	# The five seconds have gone by.
	sleep 5.2
	as_user python3 "${claim[@]}" u1 "192.0.2.$last"
	busywait "$BUSYWAIT_TIMEOUT" logged "x5c$last@$number: "
	check_err $? "nothing is said any more"
	n=$(suppressed)
	((n + lines >= last - 1 && n >= last - 1 - 10))
	check_err $? "$n lines are said to be suppressed, after $lines of $((last - 1))"
	end_test "the kernel log bears a namespace of nobody"
}

user='' mark=''
run_tests
