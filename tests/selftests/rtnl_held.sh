#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A take-over while somebody else holds RTNL, without which no route can be changed.
#
#       client             a                 b
#         10               11                12
#          |             carp0 1           carp0 1
#        eth0              eth0              eth0
#          +-----------------+-----------------+      sw: br0
#                192.0.2.0/24, 2001:db8:2::/64
#
# A dies; a process takes RTNL before B notices, and gives it back when the test has seen enough.
# Asserted: of what the client says to the address, by ICMP and by TCP, the
# very first behind B's first advert is answered, and soon, while RTNL is still held.
# So it is with a link-local address, fe80::1, and there the answers leave by carp0; and
# where eth0 of B is a bridge.
#
# Nor does anything get in that a lookup would refuse, nor later with any rp_filter on carp0: from nobody,
# a loopback or broadcast address, a group, an address of B's own or the shared one itself.
# And nothing of this time stays: where a port is published by a rule for "local" addresses, to a
# host c behind B, no flow is left untranslated, and nobody is told that the port is closed.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS_ONCE="
	served_by_carp0_meanwhile
	served_on_bridge_meanwhile
	sources_meanwhile
	published_port
"
ALL_TESTS="
	served_meanwhile
"

# Milliseconds until an answer. The client asks every 5 ms; if it is kept from asking, that is not
# B's fault. An emulated processor may stand still for longer than that, but not as long as RTNL
# is held.
limit=20
[ "${KSFT_MACHINE_SLOW:-}" != yes ] || limit=$((100 * slow))

# holder: the process that takes RTNL.
holder() {
	coproc holding { exec python3 -S "$here/hold_rtnl.py" 2>&1; }
	# shellcheck disable=SC2154 # a coprocess has it
	defer kill_process "$holding_PID"
	holder_says ready
}

holder_says() {
	local line=''
	read -r -t "$WAIT_TIMEOUT" line <&"${holding[0]}"
	[ "$line" = "$1" ]
	check_err $? "who holds RTNL says '$line' and not '$1'"
}

hold_rtnl() {
	echo >&"${holding[1]}"
	holder_says held
}

release_rtnl() {
	echo >&"${holding[1]}"
	holder_says free
}

pair() {
	dual_add "$a" advbase 0 advskew 26
	ip -n "$a" addr add fe80::1/64 dev carp0
	becomes "$a" master
	# It notices after 1.2 s: later than RTNL is taken, sooner than it is given back.
	dual_add "$b" advbase 0 advskew 77
	ip -n "$b" addr add fe80::1/64 dev carp0
	hears "$b" 3
	stays "$b" backup
	owns "$a" "$vip"
}

# says_often: the client says something to the address every few milliseconds, until says_no_more.
says_often() {
	# The switch, which does not know any more where A is, lets B have it all.
	ip netns exec "$client" python3 -S "$here/knock.py" "$shared" 7 5 90 >"$tmp/knock" 2>&1 &
	sayers=($!)
	ip netns exec "$client" ping -q -i 0.005 -w 90 "$shared" >/dev/null 2>&1 &
	sayers+=($!)
	defer says_no_more
	busywait 20000 test -s "$tmp/knock"
	check_err $? "nobody knocks"
}

says_no_more() {
	local pid
	for pid in "${sayers[@]}"; do
		kill_process "$pid"
	done
	sayers=()
}

# served AS: what the client says to the shared address. B sees it as this one.
served() {
	holder
	pair
	serve "$b" b
	acquainted "$1"
	python3 -S "$here/rtnl_watch.py" >"$tmp/held" 2>&1 &
	defer kill_process $!
	capture "$sw" to_b all
	says_often
	busywait 20000 has_said "$tmp/held" watches
	check_err $? "nobody watches RTNL"
	ip -n "$sw" link set to_a down
	hold_rtnl
	b_speaks
	# The very first is answered, or is not, within this time.
	sleep 0.5
	release_rtnl
	becomes "$b" master
	owns "$b" "$vip"
	# Who knocks so often may fill the server's queue on a slow machine.
	says_no_more
	answers "$client" "$shared" "b $1"
	capture_end all
	said=$(python3 -S "$here/first_answers.py" --held "$tmp/held" "$tmp/all.pcap" "${shared%\%*}" 192.0.2.12 \
		"$limit" echo tcp 2>&1)
	check_err $? "$said; waited for RTNL: $(tr '\n' ';' <"$tmp/held")"
	ip -n "$sw" link set to_a up
}

