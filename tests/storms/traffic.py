# SPDX-License-Identifier: GPL-2.0
"""Traffic at full speed to and from a virtual address, until it is told to end (SIGTERM).

traffic.py echo NAMESPACE ADDRESS     answers from the virtual address
traffic.py flood NAMESPACE DEVICE VHID ADDRESS OWN-ADDRESS
    sends to it, straight to its virtual MAC address whoever has it, with ARP questions about it
    and forged adverts between; counts what is answered, and prints that
"""

import select
import signal
import _socket as socket
import struct
import sys

import rtnl
import wire

PORT = 7
BURST = 64


class Ended(Exception):
    pass


def end(*_):
    raise Ended


def echo(address):
    """Whatever becomes of the address, the socket stays."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND
    sock.bind((address, PORT))
    while True:
        data, sender = sock.recvfrom(2048)
        try:
            sock.sendto(data, sender)
        except OSError:
            pass  # There is no way back just now.


def udp(source, destination, payload):
    body = struct.pack("!HHHH", PORT, PORT, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", wire.checksum(head)) + head[12:] + body


def flood(device, vhid, address, own, result):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((device, 0))
    mac = raw.getsockname()[4]
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.bind((own, PORT))
    answers.setblocking(False)

    data = wire.virtual_mac(vhid) + mac + b"\x08\x00" + udp(own, address, bytes(1000))
    question = (b"\xff" * 6 + mac + b"\x08\x06" + bytes.fromhex("0001080006040001") + mac
                + socket.inet_aton(own) + bytes(6) + socket.inet_aton(address))
    # Right but for its digest: a right one would be believed.
    forged = wire.frame(wire.packet(wire.advert(b"no", [address], vhid=vhid), own), vhid)
    while True:
        for frame in (question, forged):
            send(raw, frame)
        for _ in range(BURST):
            result["sent"] += send(raw, data)
        try:
            while answers.recv(2048):
                result["answered"] += 1
        except BlockingIOError:
            pass


def send(raw, frame):
    try:
        raw.send(frame)
        return 1
    except OSError:
        # The queue is full, or the device down just now: this must not become a loop that does
        # nothing else.
        select.select([], [], [], 0.001)
        return 0


def main():
    what, namespace, *args = sys.argv[1:]
    signal.signal(signal.SIGTERM, end)
    rtnl.enter(namespace)
    result = {"sent": 0, "answered": 0}
    try:
        if what == "echo":
            echo(*args)
        else:
            device, vhid, address, own = args
            flood(device, int(vhid), address, own, result)
    except Ended:
        if what == "flood":
            print(f"\ttraffic: {result['sent']} packets sent, {result['answered']} answered")


main()
