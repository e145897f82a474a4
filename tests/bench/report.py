# SPDX-License-Identifier: GPL-2.0
"""What the benchmarks have measured, beside what it is compared with.

    report.py FOLDER COMMIT [--store]

FOLDER has the output of each benchmark, NAME.log: "kernel RELEASE", and a line for each figure: its
name, two blanks or more, its columns. Prints the figures and their ratios, and writes all of it into
FOLDER/bench.json. Fails if a ratio is worse than the one in `stored.json` by more than 3 %.

--store: these are the ratios to compare with from now on, and docs/measurements.md has these figures.
"""

import html
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
STORED = HERE / "stored.json"
DOCS = HERE.parent.parent / "docs"

COLUMNS = {
    "forwarded": ("IPv4", "IPv6"),
    "received": ("IPv4", "IPv6"),
    "sent": ("IPv4", "IPv6"),
    "adverts": ("sent", "received"),
    "rtnl": ("longest", "in all"),
}
# How much worse a ratio may be.
TOLERANCE = 1.03


class Compared(NamedTuple):
    """One column of a figure, beside what it is compared with."""
    name: str
    figure: str
    column: str
    value: int
    base: int
    bar: str

    @property
    def key(self):
        return f"{self.name}: {self.figure}, {self.column}"

    @property
    def ratio(self):
        return self.value / self.base

    @property
    def met(self):
        """None: there is no bar."""
        if self.bar == "-":
            return None
        if self.bar.startswith("+"):
            return self.value <= self.base + float(self.bar)
        if self.bar.startswith("<"):
            return self.value <= float(self.bar[1:])
        return self.value <= self.base * float(self.bar[1:])


def read_figures(folder):
    """{benchmark: {figure: [numbers]}}, and the kernel."""
    figures, kernel = {}, ""
    for path in sorted(folder.glob("*.log")):
        found = {}
        for line in path.read_text().splitlines():
            if line.startswith("kernel "):
                kernel = line.split()[1]
            row = re.fullmatch(r"(\S.*?)  +(-?\d+) +(-?\d+)", line)
            if row:
                found[row[1]] = [int(row[2]), int(row[3])]
        if found:
            figures[path.stem] = found
    return figures, kernel


def read_bars():
    """[(benchmark, figure, what it is compared with, [bars])]"""
    lines = (HERE / "bars").read_text().splitlines()
    rows = [[part.strip() for part in line.split("|")] for line in lines if line[:1] not in ("#", "")]
    return [(name, figure, other, bars.split()) for name, figure, other, bars in rows]


def compare(figures):
    """What tests/bench/bars lists of them."""
    compared = []
    for name, figure, other, bars in read_bars():
        if name not in figures:
            continue
        values, others = figures[name][figure], figures[name][other]
        for column, value, base, bar in zip(COLUMNS[name], values, others, bars):
            compared.append(Compared(name, figure, column, value, base, bar))
    return compared


def table(compared, name):
    """In Markdown."""
    lines = [f"| | {' | '.join(COLUMNS[name])} | compared with | bar |", "|---|---|---|---|---|"]
    for bench, figure, other, bars in read_bars():
        if bench != name:
            continue
        cells = []
        for one in compared:
            if (one.name, one.figure) == (name, figure):
                beside = f"{one.value - one.base:+,}" if one.bar.startswith("+") else f"{one.ratio:.2f} x"
                cell = f"{one.value:,} ({beside})"
                cells.append(f"**{cell}**" if one.met is False else cell)
        lines.append(f"| {figure} | {' | '.join(cells)} | {other} | {' '.join(dict.fromkeys(bars))} |")
    return "\n".join(lines)


def drawing(compared):
    """Ratios of carp as bars, as far as they are below 2; a line where both cost the same."""
    height, left, width = 18, 470, 900
    rows = [(one.key, one.ratio) for one in compared
            if one.ratio < 2 and "ucarp" not in one.figure and "carp" in one.figure]
    scale = (width - left - 50) / max(ratio for _, ratio in rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{len(rows) * height + 10}" '
             'font-family="sans-serif" font-size="11">']
    for index, (label, ratio) in enumerate(rows):
        y = index * height + 5
        parts.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{html.escape(label)}</text>'
                     f'<rect x="{left}" y="{y + 2}" width="{ratio * scale:.1f}" height="{height - 5}" fill="#2b6cb0"/>'
                     f'<text x="{left + ratio * scale + 4:.1f}" y="{y + 12}">{ratio:.2f}</text>')
    line = left + scale
    parts.append(f'<line x1="{line:.1f}" y1="0" x2="{line:.1f}" y2="{len(rows) * height + 10}" stroke="#e53e3e"/></svg>')
    return "\n".join(parts) + "\n"


def store(compared, kernel, commit, names):
    """The ratios, and the tables between the marks of docs/measurements.md."""
    ratios = json.loads(STORED.read_text()) if STORED.exists() else {}
    ratios.update({one.key: round(one.ratio, 4) for one in compared})
    STORED.write_text(json.dumps(ratios, indent=1, sort_keys=True) + "\n")
    page = (DOCS / "measurements.md").read_text()
    for name in names:
        text = f"Linux {kernel}, at {commit}.\n\n{table(compared, name)}"
        page = re.sub(f"(<!-- {name} -->\n).*?(\n<!-- end -->)", lambda mark: mark[1] + text + mark[2], page,
                      flags=re.DOTALL)
    (DOCS / "measurements.md").write_text(page)
    (DOCS / "measurements.svg").write_text(drawing(compared))


def main():
    folder, commit = Path(sys.argv[1]), sys.argv[2]
    figures, kernel = read_figures(folder)
    compared = compare(figures)
    if not compared or any(one.value <= 0 or one.base <= 0 for one in compared):
        sys.exit("a figure was not measured")
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    worse = missed = 0
    for one in compared:
        before = stored.get(one.key)
        is_worse = before is not None and one.ratio > before * TOLERANCE
        worse += is_worse
        missed += one.met is False
        note = f"WORSE than {before:.3f}" if is_worse else "above the bar" if one.met is False else ""
        print(f"{one.name + ': ' + one.figure:75} {one.column:8} {one.value:7} {one.value - one.base:+7} "
              f"{one.ratio:7.3f} {one.bar:>6} {note}".rstrip())
    (folder / "bench.json").write_text(json.dumps({
        "kernel": kernel, "commit": commit, "figures": figures,
        "ratios": {one.key: one.ratio for one in compared}}, indent=1) + "\n")
    if "--store" in sys.argv:
        store(compared, kernel, commit, figures)
    print(f"{len(compared)} ratios, {missed} above their bars, {worse} worse than stored")
    sys.exit(worse > 0 and "--store" not in sys.argv)


main()
