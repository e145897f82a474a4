#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who says what about a shared IPv6 address, and with which MAC address.
#
#       client                 a: MASTER                  b: BACKUP
#    2001:db8::10    2001:db8::11   2001:db8::21        2001:db8::12
#          |               |              |                  |
#        eth0            eth0           eth1               eth0
#          +---------------+--------------+------------------+      sw: br0
#
# Asserted: a question for the address gets one answer, the MASTER's, with the
# virtual MAC address in the option and as Ethernet source, be it asked in the
# group or of the virtual MAC address, and with the virtual MAC address only;
# questions that RFC 4861 has ignored get none; the BACKUP answers nobody. Who
# wants the address for itself is told that it is in use, and reported; so is who
# says to have it. No node asks whether somebody has it. What A says from the
# address comes from the virtual MAC address. A router that advertises itself to the
# shared address gives carp0 neither an address nor a route. Solicitations of routers
# are heard by carp0 of a MASTER that forwards, ten a second at most, and by no other.
# A new MASTER announces the address.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	one_answer
	asked_of_the_virtual_mac
	wrong_questions
	somebody_wants_the_address
	said_by_the_master
	somebody_advertises_the_address
	silent_backup
	somebody_asks_from_the_address
	not_to_be_used
	somebody_has_the_other_address
	routers_advertise
	routers_solicited
	after_take_over
"

vip6=2001:db8::1
group_mac=33:33:ff:00:00:01
about_vip="icmp6 and ip6[48:4] = 0x20010db8 and ip6[52:4] = 0 and ip6[56:4] = 0 and ip6[60:4] = 1"
question="ip6[40] = 135 and $about_vip"
answer="ip6[40] = 136 and $about_vip"
# An advertisement as the MASTER is to make it.
right="ether src $vmac and ip6[64:4] = 0x02010000 and ip6[68:4] = 0x5e000101 and ip6[6:2] = 0x3aff"
# Solicited and override; override alone.
is_answer="$answer and ip6[44:4] = 0x60000000"
is_announcement="$answer and ip6[44:4] = 0x20000000 and ip6 dst ff02::1"

# Behind all that was sent before, on every link.
fence() {
	local address
	for address in 2001:db8::11 2001:db8::21 2001:db8::12; do
		pings "$client" "$address"
	done
}

forget_neighbours() {
	ip -n "$1" -6 neigh flush all
}

send_nd() {
	ip netns exec "$client" python3 -S "$here/send_nd.py" eth0 "$@"
	check_err $? "the test could not send"
}

# notices: how many times the kernel has reported somebody else with the address.
notices() {
	dmesg | grep -cE "carp: carp0@[0-9]+: duplicate address $1, claimed by $2"
}

# noticed N ADDRESS MAC: the last of them a moment ago.
noticed() {
	busywait "$BUSYWAIT_TIMEOUT" has_noticed "$@" ||
		fail "$(notices "$2" "$3") notices of $3, and not $1"
	[ "$1" = 0 ] || last_notice=$EPOCHSECONDS
}

has_noticed() {
	[ "$(notices "$2" "$3")" = "$1" ]
}

one_answer()
{
	RET=0
	local questions
	capture "$client" eth0 all
	forget_neighbours "$client"
	pings "$client" "$vip6"
	fence
	capture_end all
	questions=$(packets all "$question and ether dst $group_mac")
	((questions >= 1))
	check_err $? "the client asked nothing"
	packets_are "$questions" all "$answer"
	packets_are "$questions" all "$is_answer and $right and ip6 src $vip6"
	ip -n "$client" neigh show "$vip6" | grep -q "lladdr $vmac "
	check_err $? "the client's neighbour is not the virtual MAC address"
	packets_are 0 all "ip6 src $vip6 and not ether src $vmac"
	end_test "one answer to a question, with the virtual MAC address"
}

