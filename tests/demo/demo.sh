#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes share an address, one is cut off, the other takes over.
#
#       client              A                  B
#     192.0.2.10       192.0.2.11         192.0.2.12
#   pings 192.0.2.1    carp0 192.0.2.1    carp0 192.0.2.1
#     every 10 ms      preempt
#          |                |                  |
#          +----------------+------------------+      a bridge
#
# Twice, with the default timers and with fast ones: A's link is cut, and restored
# later. The timeline is printed, and drawn by draw.py: timeline.txt and
# failover.svg in $OUT. In the VM: make demo.

set -u

here=$(dirname "${BASH_SOURCE[0]}")
OUT=${OUT:-.}
work=$(mktemp -d)
pids=()

clean_up() {
	kill "${pids[@]}" 2>/dev/null
	for node in client a b switch; do
		ip netns del "$node" 2>/dev/null
	done
	rm -rf "$work"
}
trap clean_up EXIT

die() {
	echo "demo: $*" >&2
	exit 1
}

# The commands that a reader would type are shown.
show() {
	echo "  # $*"
	"$@" || die "this failed: $*"
}

# event WHAT: something that the demo does, for the timeline.
event() {
	echo "$EPOCHREALTIME $1" >>"$work/events"
}

# wait_for NODE STATE
wait_for() {
	local deadline=$((SECONDS + 30))
	until [[ $(ip -n "$1" -d link show carp0) == *"carp state $2 "* ]]; do
		((SECONDS < deadline)) || die "$1 did not become $2"
	done
}

# connect NODE ADDRESS
connect() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip link add eth0 netns "$1" type veth peer name "to_$1" netns switch
	ip -n switch link set "to_$1" master br0 up
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" link set eth0 up
}

# cut_and_restore NAME: of A's link, by an ip that runs already: the time is right.
cut_and_restore() {
	event "begin $1"
	sleep 1
	event cut
	echo "link set to_a down" >&"${switch[1]}"
	wait_for b master
	sleep 1
	event restored
	echo "link set to_a up" >&"${switch[1]}"
	wait_for a master
	wait_for b backup
	sleep 1
	event end
}

ip netns add switch
ip -n switch link add br0 up type bridge
coproc switch { exec ip -n switch -batch -; }
pids+=("$switch_PID")
connect client 192.0.2.10
connect a 192.0.2.11
connect b 192.0.2.12

echo "Node A:"
show ip -n a link add carp0 link eth0 type carp vhid 1 pass secret preempt on
show ip -n a addr add 192.0.2.1/32 dev carp0
show ip -n a link set carp0 up
echo "Node B, which is to stand back:"
show ip -n b link add carp0 link eth0 type carp vhid 1 pass secret advskew 50
show ip -n b addr add 192.0.2.1/32 dev carp0
show ip -n b link set carp0 up
wait_for b backup
for node in a b; do
	ip -n $node -d -o monitor link dev carp0 >>"$work/$node" &
	pids+=($!)
done
wait_for a master
for node in a b; do
	ip -n $node -d -o link show carp0 >>"$work/$node"
done
ip -n a -d link show carp0 | sed 's/ minmtu.*//; s/ addrgenmode.*//; s/^/  /'

ip netns exec client python3 "$here/ping.py" 192.0.2.1 >"$work/pings" &
pinger=$!
pids+=("$pinger")
until [ -s "$work/pings" ]; do
	sleep 0.1
done
cut_and_restore "default timers (an advert every second)"

echo "Both nodes faster, while they run:"
show ip -n b link set carp0 type carp advbase 0 advskew 8
show ip -n a link set carp0 type carp advbase 0 advskew 4
wait_for a master
wait_for b backup
cut_and_restore "fast timers (an advert every 1/64 s)"
kill -INT "$pinger"
wait "$pinger" || die "the client's ping failed"

python3 "$here/draw.py" "$work" "$OUT/failover.svg" | tee "$OUT/timeline.txt"
exit "${PIPESTATUS[0]}"
