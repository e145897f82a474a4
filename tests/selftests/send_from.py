# SPDX-License-Identifier: GPL-2.0
"""send_from.py DEVICE MAC ADDRESS PORT SOURCE...: sends by DEVICE to MAC, three times, a datagram of UDP
to ADDRESS from each SOURCE, which it names.

send_from.py --heard SECONDS PORT: prints the sources of those that arrive at PORT, once each."""

import ipaddress
import _socket as socket
import struct
import sys
import time

import wire


def datagram(source, destination, port):
    # Of an even length, for the checksum.
    text = source.encode() + b" " * (len(source) % 2)
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    udp = struct.pack("!HHHH", 4242, port, 8 + len(text), 0) + text
    if source.version == 4:
        # Without a checksum.
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                             source.packed, destination.packed)
        header = header[:10] + struct.pack("!H", wire.checksum(header)) + header[12:]
        return b"\x08\x00" + header + udp
    total = wire.ipv6_checksum(str(source), str(destination), 17, udp)
    udp = udp[:6] + struct.pack("!H", total or 0xFFFF) + udp[8:]
    return (b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, len(udp), 17, 64)
            + source.packed + destination.packed + udp)


def send(device, mac, address, port, sources):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((device, 0))
    head = bytes.fromhex(mac.replace(":", "")) + raw.getsockname()[4]
    for _ in range(3):
        for source in sources:
            raw.send(head + datagram(source, address, port))
        time.sleep(0.02)


def heard(seconds, port):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    print("listening", flush=True)
    end = time.monotonic() + seconds
    seen = set()
    while (left := end - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            text, _ = listener.recvfrom(100)
        except TimeoutError:
            break
        if text not in seen:
            seen.add(text)
            print(text.decode().rstrip(), flush=True)


if sys.argv[1] == "--heard":
    heard(float(sys.argv[2]), int(sys.argv[3]))
else:
    send(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5:])