served_meanwhile()
{
	RET=0
	local said
	served "${net}10"
	end_test "served while RTNL is held, $ipv: $said"
}

served_by_carp0_meanwhile()
{
	RET=0
	local said shared=fe80::1%eth0
	served fe80::10
	end_test "served while RTNL is held, link-local: $said"
}

served_on_bridge_meanwhile()
{
	RET=0
	local said
	# A bridge that does not know yet that the address is its own.
	ip -n "$b" link set eth0 down name port
	ip -n "$b" link add eth0 type bridge mcast_snooping 0 vlan_filtering 1
	defer unbridge
	ip -n "$b" link set port master eth0 up
	ip -n "$b" addr flush dev port
	ip -n "$b" link set eth0 up
	address b eth0 12
	served "${net}10"
	end_test "served while RTNL is held, on a bridge: $said"
}

unbridge() {
	ip -n "$b" link del eth0
	ip -n "$b" link set port down name eth0
	ip -n "$b" link set eth0 up
	address b eth0 12
}

# during_the_window COMMAND...: A dies while RTNL is held; B is MASTER, and the address has no route.
during_the_window() {
	in_defer_scope in_the_window "$@"
}

# Whoever holds RTNL has the test's files open as well, and so is gone after it.
in_the_window() {
	holder
	capture "$sw" to_b all
	ip -n "$sw" link set to_a down
	hold_rtnl
	b_speaks
	"$@"
	! has_route
	check_err $? "the routes were there before the end"
	release_rtnl
	becomes "$b" master
	owns "$b" "$vip"
	capture_end all
	ip -n "$sw" link set to_a up
}

# b_speaks: waits for its first advert; whoever needs RTNL could not say that it is MASTER.
b_speaks() {
	busywait "$BUSYWAIT_TIMEOUT" speaks
	check_err $? "B has not become MASTER"
}

speaks() {
	(($(packets all "src 192.0.2.12 and ip proto 112") > 0))
}

# Read without RTNL.
has_route() {
	ip netns exec "$b" grep -A 1 -e "-- ${vip//./\\.}\$" /proc/net/fib_trie | grep -q LOCAL
}

bad_sources=(0.0.0.0 127.0.0.1 255.255.255.255 224.0.0.1 192.0.2.255 192.0.2.12 "$vip")
bad_sources6=(::1 ff02::1)

# from_everybody PORT: the client speaks from all of them, and from its own.
from_everybody() {
	ip netns exec "$client" python3 -S "$here/send_from.py" eth0 "$vmac" "$vip" "$1" \
		"${bad_sources[@]}" 192.0.2.10
	ip netns exec "$client" python3 -S "$here/send_from.py" eth0 "$vmac" "$vip6" "$1" \
		"${bad_sources6[@]}" 2001:db8:2::10
}

# hears_the_good PORT WHEN: what is good, and nothing else.
hears_the_good() {
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/heard_$1" 2001
	[ "$(tr '\n' ' ' <"$tmp/heard_$1")" = "listening 192.0.2.10 2001:db8:2::10 " ]
	check_err $? "$2: $(tr '\n' ' ' <"$tmp/heard_$1")"
}

# listen PORT
listen() {
	ip netns exec "$b" python3 -S "$here/send_from.py" --heard 600 "$1" >"$tmp/heard_$1" &
	defer kill_process $!
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/heard_$1" listening
	check_err $? "nobody listens"
}

