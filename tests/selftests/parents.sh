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
# comes from that MAC address. What is made of the parent later is not in the way; it
# cannot become another type of device; when its MAC address changes, its filters are
# looked at again.
# What leaves by a VLAN on the parent has the MAC address of the VLAN's device.
# When another port of a bond or a team takes over, all that makes the switches and the neighbours
# find the address by it is said at once, on it and on what is above it.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	on_veth
	on_vlan
	on_bond
	filters_follow_mac
	limits_follow
	type_change
	notified
	notified_by_team
	on_bridge
	on_bridge_port
	under_macvlan
	filters_of_carp0
	bridged_later
	beside_rx_handler
"

# carp_on PARENT: carp0 on PARENT of A is MASTER.
carp_on() {
	ip -n "$a" link add carp0 link "$1" type carp vhid 1 advbase 0 advskew 26 pass secret
	check_err $? "carp0 could not be made"
	carp_del_later "$a"
	ip -n "$a" addr add "$vip/32" dev carp0
	ip -n "$a" link set carp0 up
	becomes "$a" master
}

# serves PARENT CLIENT_DEVICE: carp0 on PARENT of A serves the client at CLIENT_DEVICE.
serves() {
	carp_on "$1"
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
	becomes "$a" master carp1
	serves_client vlan5
	attr_is "$a" bad_auth 0
	# In the VLAN the virtual MAC address is carp0's, or a stranger's.
	ip -n "$client" route add 192.0.2.2 via 192.0.2.11 dev vlan5
	capture "$client" vlan5 other src host 192.0.2.2
	pings "$client" 192.0.2.2
	capture_end other
	packets_are 1 other "icmp[icmptype] = icmp-echoreply"
	packets_are 0 other "ether src $vmac"
	gone_with vlan5
	state_is "$a" master carp1
	check_err $? "carp1 went with the VLAN"
	end_test "on a VLAN, beside the same vhid without a tag"
}

# released PORT: by its bond, which sets it down.
released() {
	ip -n "$a" link set "$1" nomaster
	ip -n "$a" link set "$1" up
}

bond_up() {
	ip -n "$a" link add bond0 type bond mode active-backup miimon 50
	defer gone "$a" bond0
	ip -n "$a" addr flush dev eth0
	defer ip -n "$a" addr add 192.0.2.11/24 dev eth0
	ip -n "$a" link set eth0 down
	ip -n "$a" link set eth1 down
	ip -n "$a" link set eth0 master bond0
	ip -n "$a" link set eth1 master bond0
	defer released eth1
	defer released eth0
	ip -n "$a" link set bond0 up
}

on_bond()
{
	RET=0
	in_defer_scope on_bond_too
	end_test "on a bond, and after its active port has changed"
}

on_bond_too() {
	bond_up
	ip -n "$a" addr add 192.0.2.11/24 dev bond0
	serves bond0 eth0
	# The other port takes over; carp0 does not notice.
	local was
	was=$(attr "$a" changed)
	ip -n "$a" link set bond0 type bond active_slave eth1
	serves_client eth0
	attr_is "$a" changed "$was"
	gone_with bond0
}

# seen N FILTER...: so many packets of the capture that goes on.
seen() {
	local least=$1
	shift
	(($(packets moved "$@") >= least))
}

