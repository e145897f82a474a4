# SPDX-License-Identifier: GPL-2.0
"""cycles.py rmmod|netns SWITCH A B COUNT: builds a running pair and takes it away at once, again
and again, under the traffic of others.

rmmod: the module is removed with everything in it. netns: A is a namespace of its own each time,
and deleted with everything in it.
"""

import glob
import os
import subprocess
import sys
import time

import debugfs
import rtnl

VHIDS = range(1, 5)
# Longer than any step may take on a slow machine under traffic.
HANG_S = 100 * int(os.environ["slow"])


def run(*command):
    subprocess.run(command, check=True, timeout=HANG_S)


def wait(what, condition):
    until = time.monotonic() + HANG_S
    while not condition():
        if time.monotonic() > until:
            for path in glob.glob("/sys/kernel/debug/carp/*"):
                with open(path) as file:
                    print(f"{path}:\n{file.read()}")
            sys.exit(f"not within {HANG_S} s: {what}")
        time.sleep(0.01)


def vhosts(kernel, prefix, skew):
    """Four of them; they become MASTER within 50 ms if they hear nobody better."""
    parent = kernel.index("eth0")
    for vhid in VHIDS:
        kernel.ask(rtnl.add_carp(f"{prefix}{vhid}", parent, vhid=vhid, key=b"secret", advbase=0,
                                 advskew=skew, preempt=1))
        index = kernel.index(f"{prefix}{vhid}")
        kernel.ask(rtnl.add_address(index, f"192.0.2.{vhid}"))
        kernel.ask(rtnl.set_link(index, up=True))


def is_master(kernel, name):
    link = kernel.link(name)
    return link is not None and link["carp"]["state"] == "master"


def carps(kernel):
    return [link["name"] for link in kernel.links().values() if link["kind"] == "carp"]


def disturb(kernel, namespace, cycle):
    """So that it goes at another moment each time: in peace, at rest, with requests waiting, parked
    with somebody inside."""
    parent = kernel.index("eth0")
    if cycle % 5 == 4 and not debugfs.tell(namespace, "hold 2"):
        sys.exit("nobody is let in")
    for number in range(cycle % 4):
        kernel.ask(rtnl.set_link(parent, mac=bytes([2, 0, 0, 2, cycle & 255, number])))
        kernel.ask(rtnl.set_carp(kernel.index("a1"), advskew=1 + number))
    if cycle % 5 == 4 and cycle % 4:
        wait("an operation parks", lambda: debugfs.has_parked(namespace))


def rmmod(sw, a, b, cycle):
    first, second = rtnl.Rtnl(a), rtnl.Rtnl(b)
    run("modprobe", "carp")
    vhosts(first, "a", 1)
    vhosts(second, "b", 3)
    if cycle % 2:
        wait("a1 is MASTER", lambda: is_master(first, "a1"))
    disturb(first, a, cycle)
    run("rmmod", "carp")
    for kernel in (first, second):
        if left := carps(kernel):
            sys.exit(f"rmmod has left {left}")


def netns(sw, a, b, cycle):
    run("ip", "netns", "add", a)
    run("ip", "link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", "to_a",
        "netns", sw)
    switch, kernel = rtnl.Rtnl(sw), rtnl.Rtnl(a)
    run("ip", "-n", sw, "link", "set", "to_a", "master", "br0", "up")
    parent = kernel.index("eth0")
    kernel.ask(rtnl.add_address(parent, "192.0.2.11", 24))
    kernel.ask(rtnl.set_link(parent, up=True))
    vhosts(kernel, "a", 1)
    if cycle % 2:
        wait("a1 is MASTER", lambda: is_master(kernel, "a1"))
    disturb(kernel, a, cycle)
    # A socket would keep the namespace.
    kernel.socket.close()
    run("ip", "netns", "del", a)
    wait("the namespace goes", lambda: switch.link("to_a") is None)


def main():
    kind, names, count = sys.argv[1], sys.argv[2:5], int(sys.argv[5])
    start = time.monotonic()
    for cycle in range(count):
        (rmmod if kind == "rmmod" else netns)(*names, cycle)
        if (cycle + 1) % max(1, count // 10) == 0:
            print(f"\t{cycle + 1} of {count}, {time.monotonic() - start:.0f} s")
    if kind == "netns":
        wait("only the parent of B is left",
             lambda: len(os.listdir("/sys/kernel/debug/carp")) == 1)


main()