sources_meanwhile()
{
	RET=0
	local mode before after
	pair
	for mode in 0 1 2 9; do
		listen "9$mode"
	done
	before=$(dropped "$b" rx)
	during_the_window from_everybody 99
	after=$(dropped "$b" rx)
	hears_the_good 99 "in the window"
	((after - before >= ${#bad_sources[@]}))
	check_err $? "of ${#bad_sources[@]} that are refused carp0 counts $((after - before))"
	# The same when the tables have the routes.
	for mode in 2 1 0; do
		ip netns exec "$b" sysctl -qw "net.ipv4.conf.carp0.rp_filter=$mode"
		from_everybody "9$mode"
		hears_the_good "9$mode" "with routes, rp_filter $mode"
	done
	end_test "what a lookup refuses is refused without one"
}

# publish: port 53 of all local addresses of B is that of c, behind B.
publish() {
	ip netns exec "$b" sysctl -qw net.ipv4.ip_forward=1
	ip link add eth1 netns "$b" type veth peer name eth0 netns "$c"
	defer ip -n "$b" link del eth1
	ip -n "$b" link set eth1 up
	ip -n "$c" link set eth0 up
	ip -n "$b" addr add 203.0.113.1/24 dev eth1
	ip -n "$c" addr add 203.0.113.2/24 dev eth0
	ip -n "$c" route add default via 203.0.113.1
	ip netns exec "$b" nft -f - <<-EOF
		table ip carp_test {
			chain prerouting {
				type nat hook prerouting priority dstnat
				fib daddr type local udp dport 53 dnat to 203.0.113.2
				fib daddr type local tcp dport 53 dnat to 203.0.113.2
			}
		}
	EOF
}

# A TCP connection from the client, begun meanwhile, too.
for_some_time() {
	ip netns exec "$client" timeout 30 bash -c "exec 3<>/dev/tcp/$vip/53" 2>/dev/null &
	connector=$!
	sleep 1
}

published_port()
{
	RET=0
	local connector said before after
	setup_ns c
	if ! publish; then
		log_test_skip "a published port, this kernel has no rules for local addresses"
		return
	fi
	ip netns exec "$c" python3 -S "$here/ask_often.py" --answer 53 >"$tmp/answers" &
	defer kill_process $!
	ip netns exec "$c" python3 -S "$here/serve.py" c 53 203.0.113.2 >"$tmp/serves" &
	defer kill_process $!
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/answers" listening
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/serves" listening
	check_err $? "nobody serves"
	pair
	ip -n "$client" neigh replace "$vip" lladdr "$vmac" dev eth0
	defer ip -n "$client" neigh del "$vip" dev eth0
	mkfifo "$tmp/go_on"
	ip netns exec "$client" python3 -S "$here/ask_often.py" "$vip" 53 20 3 \
		<"$tmp/go_on" >"$tmp/asked" 2>&1 &
	local asker=$!
	exec 4>"$tmp/go_on"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/asked" asks
	check_err $? "nobody asks"
	before=$(dropped "$b" tx)
	during_the_window for_some_time
	after=$(dropped "$b" tx)
	(($(packets all "dst host $vip and udp port 53") > 20))
	check_err $? "nobody has asked in the window"
	exec 4>&-
	wait "$asker"
	said=$(tail -n 1 "$tmp/asked")
	[ "$said" = "0 of 20 unanswered" ]
	check_err $? "$said"
	wait "$connector"
	check_err $? "the connection was not made"
	packets_are 0 all "src host $vip and (icmp[icmptype] = 3 or tcp[tcpflags] & tcp-rst != 0)"
	((after > before))
	check_err $? "carp0 does not count that it has not said so"
	end_test "a published port stays one through a take-over"
}

sayers=()
dual_lan client=10 a=11 b=12
ip -n "$client" link set eth0 addrgenmode none
ip -n "$client" addr flush dev eth0 scope link
ip -n "$client" addr add fe80::10/64 dev eth0 nodad
run_tests_in 4 6
