"""Draw the engine's packages and what they import: `python docs/draw_packages.py`.

Rows are the layers of [tool.importlinter] in pyproject.toml, arrows the imports in the code. Left
out are imports that others imply, and those of the last two layers, which every package may use.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import mean

import grimp

HERE = Path(__file__).parent
WIDTH, ROW, WIDE, HIGH, GAP = 720, 43, 108, 25, 20
BASE = 2  # layers at the bottom, drawn without arrows
Point = tuple[str, int]  # of an arrow: the package that it leads to, and the row that it crosses
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The packages of the engine, and what they import</title>
<style>rect{{fill:#e8eefc;stroke:#3b5ba5}}.base{{fill:#f1f1f1;stroke:#888}}
.page{{fill:#fff;stroke:none}}text{{font:14px system-ui,sans-serif;text-anchor:middle;fill:#111}}
path{{fill:none;stroke:#556}}marker path{{fill:#556;stroke:none}}</style>
<marker id="tip" refX="7" refY="3.5" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L7 3.5L0 7z"/></marker><rect class="page" width="{width}" height="{height}"/>
"""


def layers() -> list[list[str]]:
    toml = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    return [row.split(" | ") for row in toml["tool"]["importlinter"]["contracts"][0]["layers"]]


def imports(packages: list[str]) -> dict[str, set[str]]:
    """What each package imports, without what one of its imports leads to as well."""
    graph = grimp.build_graph("autograder", exclude_type_checking_imports=True, cache_dir=None)
    for name in packages:
        graph.squash_module(f"autograder.{name}")
    found, reached = dict[str, set[str]](), dict[str, set[str]]()
    for name in reversed(packages):  # those below it are known
        direct = {one.rpartition(".")[2] for one in graph.find_modules_directly_imported_by(
            f"autograder.{name}")} & reached.keys()
        implied = set().union(*(reached[one] for one in direct))
        found[name], reached[name] = direct - implied, direct | implied
    return found


def pieces(rows: list[list[str]]) -> list[tuple[Point, Point]]:
    """All arrows, cut into pieces between two rows; arrows to one package join on their way."""
    row_of = {name: row for row, names in enumerate(rows[:-BASE]) for name in names}
    found = imports([name for names in rows for name in names])
    return sorted({piece for name in row_of for target in found[name] & row_of.keys()
                   for piece in pairwise([(name, row_of[name]), *(
                       (target, row) for row in range(row_of[name] + 1, row_of[target] + 1))])})


def places(rows: list[list[str]], arrows: list[tuple[Point, Point]]) -> dict[Point, float]:
    """Where each point is from left to right: near those that it is joined to."""
    joined = defaultdict(list)
    for one, other in [*arrows, *(piece[::-1] for piece in arrows)]:
        joined[one].append(other)
    points = [list(dict.fromkeys([*((name, row) for name in names), *(
        one for one in joined if one[1] == row)])) for row, names in enumerate(rows)]
    x = {one: WIDTH * (n + 1) / (len(row) + 1) for row in points for n, one in enumerate(row)}
    half = {one: GAP / 2 + WIDE / 2 * (one[0] in rows[one[1]]) for one in x}
    for turn in range(300):
        for row in points if turn % 2 else points[::-1]:
            wanted = {one: mean([*(x[other] for other in joined[one]), *(
                [WIDTH / 2] if turn % 20 < 2 else [])] or [x[one]]) for one in row}  # not adrift
            row.sort(key=wanted.__getitem__)
            right, left = [wanted[row[0]]], [wanted[row[-1]]]  # pushed apart to either side
            for one, other in pairwise(row):
                right.append(max(wanted[other], right[-1] + half[one] + half[other]))
            for one, other in pairwise(row[::-1]):
                left.append(min(wanted[other], left[-1] - half[one] - half[other]))
            x |= {one: (a + b) / 2 for one, a, b in zip(row, right, left[::-1], strict=True)}
    return x


def svg() -> str:
    rows = layers()
    arrows = pieces(rows)
    x, drawn = places(rows, arrows), [HEAD.format(width=WIDTH, height=ROW * len(rows) + 20)]
    for one, (name, row) in arrows:
        top, end, to = ROW * row + HIGH / 2, ROW * (row + 1) - HIGH / 2, x[name, row]
        tip = '" marker-end="url(#tip)' if name in rows[row] else f"v{HIGH}"
        drawn.append(f'<path d="M{x[one]:.0f} {top}C{x[one]:.0f} {(top + end) / 2} {to:.0f} '
                     f'{(top + end) / 2} {to:.0f} {end}{tip}"/>\n')
    for name, row in ((name, row) for row, names in enumerate(rows) for name in names):
        look = ' class="base"' * (row >= len(rows) - BASE)
        left, y = x[name, row] - WIDE / 2, ROW * (row + 1)
        drawn.append(f'<rect{look} x="{left:.0f}" y="{y - HIGH / 2}" width="{WIDE}" height="{HIGH}"'
                     f' rx="5"/><text x="{left + WIDE / 2:.0f}" y="{y + 5}">{name}</text>\n')
    return "".join([*drawn, "</svg>\n"])


if __name__ == "__main__":
    (HERE / "packages.svg").write_text(svg(), encoding="utf-8")
