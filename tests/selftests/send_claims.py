#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Somebody says to have addresses: one ARP announcement each.

    send_claims.py DEVICE ADDRESS...
"""

import _socket as socket
import sys

device, *addresses = sys.argv[1:]
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((device, 0))
mac = link.getsockname()[4]
for address in map(socket.inet_aton, addresses):
    link.send(b"\xff" * 6 + mac + bytes.fromhex("0806 0001 0800 0604 0001") + mac + address
              + bytes(6) + address)
