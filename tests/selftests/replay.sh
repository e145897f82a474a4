#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An attacker on the link who does not have the key, and sends adverts again that
# were sent before: with another source, in the other family, and with whatever the
# digest does not cover. docs/security.md has the table of what that can do; each of
# its lines is acted here.
#
#       client              a                  b
#     192.0.2.10       192.0.2.11         192.0.2.12
#     the attacker     MASTER, 195 ms     BACKUP, 313 ms
#          |                |                  |
#          +----------------+------------------+      sw: br0
#
# Asserted, by default and with strict: neither node takes an own advert or one of the
# other that it has heard for a new one, and each is counted. What was recorded before a
# restart, or comes from a peer whose counters do not grow, works by default, and does
# not with strict.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	by_default
	with_strict
	earlier_by_default
	earlier_with_strict
	new_node_by_default
	new_node_with_strict
	peer_of_another_kind
	other_form_by_default
	other_form_with_strict
	routed
	counter_after_a_restart
"

every_way="unchanged better better6 worse rare demoted leaving leaving6"

attack() {
	ip netns exec "$client" python3 -S "$here/replay.py" "$@"
	check_err $? "the attacker failed"
}

# node NAMESPACE ADVSKEW STRICT
node() {
	carp_add "$1" advbase 0 advskew "$2" strict "$3"
	ip -n "$1" addr add 2001:db8::1/128 dev carp0
	check_err $? "the IPv6 address could not be added"
}

# pair STRICT
pair() {
	node "$a" 50 "$1"
	becomes "$a" master
	node "$b" 80 "$1"
	hears "$b" 4
	stays "$b" backup
}

# refused NAMESPACE COUNTER N COMMAND...: it counts N more of these, and its state does not change.
refused() {
	local ns=$1 counter=$2 n=$3 was before
	shift 3
	was=$(attr "$ns" changed)
	before=$(attr "$ns" "$counter")
	"$@"
	attr_is "$ns" "$counter" $((before + n))
	attr_is "$ns" changed "$was"
}

# all_refused STRICT: own adverts by A, those of its peer by B.
all_refused() {
	pair "$1"
	attack record "$tmp/adverts" 4
	# shellcheck disable=SC2086 # words
	refused "$a" own_advert 32 refused "$b" replayed 32 \
		attack send "$tmp/adverts" $every_way
	# However late: when A is BACKUP, and B sends.
	ip -n "$a" link set carp0 type carp advskew 100
	ip -n "$a" link set carp0 type carp state backup
	becomes "$b" master
	hears "$a" 4
	stays "$a" backup
	# shellcheck disable=SC2086 # words
	refused "$a" own_advert 32 refused "$b" replayed 32 \
		attack send "$tmp/adverts" $every_way
	attack record "$tmp/adverts" 4
	# shellcheck disable=SC2086 # words
	refused "$b" own_advert 32 refused "$a" replayed 32 \
		attack send "$tmp/adverts" $every_way
}

by_default()
{
	RET=0
	all_refused off
	end_test "own adverts and old ones of the peer are refused"
}

with_strict()
{
	RET=0
	all_refused on
	end_test "own adverts and old ones of the peer are refused, with strict"
}

# restarted STRICT: A is MASTER, and has been before it was made anew.
restarted() {
	node "$a" 50 "$1"
	becomes "$a" master
	attack record "$tmp/adverts" 2
	carp_del "$a"
	node "$a" 50 "$1"
	becomes "$a" master
	attr_is "$a" rx_adverts 0
}

earlier_by_default()
{
	RET=0
	restarted off
	attack send "$tmp/adverts" better
	# It yields, and comes back after three intervals of silence.
	attr_is "$a" to_master 2
	end_test "what a node sent before a restart is not known again"
}

earlier_with_strict()
{
	RET=0
	restarted on
	# shellcheck disable=SC2086 # words
	refused "$a" replayed 16 attack send "$tmp/adverts" $every_way
	end_test "what a node sent before a restart is refused, with strict"
}

# long_ago AGE [ADDRESS]: an advert that was sent so many seconds ago is recorded. The digest covers the
# link-local ADDRESS too.
long_ago() {
	PYTHONPATH="$here" python3 -c "
import time, wire
counter = int(time.time() - $1) << 32 | 0x12345
addresses = ['$vip', '2001:db8::1', *'${2:-}'.split()]
print(wire.advert(b'secret', addresses, counter=counter, advbase=0, advskew=80, link_local=True).hex())
" >"$tmp/adverts"
}

