#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who says what about the shared address, and with which MAC address.
#
#       client            a: MASTER           b: BACKUP
#     192.0.2.10    192.0.2.11 192.0.2.21    192.0.2.12
#          |           |           |           |      |
#        eth0        eth0        eth1        eth0   eth1
#          +-----------+-----------+-----------+------+      sw: br0
#
# The shared address lies in the subnet of all of these, and A is twice on the
# LAN: Linux would answer for it from everywhere.
#
# Asserted: a question for the address gets one answer, the MASTER's, with the
# virtual MAC address in the ARP packet and in the Ethernet header, be it asked by
# broadcast or of the virtual MAC address, with a priority tag, or as IEEE 802 has it;
# a gratuitous one asks nothing;
# whatever A says from the address comes from the virtual MAC address; what A asks its
# neighbours teaches them nothing else, and is asked from an address of its own; the stack
# of A sees no question for the address; the BACKUP neither sends nor accepts anything
# with either address. What is for the address is received by carp0 of the MASTER. A new
# MASTER announces it, twice, so that whoever has a wrong MAC address for it has the right one.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	one_answer
	asked_of_the_virtual_mac
	asked_oddly
	asked_by_a_stranger
	gratuitous
	said_by_the_master
	asks_without_an_address
	silent_backup
	backup_that_has_it
	backup_that_has_both
	frames_to_the_virtual_mac
	learned_a_wrong_mac
	after_take_over
"

# An ARP packet about the shared address that names another MAC address for it.
misleading="arp src host $vip and not (arp[8:4] = 0x00005e00 and arp[12:2] = 0x0101)"

# Behind all that was sent before, on every link.
fence() {
	local address
	for address in 192.0.2.11 192.0.2.21 192.0.2.12; do
		pings "$client" "$address"
	done
}

forget_neighbours() {
	ip -n "$1" neigh flush all
}

one_answer()
{
	RET=0
	local questions answers
	capture "$client" eth0 all
	forget_neighbours "$client"
	pings "$client" "$vip"
	fence
	capture_end all
	questions=$(packets all "arp[6:2] = 1 and src host 192.0.2.10 and dst host $vip")
	answers=$(packets all "arp[6:2] = 2 and src host $vip")
	((questions >= 1 && answers == questions))
	check_err $? "$answers answers to $questions questions"
	packets_are "$answers" all "arp[6:2] = 2 and src host $vip and ether src $vmac"
	packets_are 0 all "$misleading"
	ip -n "$client" neigh show "$vip" | grep -q "lladdr $vmac "
	check_err $? "the client's neighbour is not the virtual MAC address"
	packets_are 0 all "src host $vip and not ether src $vmac"
	end_test "one answer to a question, with the virtual MAC address"
}

asked_of_the_virtual_mac()
{
	RET=0
	capture "$client" eth0 all
	ip netns exec "$client" arping -q -i eth0 -t "$vmac" -S 192.0.2.10 -c 1 -C 1 -w $((5 * slow)) "$vip"
	check_err $? "no answer"
	fence
	capture_end all
	packets_are 1 all "arp[6:2] = 1 and dst host $vip and ether dst $vmac"
	packets_are 1 all "arp[6:2] = 2 and src host $vip"
	packets_are 1 all "arp[6:2] = 2 and src host $vip and ether src $vmac"
	packets_are 0 all "$misleading"
	end_test "one answer to a question to the virtual MAC address"
}

asked_oddly()
{
	RET=0
	local option
	# Priority 7 and no VLAN; hardware type 6. Linux takes both for what they would be without.
	for option in "--tag 0xe000" "--hardware 6"; do
		capture "$client" eth0 all
		# shellcheck disable=SC2086 # two words
		ip netns exec "$client" python3 -S "$here/send_nd.py" eth0 arp "$vip" --source 192.0.2.10 $option
		check_err $? "the test could not send"
		fence
		capture_end all
		packets_are 1 all "arp[6:2] = 2 and src host $vip"
		packets_are 1 all "arp[6:2] = 2 and src host $vip and ether src $vmac"
		packets_are 0 all "$misleading"
	done
	end_test "one answer to a question with a priority tag, and to one of IEEE 802"
}

