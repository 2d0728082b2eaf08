"""What two submissions hold byte for byte: files (logs and notebooks as well as code), and runs.

What was given out, and what holds nothing of one's own, is no sign of anything. Nor are equal
losses: with one seed, like machines compute the same. A run's line tells the second it began in,
and a log's table how long each of its epochs took.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from autograder.intake.answers import is_empty
from autograder.intake.read import read_any

OUT_OF_SIGHT = ("__MACOSX", "__pycache__")
IN_PIECES = (".ipynb", ".py")
NOT_THEIRS = frozenset({"timestamp.txt"})  # written by intake
RUN = re.compile(r"run of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d on [^\n]{1,2000}")  # by given code (q1b)
TABLE = re.compile(rb"(?:^ *\d+(?: +-?\d+\.\d+){4}(?: +saved)? *\r?\n){2,}", re.MULTILINE)  # of q2
MOST = 12  # of more who hold the same file, each is compared with the first alone


def own_files(files: Mapping[str, bytes], given: Mapping[str, bytes]) -> dict[str, str]:
    """The files that hold something of one's own, and what notebooks and logs say of a run: names
    by a hash of what is in them."""
    released = {_words(data) for data in given.values()}
    pieces = {piece for name, data in given.items() for piece in _pieces(name, data)}
    own = {hashlib.sha256(data).hexdigest(): name for name, data in files.items()
           if _is_theirs(name) and _words(data) not in {b"", *released}
           and (PurePosixPath(name).suffix not in IN_PIECES
                or not pieces.issuperset(_pieces(name, data)))}
    runs = {hashlib.sha256(run).hexdigest(): f"{kind} in {name}"
            for name, data in files.items() if _is_theirs(name)
            for kind, run in _runs(name, data)}
    return {**runs, **own}


def pairs(owned: Sequence[tuple[str, bool, Mapping[str, str]]]
          ) -> dict[tuple[int, int], tuple[str, ...]]:
    """By the numbers of two submissions, the names of the files that both hold.

    Each submission is given by its party, whether it is of an earlier year, and its own files.
    """
    holders: dict[str, list[int]] = defaultdict(list)
    for number, (_, _, files) in enumerate(owned):
        for digest in files:
            holders[digest].append(number)
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for digest, some in holders.items():
        for one, other in _chosen(some):
            if owned[one][0] != owned[other][0] and not (owned[one][1] and owned[other][1]):
                names = dict.fromkeys(owned[number][2][digest] for number in (one, other))
                found[one, other].append(" and ".join(names))
    return {pair: tuple(sorted(names)) for pair, names in found.items()}


def _chosen(some: list[int]) -> Iterator[tuple[int, int]]:
    if len(some) <= MOST:
        return itertools.combinations(some, 2)
    return ((some[0], other) for other in some[1:])


def _is_theirs(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not any(part.startswith(".") or part in OUT_OF_SIGHT for part in parts) and (
        parts[-1] not in NOT_THEIRS)


def _words(data: bytes) -> bytes:
    """The contents, whatever an editor did to ends of lines and spaces."""
    return b" ".join(data.removeprefix(b"\xef\xbb\xbf").split())


def _pieces(name: str, data: bytes) -> Iterator[bytes]:
    """The cells of a notebook, the lines of a module that are no comments.

    One that cannot be read is a piece as a whole.
    """
    if name.endswith(".py"):
        yield from (line for line in map(_words, data.splitlines())
                    if line and not line.startswith(b"#"))
    elif name.endswith(".ipynb"):
        notebook = read_any(data, name)[0]
        cells = notebook.cells if notebook else []
        yield from (_words(cell.source.encode(errors="replace")) for cell in cells
                    if not is_empty(cell) and not cell.metadata.get("nbgrader", {}).get("locked"))
        if notebook is None:
            yield _words(data)


def _runs(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if name.endswith(".log"):
        yield from (("table of epochs", _words(table)) for table in TABLE.findall(data))
    notebook = read_any(data, name)[0] if name.endswith(".ipynb") else None
    for cell in notebook.cells if notebook else ():
        for output in cell.get("outputs", []):
            for run in RUN.findall("".join(output.get("text", ""))):
                yield "printed run", run.encode(errors="replace")
