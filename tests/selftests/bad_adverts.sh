#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Adverts with a fault.
#
#       client              a
#     192.0.2.10       192.0.2.11
#     forges adverts   carp0
#          |                |
#          +----------------+      sw: br0
#
# Asserted: each is counted by its cause, once, and changes nothing (see
# send_bad_adverts.py for the list), whether the node is BACKUP or MASTER; a
# thousand of them print nothing to the kernel log; one that is sent to a host or to
# all of them, and not to the group, is none; in strict mode a counter that does not
# grow is refused, and without it accepted; the log says so, once.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	to_a_backup
	to_a_master
	not_to_the_group
	replayed
	kernel_log
"

# It stays BACKUP for four minutes by itself.
calm="advbase 60 advskew 200"

send_bad_adverts() {
	ip netns exec "$client" python3 -S "$here/send_bad_adverts.py" "$1" "$a"
	check_err $? "see above"
}

to_a_backup()
{
	RET=0
	# shellcheck disable=SC2086 # words
	carp_add "$a" $calm
	send_bad_adverts backup
	end_test "a BACKUP refuses adverts with a fault"
}

to_a_master()
{
	RET=0
	# shellcheck disable=SC2086 # words
	carp_add "$a" $calm
	ip -n "$a" link set carp0 type carp state master advbase 1 advskew 0
	becomes "$a" master
	send_bad_adverts master
	end_test "a MASTER refuses adverts with a fault"
}

# forge OPTION=VALUE...: sends an advert with these fields of wire.advert(), over IPv6 if $family
# is 6; to the MAC address $to, if there is one.
forge() {
	local fields
	fields=$(IFS=,; echo "$*")
	ip netns exec "$client" env PYTHONPATH="$here" python3 -c "
import socket, wire
wires = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wires.bind(('eth0', 0))
advert = wire.advert(b'secret', ['$vip'], advbase=1, $fields)
if '${family:-4}' == '6':
    data = wire.frame6(wire.packet6(advert, 'fe80::10'))
else:
    data = wire.frame(wire.packet(advert, '192.0.2.10'))
to = bytes.fromhex('${to:-}'.replace(':', ''))
data = to + data[len(to):]
for _ in range(${repeat:-1}):
    wires.send(data)
"
}

not_to_the_group()
{
	RET=0
	local own to family counter=$(($(date +%s) << 32))
	# shellcheck disable=SC2086 # words
	carp_add "$a" $calm
	own=$(ip -n "$a" -j link show eth0 | jq -r '.[0].address')
	for family in 4 6; do
		for to in "$own" ff:ff:ff:ff:ff:ff ''; do
			forge counter=$((++counter))
		done
	done
	attr_is "$a" rx_adverts 2
	attr_is "$a" rx_adverts_v6 1
	end_test "an advert that is not sent to the group is none"
}

replayed()
{
	RET=0
	local now=$(($(date +%s) << 32)) lines
	lines=$(dmesg | wc -l)
	# shellcheck disable=SC2086 # words
	carp_add "$a" $calm
	forge counter=$((now + 7))
	attr_is "$a" rx_adverts 1
	forge counter=$((now + 7))
	forge counter=$((now + 6))
	attr_is "$a" rx_adverts 3
	ip -n "$a" link set carp0 type carp strict on
	forge counter=$((now + 7))
	attr_is "$a" rx_adverts 4
	forge counter=$((now + 7))
	attr_is "$a" replayed 1
	forge counter=$((now + 6))
	attr_is "$a" replayed 2
	forge counter=$((now + 8))
	attr_is "$a" rx_adverts 5
	stays "$a" backup
	lines=$(dmesg | tail -n +$((lines + 1)) |
		grep -cE 'carp: carp0@[0-9]+: 192\.0\.2\.10 sends counters that do not grow: with strict')
	[ "$lines" = 1 ]
	check_err $? "the log says so $lines times"
	# Whoever asks for it again is told again.
	lines=$(dmesg | wc -l)
	ip -n "$a" link set carp0 type carp strict on
	forge counter=$((now + 6))
	attr_is "$a" replayed 3
	forge counter=$((now + 6))
	attr_is "$a" replayed 4
	lines=$(dmesg | tail -n +$((lines + 1)) | grep -c 'sends counters that do not grow')
	[ "$lines" = 1 ]
	check_err $? "the log says so $lines times more"
	end_test "strict refuses a counter that does not grow"
}

kernel_log()
{
	RET=0
	local lines repeat=1000
	# shellcheck disable=SC2086 # words
	carp_add "$a" $calm
	lines=$(dmesg | wc -l)
	forge version_type=0x31
	attr_is "$a" parent_bad_version 1000
	forge vhid=2
	attr_is "$a" parent_bad_vhid 1000
	lines=$(($(dmesg | wc -l) - lines))
	((lines <= 1))
	check_err $? "the kernel log has $lines new lines"
	end_test "nothing is printed for a packet"
}

lan client=192.0.2.10 a=192.0.2.11
run_tests
