# SPDX-License-Identifier: GPL-2.0
"""A node with the rules of a BSD, on eth0, over IPv4: what a carp device beside one meets.

	bsd_peer.py freebsd|openbsd LOG SOURCE INTERVAL ADVBASE ADVSKEW ADDRESS...

It announces ADVBASE and ADVSKEW, whatever its INTERVAL in seconds is. FreeBSD's digest has
link-local addresses in it, and its counter goes on from the one heard; OpenBSD accepts both
digests, and its counter is constant. SIGUSR1: 192.0.2.2 is one more of its addresses.

LOG has a line for each event: "backup", "master", or "yields MS": an advert made it BACKUP which
its sender sent so long after the one before it, by the time in the counters of this module.
"""

import select
import signal
import _socket as socket
import sys
import time

import wire

KEY = b"secret"


class Peer:
    def __init__(self):
        system, log, self.source = sys.argv[1:4]
        self.interval = float(sys.argv[4])
        self.advbase, self.advskew = int(sys.argv[5]), int(sys.argv[6])
        self.addresses = sys.argv[7:]
        self.is_openbsd = system == "openbsd"
        self.counter = 0x5EED0000_00000000
        self.log = open(log, "w", encoding="ascii", buffering=1)
        self.wires = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.wires.bind(("eth0", 0))
        self.heard = None
        self.become("backup")

    def become(self, state, why=None):
        self.is_master = state == "master"
        self.due = time.monotonic() + (0 if self.is_master else 3 * self.interval)
        print(why or state, file=self.log)

    def digests(self, counter):
        without = wire.digest(KEY, 1, self.addresses, counter)
        everything = wire.digest(KEY, 1, self.addresses, counter, link_local=True)
        return [without, everything] if self.is_openbsd else [everything]

    def send(self):
        self.counter += not self.is_openbsd
        advert = wire.advert(KEY, self.addresses, advbase=self.advbase,
                             advskew=self.advskew, counter=self.counter, link_local=not self.is_openbsd)
        self.wires.send(wire.frame(wire.packet(advert, self.source)))
        self.due = time.monotonic() + self.interval

    def hear(self, data):
        if not wire.is_advert(data) or data[26:30] == socket.inet_aton(self.source):
            return
        counter, before = wire.counter_of(data), self.heard
        self.heard = counter
        # It may have been started at any time of the other's interval: it waits from here on.
        if before is None and not self.is_master:
            self.due = time.monotonic() + 3 * self.interval
        if data[50:70] not in self.digests(counter):
            return
        if not self.is_openbsd:
            self.counter = counter
        theirs = data[39] + data[36] / 256
        if not self.is_master:
            self.become("backup", "heard")
        elif theirs <= self.advbase + self.advskew / 256:
            after = (counter - before) / 2 ** 32 if before else 0
            self.become("backup", f"yields {after * 1000:.0f}")

    def run(self):
        while True:
            patience = max(0, self.due - time.monotonic())
            if select.select([self.wires], [], [], patience)[0]:
                self.hear(self.wires.recv(2000))
            elif self.is_master:
                self.send()
            else:
                self.become("master")
                self.send()


def main():
    # It can be told so as soon as its log is there.
    signal.signal(signal.SIGUSR1, lambda *_: peer.addresses.append("192.0.2.2"))
    peer = Peer()
    peer.run()


main()
