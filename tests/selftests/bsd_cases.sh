#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the BSDs' own tests of CARP assert, asserted here: the cases are theirs, by
# their names, in FreeBSD's tests/sys/netinet/carp.sh and NetBSD's
# tests/net/carp/t_basic.sh.
#
#       client             a                 b
#          |             carp0             carp0
#        eth0              eth0              eth0
#          +-----------------+-----------------+      sw: br0
#
# Asserted: two nodes with default settings and the same priority have one MASTER,
# and never two; it is answered to at the virtual MAC address; it fails over when the
# MASTER is halted or its interface is set down, with addresses on the parents and
# without; to the BACKUP the address is a stranger's: it never has a route of it, does
# not answer for it and cannot speak from it.
#
# And beside a node with the rules of a BSD (bsd_peer.py), in place of b: a digest with
# link-local addresses in it is understood and answered in the same form, which is kept
# over changes of the list; a list that is changed here first and there later costs no
# second MASTER for longer than an advert takes; adverts that come more rarely than they
# announce are no silence.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	F1_basic_v4
	F4_basic_v6
	F9_nd6_ns_source_mac
	N1_ipv4_halt_carpdevip
	N2_ipv4_halt_nocarpdevip
	N3_ipv4_ifdown_carpdevip
	N4_ipv4_ifdown_nocarpdevip
	N5_ipv6_halt_carpdevip
	N6_ipv6_halt_nocarpdevip
	N7_ipv6_ifdown_carpdevip
	N8_ipv6_ifdown_nocarpdevip
	link_local_beside_freebsd
	list_beside_freebsd
	slow_openbsd
"

# configure NODE ADDRESS...: on eth0, which is up, for the time of the case.
configure() {
	local ns=${!1} address
	shift
	for address; do
		case $address in
		*:*) ip -n "$ns" addr add "$address" dev eth0 nodad ;;
		*) ip -n "$ns" addr add "$address" dev eth0 ;;
		esac
		check_err $? "$address could not be added"
		defer ip -n "$ns" addr del "$address" dev eth0
	done
}

# carp NODE ADDRESS OPTION...: carp0.
carp() {
	local ns=${!1} address=$2
	shift 2
	ip -n "$ns" -batch - <<-EOF
		link add carp0 link eth0 type carp $*
		addr add $address dev carp0
		link set carp0 up
	EOF
	check_err $? "carp0 could not be set up"
	carp_del_later "$ns"
}

# all_answered NAMESPACE ADDRESS N: questions and answers.
all_answered() {
	[[ $(ip netns exec "$1" ping -q -c "$3" -i 0.2 -W $((3 * slow)) "$2") == *" $3 received"* ]]
	check_err $? "not all of $3 questions to $2 were answered"
}

# masters: the namespaces whose carp0 is MASTER; fails without any.
masters() {
	local ns found=()
	for ns in "$a" "$b"; do
		! state_is "$ns" master || found+=("$ns")
	done
	echo "${found[*]}"
	[ "${#found[@]}" -gt 0 ]
}

# elect: waits for a MASTER, $elected, which is the only one from the start; the other is $other.
elect() {
	elected=$(busywait $((20000 * slow)) masters)
	other=$a
	[ "$elected" != "$a" ] || other=$b
	hears "$other" 3
	[ "$(masters)" = "$elected" ] ||
		fail "MASTER: $elected at first, and then $(masters)"
	stays "$other" backup
}

