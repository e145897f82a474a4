# SPDX-License-Identifier: GPL-2.0
"""Sends adverts with one fault each from eth0 to a node, and looks at its counters: the one of
that fault grows by one, no other does, and the node's state stays as it is.

Each would have made the node change its state if it were right; that is shown at the end.
"""

import json
import os
import _socket as socket
import struct
import subprocess
import sys
import time

import wire

KEY, VIP, PEER = b"secret", ["192.0.2.1"], "192.0.2.10"
BETTER = {"advbase": 0, "advskew": 1}


class Node:
    """carp0 in another namespace."""

    def __init__(self, namespace):
        self.command = ["ip", "-n", namespace, "-j", "-s", "-d", "link", "show", "carp0"]

    def look(self):
        """Attributes without those of the last master, and counters."""
        info = json.loads(subprocess.check_output(self.command))[0]["linkinfo"]
        return info["info_data"], info["info_xstats"]

    def wait(self, condition):
        """What it looks like once the condition holds; or after some seconds."""
        deadline = time.monotonic() + 5 * int(os.environ["slow"])
        while True:
            data, counters = self.look()
            if condition(data, counters) or time.monotonic() > deadline:
                return data, counters


def corrupt(data, at, bits=0x01):
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]


def good(counter, **fields):
    return wire.advert(KEY, VIP, counter=counter, **{**BETTER, **fields})


def cases():
    """(name, frame, counter that grows)"""
    counter = iter(range(1 << 40, 1 << 41))

    def advert(**fields):
        return good(next(counter), **fields)

    def send(payload, **ip):
        return wire.frame(wire.packet(payload, PEER, **ip))

    yield "35 bytes", send(advert()[:35]), "parent_bad_len"
    yield "no byte", send(b""), "parent_bad_len"
    yield "a first fragment", send(advert(), fragment=0x2000), "parent_bad_len"
    yield "a later fragment", send(advert(), fragment=0x0001), "parent_bad_len"
    longer = wire.packet(advert() + b"\0" * 64, PEER)
    yield "a datagram cut short", wire.frame(longer[:56]), "parent_bad_len"
    yield "version 3", send(advert(version_type=0x31)), "parent_bad_version"
    yield "version 1", send(advert(version_type=0x11)), "parent_bad_version"
    yield "type 2", send(advert(version_type=0x22)), "parent_bad_version"
    vrrp = struct.pack("!BBBBHH4s", 0x31, 1, 254, 1, 1, 0, socket.inet_aton(VIP[0]))
    yield "VRRPv3", send(vrrp), "parent_bad_version"
    yield "a wrong checksum", send(corrupt(advert(), 6)), "parent_bad_checksum"
    yield "a flipped bit in advskew", send(corrupt(advert(), 2)), "parent_bad_checksum"
    yield "a wrong IP checksum", corrupt(send(advert()), 25), "parent_bad_checksum"
    yield "TTL 254", send(advert(), ttl=254), "parent_bad_ttl"
    yield "TTL 1", send(advert(), ttl=1), "parent_bad_ttl"
    yield "a vhid that nobody has", send(advert(vhid=2)), "parent_bad_vhid"
    yield "vhid 0", send(advert(vhid=0)), "parent_bad_vhid"
    wrong = {**BETTER, "counter": next(counter)}
    yield "another key", send(wire.advert(b"Secret", VIP, **wrong)), "bad_auth"
    yield "no key", send(wire.advert(b"", VIP, **wrong)), "bad_auth"
    yield "another address", send(wire.advert(KEY, ["192.0.2.3"], **wrong)), "bad_auth"
    yield "an address more", send(wire.advert(KEY, VIP + ["192.0.2.3"], **wrong)), "bad_auth"
    flipped = corrupt(advert(), 35)
    flipped = flipped[:6] + b"\0\0" + flipped[8:]
    flipped = flipped[:6] + struct.pack("!H", wire.checksum(flipped)) + flipped[8:]
    yield "a digest with the last bit flipped", send(flipped), "bad_auth"


    def send6(payload, **ip):
        return wire.frame6(wire.packet6(payload, "fe80::10", **ip))

    yield "IPv6: 35 bytes", send6(advert()[:35]), "parent_bad_len"
    yield "IPv6: a datagram cut short", send6(advert())[:89], "parent_bad_len"
    yield "IPv6: version 3", send6(advert(version_type=0x31)), "parent_bad_version"
    yield "IPv6: a wrong checksum", send6(corrupt(advert(), 6)), "parent_bad_checksum"
    with_pseudo_header = advert()
    total = wire.ipv6_checksum("fe80::10", wire.GROUP_V6, 112,
                               with_pseudo_header[:6] + b"\0\0" + with_pseudo_header[8:])
    with_pseudo_header = (with_pseudo_header[:6] + struct.pack("!H", total)
                          + with_pseudo_header[8:])
    yield "IPv6: the checksum of NetBSD", send6(with_pseudo_header), "parent_bad_checksum"
    yield "IPv6: hop limit 254", send6(advert(), hop_limit=254), "parent_bad_ttl"
    yield "IPv6: a vhid that nobody has", send6(advert(vhid=2)), "parent_bad_vhid"
    yield "IPv6: another key", send6(wire.advert(b"Secret", VIP, **wrong)), "bad_auth"


def own_advert(wires):
    """One that the node has sent, perhaps long ago."""
    while True:
        data = wires.recv(2000)
        if wire.is_advert(data) and data[26:30] != socket.inet_aton(PEER):
            return data


class Failures:
    """Counts and prints them."""

    def __init__(self):
        self.count = 0

    def check(self, name, right, shown=""):
        if not right:
            self.count += 1
            print(f"{name}: {shown}")


def check_case(node, wires, failures, name, frame, grows):
    before, counters = node.look()
    wires.send(frame)
    data, after = node.wait(lambda _, now: now[grows] != counters[grows])
    # The node itself may go on sending meanwhile.
    changed = {key: after[key] - counters[key] for key in after
               if after[key] != counters[key] and key not in ("tx_adverts", "late_timers")}
    failures.check(name, changed == {grows: 1}, f"counters: {changed}")
    failures.check(name, data == before, f"state: {before} -> {data}")


def main():
    state, node = sys.argv[1], Node(sys.argv[2])
    failures = Failures()
    wires = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wires.bind(("eth0", 0))
    wires.settimeout(20)

    for case in cases():
        check_case(node, wires, failures, *case)
    if state == "master":
        check_case(node, wires, failures, "its own advert", own_advert(wires), "own_advert")

    # And a right one, with all that was right in the others.
    _, counters = node.look()
    wires.send(wire.frame(wire.packet(good(1 << 42), PEER)))
    data, after = node.wait(lambda data, _: data.get("master") == PEER)
    failures.check("a right one", data["state"] == "backup" and data.get("master") == PEER, data)
    failures.check("a right one", after["rx_adverts"] == counters["rx_adverts"] + 1, after)
    sys.exit(failures.count != 0)


main()
