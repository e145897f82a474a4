#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Addresses of any length, on the parent's subnet or not, one or a hundred.
#
#       client             a                 b           ordinary
#         10               11                12             11
#          |             carp0 ...         carp0 ...   carp0, a dummy
#        eth0              eth0              eth0        eth0, a dummy
#          +-----------------+-----------------+      sw: br0
#                192.0.2.0/24, 2001:db8:2::/64
#
# Asserted, for each list of addresses: the MASTER has the routes by carp0 that the
# kernel makes for the same list on an ordinary device; the BACKUP has none; after
# a take-over it is the other way round; none is left of addresses that are deleted.
# The addresses are answered at the virtual MAC address. A hundred of them move with
# one advert. A route that the kernel refuses, as it would on an ordinary device, is
# named in the log once, and the others are as they would be without it. A carp device and its parent are in one namespace.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	host_length
	subnet_length
	other_subnet
	several
	no_prefix_route
	with_metric
	with_peer
	batch
"
ALL_TESTS_ONCE="
	broadcast_and_peer
	promoted
	parent_without_address
	two_devices_in_one_subnet
	a_hundred
	one_is_refused
	on_two_devices
	parent_in_another_namespace
	moved_to_another_namespace
"

# routes_by_carp0 NAMESPACE: those that follow from its addresses. That IPv6 has two local ones
# to an address, ours with another metric, is no matter.
routes_by_carp0() {
	tables "$1" '!/ dev carp0 / || /fe80:/ { next } /^local/ { sub(/ metric 1 /, " metric 0 ") }' | uniq
}

routes_are() {
	[ "$(routes_by_carp0 "$1")" = "$2" ]
}

# routes_become NAMESPACE ROUTES WHEN
routes_become() {
	busywait "$BUSYWAIT_TIMEOUT" routes_are "$1" "$2" ||
		fail "${1%-*} $3, $(attr "$1" state) now: $(diff <(echo "$2") <(routes_by_carp0 "$1") | grep '^[<>]' | tr '\n' ';')"
}

# change NAMESPACE add|del ADDRESS...: of carp0. An address may be several words.
change() {
	local ns=$1 how=$2
	shift 2
	printf "addr $how %s dev carp0\n" "$@" | ip -n "$ns" -batch -
	check_err $? "${ns%-*}: addresses cannot be ${how}ed"
}

has_local_routes() {
	[ "$(routes_by_carp0 "$ordinary" | grep -c ^local)" = "$1" ]
}

# as_ordinary ADDRESS...: sets $expected, the routes of these addresses on an ordinary device.
as_ordinary() {
	change "$ordinary" add "$@"
	# IPv6 makes them a little later.
	busywait "$BUSYWAIT_TIMEOUT" has_local_routes $#
	check_err $? "the kernel does not make a local route for each of $*"
	expected=$(routes_by_carp0 "$ordinary")
	ip -n "$ordinary" -batch - <<-EOF
		link del carp0
		link add carp0 up type dummy
	EOF
}

# pair ADDRESS...: A is MASTER, B BACKUP.
pair() {
	# Their time is not what is tested.
	carp_with "$a" 0 "$@"
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	carp_with "$b" 100 "$@"
	hears "$b" 1
	stays "$b" backup
}

# carp_with NAMESPACE ADVSKEW ADDRESS...
carp_with() {
	local ns=$1 skew=$2
	shift 2
	ip -n "$ns" -batch - <<-EOF
		link add carp0 link eth0 type carp vhid 1 pass secret advbase 1 advskew $skew
		$(printf 'addr add %s dev carp0\n' "$@")
		link set carp0 up
	EOF
	check_err $? "carp0 could not be set up with $*"
	carp_del_later "$ns"
}

# moves ADDRESS...: the routes follow the MASTER, and go with the addresses.
moves() {
	local expected address
	local -a reverse=()
	for address; do
		reverse=("$address" "${reverse[@]}")
	done
	as_ordinary "$@"
	pair "$@"
	routes_become "$a" "$expected" "as MASTER"
	routes_become "$b" "" "as BACKUP"
	hand "$a" "$b"
	routes_become "$b" "$expected" "as MASTER, taken over"
	routes_become "$a" "" "as BACKUP again"
	hand "$b" "$a"
	routes_become "$a" "$expected" "as MASTER again"
	routes_become "$b" "" "as BACKUP once more"
	# The secondary addresses before the primary one, which would take them with it.
	change "$a" del "${reverse[@]}"
	change "$b" del "${reverse[@]}"
	routes_become "$a" "" "without addresses"
	routes_become "$b" "" "without addresses"
	carp_del "$a"
	carp_del "$b"
}

