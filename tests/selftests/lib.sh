# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the carp selftests share: the LAN, carp devices on it, their state and
# counters, captures. On top of the kernel's net/lib.sh; the caller has set -u.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# How many times longer than Debian's kernel this one may take: whatever only bounds how slow the
# machine is, is multiplied by it, here and in the Python beside it. Starting a process takes the
# sanitizer kernel, emulated, twenty times as long; its timers are as good as any.
export slow=1
[ ! -e /sys/kernel/debug/kmemleak ] || slow=5
WAIT_TIMEOUT=$((20 * slow))

# shellcheck source=/dev/null
source "${KSFT:-$here/..}/net/lib.sh"

# The verdicts, as net/lib.sh has them.
: "${ksft_fail:=1}" "${ksft_skip:=4}"

# The namespaces of a LAN, by these names in every scenario.
sw='' client='' a='' b='' c=''

vip=192.0.2.1
vmac=00:00:5e:00:01:01
retmsg=''
tmp=$(mktemp -d)

clean_up() {
	set +u
	defer_scopes_cleanup
	cleanup_all_ns
	rm -rf "$tmp"
}
trap clean_up EXIT

# end_test NAME: the verdict on what check_err and check_fail have seen since RET=0.
end_test() {
	local ns
	if ((RET == ksft_fail)); then
		for ns in "${NS_LIST[@]}"; do
			ip -n "$ns" -s -d link show type carp 2>/dev/null | sed "s/^/	$ns: /"
		done
	fi
	# net/lib.sh is not written for set -u.
	set +u
	log_test "$1"
	set -u
}

run_tests() {
	modprobe carp || exit "$ksft_skip"
	tests_run
	exit "$EXIT_STATUS"
}

# lan NODE=ADDRESS...: a namespace for each node, with eth0 on the bridge br0 of
# the namespace sw, where its port is called to_NODE.
lan() {
	setup_ns sw "${@%%=*}"
	ip -n "$sw" link add br0 up type bridge mcast_snooping 0
	local node
	for node in "$@"; do
		lan_link "${node%%=*}" eth0 "to_${node%%=*}" "${node#*=}"
	done
}

# lan_link NODE DEVICE PORT [ADDRESS]: a link from NODE to the bridge.
lan_link() {
	local ns=${!1} device=$2 port=$3
	ip link add "$device" netns "$ns" type veth peer name "$port" netns "$sw"
	ip -n "$sw" link set "$port" master br0 up
	ip -n "$ns" link set "$device" up
	[ -z "${4:-}" ] || ip -n "$ns" addr add "$4/24" dev "$device"
}

# carp_add NAMESPACE OPTION...: carp0 on eth0, with the shared address, set up.
carp_add() {
	local ns=$1
	shift
	ip -n "$ns" link add carp0 link eth0 type carp vhid 1 pass secret "$@" &&
		ip -n "$ns" addr add "$vip/32" dev carp0 &&
		ip -n "$ns" link set carp0 up
	check_err $? "carp0 could not be set up"
	defer carp_del "$ns"
}

carp_del() {
	ip -n "$1" link del carp0 2>/dev/null
}

# state_is NAMESPACE STATE [DEVICE]
state_is() {
	[[ $(ip -n "$1" -d link show "${3:-carp0}" 2>&1) == *" state $2 "* ]]
}

# becomes NAMESPACE STATE: waits for it.
becomes() {
	busywait "$BUSYWAIT_TIMEOUT" state_is "$1" "$2"
	check_err $? "${1%-*} did not become $2"
}

# routers_swap FROM TO: carp0 and carp1 of FROM become BACKUP, and those of TO MASTER.
routers_swap() {
	local device
	for device in carp0 carp1; do
		ip -n "$1" link set "$device" type carp state backup
		busywait "$BUSYWAIT_TIMEOUT" state_is "$2" master "$device"
		check_err $? "$device of ${2%-*} did not become MASTER"
	done
}

# stays NAMESPACE STATE: is in it now.
stays() {
	state_is "$1" "$2"
	check_err $? "${1%-*} is not $2"
}