# The stack learns who asks it. Who asks for the shared address is a neighbour of carp0 alone.
asked_by_a_stranger()
{
	RET=0
	capture "$client" eth0 all
	ip netns exec "$client" python3 "$here/send_nd.py" eth0 arp "$vip" --source 192.0.2.97
	check_err $? "the test could not send"
	ip netns exec "$client" python3 "$here/send_nd.py" eth0 arp 192.0.2.21 --source 192.0.2.98
	check_err $? "the test could not send"
	fence
	capture_end all
	packets_are 1 all "arp[6:2] = 2 and src host $vip and dst host 192.0.2.97"
	[[ $(ip -n "$a" neigh show) == *"192.0.2.98 dev "* ]]
	check_err $? "A does not learn who asks for an address of its own"
	[[ $(ip -n "$a" neigh show dev eth0) != *"192.0.2.97 "* ]]
	check_err $? "the stack of A has seen a question for the shared address"
	[[ $(ip -n "$a" neigh show dev carp0) == *"192.0.2.97 lladdr "* ]]
	check_err $? "carp0 does not learn who asks for its address"
	end_test "the stack sees no question for the address"
}

gratuitous()
{
	RET=0
	capture "$client" eth0 all
	ip netns exec "$client" python3 -S "$here/send_nd.py" eth0 arp "$vip" --mac 02:00:00:00:00:97
	check_err $? "the test could not send"
	fence
	capture_end all
	packets_are 1 all "arp[6:2] = 1 and src host $vip and dst host $vip"
	packets_are 0 all "arp[6:2] = 2 and src host $vip"
	end_test "no answer to a gratuitous request"
}

said_by_the_master()
{
	RET=0
	capture "$client" eth0 all
	# Each time A has to ask for the client's MAC address first.
	forget_neighbours "$a"
	ip netns exec "$a" ping -q -c 1 -W $((5 * slow)) -I "$vip" 192.0.2.10 >/dev/null
	check_err $? "no answer to the shared address"
	forget_neighbours "$a"
	pings "$a" 192.0.2.10
	fence
	capture_end all
	(($(packets all "arp[6:2] = 1 and dst host 192.0.2.10 and not ether src $vmac") >= 2))
	check_err $? "A asked nothing"
	(($(packets all "ip src $vip") >= 1))
	check_err $? "A said nothing from the shared address"
	packets_are 0 all "ip src $vip and not ether src $vmac"
	packets_are 0 all "$misleading"
	packets_are 0 all "ip src 192.0.2.11 and ether src $vmac and not ip proto 112"
	end_test "what the MASTER says from the address has the virtual MAC address"
}

# by_eth1 NAMESPACE: to the client, from the shared address.
by_eth1() {
	ip -n "$1" route add 192.0.2.10 dev eth1
	defer ip -n "$1" route del 192.0.2.10 dev eth1
	forget_neighbours "$1"
	ip netns exec "$1" ping -q -c 1 -W $((2 * slow)) -I "$vip" 192.0.2.10 >/dev/null 2>&1
}

# Whoever probes for an address takes a question of nobody's for one who wants it, too.
asks_without_an_address()
{
	RET=0
	ip -n "$a" addr del 192.0.2.21/24 dev eth1
	defer ip -n "$a" addr add 192.0.2.21/24 dev eth1
	capture "$sw" to_a_too all -Q in
	by_eth1 "$a"
	check_err $? "no answer to the shared address by eth1"
	capture_end all
	(($(packets all "arp[6:2] = 1 and src host 192.0.2.11 and dst host 192.0.2.10") >= 1))
	check_err $? "A does not ask from an address of its own"
	packets_are 0 all "arp src host 0.0.0.0 or arp src host $vip"
	end_test "a MASTER asks from its own address by a device that has none"
}

# A device of B's has the virtual MAC address, as one of VRRP may, and lo has the shared one.
backup_that_has_both()
{
	RET=0
	in_defer_scope ask_with_both
	# The switch has seen the virtual MAC address there, and the client has it for B.
	bridge -n "$sw" fdb del "$vmac" dev to_b_too master 2>/dev/null
	forget_neighbours "$client"
	end_test "the BACKUP asks nothing from the address, with the virtual MAC address neither"
}

ask_with_both() {
	local own
	own=$(ip -n "$b" -j link show eth1 | jq -r '.[0].address')
	ip -n "$b" link set eth1 address "$vmac"
	defer ip -n "$b" link set eth1 address "$own"
	ip -n "$b" addr add "$vip/32" dev lo
	defer ip -n "$b" addr del "$vip/32" dev lo
	capture "$sw" to_b_too all -Q in arp
	by_eth1 "$b"
	check_fail $? "the BACKUP was answered at the shared address"
	# What was asked until now was asked for a packet from the address.
	forget_neighbours "$b"
	ip netns exec "$b" ping -q -c 1 -W 1 -I 192.0.2.12 192.0.2.10 >/dev/null 2>&1
	capture_end all
	(($(packets all "arp[6:2] = 1 and src host 192.0.2.12 and ether src $vmac") >= 1))
	check_err $? "B asks nothing"
	packets_are 0 all "arp src host $vip"
}

