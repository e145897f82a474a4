# SPDX-License-Identifier: GPL-2.0
"""storm.py SWITCH A B SECONDS SEED: the namespaces of a running pair.

Each kind of disturbance is a process of its own, which asks for one thing after the other and
remembers what it asked for last. No two of them change the same thing, so that afterwards everything
has to be as somebody asked for it last: that is how a lost request shows.
"""

import errno
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time

import debugfs
import rtnl

VHIDS = range(1, 9)
FIXED = range(1, 5)      # A's devices that stay
FLEETING = range(5, 9)   # those that come and go
# Longer than any request may take on a slow machine under all this.
HANG_S = 100
SHARED = {"advbase": 1, "demotion": 0, "preempt": 0}
A_SETTINGS, B_SETTINGS = {**SHARED, "advskew": 0}, {**SHARED, "advskew": 100}
B_INTERVAL_S = 1 + 100 / 256
# What can wait at once about one parent and about one virtual host: see rust/group/waiting.rs.
LONGEST = 7 + 5 * len(VHIDS)
# From asking for an operation to its end, with users inside for 50 ms at a time.
SLOWEST_S = 10 * int(os.environ["slow"])


def virtual(vhid):
    return f"192.0.2.{vhid}"


def random_mac():
    return bytes([2] + [random.randrange(256) for _ in range(5)])


class Disturbance:
    """Asks again and again. `allowed`: errors that are no fault, with their reason."""

    allowed = ()

    def __init__(self, sw, a, b):
        self.names = {"sw": sw, "a": a, "b": b}
        self.kernel = rtnl.Rtnl(a)
        self.parent = self.kernel.index("eth0")
        self.devices = {vhid: self.kernel.index(f"a{vhid}") for vhid in VHIDS}
        self.asked, self.refused, self.faults = 0, {}, []

    def ask(self, request, kernel=None):
        """True: it was accepted."""
        self.asked += 1
        try:
            (kernel or self.kernel).ask(request)
            return True
        except rtnl.Refused as refused:
            name = errno.errorcode[refused.errno]
            self.refused[name] = self.refused.get(name, 0) + 1
            if refused.errno not in self.allowed:
                self.faults.append(f"{name}: {refused.strerror}")
            return False

    def finish(self):
        """What must be the case now: {what: value}, as look() has it."""
        return {}


class MacChanges(Disturbance):
    def step(self):
        mac = random_mac()
        if self.ask(rtnl.set_link(self.parent, mac=mac)):
            self.mac = mac

    def finish(self):
        return {"parent mac": self.mac.hex(":")}


class Vhosts(Disturbance):
    """Those that come and go. They get no settings but at birth."""

    def __init__(self, *names):
        super().__init__(*names)
        self.there = {vhid: self.devices[vhid] for vhid in FLEETING}

    def step(self):
        vhid = random.choice(FLEETING)
        if vhid in self.there:
            if self.ask(rtnl.delete_link(self.there[vhid])):
                del self.there[vhid]
        elif self.ask(rtnl.add_carp(f"a{vhid}", self.parent, vhid=vhid, key=b"secret", advbase=0,
                                    advskew=random.randrange(1, 40))):
            index = self.there[vhid] = self.kernel.index(f"a{vhid}")
            self.ask(rtnl.add_address(index, virtual(vhid)))
            self.ask(rtnl.set_link(index, up=True))

    def finish(self):
        return {"fleeting": sorted(f"a{vhid}" for vhid in self.there)}


class UpDown(Disturbance):
    """A carp device set down and up: a4."""

    up = True

    def step(self):
        if self.ask(rtnl.set_link(self.devices[4], up=not self.up)):
            self.up = not self.up

    def finish(self):
        return {"a4 up": self.up}


class Addresses(Disturbance):
    """More of them, on those that stay."""

    def __init__(self, *names):
        super().__init__(*names)
        self.there = {(vhid, virtual(vhid)) for vhid in FIXED}

    def step(self):
        vhid = random.choice(FIXED)
        entry = (vhid, f"192.0.2.{vhid + random.choice((0, 100, 104, 108))}")
        if entry in self.there:
            if self.ask(rtnl.delete_address(self.devices[vhid], entry[1])):
                self.there.remove(entry)
        elif self.ask(rtnl.add_address(self.devices[vhid], entry[1])):
            self.there.add(entry)

    def finish(self):
        return {"addresses": sorted(f"{vhid} {address}/32" for vhid, address in self.there)}


