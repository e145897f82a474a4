# SPDX-License-Identifier: GPL-2.0
"""Sends one Neighbour Solicitation or Advertisement, as right or as wrong as asked for."""

import argparse
import ipaddress
import socket
import struct

import wire

SOLICITATION, ADVERTISEMENT = 135, 136


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("device")
    parser.add_argument("kind", choices=("solicitation", "advertisement", "arp"))
    parser.add_argument("target")
    parser.add_argument("--source", default="::")
    parser.add_argument("--destination", help="default: the group that the target is asked for in")
    parser.add_argument("--mac", help="in the Ethernet header and the option")
    parser.add_argument("--to-mac", help="default: that of the destination, which is a group")
    parser.add_argument("--no-option", action="store_true")
    parser.add_argument("--hop-limit", type=int, default=255)
    parser.add_argument("--bad-checksum", action="store_true")
    return parser.parse_args()


def solicited_node(address):
    return "ff02::1:ff" + ipaddress.IPv6Address(address).exploded[-7:]


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
    group = b"\x33\x33" + ipaddress.IPv6Address(destination).packed[12:]
    to_mac = bytes.fromhex(args.to_mac.replace(":", "")) if args.to_mac else group
    return to_mac + mac + b"\x86\xdd" + bytes(datagram)


def gratuitous_arp(args, mac):
    address = ipaddress.IPv4Address(args.target).packed
    return (b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac
            + address + b"\0" * 6 + address)


def main():
    args = arguments()
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((args.device, 0))
    make = gratuitous_arp if args.kind == "arp" else nd_frame
    link.send(make(args, mac_of(args, link)))


main()
