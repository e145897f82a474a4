#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# As many carp devices on one parent as there can be, beside as many macvlans.
#
#            a
#     192.0.2.11, later
#     255 devices on eth0
#            |
#            +-----      sw: br0
#
# Asserted: 255 carp devices, made and set up with an address by one `ip -batch`,
# take no longer than 1.5 times 255 macvlans in the same run, and so does their
# removal; each runs at once, all become MASTER; they cost far fewer grace periods
# than devices.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	many
"

vhids=255

# batch KIND: the commands that make them; 10.0.N.1 is an address of the Nth.
batch() {
	local vhid kind
	for ((vhid = 1; vhid <= vhids; vhid++)); do
		kind="macvlan mode private"
		[ "$1" = macvlan ] || kind="carp vhid $vhid pass secret"
		echo "link add v$vhid link eth0 type $kind"
		echo "addr add 10.0.$vhid.1/32 dev v$vhid"
		echo "link set v$vhid up"
	done
}

removal() {
	local vhid
	for ((vhid = 1; vhid <= vhids; vhid++)); do
		echo "link del v$vhid"
	done
}

# monotonic: milliseconds of the guest's clock, as ms. EPOCHREALTIME could be set meanwhile,
# but nobody does here.
clock() {
	local us=${EPOCHREALTIME/./}
	ms=$((us / 1000))
}

# timed FILE: how long this batch takes, as took.
timed() {
	local begin
	clock
	begin=$ms
	ip -n "$a" -batch "$1"
	check_err $? "ip -batch failed"
	clock
	took=$((ms - begin))
}

smaller() {
	echo $(($1 < $2 ? $1 : $2))
}

many()
{
	RET=0
	local round added=() removed=() frees swaps running
	batch macvlan >"$tmp/macvlan"
	batch carp >"$tmp/carp"
	removal >"$tmp/removal"
	trace_on
	for round in 1 2 3; do
		timed "$tmp/macvlan"
		added[0]=$(smaller "${added[0]:-$took}" "$took")
		timed "$tmp/removal"
		removed[0]=$(smaller "${removed[0]:-$took}" "$took")
		echo >"$trace/trace"
		timed "$tmp/carp"
		running=$(grep -c ^vhost "$(debugfs_of "$a" eth0)")
		((running == vhids))
		check_err $? "$running devices work when ip returns"
		added[1]=$(smaller "${added[1]:-$took}" "$took")
		sync_carp "$a"
		frees=$(traced carp_if_free)
		swaps=$(traced carp_if_swap)
		all_become "$a" master "$vhids"
		echo >"$trace/trace"
		timed "$tmp/removal"
		removed[1]=$(smaller "${removed[1]:-$took}" "$took")
		echo "	added: $swaps snapshots, freed $frees times; removed:" \
			"$(traced carp_if_swap) snapshots, freed $(traced carp_if_free) times"
	done
	echo "	added: ${added[0]} ms of macvlans, ${added[1]} ms of carp;" \
		"removed: ${removed[0]} ms, ${removed[1]} ms"
	((added[1] * 10 <= added[0] * 15))
	check_err $? "adding takes ${added[1]} ms, and macvlans ${added[0]} ms"
	((removed[1] * 10 <= removed[0] * 15))
	check_err $? "removing takes ${removed[1]} ms, and macvlans ${removed[0]} ms"
	# Where a request takes longer than a grace period there is nothing to share one with.
	((frees * 2 < vhids || slow > 1))
	check_err $? "255 devices cost $frees grace periods"
	end_test "255 carp devices beside 255 macvlans"
}

lan a=192.0.2.11
ip netns exec "$a" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
run_tests