class Parent(Disturbance):
    """Down and up, and its carrier lost and found. Not all the time: nothing runs meanwhile."""

    def __init__(self, *names):
        super().__init__(*names)
        self.switch = rtnl.Rtnl(self.names["sw"])
        self.port = self.switch.index("to_a")

    def step(self):
        device, kernel = random.choice(((self.parent, self.kernel), (self.port, self.switch)))
        self.ask(rtnl.set_link(device, up=False), kernel)
        time.sleep(random.choice((0, 0.01, 0.1)))
        self.ask(rtnl.set_link(device, up=True), kernel)
        time.sleep(random.uniform(0, 4))


class Renames(Disturbance):
    """The parent and a1; both stay up."""

    last = ("eth0", "a1")

    def step(self):
        one, other = random.choice(("eth0", "lan0")), random.choice(("a1", "w1"))
        if self.ask(rtnl.set_link(self.parent, name=one)):
            self.last = (one, self.last[1])
        if self.ask(rtnl.set_link(self.devices[1], name=other)):
            self.last = (self.last[0], other)

    def finish(self):
        return {"names": list(self.last)}


class Mtus(Disturbance):
    """Of the parent and of a2, which cannot exceed it and follows it down."""

    parents, a2s = 1500, 1500

    def step(self):
        mtu = random.choice((1280, 1400, 1500))
        if self.ask(rtnl.set_link(self.parent, mtu=mtu)):
            self.parents, self.a2s = mtu, min(mtu, self.a2s)
        mtu = random.choice([mtu for mtu in (1280, 1400, 1500) if mtu <= self.parents])
        if self.ask(rtnl.set_link(self.devices[2], mtu=mtu)):
            self.a2s = mtu

    def finish(self):
        return {"mtus": [self.parents, self.a2s]}


class Settings(Disturbance):
    """Of both nodes."""

    # A state can be asked of a device that runs.
    allowed = (errno.ENETDOWN,)

    def __init__(self, *names):
        super().__init__(*names)
        self.peer = rtnl.Rtnl(self.names["b"])
        self.peers = {vhid: self.peer.index(f"b{vhid}") for vhid in VHIDS}
        self.last = {f"a{vhid}": dict(A_SETTINGS) for vhid in FIXED}
        self.last |= {f"b{vhid}": dict(B_SETTINGS) for vhid in VHIDS}

    def step(self):
        if random.random() < 0.5:
            vhid = random.choice(FIXED)
            name, index, kernel = f"a{vhid}", self.devices[vhid], self.kernel
        else:
            vhid = random.choice(VHIDS)
            name, index, kernel = f"b{vhid}", self.peers[vhid], self.peer
        if random.random() < 0.2:
            self.ask(rtnl.set_carp(index, state=random.choice((1, 2))), kernel)
            return
        settings = {"advbase": random.choice((0, 0, 1)), "advskew": random.randrange(10, 100),
                    "demotion": random.choice((0, 0, 30)), "preempt": random.choice((0, 1))}
        settings = dict(random.sample(sorted(settings.items()), random.randrange(1, 5)))
        if self.ask(rtnl.set_carp(index, **settings), kernel):
            self.last[name] |= settings

    def finish(self):
        return {"settings": self.last}


class Vhids(Disturbance):
    """A device becomes another virtual host, and that one again: a3."""

    last = 3

    def step(self):
        vhid = random.choice((3, 33, 34))
        if self.ask(rtnl.set_carp(self.devices[3], vhid=vhid)):
            self.last = vhid

    def finish(self):
        return {"a3 vhid": self.last}


class Users(Disturbance):
    """Holds one inside for a while, so that operations park: the first one for sure, for somebody is
    inside before it is asked for."""

    def __init__(self, *names):
        super().__init__(*names)
        self.is_begun = False
        if not self.tell("hold 2"):
            sys.exit("nobody is let in")

    def step(self):
        if not self.is_begun:
            self.is_begun = True
            self.wait_until_parked()
        vhid = random.choice(VHIDS)
        self.tell(f"hold {vhid}")
        time.sleep(random.choice((0, 0.001, 0.05)))
        self.tell(f"release {vhid}")
        time.sleep(random.uniform(0, 0.1))

    def wait_until_parked(self):
        deadline = time.monotonic() + HANG_S / 10
        while not debugfs.has_parked(self.names["a"]):
            if time.monotonic() > deadline:
                self.faults.append("no operation has parked")
                break
            time.sleep(0.02)
        self.tell("release 2")

    def tell(self, words):
        self.asked += 1
        return debugfs.tell(self.names["a"], words)

    def finish(self):
        for vhid in (*VHIDS, 33, 34):
            self.tell(f"release {vhid}")
        return {}


