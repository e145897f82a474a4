#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# VRRP on the same LAN, with the same id: it shares the protocol number and the
# group with CARP.
#
#       client            a: MASTER        b: BACKUP        c: keepalived
#     192.0.2.10      192.0.2.11       192.0.2.12       192.0.2.13
#          |          vhid 1           vhid 1           router id 1, 192.0.2.3
#          +--------------+----------------+------------------+      sw: br0
#
# Ours advertise more rarely than keepalived: as MASTER of VRRP 2 it sends nothing
# any more while adverts that it cannot read come faster than its own are due,
# forged ones just as well as ours.
#
# Asserted: keepalived becomes and stays MASTER of its address, ours of theirs.
# VRRP 3 is counted as another version, in IPv6 too. VRRP 2 has the version of CARP:
# it is too short; and with five addresses as long as CARP, but it has no digest.

set -u
# shellcheck source=tests/selftests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL_TESTS="
	version_3
	version_2
	version_2_as_long_as_carp
	version_3_of_ipv6
"

# keepalived_start VERSION INTERVAL ADDRESS...
keepalived_start() {
	local version=$1 interval=$2
	shift 2
	cat >"$tmp/keepalived.conf" <<-EOT
		global_defs {
			router_id c
		}
		vrrp_instance c {
			state BACKUP
			interface eth0
			virtual_router_id 1
			priority 100
			advert_int $interval
			version $version
			virtual_ipaddress {
				$(printf '%s\n' "$@")
			}
		}
	EOT
	ip netns exec "$c" keepalived --dont-fork --log-console --vrrp --use-file "$tmp/keepalived.conf" \
		--pid "$tmp/keepalived.pid" --vrrp_pid "$tmp/vrrp.pid" >"$tmp/keepalived" 2>&1 </dev/null &
	defer kill_process $!
}

# beside COUNTER VERSION INTERVAL ADDRESS...: ours count its adverts there.
beside() {
	RET=0
	local was name counter=$1
	local -A before
	local -a all=(parent_bad_len parent_bad_ttl parent_bad_version parent_bad_checksum
		parent_bad_vhid bad_auth)
	shift
	for name in "${all[@]}"; do
		before[$name]=$(attr "$b" "$name")
	done
	was="$(attr "$a" changed) $(attr "$b" changed)"
	keepalived_start "$@"
	busywait "$BUSYWAIT_TIMEOUT" has_said "$tmp/keepalived" 'Entering MASTER STATE' ||
		fail "keepalived is not MASTER: $(tail -n 2 "$tmp/keepalived" | tr '\n' ' ')"
	hears "$b" 2
	busywait "$BUSYWAIT_TIMEOUT" counted "$b" "$counter" $((before[$counter] + 3))
	check_err $? "$counter of B does not grow"
	counted "$a" "$counter" 3
	check_err $? "$counter of A does not grow"
	for name in "${all[@]}"; do
		[ "$name" = "$counter" ] || attr_is "$b" "$name" "${before[$name]}"
	done
	[ "$(attr "$a" changed) $(attr "$b" changed)" = "$was" ]
	check_err $? "ours have changed"
	stays "$a" master
	stays "$b" backup
	[ "$(grep -c 'Entering .* STATE' "$tmp/keepalived")" = 2 ] ||
		fail "keepalived has changed: $(grep 'Entering' "$tmp/keepalived" | tr '\n' ' ')"
	pings "$client" "$vip"
	pings "$client" "$3"
	ip -n "$client" neigh show "$vip" | grep -q "lladdr $vmac "
	check_err $? "the client's neighbour is not the virtual MAC address"
}

# counted NAMESPACE NAME N: at least so many.
counted() {
	(($(attr "$1" "$2") >= $3))
}

version_3()
{
	beside parent_bad_version 3 0.1 192.0.2.3
	end_test "beside VRRP 3 with the same id"
}

version_2()
{
	beside parent_bad_len 2 1 192.0.2.3
	end_test "beside VRRP 2 with the same id"
}

version_2_as_long_as_carp()
{
	beside bad_auth 2 1 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7
	end_test "beside VRRP 2 with the same id and length"
}

version_3_of_ipv6()
{
	local ns
	# With an address of IPv6 ours advertise there as well, to the group of VRRP.
	ip -n "$client" addr add 2001:db8::10/64 dev eth0 nodad
	ip -n "$c" addr add 2001:db8::13/64 dev eth0 nodad
	for ns in "$a" "$b"; do
		ip -n "$ns" addr add 2001:db8::1/64 dev carp0
	done
	beside parent_bad_version 3 0.1 2001:db8::3
	(($(attr "$b" rx_adverts_v6) >= 2))
	check_err $? "B hears no adverts over IPv6"
	pings "$client" 2001:db8::1
	end_test "beside VRRP 3 of IPv6 with the same id"
}

lan client=192.0.2.10 a=192.0.2.11 b=192.0.2.12 c=192.0.2.13
carp_add "$a" advbase 1 advskew 128
ip -n "$a" link set carp0 type carp state master
carp_add "$b" advbase 1 advskew 200
run_tests
