#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints for how long RTNL is held by what is done to a parent with many devices: the longest
# time, and all together, in microseconds:
#
#   make vm ICOUNT=1 TIMEOUT=900 RUN=tests/bench/rtnl.sh [ARGS=DEVICES]
#
# By macvlans, and by MASTERs of carp. Each has an address of either family.
set -eu
devices=${1:-255}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"

trace=/sys/kernel/tracing

# Each taking and giving back of RTNL, of all mutexes the only one that is looked at.
watch_rtnl() {
	local rtnl call
	rtnl=$(awk '$3 == "rtnl_mutex" { print "0x" $1 }' /proc/kallsyms)
	for call in mutex_lock mutex_lock_interruptible mutex_lock_killable mutex_trylock mutex_unlock; do
		echo "p:rtnl/$call $call mutex=%di:x64" >>$trace/kprobe_events
		echo "mutex == $rtnl" >$trace/events/rtnl/$call/filter
		echo 1 >$trace/events/rtnl/$call/enable
	done
	echo mono >$trace/trace_clock
	echo 20000 >$trace/buffer_size_kb
}

# held LABEL SECONDS COMMAND...: and what follows it in that time.
held() {
	local label=$1 seconds=$2
	shift 2
	echo >$trace/trace
	"$@"
	sleep "$seconds"
	awk -v label="$label" '
		match($0, / [0-9]+\.[0-9]+: /) {
			split(substr($0, RSTART + 1), part, /[.: ]+/)
			now = part[1] * 1000000 + part[2]
			match($0, /-[0-9]+ +\[/)
			task = substr($0, RSTART, RLENGTH)
			if ($0 !~ /: mutex_unlock: /) {
				begun[task] = now
				next
			}
			if (task in begun) {
				time = now - (begun[task] > last ? begun[task] : last)
				sum += time
				if (time > longest)
					longest = time
				delete begun[task]
			}
			last = now
		}
		END { printf "%-60s %6d %6d\n", label, longest, sum }' $trace/trace
}

# parent KIND: with the devices on it.
parent() {
	local n
	ip netns add host
	ip netns add peer
	link host p0 02:00:00:00:00:01 peer q0 02:00:00:00:00:02
	ip -n host addr add 10.0.0.1/16 dev p0
	for ((n = 1; n <= devices; n++)); do
		case $1 in
		carp) echo "link add x$n link p0 group 7 type carp vhid $n pass secret" ;;
		macvlan) echo "link add x$n link p0 group 7 type macvlan mode bridge" ;;
		esac
		echo "addr add 10.1.0.$n/32 dev x$n"
		printf "addr add fd00::%x/128 dev x$n\n" "$n"
		echo "link set x$n up"
	done | ip -n host -batch -
	sleep 12
}

bench_init
modprobe carp
watch_rtnl
for kind in macvlan carp; do
	parent $kind
	held "$kind, the parent gets another MAC address" 4 ip -n host link set p0 address 02:00:00:00:00:77
	held "$kind, the parent is set down" 3 ip -n host link set p0 down
	held "$kind, the parent is set up" 8 ip -n host link set p0 up
	held "$kind, the link is lost" 4 ip -n peer link set q0 down
	held "$kind, the link is back" 8 ip -n peer link set q0 up
	held "$kind, all are deleted at once" 4 ip -n host link del group 7
	ip netns del host
	ip netns del peer
	sleep 2
done
