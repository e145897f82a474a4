#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A pair on a LAN whose switch passes multicast only to who has asked for it.
#
#       client             a                b
#     192.0.2.10      192.0.2.11       192.0.2.12
#          |               |                |
#          +---------------+----------------+      sw: br0, snooping
#
# Asserted, without and with a querier: the BACKUP hears the adverts of both
# families; the switch knows that both nodes listen to ff02::12 and to the group in
# which the shared IPv6 address is asked for, also the one that is BACKUP; after a
# take-over the address answers at once. What nobody listens to any more is
# forgotten.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	without_querier
	with_querier
	forgotten
	ipv6_lost_and_back
"

vip6=2001:db8::1
adverts=ff02::12
asked=ff02::1:ff00:1

# listens PORT GROUP: the switch knows it.
listens() {
	bridge -n "$sw" mdb show dev br0 | grep -qE "port $1 grp $2 "
}

listens_not() {
	! listens "$@"
}

both_listen() {
	local port group
	for port in to_a to_b; do
		for group in "$adverts" "$asked"; do
			busywait "$BUSYWAIT_TIMEOUT" listens "$port" "$group"
			check_err $? "the switch does not know that $port listens to $group"
		done
	done
}

pair() {
	local ns skew=26
	for ns in "$a" "$b"; do
		ip -n "$ns" link add carp0 link eth0 type carp vhid 1 pass secret advbase 0 \
			advskew "$skew"
		ip -n "$ns" addr add "$vip/32" dev carp0
		ip -n "$ns" addr add "$vip6/128" dev carp0
		ip netns exec "$ns" carp sync
		ip -n "$ns" link set carp0 up
		check_err $? "carp0 could not be set up"
		carp_del_later "$ns"
		[ "$ns" = "$b" ] || becomes "$a" master
		skew=51
	done
	hears "$b" 20
}

hears_both_families() {
	hears_family "$b" ip 10
	hears_family "$b" ip6 10
	stays "$a" master
	stays "$b" backup
}

answers() {
	ip -n "$client" -6 neigh flush all
	pings "$client" "$vip6"
	pings "$client" "$vip"
}

works() {
	pair
	both_listen
	hears_both_families
	answers
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	answers
}

without_querier()
{
	RET=0
	works
	end_test "without a querier"
}

querier_rules() {
	ip -n "$sw" -j -d link show br0 | jq -e '.[0].linkinfo.info_data.mcast_querier == 1' >/dev/null
}

with_querier()
{
	RET=0
	ip -n "$sw" link set br0 type bridge mcast_querier 1 mcast_query_interval 200 \
		mcast_query_response_interval 100 mcast_startup_query_interval 100
	defer ip -n "$sw" link set br0 type bridge mcast_querier 0
	querier_rules
	check_err $? "no querier"
	# From then on what nobody has asked for is not passed.
	sleep 3
	works
	# Beyond a membership that is not confirmed: 2 intervals and a response.
	sleep 8
	both_listen
	answers
	end_test "with a querier"
}

forgotten()
{
	RET=0
	ip -n "$sw" link set br0 type bridge mcast_querier 1 mcast_last_member_interval 50
	defer ip -n "$sw" link set br0 type bridge mcast_querier 0
	sleep 3
	pair
	both_listen
	ip -n "$b" addr add 2001:db8::2:2/128 dev carp0
	busywait "$BUSYWAIT_TIMEOUT" listens to_b ff02::1:ff02:2
	check_err $? "the group of another address is not known"
	ip -n "$b" addr del 2001:db8::2:2/128 dev carp0
	busywait "$BUSYWAIT_TIMEOUT" listens_not to_b ff02::1:ff02:2
	check_err $? "the group of an address that was deleted is not forgotten"
	ip -n "$b" link set carp0 down
	busywait "$BUSYWAIT_TIMEOUT" listens_not to_b "$adverts"
	check_err $? "a node that is down listens to adverts"
	busywait "$BUSYWAIT_TIMEOUT" listens_not to_b "$asked"
	check_err $? "a node that is down is asked for the address"
	listens to_a "$adverts" && listens to_a "$asked"
	check_err $? "the other node is forgotten too"
	end_test "what nobody listens to any more is forgotten"
}

ipv6_lost_and_back()
{
	RET=0
	pair
	both_listen
	# Less than IPv6 needs: eth0 and carp0 have none of it, nor of what they were given.
	ip -n "$b" link set eth0 mtu 1200
	ip -n "$b" link set eth0 mtu 1500
	ip -n "$b" link set carp0 mtu 1500
	ip -n "$b" addr add 2001:db8::12/64 dev eth0 nodad
	# The switch has been told nothing, and forgets it some time.
	bridge -n "$sw" mdb flush dev br0
	ip -n "$b" addr add "$vip6/128" dev carp0
	ip netns exec "$b" carp sync
	[ "$(ip -n "$b" -6 -o addr show dev carp0 | wc -l)" = 1 ]
	check_err $? "carp0 has another address than it was given"
	busywait "$BUSYWAIT_TIMEOUT" listens to_b "$adverts"
	check_err $? "B does not listen to adverts again"
	busywait "$BUSYWAIT_TIMEOUT" listens to_b "$asked"
	check_err $? "B does not listen to questions again"
	stays "$a" master
	end_test "a parent that had no IPv6 for a while"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
ip -n "$sw" link set br0 type bridge mcast_snooping 1
ip -n "$client" addr add 2001:db8::10/64 dev eth0 nodad
ip -n "$a" addr add 2001:db8::11/64 dev eth0 nodad
ip -n "$b" addr add 2001:db8::12/64 dev eth0 nodad
# The link-local addresses, which reports come from.
sleep 3
run_tests