class Reader(Disturbance):
    """Looks at everything."""

    def step(self):
        self.asked += 1
        self.kernel.links()
        self.kernel.addresses()
        for path in debugfs.parents(self.names["a"]):
            try:
                with open(path) as file:
                    file.read()
            except OSError:
                pass


KINDS = (MacChanges, Vhosts, UpDown, Addresses, Parent, Renames, Mtus, Settings, Vhids, Users,
         Reader)


def run(disturbance, seed, until, progress, results):
    random.seed(seed)
    while time.monotonic() < until:
        disturbance.step()
        progress.value = disturbance.asked
    results.send((disturbance.asked, disturbance.refused, disturbance.faults,
                  disturbance.finish()))


def look(kernel, peer):
    """What the disturbances tell in finish(), as it is."""
    links = kernel.links()
    by_name = {link["name"]: link for link in links.values()}
    carps = {link["name"]: link for link in links.values() if link["kind"] == "carp"}
    first = carps.get("a1") or carps["w1"]
    parent = links[first["parent"]]
    everybody = {**carps, "a1": first, **{link["name"]: link for link in peer.links().values()}}
    settings = {name: {key: link["carp"][key] for key in A_SETTINGS}
                for name, link in everybody.items()
                if link["kind"] == "carp" and name[0] in "ab" and
                (name[0] == "b" or int(name[1:]) in FIXED)}
    numbers = {carps[name]["index"]: vhid
               for vhid, name in ((1, first["name"]), (2, "a2"), (3, "a3"), (4, "a4"))}
    return {
        "parent mac": parent["mac"],
        "fleeting": sorted(name for name in carps if name in {f"a{v}" for v in FLEETING}),
        "a4 up": carps["a4"]["up"],
        "addresses": sorted(f"{numbers[index]} {address}"
                            for index, address in kernel.addresses() if index in numbers),
        "names": [parent["name"], first["name"]],
        "mtus": [parent["mtu"], carps["a2"]["mtu"]],
        "settings": settings,
        "a3 vhid": by_name["a3"]["carp"]["vhid"],
    }


def sync(namespace):
    """False: it hangs."""
    done = subprocess.run(["ip", "netns", "exec", namespace, "carp", "sync", str(HANG_S)])
    return done.returncode == 0


def say(text):
    print(f"\t{text}")


def blow(names, seconds, seed):
    """The storm itself. Returns {what: value} that must be the case now."""
    # All of them look around before the first one changes anything.
    disturbances = [kind(*names) for kind in KINDS]
    until = time.monotonic() + seconds
    processes = []
    for number, disturbance in enumerate(disturbances):
        progress = multiprocessing.Value("L", 0, lock=False)
        ours, theirs = multiprocessing.Pipe(False)
        process = multiprocessing.Process(
            target=run, args=(disturbance, seed + number, until, progress, theirs))
        process.start()
        processes.append((type(disturbance).__name__, process, progress, ours))
    next_report = time.monotonic() + 10
    while any(process.is_alive() for _, process, _, _ in processes):
        processes[0][1].join(1)
        if time.monotonic() >= next_report:
            next_report += 10
            say("asked: " + " ".join(f"{name} {progress.value}"
                                     for name, _, progress, _ in processes))
        if time.monotonic() > until + HANG_S:
            hung(processes)
    must, faults = {}, 0
    for name, process, _, pipe in processes:
        if process.exitcode or not pipe.poll():
            say(f"{name} died")
            faults += 1
            continue
        asked, refused, wrong, last = pipe.recv()
        must |= last
        say(f"{name}: {asked} asked, refused: {refused}")
        for fault in sorted(set(wrong)):
            faults += 1
            say(f"{name}: {wrong.count(fault)} times refused: {fault}")
    return must, faults


