"""What of a submission looks borrowed, where an exercise forbids a library or a copy of its files.

Whoever is to write BERT may not import one, and not copy one either. What is found here is a flag
for a person, never a verdict: everybody's attention has lines in common.

Modules and cells are compared with the library's files as rows of tokens, whatever the names, the
layout, the comments and the docstrings. What is given counts as given where it stands as it was
given out: it is aligned with what was handed in, since some of its tokens stand by chance in
everybody's code.
"""

from __future__ import annotations

import ast
import functools
import keyword
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby, takewhile
from pathlib import Path

from nbformat import NotebookNode
from rapidfuzz.distance import LCSseq

from autograder.results.reason import Code, Reason

RUN = 40  # tokens in a row, beyond what is given, that nobody writes twice by chance
GIVEN = 8  # tokens in a row that count as given where they are in line with a given text
MOST = 100_000  # tokens of one file that are looked at
RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})
LOADERS = frozenset({"marshal", "zipimport", "runpy", "imp", "importlib", "pickle", "subprocess"})
TOKEN = re.compile(r"""(?P<text>[rbfuRBFU]{0,2}(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')) | \#[^\n]* | (?P<word>\w+|[^\s\w])""", re.VERBOSE)
MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
ALONE = re.compile(r"[ \t]*(#.*)?$", re.MULTILINE)  # what may follow a docstring in its line
NAME = "<name>"  # in a text's shape, of a variable


@dataclass(frozen=True)
class _Text:
    """Code without layout, comments and docstrings. In its `shape` all variables have one name."""

    tokens: tuple[str, ...]
    shape: tuple[str, ...]

    @classmethod
    def of(cls, tokens: Sequence[str]) -> _Text:
        return cls(tuple(tokens), tuple(_shape(tokens)))

    def run(self, start: int) -> tuple[tuple[str, ...], list[int]]:
        """The run that starts there, whatever its names: its shape, and which names are alike."""
        shape, numbers = self.shape[start:start + RUN], dict[str, int]()
        return shape, [numbers.setdefault(token, len(numbers)) for token, kind in zip(
            self.tokens[start:start + RUN], shape, strict=True) if kind is NAME]


class _Runs:
    """All runs of some texts, to be found again under other names."""

    def __init__(self, texts: Iterable[_Text]) -> None:
        self._places: dict[int, list[tuple[_Text, int]]] = defaultdict(list)
        for text in texts:
            for start in range(len(text.tokens) - RUN + 1):
                self._places[hash(text.shape[start:start + RUN])].append((text, start))

    def have(self, text: _Text, start: int) -> bool:
        """Whether the run of this text that starts there is one of them."""
        places = self._places.get(hash(text.shape[start:start + RUN]))
        return places is not None and any(
            other.run(there) == text.run(start) for other, there in places)


@dataclass(frozen=True)
class _Given:
    """What was given out: files and cells, and the runs of all of them."""

    texts: tuple[_Text, ...]
    runs: _Runs

    def own(self, text: _Text) -> list[bool]:
        """Which tokens of a text are not given.

        It is aligned with all that is given and of which it can hold at least half.
        """
        own = [True] * len(text.tokens)
        for given in self.texts:
            if 2 * len(text.tokens) < len(given.tokens):
                continue
            rows = [_extended(block.src_start, block.dest_start, given, text)
                    for block in LCSseq.opcodes(given.tokens, text.tokens)
                    if block.tag == "equal" and block.dest_end - block.dest_start >= GIVEN]
            if 2 * sum(map(len, rows)) >= len(given.tokens):
                for row in rows:
                    own[row.start:row.stop] = [False] * len(row)
        return own


def _extended(there: int, here: int, given: _Text, text: _Text) -> range:
    """The longest row of tokens of `text` that is in line with these places of the two.

    An alignment may give a row's last tokens to the next place that has them as well.
    """
    ahead = zip(given.tokens[there:], text.tokens[here:], strict=False)
    behind = zip(given.tokens[:there][::-1], text.tokens[:here][::-1], strict=False)
    count, before = (sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
                     for pairs in (ahead, behind))
    return range(here - before, here + count)


def copied_code(files: Mapping[str, bytes], given: Mapping[str, bytes], hidden: Mapping[str, str],
             sources: tuple[str, ...], notebook: NotebookNode | None = None,
             released: NotebookNode | None = None) -> list[Reason]:
    """What a person should look at in a submission's Python files and notebook.

    `hidden` names packages that may not be used, `sources` those files of packages
    ("package/a/b.py") that are compared with what was written; `given` are the files as released,
    and `released` the notebook.
    """
    texts = {name: data for name, data in given.items() if name.endswith(".py")}
    as_given = {*_cells(released).values()}
    known = _given(tuple(sorted({*texts.values(), *as_given})))
    found = [Reason(Code.LIBRARY_NAME, file=name)
             for name in sorted(files) if name.partition("/")[0].removesuffix(".py") in hidden]
    for name, data in sorted(files.items()):
        if name.endswith(".py") and given.get(name) != data:
            found += _copied({name: data}, known, sources)
            found += _hidden(name, _unusual(data) - _usual(given.get(name, b"")))
    cells = {name: data for name, data in _cells(notebook).items() if data not in as_given}
    found += _copied(cells, known, sources)
    usual = frozenset[str]().union(*map(_usual, as_given))
    for name, data in cells.items():
        found += _hidden(name, _unusual(data) - usual)
    return found


