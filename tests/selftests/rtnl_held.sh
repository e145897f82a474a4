#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A take-over while somebody else holds RTNL, without which no route can be changed.
#
#       client             a                 b              holder
#         10               11                12          dummies
#          |             carp0 1           carp0 1
#        eth0              eth0              eth0
#          +-----------------+-----------------+      sw: br0
#                192.0.2.0/24, 2001:db8:2::/64
#
# A dies; the dummies are deleted by one request, which takes longer than it takes B
# to notice. Asserted: of what the client says to the address, by ICMP and by TCP, the
# very first behind B's first advert is answered, and soon, while RTNL is still held.
# So it is with a link-local address, fe80::1, and there the answers leave by carp0.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS_ONCE="
	served_by_carp0_meanwhile
"
ALL_TESTS="
	served_meanwhile
"

# Milliseconds until an answer. The client asks every 5 ms; if it is kept from asking, that is not
# B's fault. An emulated processor may stand still for longer than that, but not as long as RTNL
# is held.
limit=20
[ "${KSFT_MACHINE_SLOW:-}" != yes ] || limit=$((100 * slow))

# many_dummies N
many_dummies() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "link add d$i group 7 up type dummy"
	done | ip -n "$holder" -batch -
	check_err $? "no dummies"
}

# for_so_long MS: as many dummies as take about so long to delete.
for_so_long() {
	local before
	many_dummies 100
	now_ms
	before=$now
	ip -n "$holder" link del group 7
	now_ms
	many_dummies $(($1 * 100 / (now - before + 1) + 100))
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
	ip netns exec "$client" python3 "$here/knock.py" "$shared" 7 5 20 >"$tmp/knock" 2>&1 &
	sayers=($!)
	ip netns exec "$client" ping -q -i 0.005 -w 20 "$shared" >/dev/null 2>&1 &
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
	for_so_long 4000
	pair
	serve "$b" b
	acquainted "$1"
	python3 "$here/rtnl_watch.py" >"$tmp/held" 2>&1 &
	defer kill_process $!
	capture "$sw" to_b all
	says_often
	busywait 20000 grep -q watches "$tmp/held"
	check_err $? "nobody watches RTNL"
	ip -n "$sw" link set to_a down
	ip -n "$holder" link del group 7
	# By now it has long happened.
	becomes "$b" master
	owns "$b" "$vip"
	# Who knocks so often may fill the server's queue on a slow machine.
	says_no_more
	answers "$client" "$shared" "b $1"
	capture_end all
	said=$(python3 "$here/first_answers.py" --held "$tmp/held" "$tmp/all.pcap" "${shared%\%*}" 192.0.2.12 \
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

holder='' sayers=()
dual_lan client=10 a=11 b=12
ip -n "$client" link set eth0 addrgenmode none
ip -n "$client" addr flush dev eth0 scope link
ip -n "$client" addr add fe80::10/64 dev eth0 nodad
setup_ns holder
ip netns exec "$holder" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
run_tests_in 4 6
