#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipes of docs/using.md: each does what it says, and without it there is what it is for.
#
#      c --------- client: a router      a              b
#     10          1 |      10            11             12
#   198.51.100.0/24 |       |          carp0          carp0
#                         eth0          eth0           eth0
#                           +-------------+--------------+      sw: br0
#                             192.0.2.0/24, 2001:db8:2::/64
#
# Asserted: WireGuard answers from the virtual address, on either node; with firewalld's
# IPv6_rpfilter=loose a virtual IPv6 address is reached, with its default it is not; broadcasts
# and groups are heard on the parent, and not on the carp device; a default route by the carp
# device of a BACKUP is passed over; a guest on a macvlan of the parent does not reach the
# address on its own host.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	wireguard
	firewalld
	groups_and_broadcasts
	default_route
	macvlan_guest
"

# tunnel NAMESPACE PRIVATE-KEY PEER ADDRESS: wg0, which the peer may reach from anywhere.
tunnel() {
	local ns=$1
	ip -n "$ns" link add wg0 type wireguard &&
		ip netns exec "$ns" wg set wg0 listen-port 51820 private-key "$2" \
			peer "$(wg pubkey <"$3")" allowed-ips 10.9.0.0/24 &&
		ip -n "$ns" addr add "$4/24" dev wg0 &&
		ip -n "$ns" link set wg0 up
	check_err $? "no tunnel in ${ns%-*}"
	defer ip -n "$ns" link del wg0
}

# asks_by_tunnel SOURCE: A or B is asked by C through the tunnel, and sends from SOURCE.
asks_by_tunnel() {
	capture "$c" eth0 outside udp port 51820
	# Where it changes, C asks for a new session 15 s after it was last answered.
	ip netns exec "$c" ping -q -c 1 -w 60 10.9.0.1 >/dev/null
	check_err $? "$1 does not answer in the tunnel"
	capture_end outside
	(($(packets outside "src host $1") > 0)) ||
		fail "nothing comes from $1: $(tcpdump -nr "$tmp/outside.pcap" 2>/dev/null | head -n 4)"
}

wireguard()
{
	RET=0
	local ns
	umask 077
	wg genkey >"$tmp/shared"
	wg genkey >"$tmp/own"
	for ns in "$a" "$b"; do
		tunnel "$ns" "$tmp/shared" "$tmp/own" 10.9.0.1
	done
	tunnel "$c" "$tmp/own" "$tmp/shared" 10.9.0.2
	ip netns exec "$c" wg set wg0 peer "$(wg pubkey <"$tmp/shared")" endpoint "$vip:51820"
	asks_by_tunnel 192.0.2.11
	for ns in "$a" "$b"; do
		ip netns exec "$ns" wg set wg0 fwmark 51
		ip -n "$ns" route add default via 192.0.2.10 dev carp0 onlink table 51
		check_err $? "no route in ${ns%-*}"
		ip -n "$ns" rule add fwmark 51 lookup 51
		defer ip -n "$ns" rule del fwmark 51
	done
	ip netns exec "$c" wg set wg0 peer "$(wg pubkey <"$tmp/shared")" endpoint "$vip:51820"
	asks_by_tunnel "$vip"
	packets_are 0 outside "src host 192.0.2.11"
	hand_over "$a" "$b"
	asks_by_tunnel "$vip"
	hand_over "$b" "$a"
	end_test "WireGuard answers from the virtual address"
}

# filter EXPRESSION: drops what EXPRESSION finds missing, as firewalld has it in its rules.
filter() {
	ip netns exec "$a" nft -f - <<-END
		table inet rpfilter
		delete table inet rpfilter
		table inet rpfilter {
			chain in {
				type filter hook prerouting priority -290;
				icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
				meta nfproto ipv6 $1 missing drop
			}
		}
	END
	check_err $? "no such rule: $1"
}

firewalld()
{
	RET=0
	defer ip netns exec "$a" nft flush ruleset
	pings "$client" "$vip6"
	filter "fib saddr . mark . iif oif"
	pings "$client" 2001:db8:2::11
	! ip netns exec "$client" ping -q -c 1 -W "$slow" "$vip6" >/dev/null
	check_err $? "the recipe is not needed: the strict filter lets pass"
	filter "fib saddr . mark oif"
	pings "$client" "$vip6"
	end_test "firewalld's loose filter lets pass what is for a virtual address"
}

