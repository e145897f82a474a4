# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the benchmarks share: frames by pktgen, and what one costs. In virtual time (ICOUNT=1) a
# nanosecond is an instruction.

vmac=00:00:5e:00:01:01

bench_init() {
	modprobe -a pktgen macvlan veth
	sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	echo "kernel $(uname -r)"
}

# link NS DEVICE MAC NS DEVICE MAC: a wire between two namespaces.
link() {
	ip link add "$2" address "$3" netns "$1" type veth peer name "$5" address "$6" netns "$4"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# send NS DEVICE OPTION...: nanoseconds a frame of 60 bytes, with these options of pktgen. As a driver
# hands a frame over, nobody else has it (!SHARED).
send() {
	ip netns exec "$1" bash -eu -s - "${@:2}" <<-'EOF'
		device=$1 dir=/proc/net/pktgen
		shift
		echo rem_device_all >$dir/kpktgend_0
		echo "add_device $device" >$dir/kpktgend_0
		for option in "pkt_size 60" "delay 0" "clone_skb 0" "flag !SHARED" \
			"udp_dst_min 9" "udp_dst_max 9" "udp_src_min 9" "udp_src_max 9" "$@"; do
			echo "$option" >"$dir/$device"
		done
		echo start >$dir/pgctrl
		sed -n 's/^Result: OK: \([0-9]*\)(.*) usec, \([0-9]*\) (.*/\1 \2/p' "$dir/$device" |
			while read -r us frames; do echo $((us * 1000 / frames)); done
	EOF
}

# measure LABEL NS DEVICE MAC FROM4 TO4 FROM6 TO6: IPv4 and IPv6, after a few to warm up.
measure() {
	local packets="count ${count:?}"
	local v4=("dst_mac $4" "src_min $5" "src_max $5" "dst_min $6" "dst_max $6")
	local v6=("dst_mac $4" "src6 $7" "dst6 $8" "flag UDPCSUM")
	send "$2" "$3" "count 200" "${v4[@]}" >/dev/null
	send "$2" "$3" "count 200" "${v6[@]}" >/dev/null
	printf '%-60s %6d %6d\n' "$1" "$(send "$2" "$3" "$packets" "${v4[@]}")" \
		"$(send "$2" "$3" "$packets" "${v6[@]}")"
}

# carp NS DEVICE PARENT VHID STATE ADDRESS... [-- OPTION...]: waits until it is in this state, and a bit
# longer, until the routes are there.
carp() {
	local ns=$1 device=$2 parent=$3 vhid=$4 state=$5 try
	shift 5
	local addresses=()
	while (($# > 0)) && [ "$1" != -- ]; do
		addresses+=("$1")
		shift
	done
	ip -n "$ns" link add "$device" link "$parent" type carp vhid "$vhid" pass secret "${@:2}"
	printf "addr add %s dev $device\n" "${addresses[@]}" | ip -n "$ns" -batch -
	ip -n "$ns" link set "$device" up
	for ((try = 0; try < 100; try++)); do
		[[ $(ip -n "$ns" -d link show "$device") != *" state $state "* ]] || break
		sleep 0.1
	done
	((try < 100)) || { echo "$device is not $state" >&2; return 1; }
	sleep 1
}
