# SPDX-License-Identifier: GPL-2.0
"""join_and_leave.py NAMESPACE SECONDS SEED: three parents, ethN with the device aN+1, each of which
joins and leaves groups by a process of its own, while another one has operations park. In the end
each is in the group that was asked for last, with the advskew and vhid that were asked for last."""

import multiprocessing
import random
import sys
import time

import debugfs
import rtnl

GROUPS = (b"\0", b"one\0", b"two\0", b"three\0")


def vhids(number):
    """Those that the device aNUMBER may have."""
    return number, number + 10, number + 20


def join(namespace, number, seed, until, results):
    random.seed(seed)
    kernel = rtnl.Rtnl(namespace)
    index = kernel.index(f"a{number}")
    parent = kernel.index(f"eth{number - 1}")
    asked, vhid = 0, number
    while time.monotonic() < until:
        group, advskew = random.choice(GROUPS), random.randrange(40, 60)
        if random.random() < 0.3:
            vhid = random.choice(vhids(number))
            kernel.ask(rtnl.set_carp(index, vhid=vhid, group=group, advskew=advskew))
            asked += 1
        else:
            kernel.ask(rtnl.set_carp(index, group=group))
            kernel.ask(rtnl.set_carp(index, advskew=advskew))
            asked += 2
        if random.random() < 0.2:
            kernel.ask(rtnl.set_link(parent, mac=bytes([2, 0, 0, 5, number, asked & 255])))
        if random.random() < 0.1:
            kernel.ask(rtnl.set_link(index, up=False))
            kernel.ask(rtnl.set_link(index, up=True))
    results.send((asked, group, advskew, vhid))


def hold(namespace, seed, until):
    random.seed(seed)
    # Somebody is inside of each since before the first operation.
    while not debugfs.has_parked(namespace) and time.monotonic() < until:
        time.sleep(0.02)
    for vhid in 1, 2, 3:
        debugfs.tell(namespace, f"release {vhid}")
    while time.monotonic() < until:
        vhid = random.choice(vhids(random.randrange(1, 4)))
        debugfs.tell(namespace, f"hold {vhid}")
        time.sleep(random.choice((0, 0.001, 0.05)))
        debugfs.tell(namespace, f"release {vhid}")
        time.sleep(random.uniform(0, 0.05))


def main():
    namespace, seconds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(f"\tSTORM_SEED={seed}")
    for vhid in 1, 2, 3:
        if not debugfs.tell(namespace, f"hold {vhid}"):
            sys.exit("nobody is let in")
    until = time.monotonic() + seconds
    processes, pipes = [], {}
    for number in (1, 2, 3):
        pipes[number], theirs = multiprocessing.Pipe(False)
        processes.append(multiprocessing.Process(
            target=join, args=(namespace, number, seed + number, until, theirs)))
    processes.append(multiprocessing.Process(target=hold, args=(namespace, seed, until)))
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    must = {number: pipe.recv() for number, pipe in pipes.items()}
    rtnl.enter(namespace)
    try:
        rtnl.Genl().sync(60)
    except OSError as stuck:
        debugfs.show()
        sys.exit(f"stuck: {stuck}")
    kernel, faults = rtnl.Rtnl(), 0
    for number, (asked, *last) in must.items():
        carp = kernel.link(f"a{number}")["carp"]
        found = [carp.get("group", b"\0"), carp["advskew"], carp["vhid"]]
        print(f"\ta{number}: {asked} asked")
        if found != last:
            faults += 1
            print(f"\ta{number}: asked for last {last}, and is {found}")
    sys.exit(faults != 0)


main()
