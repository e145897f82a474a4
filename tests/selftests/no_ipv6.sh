#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Hosts without IPv6, beside a neighbour that speaks it.
#
#     client        a: MASTER       b: BACKUP
#   192.0.2.10     192.0.2.11      192.0.2.12
#       |              |               |
#     eth0           eth0            eth0
#       +--------------+---------------+          sw: br0
#
# In a guest that was booted with ipv6.disable=1 there is no IPv6 at all; make test runs this
# in such a guest as well. Otherwise A has it switched off on its devices, and B has a parent
# with an MTU that is too small for it.
#
# Asserted: every kind of IPv6 frame that a parent looks at, to a group or to the virtual MAC
# address, received or sent, does no harm and is not answered; over IPv4 the address works on the
# MASTER, and after a take-over on the other one.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	ipv6_is_not_there
	frames_of_ipv6
	works_over_ipv4
"

# has_no_ipv6 NAMESPACE DEVICE
has_no_ipv6() {
	! ip netns exec "$1" grep -qs " $2\$" /proc/net/if_inet6
	check_err $? "$2 of ${1%-*} has an IPv6 address"
}

ipv6_is_not_there()
{
	RET=0
	local device
	for device in eth0 carp0; do
		has_no_ipv6 "$a" "$device"
		has_no_ipv6 "$b" "$device"
	done
	if grep -qw ipv6.disable=1 /proc/cmdline; then
		[ ! -e /proc/sys/net/ipv6 ]
		check_err $? "the kernel has IPv6"
	fi
	end_test "A and B have no IPv6"
}

# sends NAMESPACE: by eth0, what a parent looks at, and prints how many frames that was.
sends() {
	ip netns exec "$1" env PYTHONPATH="$here" python3 - <<-'EOF'
		import socket

		import wire

		HOST, STRANGER, TARGETS = "2001:db8::10", "fe80::1234", ("2001:db8::1", "fe80::1", "::1")
		VMAC, ALL = wire.virtual_mac(1), bytes.fromhex("333300000001")
		link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		link.bind(("eth0", 0))
		mac = link.getsockname()[4]
		datagrams = [wire.icmp6(133, STRANGER, "ff02::2", bytes(4)),
		             wire.packet6(wire.advert(b"secret", ["192.0.2.1"]), STRANGER),
		             wire.packet6(wire.advert(b"secret", ["2001:db8::1"], advskew=1), STRANGER)]
		for target in TARGETS:
		    for source in (HOST, STRANGER, "::", target):
		        datagrams.append(wire.neighbour(135, source, "ff02::1:ff00:1", target))
		        datagrams.append(wire.neighbour(136, source, wire.ALL_NODES, target, option=2, mac=mac))
		        datagrams.append(wire.packet6(bytes(8), source, destination=target, next_header=17))
		frames = [to + mac + b"\x86\xdd" + datagram
		          for datagram in datagrams for to in (VMAC, ALL, bytes.fromhex("333300000012"))]
		for frame in frames:
		    link.send(frame)
		print(len(frames))
	EOF
}

frames_of_ipv6()
{
	RET=0
	local ns sent
	capture "$sw" br0 answers ip6
	for ns in "$client" "$a" "$b"; do
		capture "$sw" "to_${ns%%-*}" sent ip6 -Q in
		sent=$(sends "$ns")
		check_err $? "${ns%-*} could not send"
		pings "$ns" 192.0.2.10
		capture_end sent
		((sent > 100))
		check_err $? "'$sent' frames were sent"
		# A host that has IPv6 says something of its own as well.
		(($(packets sent ip6) >= sent))
		check_err $? "$(packets sent ip6) of $sent frames came to the switch"
	done
	capture_end answers
	packets_are 0 answers "ip6 and ether src $vmac"
	stays "$a" master
	stays "$b" backup
	end_test "IPv6 frames do no harm"
}

works_over_ipv4()
{
	RET=0
	pings "$client" "$vip"
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	becomes "$a" backup
	pings "$client" "$vip"
	sends "$client" >/dev/null
	check_err $? "the client could not send"
	pings "$client" "$vip"
	stays "$b" master
	end_test "the address works over IPv4, also after a take-over"
}

without_ipv6() {
	[ -e /proc/sys/net/ipv6 ] || return 0
	ip netns exec "$a" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip -n "$b" link set eth0 mtu 1000
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
without_ipv6
carp_add "$a" advbase 0 advskew 26
becomes "$a" master
carp_add "$b" advbase 0 advskew 51
hears "$b" 2
run_tests
