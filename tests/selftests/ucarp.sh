#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Beside ucarp, a CARP that shares no line with ours.
#
#       client            a                  b
#     192.0.2.10      192.0.2.11         192.0.2.12
#          |          carp0, advskew 20  ucarp: 1 s, advskew 10 or 100
#          +--------------+------------------+      sw: br0
#
# Asserted: both understand each other's adverts; while ucarp is MASTER ours is
# BACKUP, and takes over when ucarp is killed; while ours is MASTER a ucarp stays
# BACKUP, and takes over when ours is cut off or leaves; when ours returns with
# preempt, ucarp yields.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	ucarp_is_killed
	ours_is_cut_off
	ours_leaves
	beside_link_local
	other_passphrase
"

# ucarp_start ADVSKEW [PASSPHRASE [ADVBASE]]: in B, with the address on eth0 while it is MASTER.
ucarp_start() {
	ip netns exec "$b" ucarp --interface=eth0 --srcip=192.0.2.12 --vhid=1 --pass="${2:-secret}" \
		--addr="$vip" --advbase="${3:-1}" --advskew="$1" --neutral \
		--upscript="$tmp/up" --downscript="$tmp/down" >"$tmp/ucarp" 2>&1 </dev/null &
	ucarp=$!
	defer ucarp_end
}

# At once, without a word to anybody.
ucarp_end() {
	kill_process "$ucarp" KILL
	"$tmp/down" eth0 2>/dev/null
}

ucarp_says() {
	busywait "$BUSYWAIT_TIMEOUT" grep -q "$1" "$tmp/ucarp" ||
		fail "ucarp does not say '$1': $(tail -n 3 "$tmp/ucarp" | tr '\n' ' ')"
}

# It is MASTER as often as the log has it, and it is not now.
ucarp_was_master() {
	local times
	times=$(grep -c 'Switching to state: MASTER' "$tmp/ucarp")
	[ "$times" = "$1" ]
	check_err $? "ucarp became MASTER $times times and not $1"
	! grep -q Bad "$tmp/ucarp" ||
		fail "ucarp complains: $(grep -m1 Bad "$tmp/ucarp")"
}

ucarp_is_killed()
{
	RET=0
	ucarp_start 10
	ucarp_says 'Switching to state: MASTER'
	carp_add "$a" advbase 1 advskew 20
	hears "$a" 3
	stays "$a" backup
	attr_is "$a" master 192.0.2.12
	attr_is "$a" bad_auth 0
	attr_is "$a" to_master 0
	pings "$client" "$vip"
	now_ms
	local killed=$now
	ucarp_end
	becomes "$a" master
	# Ours: three intervals of 1.078 s and 0.078 s, less what had passed of one.
	between 2100 $(($(attr "$a" changed) - killed)) $((2100 + 4400 * slow)) "ms until ours was MASTER"
	attr_is "$a" reason master-timeout
	pings "$client" "$vip"
	end_test "ucarp is killed: ours takes over"
}

ours_is_cut_off()
{
	RET=0
	carp_add "$a" advbase 1 advskew 20 preempt on
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	ucarp_start 100
	ucarp_says 'Switching to state: BACKUP'
	# For longer than ucarp would wait for a master that it does not understand.
	slowwait_for_counter "$WAIT_TIMEOUT" 6 attr "$a" tx_adverts >/dev/null
	ucarp_was_master 0
	stays "$a" master
	attr_is "$a" rx_adverts 0
	ip -n "$sw" link set to_a down
	becomes "$a" init
	ucarp_says 'Switching to state: MASTER'
	pings "$client" "$vip"
	ip -n "$sw" link set to_a up
	becomes "$a" master
	attr_is "$a" reason preempt
	busywait "$BUSYWAIT_TIMEOUT" switched_twice
	check_err $? "ucarp did not yield"
	ucarp_was_master 1
	# As it yields ucarp claims the address once more, with its own MAC address. Ours answers that.
	busywait "$BUSYWAIT_TIMEOUT" client_knows_ours
	check_err $? "the client's neighbour is not the virtual MAC address"
	pings "$client" "$vip"
	end_test "ours is cut off: ucarp takes over, and yields when ours returns"
}

client_knows_ours() {
	[[ $(ip -n "$client" neigh show "$vip") == *" lladdr $vmac "* ]]
}

switched_twice() {
	(($(grep -c 'Switching to state: BACKUP' "$tmp/ucarp") == 2))
}

ours_leaves()
{
	RET=0
	carp_add "$a" advbase "$slow" advskew 20
	ip -n "$a" link set carp0 type carp state master
	ucarp_start 100 secret "$slow"
	ucarp_says 'Switching to state: BACKUP'
	slowwait_for_counter "$WAIT_TIMEOUT" 3 attr "$a" tx_adverts >/dev/null
	now_ms
	local left=$now
	ip -n "$a" link set carp0 down
	ucarp_says 'Switching to state: MASTER'
	now_ms
	# By itself it would wait for three intervals and its advskew, less what had passed of one.
	between 0 $((now - left)) $((2000 * slow)) "ms until ucarp was MASTER"
	pings "$client" "$vip"
	end_test "ours leaves: ucarp takes over at once"
}

beside_link_local()
{
	RET=0
	ucarp_start 10
	ucarp_says 'Switching to state: MASTER'
	carp_add "$a" advbase 1 advskew 20
	# ucarp knows nothing of IPv6.
	ip -n "$a" addr add fe80::1/64 dev carp0
	check_err $? "no link-local address on carp0"
	hears "$a" 3
	stays "$a" backup
	ucarp_end
	becomes "$a" master
	ucarp_start 100
	ucarp_says 'Switching to state: BACKUP'
	slowwait_for_counter $((20 * slow)) 6 attr "$a" tx_adverts >/dev/null
	ucarp_was_master 0
	attr_is "$a" bad_auth 0
	stays "$a" master
	pings "$client" "$vip"
	end_test "a link-local address of ours is none of ucarp's business"
}

other_passphrase()
{
	RET=0
	carp_add "$a" advbase 1 advskew 20
	ip -n "$a" link set carp0 type carp state master
	ucarp_start 10 Secret
	busywait "$BUSYWAIT_TIMEOUT" counted bad_auth
	check_err $? "bad_auth does not grow"
	grep -q 'Bad digest' "$tmp/ucarp"
	check_err $? "ucarp accepts the digest"
	attr_is "$a" rx_adverts 0
	stays "$a" master
	end_test "with another passphrase neither believes the other"
}

counted() {
	(($(attr "$a" "$1") >= 1))
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
cat >"$tmp/up" <<EOT
#!/bin/sh
exec ip -n $b addr add $vip/32 dev \$1
EOT
cat >"$tmp/down" <<EOT
#!/bin/sh
exec ip -n $b addr del $vip/32 dev \$1
EOT
chmod +x "$tmp/up" "$tmp/down"
run_tests
