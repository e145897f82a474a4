#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints what an advert costs its sender and its receiver, in instructions, all of it:
#
#   make vm ICOUNT=1 TIMEOUT=900 RUN=tests/bench/adverts.sh [ARGS="SECONDS INSTANCES \"SYSTEM=MS ...\""]
#
# That many virtual hosts on one link: of carp, and of the daemons that do the same. A process
# that counts in a loop, whenever nothing else runs, tells how much of the time is left.
set -eu
seconds=${1:-4} instances=${2:-255}

modprobe -a veth carp
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1

# The turns of a loop in SECONDS, at the lowest priority.
turns() {
	chrt --idle 0 bash -s "$seconds" <<-'EOF'
		((end = ${EPOCHREALTIME/./} + $1 * 1000000))
		for ((n = 0; ${EPOCHREALTIME/./} < end; n++)); do :; done
		echo $n
	EOF
}

frames() {
	ip netns exec "$1" cat /sys/class/net/eth0/statistics/tx_packets
}

lan() {
	local host=0 ns
	for ns in switch a b; do
		ip netns add $ns
		ip -n $ns link set lo up
	done
	ip -n switch link add br0 up type bridge mcast_snooping 0 forward_delay 0
	for ns in a b; do
		host=$((host + 1))
		ip link add eth0 netns $ns type veth peer name to_$ns netns switch
		ip -n switch link set to_$ns master br0 up
		ip -n $ns link set eth0 up
		ip -n $ns addr add 10.99.0.$host/16 dev eth0
	done
}

start_carp() {
	local vhid skew=$((256 * $2 / 1000))
	[ "$1" = a ] || skew=$((skew + 1))
	for ((vhid = 1; vhid <= instances; vhid++)); do
		echo "link add carp$vhid link eth0 type carp vhid $vhid pass secret advbase $(($2 / 1000)) advskew $((skew % 256))"
		echo "addr add 10.99.1.$vhid/32 dev carp$vhid"
		echo "link set carp$vhid up"
	done | ip -n "$1" -batch -
}

start_keepalived() {
	local vrid priority=200
	[ "$1" = a ] || priority=100
	{
		echo "global_defs {"
		echo "vrrp_garp_master_delay 0"
		echo "vrrp_garp_master_repeat 1"
		echo "}"
		for ((vrid = 1; vrid <= instances; vrid++)); do
			cat <<-EOF
				vrrp_instance v$vrid {
					state BACKUP
					interface eth0
					virtual_router_id $vrid
					priority $priority
					version 3
					advert_int $(($2 / 1000)).$(printf %03d $(($2 % 1000)))
					virtual_ipaddress {
						10.99.1.$vrid/32
					}
				}
			EOF
		done
	} >"/tmp/keepalived-$1"
	ip netns exec "$1" keepalived -n -l -P -f "/tmp/keepalived-$1" -p "/tmp/$1.p" -r "/tmp/$1.r" >/dev/null 2>&1 &
	daemons+=($!)
}

start_ucarp() {
	local vhid
	printf '#!/bin/sh\n' >/tmp/nothing
	chmod +x /tmp/nothing
	for ((vhid = 1; vhid <= instances; vhid++)); do
		ip netns exec "$1" ucarp -i eth0 -s "10.99.0.$([ "$1" = a ] && echo 1 || echo 2)" -v $vhid -p secret \
			-a "10.99.1.$vhid" -u /tmp/nothing -d /tmp/nothing -b $(($2 / 1000)) \
			-k "$([ "$1" = a ] && echo 0 || echo 100)" -n -P >/dev/null 2>&1 &
		daemons+=($!)
	done
}

# Waits until A sends as many adverts as it will.
settle() {
	local before now try
	for ((try = 0; try < 30; try++)); do
		before=$(frames a)
		sleep 2
		now=$(frames a)
		(((now - before) * $1 < 2000 * instances * 8 / 10)) || break
	done
	sleep 2
}

# window: sets $busy, the nanoseconds that were not the loop's, and $sent, the adverts.
window() {
	local before n
	before=$(frames a)
	n=$(turns)
	sent=$(($(frames a) - before))
	busy=$(((idle - n) * (seconds * 1000000000 / idle)))
}

# system NAME INTERVAL_MS: the cost of an advert sent, and of one received.
system() {
	local daemons=() alone alone_sent
	lan
	idle=$(turns)
	"start_$1" a "$2"
	settle "$2"
	window
	alone=$busy alone_sent=$sent
	"start_$1" b "$2"
	settle "$2"
	window
	printf '%-40s %8d %8d\n' "$1, an advert each $2 ms" $((alone / alone_sent)) \
		$((busy / sent - alone / alone_sent))
	[ ${#daemons[@]} = 0 ] || kill "${daemons[@]}"
	wait
	ip -all netns delete
}

echo "kernel $(uname -r)"
for setting in ${3:-carp=1000 carp=10 keepalived=1000 keepalived=10 ucarp=1000}; do
	system "${setting%=*}" "${setting#*=}"
done
