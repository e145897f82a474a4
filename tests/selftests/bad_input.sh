#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ip refuses, or has refused by the kernel.
#
#          a
#     192.0.2.11
#     eth0, carp0
#          |
#          +---- sw: br0
#
# Asserted: every wrong request fails, with a sentence that names the fault, and
# changes nothing: neither of a device that is MASTER nor of any other link.
# (bad_netlink.sh has what ip cannot say, and the error numbers.)

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	creation
	parents
	changes
	addresses
	number_of_addresses
	stacked
	legal
	without_rights
"

# All links, less what changes by itself.
links() {
	ip -n "$a" -d link show
}

begins() { [[ $1 == "$2"* ]]; }

# refused SENTENCE ARGUMENT...: ip with these arguments. SENTENCE may be the beginning of one.
refused() {
	local sentence=$1 before output
	shift
	before=$(links)
	output=$(ip -n "$a" "$@" 2>&1)
	check_fail $? "not refused: $*"
	begins "$output" "$sentence"
	check_err $? "$*: $output"
	[ "$(links)" = "$before" ]
	check_err $? "changed: $*"
}

creation()
{
	RET=0
	local add="link add carp1 link eth0 type carp" value
	# shellcheck disable=SC2086 # words
	{
		refused "Error: a vhid is needed: vhid 1..255." $add
		for value in 0 256 4294967295; do
			refused "Error: vhid must be between 1 and 255." $add vhid $value
		done
		refused "Error: another carp device on this parent has this vhid." $add vhid 1
		refused "Error: advskew must be between 0 and 254." $add vhid 2 advskew 255
		refused "Error: advbase must be between 0 and 255." $add vhid 2 advbase 256
		refused "Error: demotion must be between 0 and 240." $add vhid 2 demotion 241
		refused "Error: a state can be asked for once the device is up." $add vhid 2 state master
		refused 'Error: "pass" is longer than the 19 bytes that CARP uses.' \
			$add vhid 2 pass 12345678901234567890
		refused 'Error: "key" is longer than 20 bytes (40 hex digits).' \
			$add vhid 2 key 000000000000000000000000000000000000000000
	}
	refused "Error: the address of a carp device follows from its vhid." \
		link add carp1 link eth0 address 02:00:00:00:00:01 type carp vhid 2
	refused "Error: the MTU exceeds that of the parent." \
		link add carp1 link eth0 mtu 1501 type carp vhid 2
	end_test "a device with a wrong setting is refused"
}

parents()
{
	RET=0
	local kind
	refused "Error: a parent is needed: link DEVICE." link add carp1 type carp vhid 2
	refused "Error: the parent is the loopback device." link add carp1 link lo type carp vhid 2
	refused "Error: the parent is a carp device itself." link add carp1 link carp0 type carp vhid 2
	refused "Error: the parent is in another network namespace." \
		link add carp1 link br0 link-netns "$sw" type carp vhid 2
	modprobe tun
	ip -n "$a" tuntap add tunnel mode tun
	defer ip -n "$a" link del tunnel
	refused "Error: the parent is not an Ethernet device." link add carp1 link tunnel type carp vhid 2
	for kind in macvlan macvtap ipvlan ipvtap; do
		ip -n "$a" link add upper link eth0 type "$kind"
		refused "Error: the parent does not pass frames for other addresses than its own" \
			link add carp1 link upper type carp vhid 2
		ip -n "$a" link del upper
	done
	ip -n "$a" link add upper address 00:00:5e:00:01:02 type dummy
	refused "Error: the parent has the virtual MAC address of this vhid itself." \
		link add carp1 link upper type carp vhid 2
	ip -n "$a" link del upper
	# It would receive as its own what is for carp0.
	refused "RTNETLINK answers: Device or resource busy" link set eth0 address "$vmac"
	end_test "a parent that cannot be one is refused"
}

changes()
{
	RET=0
	local set="link set carp0 type carp"
	ip -n "$a" link add carp3 link eth0 type carp vhid 3
	defer ip -n "$a" link del carp3
	# shellcheck disable=SC2086 # words
	{
		refused "Error: another carp device on this parent has this vhid." $set vhid 3 advskew 5
		refused "Error: vhid must be between 1 and 255." $set vhid 0
		refused "Error: advskew must be between 0 and 254." $set advbase 5 advskew 255
		refused "Error: advbase must be between 0 and 255." $set advskew 5 advbase 256
		refused "Error: demotion must be between 0 and 240." $set demotion 241
		refused "Error: grace must be between 0 and 3600 seconds." $set grace 3601
		for value in 1234567890123456 $'a\eb' 'a b' ä; do
			refused "Error: the name of a group is at most 15 printable ASCII characters." $set group "$value"
		done
	}
	refused "RTNETLINK answers: Operation not supported" link set carp0 address 02:00:00:00:00:01
	refused "Error: mtu greater than device maximum." link set carp0 mtu 1501
	ip -n "$a" link set carp0 down
	becomes "$a" init
	refused "Error: the device does not run" \
		link set carp0 type carp state master advskew 9
	ip -n "$a" link set carp0 up
	becomes "$a" master
	end_test "a wrong change is refused"
}

