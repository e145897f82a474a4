# SPDX-License-Identifier: GPL-2.0
"""Sends one Neighbour Solicitation or Advertisement, Router Advertisement or ARP request, or any
number of Router Solicitations, as right or as wrong as asked for."""

import argparse
import _socket as socket
import struct

import wire

ROUTER_SOLICITATION, ROUTER, SOLICITATION, ADVERTISEMENT = range(133, 137)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("device")
    parser.add_argument("kind", choices=("solicitation", "advertisement", "router", "routers", "arp"))
    parser.add_argument("target", help="of a router: the prefix that it advertises, of 64 bits; of routers: "
                        "how many times they are solicited")
    parser.add_argument("--source", default="::")
    parser.add_argument("--destination", help="default: the group that the target is asked for in")
    parser.add_argument("--mac", help="in the Ethernet header and the option")
    parser.add_argument("--to-mac", help="default: that of the destination, which is a group")
    parser.add_argument("--no-option", action="store_true")
    parser.add_argument("--hop-limit", type=int, default=255)
    parser.add_argument("--bad-checksum", action="store_true")
    parser.add_argument("--hardware", type=int, default=1, help="of ARP; IEEE 802: 6")
    parser.add_argument("--tag", type=lambda word: int(word, 0), help="a VLAN tag, with its priority")
    return parser.parse_args()


def solicited_node(address):
    return "ff02::1:ff{:02x}:{:02x}{:02x}".format(*wire.packed(address)[13:])


def mac_of(args, link):
    return bytes.fromhex(args.mac.replace(":", "")) if args.mac else link.getsockname()[4]


def nd_frame(args, mac):
    if args.kind == "solicitation":
        kind, option, destination = SOLICITATION, 1, solicited_node(args.target)
    else:
        kind, option, destination = ADVERTISEMENT, 2, wire.ALL_NODES
    destination = args.destination or destination
    if args.no_option or args.source == "::":
        option = 0
    datagram = bytearray(wire.neighbour(kind, args.source, destination, args.target,
                                        flags=0x20 if kind == ADVERTISEMENT else 0,
                                        option=option, mac=mac))
    datagram[7] = args.hop_limit
    if args.bad_checksum:
        datagram[42] ^= 0x10
    group = b"\x33\x33" + wire.packed(destination)[12:]
    to_mac = bytes.fromhex(args.to_mac.replace(":", "")) if args.to_mac else group
    return to_mac + mac + b"\x86\xdd" + bytes(datagram)


def router_frame(args, mac):
    """For an hour it is a router, and its prefix may be used."""
    body = struct.pack("!BBHII", 64, 0, 3600, 0, 0)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0)
    body += wire.packed(args.target)
    datagram = wire.icmp6(ROUTER, args.source, args.destination, body)
    return bytes.fromhex(args.to_mac.replace(":", "")) + mac + b"\x86\xdd" + datagram


def routers_frame(args, mac):
    """Asks all routers."""
    datagram = wire.icmp6(ROUTER_SOLICITATION, args.source, "ff02::2", bytes(4))
    return b"\x33\x33\0\0\0\x02" + mac + b"\x86\xdd" + datagram


def arp(args, mac):
    """Gratuitous, if there is no other source."""
    target = wire.packed(args.target)
    source = target if args.source == "::" else wire.packed(args.source)
    return (b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH", args.hardware, 0x0800, 6, 4, 1)
            + mac + source + b"\0" * 6 + target)


def main():
    args = arguments()
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((args.device, 0))
    make = {"arp": arp, "router": router_frame, "routers": routers_frame}.get(args.kind, nd_frame)
    frame = make(args, mac_of(args, link))
    if args.tag is not None:
        frame = frame[:12] + struct.pack("!HH", 0x8100, args.tag) + frame[12:]
    for _ in range(int(args.target) if args.kind == "routers" else 1):
        link.send(frame)


main()