def _cells(notebook: NotebookNode | None) -> dict[str, bytes]:
    """The code cells of a notebook, without lines for its shell."""
    cells = notebook.cells if notebook is not None else []
    return {f"the notebook, cell {number},": MAGIC.sub("", str(cell.source)).encode(
        errors="replace") for number, cell in enumerate(cells, start=1)
        if cell.cell_type == "code"}


def _copied(pieces: Mapping[str, bytes], given: _Given, sources: Iterable[str]) -> Iterator[Reason]:
    """A reason for each source of which pieces, read as one text, hold a run that is not given.
    """
    tokens, own, names = list[str](), list[bool](), list[str]()
    for name, data in pieces.items():
        text = _read(data)
        if text not in given.texts:
            tokens += text.tokens
            own += given.own(text)
            names += [name] * len(text.tokens)
    whole = _Text.of(tokens)
    starts = [start for start in range(len(tokens) - RUN + 1) if any(own[start:start + RUN])]
    for source in sources:
        theirs = _runs_of(source)
        alike = (start for start in starts
                 if theirs.have(whole, start) and not given.runs.have(whole, start))
        # Runs that start at neighbouring tokens are one passage.
        for _, passage in groupby(enumerate(alike), lambda item: item[1] - item[0]):
            (_, first), *others = passage
            end = (others[-1][1] if others else first) + RUN
            if sum(own[first:end]) >= RUN:
                yield Reason(Code.COPIED, where=names[own.index(True, first)], tokens=RUN,
                             source=source)
                break


@functools.cache
def _given(texts: tuple[bytes, ...]) -> _Given:
    read = tuple(map(_read, texts))
    return _Given(read, _Runs(read))


@functools.cache
def _runs_of(source: str) -> _Runs:
    """The runs of an installed library's file; none where it is not installed."""
    spec = find_spec(source.partition("/")[0])
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(folders[0], *source.split("/")[1:]) if folders else None
    return _Runs([_read(path.read_bytes())] if path is not None and path.is_file() else [])


def _read(data: bytes) -> _Text:
    return _Text.of(_tokens(data))


def _tokens(data: bytes) -> list[str]:
    """Tokens without layout, comments and docstrings; other texts count by their kind.

    Magics and errors are tokens as any. A comma before a bracket is layout.
    """
    found: list[str] = []
    code, end = data.decode(errors="replace"), 0
    for token in TOKEN.finditer(code):
        first = not end or "\n" in code[end:token.start()]
        end = token.end()
        if token["text"] and not (first and ALONE.match(code, end)):
            found.append("''")
        elif token["word"]:
            if token["word"] in ")]}" and found[-1:] == [","]:
                found.pop()
            found.append(token["word"])
        if len(found) == MOST:
            break
    return found


def _shape(tokens: Sequence[str]) -> Iterator[str]:
    """Tokens with all variables alike; what libraries call by a dot stays."""
    before = owner = ""
    for token in tokens:
        stays = (not token.isidentifier() or keyword.iskeyword(token) or token == "self" or (
            before == "." and owner != "self"))
        yield token if stays else NAME
        before, owner = token, before


def _hidden(name: str, unusual: Iterable[str]) -> Iterator[Reason]:
    if names := sorted(unusual):
        yield Reason(Code.HIDDEN_CODE, where=name, names=", ".join(names))


def _unusual(data: bytes) -> frozenset[str]:
    """Names by which code is made out of text, or loaded from elsewhere."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(name for node in ast.walk(tree) for name in _makers(node))


_usual = functools.cache(_unusual)  # of what is given


def _makers(node: ast.AST) -> set[str]:
    """Those of one node. To reload one's own module, as in a notebook, is everyday work."""
    if isinstance(node, ast.Name):
        return {node.id} & RUNNERS
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names
                if (alias.name, alias.asname) != ("importlib", None)} & LOADERS
    if isinstance(node, ast.ImportFrom) and node.module:
        names = {alias.name for alias in node.names}
        reloads = (node.module, names) == ("importlib", {"reload"})
        return set() if reloads else {node.module.partition(".")[0]} & LOADERS
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (
            node.value.id == "importlib" and node.attr != "reload"):
        return {"importlib"}
    return set()
