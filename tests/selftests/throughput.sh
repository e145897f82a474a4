#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Traffic through a carp device.
#
#       client           a: MASTER          b: BACKUP
#     192.0.2.10      192.0.2.11         192.0.2.12
#          |          carp0              carp0
#          +--------------+------------------+      sw: br0
#
# Asserted: a megabyte arrives as it was sent, from and to the address, with the
# offloads of the parent and without; it goes through carp0 of the MASTER, as its
# counters say; after a take-over it comes from the other node, and only from it;
# iperf3 gets through in both directions (its figures are printed); a packet that
# is larger than the MTU comes through in fragments.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	megabyte
	without_offloads
	fragments
	rates
	after_take_over
"

# serve NAMESPACE FILE: to everybody who connects, over and over.
serve() {
	ip netns exec "$1" busybox nc -ll -p 5000 -e cat "$2" &
	defer kill_process $!
	wait_local_port_listen "$1" 5000 tcp
}

# fetched FILE: comes from the shared address.
fetched() {
	ip netns exec "$client" timeout "$WAIT_TIMEOUT" busybox nc "$vip" 5000 </dev/null | cmp - "$1"
	check_err $? "what came is not what was sent"
}

# receive NAMESPACE: what is sent to it, into $tmp/received.
receive() {
	ip netns exec "$1" busybox nc -ll -p 5001 -e sh -c "cat >$tmp/received" &
	defer kill_process $!
	wait_local_port_listen "$1" 5001 tcp
}

# sent FILE: to the shared address, where somebody receives.
sent() {
	rm -f "$tmp/received"
	ip netns exec "$client" timeout "$WAIT_TIMEOUT" busybox nc "$vip" 5001 <"$1" >/dev/null
	check_err $? "it could not be sent"
	cmp "$tmp/received" "$1"
	check_err $? "what arrived is not what was sent"
}

offloads() {
	ip netns exec "$1" ethtool -K eth0 tx "$2" tso "$2" gso "$2" gro "$2" >/dev/null
}

bytes_through() {
	ip -n "$1" -j -s link show carp0 | jq '.[0].stats64.rx.bytes'
}

megabyte()
{
	RET=0
	local before
	before=$(bytes_through "$a")
	serve "$a" "$tmp/from_a"
	serve "$b" "$tmp/from_b"
	receive "$a"
	fetched "$tmp/from_a"
	sent "$tmp/from_b"
	(($(bytes_through "$a") - before > 1000000))
	check_err $? "it did not go through carp0"
	[ "$(bytes_through "$b")" = 0 ]
	check_err $? "something went through carp0 of the BACKUP"
	end_test "a megabyte from and to the shared address"
}

without_offloads()
{
	RET=0
	local ns
	for ns in "$client" "$a"; do
		offloads "$ns" off
		check_err $? "the offloads cannot be switched off"
		defer offloads "$ns" on
	done
	serve "$a" "$tmp/from_a"
	receive "$a"
	fetched "$tmp/from_a"
	sent "$tmp/from_b"
	end_test "a megabyte without offloads"
}

fragments()
{
	RET=0
	ip netns exec "$client" ping -q -c 1 -W $((5 * slow)) -s 20000 "$vip" >/dev/null
	check_err $? "no answer to 20000 bytes"
	ip netns exec "$client" ping -q -c 1 -W $((5 * slow)) -s 1472 -M "do" "$vip" >/dev/null
	check_err $? "no answer to 1500 bytes in one"
	end_test "packets up to the MTU and above it"
}

rates()
{
	RET=0
	local direction
	ip netns exec "$a" iperf3 -s -B "$vip" >/dev/null 2>&1 &
	defer kill_process $!
	wait_local_port_listen "$a" 5201 tcp
	for direction in "" --reverse; do
		# shellcheck disable=SC2086 # a word or none
		ip netns exec "$client" iperf3 -J -t "$slow" -c "$vip" $direction >"$tmp/iperf"
		check_err $? "iperf3 $direction failed"
		jq -e '.end.sum_received.bytes > 1000000' "$tmp/iperf" >/dev/null
		check_err $? "iperf3 $direction got nothing through"
		echo "	$(jq '.end.sum_received.bits_per_second / 1e6 | floor' "$tmp/iperf") Mbit/s ${direction:-to the address}"
	done
	end_test "iperf3 in both directions"
}

after_take_over()
{
	RET=0
	serve "$a" "$tmp/from_a"
	serve "$b" "$tmp/from_b"
	fetched "$tmp/from_a"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	fetched "$tmp/from_b"
	receive "$b"
	sent "$tmp/from_a"
	local before
	before=$(bytes_through "$a")
	fetched "$tmp/from_b"
	[ "$(bytes_through "$a")" = "$before" ]
	check_err $? "something still goes through the former MASTER"
	end_test "a megabyte after a take-over"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
head -c 1000000 /dev/urandom >"$tmp/from_a"
head -c 1000000 /dev/urandom >"$tmp/from_b"
carp_add "$a" advbase 0 advskew 26
becomes "$a" master
carp_add "$b" advbase 0 advskew 51
hears "$b" 2
run_tests
