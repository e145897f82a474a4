#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A carp device from ip link add to ip link del.
#
#          a
#     192.0.2.11
#     eth0, carp0
#          |
#          +---- sw: br0
#
# Asserted: ip loads the module; the device runs when it and its parent are up and
# it has an address, and not otherwise, for the reason that it gives; its carrier
# is up exactly while it is MASTER, and ip monitor says so; ip shows all of its
# settings in text and in JSON, to anybody, and the key to nobody; settings can be
# changed; nothing is left behind, nor by what cannot be set up.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	autoload
	needs_all_to_run
	last_address_leaves
	carrier_and_monitor
	shown
	secret_key
	changed
	another_vhid
	vhid_of_one_down
	vhid_of_one_set_down_meanwhile
	vhid_of_one_deleted_meanwhile
	asked_for_state
	stays_in_namespace
	cannot_be_set_up
	left_behind
"

secret=correct-horse-bat

autoload()
{
	RET=0
	modprobe -r carp
	! grep -q '^carp ' /proc/modules
	check_err $? "the module cannot be removed"
	ip -n "$a" link add carp0 link eth0 type carp vhid 1
	check_err $? "carp0 could not be made"
	grep -q '^carp ' /proc/modules
	check_err $? "the module is not there"
	carp_del "$a"
	end_test "ip loads the module"
}

needs_all_to_run()
{
	RET=0
	# Where a process takes long to start, it must not be MASTER before it is looked at.
	local base=$((slow > 1))
	ip -n "$a" link add carp0 link eth0 type carp vhid 1 advbase "$base" advskew 26
	carp_del_later "$a"
	[ "$(ip -n "$a" -j link show carp0 | jq -r '.[0] | .address + " " + .link')" = "$vmac eth0" ]
	check_err $? "it has another address or parent"
	stays "$a" init
	attr_is "$a" reason none
	attr_is "$a" changed ""
	attr_is "$a" master ""
	ip -n "$a" link set carp0 up
	stays "$a" init
	now_ms
	ip -n "$a" addr add "$vip/32" dev carp0
	attr_is "$a" reason started
	between $((now - 1)) "$(attr "$a" changed)" $((now + 2000 * slow)) "changed"
	becomes "$a" master
	# Neither before three intervals and the advskew, nor much later.
	between $((now + 3 * (base * 1000 + 101) + 101)) "$(attr "$a" changed)" $((now + (2 + 3 * base) * 1000 * slow)) "changed"
	attr_is "$a" reason master-timeout

	ip -n "$a" link set carp0 down
	becomes "$a" init
	attr_is "$a" reason device-down
	ip -n "$a" link set carp0 up
	becomes "$a" master
	ip -n "$a" link set eth0 down
	becomes "$a" init
	attr_is "$a" reason parent-down
	ip -n "$a" link set eth0 up
	becomes "$a" master
	ip -n "$a" addr add 192.0.2.2/32 dev carp0
	ip -n "$a" addr del "$vip/32" dev carp0
	stays "$a" master
	ip -n "$a" addr del 192.0.2.2/32 dev carp0
	becomes "$a" init
	attr_is "$a" reason no-address
	attr_is "$a" to_master 3
	end_test "it runs when all is there that it needs, and says why not"
}

last_address_leaves()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	capture "$sw" to_a all -Q in ip proto 112
	ip -n "$a" addr del "$vip/32" dev carp0
	becomes "$a" init
	attr_is "$a" reason no-address
	ip netns exec "$a" carp sync
	capture_end all
	packets_are 1 all "ip[22] = 255 and ip[25] = 255 and src host 192.0.2.11"
	end_test "without its last address it leaves, and says so"
}

has_carrier() {
	ip -n "$a" link show carp0 | grep -q LOWER_UP
}

# Something to see, until it is seen.
monitor_listens() {
	ip -n "$a" link set eth0 alias "$RANDOM"
	[ -s "$tmp/monitor" ]
}

carrier_and_monitor()
{
	RET=0
	# It goes on at the end when the file has been emptied.
	ip -n "$a" -d monitor link >>"$tmp/monitor" 2>/dev/null &
	defer kill_process $!
	busywait "$BUSYWAIT_TIMEOUT" monitor_listens
	check_err $? "the monitor does not listen"
	carp_add "$a" advbase 0 advskew 26
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/monitor" 'carp state backup'
	check_err $? "the monitor did not see the start"
	becomes "$a" master
	has_carrier
	check_err $? "a MASTER without carrier"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/monitor" 'carp state master'
	check_err $? "the monitor did not see the MASTER"
	# The line above that one.
	grep -B2 'carp state master' "$tmp/monitor" | grep -q 'LOWER_UP.*state UP'
	check_err $? "the monitor did not see the carrier"
	: >"$tmp/monitor"
	ip -n "$a" link set carp0 type carp state backup
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/monitor" NO-CARRIER
	check_err $? "the monitor did not see the carrier go"
	end_test "the carrier is up while it is MASTER, and ip monitor sees it"
}

