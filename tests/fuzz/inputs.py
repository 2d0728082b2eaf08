"""The inputs: each is the same whenever it is asked for by its number and the run's seed.

Numbers go in blocks of BLOCK, each of one kind, so that Hypothesis can make up a block at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given

from fuzz import odd, strategies, zips
from fuzz.arena import Seeds

BLOCK = 40
Make = Callable[..., "Files"]
Files = dict[str, bytes]  # names in the folder of uploads; contents


@dataclass(frozen=True)
class Input:
    """One input: what lies in the folder that a command is called with, and which check it gets."""

    number: int
    kind: str
    check: str
    files: Files


def block(number: int, seed: int, seeds: Seeds) -> list[Input]:
    """The inputs of one block."""
    kind = ORDER[number % len(ORDER)]
    check, make = KINDS[kind]
    numbers = range(number * BLOCK, (number + 1) * BLOCK)
    if kind in PROPERTIES:
        found = _drawn(PROPERTIES[kind], seed * 1_000_003 + number, BLOCK)
        contents = [make(Random(f"{seed}/{n}"), seeds, found[n % len(found)]) for n in numbers]
    else:
        contents = [make(Random(f"{seed}/{n}"), seeds) for n in numbers]
    return [Input(n, kind, check, files) for n, files in zip(numbers, contents, strict=True)]


def _drawn(strategy: strategies.Strategy[Any], seed: int, count: int) -> list[Any]:
    """What Hypothesis makes up; fewer than `count` where there are no more."""
    found: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None,
                         phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def keep(value: Any) -> None:
        found.append(value)

    keep()
    return found[:count]


# ------------------------------------------------------------------------------------- mutations


def _as_zip(files: Files) -> Files:
    return {"s001_toy.zip": zips.zipped(zips.entries_of(files))}


def zip_structure(random: Random, seeds: Seeds) -> Files:
    return {"s001_toy.zip": zips.odd_zip(random, seeds.toy)}


def zip_bytes(random: Random, seeds: Seeds) -> Files:
    files = {**seeds.toy, "toy/notes.txt": b"x" * 3000}
    data = zips.zipped(zips.entries_of(files, random.choice(zips.METHODS)), b"comment")
    return {"s001_toy.zip": odd.damaged_bytes(random, data, [seeds.pdf, data])}


def notebook_structure(random: Random, seeds: Seeds) -> Files:
    notebook = json.loads(seeds.toy["toy/toy.ipynb"])
    if random.random() < 0.15:
        notebook = _version_3(notebook)
    data = odd.dumped(random, odd.damaged_json(random, notebook))
    return _as_zip({**seeds.toy, "toy/toy.ipynb": data})


def notebook_cells(random: Random, seeds: Seeds) -> Files:
    """Cells lost, moved, doubled, cut and joined, of wrong types, and code of all sorts in them."""
    notebook = json.loads(seeds.toy["toy/toy.ipynb"])
    cells = notebook["cells"]
    for _ in range(random.randint(1, 4)):
        at, other = random.randrange(len(cells)), random.randrange(len(cells))
        edit = random.randrange(8)
        source = "".join(cells[at]["source"])
        if edit == 0:
            cells[at:at] = [json.loads(json.dumps(cells[other]))] * random.choice((1, 2, 60))
        elif edit == 1 and len(cells) > 1:
            del cells[at]
        elif edit == 2:
            cells[at], cells[other] = cells[other], cells[at]
        elif edit == 3:
            cells[at]["cell_type"] = random.choice(("code", "markdown", "raw", "heading", ""))
        elif edit == 4:
            cells[at]["source"] = source + "\n" + "".join(cells[other]["source"])
        elif edit == 5:
            for cell in cells:
                cell.pop(random.choice(("metadata", "id", "outputs", "execution_count")), None)
        else:
            cells[at] = {**cells[at], "source": odd.damaged_text(random, source)}
    return _as_zip({**seeds.toy, "toy/toy.ipynb": odd.dumped(random, notebook)})


def notebook_bytes(random: Random, seeds: Seeds) -> Files:
    data = odd.damaged_bytes(random, seeds.toy["toy/toy.ipynb"], [seeds.toy["toy/toy.ipynb"]])
    return _as_zip({**seeds.toy, "toy/toy.ipynb": data})


def module(random: Random, seeds: Seeds) -> Files:
    text = odd.damaged_text(random, seeds.toy["toy/vectors.py"].decode())
    return _as_zip({**seeds.toy, "toy/vectors.py": odd.encoded(random, text)})


def script(random: Random, seeds: Seeds) -> Files:
    """A script, damaged, in the place of the notebook; under its name or another."""
    text = odd.damaged_text(random, random.choice(seeds.scripts).decode())
    name = random.choice(("toy/toy.py", "toy/toy.ipynb", "toy/mine.py", "toy/Copy of toy.ipynb"))
    files = {name: odd.encoded(random, text), "toy/vectors.py": seeds.toy["toy/vectors.py"]}
    return _as_zip(files)


def upload_names(random: Random, seeds: Seeds) -> Files:
    """A right upload, and others beside it, under all sorts of names."""
    right = _as_zip(seeds.toy)["s001_toy.zip"]
    files = {}
    for _ in range(random.randint(1, 4)):
        stem = random.choice(("s001", "s001_toy", "s00", "s0011", "S001", "", "s001_s002", "ada"))
        name = stem + random.choice([*odd.LETTERS, "", "", " (1)", "-1", "_toy", "x" * 180])
        name += random.choice((".zip", ".zip", ".ZIP", ".rar", ".ipynb", "", ".zip.zip", ".py"))
        raw = name.encode("utf-8", "surrogatepass")
        raw += random.choice((b"", b"", b"\xff", b"\xed\xa0"))
        raw = raw.replace(b"/", b"").replace(b"\0", b"")[:250]
        files[os.fsdecode(raw if raw.strip(b".") else b"x")] = random.choice(
            (right, b"", b"Rar!\x1a\7\0", seeds.pdf))
    return files


def whole_q2(random: Random, seeds: Seeds) -> Files:
    files = dict(seeds.q2)
    name = random.choice(sorted(files))
    if name.endswith(".ipynb"):
        notebook = json.loads(files[name])
        files[name] = odd.dumped(random, odd.damaged_json(random, notebook))
    else:
        text = odd.damaged_text(random, files[name].decode())
        files[name] = odd.encoded(random, text)
    return {"2026_00001_coding.zip": zips.zipped(zips.entries_of(files))}


def of_a_group(random: Random, seeds: Seeds) -> Files:
    """A group's notebook, which comes without a zip around it."""
    data = (odd.dumped(random, odd.damaged_json(random, json.loads(seeds.essay)))
            if random.random() < 0.7 else odd.damaged_bytes(random, seeds.essay, [seeds.pdf]))
    name = random.choice(("g1_toy.ipynb", "g1_toy.ipynb", "s001.ipynb", "x.ipynb", "g1_toy.py",
                          "g1_toy.zip", "g1_toy (2).ipynb"))
    files = {name: data}
    if random.random() < 0.3:
        files["roster.csv"] = odd.encoded(random, odd.damaged_text(random, seeds.roster.decode()))
    return files


