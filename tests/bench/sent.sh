#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints what a carp device costs the packets that its namespace sends, in instructions
# a packet:
#
#   make vm ICOUNT=1 RUN=tests/bench/sent.sh
#
# UDP by a device that carries no carp device: before there is one, while there is one
# on another device, and after that.
set -eu

ip link add way type dummy
ip link set way up
ip addr add 10.0.1.1/24 dev way
ip addr add 2001:db8:1::1/64 dev way nodad
ip link add elsewhere type dummy
ip link set elsewhere up
modprobe carp

# sent ADDRESS: nanoseconds a packet, of 5000; instructions, in virtual time.
sent() {
	python3 - "$1" <<-'EOF'
		import socket, sys, time

		family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
		sender = socket.socket(family, socket.SOCK_DGRAM)
		sender.connect((sys.argv[1], 9))
		for _ in range(100):
		    sender.send(b"x")
		begin = time.monotonic_ns()
		for _ in range(5000):
		    sender.send(b"x")
		print((time.monotonic_ns() - begin) // 5000)
	EOF
}

echo "kernel $(uname -r)"
for namespace in "without a carp device" "with one" "without it again"; do
	case $namespace in
	with\ one)
		ip link add carp0 link elsewhere type carp vhid 1
		ip addr add 198.51.100.1/32 dev carp0
		ip link set carp0 up
		# Until it is MASTER, and has its routes.
		sleep 6
		;;
	*again) ip link del carp0 ;;
	esac
	echo "$namespace: IPv4 $(sent 10.0.1.2), IPv6 $(sent 2001:db8:1::2)"
done
