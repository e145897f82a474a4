#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The shared address works on the MASTER and nowhere else, though both have it.
#
#       client             a                 b                c
#         10               11                12 -- router --- 10
#          |             carp0 1           carp0 1            |
#        eth0             eth0          eth0    eth1        eth0
#          +----------------+-------------+       +-----------+
#                       sw: br0                       br1
#     192.0.2.0/24, 2001:db8:2::/64        198.51.100.0/24, 2001:db8:51::/64
#
# Asserted, of MASTER, BACKUP and INIT: how each reaches the address itself; where a connection
# ends that it makes, or forwards; what may be bound there, and that a socket outlives the
# change. An address that the administrator has put on a loopback or dummy device of a BACKUP
# as well is local there. owner_traces.sh shows what packets and tables tell of it.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	way_there
	connection
	forwarded
	bind_address
	bound_before_the_take_over
	bound_while_master
	also_on_lo
	init
"

# goes_by_the_parent NAMESPACE OWN: to another host, from its own address.
goes_by_the_parent() {
	[[ $(way "$1") == "$shared "*"dev eth0 "*"src $2 "* ]] ||
		fail "${1%-*} goes another way: $(way "$1")"
}

way_there()
{
	RET=0
	owns "$a"
	goes_by_the_parent "$b" "${net}12"
	hand_over "$a" "$b"
	goes_by_the_parent "$a" "${net}11"
	hand_over "$b" "$a"
	goes_by_the_parent "$b" "${net}12"
	end_test "the way there, $ipv"
}

connection()
{
	RET=0
	serve "$a" a
	serve "$b" b
	answers "$a" "$shared" "a $shared"
	answers "$b" "$shared" "a ${net}12"
	answers "$client" "$shared" "a ${net}10"
	hand_over "$a" "$b"
	answers "$b" "$shared" "b $shared"
	answers "$a" "$shared" "b ${net}11"
	answers "$client" "$shared" "b ${net}10"
	hand_over "$b" "$a"
	end_test "a connection from MASTER and BACKUP, $ipv"
}

forwarded()
{
	RET=0
	serve "$a" a
	serve "$b" b
	answers "$c" "$shared" "a ${far}10"
	hand_over "$a" "$b"
	answers "$c" "$shared" "b ${far}10"
	hand_over "$b" "$a"
	answers "$c" "$shared" "a ${far}10"
	end_test "a connection forwarded by BACKUP and MASTER, $ipv"
}

# binds NAMESPACE RESULT
binds() {
	local result
	result=$(ip netns exec "$1" python3 -S "$here/serve.py" --bind "$shared" 2>&1)
	[ "$result" = "$2" ]
	check_err $? "${1%-*}: $result and not $2"
}

bind_address()
{
	RET=0
	binds "$a" bound
	binds "$b" EADDRNOTAVAIL
	hand_over "$a" "$b"
	binds "$a" EADDRNOTAVAIL
	binds "$b" bound
	hand_over "$b" "$a"
	binds "$a" bound
	binds "$b" EADDRNOTAVAIL
	end_test "bind() works on the MASTER only, $ipv"
}

bound_before_the_take_over()
{
	RET=0
	local first knocker
	ip netns exec "$b" sysctl -qw "net.ipv$f.ip_nonlocal_bind=1"
	defer ip netns exec "$b" sysctl -qw "net.ipv$f.ip_nonlocal_bind=0"
	serve "$b" b "$shared"
	acquainted "${net}10"
	capture "$sw" to_b all
	ip netns exec "$client" python3 -S "$here/knock.py" "$shared" 7 5 20 >"$tmp/knock" 2>&1 &
	knocker=$!
	defer kill_process "$knocker"
	busywait 20000 test -s "$tmp/knock"
	check_err $? "nobody knocks"
	ip -n "$sw" link set to_a down
	becomes "$b" master
	owns "$b"
	kill_process "$knocker"
	answers "$client" "$shared" "b ${net}10"
	capture_end all
	# Less than a second, after which a lost one would be said again.
	first=$(python3 -S "$here/first_answers.py" "$tmp/all.pcap" "$shared" 192.0.2.12 $((500 * slow)) tcp 2>&1)
	check_err $? "$first"
	ip -n "$sw" link set to_a up
	becomes "$a" backup
	hand_over "$b" "$a"
	end_test "a socket bound on the BACKUP serves from the first packet on, $ipv ($first)"
}

