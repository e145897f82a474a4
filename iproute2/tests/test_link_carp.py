#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""link_carp.so in a stock `ip`: bytes asked for, faults refused, messages printed.

Needs neither the carp module nor root: requests are caught before they are sent, and what
the kernel would answer is made here (see ip_double.c). Run by `make test`, which says in
$IP_LIB_DIR where the plugin and the double are. The numbers are written out on purpose: they
are what uapi/if_carp.h promises to programs that exist already.
"""

import json
import os
import re
import struct
import subprocess
import tempfile
import unittest

LIB = os.environ["IP_LIB_DIR"]
DOUBLE = os.path.join(LIB, "ip_double.so")

VHID, ADVBASE, ADVSKEW, KEY, PREEMPT, DEMOTION, STRICT, STATE, REASON, CHANGED, MASTER, PAD, \
    GROUP, GRACE, DEMOTED_BY = range(1, 16)
RTM_NEWLINK, IFLA_IFNAME, IFLA_LINKINFO = 16, 3, 18
INFO_KIND, INFO_DATA, INFO_XSTATS = 1, 2, 3


def attribute(kind, payload):
    raw = struct.pack("=HH", 4 + len(payload), kind) + payload
    return raw + bytes(-len(raw) % 4)


def attributes(raw):
    """[(kind, payload)] of a run of attributes."""
    found = []
    while raw:
        length, kind = struct.unpack_from("=HH", raw)
        found.append((kind & 0x3FFF, raw[4:length]))
        raw = raw[(length + 3) & ~3:]
    return found


def u32(value):
    return struct.pack("=I", value)


def u64(value):
    return struct.pack("=Q", value)


def run(*arguments, stdin=b"", **environment):
    return subprocess.run(
        ["ip", *arguments], input=stdin, capture_output=True, timeout=20, check=False,
        env={**os.environ, "LD_PRELOAD": DOUBLE, **environment})


class Binary(unittest.TestCase):
    """The plugin as a file."""

    def test_every_symbol_is_found(self):
        done = run("link", "help", "carp", LD_BIND_NOW="1")
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_built_on_debian_13_runs_on_debian_12(self):
        with open(os.path.join(LIB, "link_carp.so"), "rb") as file:
            versions = re.findall(rb"GLIBC_2\.(\d+)", file.read())
        self.assertTrue(versions)
        self.assertLessEqual(max(map(int, versions)), 36)


class Requests(unittest.TestCase):
    """What `ip link add|set` would send."""

    def ask(self, options, stdin=b"", command=("add", "carp0")):
        with tempfile.NamedTemporaryFile() as file:
            done = run("link", *command, "type", "carp", *options, stdin=stdin,
                       REQUEST_FILE=file.name)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            message = dict(attributes(file.read()[32:]))
        info = dict(attributes(message[IFLA_LINKINFO]))
        self.assertEqual(info[INFO_KIND].rstrip(b"\0"), b"carp")
        return attributes(info[INFO_DATA]) if INFO_DATA in info else None

    def test_all_options(self):
        self.assertEqual(
            self.ask("vhid 7 advbase 2 advskew 100 pass secret preempt on demotion 240 strict off "
                     "state master".split()),
            [(VHID, u32(7)), (ADVBASE, u32(2)), (ADVSKEW, u32(100)), (KEY, b"secret"),
             (PREEMPT, b"\1"), (DEMOTION, u32(240)), (STRICT, b"\0"), (STATE, b"\2")])

    def test_set(self):
        self.assertEqual(self.ask(["advskew", "0", "state", "backup"], command=("set", "lo")),
                         [(ADVSKEW, u32(0)), (STATE, b"\1")])

    def test_nothing_asked_for(self):
        self.assertIsNone(self.ask([]))

    def test_ranges_are_left_to_the_kernel(self):
        self.assertEqual(self.ask(["vhid", "256", "advskew", str(2**32 - 1)]),
                         [(VHID, u32(256)), (ADVSKEW, u32(2**32 - 1))])

    def test_decimal_only(self):
        self.assertEqual(self.ask(["vhid", "010"]), [(VHID, u32(10))])

    def test_passphrase(self):
        self.assertEqual(self.ask(["pass", "x" * 19]), [(KEY, b"x" * 19)])
        self.assertEqual(self.ask(["pass", "mot de passé"]), [(KEY, "mot de passé".encode())])
        self.assertEqual(self.ask(["pass", ""]), [(KEY, b"")])

    def test_passfile(self):
        for text in b"a b\nc\n", b"a b\n", b"a b":
            self.assertEqual(self.ask(["passfile", "-"], stdin=text), [(KEY, b"a b")])
            with tempfile.NamedTemporaryFile() as file:
                file.write(text)
                file.flush()
                self.assertEqual(self.ask(["passfile", file.name]), [(KEY, b"a b")])

    def test_hex(self):
        self.assertEqual(self.ask(["key", "00ffAa"]), [(KEY, b"\x00\xff\xaa")])
        self.assertEqual(self.ask(["key", "1f" * 20]), [(KEY, b"\x1f" * 20)])


class Refusals(unittest.TestCase):
    """Faults that never reach the kernel: one line that names them, and no secret in it."""

    def refused(self, options, line, stdin=b""):
        with tempfile.TemporaryDirectory() as folder:
            request = os.path.join(folder, "request")
            done = run("link", "add", "carp0", "type", "carp", *options, stdin=stdin,
                       REQUEST_FILE=request)
            self.assertNotEqual(done.returncode, 0)
            self.assertFalse(os.path.exists(request))
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.decode().splitlines()[0], line)

    def test_numbers(self):
        for garbage in "", "1x", "-1", "+1", " 1", "0x1", "1.0", "4294967296", "eins":
            self.refused(["advskew", garbage],
                         f'Error: argument "{garbage}" is wrong: "advskew" takes a whole number')

    def test_words(self):
        self.refused(["preempt", "yes"],
                     'Error: argument "yes" is wrong: "preempt" takes "on" or "off"')
        self.refused(["strict", "1"],
                     'Error: argument "1" is wrong: "strict" takes "on" or "off"')
        self.refused(["state", "init"],
                     'Error: argument "init" is wrong: "state" takes "backup" or "master"')
        self.refused(["vhid", "1", "password", "x"], 'carp: unknown option "password"?')

    def test_missing(self):
        for option in ("vhid advbase advskew pass passfile key preempt demotion strict "
                       "state").split():
            self.refused([option], 'Command line is not complete. Try option "help"')

    def test_twice(self):
        self.refused("vhid 1 vhid 2".split(), 'Error: duplicate "vhid": "2" is the second value.')
        for option in "pass", "passfile", "key":
            self.refused(["pass", "a", option, "b"],
                         f'Error: duplicate "pass|passfile|key": "{option}" is the second value.')

    def test_keys(self):
        self.refused(["pass", "x" * 20],
                     'Error: "pass" is longer than the 19 bytes that CARP uses.')
        self.refused(["key", "1f" * 21], 'Error: "key" is longer than 20 bytes (40 hex digits).')
        self.refused(["key", "1f2"], 'Error: "key" has an odd number of hex digits.')
        self.refused(["key", "1g"], 'Error: "key" takes hex digits only.')

    def test_passfiles(self):
        too_long = 'Error: "passfile" has a line longer than the 19 bytes that CARP uses.'
        empty = 'Error: "passfile" has an empty first line.'
        self.refused(["passfile", "-"], too_long, stdin=b"x" * 20 + b"\n")
        self.refused(["passfile", "-"], empty, stdin=b"")
        self.refused(["passfile", "-"], empty, stdin=b"\nx\n")
        self.refused(["passfile", "-"], 'Error: "passfile" has a zero byte in its first line.',
                     stdin=b"a\0b\n")
        self.refused(["passfile", "/nowhere"], 'Error: "/nowhere": No such file or directory')
        self.refused(["passfile", "/"], 'Error: "/": Is a directory')

    def test_help(self):
        usage = "Usage: ip link add DEVICE link PARENT type carp vhid VHID [ OPTIONS ]"
        self.refused(["help"], usage)
        done = run("link", "help", "carp")
        self.assertEqual(done.stdout.decode().splitlines()[0], usage)


class Printing(unittest.TestCase):
    """What `ip -d link show` makes of the kernel's answer."""

    FULL = [(VHID, u32(1)), (ADVBASE, u32(1)), (ADVSKEW, u32(100)), (PREEMPT, b"\0"),
            (DEMOTION, u32(0)), (STRICT, b"\1"), (STATE, b"\2"), (REASON, b"\5"),
            (CHANGED, u64(1795347368123)), (MASTER, bytes([192, 0, 2, 2]))]
    FULL_TEXT = ("carp state master vhid 1 advbase 1 advskew 100 preempt off demotion 0 strict on "
                 "master 192.0.2.2 reason master-timeout changed 2026-11-22T11:36:08.123Z")

    def show(self, data, flags=(), xstats=None):
        """What follows a link's two first lines in text, and its linkinfo in JSON."""
        info = attribute(INFO_KIND, b"carp\0")
        if data is not None:
            info += attribute(INFO_DATA, b"".join(attribute(*item) for item in data))
        if xstats is not None:
            info += attribute(INFO_XSTATS, b"".join(attribute(*item) for item in xstats))
        body = struct.pack("=BBHiII", 0, 0, 1, 4711, 0x1003, 0)
        body += attribute(IFLA_IFNAME, b"carp0\0") + attribute(IFLA_LINKINFO, info)
        with tempfile.NamedTemporaryFile() as file:
            file.write(struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, 0, 0, 0) + body)
            file.flush()
            text, answer = (
                run("-d", *flags, "monitor", "file", file.name, **environment)
                for environment in ({}, {"MONITOR_JSON": "1"}))
        for done in text, answer:
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        lines = [line.strip() for line in text.stdout.decode().splitlines()]
        self.assertEqual(lines[1], "link/ether")
        return "\n".join(lines[2:]), json.loads(answer.stdout)[0]["linkinfo"]

    def test_full(self):
        text, answer = self.show(self.FULL)
        self.assertEqual(text, self.FULL_TEXT)
        self.assertEqual(answer, {"info_kind": "carp", "info_data": {
            "state": "master", "vhid": 1, "advbase": 1, "advskew": 100, "preempt": False,
            "demotion": 0, "strict": True, "master": "192.0.2.2", "reason": "master-timeout",
            "changed": 1795347368123}})

    def test_ipv6_master(self):
        address = bytes.fromhex("fe80" + 12 * "00" + "0001")
        self.assertEqual(self.show([(MASTER, address)]),
                         ("carp master fe80::1",
                          {"info_kind": "carp", "info_data": {"master": "fe80::1"}}))

    def test_names(self):
        for kind, names in (
                (STATE, "init backup master"),
                (REASON, "none started device-down parent-down no-address master-timeout "
                         "master-leaving preempt peer-demoted better-master requested at-rest "
                         "resumed")):
            key = {STATE: "state", REASON: "reason"}[kind]
            for number, name in enumerate(names.split()):
                self.assertEqual(self.show([(kind, bytes([number]))])[0], f"carp {key} {name}")
            self.assertEqual(self.show([(kind, b"\xff")])[0], f"carp {key} unknown")

    def test_causes(self):
        names = "administrator send-errors group".split() + ["unknown"] * 29
        for mask in [*(1 << bit for bit in range(32)), 3, 5, 6, 7, 2**32 - 1]:
            held = [name for bit, name in enumerate(names) if mask >> bit & 1]
            text, answer = self.show([(DEMOTED_BY, u32(mask)), (STRICT, b"\1")])
            self.assertEqual(text, f"carp demoted_by {','.join(held)} strict on")
            self.assertEqual(answer["info_data"], {"demoted_by": held, "strict": True})

    def test_no_data(self):
        for data in None, []:
            self.assertEqual(self.show(data), ("carp", {"info_kind": "carp", "info_data": {}}))

    def test_odd_lengths(self):
        for kind in range(0, 20):
            for length in (0, 1, 2, 3, 5, 7, 9, 15, 17, 200):
                if length == 1 and kind in (PREEMPT, STRICT, STATE, REASON):
                    continue
                with self.subTest(kind=kind, length=length):
                    self.assertEqual(self.show([(kind, b"\xff" * length)])[0], "carp")

    def test_odd_values(self):
        self.assertEqual(self.show([(PREEMPT, b"\2")])[0], "carp preempt on")
        self.assertEqual(self.show([(VHID, u32(2**32 - 1))])[0], "carp vhid 4294967295")
        self.assertEqual(self.show([(CHANGED, u64(0))])[0],
                         "carp changed 1970-01-01T00:00:00.000Z")
        text, answer = self.show([(CHANGED, u64(2**64 - 1))])
        self.assertRegex(text, r"^carp changed \d{9}-\d\d-\d\dT\d\d:\d\d:\d\d\.615Z$")
        self.assertEqual(answer["info_data"]["changed"], 2**64 - 1)

    def test_key_is_never_printed(self):
        text, answer = self.show([(KEY, b"secret"), (VHID, u32(1))])
        self.assertEqual((text, answer["info_data"]), ("carp vhid 1", {"vhid": 1}))

    def test_statistics(self):
        names = ("rx_adverts tx_adverts tx_errors to_master bad_auth own_advert replayed "
                 "late_timers parent_bad_len parent_bad_ttl parent_bad_version "
                 "parent_bad_checksum parent_bad_vhid pad rx_adverts_v6 tx_adverts_v6").split()
        counters = [(number, u64(number * 2**40)) for number in range(1, 17) if number != 14]
        text, answer = self.show([(VHID, u32(1))], ["-s"], counters)
        expected = {name: (number + 1) * 2**40 for number, name in enumerate(names)
                    if name != "pad"}
        self.assertEqual(answer["info_xstats"], expected)
        self.assertEqual(text.splitlines(), [
            "carp vhid 1",
            " ".join(f"{name} {value}" for name, value in expected.items() if "parent" not in name),
            " ".join(f"{name} {value}" for name, value in expected.items() if "parent" in name)])

    def test_odd_statistics(self):
        for xstats in [], [(1, b""), (2, b"\xff" * 4), (14, b""), (17, u64(1)), (300, u64(1))]:
            self.assertEqual(self.show([], ["-s"], xstats)[1]["info_xstats"], {})
        self.assertNotIn("info_xstats", self.show([], ["-s"])[1])
        self.assertNotIn("info_xstats", self.show([], [], [(1, u64(1))])[1])


if __name__ == "__main__":
    unittest.main()
