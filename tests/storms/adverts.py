# SPDX-License-Identifier: GPL-2.0
"""The adverts that leave a namespace's eth0: what they are signed for."""

import _socket as socket
import struct
import time

import wire

PATIENCE_S = 20


def listen():
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind(("eth0", 0))
    sock.settimeout(PATIENCE_S)
    return sock


def next_one(sock, vhid):
    """(counter, digest) of the next advert of this virtual host; None if there is none."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            data = sock.recv(2048)
        except TimeoutError:
            break
        if wire.is_advert(data) and data[35] == vhid:
            return struct.unpack("!Q", data[42:50])[0], data[50:70]
    return None


def signed_for(vhid, keys, lists):
    """The key and the addresses, of these, that the next advert is signed for."""
    sock = listen()
    found = next_one(sock, vhid)
    sock.close()
    if found is None:
        return "no advert"
    for key in keys:
        for addresses in lists:
            if wire.digest(key, vhid, addresses, found[0]) == found[1]:
                return key, addresses
    return "a wrong digest"


def wrong(devices, key, addresses):
    """What is wrong with the adverts of devices with these vhids, which have the addresses of
    addresses(VHID)."""
    for vhid in devices:
        must = key, addresses(vhid)
        found = signed_for(vhid, [key], [must[1]])
        if found != must:
            return f"adverts of vhid {vhid}: {found}"
    return None
