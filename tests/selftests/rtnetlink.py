# SPDX-License-Identifier: GPL-2.0
"""Raw rtnetlink: requests byte by byte, and what the kernel answers."""

import os
import _socket as socket
import struct

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x300, 0x200, 0x400
NLM_F_ACK_TLVS = 0x200
NLMSGERR_ATTR_MSG = 1
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
IFLA_IFNAME, IFLA_LINK, IFLA_STATS, IFLA_LINKINFO, IFLA_STATS64, IFLA_AF_SPEC = 3, 5, 7, 18, 23, 26
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_XSTATS = 1, 2, 3

# uapi/if_carp.h, written out: what it promises to programs that exist already.
(VHID, ADVBASE, ADVSKEW, KEY, PREEMPT, DEMOTION, STRICT, STATE, REASON, CHANGED, MASTER, PAD, GROUP,
 GRACE, DEMOTED_BY) = range(1, 16)


def attribute(kind, payload, length=None):
    """One attribute; `length` is what it says of itself, if not the truth."""
    length = 4 + len(payload) if length is None else length
    return struct.pack("=HH", length, kind) + payload + bytes(-len(payload) % 4)


def attributes(data):
    """[(kind, payload)]"""
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind & 0x3FFF, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


def u8(kind, value):
    return attribute(kind, struct.pack("=B", value))


def u32(kind, value):
    return attribute(kind, struct.pack("=I", value))


class Socket:
    """A conversation with rtnetlink, in the namespace and with the rights of this process."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.socket.bind((0, 0))
        self.sequence = 0

    def send(self, kind, flags, payload, index=0):
        self.sequence += 1
        body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + payload
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST,
                                     self.sequence, 0) + body)

    def ask(self, kind, flags, payload, index=0):
        """(errno, the kernel's sentence or None)"""
        self.send(kind, flags | NLM_F_ACK, payload, index)
        while True:
            data = self.socket.recv(1 << 16)
            _, reply, reply_flags, sequence, _ = struct.unpack_from("=IHHII", data)
            if sequence == self.sequence and reply == NLMSG_ERROR:
                break
        error = -struct.unpack_from("=i", data, 16)[0]
        if not reply_flags & NLM_F_ACK_TLVS:
            return error, None
        message = dict(attributes(data[36:])).get(NLMSGERR_ATTR_MSG)
        return error, message and message.rstrip(b"\0").decode()

    def links(self):
        """The links as the kernel dumps them: {name: raw message}."""
        self.send(RTM_GETLINK, NLM_F_DUMP, b"")
        found = {}
        while True:
            data = self.socket.recv(1 << 20)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_DONE:
                    return found
                message, data = data[:length], data[(length + 3) & ~3:]
                name = dict(attributes(message[32:]))[IFLA_IFNAME].rstrip(b"\0").decode()
                found[name] = message


def index_of(name):
    return socket.if_nametoindex(name)


def drop_privileges():
    """For good: from root to nobody."""
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