silent_backup()
{
	RET=0
	# All that B sends.
	capture "$sw" to_b all -Q in
	forget_neighbours "$client"
	forget_neighbours "$b"
	pings "$client" "$vip"
	ip netns exec "$b" ping -q -c 2 -i 0.2 -W 1 -I "$vip" 192.0.2.10 >/dev/null
	check_fail $? "the BACKUP was answered at the shared address"
	ip netns exec "$b" ping -q -c 1 -W 1 -I carp0 192.0.2.10 >/dev/null
	check_fail $? "the BACKUP was answered through carp0"
	fence
	capture_end all
	(($(packets all "ip src 192.0.2.12") >= 1))
	check_err $? "B said nothing at all"
	packets_are 0 all "ether src $vmac"
	packets_are 0 all "src host $vip"
	end_test "the BACKUP is silent"
}

# A service may have the address on lo of each host.
backup_that_has_it()
{
	RET=0
	ip -n "$b" addr add "$vip/32" dev lo
	defer ip -n "$b" addr del "$vip/32" dev lo
	capture "$sw" to_b all -Q in
	forget_neighbours "$client"
	pings "$client" "$vip"
	fence
	capture_end all
	(($(packets all "ip src 192.0.2.12") >= 1))
	check_err $? "B said nothing at all"
	packets_are 0 all "arp src host $vip"
	end_test "the BACKUP answers no question for the address that lo has too"
}

frames_to_the_virtual_mac()
{
	RET=0
	local received
	capture "$a" carp0 master icmp
	capture "$b" carp0 backup
	pings "$client" "$vip"
	received=$(rx_packets "$a")
	# The switch takes the BACKUP for the owner.
	bridge -n "$sw" fdb replace "$vmac" dev to_b master static sticky
	ip netns exec "$client" ping -q -c 3 -i 0.2 -W 1 "$vip" >/dev/null
	check_fail $? "the BACKUP answers"
	bridge -n "$sw" fdb del "$vmac" dev to_b master static
	fence
	[ "$(rx_packets "$a")" = "$received" ]
	check_err $? "the MASTER has received what went to the BACKUP"
	capture_end master
	capture_end backup
	(($(packets master "dst host $vip") >= 1))
	check_err $? "carp0 of the MASTER has received nothing"
	captured_nothing backup
	[ "$(rx_packets "$b")" = 0 ]
	check_err $? "carp0 of the BACKUP has received something"
	end_test "only the MASTER receives frames to the virtual MAC address"
}

rx_packets() {
	ip -n "$1" -j -s link show carp0 | jq '.[0].stats64.rx.packets'
}

# knows_right: the client, which asks nobody.
knows_right() {
	[[ $(ip -n "$client" neigh show "$vip") == *" lladdr $vmac "* ]]
}

learned_a_wrong_mac()
{
	RET=0
	capture "$client" eth0 all
	# As by somebody who has said to have the address.
	ip -n "$client" neigh replace "$vip" lladdr 02:00:00:00:00:97 nud reachable dev eth0
	! knows_right
	check_err $? "the test cannot mislead the client"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	busywait "$BUSYWAIT_TIMEOUT" knows_right
	check_err $? "the client keeps a wrong MAC address after a take-over"
	# It is said again with the second advert after the first.
	hears "$a" 4
	capture_end all
	packets_are 0 all "arp[6:2] = 1 and dst host $vip and not ether src $vmac"
	packets_are 2 all "arp[6:2] = 1 and src host $vip and dst host $vip and ether broadcast and ether src $vmac"
	packets_are 0 all "$misleading"
	ip -n "$b" link set carp0 type carp state backup
	becomes "$a" master
	hears "$b" 2
	end_test "a new MASTER corrects whoever has a wrong MAC address"
}

after_take_over()
{
	RET=0
	capture "$sw" to_a all -Q in
	pings "$client" "$vip"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	becomes "$a" backup
	pings "$client" 192.0.2.11
	# From here on.
	capture_end all
	capture "$sw" to_a all -Q in
	forget_neighbours "$client"
	pings "$client" "$vip"
	fence
	capture_end all
	(($(packets all "ip src 192.0.2.11") >= 1))
	check_err $? "A said nothing at all"
	packets_are 0 all "ether src $vmac"
	packets_are 0 all "src host $vip"
	end_test "a MASTER that became BACKUP is silent"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
lan_link a eth1 to_a_too 192.0.2.21
lan_link b eth1 to_b_too
carp_add "$a" advbase 0 advskew 26
becomes "$a" master
carp_add "$b" advbase 0 advskew 51
hears "$b" 2
run_tests
