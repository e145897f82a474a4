#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two routers are the gateway of two networks: each has a shared address there.
#
#       client                                         c
#     192.0.2.10                                  198.51.100.10
#     gateway 192.0.2.1                           gateway 198.51.100.1
#         |                                            |
#     sw: br0 ------+------------------------+----- sw: br1
#                   |  a eth0, carp0  eth1, carp1  |
#                   |  b eth0, carp0  eth1, carp1  |
#                   +------------------------------+
#
# Asserted: what is sent to the virtual MAC address for somebody else is forwarded by
# the MASTER, and only by it, in both directions; after a take-over of both addresses
# by the other router as well; what is said from the address of the other network comes
# from the router's own MAC address, for the virtual one may be somebody else's there;
# what is translated to a shared address comes from its virtual one; also where packets
# have to come in by the interface that the way back leads to (rp_filter); a flowtable
# takes over a connection through the MASTER.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	through_the_master
	through_the_other
	from_the_other_side
	translated
	flowtable
	reverse_path_filter
"

through() {
	pings "$client" 198.51.100.10
	pings "$c" 192.0.2.10
}

# forwarded NAMESPACE: packets so far.
forwarded() {
	ip netns exec "$1" nstat -asz IpForwDatagrams | sed -n 's/^IpForwDatagrams *\([0-9]*\) .*/\1/p'
}

only_by() {
	local other=$b before
	[ "$1" = "$a" ] || other=$a
	before=$(forwarded "$other")
	local mine
	mine=$(forwarded "$1")
	through
	(($(forwarded "$1") >= mine + 4))
	check_err $? "the MASTER does not forward"
	[ "$(forwarded "$other")" = "$before" ]
	check_err $? "the BACKUP forwards"
}

through_the_master()
{
	RET=0
	only_by "$a"
	ip -n "$c" neigh show 198.51.100.1 | grep -q 'lladdr 00:00:5e:00:01:02 '
	check_err $? "the gateway is not at its virtual MAC address"
	end_test "the MASTER forwards"
}

through_the_other()
{
	RET=0
	routers_swap "$a" "$b"
	only_by "$b"
	end_test "the other one forwards after a take-over"
}

from_the_other_side()
{
	RET=0
	capture "$client" eth0 all icmp
	pings "$client" 198.51.100.1
	capture_end all
	(($(packets all "src host 198.51.100.1") >= 1))
	check_err $? "no answer was seen"
	packets_are 0 all "src host 198.51.100.1 and ether[6:4] = 0x00005e00"
	end_test "no virtual MAC address shows on another network"
}

translated()
{
	RET=0
	ip netns exec "$b" nft -f - <<-EOF
		table ip carp_test {
			chain post {
				type nat hook postrouting priority srcnat
				ip saddr 198.51.100.10 oifname eth0 snat to $vip
			}
		}
	EOF
	check_err $? "nft"
	capture "$client" eth0 all icmp
	pings "$c" 192.0.2.10
	capture_end all
	(($(packets all "icmp[0] = 8 and src host $vip") >= 1))
	check_err $? "nothing was translated"
	packets_are 0 all "icmp[0] = 8 and not (src host $vip and ether src $vmac)"
	ip netns exec "$b" nft delete table ip carp_test
	end_test "what is translated to the address comes from its virtual MAC address"
}

flowtable()
{
	RET=0
	ip netns exec "$b" nft -f - <<-EOF
		table ip carp_test {
			flowtable fast {
				hook ingress priority 0
				devices = { eth0, eth1, carp0, carp1 }
			}
			counter slow { }
			chain forward {
				type filter hook forward priority 0
				counter name slow
				ct state established flow add @fast
			}
		}
	EOF
	check_err $? "nft"
	defer ip netns exec "$b" nft delete table ip carp_test
	ip netns exec "$c" python3 -S "$here/serve.py" c 7 >"$tmp/server" &
	defer kill_process $!
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/server" listening
	check_err $? "no server"
	# So each host asks this router for the MAC address of its gateway.
	ip -n "$client" neigh flush all
	ip -n "$c" neigh flush all
	through
	# shellcheck disable=SC2016 # of the other shell
	ip netns exec "$client" timeout "$WAIT_TIMEOUT" bash -c '
		exec 3<>/dev/tcp/198.51.100.10/7
		read -r line <&3
		for round in {1..40}; do
			echo "$round" >&3
			read -r line <&3
		done
		[ "$line" = 40 ]'
	check_err $? "no connection through the MASTER"
	local slow_path
	slow_path=$(ip netns exec "$b" nft list counter ip carp_test slow | sed -n 's/.*packets \([0-9]*\).*/\1/p')
	# The pings, the handshake, and what was on its way before both directions were known.
	((slow_path >= 5 && slow_path <= 24))
	check_err $? "$slow_path packets of a connection of 80 were not forwarded by the flowtable"
	end_test "a flowtable takes over a connection through the MASTER"
}

reverse_path_filter()
{
	RET=0
	local mode
	for mode in 2 1; do
		ip netns exec "$b" sysctl -qw net.ipv4.conf.all.rp_filter="$mode"
		pings "$client" "$vip"
		through
	done
	stays "$b" master
	end_test "with rp_filter, loose and strict"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12 c=
ip -n "$sw" link add br1 up type bridge mcast_snooping 0
ip -n "$sw" link set to_c master br1
ip -n "$c" addr add 198.51.100.10/24 dev eth0
ip -n "$c" route add default via 198.51.100.1
ip -n "$client" route add default via "$vip"
for node in a b; do
	ns=${!node}
	lan_link $node eth1 to_${node}1
	ip -n "$sw" link set to_${node}1 master br1
	ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1
done
ip -n "$a" addr add 198.51.100.11/24 dev eth1
ip -n "$b" addr add 198.51.100.12/24 dev eth1
for ns in "$a" "$b"; do
	carp_add "$ns" advbase 0 advskew 26
	ip -n "$ns" link add carp1 link eth1 type carp vhid 2 pass secret advbase 0 advskew 26
	ip -n "$ns" addr add 198.51.100.1/32 dev carp1
	ip -n "$ns" link set carp1 up
	if [ "$ns" = "$a" ]; then
		becomes "$a" master
		busywait "$BUSYWAIT_TIMEOUT" state_is "$a" master carp1
	fi
done
hears "$b" 2
run_tests
