# SPDX-License-Identifier: GPL-2.0
"""syncs.py NAMESPACE DEBUGFS-FILE VHID: asks again and again to be told when all is done, of a group
that is parked, with this vhid held, and that somebody waits for already. So many are told, once it is released and not before; the rest
are refused at once."""

import errno
import sys

import rtnl

# See rust/group/answers.rs: the first is somebody else's, and so many wait with the second.
ROOM = 32
ASKED = ROOM + 8


def answers(genl, count, seconds):
    """The sequence numbers of so many answers, and the errors."""
    told, refused = [], []
    for _ in range(count):
        try:
            told.append(genl.answer(seconds))
        except rtnl.Refused as answer:
            if answer.errno == errno.EAGAIN:
                break
            refused.append(answer.errno)
    return told, refused


def main():
    namespace, path, vhid = sys.argv[1:]
    rtnl.enter(namespace)
    genl = rtnl.Genl()
    first = genl.sequence + 1
    for _ in range(ASKED):
        genl.ask_to_sync()
    told, refused = answers(genl, ASKED, 0.5)
    print(f"\t{ASKED} asked: {len(told)} told at once, {len(refused)} refused")
    if told or refused != [errno.EBUSY] * (ASKED - ROOM):
        sys.exit(f"told {told}, refused {refused}")
    with open(path, "w") as file:
        file.write(f"release {vhid}")
    told, refused = answers(genl, ROOM, 60)
    if sorted(told) != list(range(first, first + ROOM)) or refused:
        sys.exit(f"released: told {told}, refused {refused}")
    if (more := answers(genl, 1, 0.2)) != ([], []):
        sys.exit(f"told once more: {more}")
    genl.sync(60)


main()
