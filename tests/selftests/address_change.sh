#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A list of addresses that changes on a running pair, on one node and later on the
# other.
#
#            a                 b
#       192.0.2.11        192.0.2.12
#       250 ms interval   301 ms interval
#        MASTER            BACKUP
#            |                 |
#            +-----------------+      sw: br0
#
# Asserted: within the grace period either node may be changed first, and neither
# changes its state; if nobody follows, the BACKUP takes over behind the grace period
# and not before; without one, at once. A MASTER announces each address once that it
# is given, and none that it had.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	master_first
	backup_first
	nobody_follows
	no_grace
	another_key
	announced_once
"

# The other node is changed within it, and looked at several times before that.
grace=$((3 * slow))

# B waits for three of its own intervals and its advskew, counted from the last advert of A that it
# accepts.
waits_min=$((3 * 301 + 301 - 250 - 100))
waits_max=$((3 * 301 + 301 + slack))

# pair GRACE
pair() {
	carp_add "$a" advbase 0 advskew 64 grace "$1"
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 77 grace "$1"
	hears "$b" 2
	stays "$b" backup
}

# change NAMESPACE: one address more.
change() {
	ip -n "$1" addr add 192.0.2.2/32 dev carp0
}

# first_then FIRST SECOND
first_then() {
	local was_a was_b
	pair "$grace"
	was_a=$(attr "$a" changed)
	was_b=$(attr "$b" changed)
	change "$1"
	hears "$b" 5
	change "$2"
	# Beyond both nodes' grace periods.
	sleep $((2 * grace + 1))
	hears "$b" 5
	attr_is "$a" changed "$was_a"
	attr_is "$b" changed "$was_b"
	attr_is "$b" bad_auth 0
}

master_first()
{
	RET=0
	first_then "$a" "$b"
	end_test "the MASTER is changed first"
}

backup_first()
{
	RET=0
	first_then "$b" "$a"
	end_test "the BACKUP is changed first"
}

# told SENTENCE: the kernel's log has had this notice since the lines, once.
told() {
	busywait "$BUSYWAIT_TIMEOUT" notices_are 1 "$1"
	check_err $? "$(notices "$1" | wc -l) notices, and not 1: carp0: $1"
}

notices() {
	dmesg | tail -n +$((lines + 1)) | grep -E "carp: carp0@[0-9]+: $1"
}

notices_are() {
	[ "$(notices "$2" | wc -l)" = "$1" ]
}

nobody_follows()
{
	RET=0
	pair "$grace"
	lines=$(dmesg | wc -l)
	now_ms
	local changed_at=$now
	change "$a"
	becomes "$b" master
	between $((grace * 1000 + waits_min)) $(($(attr "$b" changed) - changed_at)) \
		$((grace * 1000 + waits_max)) "ms until B was MASTER"
	# B, which is deaf to A; and A, which hears B's old list.
	told "192.0.2.11 has another key, or other addresses: its adverts are ignored"
	told "the addresses of 192.0.2.12 differ: it has not followed the last change"
	end_test "nobody follows, and the log says so"
}

another_key()
{
	RET=0
	local deaf
	pair 0
	ip -n "$b" link set carp0 type carp pass other
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 2 attr "$b" bad_auth >/dev/null
	check_err $? "B has another key, and hears A"
	ip -n "$a" link set carp0 type carp pass other
	hears "$b" 2
	deaf=$(attr "$b" bad_auth)
	hears "$b" 3
	attr_is "$b" bad_auth "$deaf"
	becomes "$a" master
	becomes "$b" backup
	end_test "another key on one node, and on the other"
}

no_grace()
{
	RET=0
	pair 0
	now_ms
	local changed_at=$now
	change "$a"
	becomes "$b" master
	between "$waits_min" $(($(attr "$b" changed) - changed_at)) "$waits_max" "ms until B was MASTER"
	end_test "without a grace period"
}

announced_once()
{
	RET=0
	pair 60
	# Behind what a new MASTER announces a second time.
	hears "$b" 4
	capture "$b" eth0 new arp or icmp6
	local number
	for number in 21 22 23 24; do
		ip -n "$a" addr add "192.0.2.$number/32" dev carp0
		ip -n "$a" addr add "2001:db8:2::$number/128" dev carp0
	done
	ip netns exec "$a" carp sync
	check_err $? "carp sync"
	busywait "$BUSYWAIT_TIMEOUT" announced_v6 24
	capture_end new
	for number in 21 22 23 24; do
		packets_are 1 new "arp src host 192.0.2.$number"
		packets_are 1 new "$(announcement_v6 "$number")"
	done
	packets_are 0 new "arp src host $vip"
	stays "$a" master
	end_test "a MASTER announces what is new"
}

announcement_v6() {
	echo "icmp6 and ip6[40] = 136 and ip6[60:4] = 0x$1"
}

announced_v6() {
	(($(packets new "$(announcement_v6 "$1")") >= 1))
}

lan a=192.0.2.11 b=192.0.2.12
run_tests
