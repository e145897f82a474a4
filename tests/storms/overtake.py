# SPDX-License-Identifier: GPL-2.0
"""overtake.py NAMESPACE PARENT DEBUGFS-FILE ROUNDS: lets requests wait behind a parked operation,
and asks more while they are being applied. Whatever the way, the last one asked is the one that
counts, of each device."""

import random
import subprocess
import sys

import rtnl

namespace, parent, file, rounds = *sys.argv[1:4], int(sys.argv[4])
kernel = rtnl.Rtnl(namespace)
parent = kernel.index(parent)
first, second = kernel.index("a1"), kernel.index("a2")


def tell(words):
    with open(file, "w") as debugfs:
        debugfs.write(words)


failures = 0
for number in range(rounds):
    # While the group is at rest these wait. Each device that joins takes a grace period, during
    # which there is an opportunity to push in before those that still wait.
    tell("hold 3")
    kernel.ask(rtnl.set_link(parent, mac=bytes([2, 0, 0, 1, number >> 8, number & 255])))
    joining = []
    for vhid in range(10, 20):
        kernel.ask(rtnl.add_carp(f"a{vhid}", parent, vhid=vhid))
        joining.append(kernel.index(f"a{vhid}"))
        kernel.ask(rtnl.set_link(joining[-1], up=True))
    kernel.ask(rtnl.set_carp(first, advskew=0))
    kernel.ask(rtnl.set_carp(second, advskew=0))
    tell("release 3")
    for last in range(1, random.randrange(2, 200)):
        kernel.ask(rtnl.set_carp(first, advskew=last))
        kernel.ask(rtnl.set_carp(second, advskew=last))
    if subprocess.run(["ip", "netns", "exec", namespace, "carp", "sync", "60"]).returncode:
        with open(file) as debugfs:
            sys.exit(f"round {number}: stuck:\n{debugfs.read()}")
    links = kernel.links()
    found = [links[index]["carp"]["advskew"] for index in (first, second)]
    if found != [last, last]:
        failures += 1
        print(f"\tround {number}: advskew was set to 0 ... {last}, and is {found} behind that")
    for index in joining:
        kernel.ask(rtnl.delete_link(index))
sys.exit(failures != 0)
