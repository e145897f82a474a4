#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The devices that a carp device can stand on.
#
#       client                 a
#     192.0.2.10           192.0.2.11
#      eth0, vlan5       eth0, eth1: the parent, or below it
#          |              |        |
#          +--------------+--------+      sw: br0
#
# Asserted, for each kind of parent: carp0 on it becomes MASTER; a client finds
# its address at the virtual MAC address, and is answered; what A says from there
# comes from that MAC address. What is made of the parent later is not in the way.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	on_veth
	on_vlan
	on_bond
	on_bridge
	on_bridge_port
	under_macvlan
	bridged_later
	beside_rx_handler
"

# serves PARENT CLIENT_DEVICE: carp0 on PARENT of A serves the client at CLIENT_DEVICE.
serves() {
	ip -n "$a" link add carp0 link "$1" type carp vhid 1 advbase 0 advskew 26 pass secret
	check_err $? "carp0 could not be made"
	defer carp_del "$a"
	ip -n "$a" addr add "$vip/32" dev carp0
	ip -n "$a" link set carp0 up
	becomes "$a" master
	serves_client "$2"
}

serves_client() {
	ip -n "$client" neigh flush all
	capture "$client" "$1" all src host "$vip"
	pings "$client" "$vip"
	ip -n "$client" neigh show "$vip" | grep -q "dev $1 lladdr $vmac "
	check_err $? "the client's neighbour is not the virtual MAC address"
	capture_end all
	packets_are 0 all "not ether src $vmac"
	packets_are 1 all "icmp[icmptype] = icmp-echoreply"
}

# gone NAMESPACE DEVICE
gone() {
	ip -n "$1" link del "$2" 2>/dev/null
}

# gone_with PARENT
gone_with() {
	ip -n "$a" link del "$1"
	ip -n "$a" link show carp0 >/dev/null 2>&1
	check_fail $? "carp0 is still there without $1"
}

on_veth()
{
	RET=0
	serves eth0 eth0
	end_test "on a veth"
}

on_vlan()
{
	RET=0
	local node
	ip -n "$client" addr del 192.0.2.10/24 dev eth0
	defer ip -n "$client" addr add 192.0.2.10/24 dev eth0
	for node in client=192.0.2.10 a=192.0.2.11; do
		local ns=${node%=*}
		ip -n "${!ns}" link add vlan5 link eth0 up type vlan id 5
		ip -n "${!ns}" addr add "${node#*=}/24" dev vlan5
		defer gone "${!ns}" vlan5
	done
	ip -n "$a" addr del 192.0.2.11/24 dev eth0
	defer ip -n "$a" addr add 192.0.2.11/24 dev eth0
	serves vlan5 vlan5
	# The same vhid beside the VLAN does not mix with it.
	ip -n "$a" link add carp1 link eth0 type carp vhid 1 advbase 0 advskew 26 pass secret
	defer ip -n "$a" link del carp1
	ip -n "$a" addr add 192.0.2.2/32 dev carp1
	ip -n "$a" link set carp1 up
	busywait "$BUSYWAIT_TIMEOUT" state_is "$a" master carp1
	check_err $? "carp1 did not become MASTER"
	serves_client vlan5
	attr_is "$a" bad_auth 0
	gone_with vlan5
	state_is "$a" master carp1
	check_err $? "carp1 went with the VLAN"
	end_test "on a VLAN, beside the same vhid without a tag"
}

on_bond()
{
	RET=0
	ip -n "$a" link add bond0 type bond mode active-backup miimon 50
	defer gone "$a" bond0
	ip -n "$a" addr flush dev eth0
	defer ip -n "$a" addr add 192.0.2.11/24 dev eth0
	ip -n "$a" link set eth0 down
	ip -n "$a" link set eth1 down
	ip -n "$a" link set eth0 master bond0
	ip -n "$a" link set eth1 master bond0
	defer ip -n "$a" link set eth1 nomaster up
	defer ip -n "$a" link set eth0 nomaster up
	ip -n "$a" link set bond0 up
	ip -n "$a" addr add 192.0.2.11/24 dev bond0
	serves bond0 eth0
	# The other port takes over; carp0 does not notice.
	local was
	was=$(attr "$a" changed)
	ip -n "$a" link set bond0 type bond active_slave eth1
	serves_client eth0
	attr_is "$a" changed "$was"
	gone_with bond0
	end_test "on a bond, and after its active port has changed"
}

bridge_up() {
	ip -n "$a" link add br0 type bridge mcast_snooping 0
	defer gone "$a" br0
	ip -n "$a" addr flush dev eth0
	defer ip -n "$a" addr add 192.0.2.11/24 dev eth0
	ip -n "$a" link set br0 up
	ip -n "$a" addr add 192.0.2.11/24 dev br0
}

on_bridge()
{
	RET=0
	bridge_up
	ip -n "$a" link set eth0 master br0
	serves br0 eth0
	gone_with br0
	end_test "on a bridge"
}

on_bridge_port()
{
	RET=0
	bridge_up
	ip -n "$a" link set eth0 master br0
	serves eth0 eth0
	end_test "on a port of a bridge"
}

under_macvlan()
{
	RET=0
	ip -n "$a" link add upper link eth0 up type macvlan mode bridge
	defer ip -n "$a" link del upper
	ip -n "$a" addr add 192.0.2.22/24 dev upper
	serves eth0 eth0
	pings "$client" 192.0.2.22
	pings "$client" 192.0.2.11
	end_test "on a device that carries macvlans"
}

bridged_later()
{
	RET=0
	serves eth0 eth0
	bridge_up
	ip -n "$a" link set eth0 master br0
	check_err $? "the parent cannot be bridged"
	serves_client eth0
	ip -n "$a" link set eth0 nomaster
	stays "$a" master
	end_test "on a device that is bridged later"
}

beside_rx_handler()
{
	RET=0
	serves eth0 eth0
	ip -n "$a" link add upper link eth0 up type macvlan mode bridge
	check_err $? "the parent cannot carry a macvlan"
	defer ip -n "$a" link del upper
	serves_client eth0
	end_test "on a device that carries macvlans later"
}

lan client=192.0.2.10 a=192.0.2.11
lan_link a eth1 to_a_too
run_tests
