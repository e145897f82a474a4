# SPDX-License-Identifier: GPL-2.0
"""CARP on the wire, from the BSDs' sources and nothing else: what the selftests check adverts
with, and forge them with."""

import _socket as socket
import struct
# hashlib would load OpenSSL, and that takes an emulated processor longer than the test.
from _sha1 import sha1

GROUP = "224.0.0.18"
GROUP_V6 = "ff02::12"
ALL_NODES = "ff02::1"


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def is_link_local(address):
    """Of one that is packed: fe80::/10."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


def hmac_sha1(key, message):
    """RFC 2104, with a key of at most a block."""
    key = key.ljust(64, b"\0")
    inner = sha1(bytes(byte ^ 0x36 for byte in key) + message).digest()
    return sha1(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def digest(key, vhid, addresses, counter, link_local=False):
    """HMAC-SHA1: version, type, vhid, the addresses in ascending order, each once, IPv4 before IPv6,
    without link-local ones or with them; counter."""
    listed = sorted({packed(address) for address in addresses},
                    key=lambda address: (len(address), address))
    message = bytes([2, 1, vhid]) + b"".join(address for address in listed
                                             if link_local or not is_link_local(address))
    return hmac_sha1(key.ljust(20, b"\0"), message + struct.pack("!Q", counter))


def counter_of(data):
    """That of the advert in an Ethernet frame."""
    at = 62 if is_advert6(data) else 42
    return struct.unpack("!Q", data[at:at + 8])[0]


def grows(before, counter):
    """Whether this module sends the counter after the other: the lower 20 bits stay, and the upper
    ones grow. None: there is no other."""
    return before is None or before < counter and (before ^ counter) & 0xFFFFF == 0


def advert(key, addresses, *, vhid=1, advbase=1, advskew=0, demote=0, counter=1,
           version_type=0x21, link_local=False):
    """The 36 bytes behind the IP header."""
    head = struct.pack("!BBBBBB", version_type, vhid, advskew, 7, demote, advbase)
    tail = struct.pack("!Q", counter) + digest(key, vhid, addresses, counter, link_local)
    return head + struct.pack("!H", checksum(head + b"\0\0" + tail)) + tail


def packet(payload, source, *, ttl=255, fragment=0x4000, tos=0x10, ident=0):
    """The IPv4 datagram around it."""
    def header(total):
        return struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), ident, fragment, ttl, 112,
                           total, packed(source), packed(GROUP))
    return header(checksum(header(0))) + payload


def packet6(payload, source, *, destination=GROUP_V6, hop_limit=255, next_header=112):
    """The IPv6 datagram around it."""
    return (struct.pack("!IHBB", 0x60000000, len(payload), next_header, hop_limit)
            + packed(source) + packed(destination)
            + payload)


def ipv6_checksum(source, destination, next_header, payload):
    """Over the pseudo header and the payload, whose own checksum is 0."""
    return checksum(packed(source) + packed(destination)
                    + struct.pack("!II", len(payload), next_header) + payload)


def icmp6(kind, source, destination, body):
    """A message of code 0, as an IPv6 datagram."""
    def payload(total):
        return struct.pack("!BBH", kind, 0, total) + body
    total = ipv6_checksum(source, destination, 58, payload(0))
    return packet6(payload(total), source, destination=destination, next_header=58)


def neighbour(kind, source, destination, target, *, flags=0, option=0, mac=b""):
    """A solicitation (135) or advertisement (136), as an IPv6 datagram."""
    body = struct.pack("!I", flags << 24) + packed(target)
    if option:
        body += bytes([option, 1]) + mac
    return icmp6(kind, source, destination, body)


def unsolicited(address, vhid, router=False):
    """The frame by which a MASTER says where its address is."""
    mac = virtual_mac(vhid)
    datagram = neighbour(136, address, ALL_NODES, address, flags=0xA0 if router else 0x20,
                         option=2, mac=mac)
    return bytes.fromhex("333300000001") + mac + b"\x86\xdd" + datagram


def virtual_mac(vhid):
    return bytes([0x00, 0x00, 0x5E, 0x00, 0x01, vhid])


def frame(datagram, vhid=1):
    """The Ethernet frame around that."""
    return bytes.fromhex("01005e000012") + virtual_mac(vhid) + b"\x08\x00" + datagram


def frame6(datagram, vhid=1):
    """The Ethernet frame around an IPv6 datagram."""
    return bytes.fromhex("333300000012") + virtual_mac(vhid) + b"\x86\xdd" + datagram


def is_advert(data):
    """Protocol 112 in IPv4, in an Ethernet frame."""
    return data[12:14] == b"\x08\x00" and data[23] == 112


def is_advert6(data):
    """The same in IPv6."""
    return data[12:14] == b"\x86\xdd" and data[20] == 112


def is_neighbour_advertisement(data):
    return data[12:14] == b"\x86\xdd" and data[20] == 58 and data[54] == 136


def is_arp(data):
    return data[12:14] == b"\x08\x06"


def read_pcap(path):
    """[(seconds, frame)] of a file as tcpdump writes it."""
    found = []
    with open(path, "rb") as file:
        magic = struct.unpack("=I", file.read(24)[:4])[0]
        fraction = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}[magic]
        while header := file.read(16):
            seconds, rest, length, _ = struct.unpack("=IIII", header)
            found.append((seconds + rest * fraction, file.read(length)))
    return found
