#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# systemd-networkd and NetworkManager on a node: neither deletes what carp0 has.
#
#       client             a                 b: the daemon
#         10               11                12
#          |             carp0 1           carp0 1
#        eth0              eth0              eth0
#          +-----------------+-----------------+      sw: br0
#                192.0.2.0/24, 2001:db8:2::/64
#
# Asserted: started and stopped while B is BACKUP and while it is MASTER, a daemon
# that has no word for carp0 leaves its addresses, its routes and its state as they
# are, over take-overs too; so does networkd that has the same address configured,
# with the settings that docs/using.md recommends.

set -u
# shellcheck source=tests/selftests/families.sh
source "$(dirname "${BASH_SOURCE[0]}")/families.sh"

ALL_TESTS="
	networkd_unmanaged
	networkd_managed
	networkmanager
"

# seen NAMESPACE: what a daemon could take from carp0.
seen() {
	ip -n "$1" -o addr show dev carp0 | sed 's/ *valid_lft.*//; s/\\//'
	tables "$1" | grep ' dev carp0 '
}

sees() {
	[ "$(seen "$b")" = "$1" ]
}

# unharmed SEEN WHEN: B is as it was then, and its state has not changed since $was.
unharmed() {
	busywait "$BUSYWAIT_TIMEOUT" sees "$1" ||
		fail "$2: $(diff <(echo "$1") <(seen "$b") | grep '^[<>]' | tr '\n' ';')"
	[ "$(attr "$b" changed)" = "$was" ] ||
		fail "$2: the state has changed, $(attr "$b" reason)"
	pings "$client" "$vip"
}

was=''

# hand FROM TO
hand() {
	hand_over "$1" "$2"
	was=$(attr "$b" changed)
}

# survives DAEMON: which is started by DAEMON_start, and ended by daemon_end.
survives() {
	local start=$1_start as_master as_backup
	ip -n "$b" route add 203.0.113.0/24 via 192.0.2.10 dev carp0 onlink
	check_err $? "no route by carp0"
	defer ip -n "$b" route del 203.0.113.0/24 dev carp0
	as_backup=$(seen "$b")
	hand "$a" "$b"
	as_master=$(seen "$b")
	hand "$b" "$a"
	sees "$as_backup"
	check_err $? "it is not as it was, without any daemon"

	"$start"
	unharmed "$as_backup" "started as BACKUP"
	hand "$a" "$b"
	unharmed "$as_master" "taken over"
	daemon_end
	unharmed "$as_master" "stopped as MASTER"
	"$start"
	unharmed "$as_master" "started as MASTER"
	hand "$b" "$a"
	unharmed "$as_backup" "handed over"
	daemon_end
	"$start"
	unharmed "$as_backup" "started again as BACKUP"
	daemon_end
	unharmed "$as_backup" "stopped as BACKUP"
}

daemon=''

daemon_end() {
	[ -z "$daemon" ] || kill_process "$daemon"
}

index() {
	ip netns exec "$b" cat "/sys/class/net/$1/ifindex"
}

# networkd_start: until it is done with eth0, and with carp0 as far as $carp0_ends.
networkd_start() {
	rm -rf /run/systemd/netif
	install -d -o systemd-network -g systemd-network /run/systemd/netif
	# As in a container: a /sys that is read-only tells it not to wait for udev.
	# shellcheck disable=SC2016 # of the other shell
	ip netns exec "$b" sh -c 'mount -o remount,ro,bind /sys && exec "$0"' \
		/usr/lib/systemd/systemd-networkd >"$tmp/daemon" 2>&1 &
	daemon=$!
	busywait "$BUSYWAIT_TIMEOUT" networkd_is_done
	check_err $? "networkd: $(tail -n 5 "$tmp/daemon" | tr '\n' ';')"
}

networkd_is_done() {
	grep -qs '^ADMIN_STATE=configured$' "/run/systemd/netif/links/$(index eth0)" &&
		grep -qsE "^ADMIN_STATE=($carp0_ends)\$" "/run/systemd/netif/links/$(index carp0)"
}

# networkd_configuration [FILE]: its configuration of eth0, and of carp0 from standard input.
networkd_configuration() {
	rm -rf /run/systemd/network
	mkdir -p /run/systemd/network
	cat >/run/systemd/network/10-eth0.network <<-EOT
		[Match]
		Name=eth0
		[Network]
		Address=192.0.2.12/24
		Address=2001:db8:2::12/64
		IPv6AcceptRA=no
	EOT
	[ $# = 0 ] || cat >"/run/systemd/network/$1"
}

networkd_unmanaged()
{
	RET=0
	defer daemon_end
	networkd_configuration
	carp0_ends=unmanaged
	survives networkd
	end_test "networkd, which does not know carp0"
}

networkd_managed()
{
	RET=0
	defer daemon_end
	networkd_configuration 20-carp0.network <<-EOT
		[Match]
		Name=carp0
		[Network]
		Address=192.0.2.1/32
		Address=2001:db8:2::1/128
		LinkLocalAddressing=no
		IPv6AcceptRA=no
		ConfigureWithoutCarrier=yes
		IgnoreCarrierLoss=yes
		KeepConfiguration=yes
	EOT
	carp0_ends='configured|configuring'
	survives networkd
	end_test "networkd, which has carp0's addresses configured"
}

networkmanager_start() {
	ip netns exec "$b" NetworkManager --debug >"$tmp/daemon" 2>&1 &
	daemon=$!
	busywait "$BUSYWAIT_TIMEOUT" networkmanager_is_done
	check_err $? "NetworkManager: $(nmcli -t -f DEVICE,STATE device 2>&1 | tr '\n' ';') $(tail -n 3 "$tmp/daemon")"
}

networkmanager_is_done() {
	nmcli -t -f DEVICE,STATE device 2>/dev/null | grep -qE '^carp0:(connected|unmanaged|disconnected)'
}

networkmanager()
{
	RET=0
	mkdir -p /run/dbus
	dbus-daemon --system --nofork --nopidfile 2>/dev/null &
	defer kill_process $!
	defer daemon_end
	survives networkmanager
	end_test "NetworkManager"
}

dual_lan client=10 a=11 b=12
dual_pair
run_tests
