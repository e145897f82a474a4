# SPDX-License-Identifier: GPL-2.0
"""join_group.py GROUP DEVICE: is a member of the multicast group until it is killed."""

import signal
import _socket as socket
import struct
import sys

group, device = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                struct.pack("4s4si", socket.inet_aton(group), bytes(4),
                            socket.if_nametoindex(device)))
print("joined")
signal.pause()