asked_of_the_virtual_mac()
{
	RET=0
	local option
	for option in "" --no-option; do
		capture "$client" eth0 all
		# shellcheck disable=SC2086 # an option, or none
		send_nd solicitation "$vip6" --source 2001:db8::10 --destination "$vip6" --to-mac "$vmac" $option
		fence
		capture_end all
		packets_are 1 all "$question and ether dst $vmac"
		packets_are 1 all "$answer"
		packets_are 1 all "$is_answer and $right and ip6 dst 2001:db8::10"
	done
	end_test "one answer to a question to the virtual MAC address"
}

wrong_questions()
{
	RET=0
	capture "$client" eth0 all
	send_nd solicitation "$vip6" --source 2001:db8::10 --hop-limit 254
	send_nd solicitation "$vip6" --source 2001:db8::10 --bad-checksum
	send_nd solicitation "$vip6" --source ff02::10
	send_nd solicitation "$vip6" --destination "$vip6" --to-mac "$vmac"
	send_nd solicitation 2001:db8::dead --source 2001:db8::10
	fence
	capture_end all
	(($(packets all "$question") >= 4))
	check_err $? "the questions were not asked"
	packets_are 0 all "$answer"
	packets_are 0 all "icmp6 and ip6[40] = 136 and ether src $vmac"
	end_test "questions that are not valid are ignored"
}

somebody_wants_the_address()
{
	RET=0
	quiet
	capture "$client" eth0 all
	send_nd solicitation "$vip6" --mac 02:00:00:00:00:99
	fence
	capture_end all
	packets_are 1 all "$question and ip6 src ::"
	packets_are 1 all "$answer"
	packets_are 1 all "$is_announcement and $right and ether dst 33:33:00:00:00:01"
	noticed 1 "$vip6" 02:00:00:00:00:99
	# Linux, as itself.
	ip -n "$client" addr add "$vip6/64" dev eth0
	defer ip -n "$client" addr del "$vip6/64" dev eth0
	busywait "$BUSYWAIT_TIMEOUT" dad_failed
	check_err $? "the client has taken the address"
	stays "$a" master
	# One notice in ten seconds.
	noticed 1 "$vip6" '[0-9a-f:]*'
	end_test "somebody who wants the address is told that it is in use, and reported"
}

dad_failed() {
	ip -n "$client" -6 addr show dev eth0 | grep -q "$vip6/64.* dadfailed"
}

# Until a notice may be given again, ten seconds after the last one.
quiet() {
	local left=$((last_notice + 12 - EPOCHSECONDS))
	((left <= 0)) || sleep "$left"
	dmesg -C
}

somebody_advertises_the_address()
{
	RET=0
	quiet
	capture "$client" eth0 all
	# A BACKUP that takes over, a peer: not strangers.
	send_nd advertisement "$vip6" --source "$vip6" --mac "$vmac"
	send_nd solicitation "$vip6" --mac "$vmac"
	fence
	capture_end all
	packets_are 1 all "$answer"
	noticed 0 "$vip6" '[0-9a-f:]*'
	send_nd advertisement "$vip6" --source "$vip6" --mac 02:00:00:00:00:98
	noticed 1 "$vip6" 02:00:00:00:00:98
	stays "$a" master
	end_test "somebody who advertises the address is reported"
}

somebody_asks_from_the_address()
{
	RET=0
	quiet
	send_nd solicitation 2001:db8::11 --source "$vip6" --mac 02:00:00:00:00:96
	noticed 1 "$vip6" 02:00:00:00:00:96
	stays "$a" master
	end_test "somebody who asks from the address is reported"
}

somebody_has_the_other_address()
{
	RET=0
	quiet
	send_nd arp "$vip" --mac 02:00:00:00:00:95
	noticed 1 "$vip" 02:00:00:00:00:95
	stays "$a" master
	end_test "somebody who says to have the IPv4 address is reported"
}

said_by_the_master()
{
	RET=0
	capture "$client" eth0 all
	# Each time A has to ask for the client's MAC address first.
	forget_neighbours "$a"
	ip netns exec "$a" ping -q -c 1 -W 5 -I "$vip6" 2001:db8::10 >/dev/null
	check_err $? "no answer to the shared address"
	forget_neighbours "$a"
	pings "$a" 2001:db8::10
	fence
	capture_end all
	(($(packets all "ip6 src $vip6") >= 1))
	check_err $? "A said nothing from the shared address"
	packets_are 0 all "ip6 src $vip6 and not ether src $vmac"
	packets_are 0 all "ip6 src 2001:db8::11 and ether src $vmac"
	packets_are 0 all "$answer and not ($right)"
	end_test "what the MASTER says from the address has the virtual MAC address"
}

