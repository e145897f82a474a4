#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a parent receives does not come by the straight way: somebody has taken it out of the way
# before, and has put it back.
#
#       client                 a
#         10                   11
#        eth0           eth0        eth1
#          |              |           |
#          +--------------+-----------+      sw: br0
#         192.0.2.0/24, 2001:db8:2::/64
#
# Asserted, for each who does so: as a BACKUP A hears each advert of the client once; as MASTER
# it serves the client, which finds the address at the virtual MAC address. What sees
# packets behind an ifb is there only while tc has any.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	shaped
	shaped_port
	shaped_below
	shaped_together
	redirected_by_tc
	redirected_by_xdp
	redirected_to_peer
	passed_by_xdp
	by_macsec
"

# carp_on NAMESPACE PARENT OPTION...
carp_on() {
	local ns=$1 parent=$2
	shift 2
	ip -n "$ns" link add carp0 link "$parent" type carp vhid 1 pass secret "$@" &&
		ip -n "$ns" addr add "$vip/32" dev carp0 &&
		ip -n "$ns" addr add "$vip6/128" dev carp0 &&
		ip -n "$ns" link set carp0 up
	check_err $? "no carp0 on $parent"
	carp_del_later "$ns"
}

# meet PARENT DEVICE: the client at DEVICE is MASTER, A on PARENT is BACKUP.
meet() {
	carp_on "$client" "$2" advbase 0 advskew 26
	becomes "$client" master
	carp_on "$a" "$1" advbase 0 advskew 128 strict on
	hears "$a" 2
}

hears_once() {
	hears "$a" 8
	stays "$a" backup
	attr_is "$a" to_master 0
	attr_is "$a" replayed 0
}

# serves_now DEVICE: A, the client at DEVICE.
serves_now() {
	local address
	carp_del "$client"
	becomes "$a" master
	ip -n "$client" neigh flush all
	for address in "$vip" "$vip6"; do
		pings "$client" "$address"
		ip -n "$client" neigh show "$address" | grep -q "dev $1 lladdr $vmac "
		check_err $? "the client's neighbour $address is not at the virtual MAC address"
	done
}

# works PARENT DEVICE
works() {
	meet "$@"
	hears_once
	serves_now "$2"
}

# gone NAMESPACE DEVICE
gone() {
	ip -n "$1" link del "$2" 2>/dev/null
}

# addresses_on DEVICE: of A, instead of eth0.
addresses_on() {
	# Its link-local address it keeps: neighbours are asked from that.
	ip -n "$a" addr flush dev eth0 scope global
	defer address a eth0 11
	address a "$1" 11
}

# redirect NAMESPACE DEVICE ingress|egress ARGUMENT...: what it receives or sends.
redirect() {
	local ns=$1 device=$2 way=$3
	shift 3
	# A filter cannot be replaced by one for another protocol.
	let_through "$ns" "$device"
	tc -n "$ns" qdisc add dev "$device" clsact &&
		tc -n "$ns" filter add dev "$device" "$way" protocol "${protocol:-all}" matchall "$@"
	check_err $? "tc: no filter"
	defer let_through "$ns" "$device"
}

let_through() {
	tc -n "$1" qdisc del dev "$2" clsact 2>/dev/null
}

ifb_up() {
	modprobe ifb numifbs=0
	ip -n "$a" link add ifb0 up type ifb
	check_err $? "no ifb"
	defer gone "$a" ifb0
}

# shape DEVICE: what it receives goes through ifb0.
shape() {
	redirect "$a" "$1" ingress action mirred egress redirect dev ifb0
}

# sees_redirected yes|no: A, on eth0.
sees_redirected() {
	local file
	file=/sys/kernel/debug/carp/eth0@$(stat -Lc %i "/run/netns/$a")
	busywait "$BUSYWAIT_TIMEOUT" grep -qx "sees_redirected $1" "$file"
	check_err $? "not $1: $(grep sees_redirected "$file")"
}

shaped()
{
	RET=0
	local protocol
	ifb_up
	meet eth0 eth0
	sees_redirected no
	for protocol in all ipv6; do
		shape eth0
		hears_once
	done
	protocol=all shape eth0
	serves_now eth0
	sees_redirected yes
	# The next packet, whatever it is, shows that nothing is redirected.
	let_through "$a" eth0
	pings "$client" "$vip"
	sees_redirected no
	shape eth0
	sees_redirected yes
	pings "$client" "$vip"
	end_test "shaped by an ifb"
}

shaped_port()
{
	RET=0
	ifb_up
	ip -n "$a" link add br1 up type bridge mcast_snooping 0
	defer gone "$a" br1
	ip -n "$a" link set eth0 master br1
	addresses_on br1
	shape eth0
	works eth0 eth0
	pings "$client" 192.0.2.11
	let_through "$a" eth0
	pings "$client" "$vip"
	sees_redirected no
	pings "$client" "$vip"
	end_test "a port of a bridge, shaped by an ifb"
}