def hung(processes):
    for name, process, _, _ in processes:
        if process.is_alive():
            with open(f"/proc/{process.pid}/stack") as file:
                say(f"{name} hangs:\n{file.read()}")
            process.kill()
    debugfs.show()
    sys.exit(1)


def queues(names):
    """How long the queues became, and how long what was asked for took. Returns the faults."""
    faults = 0
    for namespace in names:
        for path in debugfs.parents(namespace):
            with open(path) as file:
                words = (line.split() for line in file)
                found = {words[0]: words[1] for words in words if len(words) == 2}
            longest, slowest = int(found["longest"]), int(found["slowest_us"]) / 1e6
            say(f"{namespace[0]}: {longest} operations waited at once, of {LONGEST} that could; "
                f"the slowest took {slowest:.2f} s, of {SLOWEST_S}")
            faults += longest > LONGEST
            faults += slowest > SLOWEST_S
    return faults


def compare(must, found):
    """How many things are not as they were asked for last."""
    wrong = [what for what in must if must[what] != found[what]]
    for what in wrong:
        say(f"{what}: asked for last {json.dumps(must[what])}")
        say(f"{what}:             is {json.dumps(found[what])}")
    return len(wrong)


def restore(kernel, peer):
    """Both nodes as they were before."""
    links = {link["name"]: link for link in kernel.links().values()}
    first = links.get("a1") or links["w1"]
    parent = first["parent"]
    kernel.ask(rtnl.set_link(first["index"], name="a1"))
    kernel.ask(rtnl.set_link(parent, name="eth0", mtu=1500))
    have = kernel.addresses()
    for vhid in VHIDS:
        link = first if vhid == 1 else links.get(f"a{vhid}")
        if link is None:
            kernel.ask(rtnl.add_carp(f"a{vhid}", parent, vhid=vhid, key=b"secret"))
            link = kernel.link(f"a{vhid}")
        index = link["index"]
        for where, address in have:
            if where == index and address != virtual(vhid) + "/32":
                kernel.ask(rtnl.delete_address(index, address.split("/")[0]))
        if (index, virtual(vhid) + "/32") not in have:
            kernel.ask(rtnl.add_address(index, virtual(vhid)))
        kernel.ask(rtnl.set_carp(index, vhid=vhid, **A_SETTINGS))
        kernel.ask(rtnl.set_link(index, up=True))
        peer.ask(rtnl.set_carp(peer.index(f"b{vhid}"), **B_SETTINGS))


def masters(*kernels):
    """{vhid: how many MASTERs}"""
    count = dict.fromkeys(VHIDS, 0)
    for kernel in kernels:
        for link in kernel.links().values():
            if link["kind"] == "carp":
                vhid = link["carp"]["vhid"]
                count[vhid] = count.get(vhid, 0) + (link["carp"]["state"] == "master")
    return count


def one_each(count):
    return set(count.values()) == {1}


def settle(kernel, peer):
    """Exactly one MASTER each within three intervals, and it stays. Returns the faults."""
    start = time.monotonic()
    # What a slow machine adds, and a BACKUP its advskew.
    limit = 3 * B_INTERVAL_S + 100 / 256 + 2 * int(os.environ["slow"])
    while not one_each(count := masters(kernel, peer)) and time.monotonic() - start < limit:
        time.sleep(0.02)
    took = time.monotonic() - start
    say(f"one MASTER for each vhid after {took:.2f} s ({took / B_INTERVAL_S:.1f} intervals)")
    if not one_each(count):
        say(f"MASTERs by vhid: {count}")
        return 1
    while time.monotonic() - start < took + 3 * B_INTERVAL_S:
        if not one_each(count := masters(kernel, peer)):
            say(f"MASTERs by vhid, later on: {count}")
            return 1
        time.sleep(0.1)
    return 0


def main():
    names, seconds, seed = sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
    say(f"STORM_SEED={seed}")
    kernel, peer = rtnl.Rtnl(names[1]), rtnl.Rtnl(names[2])
    must, faults = blow(names, seconds, seed)
    if not (sync(names[1]) and sync(names[2])):
        debugfs.show()
        sys.exit(1)
    faults += compare(must, look(kernel, peer))
    restore(kernel, peer)
    if not (sync(names[1]) and sync(names[2])):
        debugfs.show()
        sys.exit(1)
    faults += queues(names[1:])
    faults += settle(kernel, peer)
    sys.exit(faults != 0)


main()
