# SPDX-License-Identifier: GPL-2.0
"""The timeline of the demo: printed, and drawn as an SVG.

    draw.py FOLDER SVG

FOLDER has what was recorded: `events` (what the demo did), `a` and `b` (what `ip -d monitor link`
said of carp0 there), `pings` (of the client, see ping.py).
"""

import datetime
import html
import re
import sys
from pathlib import Path
from types import SimpleNamespace

# An answer that takes longer is none.
PATIENCE = 1.0

WIDTH, LEFT, RIGHT = 1000, 120, 30
TOP, PANEL, LANE, GAP, WIDE_GAP = 96, 254, 30, 14, 34
COLOURS = {"a": "#2b6cb0", "b": "#c05621", "answered": "#9ae6b4", "lost": "#e53e3e"}
WORDS = {"master": "MASTER", "backup": "BACKUP", "init": "no link"}


# What was recorded.

def read_states(path):
    """[(when, state, reason)] of one node."""
    found = {}
    for line in path.read_text().splitlines():
        seen = re.search(r"carp state (\w+) .*reason (\S+) changed (\S+)Z", line)
        if seen:
            when = datetime.datetime.fromisoformat(seen[3] + "+00:00").timestamp()
            found[when] = (when, seen[1], seen[2])
    return [found[when] for when in sorted(found)]


def read_pings(path):
    """[(asked, whether it was answered)]"""
    pings = []
    for line in path.read_text().splitlines()[1:]:
        asked, answered = map(float, line.split())
        pings.append((asked, 0 < answered - asked < PATIENCE))
    return pings


def read_phases(folder):
    """What happened between a "begin" and an "end"."""
    states = {node: read_states(folder / node) for node in "ab"}
    pings = read_pings(folder / "pings")
    phases = []
    for line in (folder / "events").read_text().splitlines():
        when, what = line.split(" ", 1)
        if what.startswith("begin"):
            phases.append(SimpleNamespace(name=what.removeprefix("begin "), begin=float(when)))
        else:
            setattr(phases[-1], what, float(when))
    for phase in phases:
        phase.states = {node: spans(states[node], phase) for node in "ab"}
        phase.pings = [ping for ping in pings if phase.begin <= ping[0] <= phase.end]
        phase.taken = next(when for when, state, _ in states["b"]
                           if state == "master" and when >= phase.cut)
        phase.back = next(when for when, state, _ in states["a"]
                          if state == "master" and when >= phase.restored)
        phase.lost = count_lost(phase, phase.cut, phase.restored)
        phase.lost_again = count_lost(phase, phase.restored, phase.end)
    return phases


def spans(states, phase):
    """[(from, to, state, reason)] that cover the phase."""
    found = []
    for (when, state, reason), following in zip(states, states[1:] + [(phase.end, "", "")]):
        begin, end = max(when, phase.begin), min(following[0], phase.end)
        if begin < end:
            found.append((begin, end, state, reason))
    return found


def count_lost(phase, begin, end):
    return sum(not good for asked, good in phase.pings if begin <= asked < end)


def duration(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


# The text.

def describe(phase):
    """Lines of text."""
    lines = [(phase.cut, "A's link is cut"), (phase.restored, "A's link is restored")]
    for node in "ab":
        before = ""
        for begin, _, state, reason in phase.states[node]:
            # `ip monitor` is told the last one only of changes in quick succession.
            again = " again" * (state == before)
            before = state
            if begin > phase.begin:
                lines.append((begin, f"{node.upper()} becomes {state.upper()}{again} ({reason})"))
    yield f"With {phase.name}:"
    for when, what in sorted(lines):
        yield f"  {when - phase.begin:7.3f} s  {what}"
    yield (f"  failover: {duration(phase.taken - phase.cut)}, {phase.lost} pings lost; return: "
           f"{phase.lost_again} lost; of {len(phase.pings)} pings")


# The picture.

def text(x, y, words, size=14, anchor="start", colour="#2d3748", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}" font-weight="{weight}">{html.escape(words)}</text>')


def bar(x, y, width, height, colour, extra=""):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" '
            f'fill="{colour}" {extra}/>')


def line(x1, y1, x2, y2, colour, extra=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'{extra}/>')


def draw_node(node, lane, states, place):
    """A thick bar while MASTER, a thin line while BACKUP, dots without a link."""
    middle = lane + LANE / 2
    for begin, end, state, _ in states:
        x, width = place(begin), place(end) - place(begin)
        if state == "master":
            yield bar(x, lane, width, LANE, COLOURS[node], 'rx="3"')
            if width > 70:
                yield text(x + width / 2, middle + 5, "MASTER", 13, "middle", "#ffffff", "bold")
        else:
            dots = 'stroke-dasharray="1 5" stroke-linecap="round"' if state == "init" else ""
            yield line(x, middle, x + width, middle, COLOURS[node], f'stroke-width="2.5" {dots}')
            if width > 70:
                yield text(x + width / 2, middle - 7, WORDS[state], 12, "middle", COLOURS[node])


