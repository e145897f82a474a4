#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The parent's MAC address changes under eight running virtual hosts.
#
#       client              a                   b
#     192.0.2.20       192.0.2.11          192.0.2.12
#                    a1 ... a8 on eth0    b1 ... b8 on ethb
#          |                |                   |
#          +----------------+-------------------+      sw: br0
#
# Asserted: the trace shows the operation step for step, and nothing else; no
# advert of a virtual host leaves between its down and its up, and those behind
# it are right to the last byte; the BACKUP peer never becomes MASTER; the carp
# devices keep IFF_UP, addresses, routes and memberships all the time. The same
# for BACKUPs, which become BACKUPs again, and with nobody up.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	masters
	thirty_changes
	backups
	nobody_up
"

n=8

pair() {
	vhosts "$a" a eth0 1 "$n" advbase 1 advskew 0
	defer ip -n "$a" link del eth0
	all_become "$a" master "$n"
	vhosts "$b" b ethb 1 "$n" advbase 1 advskew 100
	defer ip -n "$b" link del ethb
	all_become "$b" backup "$n"
}

nodes() {
	lan_link a eth0 to_a 192.0.2.11
	lan_link b ethb to_b 192.0.2.12
}

# What a user has done to the carp devices and would miss.
what_users_see() {
	ip -n "$a" -4 -o addr show type carp | sed 's/  */ /g'
	ip -n "$a" route show table all | grep -w 'dev a[0-9]'
	ip -n "$a" maddr show | grep -vE '^[0-9]+:.*eth0' | grep -v inet6
	ip -n "$a" -o link show type carp | sed 's/.*: \(a[0-9]*\)@.*<\(.*\)>.*/\1 \2/'
}

# The peer has never been MASTER.
peer_was_backup() {
	local count
	all_are "$b" backup "$n"
	check_err $? "the peer is $(states "$b" | tr '\n' ' ')"
	count=$(ip -n "$b" -j -s -d link show type carp |
		jq '[.[] | .linkinfo.info_xstats.to_master // 0] | add')
	[ "$count" = 0 ]
	check_err $? "the peer became MASTER $count times"
	! grep -qE 'device=b[0-9]+ .* to=MASTER' "$trace/trace"
	check_err $? "the trace shows the peer become MASTER"
}

# change_mac NAMESPACE DEVICE: and waits until that is over.
change_mac() {
	local before
	fresh_mac
	before=$(finished "$2" parent-address)
	ip -n "$1" link set "$2" address "$mac"
	check_err $? "the MAC address cannot be set"
	wait_traced $((before + 1)) "carp_op_finish: group=$2 kind=parent-address "
	sync_carp "$1"
}

check_operation() {
	python3 -S "$storms/check_operation.py" "$@"
	check_err $? "see above"
}

masters()
{
	RET=0
	local listener advert=5
	nodes
	pair
	ip -n "$a" route add 198.51.100.0/24 dev a1
	ip -n "$a" route add 203.0.113.0/24 via 192.0.2.20 dev a2 onlink metric 7
	ip netns exec "$a" python3 -S "$storms/join_group.py" 239.1.2.3 a4 >"$tmp/joined" &
	listener=$!
	defer kill_process "$listener"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/joined" joined
	check_err $? "no multicast membership"
	sync_carp "$a"
	what_users_see >"$tmp/before"
	[ "$(grep -cE '198.51.100.0|203.0.113.0|239.1.2.3|192.0.2.8/32 |^a8 .*,UP' "$tmp/before")" = 5 ]
	check_err $? "not all is there to be kept: $(tr '\n' ';' <"$tmp/before")"
	trace_on carp
	capture "$a" eth0 sent -Q out ip proto 112
	ip -n "$a" monitor address route maddress >"$tmp/monitor" 2>&1 &
	defer kill_process $!
	busywait "$BUSYWAIT_TIMEOUT" has_advertised "$advert"
	change_mac "$a" eth0
	busywait "$BUSYWAIT_TIMEOUT" has_advertised $((2 * advert))
	check_err $? "no adverts behind the change"
	capture_end sent
	cat "$trace/trace" >"$tmp/trace"
	check_operation --trace "$tmp/trace" --pcap "$tmp/sent.pcap" --parent eth0 --mac "$mac" \
		--device a --vhosts "$n" --was MASTER --key secret --source 192.0.2.11
	end_test "eight MASTERs: step for step, adverts right and none between"

	RET=0
	peer_was_backup
	end_test "the peer stays BACKUP"

	RET=0
	# The carrier's way back to the routes' flags takes up to a second.
	busywait "$BUSYWAIT_TIMEOUT" is_as_before
	check_err $? "$(what_users_see | diff "$tmp/before" - | tr '\n' ';')"
	! grep -q Deleted "$tmp/monitor"
	check_err $? "$(grep Deleted "$tmp/monitor" | tr '\n' ';')"
	end_test "IFF_UP, addresses, routes and memberships are kept"
}

is_as_before() {
	what_users_see | cmp -s - "$tmp/before"
}

# has_advertised N: adverts each, seen by the capture.
has_advertised() {
	(($(packets sent) >= $1 * n))
}

thirty_changes()
{
	RET=0
	local i
	nodes
	pair
	trace_on carp
	for ((i = 0; i < 30; i++)); do
		fresh_mac
		ip -n "$a" link set eth0 address "$mac"
		check_err $? "the MAC address cannot be set"
	done
	sync_carp "$a"
	all_become "$a" master "$n"
	peer_was_backup
	grep carp_parent_address: "$trace/trace" | tail -n 1 | grep -q "parent=eth0 address=$mac"
	check_err $? "the last address was not taken over"
	echo "	30 changes asked for in a row, $(finished eth0 parent-address) operations"
	end_test "thirty changes in a row: the peer stays BACKUP"
}

backups()
{
	RET=0
	nodes
	pair
	trace_on carp
	change_mac "$b" ethb
	cat "$trace/trace" >"$tmp/trace"
	check_operation --trace "$tmp/trace" --parent ethb --mac "$mac" --device b --vhosts "$n" \
		--was BACKUP
	peer_was_backup
	all_are "$a" master "$n"
	check_err $? "the MASTER did not stay it"
	end_test "eight BACKUPs: the same, and BACKUP again"
}

nobody_up()
{
	RET=0
	nodes
	defer ip -n "$a" link del eth0
	defer ip -n "$b" link del ethb
	ip -n "$a" link add a1 link eth0 type carp vhid 1
	trace_on carp
	change_mac "$a" eth0
	cat "$trace/trace" >"$tmp/trace"
	check_operation --trace "$tmp/trace" --parent eth0 --mac "$mac" --device a --vhosts 0
	end_test "nobody up: finished at once"
}

lan client=192.0.2.20
setup_ns a b
run_tests
