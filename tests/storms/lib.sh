# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the storms share, on top of the selftests' lib.sh: many carp devices, the
# module's trace, debugfs, and `carp sync`. The caller has set -u.

storms=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# In the checkout the selftests are called so, installed among the kernel's as carp.
selftests=$storms/../selftests
[ -e "$selftests/lib.sh" ] || selftests=$storms/../carp
# shellcheck source=tests/selftests/lib.sh
source "$selftests/lib.sh"

export PYTHONPATH=$storms:$here PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# vhosts NAMESPACE PREFIX PARENT FIRST LAST OPTION...: carp devices PREFIXn with vhid n and the
# address 192.0.2.n, set up.
vhosts() {
	local ns=$1 prefix=$2 parent=$3 first=$4 last=$5 vhid
	shift 5
	remember_hosts
	for ((vhid = first; vhid <= last; vhid++)); do
		echo "link add $prefix$vhid link $parent type carp vhid $vhid pass secret $*"
		echo "addr add 192.0.2.$vhid/32 dev $prefix$vhid"
		echo "link set $prefix$vhid up"
	done | ip -n "$ns" -batch -
	check_err $? "the carp devices could not be set up"
}

# states NAMESPACE: "DEVICE STATE" of all carp devices, one a line.
states() {
	ip -n "$1" -o -d link show type carp | sed -nE 's/^[0-9]+: ([^:@]*).* carp state ([a-z]+) .*/\1 \2/p'
}

# all_are NAMESPACE STATE N: there are N carp devices, in this state.
all_are() {
	[ "$(states "$1" | grep -c " $2\$")" = "$3" ]
}

# may_all_be NAMESPACE STATE N: debugfs, for which no process is started, shows that, or no device.
may_all_be() {
	local inode file text line there=0 are=0
	inode_of "$1"
	for file in /sys/kernel/debug/carp/*"@$inode"; do
		contents "$file"
		while read -r line; do
			[[ $line != vhost\ * ]] || there=$((there + 1))
			[[ $line != vhost\ *\ "${2^}"\ * ]] || are=$((are + 1))
		done <<<"$text"
	done
	((there == 0 || are == $3))
}

# all_become NAMESPACE STATE N
all_become() {
	{ busywait "$BUSYWAIT_TIMEOUT" may_all_be "$@" && busywait "$BUSYWAIT_TIMEOUT" all_are "$@"; } ||
		fail "$3 devices of ${1%-*} did not become $2: $(states "$1" | tr '\n' ' ')"
}

# sync_carp NAMESPACE [SECONDS]
sync_carp() {
	ip netns exec "$1" carp sync "${2:-60}"
	check_err $? "carp sync in ${1%-*}"
	((RET == 0)) || grep -H . /sys/kernel/debug/carp/*
}

# debugfs_of NAMESPACE PARENT: its file.
debugfs_of() {
	echo "/sys/kernel/debug/carp/$2@$(stat -Lc %i "/run/netns/$1")"
}

# debugfs_is FILE KEY VALUE: a line "KEY VALUE".
debugfs_is() {
	local text
	contents "$1"
	[[ $'\n'$text$'\n' == *$'\n'"$2 $3"$'\n'* ]]
}

# debugfs_becomes FILE KEY VALUE
debugfs_becomes() {
	busywait "$BUSYWAIT_TIMEOUT" debugfs_is "$@" ||
		fail "no line '$2 $3': $(tr '\n' ';' <"$1")"
}

# write FILE TEXT: fails if the kernel does not take it.
write() {
	echo "$2" >"$1"
}

# hold NAMESPACE PARENT VHID: somebody is inside this virtual host.
hold() {
	write "$(debugfs_of "$1" "$2")" "hold $3"
	check_err $? "vhid $3 cannot be held"
}

release() {
	write "$(debugfs_of "$1" "$2")" "release $3"
	check_err $? "vhid $3 cannot be released"
}

# has_attr NAMESPACE NAME VALUE DEVICE: now; attr_is waits for it.
has_attr() {
	local value
	value=$(attr "$1" "$2" "$4")
	[ "$value" = "$3" ]
	check_err $? "$2 of $4 is '$value' and not '$3'"
}

# trace_on EVENTS: those of a group, or one of it, from here on, with the wall clock's time, which
# captures have too (TAI is that in a machine whose leap seconds nobody has set).
trace=/sys/kernel/tracing/instances/carp
trace_on() {
	[ -d $trace ] || mkdir $trace || skip "This kernel cannot trace: CONFIG_EVENT_TRACING is off."
	defer rmdir $trace
	echo 0 >$trace/events/enable
	echo >$trace/trace
	echo 2048 >$trace/buffer_size_kb
	echo tai >$trace/trace_clock
	echo 1 >"$trace/events/$1/enable"
}

# traced PATTERN: how often the trace has it.
traced() {
	grep -cE "$1" $trace/trace
}

# parks_traced: since trace_on, operations have parked.
parks_traced() {
	local parks
	parks=$(traced carp_op_park)
	echo "	$parks operations parked"
	((parks > 0))
	check_err $? "no operation has parked"
}

# has_traced N PATTERN: at least so often.
has_traced() {
	(($(traced "$2") >= $1))
}

# wait_traced N PATTERN
wait_traced() {
	busywait "$BUSYWAIT_TIMEOUT" has_traced "$@" ||
		fail "the trace has $(traced "$2") and not $1 of: $2"
}

# finished PARENT KIND: how many operations of this kind the trace saw to the end.
finished() {
	traced "carp_op_finish: group=$1 kind=$2 "
}

# A MAC address that the parent has not had.
fresh_mac() {
	mac=$(printf '02:00:00:%02x:%02x:%02x' $((RANDOM % 256)) $((RANDOM % 256)) $((RANDOM % 256)))
}

# in_time COMMAND...: succeeds, and is not made to wait: what takes long is the VM.
in_time() {
	timeout "$WAIT_TIMEOUT" "$@"
	check_err $? "refused, or not within $WAIT_TIMEOUT s: $*"
}

# traffic CLIENT-ADDRESS NAMESPACE...: from here on, at full speed, to 192.0.2.1 and back,
# whichever of the namespaces has it; until traffic_end.
traffic() {
	local node
	python3 -S "$storms/traffic.py" flood "$client" eth0 1 192.0.2.1 "$1" >"$tmp/traffic" &
	flood=$!
	defer kill_process $!
	for node in "${@:2}"; do
		python3 -S "$storms/traffic.py" echo "$node" 192.0.2.1 &
		defer kill_process $!
	done
}

# traffic_end: and says how much it was. There must have been some both ways.
traffic_end() {
	kill_process "$flood"
	cat "$tmp/traffic"
	grep -q ' [1-9][0-9]* packets sent, [1-9]' "$tmp/traffic"
	check_err $? "there was no traffic both ways"
}