# hand FROM TO
hand() {
	ip -n "$1" link set carp0 type carp state backup
	becomes "$2" master
	becomes "$1" backup
}

# reached ADDRESS: by the client, at the virtual MAC address.
reached() {
	pings "$client" "$1"
	ip -n "$client" neigh show "$1" | grep -q "lladdr $vmac "
	check_err $? "the client's neighbour $1 is not the virtual MAC address"
}

host_length()
{
	RET=0
	moves "$shared/$host"
	end_test "$shared/$host, on the parent's subnet"
}

subnet_length()
{
	RET=0
	moves "$shared/$subnet"
	end_test "$shared/$subnet, as the parent has it"
}

other_subnet()
{
	RET=0
	moves "${far}1/$subnet"
	pair "${far}1/$subnet"
	ip -n "$client" route add "${far}0/$subnet" dev eth0
	defer ip -n "$client" route del "${far}0/$subnet" dev eth0
	reached "${far}1"
	hand "$a" "$b"
	reached "${far}1"
	end_test "${far}1/$subnet, not on the parent's subnet"
}

several()
{
	RET=0
	moves "$shared/$subnet" "${net}2/$subnet" "${net}3/$host" "${far}1/$subnet" "${far}2/$subnet" \
		"${far}65/$len"
	pair "$shared/$subnet" "${net}2/$subnet" "${net}3/$host"
	reached "$shared"
	reached "${net}2"
	reached "${net}3"
	end_test "several addresses and prefixes, $ipv"
}

no_prefix_route()
{
	RET=0
	moves "${far}1/$subnet noprefixroute" "$shared/$subnet noprefixroute"
	end_test "noprefixroute, $ipv"
}

with_metric()
{
	RET=0
	moves "${far}1/$subnet metric 77" "$shared/$subnet metric 4000"
	end_test "prefixes with a metric, $ipv"
}

with_peer()
{
	RET=0
	moves "${far}1 peer ${far}9/$host" "${net}2 peer ${far}5/$subnet"
	end_test "addresses with a peer, $ipv"
}

broadcast_and_peer()
{
	RET=0
	# One that is the first of its prefix, and one of the network that has no prefix route.
	moves "198.51.100.1/25 brd +" "203.0.113.1/31" "203.0.113.4/31" "198.18.3.64/26" "0.1.2.3/8" \
		"198.18.0.1 peer 198.18.9.9/32" "198.18.1.1 peer 198.18.2.1/24 brd 198.18.2.200"
	end_test "broadcast addresses, a /31, and addresses with a peer"
}

promoted()
{
	RET=0
	local expected node
	for node in "$a" "$b" "$ordinary"; do
		ip netns exec "$node" sysctl -qw net.ipv4.conf.all.promote_secondaries=1
		defer ip netns exec "$node" sysctl -qw net.ipv4.conf.all.promote_secondaries=0
	done
	as_ordinary 198.51.100.2/24
	pair 198.51.100.1/24 198.51.100.2/24
	change "$a" del 198.51.100.1/24
	change "$b" del 198.51.100.1/24
	routes_become "$a" "$expected" "as MASTER"
	routes_become "$b" "" "as BACKUP"
	hand "$a" "$b"
	routes_become "$b" "$expected" "as MASTER, taken over"
	routes_become "$a" "" "as BACKUP again"
	end_test "a secondary address is promoted"
}

parent_without_address()
{
	RET=0
	local node
	for node in a=11 b=12; do
		local ns=${node%=*}
		ip -n "${!ns}" addr del "192.0.2.${node#*=}/24" dev eth0
		defer ip -n "${!ns}" addr add "192.0.2.${node#*=}/24" dev eth0
	done
	pair 192.0.2.1/24
	reached 192.0.2.1
	[ "$(way "$b" 192.0.2.10)" = "RTNETLINK answers: Network is unreachable" ] ||
		fail "B knows a way: $(way "$b" 192.0.2.10)"
	hand "$a" "$b"
	reached 192.0.2.1
	ip netns exec "$b" ping -q -c 1 -W $((5 * slow)) 192.0.2.10 >/dev/null
	check_err $? "the MASTER does not reach the client"
	hears "$a" 2
	stays "$a" backup
	stays "$b" master
	end_test "a parent without any address"
}

