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
# Milliseconds that a bound in time has for the processes that a test starts. On a machine that has
# others to run for as long as it likes, it shows little: in virtual time all of it is ours.
slack=$((1500 * slow))
# Seconds that an answer may take. A host that gets none to its question for a MAC address asks again
# after one: what is lost is not made up for in virtual time.
patience=$((5 * slow))
[ "${KSFT_MACHINE_SLOW:-}" = yes ] || slack=50 patience=0.5

# shellcheck source=/dev/null
source "${KSFT:-$here/..}/net/lib.sh"

# shellcheck source=tests/selftests/frame.sh
source "$here/frame.sh"

# The namespaces of a LAN, by these names in every scenario.
sw='' client='' a='' b='' c=''

vip=192.0.2.1
vmac=00:00:5e:00:01:01

# setup_ns NAME...: what net/lib.sh does with eight processes for each.
setup_ns() {
	local name batch=''
	for name; do
		[ -z "${!name}" ] || cleanup_ns "${!name}"
		printf -v "$name" '%s-%06x' "${name,,}" $((SRANDOM & 0xffffff))
		NS_LIST+=("${!name}")
		batch+="netns add ${!name}
			netns exec ${!name} ip link set lo up
			netns exec ${!name} sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
		"
	done
	ip -batch - <<<"$batch"
}

