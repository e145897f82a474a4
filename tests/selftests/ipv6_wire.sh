#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a MASTER with IPv6 addresses sends, byte by byte.
#
#       client              a
#    192.0.2.10/24    192.0.2.11/24
#      fe80::10          fe80::11
#          |                |
#          +----------------+      sw: br0
#
# Asserted: every advert, from the first to the leaving one, equals the one that
# a few lines of Python make (check_adverts.py): over IPv4 if there is an IPv4
# address and over IPv6 if there is an IPv6 address, from the parent's link-local
# address or one made of its MAC address, with counters that grow and the
# digest over both lists without link-local addresses. Each address is announced
# with the first advert and with the second one after it. The carp device has no
# address but those that it was given.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	ipv6_only
	link_local_only
	both_families
	router
	parent_without_address
	no_address_of_its_own
	family_by_family
"

secret=736563726574

# master_sends "CHECKS" "ADDRESSES": carp0 of A from its start to its end.
master_sends() {
	local address
	local -a check
	read -ra check <<<"$1"
	capture "$client" eth0 sent proto 112 or arp or icmp6
	ip -n "$a" link add carp0 link eth0 type carp vhid 1 advbase 0 advskew 26 pass secret
	check_err $? "carp0 could not be made"
	for address in $2; do
		ip -n "$a" addr add "$address" dev carp0
		check+=(--address "${address%/*}")
	done
	ip netns exec "$a" carp sync
	ip -n "$a" link set carp0 up
	becomes "$a" master
	slowwait 20 has_sent 14
	check_err $? "there were no fourteen adverts"
	ip -n "$a" link set carp0 down
	becomes "$a" init
	# What A answers now was sent after its last advert.
	pings "$client" 192.0.2.11
	capture_end sent
	filter_of_carp
	python3 -S "$here/check_adverts.py" "$tmp/carp.pcap" "${check[@]}" --advskew 26 --key "$secret" \
		--leaves
	check_err $? "an advert is wrong"
	carp_del "$a"
}

# Nothing else has the virtual MAC address, but what A's stack says through carp0.
filter_of_carp() {
	tcpdump -n -r "$tmp/sent.pcap" -w "$tmp/carp.pcap" \
		"ether src $vmac and (proto 112 or arp or (icmp6 and ip6[40] = 136))" 2>/dev/null
}

has_sent() {
	(($(attr "$a" tx_adverts) >= $1))
}

ipv6_only()
{
	RET=0
	master_sends "--source6 fe80::11" "2001:db8::2/64 2001:db8::1/128"
	packets_are 0 sent "ip proto 112"
	end_test "adverts of a node with IPv6 addresses only"
}

link_local_only()
{
	RET=0
	master_sends "--source6 fe80::11" "fe80::1/64"
	packets_are 0 sent "ip proto 112"
	end_test "adverts of a node with a link-local address only"
}

both_families()
{
	RET=0
	master_sends "--source 192.0.2.11 --source6 fe80::11" \
		"2001:db8::2/64 192.0.2.1/32 fe80::1/64 10.0.0.1/8 2001:db8::1/128"
	end_test "adverts in both families"
}

router()
{
	RET=0
	ip netns exec "$a" sysctl -qw net.ipv6.conf.all.forwarding=1
	defer ip netns exec "$a" sysctl -qw net.ipv6.conf.all.forwarding=0
	master_sends "--source6 fe80::11 --router" "fe80::1/64 2001:db8::1/64"
	end_test "a host that forwards says that it is a router"
}

parent_without_address()
{
	RET=0
	local mac words
	ip -n "$a" addr del fe80::11/64 dev eth0
	defer ip -n "$a" addr add fe80::11/64 dev eth0 nodad
	# Nor is one any that may not be used yet.
	ip netns exec "$a" sysctl -qw net.ipv6.conf.eth0.dad_transmits=1000
	defer ip netns exec "$a" sysctl -qw net.ipv6.conf.eth0.dad_transmits=1
	ip -n "$a" addr add fe80::77/64 dev eth0
	defer ip -n "$a" addr del fe80::77/64 dev eth0
	mac=$(ip -n "$a" -j link show eth0 | jq -r '.[0].address')
	words=${mac//:/}
	master_sends "--source6 $(eui64 "$words")" "2001:db8::1/64"
	end_test "adverts come from an address made of the MAC address if the parent has none"
}

# eui64 SIX_BYTES
eui64() {
	printf 'fe80::%02x%s:%sff:fe%s:%s' $((16#${1:0:2} ^ 2)) "${1:2:2}" "${1:4:2}" "${1:6:2}" "${1:8:4}"
}

no_address_of_its_own()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	[ -z "$(ip -n "$a" -6 addr show dev carp0)" ]
	check_err $? "carp0 has an IPv6 address"
	ip -n "$a" addr add 2001:db8::1/64 dev carp0
	ip -n "$a" link set carp0 down
	ip -n "$a" link set carp0 up
	becomes "$a" master
	[ "$(ip -n "$a" -6 -o addr show dev carp0 | wc -l)" = 1 ]
	check_err $? "carp0 has not the one IPv6 address that it was given"
	end_test "a carp device has no address that it was not given, and keeps what it was"
}

family_by_family()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	attr_is "$a" tx_adverts_v6 0
	ip -n "$a" addr add 2001:db8::1/64 dev carp0
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 4 attr "$a" tx_adverts_v6 >/dev/null
	check_err $? "no adverts over IPv6"
	stays "$a" master
	ip -n "$a" addr del "$vip/32" dev carp0
	ip netns exec "$a" carp sync
	capture "$client" eth0 later proto 112
	busywait_for_counter "$BUSYWAIT_TIMEOUT" 4 attr "$a" tx_adverts_v6 >/dev/null
	capture_end later
	packets_are 0 later "ip proto 112"
	stays "$a" master
	ip -n "$a" addr del 2001:db8::1/64 dev carp0
	becomes "$a" init
	attr_is "$a" reason no-address
	end_test "adverts follow the addresses, family by family"
}

lan client=192.0.2.10 a=192.0.2.11
for node in client a; do
	ns=${!node}
	ip -n "$ns" addr flush dev eth0 scope link
	ip -n "$ns" -6 addr flush dev eth0
done
ip -n "$client" addr add fe80::10/64 dev eth0 nodad
ip -n "$a" addr add fe80::11/64 dev eth0 nodad
run_tests