# Of both families together; what is there already, and what takes its place, is no more.
number_of_addresses()
{
	RET=0
	local n sentence="Error: a carp device has at most 1024 addresses."
	ip -n "$a" link add carp1 link eth0 type carp vhid 2
	defer ip -n "$a" link del carp1
	for ((n = 0; n < 512; n++)); do
		echo "addr add 10.0.$((n / 256)).$((n % 256))/32 dev carp1"
		printf 'addr add 2001:db8:1::%x/128 dev carp1\n' "$n"
	done | ip -n "$a" -batch -
	check_err $? "1024 addresses are refused"
	refused "$sentence" addr add 192.0.2.77/32 dev carp1
	refused "$sentence" addr add 2001:db8:1::77:0/128 dev carp1
	ip -n "$a" addr del 10.0.0.0/32 dev carp1
	ip -n "$a" addr add 2001:db8:1::77:0/128 dev carp1
	check_err $? "one is refused in the place of another"
	refused "$sentence" addr add 192.0.2.77/32 dev carp1
	end_test "a carp device has so many addresses, and no more"
}

stacked()
{
	RET=0
	local sentence="Error: such a device hears nothing on a carp device: use the parent."
	refused "$sentence" link add upper link carp0 type vlan id 5
	refused "$sentence" link add upper link carp0 type macvlan mode bridge
	ip -n "$a" link add bridge type bridge
	defer ip -n "$a" link del bridge
	refused "$sentence" link set carp0 master bridge
	ip -n "$a" link add carp4 link eth0 type carp vhid 4
	defer ip -n "$a" link del carp4
	ip -n "$a" link add vrf10 type vrf table 10
	defer ip -n "$a" link del vrf10
	ip -n "$a" link set carp4 master vrf10
	check_err $? "a carp device cannot be in a VRF"
	end_test "what would hear nothing on a carp device is refused"
}

addresses()
{
	RET=0
	local shared="a carp device of this host has this address."
	local other="another device of this host has this address."
	local before own
	ip -n "$a" addr add 2001:db8::1/64 dev eth0 nodad
	ip -n "$a" addr add 2001:db8::10/64 dev carp0 nodad
	ip -n "$a" addr add fe80::10/64 dev eth0 nodad
	ip -n "$a" link add dummy0 type dummy
	defer ip -n "$a" link del dummy0
	ip -n "$a" link add carp2 link dummy0 type carp vhid 1
	before=$(ip -n "$a" -o addr show | grep -v 'proto kernel_ll')
	for own in 192.0.2.11/24 192.0.2.11/32 2001:db8::1/128 fe80::10/64; do
		refused "Error: $other" addr add "$own" dev carp0
	done
	for own in 127.0.0.1/8 127.1.2.3/32; do
		refused "Error: a loopback address is each host's own." addr add "$own" dev carp0
	done
	refused "Error: ipv6: Cannot assign loopback address on this device." addr add ::1/128 dev carp0
	refused "Error: $shared" addr add "$vip/24" dev eth0
	refused "Error: $shared" addr add 2001:db8::10/128 dev eth0
	[ "$(ip -n "$a" -o addr show | grep -v 'proto kernel_ll')" = "$before" ]
	check_err $? "the addresses have changed"
	# Each link may have its own of a link-local address.
	ip -n "$a" addr add fe80::10/64 dev carp2
	check_err $? "refused: fe80::10 on two links"
	# Behind a refusal it is given as ever.
	ip -n "$a" addr del 192.0.2.11/24 dev eth0
	ip -n "$a" addr add 192.0.2.11/32 dev carp0
	check_err $? "refused: an address that no device has any more"
	ip -n "$a" addr del 192.0.2.11/32 dev carp0
	ip -n "$a" addr add 192.0.2.11/24 dev eth0
	ip -n "$a" -6 addr flush dev carp0
	end_test "an address that another device has is refused"
}

legal()
{
	RET=0
	local vhid=3
	local -a options=("advbase 0 advskew 0" "advbase 255 advskew 254" "demotion 240" "grace 0"
		"grace 3600" "group 123456789012345"
		"pass 1234567890123456789" "pass "
		"key 0000000000000000000000000000000000000000")
	local option
	for option in "${options[@]}"; do
		vhid=$((vhid + 1))
		# The one that ends in a blank has an empty word behind it.
		read -ra words <<<"$option"
		[[ $option != *" " ]] || words+=("")
		ip -n "$a" link add "carp$vhid" link eth0 type carp vhid "$vhid" "${words[@]}"
		check_err $? "refused: $option"
		ip -n "$a" link del "carp$vhid"
	done
	end_test "what lies at the limits is accepted"
}

without_rights()
{
	RET=0
	local nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	local before command
	before=$(links)
	for command in "add carp1 link eth0 type carp vhid 2" "set carp0 type carp advskew 5" \
		"del carp0"; do
		# shellcheck disable=SC2086 # words
		ip netns exec "$a" $nobody ip link $command 2>"$tmp/error"
		check_fail $? "not refused: $command"
		grep -q 'Operation not permitted' "$tmp/error"
		check_err $? "$command: $(cat "$tmp/error")"
	done
	[ "$(links)" = "$before" ]
	check_err $? "changed"
	end_test "a user without CAP_NET_ADMIN is refused"
}

lan a=192.0.2.11
carp_add "$a" advbase 0 advskew 26
becomes "$a" master
run_tests
