#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a MASTER sends, byte by byte.
#
#       client              a
#     192.0.2.10       192.0.2.11
#          |                |
#          +----------------+      sw: br0
#
# Asserted: every advert, from the first to the leaving one, equals the one that
# a few lines of Python make (check_adverts.py); the addresses are announced with
# the first advert and with the second one after it; tcpdump decodes the adverts
# and finds nothing wrong. With several keys, address lists, priorities.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	passphrase
	no_key_vhid_255
	raw_key_many_addresses
	demoted
	parent_without_address
	fastest
	not_sent
"

# master_sends "CHECKS" "ADDRESSES" OPTION...: carp0 of A from its start to its end.
master_sends() {
	local checks=$1 address
	local -a check
	read -ra check <<<"$checks"
	local addresses=$2
	shift 2
	capture "$client" eth0 sent ip proto 112 or arp
	ip -n "$a" link add carp0 link eth0 type carp "$@"
	check_err $? "carp0 could not be made"
	for address in $addresses; do
		ip -n "$a" addr add "$address" dev carp0
		check+=(--address "${address%/*}")
	done
	ip -n "$a" link set carp0 up
	becomes "$a" master
	slowwait "$WAIT_TIMEOUT" has_sent 6
	check_err $? "there were no six adverts"
	ip -n "$a" link set carp0 down
	becomes "$a" init
	# What A answers now was sent after its last advert.
	pings "$client" 192.0.2.11
	capture_end sent
	python3 -S "$here/check_adverts.py" "$tmp/sent.pcap" "${check[@]}" --leaves
	check_err $? "an advert is wrong"
	carp_del "$a"
}

has_sent() {
	(($(attr "$a" tx_adverts) >= $1))
}

# decoded TEXT: what tcpdump says of all adverts but the last.
decoded() {
	local all good
	tcpdump -n -vv -T carp -r "$tmp/sent.pcap" ip proto 112 >"$tmp/decoded" 2>/dev/null
	all=$(grep -c CARPv2-advertise "$tmp/decoded")
	good=$(grep -c "> 224.0.0.18: CARPv2-advertise 36: $1 authlen=7 counter=[0-9]*\$" "$tmp/decoded")
	((all >= 6 && good == all - 1))
	check_err $? "tcpdump decodes $good of $all adverts as $1"
	! grep -qE 'bad|ttl=|ttl 25[^5]' "$tmp/decoded"
	check_err $? "tcpdump finds a fault"
}

passphrase()
{
	RET=0
	master_sends "--key 736563726574 --source 192.0.2.11 --advskew 26" 192.0.2.1/32 \
		vhid 1 advbase 0 advskew 26 pass secret
	decoded "vhid=1 advbase=0 advskew=26"
	end_test "adverts with a passphrase"
}

no_key_vhid_255()
{
	RET=0
	master_sends "--key 00 --vhid 255 --source 192.0.2.11 --advskew 20" 192.0.2.1/32 \
		vhid 255 advbase 0 advskew 20
	decoded "vhid=255 advbase=0 advskew=20"
	end_test "adverts without a key, of the highest vhid"
}

raw_key_many_addresses()
{
	RET=0
	local key=00ff102030405060708090a0b0c0d0e0f0ff0102
	master_sends "--key $key --vhid 7 --source 192.0.2.11 --advskew 26" \
		"198.51.100.200/24 192.0.2.1/32 203.0.113.5/28 10.0.0.1/8 198.51.100.3/24" \
		vhid 7 advbase 0 advskew 26 key "$key"
	end_test "adverts with 20 bytes of key and five addresses in no order"
}

demoted()
{
	RET=0
	master_sends "--key 736563726574 --source 192.0.2.11 --advskew 30 --demote 10" 192.0.2.1/32 \
		vhid 1 advbase 0 advskew 20 demotion 10 pass secret
	decoded "vhid=1 advbase=0 advskew=30"
	end_test "adverts of a demoted node"
}

parent_without_address()
{
	RET=0
	ip -n "$a" addr flush dev eth0
	defer ip -n "$a" addr add 192.0.2.11/24 dev eth0
	capture "$client" eth0 sent ip proto 112 or arp
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	slowwait "$WAIT_TIMEOUT" has_sent 6
	capture_end sent
	python3 -S "$here/check_adverts.py" "$tmp/sent.pcap" --key 736563726574 --address "$vip" \
		--source "$vip" --advskew 26
	check_err $? "an advert is wrong"
	end_test "adverts come from the shared address if the parent has none"
}

fastest()
{
	RET=0
	master_sends "--key 736563726574 --source 192.0.2.11 --at-least 20" 192.0.2.1/32 \
		vhid 1 advbase 0 advskew 0 pass secret
	end_test "adverts every 1/256 s"
}

let_pass() {
	ip netns exec "$a" nft delete table netdev refuses 2>/dev/null
}

not_sent()
{
	RET=0
	local sent failed
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	capture "$client" eth0 sent ip proto 112
	ip netns exec "$a" nft -f - <<-EOF
		table netdev refuses {
			chain out {
				type filter hook egress device eth0 priority 0
				ip protocol 112 drop
			}
		}
	EOF
	check_err $? "the test cannot drop adverts"
	defer let_pass
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 1 attr "$a" tx_errors >/dev/null
	check_err $? "adverts that are dropped are no errors"
	sent=$(attr "$a" tx_adverts)
	# As many as make a demotion.
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 3 attr "$a" tx_errors >/dev/null
	check_err $? "adverts that are dropped are no errors for long"
	demoted_by "$a" send-errors
	[ "$(attr "$a" tx_adverts)" = "$sent" ]
	check_err $? "adverts that are dropped count as sent"
	capture_end sent
	capture "$client" eth0 demoted ip proto 112
	let_pass
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 1 attr "$a" tx_adverts >/dev/null
	check_err $? "no advert is sent any more"
	failed=$(attr "$a" tx_errors)
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 1 attr "$a" tx_adverts >/dev/null
	capture_end demoted
	attr_is "$a" tx_errors "$failed"
	(($(packets demoted) >= 2))
	check_err $? "adverts that are sent are not seen"
	packets_are 0 demoted "ip[24] != 1"
	end_test "adverts that cannot be sent are counted, and demote"
}

lan client=192.0.2.10 a=192.0.2.11
run_tests
