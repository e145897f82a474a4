#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes that share addresses of both families, and a LAN that loses one of them.
#
#       client                a                 b
#     192.0.2.10         192.0.2.11        192.0.2.12
#      fe80::10           fe80::11          fe80::2
#          |             102 ms interval     1 s interval
#        eth0              eth0              eth0
#          +-----------------+-----------------+      sw: br0, with filters
#
# Asserted: a MASTER that is heard in one family only has no second one beside it,
# whichever family that is and in which direction; one that is heard in neither is
# replaced. Two equal masters are one after some intervals, also if they hear each
# other in different families.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	both_families
	without_ipv4
	without_ipv6
	without_either
	equal_masters
	equal_masters_lose_a_family
"

vip6=2001:db8::1

# pair "OPTIONS OF A" "OPTIONS OF B"
pair() {
	local node options=("$1" "$2")
	for node in a b; do
		# shellcheck disable=SC2086 # several words
		ip -n "${!node}" link add carp0 link eth0 type carp vhid 1 pass secret ${options[0]}
		ip -n "${!node}" addr add "$vip/32" dev carp0
		ip -n "${!node}" addr add "$vip6/128" dev carp0
		ip netns exec "${!node}" carp sync
		ip -n "${!node}" link set carp0 up
		check_err $? "carp0 could not be set up"
		carp_del_later "${!node}"
		options=("${options[@]:1}")
	done
}

unequal_pair() {
	pair "advbase 0 advskew 26" "advbase 1"
	becomes "$a" master
	hears "$b" 6
	stays "$b" backup
}

# lose NODE FAMILY...: the LAN drops the adverts of NODE; FAMILY is ip or ip6.
lose() {
	local node=$1 family rules=""
	shift
	for family; do
		case $family in
		ip) rules+="ip protocol 112 drop; " ;;
		ip6) rules+="ip6 nexthdr 112 drop; " ;;
		esac
	done
	ip netns exec "$sw" nft "table netdev lose_$node {
		chain lost { type filter hook ingress device to_$node priority 0; $rules }
	}"
	check_err $? "no filter"
	defer lose_nothing "$node"
}

lose_nothing() {
	ip netns exec "$sw" nft delete table netdev "lose_$1" 2>/dev/null
}

# one_family HEARD LOST: ip, ip6.
one_family() {
	local heard=$1 lost=$2 before was_a was_b
	unequal_pair
	hears_family "$b" "$heard" 20
	was_a=$(attr "$a" changed)
	was_b=$(attr "$b" changed)
	lose a "$lost"
	# What is on its way.
	hears_family "$b" "$heard" 5
	before=$(heard "$b" "$lost")
	# For longer than B would wait: three of its intervals.
	hears_family "$b" "$heard" 40
	[ "$(heard "$b" "$lost")" = "$before" ]
	check_err $? "B still hears $lost"
	attr_is "$a" changed "$was_a"
	attr_is "$b" changed "$was_b"
	attr_is "$b" bad_auth 0
	pings "$client" "$vip"
	pings "$client" "$vip6"
}

both_families()
{
	RET=0
	unequal_pair
	hears_family "$b" ip 20
	hears_family "$b" ip6 20
	attr_is "$b" master 192.0.2.11
	attr_is "$b" bad_auth 0
	pings "$client" "$vip"
	pings "$client" "$vip6"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	pings "$client" "$vip"
	pings "$client" "$vip6"
	end_test "a pair with addresses of both families"
}

without_ipv4()
{
	RET=0
	one_family ip6 ip
	attr_is "$b" master fe80::11
	end_test "adverts over IPv4 are lost"
}

without_ipv6()
{
	RET=0
	one_family ip ip6
	attr_is "$b" master 192.0.2.11
	end_test "adverts over IPv6 are lost"
}

without_either()
{
	RET=0
	unequal_pair
	lose a ip ip6
	becomes "$b" master
	attr_is "$b" reason master-timeout
	lose_nothing a
	becomes "$b" backup
	stays "$a" master
	end_test "adverts of both families are lost"
}

masters() {
	local node
	for node in a b; do
		! state_is "${!node}" master || echo "$node"
	done
}

is_one_master() {
	[ "$(masters | wc -l)" = 1 ]
}

are_two_masters() {
	[ "$(masters | wc -l)" = 2 ]
}

# Equal ones, apart and together again.
split_and_heal() {
	pair "advbase 0 advskew 51" "advbase 0 advskew 51"
	bridge -n "$sw" link set dev to_a isolated on
	bridge -n "$sw" link set dev to_b isolated on
	busywait "$BUSYWAIT_TIMEOUT" are_two_masters
	check_err $? "there are not two masters"
	bridge -n "$sw" link set dev to_a isolated off
	bridge -n "$sw" link set dev to_b isolated off
	busywait "$BUSYWAIT_TIMEOUT" is_one_master
	check_err $? "there is not one master"
	# And it stays: no livelock.
	local agreed
	agreed=$(masters)
	sleep 3
	[ "$(masters)" = "$agreed" ] ||
		fail "the master was $agreed, and is $(masters)"
}

equal_masters()
{
	RET=0
	split_and_heal
	# The higher one by IPv4, the lower one by IPv6.
	stays "$b" master
	end_test "IPv4 decides between equal masters"
}

equal_masters_lose_a_family()
{
	RET=0
	lose a ip
	lose b ip6
	split_and_heal
	end_test "equal masters hear each other in different families"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
for pair in "$client 10" "$a 11" "$b 2"; do
	read -r ns last <<<"$pair"
	ip -n "$ns" -6 addr flush dev eth0 scope link
	ip -n "$ns" addr add "fe80::$last/64" dev eth0 nodad
	ip -n "$ns" addr add "2001:db8::$last/64" dev eth0 nodad
done
run_tests