# is_strangers NAMESPACE ADDRESS: there the address is somebody else's, and nobody answers for it.
is_strangers() {
	local address=${2%/*} family=4
	[[ $address != *:* ]] || family=6
	disowns "$1" "$address"
	! ip -n "$1" "-$family" route show table all dev carp0 | grep -v ' ff00::/8 ' | grep -q . ||
		fail "${1%-*} has routes by carp0: $(ip -n "$1" "-$family" route show table all dev carp0 | tr '\n' ';')"
	ip -n "$client" neigh replace "$address" lladdr "$(ip -n "$1" -j link show eth0 | jq -r '.[0].address')" dev eth0
	ip netns exec "$client" ping -q -c 1 -W "$slow" "$address" >/dev/null
	check_fail $? "${1%-*} answers from the address"
	ip -n "$client" neigh del "$address" dev eth0
}

# watch_routes NAMESPACE: from here on, every new route of it is in a file.
declare -A watchers=()
watch_routes() {
	ip -n "$1" -o monitor route >"$tmp/routes of $1" &
	watchers[$1]=$!
	defer kill_process "${watchers[$1]}"
	busywait "$BUSYWAIT_TIMEOUT" sees_routes "$1"
	check_err $? "the test does not see new routes"
}

sees_routes() {
	ip -n "$1" -batch - <<-EOF
		route add 203.0.113.9/32 dev lo
		route del 203.0.113.9/32 dev lo
	EOF
	has_said "$tmp/routes of $1" 203.0.113.9
}

# had_no_routes NAMESPACE: by carp0, not for a moment, but those of the link; and but IPv6 prefixes of
# which the parent has a route, for there nobody is asked about a second one, which nothing goes by.
had_no_routes() {
	local found links='ff00::/8|fe80::/64'
	kill_process "${watchers[$1]}"
	links+=$(ip -n "$1" -6 route show dev eth0 | awk '{ printf "|%s", $1 }')
	found=$(grep ' dev carp0 ' "$tmp/routes of $1" | grep -vE "(^| )($links) ")
	[ -z "$found" ]
	check_err $? "the BACKUP had routes: $found"
}

elected='' other=''

# basic VIP: with the same settings on both.
basic() {
	watch_routes "$a"
	watch_routes "$b"
	carp a "$1" vhid 1
	carp b "$1" vhid 1
	elect
	had_no_routes "$other"
	owns "$elected" "${1%/*}"
	is_strangers "$other" "$1"
	all_answered "$client" "${1%/*}" 3
}

F1_basic_v4()
{
	RET=0
	configure client 192.0.2.2/29
	configure a 192.0.2.9/29
	configure b 192.0.2.10/29
	basic 192.0.2.1/29
	end_test "F1 basic_v4"
}

F4_basic_v6()
{
	RET=0
	configure client 2001:db8::2/64
	basic 2001:db8::1/64
	end_test "F4 basic_v6"
}

F9_nd6_ns_source_mac()
{
	RET=0
	configure client 2001:db8::2/64
	configure a 2001:db8::3/64
	configure b 2001:db8::4/64
	basic 2001:db8::1/64
	ip netns exec "$other" ping -q -c 1 -W "$slow" -I 2001:db8::1 2001:db8::2 >/dev/null 2>&1
	check_fail $? "the BACKUP speaks from the address"
	ip -n "$client" neigh flush all
	ip netns exec "$elected" ping -q -c 1 -W $((5 * slow)) -I 2001:db8::1 2001:db8::2 >/dev/null
	check_err $? "the MASTER does not speak from the address"
	ip -n "$client" neigh show 2001:db8::1 | grep -q "lladdr $vmac "
	check_err $? "the neighbour is not the virtual MAC address"
	end_test "F9 nd6_ns_source_mac"
}

# halted NAMESPACE: from one moment to the next it is not heard any more, nor hears.
halted() {
	bridge -n "$sw" link set dev "to_${1%%-*}" state 0
	defer bridge -n "$sw" link set dev "to_${1%%-*}" state 3
}

ifdown() {
	ip -n "$1" link set eth0 down
	defer set_up_again "$1"
}

set_up_again() {
	ip -n "$1" link set eth0 up
}

# handover FAMILY halted|ifdown PARENTS: NetBSD's carp_handover.
handover() {
	local how=$2 address my_a my_b my_client round
	family "$1"
	case $f in
	4) address=10.1.1.100/24 my_a=10.1.1.1/24 my_b=10.1.1.2/24 my_client=10.1.1.240/24 ;;
	6) address=fd00:1::100/64 my_a=fd00:1::1/64 my_b=fd00:1::2/64 my_client=fd00:1::240/64 ;;
	esac
	configure client "$my_client"
	if [ "$3" = carpdevip ]; then
		configure a "$my_a"
		configure b "$my_b"
		all_answered "$client" "${my_a%/*}" 1
		all_answered "$client" "${my_b%/*}" 1
	fi
	carp a "$address" vhid 175 advbase 1 advskew 0 pass s3cret
	watch_routes "$b"
	carp b "$address" vhid 175 advbase 1 advskew 200 pass s3cret
	becomes "$a" master
	hears "$b" 2
	stays "$b" backup
	had_no_routes "$b"
	is_strangers "$b" "$address"
	all_answered "$client" "${address%/*}" 1
	"$how" "$a"
	[ "$how" != ifdown ] || disowns "$a" "${address%/*}"
	if [ "$3" = carpdevip ]; then
		ip netns exec "$client" ping -q -c 1 -W "$slow" "${my_a%/*}" >/dev/null
		check_fail $? "A is still there"
	fi
	# Ours waits for three of its own intervals, 6.1 s, where NetBSD waits for three of advbase.
	ip netns exec "$client" ping -q -c 1 -w $((8 * slow)) "${address%/*}" >/dev/null
	check_err $? "the address is gone"
	stays "$b" master
	for round in 1 2; do
		carp_del "$b"
		carp_del "$a"
		[ "$round" = 2 ] || carp a "$address" vhid 175
	done
}

N1_ipv4_halt_carpdevip()
{
	RET=0
	handover 4 halted carpdevip
	end_test "N1 carp_handover_ipv4_halt_carpdevip"
}

N2_ipv4_halt_nocarpdevip()
{
	RET=0
	handover 4 halted nocarpdevip
	end_test "N2 carp_handover_ipv4_halt_nocarpdevip"
}

N3_ipv4_ifdown_carpdevip()
{
	RET=0
	handover 4 ifdown carpdevip
	end_test "N3 carp_handover_ipv4_ifdown_carpdevip"
}

N4_ipv4_ifdown_nocarpdevip()
{
	RET=0
	handover 4 ifdown nocarpdevip
	end_test "N4 carp_handover_ipv4_ifdown_nocarpdevip"
}

N5_ipv6_halt_carpdevip()
{
	RET=0
	handover 6 halted carpdevip
	end_test "N5 carp_handover_ipv6_halt_carpdevip"
}

N6_ipv6_halt_nocarpdevip()
{
	RET=0
	handover 6 halted nocarpdevip
	end_test "N6 carp_handover_ipv6_halt_nocarpdevip"
}

N7_ipv6_ifdown_carpdevip()
{
	RET=0
	handover 6 ifdown carpdevip
	end_test "N7 carp_handover_ipv6_ifdown_carpdevip"
}

N8_ipv6_ifdown_nocarpdevip()
{
	RET=0
	handover 6 ifdown nocarpdevip
	end_test "N8 carp_handover_ipv6_ifdown_nocarpdevip"
}

# peer ARGUMENT...: bsd_peer.py on B; what it says is in $tmp/peer.
peer() {
	local system=$1
	shift
	# What an earlier one has said is not said by this one.
	rm -f "$tmp/peer"
	ip netns exec "$b" python3 -S "$here/bsd_peer.py" "$system" "$tmp/peer" 192.0.2.12 "$@" &
	peer_pid=$!
	defer peer_end
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/peer" backup
	check_err $? "the peer did not start"
}

peer_end() {
	kill "$peer_pid"
	wait "$peer_pid" 2>/dev/null
}

peer_pid=''

# said N WHAT: the peer has said it so many times, or says it soon.
said() {
	local times
	busywait "$BUSYWAIT_TIMEOUT" said_at_least "$@"
	[ "$times" = "$1" ] || fail "the peer said '$2' $times times, and not $1"
}

said_at_least() {
	local line
	times=0
	while read -r line; do
		[[ $line != *"$2"* ]] || times=$((times + 1))
	done <"$tmp/peer"
	((times >= $1))
}

# peer_yielded N: it has been MASTER so many times, and each time yielded to an advert that A sent
# at once, not after its interval of 1 s.
peer_yielded() {
	local after
	said "$1" yields
	said "$1" master
	while read -r _ after; do
		((after < 900))
		check_err $? "A's advert came $after ms after the one before it"
	done < <(grep yields "$tmp/peer")
}

# A advertises each second, and the peer waits for three of its own intervals: the peer becomes
# MASTER in the middle of an interval of A's.
beside_freebsd() {
	configure a 192.0.2.11/24
	ip -n "$a" -batch - <<-EOF
		link add carp0 link eth0 type carp vhid 1 pass secret
		addr add 192.0.2.1/32 dev carp0
		addr add fe80::1/64 dev carp0
		link set carp0 up
	EOF
	carp_del_later "$a"
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	peer freebsd 1.13 1 33 192.0.2.1 fe80::1
}

link_local_beside_freebsd()
{
	RET=0
	local was
	beside_freebsd
	was=$(attr "$a" changed)
	peer_yielded 1
	# It is deaf no more.
	said 8 heard
	# Down and up, and over a key that is set again.
	ip -n "$a" link set carp0 type carp pass secret
	said 12 heard
	peer_yielded 1
	attr_is "$a" changed "$was"
	end_test "a link-local address beside FreeBSD"
}

list_beside_freebsd()
{
	RET=0
	local was
	beside_freebsd
	peer_yielded 1
	was=$(attr "$a" changed)
	ip -n "$a" addr add 192.0.2.2/32 dev carp0
	said 4 heard
	kill -USR1 "$peer_pid"
	peer_yielded 2
	said 8 heard
	peer_yielded 2
	attr_is "$a" changed "$was"
	end_test "a list that is changed here, and later beside it"
}

# It announces 98 ms, and sends each 500.
slow_openbsd()
{
	RET=0
	local changes
	configure a 192.0.2.11/24
	peer openbsd 0.5 0 25 192.0.2.1
	said 1 master
	ip -n "$a" link add carp0 link eth0 type carp vhid 1 pass secret advbase 0 advskew 26
	ip -n "$a" addr add 192.0.2.1/32 dev carp0
	ip -n "$a" link set carp0 up
	carp_del_later "$a"
	hears "$a" 4
	stays "$a" backup
	changes=$(attr "$a" to_master)
	((changes <= 4))
	check_err $? "$changes changes to MASTER"
	hears "$a" 8
	attr_is "$a" to_master "$changes"
	stays "$a" backup
	end_test "adverts that come more rarely than they announce"
}

lan client= a= b=
run_tests
