# SPDX-License-Identifier: GPL-2.0
"""failnth.py NAMESPACE CASE [NTH] | list

Fails the first, second, third ... allocation (or only the NTH) that the kernel makes for a request,
until one attempt passes without one to fail. The parent is eth0 of the namespace.

The request is made beforehand and sent by the thread whose fail-nth is set, so that the kernel's
allocations for it are all that count. It either works or is refused: then everything is as before.
It may also be that only the answer was lost; then it has been done, or not, entirely.
"""

import errno
import os
import sys
import threading
import time

import adverts
import rtnl

TRACE = "/sys/kernel/tracing/instances/carp/trace"
# More than any request makes.
LIMIT = 1000
# What a want of memory may look like. When the core cannot name a new device's kobject, it says
# EINVAL (netdev_register_kobject() does not look at what dev_set_name() returns).
NO_MEMORY = (errno.ENOMEM, errno.ENOBUFS)
NO_NAME = "refused: EINVAL Invalid argument"
SYNC_S = 60


class Bench:
    """Devices, as a case wants them to begin with."""

    def __init__(self, signing):
        self.kernel = rtnl.Rtnl()
        self.genl = rtnl.Genl()
        self.parent = self.kernel.index("eth0")
        self.macs = 0
        # Whether adverts are looked at, which takes its time.
        self.signing = signing

    def reset(self):
        """The parent up, and nothing on it."""
        for index, link in self.kernel.links().items():
            if link["kind"] == "carp":
                self.kernel.ask(rtnl.delete_link(index))
        self.kernel.ask(rtnl.set_link(self.parent, up=True, mtu=1500))
        self.genl.sync(SYNC_S)

    def add(self, vhid, *, up=True, **options):
        """A carp device with an address; its index."""
        name = f"a{vhid}"
        self.kernel.ask(rtnl.add_carp(name, self.parent, vhid=vhid, key=b"secret", advbase=0,
                                      advskew=10, **options))
        index = self.kernel.index(name)
        self.kernel.ask(rtnl.add_address(index, f"192.0.2.{vhid}"))
        if up:
            self.kernel.ask(rtnl.set_link(index, up=True))
        return index

    def fresh_mac(self):
        self.macs += 1
        return bytes([2, 0, 0, 3, self.macs >> 8, self.macs & 255])

    def look(self):
        """All that a request could change, and nothing that changes by itself."""
        links = [dict(link, carp={key: value for key, value in link.get("carp", {}).items()
                                  if key != "state"})
                 for link in self.kernel.links().values()]
        for link in links:
            if link["kind"] == "carp":
                del link["index"]
        names = {index: link["name"] for index, link in self.kernel.links().items()}
        with open("/proc/net/igmp") as file:
            igmp = file.read()
        return {
            "links": sorted(links, key=lambda link: link["name"]),
            "addresses": sorted((names.get(index), address)
                                for index, address in self.kernel.addresses()),
            "filters": sorted((names.get(index), mac) for index, mac in self.kernel.filters()
                              if mac.startswith("00:00:5e")),
            # 224.0.0.18 as /proc has it.
            "listens": "120000E0" in igmp,
            "snapshot": self.snapshot(),
            # Who runs says what it was told last; who is down says nothing.
            "signs": self.signs(links) if self.signing else None,
        }

    def signs(self, links):
        if not any(link["kind"] == "carp" and link["carp"]["vhid"] == 1 and link["up"]
                   for link in links):
            return None
        if not any(link["name"] == "eth0" and link["up"] for link in links):
            return None
        first = "192.0.2.1"
        return adverts.signed_for(1, (b"secret", b"another"), ([first], [first, "192.0.2.101"]))

    def snapshot(self):
        """The virtual hosts that packets are matched with."""
        path = f"/sys/kernel/debug/carp/eth0@{os.stat('/proc/self/ns/net').st_ino}"
        try:
            with open(path) as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        for line in ("at_rest no", "current none", "waiting 0"):
            if line not in lines:
                lines.append(f"not {line}")
        return sorted(" ".join(line.split()[:2]) for line in lines
                      if line.startswith(("vhost", "not")))