def returned(random: Random, seeds: Seeds) -> Files:
    """A notebook that comes back with comments, by itself or in a zip."""
    trick = random.randrange(4)
    if trick == 0:
        data = odd.damaged_bytes(random, seeds.returned, [seeds.pdf])
    else:
        notebook = json.loads(seeds.returned)
        if trick == 1:
            cell = random.choice(notebook["cells"])
            cell["source"] = odd.damaged_text(random, "".join(cell["source"]))
        data = odd.dumped(random, odd.damaged_json(random, notebook) if trick > 1 else notebook)
    name = random.choice(("toy-group-A.ipynb", "toy-group-B (1).ipynb", "g1.ipynb", "x.ipynb",
                          "toy-group-ZZ.ipynb", "[red].ipynb",
                          os.fsdecode(b"toy-group-A\xff.ipynb")))
    if random.random() < 0.3:
        inside = random.choice(("toy/a.ipynb", "g2/a.ipynb"))
        return {f"{name}.zip": zips.odd_zip(random, {inside: data})}
    return {name: data}


def log(random: Random, seeds: Seeds) -> Files:
    text = seeds.log.decode()
    if random.random() < 0.5:
        return {"result.log": odd.encoded(random, odd.damaged_text(random, text))}
    return {"result.log": odd.damaged_bytes(random, seeds.log, [seeds.log])}


def pdf(random: Random, seeds: Seeds) -> Files:
    """A PDF beside a right upload. Few are drawn: that happens in the sandbox."""
    name = random.choice(("s001_written.pdf", "s001_written.pdf", "s001.PDF", "x_s001_y.pdf"))
    data = odd.damaged_bytes(random, seeds.pdf, [seeds.pdf])
    return {**_as_zip(seeds.toy), name: data}


def roster(random: Random, seeds: Seeds) -> Files:
    text = seeds.roster.decode()
    data = (odd.encoded(random, odd.damaged_text(random, text)) if random.random() < 0.7
            else odd.damaged_bytes(random, seeds.roster, [seeds.roster]))
    return {"roster.csv": data}


