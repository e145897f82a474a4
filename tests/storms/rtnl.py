# SPDX-License-Identifier: GPL-2.0
"""rtnetlink, as much of it as the storms need: the kernel hears what `ip` would say, without a
process for every word. A request is made first and asked later, because fail-nth must count what
the kernel allocates for the request and nothing else.

The numbers of carp are those of uapi/if_carp.h, written down once more on purpose.
"""

import errno
import os
import _socket as socket
import struct

NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_DUMP = 0x1, 0x4, 0x200, 0x400, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_GETNEIGH, NDA_LLADDR, PF_BRIDGE = 30, 2, 7
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_LINKINFO = 1, 3, 4, 5, 18
IFLA_NET_NS_FD, IFLA_INFO_KIND, IFLA_INFO_DATA = 28, 1, 2
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFF_UP = 1
SOL_NETLINK, NETLINK_EXT_ACK = 270, 11
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200

# Name of an attribute of the kind carp: (number, struct format; None: bytes)
CARP = {
    "vhid": (1, "I"), "advbase": (2, "I"), "advskew": (3, "I"), "key": (4, None),
    "preempt": (5, "B"), "demotion": (6, "I"), "strict": (7, "B"), "state": (8, "B"),
    "group": (13, None),
    "grace": (14, "I"),
}
STATES = ("init", "backup", "master")


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def number(kind, value):
    return attribute(kind, struct.pack("=I", value))


def text(kind, value):
    return attribute(kind, value.encode() + b"\0")


def carp_data(options):
    data = b""
    for name, value in options.items():
        kind, form = CARP[name]
        data += attribute(kind, value if form is None else struct.pack("=" + form, value))
    return data


def link_info(kind, data=b""):
    return attribute(IFLA_LINKINFO,
                     text(IFLA_INFO_KIND, kind) + attribute(IFLA_INFO_DATA, data))


def ifinfo(index=0, flags=0, change=0):
    return struct.pack("=BxHiII", 0, 0, index, flags, change)


# A request is (type, flags, body).

def add_carp(name, parent, **options):
    """parent: its index."""
    return (RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
            ifinfo() + text(IFLA_IFNAME, name) + number(IFLA_LINK, parent)
            + link_info("carp", carp_data(options)))


def set_carp(index, **options):
    return (RTM_NEWLINK, 0, ifinfo(index) + link_info("carp", carp_data(options)))


def set_link(index, *, up=None, mac=None, name=None, mtu=None):
    body = ifinfo(index) if up is None else ifinfo(index, IFF_UP if up else 0, IFF_UP)
    if mac is not None:
        body += attribute(IFLA_ADDRESS, mac)
    if name is not None:
        body += text(IFLA_IFNAME, name)
    if mtu is not None:
        body += number(IFLA_MTU, mtu)
    return (RTM_NEWLINK, 0, body)


def delete_link(index):
    return (RTM_DELLINK, 0, ifinfo(index))


def _address(index, address, length):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    if length is None:
        length = 8 * len(packed)
    return (struct.pack("=BBBBi", family, length, 0, 0, index)
            + attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed))


def add_address(index, address, length=None):
    """Of either family; if there is no length: this one alone."""
    return (RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, _address(index, address, length))


def delete_address(index, address, length=None):
    return (RTM_DELADDR, 0, _address(index, address, length))


def enter(namespace):
    """Moves the calling thread there. Unlike `ip netns exec` it leaves /sys alone, debugfs and
    tracefs included."""
    with open(f"/run/netns/{namespace}") as file:
        os.setns(file.fileno(), os.CLONE_NEWNET)


class Refused(OSError):
    """What the kernel answered; strerror is its own sentence if it has one."""