two_devices_in_one_subnet()
{
	RET=0
	local ns
	pair 192.0.2.1/24
	for ns in "$b" "$a"; do
		ip -n "$ns" link add carp1 link eth0 type carp vhid 2 pass secret advbase 1
		ip -n "$ns" addr add 192.0.2.2/24 dev carp1
		ip -n "$ns" link set carp1 up
		defer ip -n "$ns" link del carp1
		[ "$ns" = "$a" ] || ip -n "$b" link set carp1 type carp state master
	done
	becomes "$b" master carp1
	owns "$a" 192.0.2.1
	owns "$b" 192.0.2.2
	disowns "$a" 192.0.2.2
	disowns "$b" 192.0.2.1
	reached 192.0.2.1
	pings "$client" 192.0.2.2
	pings "$a" 192.0.2.2
	pings "$b" 192.0.2.1
	# Both here, then both there.
	ip -n "$b" link set carp1 type carp state backup
	becomes "$a" master carp1
	owns "$a" 192.0.2.2
	disowns "$b" 192.0.2.2
	pings "$client" 192.0.2.2
	pings "$b" 192.0.2.2
	pings "$b" 192.0.2.1
	ip -n "$client" neigh show 192.0.2.2 | grep -q 'lladdr 00:00:5e:00:01:02 '
	check_err $? "the client's neighbour 192.0.2.2 is not its virtual MAC address"
	end_test "two carp devices with addresses of one subnet"
}

