# SPDX-License-Identifier: GPL-2.0
"""send_through.py DEVICE 4|6 COUNT: sends by DEVICE, whatever the routes say: COUNT frames of a
local experiment (0x88b5) from the MAC address of DEVICE, and reports of membership in groups."""

import _socket as socket
import struct
import sys

device, family, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
index = socket.if_nametoindex(device)
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind((device, 0x88B5))
mac = raw.getsockname()[4]
for _ in range(count):
    raw.send(b"\xff" * 6 + mac + b"\x88\xb5" + bytes(46))

# Left again when the socket is closed, which is said as well.
if family == "4":
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                      struct.pack("=4s4si", socket.inet_aton("239.1.1.1"), bytes(4), index))
else:
    member = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                      socket.inet_pton(socket.AF_INET6, "ff05::239") + struct.pack("=I", index))
