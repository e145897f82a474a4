#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two VRFs of the same hosts, with the same shared addresses in both.
#
#       client                                   c
#     192.0.2.10                             192.0.2.10
#    2001:db8::10                           2001:db8::10
#         |                                      |
#     sw: br0 ----+---------------------+---- sw: br1
#                 |  a eth0, carp0  in red       |
#                 |    eth1, carp1  in blue      |
#                 |  b the same                  |
#                 +---------------------+
#
# Asserted: both address families work in both VRFs, each by the MASTER of its own and with
# that one's virtual MAC address, also after a take-over, where the shared IPv6 address has the
# length of its prefix route; the hosts speak from the address, and in neither VRF from one that
# they do not own; within a VRF a device cannot be given an address that a carp device has, nor
# the other way round, and in another VRF or in none it can; a VRF is no parent; a carp device
# in a VRF works on a parent that is in none.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	both_vrfs
	after_a_take_over
	said_in_its_own_vrf
	refused_within_a_vrf
	no_parent
	parent_outside
"

vip6=2001:db8::1

# answers NAMESPACE: the neighbour NAMESPACE is answered at both addresses.
answers() {
	ip -n "$1" neigh flush all
	pings "$1" "$vip"
	pings "$1" "$vip6"
}

# mac_is NAMESPACE MAC: where it has found them.
mac_is() {
	local address
	for address in "$vip" "$vip6"; do
		ip -n "$1" neigh show "$address" dev eth0 | grep -q "lladdr $2 "
		check_err $? "$address of ${1%-*} is not at $2"
	done
}

# both_answer MASTER0 MASTER1
both_answer() {
	becomes "$1" master carp0
	becomes "$2" master carp1
	capture "$sw" "to_${1%%-*}" in_red -Q in
	capture "$sw" "to_${2%%-*}_too" in_blue -Q in
	answers "$client"
	answers "$c"
	capture_end in_red
	capture_end in_blue
	mac_is "$client" "$vmac"
	mac_is "$c" 00:00:5e:00:01:02
	local family=("icmp and src host $vip" "icmp6 and ip6[40] = 129 and src host $vip6") filter
	for filter in "${family[@]}"; do
		(($(packets in_red "$filter and ether src $vmac") > 0))
		check_err $? "carp0 of ${1%-*} does not answer"
		(($(packets in_blue "$filter and ether src 00:00:5e:00:01:02") > 0))
		check_err $? "carp1 of ${2%-*} does not answer"
	done
}

has_master() {
	state_is "$a" master "$1" || state_is "$b" master "$1"
}

both_vrfs()
{
	RET=0
	# Whichever was made first is MASTER, but not yet.
	busywait "$BUSYWAIT_TIMEOUT" has_master carp1
	check_err $? "nobody is MASTER in blue"
	ip -n "$a" link set carp1 type carp state backup
	both_answer "$a" "$b"
	end_test "the same addresses work in two VRFs"
}

after_a_take_over()
{
	RET=0
	ip -n "$a" link set carp0 type carp state backup
	ip -n "$b" link set carp1 type carp state backup
	both_answer "$b" "$a"
	ip -n "$b" link set carp0 type carp state backup
	ip -n "$a" link set carp1 type carp state backup
	both_answer "$a" "$b"
	end_test "they do after a take-over, and back"
}

# says NAMESPACE VRF 4|6: to the neighbour, from the address of the family.
says() {
	local from=$vip to=192.0.2.10
	[ "$3" = 4 ] || from=$vip6 to=2001:db8::10
	ip netns exec "$1" ping -q -c 1 -w $((2 * slow)) -I "$2" -I "$from" "$to" >/dev/null 2>&1
}

said_in_its_own_vrf()
{
	RET=0
	local ns before family
	for ns in "$a" "$b"; do
		ip netns exec "$ns" sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1
	done
	capture "$client" eth0 red "src host $vip or src host $vip6"
	capture "$c" eth0 blue "src host $vip or src host $vip6"
	before=$(dropped "$a" tx carp1)
	for family in 4 6; do
		says "$a" red "$family"
		check_err $? "A cannot speak from its address in red, IPv$family"
		says "$b" blue "$family"
		check_err $? "B cannot speak from its address in blue, IPv$family"
		says "$a" blue "$family"
		check_fail $? "A is answered in blue, IPv$family"
		says "$b" red "$family"
		check_fail $? "B is answered in red, IPv$family"
	done
	(($(dropped "$a" tx carp1) >= before + 2))
	check_err $? "carp1 of A has not counted what was not sent from its address"
	pings "$client" 192.0.2.12
	pings "$c" 192.0.2.11
	capture_end red
	capture_end blue
	(($(packets red "ether src $vmac") > 0 && $(packets blue "ether src 00:00:5e:00:01:02") > 0))
	check_err $? "nothing was said from the addresses"
	packets_are 0 red "not ether src $vmac"
	packets_are 0 blue "not ether src 00:00:5e:00:01:02"
	end_test "each is spoken from by its own MASTER"
}

# adds NAMESPACE ADDRESS DEVICE: and takes it back.
adds() {
	ip -n "$1" addr add "$2" dev "$3" 2>"$tmp/refusal" && ip -n "$1" addr del "$2" dev "$3"
}