shown()
{
	RET=0
	local all expected
	carp_add "$a" advbase 3 advskew 200 demotion 4 preempt on strict on grace 7 group lan
	ip -n "$a" -d link show carp0 |
		grep -q 'carp state backup vhid 1 advbase 3 advskew 200 preempt on demotion 4 demoted_by administrator strict on grace 7 group lan.* reason started changed 20[0-9T:.-]*Z '
	check_err $? "the text is another"
	all=$(ip -n "$a" -j -s -d link show carp0)
	expected='{"state":"backup","vhid":1,"advbase":3,"advskew":200,"preempt":true,"demotion":4,"demoted_by":["administrator"],"strict":true,"grace":7,"group":"lan","reason":"started"}'
	jq -e ".[0].linkinfo.info_data | contains($expected) and (has(\"key\") or has(\"master\") | not)" \
		<<<"$all" >/dev/null
	check_err $? "the JSON is $(jq -c '.[0].linkinfo.info_data' <<<"$all")"
	jq -e '.[0].linkinfo.info_xstats | length >= 13 and all(. == 0)' <<<"$all" >/dev/null
	check_err $? "the counters are not zeros"
	ip link help carp 2>&1 | grep -q 'type carp vhid VHID'
	check_err $? "there is no help"
	end_test "ip shows all settings, in text and in JSON"
}

secret_key()
{
	RET=0
	local lines
	lines=$(dmesg | wc -l)
	ip -n "$a" link add carp0 link eth0 type carp vhid 1 pass "$secret"
	carp_del_later "$a"
	ip -n "$a" link set carp0 type carp pass "$secret"
	ip netns exec "$a" python3 -S "$here/find_in_dump.py" "$secret" carp0
	check_err $? "see above"
	! dmesg | tail -n +$((lines + 1)) | grep -q "$secret"
	check_err $? "the key is in the kernel log"
	# In a file, it is not in the list of processes either.
	ip -n "$a" link set carp0 type carp passfile - <<<"$secret"
	check_err $? "no passphrase from a file"
	end_test "nobody is told the key"
}

changed()
{
	RET=0
	local was
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	was=$(attr "$a" changed)
	ip -n "$a" link set carp0 type carp advbase 1 advskew 2 demotion 3 preempt on strict on pass other
	check_err $? "refused"
	settings_are '["master",1,1,2,3,true,true]'
	# What is not named stays.
	ip -n "$a" link set carp0 type carp vhid 1 demotion 0
	check_err $? "the same vhid is refused"
	settings_are '["master",1,1,2,0,true,true]'
	attr_is "$a" changed "$was"
	end_test "settings can be changed while it runs"
}

settings() {
	ip -n "$a" -j -d link show carp0 |
		jq -c '.[0].linkinfo.info_data | [.state, .vhid, .advbase, .advskew, .demotion, .preempt, .strict]'
}

have_settings() {
	[ "$(settings)" = "$1" ]
}

settings_are() {
	busywait "$BUSYWAIT_TIMEOUT" have_settings "$1"
	check_err $? "the settings are $(settings)"
}

another_vhid()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	ip -n "$a" link set carp0 type carp vhid 9
	check_err $? "refused"
	attr_is "$a" vhid 9
	becomes "$a" master
	# Somebody else may be MASTER of that vhid.
	attr_is "$a" reason master-timeout
	[ "$(ip -n "$a" -j link show carp0 | jq -r '.[0].address')" = 00:00:5e:00:01:09 ]
	check_err $? "it has the virtual MAC address of another vhid"
	accepts 00:00:5e:00:01:09
	ip -n "$a" link set carp0 type carp vhid 1
	check_err $? "the way back is refused"
	attr_is "$a" vhid 1
	accepts "$vmac"
	# What it was changed to and from is free for others.
	ip -n "$a" link add carp1 link eth0 type carp vhid 9
	check_err $? "the old vhid is still taken"
	ip -n "$a" link del carp1
	end_test "the vhid can be changed while it runs"
}

# accepts [MAC]: the virtual MAC addresses that the parent lets in.
accepts() {
	local found
	found=$(bridge -n "$a" fdb show dev eth0 | grep -o '00:00:5e:00:01:..' | sort | tr '\n' ' ')
	[ "$found" = "${1:+$1 }" ]
	check_err $? "the parent lets in '$found' and not '${1:-}'"
}

vhid_of_one_down()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	ip -n "$a" link set carp0 down
	accepts
	ip -n "$a" link set carp0 type carp vhid 9
	check_err $? "refused"
	attr_is "$a" vhid 9
	accepts
	ip -n "$a" link set carp0 up
	becomes "$a" master
	accepts 00:00:5e:00:01:09
	ip -n "$a" link add carp1 link eth0 type carp vhid 1
	check_err $? "the old vhid is still taken"
	ip -n "$a" link del carp1
	end_test "the vhid can be changed while it is down"
}