bound_while_master()
{
	RET=0
	local line to_last from_last
	serve "$a" a "$shared"
	answers "$client" "$shared" "a ${net}10"
	# A connection that lasts.
	rm -f "$tmp/to_last" "$tmp/from_last"
	mkfifo "$tmp/to_last" "$tmp/from_last"
	ip netns exec "$client" bash -c "exec 3<>/dev/tcp/$shared/7; cat <&3 & exec cat >&3" \
		<"$tmp/to_last" >"$tmp/from_last" &
	defer kill_process $!
	exec {to_last}>"$tmp/to_last" {from_last}<"$tmp/from_last"
	read -r -t $((10 * slow)) line <&"$from_last"
	[ "$line" = "a ${net}10" ]
	check_err $? "it begins with '$line'"
	hand_over "$a" "$b"
	[ "$(who_answers "$client" "$shared")" = "a ${net}10" ]
	check_fail $? "it serves on a BACKUP"
	hand_over "$b" "$a"
	answers "$client" "$shared" "a ${net}10"
	echo still there >&"$to_last"
	read -r -t $((20 * slow)) line <&"$from_last"
	[ "$line" = "still there" ]
	check_err $? "what lasted is gone: '$line'"
	end_test "sockets bound while MASTER survive being BACKUP, $ipv"
}

# A real server of a load balancer, or one that announces the address as anycast.
also_on_lo()
{
	RET=0
	local way
	ip -n "$b" link add other up type dummy
	serve "$a" a
	serve "$b" b
	for way in "addr add $shared/$host dev lo" "addr add $shared/$host dev other" \
			"-$f route add local $shared/$host dev lo"; do
		# shellcheck disable=SC2086 # words
		ip -n "$b" $way
		check_err $? "the BACKUP refuses: $way"
		# Found by ARP or Neighbour Discovery.
		ip -n "$client" neigh flush all
		answers "$client" "$shared" "a ${net}10"
		# Sent to B's own MAC address.
		ip -n "$client" neigh replace "$shared" lladdr "$(mac_of "$b")" dev eth0
		answers "$client" "$shared" "b ${net}10"
		ip -n "$client" neigh del "$shared" dev eth0
		# shellcheck disable=SC2086 # words
		ip -n "$b" ${way/ add / del }
		goes_by_the_parent "$b" "${net}12"
	done
	ip -n "$b" link del other
	answers "$client" "$shared" "a ${net}10"
	end_test "the address is local on a BACKUP by other means as well, $ipv"
}

mac_of() {
	ip -n "$1" -j link show eth0 | jq -r '.[0].address'
}

init()
{
	RET=0
	serve "$a" a
	ip -n "$b" link set carp0 down
	becomes "$b" init
	disowns "$b"
	goes_by_the_parent "$b" "${net}12"
	answers "$b" "$shared" "a ${net}12"
	answers "$c" "$shared" "a ${far}10"
	binds "$b" EADDRNOTAVAIL
	ip -n "$b" link set carp0 up
	becomes "$b" backup
	# Without a parent it must go to nobody, rather than to itself.
	ip -n "$sw" link set to_a down
	becomes "$a" init
	disowns "$a"
	binds "$a" EADDRNOTAVAIL
	becomes "$b" master
	ip -n "$sw" link set to_a up
	becomes "$a" backup
	answers "$client" "${net}11" "a ${net}10"
	goes_by_the_parent "$a" "${net}11"
	hand_over "$b" "$a"
	end_test "INIT is as BACKUP, $ipv"
}

dual_lan client=10 a=11 b=12
setup_ns c
far_side
dual_pair
run_tests_in 4 6
