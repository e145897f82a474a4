#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two routers are the gateway of two networks without IPv4. It has the same address
# in both, a link-local one.
#
#       client                                          c
#   2001:db8:1::10                                2001:db8:2::10
#   gateway fe80::1                               gateway fe80::1
#         |                                             |
#     sw: br0 ------+-------------------------+----- sw: br1
#                   |  a eth0, carp0  eth1, carp1   |
#                   |  b eth0, carp0  eth1, carp1   |
#                   +-------------------------------+
#
# Asserted: the gateway is found by Neighbour Discovery at its virtual MAC address
# on either side; what is sent to it is forwarded by the MASTER, and only by it, in
# both directions, after a take-over as well; all adverts are over IPv6; the BACKUP
# says nothing from the gateway's address, and the MASTER with the virtual MAC
# address. A router advertisement daemon on carp0 of both is heard from the MASTER
# alone, from the shared address and the virtual MAC address, and a host configures
# itself by it; it answers who solicits it at once, long before it would advertise
# itself again.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	through_the_master
	through_the_other
	silent
	router_advertisements
"

gateway=fe80::1

# forwarded NAMESPACE: packets so far.
forwarded() {
	ip netns exec "$1" nstat -asz Ip6OutForwDatagrams |
		sed -n 's/^Ip6OutForwDatagrams *\([0-9]*\) .*/\1/p'
}

forget_neighbours() {
	ip -n "$client" -6 neigh flush all
	ip -n "$c" -6 neigh flush all
}

# only_by NAMESPACE
only_by() {
	local mine other=$b others
	[ "$1" = "$a" ] || other=$a
	mine=$(forwarded "$1")
	others=$(forwarded "$other")
	pings "$client" 2001:db8:2::10
	pings "$c" 2001:db8:1::10
	(($(forwarded "$1") >= mine + 4))
	check_err $? "the MASTER does not forward"
	[ "$(forwarded "$other")" = "$others" ]
	check_err $? "the BACKUP forwards"
}

# neighbour_is NAMESPACE MAC
neighbour_is() {
	ip -n "$1" neigh show "$gateway" dev eth0 | grep -q "lladdr $2 "
	check_err $? "the gateway of ${1%-*} is not at its virtual MAC address"
}

through_the_master()
{
	RET=0
	capture "$client" eth0 all
	forget_neighbours
	only_by "$a"
	pings "$client" "$gateway%eth0"
	pings "$c" "$gateway%eth0"
	neighbour_is "$client" "$vmac"
	neighbour_is "$c" 00:00:5e:00:01:02
	hears "$b" 3
	capture_end all
	(($(packets all "ip6 proto 112 and ether src $vmac and ip6 dst ff02::12") >= 3))
	check_err $? "no adverts over IPv6"
	packets_are 0 all "ip proto 112 or arp"
	packets_are 0 all "ip6 src $gateway and not ether src $vmac"
	ip -n "$b" -j -s -d link show carp0 |
		jq -e '.[0].linkinfo.info_xstats | .rx_adverts == .rx_adverts_v6' >/dev/null
	check_err $? "B heard adverts over IPv4"
	attr_is "$b" master "$(ip -n "$a" -j -6 addr show dev eth0 scope link | jq -r '.[].addr_info[]?.local // empty')"
	end_test "the MASTER forwards what is sent to a link-local address"
}

through_the_other()
{
	RET=0
	routers_swap "$a" "$b"
	only_by "$b"
	# Whoever asks for this device has a way to its neighbours by it, whatever the state.
	[ -n "$(ip -n "$a" -6 route show fe80::/64 dev carp0)" ]
	check_err $? "the old MASTER has no route to link-local addresses by carp0"
	neighbour_is "$client" "$vmac"
	forget_neighbours
	only_by "$b"
	routers_swap "$b" "$a"
	only_by "$a"
	end_test "the other one does, when it is MASTER"
}

# advertises NAMESPACE: on carp0, until the test ends.
advertises() {
	local name=${1%-*}
	cat >"$tmp/$name.conf" <<-END
		interface carp0 {
			AdvSendAdvert on;
			IgnoreIfMissing on;
			AdvRASrcAddress { $gateway; };
			prefix 2001:db8:1::/64 { };
		};
	END
	ip netns exec "$1" radvd -n -C "$tmp/$name.conf" -p "$tmp/$name.radvd" 2>"$tmp/$name.log" &
	defer kill_process $!
}

has_configured_itself() {
	ip -n "$client" -6 route show default dev eth0 | grep -q "via $gateway .*proto ra" &&
		ip -n "$client" -6 addr show dev eth0 | grep -q 'inet6 2001:db8:1:.* dynamic'
}