# cleanup_ns NAMESPACE...: the same, and all of them at once.
cleanup_ns() {
	local ns process kept=()
	(($# > 0)) || return 0
	for process in /proc/[0-9]*; do
		for ns; do
			[ ! "$process/ns/net" -ef "/run/netns/$ns" ] || kill "${process#/proc/}" 2>/dev/null
		done
	done
	printf 'netns delete %s\n' "$@" | ip -force -batch - 2>/dev/null
	for ns in "${NS_LIST[@]}"; do
		[[ " $* " == *" $ns "* ]] || kept+=("$ns")
	done
	NS_LIST=("${kept[@]}")
}

# lan NODE=ADDRESS...: a namespace for each node, with eth0 on the bridge br0 of
# the namespace sw, where its port is called to_NODE.
lan() {
	setup_ns sw "${@%%=*}" &&
		ip -n "$sw" link add br0 up type bridge mcast_snooping 0
	check_err $? "no LAN"
	local node
	for node in "$@"; do
		lan_link "${node%%=*}" eth0 "to_${node%%=*}" "${node#*=}"
	done
}

# lan_link NODE DEVICE PORT [ADDRESS]: a link from NODE to the bridge.
lan_link() {
	local ns=${!1} device=$2 port=$3
	ip -n "$sw" -batch - <<-EOF && ip -n "$ns" -batch - <<-EOF
		link add $device netns $ns type veth peer name $port netns $sw
		link set $port master br0 up
	EOF
		link set $device up
		${4:+addr add $4/24 dev $device}
	EOF
	check_err $? "$device of ${ns%-*} could not be set up"
}

# contents FILE: sets $text, which is empty without the file. No process is started: those are what takes long in an emulated
# machine.
contents() {
	text=''
	{ read -rd '' text <"$1"; } 2>/dev/null
	return 0
}

# inode_of NAMESPACE: sets $inode, by which files in debugfs are called.
declare -A inodes=()
inode_of() {
	[ -n "${inodes[$1]:-}" ] || inodes[$1]=$(stat -Lc %i "/run/netns/$1" 2>/dev/null)
	inode=${inodes[$1]}
}

# in_debugfs NAMESPACE DEVICE: sets $shown, the state that debugfs has of a carp device. Fails if it knows
# none of that name.
in_debugfs() {
	local inode file text
	inode_of "$1"
	for file in /sys/kernel/debug/carp/*"@$inode"; do
		contents "$file"
		if [[ $text =~ " $2 "([A-Za-z]+)" users " ]]; then
			shown=${BASH_REMATCH[1],,}
			return 0
		fi
	done
	return 1
}

# carp_add NAMESPACE OPTION...: carp0 on eth0, with the shared address, set up.
carp_add() {
	local ns=$1
	shift
	remember_hosts
	ip -n "$ns" -batch - <<-EOF
		link add carp0 link eth0 type carp vhid 1 pass secret $*
		addr add $vip/32 dev carp0
		link set carp0 up
	EOF
	check_err $? "carp0 could not be set up"
	carp_del_later "$ns"
}

declare -A carp_deleted=()
carp_del() {
	ip -n "$1" link del carp0 2>/dev/null
	carp_deleted[$1]=yes
}

# carp_del_later NAMESPACE: at the end of the test, if it is there then. For a name that no device has
# the kernel would start modprobe, which takes longer than all the rest.
carp_del_later() {
	unset "carp_deleted[$1]"
	defer carp_del_last "$1"
}

carp_del_last() {
	local shown
	if [ -z "${carp_deleted[$1]:-}" ] || in_debugfs "$1" carp0; then
		carp_del "$1"
	fi
}

# host_state NAMESPACE: what a carp device could leave behind, a line each: groups, filters, promiscuous
# devices, neighbours that somebody has put there. Nothing that comes and goes by itself, as routes do:
# of the groups in which an IPv6 address is solicited, only those that no address of the device explains, nor
# the anycast address of a router's subnet.
host_state() {
	{
		ip -n "$1" -d -o -batch - <<-EOF
			addr show
			maddr show
			link show
			neigh show nud permanent
			neigh show proxy
		EOF
		bridge -n "$1" fdb show
	} | awk '
		function low24(address, part, n) {
			sub(/\/.*/, "", address)
			n = split(address, part, ":")
			if (address ~ /^33:33:ff:/)
				return part[4] part[5] part[6]
			return substr("0000" part[n - 1], length(part[n - 1]) + 3) substr("0000" part[n], length(part[n]) + 1)
		}
		# A neighbour, or an entry of a bridge.
		!/^[0-9]+:[ \t]/ {
			if (/ (PERMANENT|proxy)( |$)/ || /(^00:00:5e:00.*| self) permanent/ && !/^(33:33|01:00)/)
				print
			next
		}
		{ sub(/^[0-9]+:\s*/, ""); gsub(/\\/, " "); device = $1; sub(/[:@].*/, "", device) }
		$2 == "inet" && / scope / { next }
		$2 == "inet6" && $3 ~ /\// { explained[device, low24($3)]; next }
		/ promiscuity / {
			for (i = 3; i < NF; i++)
				for (n = 1; $i ~ /^(promiscuity|allmulti)$/ && n <= $(i + 1); n++)
					print device, $i, n
			next
		}
		$3 ~ /^(33:33:ff:|ff02::1:ff)/ && (low24($3) == "000000" || (device, low24($3)) in explained) { next }
		{ $1 = device; print }'
}

# host_is_as NAMESPACE STATE: nothing has come to it.
host_is_as() {
	local now more
	now=$(host_state "$1")
	[ "$now" != "$2" ] || return 0
	more=$(comm -13 <(sort <<<"$2") <(sort <<<"$now") | tr '\n' ';')
	[ -z "$more" ]
	check_err $? "${1%-*} is left with $more"
}

# files_left: the files in debugfs of this script's namespaces, if any; another one that was ended may have
# left some.
files_left() {
	local ns inode found=1
	for ns in "${NS_LIST[@]}"; do
		[ -e "/run/netns/$ns" ] || continue
		inode_of "$ns"
		! compgen -G "/sys/kernel/debug/carp/*@$inode" || found=0
	done
	return "$found"
}

no_files_left() {
	! files_left >/dev/null
}

# remember_hosts: each as it is before its first carp device, but for those that never have one.
declare -A host_before=()
remember_hosts() {
	local ns
	for ns in "${NS_LIST[@]}"; do
		if [[ $ns != "$sw" && $ns != "$client" && -z ${host_before[$ns]+known} && -z $(carp_devices "$ns") ]]; then
			host_before[$ns]=$(host_state "$ns")
		fi
	done
}

