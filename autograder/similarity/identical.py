"""Files that two submissions hold byte for byte: logs and notebooks as well as code.

What was given out, and what holds nothing of one's own, is no sign of anything.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from autograder.intake.answers import is_empty
from autograder.intake.read import read_any

OUT_OF_SIGHT = ("__MACOSX", "__pycache__")
NOT_THEIRS = frozenset({"timestamp.txt"})  # written by intake
MOST = 12  # of more who hold the same file, each is compared with the first alone


def own_files(files: Mapping[str, bytes], given: Mapping[str, bytes]) -> dict[str, str]:
    """The files that hold something of one's own: names by a hash of what is in them."""
    released = {_words(data) for data in given.values()}
    cells = {_words(source.encode()) for name, data in given.items()
             for source in _cells(name, data)}
    return {hashlib.sha256(data).hexdigest(): name for name, data in files.items()
            if _is_theirs(name) and _words(data) not in {b"", *released}
            and (not name.endswith(".ipynb") or any(
                _words(source.encode()) not in cells for source in _cells(name, data)))}


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


def _cells(name: str, data: bytes) -> Iterator[str]:
    """The cells of a notebook that hold anything; one that cannot be read is a cell itself."""
    if not name.endswith(".ipynb"):
        return
    notebook = read_any(data, name)[0]
    if notebook is None:
        yield data.decode(errors="replace")
        return
    yield from (cell.source for cell in notebook.cells if not is_empty(cell))