refused_within_a_vrf()
{
	RET=0
	local address
	for address in "$vip/24" "$vip6/64"; do
		adds "$a" "$address" eth0
		check_fail $? "eth0 has been given $address of carp0"
		grep -q 'a carp device of this host has this address' "$tmp/refusal"
		check_err $? "refused without the reason: $(cat "$tmp/refusal")"
		adds "$a" "$address" more0
		check_fail $? "more0, in the VRF of carp0, has been given $address"
		adds "$a" "$address" carp2
		check_fail $? "carp2, in the VRF of carp0, has been given $address"
		grep -q 'another device of this host has this address' "$tmp/refusal"
		check_err $? "refused without the reason: $(cat "$tmp/refusal")"
		adds "$a" "$address" none0
		check_err $? "none0, in no VRF, cannot be given $address: $(cat "$tmp/refusal")"
	done
	for address in 192.0.2.77/32 2001:db8::77/128; do
		ip -n "$a" addr add "$address" dev more0 &&
			ip -n "$a" addr add "$address" dev none0
		check_err $? "more0 and none0 cannot be given $address"
		adds "$a" "$address" carp0
		check_fail $? "carp0 has been given $address of a device in its VRF"
		adds "$a" "$address" carp1
		check_err $? "carp1 cannot be given $address of devices in another VRF: $(cat "$tmp/refusal")"
	done
	end_test "no address is two devices' within a VRF"
}

no_parent()
{
	RET=0
	ip -n "$a" link add carp3 link red type carp vhid 3 2>"$tmp/refusal"
	check_fail $? "a carp device stands on a VRF"
	grep -q 'is a VRF' "$tmp/refusal"
	check_err $? "refused without the reason: $(cat "$tmp/refusal")"
	end_test "a VRF is no parent"
}

parent_outside()
{
	RET=0
	local before family
	ip -n "$c" link set eth0 up
	ip -n "$b" link del carp1
	ip -n "$a" link del carp1
	ip -n "$a" link set eth1 nomaster
	ip -n "$a" link add carp1 link eth1 type carp vhid 2 pass secret advbase 0 advskew 26 &&
		ip -n "$a" link set carp1 master blue &&
		ip -n "$a" addr add "$vip/24" dev carp1 &&
		ip -n "$a" addr add "$vip6/64" dev carp1 &&
		ip -n "$a" link set carp1 up
	check_err $? "carp1 could not be set up"
	becomes "$a" master carp1
	answers "$c"
	mac_is "$c" 00:00:5e:00:01:02
	# As BACKUP it says nothing from the address, on that link neither.
	ip -n "$a" link set carp1 type carp advbase 60 state backup
	becomes "$a" backup carp1
	capture "$c" eth0 outside
	before=$(dropped "$a" tx carp1)
	for family in 4 6; do
		says "$a" eth1 "$family"
		check_fail $? "A is answered in no VRF, IPv$family"
	done
	(($(dropped "$a" tx carp1) >= before + 2))
	check_err $? "carp1 of A has not counted what was not sent from its address"
	pings "$a" 192.0.2.10
	capture_end outside
	packets_are 0 outside "src host $vip or src host $vip6"
	end_test "a carp device in a VRF, on a parent outside"
}

# domains NAMESPACE LAST: two VRFs, with a device in each.
domains() {
	local ns=$1 side vrf=(red blue)
	for side in 0 1; do
		ip -n "$ns" link add "${vrf[side]}" up type vrf table $((side + 10)) &&
			ip -n "$ns" link set "eth$side" master "${vrf[side]}" &&
			ip -n "$ns" addr add "192.0.2.$2/24" dev "eth$side" &&
			ip -n "$ns" addr add "2001:db8::$2/64" dev "eth$side" nodad
		check_err $? "${vrf[side]} of ${ns%-*} could not be set up"
	done
}

# host NAMESPACE SKEW: of carp1 as well.
host() {
	local ns=$1 skews=("$2" "$3") side vrf=(red blue)
	remember_hosts
	for side in 0 1; do
		ip -n "$ns" link add "carp$side" link "eth$side" type carp vhid $((side + 1)) \
			pass secret advbase 0 advskew "${skews[side]}" &&
			ip -n "$ns" link set "carp$side" master "${vrf[side]}" &&
			ip -n "$ns" addr add "$vip/32" dev "carp$side" &&
			ip -n "$ns" addr add "$vip6/128" dev "carp$side" &&
			ip -n "$ns" link set "carp$side" up
		check_err $? "carp$side of ${ns%-*} could not be set up"
	done
}

modprobe vrf
lan client= a= b=
setup_ns c
ip -n "$sw" link add br1 up type bridge mcast_snooping 0
for node in a:eth1 b:eth1 c:eth0; do
	lan_link "${node%:*}" "${node#*:}" "to_${node%:*}_too"
	ip -n "$sw" link set "to_${node%:*}_too" master br1
done
for ns in "$client" "$c"; do
	ip -n "$ns" addr add 192.0.2.10/24 dev eth0
	ip -n "$ns" addr add 2001:db8::10/64 dev eth0 nodad
done
domains "$a" 11
domains "$b" 12
ip -n "$a" link add more0 up master red type veth peer name none0
ip -n "$a" link set none0 up
host "$a" 26 51
host "$b" 51 26
ip -n "$a" link add carp2 link more0 type carp vhid 9
ip -n "$a" link set carp2 master red
run_tests
