# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A case that is the same in IPv4 and IPv6 is written once: what differs is in the
# variables that family sets. The carp device of the scenario has a shared address of
# either family. On top of lib.sh; the caller has set -u.

# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

vip6=2001:db8:2::1

# family 4|6: the cases are about this one from here on.
family() {
	f=$1
	case $f in
	4)
		ipv=IPv4 shared=$vip host=32 subnet=24 len=28
		net=192.0.2. far=198.51.100. unused=203.0.113.0/24
		;;
	6)
		ipv=IPv6 shared=$vip6 host=128 subnet=64 len=124
		net=2001:db8:2:: far=2001:db8:51:: unused=2001:db8:cb::/64
		;;
	esac
	# What net/lib.sh and check_err see of it.
	export f ipv shared host subnet len net far unused
}

family 4

# run_tests_in FAMILY...: as run_tests, in each of them; ALL_TESTS_ONCE before that.
run_tests_in() {
	local all name once=() each=()
	# shellcheck disable=SC2086 # a list of words
	all=$(printf ' %s ' $ALL_TESTS)
	for name in ${TESTS:-${ALL_TESTS_ONCE:-} $ALL_TESTS}; do
		# What has another name is no test: to be told so once is enough.
		if [[ $all == *" $name "* ]]; then
			each+=("$name")
		else
			once+=("$name")
		fi
	done
	start_tests
	each_test "${once[@]}"
	for f; do
		family "$f"
		each_test "${each[@]}"
	done
	end_tests
}

# address NODE DEVICE NUMBER [NET4 NET6]: NUMBER in a subnet, of both families.
address() {
	local ns=${!1}
	ip -n "$ns" -batch - <<-EOF
		addr add ${4:-192.0.2.}$3/24 dev $2
		addr add ${5:-2001:db8:2::}$3/64 dev $2 nodad
	EOF
}

# dual_lan NODE=NUMBER...: as lan, with an address of each family.
dual_lan() {
	local node
	lan "${@/=*/=}"
	for node; do
		address "${node%%=*}" eth0 "${node#*=}"
	done
}

# far_side: behind B, which forwards, there is another network with C in it, which exists.
far_side() {
	local node device number
	ip -n "$sw" link add br1 up type bridge mcast_snooping 0
	for node in b=eth1=12 c=eth0=10; do
		IFS='=' read -r node device number <<<"$node"
		lan_link "$node" "$device" "to_${node}1"
		ip -n "$sw" link set "to_${node}1" master br1
		address "$node" "$device" "$number" 198.51.100. 2001:db8:51::
	done
	ip netns exec "$b" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for node in "$client" "$a"; do
		ip -n "$node" -batch - <<-EOF
			route add 198.51.100.0/24 via 192.0.2.12
			route add 2001:db8:51::/64 via 2001:db8:2::12
		EOF
	done
	ip -n "$c" -batch - <<-EOF
		route add default via 198.51.100.12
		route add default via 2001:db8:51::12
	EOF
}

# dual_add NAMESPACE OPTION...: as carp_add, with an address of each family. They are there before it
# starts: what changes later is signed for a grace period later.
dual_add() {
	local ns=$1
	shift
	remember_hosts
	ip -n "$ns" -batch - <<-EOF
		link add carp0 link eth0 type carp vhid 1 pass secret $*
		addr add $vip/32 dev carp0
		addr add $vip6/128 dev carp0
		link set carp0 up
	EOF
	check_err $? "carp0 could not be set up"
	carp_del_later "$ns"
}

# dual_pair: A is MASTER, B is BACKUP. Their time is not what is tested, and a busy machine must not
# make them change.
dual_pair() {
	dual_add "$a" advbase 1
	ip -n "$a" link set carp0 type carp state master
	becomes "$a" master
	dual_add "$b" advbase 1 advskew 100
	hears "$b" 1
	stays "$b" backup
}

# hand_over FROM TO: FROM is MASTER, and tells TO to be it.
hand_over() {
	ip -n "$1" link set carp0 type carp state backup
	becomes "$2" master
	becomes "$1" backup
	owns "$2"
	disowns "$1"
}

# way NAMESPACE [ADDRESS]: how it reaches the shared address.
way() {
	ip -n "$1" -o route get "${2:-$shared}" 2>&1
}

is_local() {
	[[ $(way "$@") == local\ * ]]
}

is_remote() {
	! is_local "$@"
}

# owns NAMESPACE [ADDRESS]: the routes follow the state a little later.
owns() {
	busywait "$BUSYWAIT_TIMEOUT" is_local "$@" ||
		fail "${1%-*} does not take ${2:-$shared} for its own: $(way "$@")"
}

disowns() {
	busywait "$BUSYWAIT_TIMEOUT" is_remote "$@" ||
		fail "${1%-*} takes ${2:-$shared} for its own: $(way "$@")"
}

# acquainted ADDRESS: client, whose ADDRESS this is, and B know each other's MAC address, and that of
# the shared address: while somebody has to be asked, answers wait in a queue, and those
# that are too many are lost.
acquainted() {
	local mac known=$1 by=eth0
	[[ $known != fe80:* ]] || by=carp0
	mac=$(ip -n "$client" -j link show eth0 | jq -r '.[0].address')
	ip -n "$client" neigh replace "${shared%\%*}" lladdr "$vmac" dev eth0
	defer ip -n "$client" neigh del "${shared%\%*}" dev eth0
	ip -n "$b" neigh replace "$known" lladdr "$mac" dev "$by"
	defer ip -n "$b" neigh del "$known" dev "$by"
}

# tables NAMESPACE [AWK]: all routes of both families, but those to groups, which have to do with the
# carrier; and but what AWK leaves out of them.
tables() {
	ip -n "$1" route show table all |
		awk '/ ff00::\/8 / { next } { sub(/ linkdown/, ""); sub(/ *$/, "") } '"${2:-}"' { print }' | sort
}

tables_are() {
	[ "$(tables "$1")" = "$2" ]
}

# tables_become NAMESPACE TABLES
tables_become() {
	busywait "$BUSYWAIT_TIMEOUT" tables_are "$@" ||
		fail "${1%-*} has other routes: $(diff <(echo "$2") <(tables "$1") | grep '^[<>]' | tr '\n' ';')"
}

# serve NAMESPACE NAME [ADDRESS]: a server of that name, at port 7 of the address or of all.
serve() {
	local ns=$1 name=$2
	shift 2
	rm -f "$tmp/server_$name"
	ip netns exec "$ns" python3 -S "$here/serve.py" "$name" 7 "$@" >"$tmp/server_$name" 2>&1 &
	defer kill_process $!
	busywait 20000 test -s "$tmp/server_$name"
	has_said "$tmp/server_$name" listening ||
		fail "the server $name: $(cat "$tmp/server_$name")"
}

# who_answers NAMESPACE ADDRESS: the name of the server there, and the client's address as it sees it.
who_answers() {
	# shellcheck disable=SC2016 # of the other shell
	ip netns exec "$1" timeout $((20 * slow)) bash -c 'exec 3<>"/dev/tcp/$1/7" && read -r line <&3 && echo "$line"' \
		- "$2" 2>&1
}

# answers NAMESPACE ADDRESS WHO: a connection to ADDRESS ends there.
answers() {
	local who
	who=$(who_answers "$1" "$2")
	[ "$who" = "$3" ]
	check_err $? "${1%-*} was answered '$who' and not '$3' at $2"
}
