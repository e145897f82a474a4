#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A better node returns, with and without preempt.
#
#            a                 b
#       192.0.2.11        192.0.2.12
#       102 ms interval   199 ms interval
#            |                 |
#            +-----------------+      sw: br0
#
# Asserted: without preempt the better node leaves a MASTER alone; with it, it
# takes over with the first advert it hears; preempt never helps a worse node; a
# demotion is obeyed without preempt, and taken back.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	without_preempt
	with_preempt
	worse_with_preempt
	return_after_outage
	demotion
"

b_interval=199

b_then_a() {
	carp_add "$b" advbase 0 advskew 51
	becomes "$b" master
	carp_add "$a" advbase 0 advskew 26
}

without_preempt()
{
	RET=0
	b_then_a
	local was
	was=$(attr "$b" changed)
	hears "$a" 6
	stays "$a" backup
	stays "$b" master
	attr_is "$a" master 192.0.2.12
	attr_is "$b" changed "$was"
	end_test "without preempt the better node stays BACKUP"
}

with_preempt()
{
	RET=0
	b_then_a
	hears "$a" 2
	stays "$a" backup
	now_ms
	local asked=$now
	ip -n "$a" link set carp0 type carp preempt on
	becomes "$a" master
	between 0 $(($(attr "$a" changed) - asked)) $((b_interval + slack)) "ms until A was MASTER"
	attr_is "$a" reason preempt
	becomes "$b" backup
	between 0 $(($(attr "$b" changed) - asked)) $((b_interval + slack)) "ms until B was BACKUP"
	attr_is "$b" reason better-master
	attr_is "$b" master 192.0.2.11
	end_test "with preempt the better node takes over"
}

worse_with_preempt()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51 preempt on
	hears "$b" 6
	stays "$b" backup
	stays "$a" master
	end_test "with preempt the worse node stays BACKUP"
}

return_after_outage()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26 preempt on
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51
	hears "$b" 2
	ip -n "$sw" link set to_a down
	becomes "$a" init
	becomes "$b" master
	now_ms
	local back=$now
	ip -n "$sw" link set to_a up
	becomes "$a" master
	attr_is "$a" reason preempt
	becomes "$b" backup
	between 0 $(($(attr "$b" changed) - back)) $((b_interval + slack)) "ms until B was BACKUP"
	attr_is "$b" reason better-master
	[ "$(attr "$a" to_master) $(attr "$b" to_master)" = "2 1" ]
	check_err $? "there were more changes than these"
	end_test "a node with preempt takes its place back after an outage"
}

demotion()
{
	RET=0
	carp_add "$a" advbase 0 advskew 26 preempt on
	becomes "$a" master
	carp_add "$b" advbase 0 advskew 51
	hears "$b" 2
	now_ms
	local asked=$now
	ip -n "$a" link set carp0 type carp demotion 5
	becomes "$b" master
	# It is announced at once.
	between 0 $(($(attr "$b" changed) - asked)) "$slack" "ms until B was MASTER"
	attr_is "$b" reason peer-demoted
	becomes "$a" backup
	hears "$a" 6
	stays "$a" backup
	ip -n "$a" link set carp0 type carp demotion 0
	becomes "$a" master
	attr_is "$a" reason preempt
	becomes "$b" backup
	end_test "a demoted MASTER is replaced, and comes back"
}

lan a=192.0.2.11 b=192.0.2.12
run_tests