# notified_on PARENT COMMAND...: carp0 says nothing of its own accord for a minute. The command has eth0
# be the active port.
notified_on() {
	local parent=$1
	shift
	ip -n "$a" link add carp0 link "$parent" type carp vhid 1 advbase 60 pass secret
	carp_del_later "$a"
	ip -n "$a" addr add "$vip/32" dev carp0
	ip -n "$a" addr add 2001:db8:2::1/128 dev carp0
	ip -n "$a" link set carp0 up
	becomes "$a" backup
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	ip netns exec "$a" carp sync
	"$@"
	check_err $? "eth0 is not the active port"
	# That has been said, as well as what follows from it.
	sleep 1
	capture "$client" eth0 moved
	ip -n "$sw" link set to_a down
	defer ip -n "$sw" link set to_a up
	local filter
	for filter in \
		"ip proto 112 and ether src $vmac" \
		"arp src host $vip and ether src $vmac" \
		"icmp6 and ip6[40] = 136 and ip6[60:4] = 1 and ether src $vmac" \
		igmp \
		"ip6 and ip6[48] = 143"
	do
		busywait "$BUSYWAIT_TIMEOUT" seen 1 "$filter" >/dev/null
		check_err $? "on $parent, nothing is '$filter'"
	done
	capture_end moved
	stays "$a" master
}

notified()
{
	RET=0
	bond_up
	defer ip -n "$a" link set bond0 nomaster
	local use_eth0=(ip -n "$a" link set bond0 type bond active_slave eth0)
	in_defer_scope notified_on bond0 "${use_eth0[@]}"
	ip -n "$a" link add vlan7 link bond0 up type vlan id 7
	defer gone "$a" vlan7
	ip -n "$a" link add br1 up type bridge mcast_snooping 0
	defer gone "$a" br1
	ip -n "$a" link set bond0 master br1
	in_defer_scope notified_on br1 "${use_eth0[@]}"
	end_test "on a bond, or a bridge over one, whose active port has failed"
}

teamd_ends() {
	ip netns exec "$a" teamd -k -t team0 >/dev/null 2>&1
}

uses_eth0() {
	busywait "$BUSYWAIT_TIMEOUT" active_port_is eth0
}

active_port_is() {
	[[ $(ip netns exec "$a" teamdctl team0 state item get runner.active_port 2>/dev/null) == "$1" ]]
}

notified_by_team()
{
	RET=0
	local port
	ip -n "$a" addr flush dev eth0
	defer ip -n "$a" addr add 192.0.2.11/24 dev eth0
	for port in eth0 eth1; do
		ip -n "$a" link set "$port" down
		defer released "$port"
	done
	mkdir -p /run/teamd
	# The first may come before teamd has made the other port the active one.
	ip netns exec "$a" teamd -d -t team0 -c '{
		"runner": { "name": "activebackup" }, "link_watch": { "name": "ethtool" },
		"notify_peers": { "count": 3, "interval": 50 }, "mcast_rejoin": { "count": 3, "interval": 50 },
		"ports": { "eth0": { "prio": 100 }, "eth1": {} } }' >"$tmp/teamd" 2>&1
	check_err $? "no team: $(tr '\n' ';' <"$tmp/teamd")"
	defer teamd_ends
	ip -n "$a" link set team0 up
	in_defer_scope notified_on team0 uses_eth0
	end_test "on a team whose active port has failed"
}

# lets_in DEVICE: frames to the virtual MAC address.
lets_in() {
	bridge -n "$a" fdb show dev "$1" | grep -q "^$vmac "
}

# A driver may set up its filters anew when its MAC address changes: here one is lost.
filters_follow_mac()
{
	RET=0
	ip -n "$a" link add bond0 type bond mode balance-xor miimon 50
	defer gone "$a" bond0
	ip -n "$a" link set eth1 down
	ip -n "$a" link set eth1 master bond0
	defer released eth1
	ip -n "$a" link set bond0 up
	carp_on bond0
	busywait "$BUSYWAIT_TIMEOUT" lets_in eth1
	check_err $? "the port of the bond does not let in the virtual MAC address"
	bridge -n "$a" fdb del "$vmac" dev eth1 self
	check_err $? "the test cannot take the filter away"
	ip -n "$a" link set bond0 address 02:00:00:00:00:12
	busywait "$BUSYWAIT_TIMEOUT" lets_in eth1
	check_err $? "the filter is not set up again"
	gone_with bond0
	! lets_in eth1
	check_err $? "the filter is left"
	end_test "another MAC address of the parent has its filters looked at again"
}

