# SPDX-License-Identifier: GPL-2.0
"""Asks by ARP for 10.0.0.1 to 10.0.0.255 on eth0; each must be answered for once, with the virtual
MAC address of the vhid that is its last byte."""

import collections
import ipaddress
import os
import _socket as socket
import struct
import sys
import time

import wire

OWN_ADDRESS = ipaddress.IPv4Address("192.0.2.10").packed


def question(mac, address):
    return (b"\xff" * 6 + mac + b"\x08\x06" + bytes.fromhex("0001080006040001") + mac + OWN_ADDRESS
            + bytes(6) + address)


def main():
    wires = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    wires.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    wires.bind(("eth0", 0x0806))
    with open("/sys/class/net/eth0/address", encoding="ascii") as file:
        mac = bytes.fromhex(file.read().strip().replace(":", ""))
    answers = collections.Counter()
    asked = set(range(1, 256))
    # Last comes a question that is answered behind all others.
    last = ipaddress.IPv4Address("192.0.2.11").packed
    for address in [bytes([10, 0, 0, vhid]) for vhid in sorted(asked)] + [last]:
        wires.send(question(mac, address))

    wires.settimeout(1)
    deadline = time.monotonic() + 20 * int(os.environ["slow"])
    done = False
    while time.monotonic() < deadline and not (done and len(answers) >= len(asked)):
        try:
            data = wires.recv(100)
        except TimeoutError:
            break
        operation, sender_mac, sender = struct.unpack("!H6s4s", data[20:32])
        if operation != 2:
            continue
        if sender == last:
            done = True
            continue
        vhid = sender[3]
        if data[6:12] != wire.virtual_mac(vhid) or sender_mac != wire.virtual_mac(vhid):
            sys.exit(f"10.0.0.{vhid} is at {sender_mac.hex(':')}, from {data[6:12].hex(':')}")
        answers[vhid] += 1
    if set(answers) != asked:
        sys.exit(f"no answer for {sorted(asked - set(answers))}")
    if set(answers.values()) != {1}:
        sys.exit(f"answered for more than once: {[k for k, n in answers.items() if n > 1]}")


main()