# It waits for four minutes by itself.
new_node() {
	node "$b" 200 "$1"
	ip -n "$b" link set carp0 type carp advbase 60
	stays "$b" backup
}

new_node_by_default()
{
	RET=0
	long_ago 3600
	new_node off
	attack send "$tmp/adverts" unchanged
	attr_is "$b" rx_adverts 1
	stays "$b" backup
	attack send "$tmp/adverts" leaving
	becomes "$b" master
	end_test "a new node believes what was sent long ago"
}

new_node_with_strict()
{
	RET=0
	long_ago 15
	new_node on
	# shellcheck disable=SC2086 # words
	refused "$b" replayed 8 attack send "$tmp/adverts" $every_way
	# One of that time would have been heard.
	long_ago 0
	attack send "$tmp/adverts" unchanged
	attr_is "$b" rx_adverts 1
	end_test "a new node refuses what was sent long ago, with strict"
}

# The counters of OpenBSD are constant, so an advert of its looks the same each time.
peer_of_another_kind()
{
	RET=0
	local way
	new_node off
	long_ago 0
	attack send "$tmp/adverts" unchanged unchanged
	attr_is "$b" rx_adverts 2
	attr_is "$b" master 192.0.2.200
	attack send "$tmp/adverts" unchanged rare
	attr_is "$b" rx_adverts 4
	stays "$b" backup
	for way in leaving leaving6 demoted; do
		attack send "$tmp/adverts" "$way"
		becomes "$b" master
		attack send "$tmp/adverts" better
		becomes "$b" backup
	done
	attr_is "$b" replayed 0
	end_test "what a BSD sends may be sent by anybody, with another priority"
}

# signs_as_recorded RESULT: whether A's digest covers the link-local address.
signs_as_recorded() {
	local advert
	attack record "$tmp/own" 2
	advert=$(tail -n 1 "$tmp/own")
	[ "$(PYTHONPATH="$here" python3 -c "
import wire
advert = bytes.fromhex('$advert')
counter = int.from_bytes(advert[8:16])
addresses = ['$vip', '2001:db8::1', 'fe80::1']
print(*(wire.digest(b'secret', 1, addresses, counter, form) == advert[16:36] for form in (False, True)))
")" = "$1" ]
	check_err $? "A signs neither or both ways, or not as '$1'"
}

# other_form STRICT AGE: A is MASTER and signs as OpenBSD does; FreeBSD has signed otherwise.
other_form() {
	node "$a" 50 "$1"
	ip -n "$a" link set carp0 type carp grace 0
	ip -n "$a" addr add fe80::1/128 dev carp0
	check_err $? "the link-local address could not be added"
	becomes "$a" master
	signs_as_recorded "True False"
	long_ago "$2" fe80::1
}

other_form_by_default()
{
	RET=0
	other_form off 0
	attack send "$tmp/adverts" worse
	attr_is "$a" rx_adverts 1
	signs_as_recorded "False True"
	stays "$a" master
	end_test "what a BSD sends changes the form of the digest"
}

other_form_with_strict()
{
	RET=0
	other_form on 15
	refused "$a" replayed 1 attack send "$tmp/adverts" worse
	signs_as_recorded "True False"
	end_test "what was sent long ago does not change the form of the digest, with strict"
}

routed()
{
	RET=0
	pair off
	attack record "$tmp/adverts" 2
	refused "$a" parent_bad_ttl 4 refused "$b" parent_bad_ttl 4 \
		attack send "$tmp/adverts" routed routed6
	end_test "what a router has forwarded is refused"
}

# B does not hear that A leaves, and remembers what it sent before.
counter_after_a_restart()
{
	RET=0
	pair on
	ip -n "$b" link set carp0 type carp advbase 60
	bridge -n "$sw" link set dev to_b state 0
	defer bridge -n "$sw" link set dev to_b state 3
	carp_del "$a"
	node "$a" 50 on
	becomes "$a" master
	bridge -n "$sw" link set dev to_b state 3
	hears "$b" 4
	stays "$b" backup
	attr_is "$b" replayed 0
	end_test "after a restart the counter goes on above what it was, with strict"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12
run_tests