# A hundred addresses: 64 of IPv4 and 36 of IPv6 would do as well, but these are all answered.
a_hundred()
{
	RET=0
	local -a all
	local expected answered
	mapfile -t all < <(printf '192.0.2.%d/32\n' {101..200})
	as_ordinary "${all[@]}"
	[ "$(wc -l <<<"$expected")" = 100 ]
	check_err $? "the kernel makes $(wc -l <<<"$expected") routes for them"
	pair "${all[@]}"
	routes_become "$a" "$expected" "as MASTER"
	routes_become "$b" "" "as BACKUP"
	capture "$client" eth0 all carp
	hears "$b" 2
	ip -n "$sw" link set to_a down
	becomes "$b" master
	routes_become "$b" "$expected" "as MASTER, taken over"
	ip -n "$client" neigh flush all
	# shellcheck disable=SC2016 # of the other shell
	answered=$(ip netns exec "$client" bash -c '
		for last in {101..200}; do
			ping -q -c 1 -W "$1" "192.0.2.$last" >/dev/null 2>&1 && echo "$last"
		done' - $((3 * slow)) | wc -l)
	[ "$answered" = 100 ]
	check_err $? "$answered of them are answered"
	capture_end all
	(($(packets all "ip src 192.0.2.11") >= 2 && $(packets all "ip src 192.0.2.12") >= 2))
	check_err $? "too few adverts"
	# One frame of 36 bytes behind the header, whatever the number of addresses.
	packets_are 0 all "not (ip[2:2] = 56 and ip[6:2] & 0x3fff = 0)"
	ip -n "$sw" link set to_a up
	becomes "$a" backup
	routes_become "$a" "" "as BACKUP again"
	end_test "a hundred addresses move with one advert"
}

batch()
{
	RET=0
	local expected was_a was_b node i
	as_ordinary "$shared/$host" "${net}3/$host" "${far}5/$subnet"
	pair "$shared/$host" "${net}2/$host"
	was_a=$(attr "$a" changed)
	was_b=$(attr "$b" changed)
	for node in "$a" "$b"; do
		{
			for i in {20..60}; do
				echo "addr add ${far}$i/$subnet dev carp0"
			done
			echo "addr add ${net}3/$host dev carp0"
			echo "addr del ${net}2/$host dev carp0"
			for i in {60..20}; do
				echo "addr del ${far}$i/$subnet dev carp0"
			done
			echo "addr add ${far}5/$subnet dev carp0"
		} | ip -n "$node" -batch -
		check_err $? "refused on ${node%-*}"
	done
	hears "$b" 3
	attr_is "$a" changed "$was_a"
	attr_is "$b" changed "$was_b"
	attr_is "$b" bad_auth 0
	routes_become "$a" "$expected" "as MASTER"
	routes_become "$b" "" "as BACKUP"
	reached "${net}3"
	end_test "many changes at once, on a MASTER and on a BACKUP, $ipv"
}

# told N: how often the log has said so since the lines.
told() {
	[ "$(dmesg | tail -n +$((lines + 1)) |
		grep -cE 'carp0@[0-9]+: the route to 198.51.100.0/24 is refused: error -22')" = "$1" ]
}

has_no_watch() {
	[[ $(ip netns exec "$1" nft list hooks ip) != *ip_input*'[carp]'* ]]
}

# The address is of another type than local by a route that comes before its own: then no route may have it
# as source.
one_is_refused()
{
	RET=0
	local expected lines ns i
	lines=$(dmesg | wc -l)
	for ns in "$ordinary" "$a"; do
		ip -n "$ns" route add blackhole 198.51.100.5 table local
		defer ip -n "$ns" route del blackhole 198.51.100.5 table local
	done
	as_ordinary 198.51.100.5/24 "$vip/32"
	pair 198.51.100.5/24 "$vip/32"
	routes_become "$a" "$expected" "as MASTER"
	busywait "$BUSYWAIT_TIMEOUT" told 1
	check_err $? "the log does not say so once"
	for i in 7 8 9; do
		change "$a" add "198.18.0.$i/32"
		owns "$a" "198.18.0.$i"
		change "$a" del "198.18.0.$i/32"
	done
	told 1
	check_err $? "the log says so again"
	reached "$vip"
	# The device has its routes for all that: the window is over.
	busywait "$BUSYWAIT_TIMEOUT" has_no_watch "$a"
	check_err $? "the hooks before the routing are still there"
	end_test "a route that is refused"
}

# refused SENTENCE COMMAND...: by the kernel, for this reason.
refused() {
	local said
	said=$("${@:2}" 2>&1)
	check_fail $? "not refused: ${*:2}"
	[[ $said == *"$1"* ]]
	check_err $? "refused, but: $said"
}

on_two_devices()
{
	RET=0
	local ns
	pair 192.0.2.1/32 2001:db8:2::1/128
	ip -n "$b" link add carp1 link eth0 type carp vhid 2
	defer ip -n "$b" link del carp1
	for ns in "$a" "$b"; do
		refused "a carp device of this host has this address" \
			ip -n "$ns" addr add 192.0.2.1/24 dev eth0
		refused "a carp device of this host has this address" \
			ip -n "$ns" addr add 2001:db8:2::1/64 dev eth0
	done
	refused "of this host has this address" ip -n "$b" addr add 192.0.2.1/32 dev carp1
	refused "of this host has this address" ip -n "$b" addr add 2001:db8:2::1/128 dev carp1
	refused "another device of this host has this address" ip -n "$b" addr add 192.0.2.12/32 dev carp1
	refused "another device of this host has this address" \
		ip -n "$b" addr add 2001:db8:2::12/128 dev carp1
	disowns "$b" 192.0.2.1
	disowns "$b" 2001:db8:2::1
	owns "$a" 192.0.2.1
	owns "$a" 2001:db8:2::1
	# Free again when it is deleted.
	ip -n "$b" addr del 192.0.2.1/32 dev carp0
	ip -n "$b" addr add 192.0.2.1/32 dev carp1
	check_err $? "the address is still taken"
	end_test "an address on two devices of a host is refused"
}

parent_in_another_namespace()
{
	RET=0
	refused "the parent is in another network namespace" \
		ip -n "$a" link add carp0 netns "$b" link eth0 type carp vhid 1
	ip -n "$b" link show carp0 >/dev/null 2>&1
	check_fail $? "there is a carp0 all the same"
	end_test "a parent in another namespace is refused"
}

moved_to_another_namespace()
{
	RET=0
	local was
	pair 192.0.2.1/32
	was=$(attr "$a" changed)
	refused "immutable" ip -n "$a" link set carp0 netns "$client"
	attr_is "$a" changed "$was"
	owns "$a" 192.0.2.1
	reached 192.0.2.1
	end_test "a carp device cannot be moved away from its parent"
}

ordinary=''
dual_lan client=10 a=11 b=12
setup_ns ordinary
ip -n "$ordinary" link add eth0 up type dummy
address ordinary eth0 11
ip -n "$ordinary" link add carp0 up type dummy
run_tests_in 4 6
