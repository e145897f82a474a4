#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two hosts whose parent is a bridge, with a guest on each of them.
#
#       client           a: carp0                   b: carp0
#     192.0.2.10     192.0.2.11 br0             192.0.2.12 br0
#        eth0         eth0     to_guest          eth0     to_guest
#          |            |         |                |         |
#          +------------+---------|----------------+         |      sw: br0
#                              guest_a: .21               guest_b: .22
#
# Asserted: no bridge is promiscuous, nor has anything in its forwarding database. Client
# and guests find the address wherever it is, in either family, and also after a
# take-over; and no guest hears what others say to it. That follows the vhid and the VLANs
# of the bridge, and other VLANs have the same virtual MAC address for themselves.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS_ONCE="
	end_of_a_bridge
	follows_vhid
	on_vlan_of_bridge
	follows_vlans
	on_another_vlan
	let_in_by_ports
"
ALL_TESTS="
	wherever_it_is
"

guest_a='' guest_b=''

# hypervisor NODE NUMBER: its eth0 becomes a port of its br0, beside a guest that has NUMBER.
hypervisor() {
	local ns=${!1} guest=guest_$1
	ip -n "$ns" addr flush dev eth0
	ip -n "$ns" link add br0 up type bridge mcast_snooping 0 vlan_default_pvid 1 &&
		ip -n "$ns" link set eth0 master br0 &&
		ip link add to_guest netns "$ns" type veth peer name eth0 netns "${!guest}" &&
		ip -n "$ns" link set to_guest master br0 up &&
		ip -n "${!guest}" link set eth0 up
	check_err $? "no hypervisor"
	address "$guest" eth0 "$2"
}

# bridged_add NAMESPACE PARENT VHID OPTION...: carp0 on PARENT.
bridged_add() {
	local ns=$1 parent=$2 vhid=$3
	shift 3
	remember_hosts
	ip -n "$ns" link add carp0 link "$parent" type carp vhid "$vhid" pass secret "$@" &&
		ip -n "$ns" addr add "$vip/32" dev carp0 &&
		ip -n "$ns" addr add "$vip6/128" dev carp0 &&
		ip -n "$ns" link set carp0 up
	check_err $? "carp0 could not be set up"
	carp_del_later "$ns"
}

is_not_promiscuous() {
	local flags
	flags=$(ip netns exec "$1" cat /sys/class/net/br0/flags)
	((!(flags & 0x100))) && ip -n "$1" -d link show br0 | grep -q 'promiscuity 0 '
	check_err $? "br0 of ${1%-*} is promiscuous"
	! bridge -n "$1" fdb show br br0 | grep '^00:00:5e:00:01:.* permanent'
	check_err $? "br0 of ${1%-*} has an entry"
}

# finds NAMESPACE HOST: it is answered at the address by HOST.
finds() {
	local who
	who=$(who_answers "$1" "$shared")
	[[ $who == "${2%-*} "* ]]
	check_err $? "${1%-*} was answered '$who' and not by ${2%-*} at $shared"
}

# is_at HOST OTHER: everybody finds the address at HOST, and nobody hears what others say to it.
is_at() {
	local who guest
	is_not_promiscuous "$1"
	is_not_promiscuous "$2"
	for guest in guest_a guest_b; do
		capture "${!guest}" eth0 "$guest" -Q in
	done
	for who in "$client" "$guest_a" "$guest_b"; do
		finds "$who" "$1"
		# A broadcast at least is heard.
		ip netns exec "$who" ping -q -c 1 -W 1 -b 192.0.2.255 >/dev/null 2>&1
	done
	for guest in guest_a guest_b; do
		capture_end "$guest"
		packets_are 0 "$guest" "ether dst $vmac"
	done
}

pair() {
	bridged_add "$a" br0 1 advbase 1
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	bridged_add "$b" br0 1 advbase 1 advskew 100
	hears "$b" 1
	stays "$b" backup
}

wherever_it_is()
{
	RET=0
	pair
	serve "$a" a
	serve "$b" b
	is_at "$a" "$b"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	is_at "$b" "$a"
	# Without a word: the switch and all bridges still believe it is at B.
	ip -n "$sw" link set to_b down
	becomes "$a" master
	finds "$client" "$a"
	finds "$guest_a" "$a"
	ip -n "$sw" link set to_b up
	end_test "the address is where the MASTER is, $ipv"
}

alone() {
	bridged_add "$a" "$1" 1 advbase 0 advskew 26
	becomes "$a" master
}

end_of_a_bridge()
{
	RET=0
	ip -n "$a" link add br1 up type bridge
	ip -n "$a" link add carp1 link br1 type carp vhid 2 advbase 0 advskew 26
	ip -n "$a" addr add 203.0.113.1/32 dev carp1
	ip -n "$a" link set carp1 up
	becomes "$a" master carp1
	ip -n "$a" link del br1
	check_err $? "a bridge cannot be deleted"
	end_test "the end of a bridge"
}