# attr NAMESPACE NAME [DEVICE]: an attribute or a counter, as ip prints it in JSON; nothing if
# there is none.
attr() {
	[[ $(ip -n "$1" -j -s -d link show "${3:-carp0}") =~ \"$2\":\"?([^\",}]*) ]] &&
		echo "${BASH_REMATCH[1]}"
}

attr_equals() {
	[ "$(attr "$1" "$2")" = "$3" ]
}

# attr_is NAMESPACE NAME VALUE: waits for it, since what was asked for may wait as well.
attr_is() {
	busywait "$BUSYWAIT_TIMEOUT" attr_equals "$@"
	check_err $? "$2 of ${1%-*} is '$(attr "$1" "$2")' and not '$3'"
}

# hears NAMESPACE N: waits until carp0 has heard N adverts more.
hears() {
	busywait_for_counter "$BUSYWAIT_TIMEOUT" "$2" attr "$1" rx_adverts >/dev/null
	check_err $? "${1%-*} did not hear $2 more adverts"
}

# heard NAMESPACE ip|ip6: how many adverts of the family. Both numbers are of one moment: adverts go
# on.
heard() {
	local all
	all=$(ip -n "$1" -j -s -d link show carp0)
	[[ $all =~ \"rx_adverts\":([0-9]+).*\"rx_adverts_v6\":([0-9]+) ]] || return
	case $2 in
	ip) echo $((BASH_REMATCH[1] - BASH_REMATCH[2])) ;;
	ip6) echo "${BASH_REMATCH[2]}" ;;
	esac
}

# hears_family NAMESPACE ip|ip6 N: waits until carp0 has heard N adverts more of the family.
hears_family() {
	busywait_for_counter "$BUSYWAIT_TIMEOUT" "$3" heard "$1" "$2" >/dev/null
	check_err $? "${1%-*} did not hear $3 more adverts over $2"
}

# Milliseconds since the epoch, as the attribute "changed": no process is started.
now_ms() {
	local us=${EPOCHREALTIME/./}
	now=$((us / 1000))
}

# between LOW VALUE HIGH WHAT
between() {
	(($1 <= $2 && $2 <= $3))
	check_err $? "$4: $2, and not $1 to $3"
}

# pings NAMESPACE ADDRESS: an answer within three seconds (times slow), to any of the questions.
pings() {
	ip netns exec "$1" ping -q -c 1 -w $((3 * slow)) -i 0.2 "$2" >/dev/null 2>&1
	check_err $? "${1%-*} got no answer from $2"
}

# capture NAMESPACE DEVICE NAME ARGUMENT...: writes $tmp/NAME.pcap, until capture_end NAME. Where
# tcpdump may have to wait for a processor, the room it has by default is for a few packets.
capture() {
	local ns=$1 device=$2 file=$tmp/$3
	shift 3
	rm -f "$file.log"
	ip netns exec "$ns" tcpdump -Z root --immediate-mode -U -n -B 16384 -s 2048 \
		-i "$device" -w "$file.pcap" "$@" 2>"$file.log" &
	echo $! >"$file.pid"
	defer capture_end "${file##*/}"
	busywait "$BUSYWAIT_TIMEOUT" grep -q 'listening on' "$file.log"
	check_err $? "tcpdump did not start"
}

capture_end() {
	local file=$tmp/$1 pid
	pid=$(cat "$file.pid" 2>/dev/null) || return 0
	rm "$file.pid"
	kill "$pid"
	wait "$pid"
	! grep -q '^[1-9].* dropped by kernel' "$file.log"
	check_err $? "the capture $1 is not whole: $(grep dropped "$file.log")"
}

# packets NAME FILTER...: how many of a capture match.
packets() {
	local name=$1
	shift
	# What tcpdump does not know it shows in lines that are indented.
	tcpdump -n -r "$tmp/$name.pcap" "$@" 2>/dev/null | grep -c '^[0-9]'
}

# packets_are N NAME FILTER
packets_are() {
	local found
	found=$(packets "$2" "$3")
	[ "$found" = "$1" ]
	check_err $? "$2: $found packets, and not $1, are '$3'"
}
