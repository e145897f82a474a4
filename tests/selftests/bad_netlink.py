# SPDX-License-Identifier: GPL-2.0
"""Requests that ip would not make, in the namespace of a carp0 that is MASTER of vhid 1 on eth0:
each must fail with this error and this sentence, and leave every link as it was. carp9 has vhid 9.
"""

import errno
import os
import sys

from rtnetlink import (ADVBASE, ADVSKEW, CHANGED, DEMOTED_BY, DEMOTION, GRACE, GROUP, IFLA_AF_SPEC,
                       IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_INFO_XSTATS, IFLA_LINK, IFLA_LINKINFO,
                       IFLA_STATS, IFLA_STATS64, KEY, MASTER, NLM_F_CREATE, NLM_F_EXCL, PAD,
                       PREEMPT, REASON, RTM_DELLINK, RTM_NEWLINK, STATE, STRICT, VHID, Socket,
                       attribute, attributes, drop_privileges, index_of, u8, u32)

RANGE = "vhid must be between 1 and 255"
READ_ONLY = "this attribute is only reported"
UNKNOWN = "Unknown attribute type"


def link(data, parent=None, name=b"carp1\0", before=None):
    """`before`: data that come first, as if there were no more."""
    info = attribute(IFLA_INFO_KIND, b"carp\0")
    for part in before, data:
        if part is not None:
            info += attribute(IFLA_INFO_DATA, part)
    message = attribute(IFLA_LINKINFO, info)
    if name:
        message = attribute(IFLA_IFNAME, name) + message
    if parent is not None:
        message += u32(IFLA_LINK, parent)
    return message


def faults():
    """(name, attributes behind vhid 2, errno, sentence; None: any)"""
    yield "attribute 50", u32(50, 1), errno.EINVAL, UNKNOWN
    yield "attribute 200", u32(200, 1), errno.EINVAL, UNKNOWN
    yield "attribute 0", u32(0, 1), errno.EINVAL, UNKNOWN
    yield "padding", attribute(PAD, b""), errno.EINVAL, None
    yield "advskew in 2 bytes", attribute(ADVSKEW, b"\1\0"), errno.ERANGE, None
    yield "advskew in 1 byte", u8(ADVSKEW, 1), errno.ERANGE, None
    yield "advskew in 0 bytes", attribute(ADVSKEW, b""), errno.ERANGE, None
    yield "advskew in 8 bytes", attribute(ADVSKEW, bytes(8)), errno.EINVAL, None
    yield "preempt in 0 bytes", attribute(PREEMPT, b""), errno.ERANGE, None
    yield "preempt in 4 bytes", u32(PREEMPT, 1), errno.EINVAL, None
    yield "state in 0 bytes", attribute(STATE, b""), errno.ERANGE, None
    yield "an attribute longer than all", attribute(ADVSKEW, bytes(4), 400), errno.EINVAL, None
    yield "an attribute shorter than its header", attribute(ADVSKEW, bytes(4), 2), errno.EINVAL, \
        None
    yield "three bytes behind the attributes", b"\0" * 3, errno.EINVAL, None
    for name in b"1234567890123456\0", b"a\nb\0", b"a\x7f\0", b"a\xffb\0", b"a\0b\0", b"a\0\0":
        yield f"the group {name}", attribute(GROUP, name), errno.EINVAL, \
            "the name of a group is at most 15 printable ASCII characters"
    yield "a group without its end", attribute(GROUP, b"1234"), errno.EINVAL, None
    yield "grace in 2 bytes", attribute(GRACE, b"\0\0"), errno.ERANGE, None
    for value in 3601, 65536 + 5, (1 << 32) - 1:
        yield f"grace {value}", u32(GRACE, value), errno.EINVAL, \
            "grace must be between 0 and 3600 seconds"
    yield "a key of 21 bytes", attribute(KEY, bytes(21)), errno.EINVAL, \
        "key must not be longer than 20 bytes"
    yield "a key of 4000 bytes", attribute(KEY, bytes(4000)), errno.EINVAL, \
        "key must not be longer than 20 bytes"
    for value in 255, 256, 1 << 31, (1 << 32) - 1:
        yield f"advskew {value}", u32(ADVSKEW, value), errno.EINVAL, \
            "advskew must be between 0 and 254"
    for value in 256, (1 << 32) - 1:
        yield f"advbase {value}", u32(ADVBASE, value), errno.EINVAL, \
            "advbase must be between 0 and 255"
    for value in 241, 256, (1 << 32) - 1:
        yield f"demotion {value}", u32(DEMOTION, value), errno.EINVAL, \
            "demotion must be between 0 and 240"
    for value in 2, 255:
        yield f"preempt {value}", u8(PREEMPT, value), errno.EINVAL, "preempt must be 0 or 1"
        yield f"strict {value}", u8(STRICT, value), errno.EINVAL, "strict must be 0 or 1"
    for value in 0, 3, 255:
        yield f"state {value}", u8(STATE, value), errno.EINVAL, \
            "only the states backup and master can be asked for"
    yield "reason", u8(REASON, 1), errno.EINVAL, READ_ONLY
    yield "changed", attribute(CHANGED, bytes(8)), errno.EINVAL, READ_ONLY
    yield "master", attribute(MASTER, bytes(4)), errno.EINVAL, READ_ONLY
    yield "demoted by", u32(DEMOTED_BY, 1), errno.EINVAL, READ_ONLY