# Each case makes its beginning, and returns the request.

def add_first(bench):
    return rtnl.add_carp("a1", bench.parent, vhid=1, key=b"secret")


def add_second(bench):
    bench.add(2)
    return rtnl.add_carp("a1", bench.parent, vhid=1, key=b"secret")


def add_in_group(bench):
    bench.add(2, group=b"tied\0")
    return rtnl.add_carp("a1", bench.parent, vhid=1, key=b"secret", group=b"tied\0")


def up_first(bench):
    return rtnl.set_link(bench.add(1, up=False), up=True)


def up_second(bench):
    bench.add(2)
    return rtnl.set_link(bench.add(1, up=False), up=True)


def down(bench):
    bench.add(2)
    return rtnl.set_link(bench.add(1), up=False)


def down_last(bench):
    return rtnl.set_link(bench.add(1), up=False)


def delete(bench):
    bench.add(2)
    return rtnl.delete_link(bench.add(1))


def delete_last(bench):
    return rtnl.delete_link(bench.add(1))


def settings(bench):
    return rtnl.set_carp(bench.add(1), advskew=50, key=b"another", demotion=3, preempt=1)


def vhid(bench):
    bench.add(2)
    return rtnl.set_carp(bench.add(1), vhid=9)


def vhid_of_one_down(bench):
    bench.add(2)
    return rtnl.set_carp(bench.add(1, up=False), vhid=9)


def group(bench):
    bench.add(2, group=b"tied\0")
    return rtnl.set_carp(bench.add(1), group=b"tied\0")


# Without a grace period adverts are signed for the new list at once.

def address_add(bench):
    return rtnl.add_address(bench.add(1, grace=0), "192.0.2.101")


def address_add_to_one_down(bench):
    return rtnl.add_address(bench.add(1, up=False), "192.0.2.101")


def address_delete(bench):
    index = bench.add(1, grace=0)
    bench.kernel.ask(rtnl.add_address(index, "192.0.2.101"))
    return rtnl.delete_address(index, "192.0.2.101")


def mac(bench):
    bench.add(1)
    bench.add(2)
    bench.add(3, up=False)
    return rtnl.set_link(bench.parent, mac=bench.fresh_mac())


def mac_with_nobody_up(bench):
    bench.add(1, up=False)
    return rtnl.set_link(bench.parent, mac=bench.fresh_mac())


def mtu(bench):
    bench.add(1)
    return rtnl.set_link(bench.parent, mtu=1400)


def parent_down(bench):
    bench.add(1)
    return rtnl.set_link(bench.parent, up=False)


def parent_up(bench):
    bench.add(1)
    bench.kernel.ask(rtnl.set_link(bench.parent, up=False))
    return rtnl.set_link(bench.parent, up=True)


CASES = {case.__name__: case for case in (
    add_first, add_second, add_in_group, up_first, up_second, down, down_last, delete, delete_last,
    settings, vhid, vhid_of_one_down, group, address_add, address_add_to_one_down, address_delete,
    mac, mac_with_nobody_up, mtu, parent_down, parent_up)}


# Those about what a virtual host signs for.
SIGNING = ("settings", "vhid", "address_add", "address_delete", "mac")


class FailNth:
    """Of this thread, which opens it beforehand."""

    def __init__(self):
        self.file = os.open(f"/proc/self/task/{threading.get_native_id()}/fail-nth", os.O_RDWR)

    def send(self, sock, data, nth):
        """True: there was an nth allocation, and it failed."""
        word = str(nth).encode()
        try:
            os.pwrite(self.file, word, 0)
            sock.send(data)
            error = None
        except OSError as failed:
            error = failed
        left = int(os.pread(self.file, 16, 0).rstrip(b"\0\n"))
        os.pwrite(self.file, b"0", 0)
        return left == 0, error


