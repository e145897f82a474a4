# SPDX-License-Identifier: GPL-2.0
"""first_answers.py [--held FILE] FILE ADDRESS MASTER MS KIND...: what is said to ADDRESS from the
first advert of MASTER in the capture on, by each KIND (echo: ICMP; tcp: the beginning of a
connection). The very first of it must have been answered, after so many milliseconds at most; with
--held, while RTNL was held for half a second or more, as rtnl_watch.py has written."""

import struct
import sys

import wire

ECHO = {4: (8, 0), 6: (128, 129)}


def packets(path):
    """(seconds, version, protocol, source, destination, payload) of what is whole."""
    for seconds, frame in wire.read_pcap(path):
        kind, data = frame[12:14], frame[14:]
        if kind == b"\x08\x00" and len(data) >= 20:
            yield seconds, 4, data[9], data[12:16], data[16:20], data[(data[0] & 15) * 4:]
        elif kind == b"\x86\xdd" and len(data) >= 40:
            yield seconds, 6, data[6], data[8:24], data[24:40], data[40:]


def question(kind, version, protocol, payload):
    """What tells a question and its answer from others: (is an answer, key), or None."""
    if kind == "tcp" and protocol == 6:
        client, server, _, _, _, flags = struct.unpack_from("!HHIIBB", payload)
        if flags & 0x17 == 0x02:
            return False, client
        # Refused is an answer too, but not the one that is waited for.
        return (True, server) if flags & 0x12 == 0x12 else None
    if kind == "echo" and protocol == (1 if version == 4 else 58):
        request, reply = ECHO[version]
        if payload[0] in (request, reply):
            return payload[0] == reply, payload[4:8]
    return None


def judge(path, address, master, kind):
    """When the advert came, the first question behind it, and the answer to that."""
    taken_over = None
    asked = {}
    answered = {}
    for seconds, version, protocol, source, destination, payload in packets(path):
        if protocol == 112 and source == master and taken_over is None:
            taken_over = seconds
        found = question(kind, version, protocol, payload)
        if taken_over is None or found is None:
            continue
        is_answer, key = found
        if is_answer and source == address and key in asked:
            answered.setdefault(key, seconds)
        elif not is_answer and destination == address:
            asked.setdefault(key, seconds)
    if taken_over is None:
        sys.exit("there is no advert in the capture")
    if not asked:
        sys.exit(f"{kind}: no questions")
    first = next(iter(asked))
    if first not in answered:
        sys.exit(f"{kind}: of {len(asked)} questions {len(answered)} were answered, not the first")
    return taken_over, asked[first], answered[first]


def held(path, begin, end):
    """How long RTNL was held then, in milliseconds; 0: it was free some of the time."""
    for line in open(path):
        first, *last = line.split()
        if last and float(first) < begin and end < float(last[0]):
            return (float(last[0]) - float(first)) * 1000
    return 0


arguments = sys.argv[1:]
watched, arguments = (arguments[1], arguments[2:]) if arguments[0] == "--held" else (None, arguments)
capture, virtual, own, limit, *kinds = arguments
said = []
is_good = True
for name in kinds:
    advert, question_at, answer_at = judge(capture, wire.packed(virtual), wire.packed(own), name)
    asked_ms, answered_ms = (question_at - advert) * 1000, (answer_at - advert) * 1000
    is_good &= answered_ms - asked_ms <= float(limit)
    said.append(f"{name}: asked {asked_ms:.1f} ms, answered {answered_ms:.1f} ms after the advert")
    if watched:
        held_ms = held(watched, advert, answer_at)
        is_good &= held_ms >= 500
        said.append(f"RTNL held {held_ms:.0f} ms")
print("; ".join(said))
sys.exit(not is_good)