vhid_of_one_set_down_meanwhile()
{
	RET=0
	local file
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	file=/sys/kernel/debug/carp/eth0@$(stat -Lc %i "/run/netns/$a")
	echo "hold 1" >"$file"
	ip -n "$a" link set carp0 type carp vhid 9
	busywait "$BUSYWAIT_TIMEOUT" has_said "$file" parked
	check_err $? "the operation is not parked"
	ip -n "$a" link add carp1 link eth0 type carp vhid 9 2>/dev/null
	check_fail $? "another device may have the vhid that it is about to have"
	ip -n "$a" link set carp0 down
	ip netns exec "$a" carp sync
	attr_is "$a" vhid 9
	accepts
	ip -n "$a" link set carp0 up
	becomes "$a" master
	accepts 00:00:5e:00:01:09
	end_test "the device is set down while its vhid changes"
}

vhid_of_one_deleted_meanwhile()
{
	RET=0
	local file
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	file=/sys/kernel/debug/carp/eth0@$(stat -Lc %i "/run/netns/$a")
	echo "hold 1" >"$file"
	ip -n "$a" link set eth0 address 02:00:00:00:00:14
	busywait "$BUSYWAIT_TIMEOUT" has_said "$file" parked
	check_err $? "the operation is not parked"
	ip -n "$a" link set carp0 type carp vhid 9
	check_err $? "refused"
	accepts "$vmac 00:00:5e:00:01:09"
	carp_del "$a"
	accepts
	end_test "the device is deleted while its vhid is about to change"
}

asked_for_state()
{
	RET=0
	carp_add "$a" advbase 60
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	attr_is "$a" reason requested
	ip -n "$a" link set carp0 type carp state master
	attr_is "$a" to_master 1
	ip -n "$a" link set carp0 type carp state backup
	becomes "$a" backup
	attr_is "$a" reason requested
	end_test "backup and master can be asked for"
}

stays_in_namespace()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	ip -n "$a" link set carp0 netns "$sw" 2>/dev/null
	check_fail $? "it was moved"
	becomes "$a" master
	end_test "it cannot be moved to another namespace"
}

# A device has room for so many filters; carp's would be one more.
cannot_be_set_up()
{
	RET=0
	local before
	before=$(left)
	ip -n "$a" link add carp0 link eth0 type carp vhid 1 advbase 0 advskew 26
	carp_del_later "$a"
	ip -n "$a" addr add "$vip/32" dev carp0
	ip -n "$a" addr add 2001:db8::1/128 dev carp0
	ip netns exec "$a" carp sync
	{
		echo 'table netdev full {'
		printf 'chain c%d { type filter hook egress device eth0 priority 0; }\n' {1..1024}
		echo '}'
	} >"$tmp/full"
	ip netns exec "$a" nft -f "$tmp/full"
	check_err $? "the test cannot filter so often"
	defer ip netns exec "$a" nft flush ruleset
	ip -n "$a" link set carp0 up 2>"$tmp/refused"
	check_fail $? "it is set up without its filters"
	grep -q 'Argument list too long' "$tmp/refused"
	check_err $? "refused with $(cat "$tmp/refused")"
	[ "$(left)" = "$before" ]
	check_err $? "was: $before; is: $(left)"
	stays "$a" init
	ip netns exec "$a" nft flush ruleset
	ip -n "$a" link set carp0 up
	becomes "$a" master
	end_test "what cannot be set up leaves nothing behind"
}

left_behind()
{
	RET=0
	local round before
	before=$(left)
	for round in 1 2 3 4 5; do
		ip -n "$a" link add carp0 link eth0 type carp vhid 1 advbase 0
		ip -n "$a" addr add "$vip/32" dev carp0
		ip -n "$a" link set carp0 up
		((round % 2)) || ip -n "$a" link set carp0 down
		[ "$round" = 5 ] || carp_del "$a"
	done
	becomes "$a" master
	ip -n "$a" maddr show dev eth0 | grep -q 224.0.0.18
	check_err $? "the parent has not joined the group"
	bridge -n "$a" fdb show dev eth0 | grep -q "$vmac"
	check_err $? "the parent does not accept the virtual MAC address"
	carp_del "$a"
	[ "$(left)" = "$before" ]
	check_err $? "was: $before; is: $(left)"
	[ "$(awk '$1 == "carp" { print $3 }' /proc/modules)" = 0 ]
	check_err $? "the module is still in use"
	end_test "nothing is left behind"
}

# What a carp device asks of its parent.
left() {
	ip -n "$a" maddr show dev eth0
	bridge -n "$a" fdb show dev eth0
	ip -n "$a" -d link show eth0 | grep -o 'promiscuity [0-9]* allmulti [0-9]*'
}

lan a=192.0.2.11
run_tests