shaped_below()
{
	RET=0
	ifb_up
	ip -n "$a" link add br1 up type bridge mcast_snooping 0
	defer gone "$a" br1
	ip -n "$a" link set eth0 master br1
	addresses_on br1
	shape eth0
	works br1 eth0
	end_test "a port of a bridge is shaped by an ifb, the bridge is the parent"
}

shaped_together()
{
	RET=0
	ifb_up
	shape eth0
	shape eth1
	ip -n "$a" link add carp1 link eth1 type carp vhid 2 pass secret
	defer gone "$a" carp1
	ip -n "$a" addr add 192.0.2.2/32 dev carp1
	ip -n "$a" link set carp1 up
	works eth0 eth0
	becomes "$a" master carp1
	pings "$client" 192.0.2.2
	ip -n "$client" neigh show 192.0.2.2 | grep -q "lladdr 00:00:5e:00:01:02 "
	check_err $? "the client's neighbour 192.0.2.2 is not at the virtual MAC address of carp1"
	end_test "two parents are shaped by one ifb"
}

# All that A has to do with the LAN goes by eth1, and is eth0's.
redirected_by_tc()
{
	RET=0
	ip -n "$sw" link set to_a nomaster
	defer ip -n "$sw" link set to_a master br0
	redirect "$a" eth0 egress action mirred egress redirect dev eth1
	redirect "$a" eth1 ingress action mirred ingress redirect dev eth0
	in_defer_scope works_without_neighbour
	redirect "$a" eth1 ingress action skbedit ptype host action mirred ingress redirect dev eth0
	works eth0 eth0
	end_test "redirected by tc from another device"
}

# Frames for the MAC address of eth0 are for somebody else, says eth1.
works_without_neighbour() {
	local mac
	mac=$(ip -n "$client" -j link show eth0 | jq -r '.[0].address')
	ip -n "$a" neigh replace 192.0.2.10 lladdr "$mac" dev eth0
	ip -n "$a" neigh replace 2001:db8:2::10 lladdr "$mac" dev eth0
	works eth0 eth0
	ip -n "$a" neigh flush dev eth0 nud permanent
}

# relay PROGRAM: the switch hands what A says over by tc, and what A hears by PROGRAM.
relay() {
	ip -n "$sw" link set to_a nomaster
	defer ip -n "$sw" link set to_a master br0
	ip -n "$sw" link add out up type veth peer name in
	defer ip -n "$sw" link del out
	ip -n "$sw" link set in master br0 up
	redirect "$sw" to_a ingress action mirred egress redirect dev out
	ip netns exec "$sw" python3 -S "$here/attach_bpf.py" out "$1" to_a
	check_err $? "no program $1"
}

redirected_by_xdp()
{
	RET=0
	relay redirect
	works eth0 eth0
	end_test "redirected by XDP to the wire of the parent"
}

redirected_to_peer()
{
	RET=0
	relay redirect_peer
	works eth0 eth0
	end_test "redirected by bpf_redirect_peer()"
}

passed_by_xdp()
{
	RET=0
	ip netns exec "$a" python3 -S "$here/attach_bpf.py" eth0 pass
	check_err $? "no XDP program"
	defer ip -n "$a" link set eth0 xdpgeneric off
	works eth0 eth0
	ifb_up
	shape eth0
	sees_redirected yes
	ip -n "$client" neigh flush all
	pings "$client" "$vip"
	end_test "passed by generic XDP, and shaped"
}

# macsec NODE PEER: on eth0.
macsec() {
	local ns=${!1} mac
	mac=$(ip -n "${!2}" -j link show eth0 | jq -r '.[0].address')
	ip -n "$ns" link add macsec0 link eth0 type macsec encrypt on &&
		ip -n "$ns" macsec add macsec0 tx sa 0 pn 1 on key 01 "$key" &&
		ip -n "$ns" macsec add macsec0 rx port 1 address "$mac" &&
		ip -n "$ns" macsec add macsec0 rx port 1 address "$mac" sa 0 pn 1 on key 01 "$key" &&
		ip -n "$ns" link set macsec0 up
	check_err $? "no macsec"
	defer gone "$ns" macsec0
}

by_macsec()
{
	RET=0
	local key=000102030405060708090a0b0c0d0e0f
	macsec client a
	macsec a client
	addresses_on macsec0
	ip -n "$client" addr flush dev eth0 scope global
	defer address client eth0 10
	address client macsec0 10
	works macsec0 macsec0
	end_test "on a macsec device"
}

dual_lan client=10 a=11
lan_link a eth1 to_a_too
run_tests