def draw_pings(lane, pings, place, end):
    """Runs of answered and lost ones."""
    yield bar(place(pings[0][0]), lane, place(end) - place(pings[0][0]), LANE, COLOURS["answered"],
              'rx="3"')
    began = None
    for asked, good in pings + [(end, True)]:
        if good and began is not None:
            yield bar(place(began), lane, place(asked) - place(began), LANE, COLOURS["lost"])
            began = None
        elif not good and began is None:
            began = asked


def draw_axis(y, phase, place):
    """Seconds since the beginning of the phase."""
    length = phase.end - phase.begin
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5) if length / s <= 14)
    yield line(LEFT, y, WIDTH - RIGHT, y, "#a0aec0")
    for number in range(int(length / step) + 1):
        x = place(phase.begin + number * step)
        yield line(x, y, x, y + 5, "#a0aec0")
        yield text(x, y + 20, f"{number * step:g} s", 12, "middle", "#4a5568")


def draw_panel(top, phase):
    def place(when):
        return LEFT + (when - phase.begin) / (phase.end - phase.begin) * (WIDTH - LEFT - RIGHT)

    lanes = [top + 48, top + 48 + LANE + GAP, top + 48 + 2 * LANE + GAP + WIDE_GAP]
    bottom = lanes[2] + LANE + 10
    yield text(LEFT, top + 8, phase.name, 16, weight="bold")
    for lane, name in zip(lanes, ("node A", "node B", "client")):
        yield text(LEFT - 14, lane + LANE / 2 + 5, name, 15, "end")
    yield text(LEFT - 14, lanes[2] + LANE / 2 + 20, "100 pings/s", 11, "end", "#718096")

    for when, what in ((phase.cut, "A’s link is cut"), (phase.restored, "restored")):
        yield line(place(when), top + 36, place(when), bottom, "#4a5568", 'stroke-dasharray="4 3"')
        yield text(place(when), top + 30, what, 12, "middle", "#4a5568")
    yield from draw_pings(lanes[2], phase.pings, place, phase.end)
    for node, lane in zip("ab", lanes):
        yield from draw_node(node, lane, phase.states[node], place)

    # How long nobody answers, and what that costs.
    x1, x2 = place(phase.cut), place(phase.taken)
    y, took, lost = lanes[2] - WIDE_GAP / 2, duration(phase.taken - phase.cut), f"{phase.lost} lost"
    yield line(x1, y, x2, y, "#1a202c", 'stroke-width="1.5"')
    for x in (x1, x2):
        yield line(x, y - 5, x, y + 5, "#1a202c", 'stroke-width="1.5"')
    if x2 - x1 > 100:
        yield bar((x1 + x2) / 2 - 32, y - 8, 64, 16, "#ffffff")
        yield text((x1 + x2) / 2, y + 5, took, 14, "middle", "#1a202c", "bold")
        yield text((x1 + x2) / 2, lanes[2] + LANE / 2 + 5, lost, 13, "middle", "#ffffff", "bold")
    else:
        yield text(x1 - 8, y + 5, took, 14, "end", "#1a202c", "bold")
        yield text(x1 - 8, lanes[2] + LANE / 2 + 5, lost, 13, "end", COLOURS["lost"], "bold")
    yield from draw_axis(bottom, phase, place)


def draw(phases):
    height = TOP + PANEL * len(phases) - 10
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'font-family="DejaVu Sans, Verdana, Helvetica, sans-serif">')
    yield bar(0, 0, WIDTH, height, "#ffffff")
    took = ", after ".join(f"{duration(phase.taken - phase.cut)} with {phase.name.split(' (')[0]}"
                           for phase in phases)
    lost = sum(phase.lost_again for phase in phases)
    yield text(LEFT, 38, "Two nodes share an address: A is cut off, B takes over", 22,
               weight="bold")
    yield text(LEFT, 62, f"B answers after {took}. When A returns, "
               f"{lost or 'no'} ping{'s are' if lost != 1 else ' is'} lost.", 14)
    for number, phase in enumerate(phases):
        yield from draw_panel(TOP + PANEL * number, phase)
    yield "</svg>"


def main():
    phases = read_phases(Path(sys.argv[1]))
    for phase in phases:
        for words in describe(phase):
            print(words)
    Path(sys.argv[2]).write_text("\n".join(draw(phases)) + "\n")


main()