def outcome(bench, error):
    """ "done", "refused: why", or None: the answer was lost."""
    try:
        if error is not None:
            raise error
        bench.kernel.answer()
        return "done"
    except rtnl.Refused as refused:
        return f"refused: {errno.errorcode[refused.errno]} {refused.strerror}"
    except OSError as lost:
        # The socket: it could not take the request, or had no memory for the answer.
        if lost.errno not in NO_MEMORY:
            raise
        return None


def taken_over(mac):
    """Whether an operation on the parent's MAC address has got as far as this one."""
    with open(TRACE) as file:
        return f"carp_parent_address: parent=eth0 address={mac}\n" in file.read()


def prepare(bench, case):
    """(request, what it is like before it)"""
    bench.reset()
    request = case(bench)
    bench.genl.sync(SYNC_S)
    return request, bench.look()


def attempt(bench, request, fail_nth, nth):
    """(hit, outcome, what it is like after it)"""
    with open(TRACE, "w"):
        pass  # Empty now.
    data = bench.kernel.bytes_of(request)
    hit, error = fail_nth.send(bench.kernel.socket, data, nth)
    result = outcome(bench, error)
    bench.genl.sync(SYNC_S)
    after = bench.look()
    if result is None:
        # What is left in it belongs to a request whose fate is not known.
        bench.kernel = rtnl.Rtnl()
    return hit, result, after


def differences(must, found):
    """Without memory debugfs makes no file, and nobody can read there."""
    return [f"{key}: {must[key]}\n\t   {'is':>{len(key)}}: {found[key]}"
            for key in must if must[key] != found[key]
            and not (key == "snapshot" and found[key] is None)]


def blank_macs(look):
    """Without the links' MAC addresses: the parent gets another one at each attempt."""
    return dict(look, links=[dict(link, mac=None) for link in look["links"]])


def run(name, numbers):
    case, bench, fail_nth = CASES[name], Bench(name in SIGNING), FailNth()
    start = time.monotonic()
    # What it is like when nothing fails; and the second time nobody allocates what stays.
    for _ in range(2):
        request, _ = prepare(bench, case)
        hit, result, works = attempt(bench, request, fail_nth, LIMIT)
    works = blank_macs(works)
    if result != "done" or hit:
        sys.exit(f"{name} does not work by itself: {result}")
    counts, faults = {}, 0
    after = None
    for nth in numbers:
        # Where nothing has changed there is nothing to be prepared again.
        if after is None or after != before:
            request, before = prepare(bench, case)
        hit, result, after = attempt(bench, request, fail_nth, nth)
        if not hit:
            break
        kind = " ".join(result.split()[:2]) if result else "answer lost"
        counts[kind] = counts.get(kind, 0) + 1
        wrong = []
        undone = differences(works, blank_macs(after))
        if result is None:
            if undone and before != after:
                wrong = [*differences(before, after), "nor is it done:", *undone]
        elif result == "done":
            wrong = undone
        else:
            if before != after:
                wrong = differences(before, after)
            names = {errno.errorcode[number] for number in NO_MEMORY}
            creates = request[1] & rtnl.NLM_F_CREATE
            if result.split()[1] not in names and not (creates and result == NO_NAME):
                wrong.append(f"which says nothing of memory: {result}")
        macs = [next(link["mac"] for link in look["links"] if link["name"] == "eth0")
                for look in (before, after)]
        if macs[0] != macs[1] and not taken_over(macs[1]):
            wrong.append("the parent's new MAC address was not taken over")
        if wrong:
            faults += 1
            print(f"\tallocation {nth}: {result or 'answer lost'}, but")
            for text in wrong:
                print(f"\t   {text}")
    else:
        if len(numbers) > 1:
            sys.exit(f"{name} makes more than {LIMIT} allocations")
    bench.reset()
    print(f"\t{name}: {sum(counts.values())} allocations failed in turn: {counts}, "
          f"{time.monotonic() - start:.0f} s")
    sys.exit(faults != 0)


if sys.argv[1] == "list":
    print("\n".join(CASES))
else:
    rtnl.enter(sys.argv[1])
    run(sys.argv[2], [int(nth) for nth in sys.argv[3:]] or range(1, LIMIT))
