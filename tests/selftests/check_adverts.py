# SPDX-License-Identifier: GPL-2.0
"""Checks every byte of every advert in a capture: it is made anew from what it must say, and
compared. The gratuitous ARPs and the unsolicited Neighbour Advertisements between the adverts are
checked as well.

The capture begins before its sender becomes MASTER. Counters begin where the clock was, whatever was
sent before.
"""

import argparse
import ipaddress
import os
import struct
import sys

import wire


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("capture")
    parser.add_argument("--key", type=bytes.fromhex, required=True)
    parser.add_argument("--address", action="append", required=True)
    parser.add_argument("--source", help="of the adverts over IPv4; none: there are none")
    parser.add_argument("--source6", help="of the adverts over IPv6, behind those over IPv4")
    parser.add_argument("--router", action="store_true", help="says that it is a router")
    parser.add_argument("--vhid", type=int, default=1)
    parser.add_argument("--advbase", type=int, default=0)
    parser.add_argument("--advskew", type=int, default=0)
    parser.add_argument("--demote", type=int, default=0)
    parser.add_argument("--leaves", action="store_true", help="the last advert is the leaving one")
    parser.add_argument("--at-least", type=int, default=6)
    return parser.parse_args()


# Seconds that the clock may have gone on before an advert is captured.
CLOCK_S = 2 * int(os.environ.get("slow", 1))


def check_advert(when, data, says, before, source, args):
    counter = wire.counter_of(data)
    if abs((counter >> 32) - when) > CLOCK_S:
        sys.exit(f"the counter {counter:#x} is not of {when}")
    if not wire.grows(before, counter):
        sys.exit(f"the counter {counter:#x} follows {before:#x}")
    advert = wire.advert(args.key, args.address, vhid=args.vhid, counter=counter,
                         demote=args.demote, advbase=says[0], advskew=says[1])
    if ":" in source:
        expected = wire.frame6(wire.packet6(advert, source), args.vhid)
    else:
        ident = struct.unpack("!H", data[18:20])[0]
        expected = wire.frame(wire.packet(advert, source, ident=ident), args.vhid)
    if data != expected:
        at = next((i for i, (x, y) in enumerate(zip(data, expected)) if x != y),
                  min(len(data), len(expected)))
        sys.exit(f"advert {counter:#x}: byte {at}\n sent {data.hex()}\n must {expected.hex()}")


def check_announcement(data, args):
    """A gratuitous ARP request; its sender and target address are the same."""
    mac = wire.virtual_mac(args.vhid)
    address = data[28:32]
    expected = (b"\xff" * 6 + mac + b"\x08\x06" + bytes.fromhex("0001080006040001") + mac + address
                + data[32:38] + address)
    if data[:42] != expected or data[32:38] not in (b"\0" * 6, b"\xff" * 6):
        sys.exit(f"a gratuitous ARP is wrong: {data.hex()}")
    return str(ipaddress.IPv4Address(address))


def check_unsolicited(data, args):
    address = str(ipaddress.IPv6Address(data[62:78]))
    if data != wire.unsolicited(address, args.vhid, args.router):
        sys.exit(f"an unsolicited Neighbour Advertisement is wrong: {data.hex()}")
    return address


def main():
    args = arguments()
    sources = [source for source in (args.source, args.source6) if source]
    adverts, announced = [], []
    for when, data in wire.read_pcap(args.capture):
        rounds = len(adverts) / len(sources)
        if wire.is_advert(data) or wire.is_advert6(data):
            adverts.append((when, data))
        elif wire.is_arp(data) and data[28:32] == data[38:42]:
            announced.append((rounds, check_announcement(data, args)))
        elif wire.is_neighbour_advertisement(data):
            announced.append((rounds, check_unsolicited(data, args)))

    count = len(adverts)
    if count < args.at_least * len(sources) or count % len(sources):
        sys.exit(f"only {count} adverts")
    before = None
    for number, (when, data) in enumerate(adverts):
        leaving = args.leaves and number >= count - len(sources)
        check_advert(when, data, (255, 255) if leaving else (args.advbase, args.advskew), before,
                     sources[number % len(sources)], args)
        before = wire.counter_of(data)

    # With the first advert, and with the second one after it.
    if sorted(announced) != sorted((after, str(ipaddress.ip_address(address)))
                                   for after in (1, 3) for address in set(args.address)):
        sys.exit(f"announced (after advert, address): {announced}")

    interval = max(args.advbase + args.advskew / 256, 1 / 256)
    regular = adverts[::len(sources)]
    if args.leaves:
        regular.pop()
    mean = (regular[-1][0] - regular[0][0]) / (len(regular) - 1)
    if not interval * 0.9 <= mean <= interval * 1.5 + 0.05:
        sys.exit(f"an advert every {mean:.3f} s, and not every {interval:.3f} s")
    print(f"{count} adverts, one every {mean * 1000:.1f} ms ({interval * 1000:.1f})")


main()