follows_vhid()
{
	RET=0
	alone br0
	pings "$client" "$vip"
	ip -n "$a" link set carp0 type carp vhid 9
	becomes "$a" master
	pings "$client" "$vip"
	ip -n "$client" neigh show "$vip" | grep -q 00:00:5e:00:01:09
	check_err $? "the client has another MAC address for it"
	end_test "another vhid"
}

# filter_vlans: the client and the guest are in VLAN 10 of the bridge of A, the bridge itself in 1 and 10.
filter_vlans() {
	local port
	ip -n "$a" link set br0 type bridge vlan_filtering 1
	defer ip -n "$a" link set br0 type bridge vlan_filtering 0
	for port in eth0 to_guest; do
		bridge -n "$a" vlan del dev "$port" vid 1
		bridge -n "$a" vlan add dev "$port" vid 10 pvid untagged
		defer bridge -n "$a" vlan add dev "$port" vid 1 pvid untagged
		defer bridge -n "$a" vlan del dev "$port" vid 10
	done
	bridge -n "$a" vlan add dev br0 vid 10 self
	defer bridge -n "$a" vlan add dev br0 vid 1 pvid untagged self
	defer bridge -n "$a" vlan del dev br0 vid 10 self
}

on_vlan_of_bridge()
{
	RET=0
	filter_vlans
	ip -n "$a" link add vlan10 link br0 up type vlan id 10
	defer ip -n "$a" link del vlan10
	ip -n "$a" addr flush dev br0 scope global
	defer address a br0 11
	address a vlan10 11
	alone vlan10
	is_not_promiscuous "$a"
	capture "$guest_a" eth0 guest_a -Q in
	pings "$client" "$vip"
	pings "$client" "$vip6"
	pings "$guest_a" "$vip"
	capture_end guest_a
	packets_are 0 guest_a "ether dst $vmac"
	end_test "on a VLAN of a bridge"
}

follows_vlans()
{
	RET=0
	alone br0
	pings "$client" "$vip"
	filter_vlans
	ip netns exec "$client" ping -q -c 1 -W 1 "$vip" >/dev/null
	check_fail $? "the client is in another VLAN, and is answered"
	bridge -n "$a" vlan add dev br0 vid 10 pvid untagged self
	pings "$client" "$vip"
	ip -n "$a" link set br0 type bridge vlan_filtering 0
	pings "$client" "$vip"
	end_test "the VLANs of the bridge change"
}

# A device of the guest has the virtual MAC address of carp0 on another VLAN.
on_another_vlan()
{
	RET=0
	local ns
	alone br0
	for ns in "$guest_a" "$client"; do
		ip -n "$ns" link add vlan20 link eth0 up type vlan id 20
		defer ip -n "$ns" link del vlan20
	done
	ip -n "$guest_a" link set vlan20 address "$vmac"
	ip -n "$guest_a" addr add 203.0.113.21/24 dev vlan20
	ip -n "$client" addr add 203.0.113.10/24 dev vlan20
	pings "$client" 203.0.113.21
	pings "$client" "$vip"
	end_test "another VLAN has the virtual MAC address for itself"
}

# lets_in PORT VHID: that, and no other virtual MAC address.
lets_in() {
	local found
	found=$(bridge -n "$a" fdb show dev "$1" | sed -n 's/^00:00:5e:00:01:\(..\) self permanent$/\1/p' | tr '\n' ' ')
	[ "$found" = "${2:+$2 }" ]
	check_err $? "$1 lets in '$found' and not '$2'"
}

# A VLAN device has a filter, and that of the only port of a bridge which filters VLANs is at work.
let_in_by_ports()
{
	RET=0
	local port
	for port in port5 port6; do
		ip -n "$a" link add "$port" link eth0 up type vlan id "${port#port}"
		defer ip -n "$a" link del "$port"
	done
	ip -n "$a" link add br1 up type bridge vlan_filtering 1
	defer ip -n "$a" link del br1
	ip -n "$a" link add vlan1 link br1 up type vlan id 1
	ip -n "$a" link set port5 master br1
	ip -n "$a" link add carp1 link vlan1 type carp vhid 2 advbase 0
	defer ip -n "$a" link del carp1
	ip -n "$a" addr add 203.0.113.1/32 dev carp1
	ip -n "$a" link set carp1 up
	lets_in port5 02
	ip -n "$a" -d link show port5 | grep -q ' promiscuity 0 '
	check_err $? "port5 is promiscuous"
	ip -n "$a" link set port6 master br1
	lets_in port6 02
	becomes "$a" master carp1
	ip -n "$a" link set carp1 type carp vhid 3
	attr_is "$a" vhid 3 carp1
	becomes "$a" master carp1
	lets_in port5 03
	lets_in port6 03
	ip -n "$a" link set port6 nomaster
	lets_in port6 ""
	ip -n "$a" link set carp1 down
	lets_in port5 ""
	end_test "ports that are not promiscuous let the virtual MAC address in"
}

dual_lan client=10 a=11 b=12
setup_ns guest_a guest_b
hypervisor a 21
hypervisor b 22
address a br0 11
address b br0 12
run_tests_in 4 6