carp_devices() {
	ip -n "$1" -o link show type carp
}

# nothing_is_left: with the carp devices deleted, the hosts are as they were.
nothing_is_left() {
	local ns left
	for ns in "${NS_LIST[@]}"; do
		[ -e "/run/netns/$ns" ] || continue
		left=$(carp_devices "$ns")
		[ -n "$left" ] || continue
		[ -n "${host_before[$ns]+known}" ] || fail "nobody has looked at ${ns%-*} before it had a carp device"
		sed -E 's/^[0-9]+: ([^ :@]*).*/link del \1/' <<<"$left" | ip -n "$ns" -batch -
	done
	busywait "$BUSYWAIT_TIMEOUT" no_files_left ||
		fail "debugfs is left with $(files_left | tr '\n' ' ')"
	for ns in "${!host_before[@]}"; do
		[ ! -e "/run/netns/$ns" ] || host_is_as "$ns" "${host_before[$ns]}"
	done
}

# state_is NAMESPACE STATE [DEVICE]
state_is() {
	[[ $(ip -n "$1" -d link show "${3:-carp0}" 2>&1) == *" state $2 "* ]]
}

# may_be NAMESPACE STATE [DEVICE]: debugfs says so, or knows nothing of the device.
may_be() {
	local shown=''
	! in_debugfs "$1" "${3:-carp0}" || [ "$shown" = "$2" ]
}

# becomes NAMESPACE STATE [DEVICE]: waits for it.
becomes() {
	busywait "$BUSYWAIT_TIMEOUT" may_be "$@" && busywait "$BUSYWAIT_TIMEOUT" state_is "$@"
	check_err $? "${3:-carp0} of ${1%-*} did not become $2"
}

# routers_swap FROM TO: carp0 and carp1 of FROM become BACKUP, and those of TO MASTER.
routers_swap() {
	local device
	for device in carp0 carp1; do
		ip -n "$1" link set "$device" type carp state backup
		becomes "$2" master "$device"
	done
}

# stays NAMESPACE STATE [DEVICE]: is in it now.
stays() {
	state_is "$@"
	check_err $? "${3:-carp0} of ${1%-*} is not $2"
}

# What a carp device need not have; it has everything else that ip prints.
optional=" changed group master "

# dropped NAMESPACE rx|tx [DEVICE]: packets that it should have received or sent.
dropped() {
	ip -n "$1" -j -s link show "${3:-carp0}" | jq ".[0].stats64.$2.dropped"
}