silent_backup()
{
	RET=0
	# All that B sends, and what it says when it is given an address.
	capture "$sw" to_b all -Q in
	forget_neighbours "$client"
	forget_neighbours "$b"
	pings "$client" "$vip6"
	ip -n "$b" addr add 2001:db8::2/128 dev carp0
	ip -n "$a" addr add 2001:db8::2/128 dev carp0
	ip netns exec "$b" carp sync
	pings "$client" 2001:db8::2
	ip netns exec "$b" ping -q -c 2 -i 0.2 -W 1 -I carp0 2001:db8::10 >/dev/null 2>&1
	check_fail $? "the BACKUP was answered through carp0"
	# Asked of the BACKUP itself.
	send_nd solicitation "$vip6" --source 2001:db8::10 --destination "$vip6" \
		--to-mac "$(ip -n "$b" -j link show eth0 | jq -r '.[0].address')"
	fence
	capture_end all
	(($(packets all "ip6 src 2001:db8::12") >= 1))
	check_err $? "B said nothing at all"
	packets_are 0 all "ether src $vmac"
	packets_are 0 all "ip6 src $vip6 or ip6 src 2001:db8::2"
	packets_are 0 all "$answer"
	packets_are 0 all "icmp6 and ip6[40] = 135 and ip6 src ::"
	ip -n "$a" addr del 2001:db8::2/128 dev carp0
	ip -n "$b" addr del 2001:db8::2/128 dev carp0
	ip netns exec "$b" carp sync
	end_test "the BACKUP is silent"
}

all_marked() {
	local all marked
	all=$(ip -n "$b" -6 -o addr show dev carp0)
	marked=$(grep -c ' dadfailed tentative' <<<"$all")
	[ "$marked" = "$1" ] && [ "$(wc -l <<<"$all")" = "$1" ]
}

# stay_marked N WHAT: N addresses of carp0, and all are.
stay_marked() {
	busywait "$BUSYWAIT_TIMEOUT" all_marked "$1"
	check_err $? "addresses of the BACKUP may be used when $2"
	# The kernel is through with its own by then.
	sleep 1
	all_marked "$1"
	check_err $? "addresses of the BACKUP may be used some time after $2"
}

not_to_be_used()
{
	RET=0
	local last
	stay_marked 1 "nothing has happened"
	for last in 2 3 4 5; do
		ip -n "$b" addr add "2001:db8:5::$last/64" dev carp0
	done
	stay_marked 5 "they are added"
	ip -n "$b" link set carp0 down
	ip -n "$b" link set carp0 up
	stay_marked 5 "carp0 was down"
	ip -n "$b" link set eth0 down
	ip -n "$b" link set eth0 up
	# Its own addresses are gone with that.
	ip -n "$b" addr add 2001:db8::12/64 dev eth0 nodad
	stay_marked 5 "its parent was down"
	for last in 2 3 4 5; do
		ip -n "$b" addr del "2001:db8:5::$last/64" dev carp0
	done
	ip netns exec "$b" carp sync
	stays "$a" master
	end_test "a BACKUP does not use an address, whatever happens to it"
}

after_take_over()
{
	RET=0
	capture "$client" eth0 taken
	capture "$sw" to_a all -Q in
	pings "$client" "$vip6"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	becomes "$a" backup
	hears "$a" 6
	pings "$client" 2001:db8::11
	capture_end all
	capture_end taken
	packets_are 2 taken "$is_announcement and $right"
	packets_are 0 taken "icmp6 and ip6[40] = 135 and ip6 src ::"
	# From here on.
	capture "$sw" to_a all -Q in
	forget_neighbours "$client"
	pings "$client" "$vip6"
	fence
	capture_end all
	(($(packets all "ip6 src 2001:db8::11") >= 1))
	check_err $? "A said nothing at all"
	packets_are 0 all "ether src $vmac"
	packets_are 0 all "ip6 src $vip6"
	packets_are 0 all "$answer"
	end_test "a new MASTER announces the address, and the old one is silent"
}