def course(random: Random, seeds: Seeds) -> Files:
    text = seeds.course.decode()
    if random.random() < 0.3:
        return {"course.toml": odd.damaged_bytes(random, seeds.course, [seeds.course])}
    if random.random() < 0.1:
        name = random.choice(("../x", "../../../x", "", ".", "a/b", "a b", "é", "a\\u0000b"))
        return {"course.toml": text.replace("s.toy]", f's."{name}"]').encode()}
    return {"course.toml": odd.encoded(random, odd.damaged_text(random, text))}


def _version_3(notebook: dict[str, Any]) -> dict[str, Any]:
    """As Jupyter wrote it before 2015."""
    cells = [{**cell, "input": cell["source"], "prompt_number": 1, "language": "python",
              "collapsed": False, "outputs": []} if cell["cell_type"] == "code" else cell
             for cell in notebook["cells"]]
    return {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
            "worksheets": [{"metadata": {}, "cells": cells}]}


# ------------------------------------------------------------------------------------ properties


def made_up_notebook(random: Random, seeds: Seeds, data: bytes) -> Files:
    return _as_zip({**seeds.toy, "toy/toy.ipynb": data})


def made_up_script(random: Random, seeds: Seeds, data: bytes) -> Files:
    return _as_zip({random.choice(("toy/toy.py", "toy/toy.ipynb")): data})


def made_up_zip(random: Random, seeds: Seeds, files: Files) -> Files:
    return _as_zip({name: data for name, data in files.items()
                    if len(name.encode("utf-8", "replace")) < 1 << 16
                    and not any("\ud800" <= letter <= "\udfff" for letter in name)})


def made_up(name: str) -> Make:
    """A file of this name, and nothing else."""
    return lambda random, seeds, data: {name: data}


def made_up_course(random: Random, seeds: Seeds, found: list[tuple[str, str]]) -> Files:
    """The toy's course.toml with lines set or added under some headings."""
    lines = seeds.course.decode().splitlines()
    for head, line in found:
        if head not in lines:
            lines += [head, line]
            continue
        at = lines.index(head) + 1
        end = next((n for n in range(at, len(lines)) if lines[n].startswith("[")), len(lines))
        same = [n for n in range(at, end) if lines[n].split(" = ")[0] == line.split(" = ")[0]]
        lines[same[0] if same else at:same[0] + 1 if same else at] = [line]
    return {"course.toml": "\n".join(lines).encode("utf-8", "surrogatepass")}


KINDS: dict[str, tuple[str, Make]] = {  # the check and the maker of each kind
    "zip-structure": ("toy", zip_structure), "zip-bytes": ("toy", zip_bytes),
    "notebook-structure": ("toy", notebook_structure), "notebook-cells": ("toy", notebook_cells),
    "notebook-bytes": ("toy", notebook_bytes), "module": ("toy", module),
    "script": ("toy", script), "upload-names": ("toy", upload_names), "pdf": ("toy", pdf),
    "q2": ("q2", whole_q2), "group": ("essay", of_a_group), "returned": ("collect", returned),
    "log": ("log", log), "roster": ("roster", roster), "course": ("course", course),
    "made-up-notebook": ("toy", made_up_notebook), "made-up-script": ("toy", made_up_script),
    "made-up-zip": ("toy", made_up_zip), "made-up-log": ("log", made_up("result.log")),
    "made-up-roster": ("roster", made_up("roster.csv")),
    "made-up-course": ("course", made_up_course),
}
PROPERTIES: dict[str, strategies.Strategy[Any]] = {
    "made-up-notebook": strategies.notebooks, "made-up-script": strategies.scripts,
    "made-up-zip": strategies.zip_files, "made-up-log": strategies.logs,
    "made-up-roster": strategies.rosters, "made-up-course": strategies.settings,
}
SHARES = {  # blocks of each kind in a round of 130, which is a default run
    "zip-structure": 15, "zip-bytes": 8, "notebook-structure": 20, "notebook-cells": 13,
    "notebook-bytes": 5, "module": 3, "script": 8, "upload-names": 4, "pdf": 3, "q2": 3, "group": 6,
    "returned": 6, "log": 4, "roster": 3, "course": 4, "made-up-notebook": 10, "made-up-script": 4,
    "made-up-zip": 3, "made-up-log": 2, "made-up-roster": 2, "made-up-course": 4,
}


def _order() -> list[str]:
    """The kinds of a round, each spread evenly over it: a short run has some of each."""
    places = [((turn + 0.5) / share, kind) for kind, share in SHARES.items()
              for turn in range(share)]
    return [kind for _, kind in sorted(places)]


ORDER = _order()
ROUND = len(ORDER) * BLOCK