class Rtnl:
    """A socket in a network namespace; None: the caller's."""

    def __init__(self, namespace=None, timeout=120):
        if namespace is None:
            self.socket = self._open()
        else:
            with open("/proc/thread-self/ns/net") as home:
                enter(namespace)
                try:
                    self.socket = self._open()
                finally:
                    os.setns(home.fileno(), os.CLONE_NEWNET)
        self.socket.settimeout(timeout)
        self.sequence = 0

    @staticmethod
    def _open():
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((0, 0))
        return sock

    def bytes_of(self, request, flags=NLM_F_ACK):
        kind, more, body = request
        self.sequence += 1
        return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | more | flags,
                           self.sequence, 0) + body

    def ask(self, request):
        """Raises Refused if the kernel does not do it."""
        self.socket.send(self.bytes_of(request))
        self.answer()

    def answer(self):
        """Waits for the answer to the last request sent."""
        for kind, body, flags, sequence in self._messages():
            if kind == NLMSG_ERROR and sequence == self.sequence:
                refuse(body, flags)
                return

    def _messages(self):
        while True:
            data = self.socket.recv(1 << 18)
            while len(data) >= 16:
                length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", data)
                yield kind, data[16:length], flags, sequence
                data = data[(length + 3) & ~3:]

    def _dump(self, kind, head):
        # A dump that was disturbed by a change is incomplete, and says so; it is good enough for
        # a look, and a final look is not disturbed.
        self.socket.send(self.bytes_of((kind, 0, head), NLM_F_DUMP))
        for kind, body, flags, sequence in self._messages():
            if sequence != self.sequence:
                continue
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                refuse(body, flags)
                return
            yield body

    def links(self):
        """{index: link}, a link being a dict."""
        found = {}
        for body in self._dump(RTM_GETLINK, ifinfo()):
            _, _, index, flags, _ = struct.unpack_from("=BxHiII", body)
            attrs = attributes(body[16:])
            info = attributes(attrs.get(IFLA_LINKINFO, b""))
            link = {
                "index": index, "up": bool(flags & IFF_UP),
                "name": attrs[IFLA_IFNAME].rstrip(b"\0").decode(),
                "mac": attrs.get(IFLA_ADDRESS, b"").hex(":"),
                "mtu": struct.unpack("=I", attrs[IFLA_MTU])[0],
                "parent": struct.unpack("=I", attrs.get(IFLA_LINK, b"\0" * 4))[0],
                "kind": info.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode(),
            }
            if link["kind"] == "carp":
                data = attributes(info[IFLA_INFO_DATA])
                link["carp"] = {
                    name: data[kind] if form is None else struct.unpack("=" + form, data[kind])[0]
                    for name, (kind, form) in CARP.items() if kind in data}
                link["carp"]["state"] = STATES[link["carp"]["state"]]
            found[index] = link
        return found

    def link(self, name):
        """The link of that name, or None."""
        return next((link for link in self.links().values() if link["name"] == name), None)

    def index(self, name):
        link = self.link(name)
        if link is None:
            raise OSError(errno.ENODEV, f"there is no {name}")
        return link["index"]

    def addresses(self):
        """{(index, "ADDRESS/LENGTH")} of IPv4."""
        found = set()
        for body in self._dump(RTM_GETADDR, struct.pack("=BBBBi", socket.AF_INET, 0, 0, 0, 0)):
            _, length, _, _, index = struct.unpack_from("=BBBBi", body)
            local = attributes(body[8:])[IFA_LOCAL]
            found.add((index, f"{socket.inet_ntoa(local)}/{length}"))
        return found

    def filters(self):
        """{(index, MAC address)} that devices let in beside their own."""
        found = set()
        head = struct.pack("=BxxxiHBB", PF_BRIDGE, 0, 0, 0, 0)
        for body in self._dump(RTM_GETNEIGH, head):
            _, index = struct.unpack_from("=Bxxxi", body)
            found.add((index, attributes(body[12:])[NDA_LLADDR].hex(":")))
        return found


class Genl:
    """The generic-netlink family carp, in the caller's namespace."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))
        # CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME; its answer has CTRL_ATTR_FAMILY_ID.
        self.sequence = 0
        self.send(16, struct.pack("=BBH", 3, 1, 0) + text(2, "carp"))
        self.family = struct.unpack("=H", attributes(self.socket.recv(8192)[20:])[1])[0]

    def send(self, kind, body):
        self.sequence += 1
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST,
                                     self.sequence, 0) + body)

    def ask_to_sync(self):
        self.send(self.family, struct.pack("=BBH", 1, 1, 0))

    def answer(self, seconds):
        """The sequence number of what is answered next."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(8192)
        except TimeoutError:
            raise Refused(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        _, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
        if kind == 2:
            error = -struct.unpack_from("=i", data, 16)[0]
            raise Refused(error, os.strerror(error))
        return sequence

    def sync(self, seconds):
        """What `carp sync SECONDS` does."""
        self.ask_to_sync()
        while self.answer(seconds) != self.sequence:
            pass  # One that was given up.


def refuse(body, flags):
    error = -struct.unpack_from("=i", body)[0]
    if not error:
        return
    message = os.strerror(error)
    if flags & NLM_F_ACK_TLVS:
        # The request that is answered comes back whole or, capped, as its header.
        length = struct.unpack_from("=I", body, 4)[0]
        skip = 4 + (16 if flags & NLM_F_CAPPED else length)
        message = attributes(body[skip:]).get(1, message.encode()).rstrip(b"\0").decode()
    raise Refused(error, message)