# What A has by carp0 beside what it was given.
advertised() {
	ip -n "$a" -6 -o addr show dev carp0 dynamic
	ip -n "$a" -6 route show default dev carp0
}

has_advertised() {
	[ -n "$(advertised)" ]
}

advertise_router() {
	send_nd router 2001:db8:99:: --source fe80::99 --destination "$vip6" --to-mac "$vmac"
}

routers_advertise()
{
	RET=0
	advertise_router
	fence
	sleep 1
	! has_advertised ||
		fail "carp0 has $(advertised)"
	# That is how it is told to.
	ip netns exec "$a" sysctl -qw net.ipv6.conf.carp0.accept_ra=1 net.ipv6.conf.carp0.autoconf=1
	advertise_router
	busywait "$BUSYWAIT_TIMEOUT" has_advertised
	check_err $? "the test advertises nothing"
	ip netns exec "$a" sysctl -qw net.ipv6.conf.carp0.accept_ra=0 net.ipv6.conf.carp0.autoconf=0
	ip -n "$a" -6 addr flush dev carp0 dynamic
	ip -n "$a" -6 route flush default dev carp0 2>/dev/null
	! has_advertised ||
		fail "carp0 still has $(advertised)"
	end_test "carp0 has nothing that a router advertises"
}

# span NAME: milliseconds from the first packet of a capture to the last.
span() {
	tcpdump -tt -n -r "$tmp/$1.pcap" 2>/dev/null |
		awk '/^[0-9]/ { if (!first) first = $1; last = $1 } END { printf "%d\n", (last - first) * 1000 }'
}

routers_solicited()
{
	RET=0
	local node solicitations="icmp6 and ip6[40] = 133" count=50 most
	capture "$a" carp0 a -Q in "$solicitations"
	send_nd routers 3
	fence
	capture_end a
	captured_nothing a
	capture "$client" eth0 asked -Q out "$solicitations"
	for node in a b; do
		capture "${!node}" carp0 "$node" -Q in "$solicitations"
		ip netns exec "${!node}" sysctl -qw net.ipv6.conf.carp0.forwarding=1
		defer ip netns exec "${!node}" sysctl -qw net.ipv6.conf.carp0.forwarding=0
	done
	# Nobody was heard a moment ago.
	sleep 0.2
	send_nd routers "$count"
	fence
	for node in asked a b; do
		capture_end "$node"
	done
	# The client itself may solicit once more.
	(($(packets asked) >= count)) ||
		fail "the test has solicited $(packets asked) times"
	captured_nothing b
	most=$(($(span asked) / 100 + 2))
	between 1 "$(packets a)" "$most" "solicitations that carp0 hears"
	((most < count / 2))
	check_err $? "the test solicits too slowly for a limit to show"
	end_test "routers that are solicited hear it by carp0 of the MASTER, sometimes"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
lan_link a eth1 to_a_too 192.0.2.21
ip -n "$client" addr add 2001:db8::10/64 dev eth0 nodad
ip -n "$a" addr add 2001:db8::11/64 dev eth0 nodad
ip -n "$a" addr add 2001:db8::21/64 dev eth1 nodad
ip -n "$b" addr add 2001:db8::12/64 dev eth0 nodad
capture "$sw" br0 start icmp6
# Nobody takes over who is not asked to: a loaded host stands still for a while.
carp_add "$a" advbase 1 advskew 0
ip -n "$a" addr add "$vip6/128" dev carp0
becomes "$a" master
carp_add "$b" advbase 1 advskew 51
ip -n "$b" addr add "$vip6/128" dev carp0
hears "$b" 4
capture_end start
packets_are 0 start "$question and ip6 src ::"
last_notice=$EPOCHSECONDS
run_tests