advertisements() {
	packets "$1" "icmp6 and ip6[40] = 134 and ${2:-ip6}"
}

# solicited: the client solicits a router, once, and is answered. Unasked they speak every 16 s, and later
# every ten minutes; asked again within three seconds they do not.
solicited() {
	sleep 3
	ip netns exec "$client" rdisc6 -1 -r 1 -w 8000 eth0 >"$tmp/rdisc6" 2>&1 &&
		grep -q "from $gateway" "$tmp/rdisc6"
	check_err $? "nobody answers who solicits a router: $(cat "$tmp/rdisc6")"
}

router_advertisements()
{
	RET=0
	local right="(ether src $vmac and ip6 src $gateway)"
	ip -n "$client" route del default via "$gateway" dev eth0
	capture "$client" eth0 a_says
	capture "$sw" to_b b_says -Q in
	advertises "$a"
	advertises "$b"
	busywait 30000 has_configured_itself
	check_err $? "the host has not configured itself"
	solicited
	capture_end a_says
	pings "$client" 2001:db8:2::10
	(($(advertisements a_says "$right") >= 2))
	check_err $? "the MASTER does not advertise itself as a router"
	[ "$(advertisements a_says "not $right")" = 0 ]
	check_err $? "somebody else does"
	[ "$(advertisements b_says)" = 0 ]
	check_err $? "the BACKUP advertises itself as a router"

	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	capture "$sw" to_a a_says -Q in
	solicited
	capture_end a_says
	capture_end b_says
	(($(advertisements b_says "$right") >= 1))
	check_err $? "the new MASTER does not advertise itself as a router"
	[ "$(advertisements b_says "not $right")" = 0 ]
	check_err $? "it does not with the shared address"
	[ "$(advertisements a_says)" = 0 ]
	check_err $? "the old MASTER still advertises itself as a router"
	pings "$client" 2001:db8:2::10
	end_test "a router advertisement daemon on the carp device"
}

# says NAMESPACE: something to all nodes, from the gateway's address.
says() {
	ip netns exec "$1" python3 - "$gateway%eth0" <<-'EOF'
		import socket, sys

		sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		sender.bind(socket.getaddrinfo(sys.argv[1], 0)[0][4])
		sender.sendto(b"x", socket.getaddrinfo("ff02::1%eth0", 9)[0][4])
	EOF
}

silent()
{
	RET=0
	local ns
	for ns in "$a" "$b"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.ip_nonlocal_bind=1
	done
	capture "$client" eth0 all udp port 9
	says "$a"
	check_err $? "the MASTER cannot speak from its address"
	says "$b" 2>"$tmp/refused"
	check_fail $? "the BACKUP can speak from the address"
	grep -q 'Operation not permitted' "$tmp/refused"
	check_err $? "$(tail -n 1 "$tmp/refused")"
	pings "$client" 2001:db8:1::12
	capture_end all
	packets_are 1 all "src host $gateway"
	packets_are 1 all "src host $gateway and ether src $vmac"
	for ns in "$a" "$b"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.ip_nonlocal_bind=0
	done
	end_test "the BACKUP says nothing from a link-local address"
}

# forwards NAMESPACE LAST
forwards() {
	local ns=$1 side
	ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.forwarding=1
	for side in 0 1; do
		ip -n "$ns" addr flush dev "eth$side" scope global
		ip -n "$ns" addr add "2001:db8:$((side + 1))::$2/64" dev "eth$side" nodad
	done
}

# router NAMESPACE ADVSKEW: of those that forward.
router() {
	local ns=$1 side
	remember_hosts
	for side in 0 1; do
		ip -n "$ns" link add "carp$side" link "eth$side" type carp vhid $((side + 1)) \
			pass secret advbase 0 advskew "$2"
		ip -n "$ns" addr add "$gateway/64" dev "carp$side"
		ip -n "$ns" link set "carp$side" up
	done
}

# host NAMESPACE ADDRESS
host() {
	ip -n "$1" addr flush dev eth0 scope global
	ip -n "$1" addr add "$2/64" dev eth0 nodad
	ip -n "$1" route add default via "$gateway" dev eth0
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
setup_ns c
ip -n "$sw" link add br1 up type bridge mcast_snooping 0
for node in a:eth1 b:eth1 c:eth0; do
	lan_link "${node%:*}" "${node#*:}" "to_${node%:*}_too"
	ip -n "$sw" link set "to_${node%:*}_too" master br1
done
host "$client" 2001:db8:1::10
host "$c" 2001:db8:2::10
forwards "$a" 11
forwards "$b" 12
router "$a" 26
becomes "$a" master
busywait "$BUSYWAIT_TIMEOUT" state_is "$a" master carp1
router "$b" 51
hears "$b" 3
run_tests