# hears_on DEVICE: what is sent to a group and as a broadcast, how much of it.
hears_on() {
	ip netns exec "$a" python3 - "$1" <<-'END' &
		import socket
		import sys

		device = sys.argv[1]
		heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		heard.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
		heard.bind(("", 6767))
		index = socket.if_nametoindex(device).to_bytes(4, "little")
		heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
		                 socket.inet_aton("239.1.2.3") + bytes(4) + index)
		with open(f"heard.{device}", "w", buffering=1) as file:
		    while True:
		        print(heard.recv(100).decode(), file=file)
	END
	defer kill_process $!
}

sent_and_heard() {
	ip netns exec "$client" python3 - <<-'END'
		import socket

		sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		sent.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
		sent.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.10"))
		for address in "255.255.255.255", "192.0.2.255", "239.1.2.3":
		    sent.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
		    sent.sendto(address.encode(), (address, 6767))
	END
	[ "$(sort -u heard.eth0 2>/dev/null | tr '\n' ' ')" = "192.0.2.255 239.1.2.3 255.255.255.255 " ]
}

groups_and_broadcasts()
{
	RET=0
	cd "$tmp" || return
	hears_on eth0
	hears_on carp0
	busywait "$BUSYWAIT_TIMEOUT" sent_and_heard ||
		fail "the parent hears only '$(tr '\n' ' ' <heard.eth0)'"
	[ ! -s heard.carp0 ] ||
		fail "carp0 hears '$(tr '\n' ' ' <heard.carp0)'"
	end_test "groups and broadcasts are heard on the parent"
}

# goes_by NAMESPACE: the device by which what is far away is sent.
goes_by() {
	[[ $(ip -n "$1" -o route get 203.0.113.9) =~ dev\ ([^ ]*) ]]
	echo "${BASH_REMATCH[1]}"
}

goes_by_is() {
	[ "$(goes_by "$1")" = "$2" ] ||
		fail "${1%-*} sends by $(goes_by "$1") and not by $2"
}

default_route()
{
	RET=0
	local ns
	for ns in "$a" "$b"; do
		ip -n "$ns" route add 203.0.113.0/24 via 192.0.2.10 dev carp0 onlink metric 10
		ip -n "$ns" route add 203.0.113.0/24 via 192.0.2.10 dev eth0 metric 20
		defer ip -n "$ns" route flush 203.0.113.0/24
	done
	goes_by_is "$a" carp0
	goes_by_is "$b" carp0
	for ns in "$a" "$b"; do
		ip netns exec "$ns" sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1
	done
	goes_by_is "$a" carp0
	goes_by_is "$b" eth0
	hand_over "$a" "$b"
	goes_by_is "$a" eth0
	goes_by_is "$b" carp0
	hand_over "$b" "$a"
	end_test "a default route by the carp device of a BACKUP is passed over"
}

macvlan_guest()
{
	RET=0
	ip -n "$a" link add guest0 netns "$guest" link eth0 type macvlan mode bridge &&
		ip -n "$guest" addr add 192.0.2.20/24 dev guest0 &&
		ip -n "$guest" link set guest0 up
	check_err $? "there is no guest"
	defer ip -n "$guest" link del guest0
	pings "$guest" 192.0.2.10
	! ip netns exec "$guest" ping -q -c 1 -W "$slow" "$vip" >/dev/null
	check_err $? "a guest reaches the address on its own host"
	hand_over "$a" "$b"
	pings "$guest" "$vip"
	hand_over "$b" "$a"
	end_test "a guest on a macvlan of the parent does not reach the address on its host"
}

dual_lan client=10 a=11 b=12
guest=''
setup_ns c guest
ip link add eth1 netns "$client" type veth peer name eth0 netns "$c"
ip -n "$client" addr add 198.51.100.1/24 dev eth1
ip -n "$c" addr add 198.51.100.10/24 dev eth0
ip -n "$client" link set eth1 up
ip -n "$c" link set eth0 up
ip -n "$c" route add default via 198.51.100.1
ip netns exec "$client" sysctl -qw net.ipv4.ip_forward=1
for node in "$a" "$b"; do
	ip -n "$node" route add default via 192.0.2.10
done
dual_pair
run_tests
