# SPDX-License-Identifier: GPL-2.0
"""check_order.py TRACE PARENT SYNCED: the operations of a group, one at a time: each starts when the
one before it has finished; what is folded is folded into one that has started and not finished.
SYNCED, when `carp sync` returned, comes behind the end of all of them that are requests."""

import re
import sys

EVENT = re.compile(r" (\d+\.\d+): carp_op_(start|fold|finish): group=(\S+) kind=(\S+) origin=(\S+)")


def main():
    path, parent, synced = sys.argv[1:]
    current, folded, last = None, 0, 0.0
    with open(path) as file:
        events = [found.groups() for found in map(EVENT.search, file) if found]
    for seconds, event, group, kind, origin in events:
        if group != parent:
            continue
        if (current is None) != (event == "start"):
            sys.exit(f"{seconds}: {event} of {kind} while {current} is under way")
        if event == "start":
            current = kind
        elif event == "fold":
            folded += 1
        elif kind != current:
            sys.exit(f"{seconds}: {kind} finishes, and {current} is under way")
        else:
            current = None
        if origin == "request" and kind != "sync" and event != "start":
            last = float(seconds)
    late = (float(synced) - last) * 1000
    print(f"\t{folded} folded; carp sync returned {late:.1f} ms behind the last request's end")
    sys.exit(late < 0)


main()