def creations(parent):
    """(name, message, errno, sentence)"""
    for name, data, error, sentence in faults():
        yield name, link(u32(VHID, 2) + data, parent), error, sentence
    right = u32(VHID, 2)
    for name, first, last in (("first", right + u32(50, 1), right), ("last", right, right + u32(50, 1))):
        yield f"two sets of data, and the {name} is wrong", link(last, parent, before=first), \
            errno.EINVAL, UNKNOWN
    yield "no data", link(None, parent), errno.EINVAL, "a vhid is needed: vhid 1..255"
    yield "empty data", link(b"", parent), errno.EINVAL, "a vhid is needed: vhid 1..255"
    for value in 0, 256, (1 << 32) - 1:
        yield f"vhid {value}", link(u32(VHID, value), parent), errno.EINVAL, RANGE
    yield "vhid in 1 byte", link(u8(VHID, 2), parent), errno.ERANGE, None
    yield "a vhid twice on a parent", link(u32(VHID, 1), parent), errno.EEXIST, \
        "another carp device on this parent has this vhid"
    yield "no parent", link(u32(VHID, 2)), errno.EINVAL, "a parent is needed: link DEVICE"
    yield "a parent that is not there", link(u32(VHID, 2), 99999), errno.ENODEV, \
        "there is no such parent device"
    yield "the loopback device", link(u32(VHID, 2), index_of("lo")), errno.EINVAL, \
        "the parent is the loopback device"
    yield "carp on carp", link(u32(VHID, 2), index_of("carp0")), errno.ELOOP, \
        "the parent is a carp device itself"
    yield "a state at creation", link(u32(VHID, 2) + u8(STATE, 2), parent), errno.EINVAL, \
        "a state can be asked for once the device is up"


def changes(parent):
    """(name, message, errno, sentence)"""
    for name, data, error, sentence in faults():
        yield name, link(u32(ADVSKEW, 77) + data if "advskew" not in name else data,
                         name=None), error, sentence
    yield "the vhid of another one", link(u32(ADVSKEW, 77) + u32(VHID, 9), name=None), \
        errno.EEXIST, "another carp device on this parent has this vhid"
    yield "another parent", link(u32(ADVSKEW, 77), index_of("lo"), name=None), errno.EOPNOTSUPP, \
        "the parent cannot be changed"


def links(netlink):
    """All there is to know of the links, but what they count."""
    def settings(kind, payload):
        if kind == IFLA_LINKINFO:
            payload = [a for a in attributes(payload) if a[0] != IFLA_INFO_XSTATS]
        return kind, payload
    counting = IFLA_STATS, IFLA_STATS64, IFLA_AF_SPEC
    return [settings(*a) for message in netlink.links().values()
            for a in attributes(message[32:]) if a[0] not in counting]


class Runner:
    """Asks, compares, counts."""

    def __init__(self):
        self.netlink = Socket()
        self.failed = self.done = 0

    def refused(self, request, flags, index, case):
        name, message, error, sentence = case
        before = links(self.netlink)
        got, said = self.netlink.ask(request, flags, message, index)
        fault = ""
        if got != error:
            fault = f"error {errno.errorcode.get(got, got)} and not {errno.errorcode[error]}"
        elif sentence and said != sentence or not sentence and not said:
            fault = f"says '{said}' and not '{sentence or 'anything'}'"
        elif (after := links(self.netlink)) != before:
            fault = f"changed: {[a for a in after if a not in before]}"
        self.done += 1
        if fault:
            self.failed += 1
            print(f"{name}: {fault}")


def main():
    runner = Runner()
    parent, carp = index_of("eth0"), index_of("carp0")
    for case in creations(parent):
        runner.refused(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, case)
    for name, *case in changes(parent):
        runner.refused(RTM_NEWLINK, 0, carp, (f"{name} (change)", *case))

    # The same requests without their faults, or all of this would prove nothing.
    for name, request, flags, index, message in (
            ("creation", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0,
             link(u32(VHID, 2) + attribute(KEY, bytes(20)), parent)),
            ("change", RTM_NEWLINK, 0, carp, link(u32(ADVSKEW, 77) + u8(PREEMPT, 1), name=None))):
        error, said = runner.netlink.ask(request, flags, message, index)
        if error:
            runner.failed += 1
            print(f"a right {name}: {os.strerror(error)}, {said}")

    drop_privileges()
    runner.netlink = Socket()
    for name, request, flags, index, message in (
            ("creation", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, link(u32(VHID, 3), parent)),
            ("change", RTM_NEWLINK, 0, carp, link(u32(ADVSKEW, 78), name=None)),
            ("deletion", RTM_DELLINK, 0, carp, b"")):
        error, _ = runner.netlink.ask(request, flags, message, index)
        if error != errno.EPERM:
            runner.failed += 1
            print(f"{name} by nobody: {os.strerror(error)}")
    print(f"{runner.done} requests refused")
    sys.exit(runner.failed != 0)


main()
