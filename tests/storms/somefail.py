# SPDX-License-Identifier: GPL-2.0
"""somefail.py NAMESPACE FILE ROUNDS: while FILE, the probability of a failure, is 1 (percent), asks for
changes until each is accepted; in the end everything is as asked, and packets find their way."""

import errno
import itertools
import re
import subprocess
import sys
import time

import adverts
import rtnl

TRACE = "/sys/kernel/tracing/instances/carp/trace"

namespace, path, rounds = *sys.argv[1:3], int(sys.argv[3])
rtnl.enter(namespace)
kernel, genl = rtnl.Rtnl(), rtnl.Genl()
parent = kernel.index("eth0")
attempts = refused = 0


def fail(percent):
    with open(path, "w") as file:
        file.write(str(percent))


def ask(request):
    """Until it is accepted."""
    global attempts, refused
    for _ in range(1000):
        attempts += 1
        try:
            kernel.ask(request)
            return
        except rtnl.Refused as answer:
            refused += 1
            # EINVAL: see failnth.py.
            allowed = (errno.ENOMEM, errno.ENOBUFS, *[errno.EINVAL] * bool(request[1]))
            if answer.errno not in allowed:
                fail(0)
                sys.exit(f"{request[0]} refused: {answer}")
    fail(0)
    sys.exit("refused a thousand times")


def taken_over():
    """The MAC address of the last operation on it."""
    with open(TRACE) as file:
        found = re.findall("carp_parent_address: parent=eth0 address=(.*)", file.read())
    return found[-1] if found else None


def addresses(vhid):
    """That it has in the end."""
    return [f"192.0.2.{vhid}", f"192.0.2.{100 + vhid}", f"2001:db8::{vhid}"]


def not_local():
    """The addresses that this host does not take for its own, though it is MASTER of all."""
    def way(address):
        return subprocess.run(["ip", "-n", namespace, "route", "get", address],
                              capture_output=True, text=True, check=False).stdout
    return [address for vhid in devices for address in addresses(vhid)
            if not way(address).startswith("local")]


devices = {}
for vhid in range(1, 5):
    kernel.ask(rtnl.add_carp(f"a{vhid}", parent, vhid=vhid, key=b"secret", advbase=0, advskew=10,
                             grace=0))
    devices[vhid] = kernel.index(f"a{vhid}")
    for address in addresses(vhid)[:1] + addresses(vhid)[2:]:
        kernel.ask(rtnl.add_address(devices[vhid], address))
    kernel.ask(rtnl.set_link(devices[vhid], up=True))

fail(1)
must = {}
for number, vhid in zip(range(rounds), itertools.cycle(devices)):
    mac = bytes([2, 0, 0, 4, 0, number & 255])
    ask(rtnl.set_link(parent, mac=mac))
    must[vhid] = 10 + number % 100
    ask(rtnl.set_carp(devices[vhid], advskew=must[vhid]))
    for other in ("192.0.2.200", "2001:db8::200"):
        ask(rtnl.add_address(devices[vhid], other))
        ask(rtnl.delete_address(devices[vhid], other))
    ask(rtnl.set_link(devices[vhid], up=False))
    ask(rtnl.set_link(devices[vhid], up=True))
    # A device that comes and goes. If its deletion could fail, it would stay.
    ask(rtnl.add_carp("a9", parent, vhid=9))
    ask(rtnl.set_link(kernel.index("a9"), up=True))
    ask(rtnl.delete_link(kernel.index("a9")))
# The last that happens to each of them.
for vhid in devices:
    ask(rtnl.add_address(devices[vhid], f"192.0.2.{100 + vhid}"))
fail(0)
genl.sync(60)

links = kernel.links()
found = {vhid: links[devices[vhid]]["carp"]["advskew"] for vhid in must}
faults = []
if found != must:
    faults.append(f"advskew was set to {must} and is {found}")
if links[parent]["mac"] != mac.hex(":"):
    faults.append("the parent has another MAC address than it was given")
if taken_over() != mac.hex(":"):
    faults.append(f"{taken_over()} was taken over last, and not {mac.hex(':')}")
if wrong := adverts.wrong(devices, b"secret", addresses):
    faults.append(wrong)
until = time.monotonic() + 20
while not_local() and time.monotonic() < until:
    time.sleep(0.1)
if away := not_local():
    faults.append(f"not local: {away}")
filters = {mac for index, mac in kernel.filters() if index == parent}
if missing := {f"00:00:5e:00:01:{vhid:02x}" for vhid in devices} - filters:
    faults.append(f"the parent does not let in {missing}")
for index in devices.values():
    kernel.ask(rtnl.delete_link(index))
print(f"\t{attempts} requests, {refused} of them refused for want of memory")
for fault in faults:
    print(f"\t{fault}")
sys.exit(bool(faults))
