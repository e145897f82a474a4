# SPDX-License-Identifier: GPL-2.0
"""Checks the trace of one change of a parent's MAC address, step for step, and the adverts that a
capture of the parent has of the same time: none between a virtual host's down and its up, all of
them right to the last byte."""

import argparse
import re
import struct
import sys

import wire


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trace", required=True)
    parser.add_argument("--pcap")
    parser.add_argument("--parent", required=True)
    parser.add_argument("--mac", required=True, help="the new address")
    parser.add_argument("--device", required=True, help="what the carp devices' names begin with")
    parser.add_argument("--vhosts", type=int, required=True)
    parser.add_argument("--was", help="the state before and after")
    parser.add_argument("--key", type=str.encode)
    parser.add_argument("--source")
    return parser.parse_args()


def read_trace(path):
    """[(seconds, event, {field: value})]"""
    events = []
    with open(path) as file:
        for line in file:
            found = re.search(r" (\d+\.\d+): (carp_\w+): (.*)", line)
            if found:
                fields = dict(word.split("=", 1) for word in found[3].split())
                events.append((float(found[1]), found[2], fields))
    return events


def of_parent(fields, args):
    """Whether an event is about the parent or what stands on it."""
    name = fields.get("group") or fields.get("parent")
    device = fields.get("device", "")
    return name == args.parent or re.fullmatch(args.device + r"\d+", device) is not None


def the_operation(args):
    """The events from the start to the finish of the only operation on the MAC address."""
    events = [event for event in read_trace(args.trace) if of_parent(event[2], args)]
    bounds = [at for at, (_, name, fields) in enumerate(events)
              if fields.get("kind") == "parent-address"
              and name in ("carp_op_start", "carp_op_finish")]
    names = [events[at][1] for at in bounds]
    if names != ["carp_op_start", "carp_op_finish"]:
        sys.exit(f"the operation's start and finish are: {names}")
    return events[bounds[0]:bounds[1] + 1]


def expected_steps(args, parked, generation):
    """(event, {field: value that it must have}) in their order."""
    operation = {"kind": "parent-address", "origin": "event", "vhid": "0"}
    address = ("carp_parent_address", {"address": args.mac})
    steps = [("carp_op_start", operation)]
    if args.vhosts:
        steps += [("carp_state", {"from": args.was, "to": "INIT", "reason": "at-rest"})
                  ] * args.vhosts
        steps += [("carp_if_swap", {"vhosts": "0", "generation": str(generation)}),
                  ("carp_if_free", {"snapshots": "1"})]
        if parked:
            steps += [("carp_op_park", operation), ("carp_op_resume", operation)]
        steps += [address, ("carp_if_swap", {"vhosts": str(args.vhosts),
                                             "generation": str(generation + 1)})]
        reason = "resumed" if args.was == "MASTER" else "started"
        steps += [("carp_state", {"from": "INIT", "to": args.was, "reason": reason})
                  ] * args.vhosts
    else:
        steps += [address]
    return steps + [("carp_op_finish", operation)]


def check_steps(events, args):
    """Returns {vhid: (down, up)}."""
    parked = any(name == "carp_op_park" for _, name, _ in events)
    swap = next((fields for _, name, fields in events if name == "carp_if_swap"), {})
    steps = expected_steps(args, parked, int(swap.get("generation", 0)))
    shown = "\n".join(f"  {seconds:.6f} {name} {fields}" for seconds, name, fields in events)
    for number, ((_, name, fields), (must_name, must)) in enumerate(zip(events, steps)):
        if name != must_name or any(fields.get(key) != value for key, value in must.items()):
            sys.exit(f"step {number} must be {must_name} {must}:\n{shown}")
    if len(events) != len(steps):
        sys.exit(f"there are {len(events)} steps and not {len(steps)}:\n{shown}")

    moves = {"down": [], "up": []}
    for seconds, name, fields in events:
        if name == "carp_state":
            vhid = int(fields["device"][len(args.device):])
            moves["down" if fields["to"] == "INIT" else "up"].append((vhid, seconds))
    everybody = list(range(1, args.vhosts + 1))
    for way, moved in moves.items():
        if sorted(vhid for vhid, _ in moved) != everybody:
            sys.exit(f"not everybody goes {way}, once:\n{shown}")
    up = dict(moves["up"])
    took = (events[-1][0] - events[0][0]) * 1000
    print(f"\t{len(events)} steps in {took:.1f} ms, {'parked' if parked else 'not parked'}")
    return {vhid: (seconds, up[vhid]) for vhid, seconds in moves["down"]}


def check_adverts(frames, vhid, down, up, args):
    before = after = 0
    previous = None
    for number, (seconds, data) in enumerate(frames):
        if down < seconds < up:
            sys.exit(f"vhid {vhid} was down {down:.6f} to {up:.6f}, with an advert at {seconds:.6f}")
        before += seconds < up
        after += seconds >= up
        counter = wire.counter_of(data)
        if not wire.grows(previous, counter):
            sys.exit(f"vhid {vhid}: the counter {counter:#x} follows {previous:#x}")
        previous = counter
        ident, = struct.unpack("!H", data[18:20])
        must = wire.frame(wire.packet(
            wire.advert(args.key, [f"192.0.2.{vhid}"], vhid=vhid, counter=counter),
            args.source, ident=ident), vhid)
        if data != must:
            sys.exit(f"vhid {vhid}, advert {number}:\n sent {data.hex()}\n must {must.hex()}")
    if before < 2 or after < 2:
        sys.exit(f"vhid {vhid}: {before} adverts before, {after} after: too few to tell")
    return after


def main():
    args = arguments()
    moves = check_steps(the_operation(args), args)
    if not args.pcap:
        return
    adverts = {vhid: [] for vhid in moves}
    for seconds, data in wire.read_pcap(args.pcap):
        if wire.is_advert(data):
            adverts[data[35]].append((seconds, data))
    after = [check_adverts(adverts[vhid], vhid, *moves[vhid], args) for vhid in moves]
    print(f"\t{sum(len(frames) for frames in adverts.values())} adverts, {sum(after)} of them "
          "behind the change")


main()