# limits DEVICE: of what may be sent by it in one piece.
limits() {
	ip -n "$a" -d -j link show "$1" | jq -c '.[0] | [.tso_max_size, .tso_max_segs]'
}

limits_are() {
	[ "$(limits "$1")" = "$(limits "$2")" ]
}

limits_follow()
{
	RET=0
	local before
	ip -n "$a" link add bond0 type bond mode balance-xor miimon 50
	defer gone "$a" bond0
	before=$(limits bond0)
	ip -n "$a" link add carp0 link eth1 type carp vhid 1
	check_err $? "carp0 could not be made"
	[ "$(limits carp0)" != "$before" ] && limits_are carp0 eth1
	check_err $? "carp0 has the limits $(limits carp0), its parent $(limits eth1), others $before"
	carp_del "$a"
	ip -n "$a" link add carp0 link bond0 type carp vhid 1
	check_err $? "carp0 could not be made on a bond"
	ip -n "$a" link set eth1 down
	ip -n "$a" link set eth1 master bond0
	defer released eth1
	[ "$(limits bond0)" != "$before" ]
	check_err $? "the test changes no limit"
	busywait "$BUSYWAIT_TIMEOUT" limits_are carp0 bond0 ||
		fail "carp0 has the limits $(limits carp0), its parent $(limits bond0)"
	gone_with bond0
	end_test "the limits of the parent are those of carp0"
}

type_change()
{
	RET=0
	local error
	modprobe tun
	ip -n "$a" tuntap add tap0 mode tap
	defer gone "$a" tap0
	change_type >"$tmp/type" 2>&1 ||
		fail "the type of a tap cannot be changed at all: $(cat "$tmp/type")"
	ip -n "$a" link add carp0 link tap0 type carp vhid 1
	check_err $? "carp0 could not be made"
	error=$(change_type 2>&1)
	check_fail $? "the parent has become another type of device"
	[[ $error == *"Device or resource busy"* ]]
	check_err $? "refused with: $error"
	ip -n "$a" link show tap0 | grep -q link/ether
	check_err $? "the parent is not an Ethernet device any more"
	gone_with tap0
	end_test "a parent cannot become another type of device"
}

# change_type: tap0 is to be of ARPHRD_NONE, and an Ethernet device again.
change_type() {
	ip netns exec "$a" python3 - <<-EOF
		import fcntl, struct
		tun = open("/dev/net/tun", "r+b", buffering=0)
		fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tap0", 0x1002))  # TUNSETIFF
		for kind in (0xfffe, 1):
		    fcntl.ioctl(tun, 0x400454cd, kind)  # TUNSETLINK
	EOF
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

# passes_not WHAT: nothing gets by this filter of carp0, which drops all that the client asks.
passes_not() {
	ip netns exec "$client" ping -q -c 1 -W 1 "$vip" >/dev/null 2>&1
	check_fail $? "$1 on carp0 is passed by"
}

filters_of_carp0()
{
	RET=0
	serves eth0 eth0
	ip netns exec "$a" nft -f - <<-EOF
		table netdev filters {
			chain in {
				type filter hook ingress device carp0 priority 0
				ip protocol icmp drop
			}
		}
	EOF
	check_err $? "no filter of nftables"
	passes_not "netfilter's ingress"
	ip netns exec "$a" nft delete table netdev filters
	pings "$client" "$vip"
	tc -n "$a" qdisc add dev carp0 clsact &&
		tc -n "$a" filter add dev carp0 ingress protocol ip matchall action drop
	check_err $? "no filter of tc"
	passes_not "tc"
	tc -n "$a" qdisc del dev carp0 clsact
	pings "$client" "$vip"
	ip netns exec "$a" python3 -S "$here/attach_bpf.py" carp0 drop
	check_err $? "no XDP program"
	passes_not "XDP"
	ip -n "$a" link set carp0 xdpgeneric off
	pings "$client" "$vip"
	end_test "filters of carp0 see what it receives"
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
