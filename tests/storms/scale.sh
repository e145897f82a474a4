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
# removal; when ip returns packets are matched with all of them, also if they fail
# over together; all become MASTER. Those that have to wait for their turn cost hardly
# any grace periods (printed is also what the others cost: they share one only if it
# takes longer than what is asked for). A device with as many addresses as it may have
# is deleted as fast as a macvlan. When the link is lost few threads follow, and
# the time of an operation on a group of parents grows with their number, no faster.

set -u
# shellcheck source=tests/storms/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	many_addresses
	many
	tied
	waiting
	lost_link
	many_parents
"

vhids=255

# batch KIND [OPTION...]: the commands that make them; 10.0.N.1 is an address of the Nth.
batch() {
	local vhid kind
	for ((vhid = 1; vhid <= vhids; vhid++)); do
		kind="macvlan mode private"
		[ "$1" = macvlan ] || kind="carp vhid $vhid pass secret ${*:2}"
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

# all_matched: the last snapshot that was published has all of them.
all_matched() {
	local last
	last=$(grep carp_if_swap "$trace/trace" | tail -n 1)
	[[ $last == *" vhosts=$vhids" ]]
	check_err $? "when ip returns the last snapshot is: $last"
}

smaller() {
	echo $(($1 < $2 ? $1 : $2))
}

many()
{
	RET=0
	local round rounds=3 added=() removed=() frees swaps
	# In virtual time nobody else takes the processor: one to load what is needed, and one to count.
	[ "${KSFT_MACHINE_SLOW:-}" = yes ] || rounds=2
	batch macvlan >"$tmp/macvlan"
	batch carp >"$tmp/carp"
	removal >"$tmp/removal"
	trace_on carp
	for ((round = 0; round < rounds; round++)); do
		timed "$tmp/macvlan"
		added[0]=$(smaller "${added[0]:-$took}" "$took")
		timed "$tmp/removal"
		removed[0]=$(smaller "${removed[0]:-$took}" "$took")
		echo >"$trace/trace"
		timed "$tmp/carp"
		all_matched
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
	end_test "255 carp devices beside 255 macvlans"
}

tied()
{
	RET=0
	trace_on carp
	batch carp group wan >"$tmp/tied"
	echo >"$trace/trace"
	timed "$tmp/tied"
	all_matched
	sync_carp "$a"
	ip -n "$a" -batch "$tmp/removal"
	end_test "255 carp devices that fail over together"
}

waiting()
{
	RET=0
	local frees
	trace_on carp
	ip -n "$a" link add first link eth0 type carp vhid 255 pass secret
	ip -n "$a" link set first up
	hold "$a" eth0 255
	fresh_mac
	ip -n "$a" link set eth0 address "$mac"
	wait_traced 1 "carp_op_park: group=eth0 kind=parent-address "
	sed '/v255\>/d' "$tmp/carp" >"$tmp/others"
	timed "$tmp/others"
	debugfs_is "$(debugfs_of "$a" eth0)" current "parent-address event vhid 0 parked"
	check_err $? "it is not parked any more"
	echo >"$trace/trace"
	release "$a" eth0 255
	sync_carp "$a"
	all_matched
	frees=$(traced carp_if_free)
	echo "	254 devices had to wait: $(traced carp_if_swap) snapshots, freed $frees times"
	((frees <= 10))
	check_err $? "they cost $frees grace periods"
	end_test "254 carp devices that had to wait"
}

# addressed KIND: how long it takes to delete a device of this kind with 1024 addresses, as took.
addressed() {
	local n
	{
		echo "link add v1 link eth0 type $1"
		for ((n = 0; n < 512; n++)); do
			echo "addr add 10.0.$((n / 256)).$((n % 256))/32 dev v1"
			printf 'addr add 2001:db8:1::%x/128 dev v1\n' "$n"
		done
		echo "link set v1 up"
	} | ip -n "$a" -batch -
	check_err $? "a device with 1024 addresses cannot be made"
	echo "link del v1" >"$tmp/removal"
	timed "$tmp/removal"
}

many_addresses()
{
	RET=0
	ip netns exec "$a" sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=0
	addressed "macvlan mode private"
	local macvlan=$took
	addressed "carp vhid 1 pass secret"
	echo "# with 1024 addresses: a carp device is deleted in $took ms, a macvlan in $macvlan ms"
	((took <= 2 * macvlan))
	check_err $? "$took ms, and a macvlan $macvlan ms"
	ip netns exec "$a" sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1
	end_test "a device with 1024 addresses is deleted as fast as a macvlan"
}

# threads: how many there are of all kinds, as count.
threads() {
	read -r _ _ _ count _ </proc/loadavg
	count=${count#*/}
}

lost_link()
{
	RET=0
	local before
	# What the case before has left.
	ip -n "$a" -j link show type carp | jq -r '.[].ifname // empty | "link del \(.)"' |
		ip -n "$a" -batch -
	timed "$tmp/carp"
	all_become "$a" master "$vhids"
	sync_carp "$a"
	threads
	before=$count
	ip -n "$sw" link set to_a down
	all_become "$a" init "$vhids"
	sync_carp "$a"
	ip -n "$sw" link set to_a up
	all_become "$a" master "$vhids"
	sync_carp "$a"
	# Those that have nothing to do stay for minutes.
	threads
	echo "	link lost and found with 255 devices: $before threads before, $count after"
	# Of carp's two queues (32 and 4), and of the kernel's own.
	((count <= before + 48))
	check_err $? "$((count - before)) more threads than before"
	ip -n "$a" -batch "$tmp/removal"
	end_test "few threads follow a lost link"
}

# tied_parents FIRST LAST: of one group, each with one device.
tied_parents() {
	local number
	for ((number = $1; number <= $2; number++)); do
		echo "link add d$number up type dummy"
		echo "link add c$number link d$number type carp vhid 1 pass secret group wan"
		echo "link set c$number up"
	done | ip -n "$a" -batch -
	check_err $? "the parents cannot be made"
}

# tying: how long an operation on the group takes, as took: milliseconds of 20.
tying() {
	local number
	for ((number = 0; number < 20; number++)); do
		echo "link set c1 type carp group wan"
	done >"$tmp/tying"
	sync_carp "$a"
	timed "$tmp/tying"
}

many_parents()
{
	RET=0
	local few
	tied_parents 1 50
	tying
	few=$took
	tied_parents 51 200
	tying
	echo "	20 operations on 50 parents of a group: $few ms, on 200: $took ms"
	# Four times, and what a logarithm and a busy machine add; cubed it is 64 times.
	((took < few * 12))
	check_err $? "it grows faster than the number of parents"
	seq -f 'link del d%g' 200 | ip -n "$a" -batch -
	end_test "200 parents of one group"
}

lan a=192.0.2.11
ip netns exec "$a" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
run_tests
