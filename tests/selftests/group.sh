#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices that fail over together.
#
#            a                     b
#     carp0 on eth0          carp0 on eth0        vhid 1
#     carp1 on eth1          carp1 on eth1        vhid 2
#         |     |               |     |
#         +-----+---------------+-----+           sw: br0
#
# Asserted: without a group, one link of a MASTER that fails takes one device along;
# with one it takes both, and at once; when the link is back, b keeps them without
# preempt; a demotion by the group ends with its cause, also when the failed device
# leaves the group, is set down or deleted; a device that is set up meanwhile is demoted
# too; what is in another group is not; an operation that is parked on one parent holds
# up the other parents of its group and nobody else's.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	alone
	together
	cause_leaves
	cause_is_deleted
	cause_is_set_down
	set_up_meanwhile
	other_group
	shared_serializer
"

# second NAMESPACE OPTION...: carp1 on eth1.
second() {
	local ns=$1
	shift
	ip -n "$ns" link add carp1 link eth1 type carp vhid 2 pass secret "$@" &&
		ip -n "$ns" addr add 192.0.2.2/32 dev carp1 &&
		ip -n "$ns" link set carp1 up
	check_err $? "carp1 could not be set up"
	defer second_del "$ns"
}

second_del() {
	ip -n "$1" link del carp1 2>/dev/null
}

# third GROUP: carp2 of a, on eth0 as carp0 is.
third() {
	ip -n "$a" link add carp2 link eth0 type carp vhid 3 pass secret group "$1" &&
		ip -n "$a" addr add 192.0.2.3/32 dev carp2 &&
		ip -n "$a" link set carp2 up
	check_err $? "carp2 could not be set up"
	defer ip -n "$a" link del carp2
}

# pair [OPTION...]: a is MASTER of both.
pair() {
	ip -n "$sw" link set to_a1 up
	carp_add "$a" advbase 0 advskew 26 "$@"
	second "$a" advbase 0 advskew 26 "$@"
	becomes "$a" master
	becomes "$a" master carp1
	carp_add "$b" advbase 0 advskew 51 "$@"
	second "$b" advbase 0 advskew 51 "$@"
	hears "$b" 2
	stays "$b" backup
}

cut_second() {
	ip -n "$sw" link set to_a1 down
	becomes "$b" master carp1
}

alone()
{
	RET=0
	pair
	cut_second
	hears "$b" 6
	stays "$a" master
	stays "$b" backup
	end_test "without a group one device fails over"
}

together()
{
	RET=0
	pair group wan
	now_ms
	local cut_at=$now
	cut_second
	becomes "$b" master
	attr_is "$b" reason peer-demoted
	demoted_by "$a" group
	ip -n "$a" link set carp0 type carp demotion 5
	demoted_by "$a" administrator,group
	ip -n "$a" link set carp0 type carp demotion 0
	demoted_by "$b" ""
	# Not by silence, which would take three intervals.
	between 0 $(($(attr "$b" changed) - cut_at)) "$slack" "ms until b was MASTER of the other"
	becomes "$a" backup
	attr_is "$a" reason better-master
	ip -n "$sw" link set to_a1 up
	demoted_by "$a" ""
	hears "$a" 6
	stays "$a" backup
	end_test "with a group both fail over"
}

cause_leaves()
{
	RET=0
	pair group wan
	cut_second
	becomes "$a" backup
	ip -n "$a" link set carp1 type carp group ''
	ip -n "$a" link set carp0 type carp preempt on
	becomes "$a" master
	attr_is "$a" reason preempt
	end_test "what failed leaves the group"
}

cause_is_deleted()
{
	RET=0
	pair group wan
	cut_second
	becomes "$a" backup
	ip -n "$a" link del carp1
	ip -n "$a" link set carp0 type carp preempt on
	becomes "$a" master
	end_test "what failed is deleted"
}

# Its parent carries another device, so that it does not leave with the last one.
cause_is_set_down()
{
	RET=0
	pair group wan
	ip -n "$a" link add carp3 link eth1 type carp vhid 4 && ip -n "$a" link set carp3 up
	check_err $? "carp3 could not be set up"
	defer ip -n "$a" link del carp3
	cut_second
	becomes "$a" backup
	ip -n "$a" link set carp1 down
	ip -n "$a" link set carp0 type carp preempt on
	becomes "$a" master
	attr_is "$a" reason preempt
	end_test "what failed is set down"
}

# adverts_say N: as demotion, those of vhid 3 that A sends.
adverts_say() {
	capture "$sw" to_a all -Q in "ip proto 112 and ip[21] = 3"
	ip -n "$a" link set carp2 type carp state master
	becomes "$a" master carp2
	busywait "$BUSYWAIT_TIMEOUT" has_packets all 1
	check_err $? "carp2 says nothing"
	capture_end all
	packets_are 0 all "ip[24] != $1"
	ip -n "$a" link set carp2 type carp state backup
}

has_packets() {
	(($(packets "$1") >= $2))
}

# Another device of the group is up on its parent: nobody is tied to anybody anew.
set_up_meanwhile()
{
	RET=0
	pair group wan
	cut_second
	becomes "$a" backup
	third wan
	adverts_say 1
	ip -n "$sw" link set to_a1 up
	becomes "$a" backup carp1
	adverts_say 0
	end_test "a device that is set up while its group is down is demoted"
}

other_group()
{
	RET=0
	local was
	ip -n "$sw" link set to_a1 up
	carp_add "$a" advbase 0 advskew 26 group lan
	second "$a" advbase 0 advskew 26 group wan
	becomes "$a" master
	becomes "$a" master carp1
	was=$(attr "$a" changed)
	ip -n "$sw" link set to_a1 down
	becomes "$a" init carp1
	ip netns exec "$a" carp sync
	capture "$sw" to_a after -Q in "ip proto 112 and ip[21] = 1"
	busywait "$BUSYWAIT_TIMEOUT" has_packets after 2
	capture_end after
	packets_are 0 after "ip[24] != 0"
	third lan
	adverts_say 0
	attr_is "$a" changed "$was"
	end_test "what is in another group is not demoted"
}

# operations NAMESPACE DEVICE: how many wait for their turn there.
operations() {
	sed -n 's/^waiting //p' "/sys/kernel/debug/carp/$2@$(inum "$1")"
}

inum() {
	ip netns exec "$1" readlink /proc/self/ns/net | tr -dc 0-9
}

shared_serializer()
{
	RET=0
	pair group wan
	local file
	file=/sys/kernel/debug/carp/eth1@$(inum "$a")
	echo "hold 2" >"$file"
	ip -n "$a" link set eth1 address 02:00:00:00:00:99
	busywait "$BUSYWAIT_TIMEOUT" has_said "$file" parked
	check_err $? "the operation is not parked"
	ip -n "$a" link set carp0 type carp advskew 30
	[ "$(operations "$a" eth0)" = 1 ]
	check_err $? "a request to the other parent of the group does not wait"
	attr_is "$a" advskew 26
	ip -n "$b" link set carp0 type carp advskew 60
	attr_is "$b" advskew 60
	echo "release 2" >"$file"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$file" "current none"
	attr_is "$a" advskew 30
	end_test "parents of a group share one queue"
}

lan a=192.0.2.11 b=192.0.2.12
lan_link a eth1 to_a1 192.0.2.21
lan_link b eth1 to_b1 192.0.2.22
run_tests