# look_up NAMESPACE NAME [DEVICE]: sets $value, an attribute or a counter as ip prints it in JSON. Fails
# without the device; it is empty without the attribute.
look_up() {
	local json
	value=''
	json=$(ip -n "$1" -j -s -d link show "${3:-carp0}") || return
	[[ ! $json =~ \"$2\":\"?([^\",}]*) ]] || value=${BASH_REMATCH[1]}
}

# attr NAMESPACE NAME [DEVICE]: prints it, and it is a failure if it is not there.
attr() {
	local value
	look_up "$@" && [[ -n $value || $optional == *" $2 "* ]]
	check_err $? "${3:-carp0} of ${1%-*} has no $2"
	echo "$value"
}

# attr_equals NAMESPACE NAME VALUE [DEVICE]
attr_equals() {
	local value
	look_up "$1" "$2" "${4:-carp0}" && [ "$value" = "$3" ]
}

# attr_is NAMESPACE NAME VALUE [DEVICE]: waits for it, since what was asked for may wait as well.
attr_is() {
	[[ -n $3 || $optional == *" $2 "* ]] || fail "$2 of ${1%-*} cannot be missing"
	local value
	busywait "$BUSYWAIT_TIMEOUT" attr_equals "$@" && return
	look_up "$1" "$2" "${4:-carp0}"
	fail "$2 of ${4:-carp0} of ${1%-*} is '$value' and not '$3'"
}

# demoted_by NAMESPACE CAUSES [DEVICE]: waits until these hold and no others.
demoted_by() {
	busywait "$BUSYWAIT_TIMEOUT" causes_are "$@" ||
		fail "${3:-carp0} of ${1%-*} is demoted by '$(causes "$1" "${3:-carp0}")' and not '$2'"
}

causes() {
	ip -n "$1" -j -d link show "$2" | jq -r '.[0].linkinfo.info_data.demoted_by // [] | join(",")'
}

causes_are() {
	[ "$(causes "$1" "${3:-carp0}")" = "$2" ]
}

# hears NAMESPACE N: waits until carp0 has heard N adverts more.
hears() {
	local first_pause=200
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
	local first_pause=200
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

# pings NAMESPACE ADDRESS: there is an answer to the one question, however late on a slow machine.
pings() {
	ip netns exec "$1" ping -q -c 1 -W "$patience" "$2" >/dev/null 2>&1
	check_err $? "${1%-*} got no answer from $2"
}

# has_said FILE TEXT
has_said() {
	local text
	contents "$1"
	[[ $text == *"$2"* ]]
}

# capture NAMESPACE DEVICE NAME ARGUMENT...: writes $tmp/NAME.pcap, until capture_end NAME. Where
# tcpdump may have to wait for a processor, the room it has by default is for a few packets.
capture() {
	local ns=$1 device=$2 file=$tmp/$3
	shift 3
	: >"$file.log"
	ip netns exec "$ns" tcpdump -Z root --immediate-mode -U -n -B 16384 -s 2048 \
		-i "$device" -w "$file.pcap" "$@" 2>"$file.log" &
	echo $! >"$file.pid"
	defer capture_over "${file##*/}"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$file.log" 'listening on' ||
		fail "the capture ${file##*/} does not start: $(tr '\n' ';' <"$file.log")"
}

capture_over() {
	[ ! -s "$tmp/$1.pid" ] || capture_end "$1"
}

# capture_end NAME: it is whole.
capture_end() {
	local file=$tmp/$1 pid log=''
	read -r pid <"$file.pid" && : >"$file.pid" && kill "$pid" && wait "$pid" &&
		{ read -rd '' log <"$file.log" || true; } &&
		[[ $log =~ " captured"$'\n' && ! $'\n'$log =~ $'\n'[1-9][^$'\n']*" dropped by kernel" ]]
	check_err $? "the capture $1 is not whole: ${log//$'\n'/;}"
}

# packets NAME FILTER...: how many of a capture match. While it goes on, its last packet may be there
# in part.
packets() {
	local name=$1 found
	shift
	if ! found=$(tcpdump -n --count -r "$tmp/$name.pcap" "$@" 2>"$tmp/$name.read"); then
		[ -s "$tmp/$name.pid" ] && has_said "$tmp/$name.read" truncated
		check_err $? "the capture $name, '$*': $(tr '\n' ';' <"$tmp/$name.read")"
	fi
	echo "${found%% *}"
}

# has_packets_at_all NAME: when it has ended, tcpdump has said how many.
has_packets_at_all() {
	local said=''
	read -rd '' said <"$tmp/$1.log"
	[[ $said =~ [1-9][0-9]*\ packets?\ captured ]] || [ "$(packets "$1")" != 0 ]
}

# packets_are N NAME FILTER: that there are none is shown by a capture that has others.
packets_are() {
	local found
	found=$(packets "$2" "$3")
	[ "$found" = "$1" ]
	check_err $? "$2: $found packets, and not $1, are '$3'"
	[ "$1" != 0 ] || has_packets_at_all "$2" || fail "$2: an empty capture shows nothing of '$3'"
}

# captured_nothing NAME: no packet at all. That there would have been some is for the test to show.
captured_nothing() {
	local found
	found=$(packets "$1")
	[ "$found" = 0 ]
	check_err $? "$1: $found packets, and not 0"
}

# A test with a function of such a name would change what all the others mean.
# shellcheck disable=SC2046 # words
readonly -f $(compgen -A function)
