"""Files of a submission that look borrowed, where an exercise forbids a library.

Whoever is to write BERT may not import one, and not copy one either. What is found here is a flag
for a person, never a verdict: everybody's attention has lines in common.
"""

from __future__ import annotations

import ast
import functools
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from nbformat import NotebookNode

from autograder.flag import Flag, Kind

RUN = 40  # tokens in a row, beyond what is given, that nobody writes twice by chance
GIVEN = 8  # tokens in a row that count as given where they are in a released file
MOST = 100_000  # tokens of one file that are looked at
RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})
LOADERS = frozenset({"marshal", "zipimport", "runpy", "imp", "importlib", "pickle", "subprocess"})
TOKEN = re.compile(r"""(?P<text>[rbfuRBFU]{0,2}(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')) | \#[^\n]* | (?P<word>\w+|[^\s\w])""", re.VERBOSE)
MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
Run = tuple[str, ...]


def borrowed(files: Mapping[str, bytes], given: Mapping[str, bytes], hidden: Mapping[str, str],
             sources: tuple[str, ...], notebook: NotebookNode | None = None,
             released: NotebookNode | None = None) -> list[str]:
    """What a person should look at in a submission's Python files and notebook, a sentence each.

    `hidden` names packages that may not be used, `sources` those of their files ("package/a/b.py")
    that are compared with what was written; `given` are the files as released, and `released` the
    notebook.
    """
    texts = {name: data for name, data in given.items() if name.endswith(".py")}
    known = _given(tuple(sorted((*texts.values(), *_cells(released).values()))))
    found = []
    for name, data in sorted(files.items()):
        package = name.partition("/")[0].removesuffix(".py")
        if package in hidden:
            found.append(f"{name} goes by the name of a library that is not to be used")
        if not name.endswith(".py") or given.get(name) == data:
            continue
        found += _copied(name, data, known, sources)
        new = sorted(_unusual(data) - _unusual(given.get(name, b"")))
        if new:
            found.append(f"{name} uses {', '.join(new)}: code may be hidden there")
    for name, data in _cells(notebook).items():
        found += _copied(name, data, known, sources)
    return [Flag(sentence, Kind.BORROWED) for sentence in found]


def _cells(notebook: NotebookNode | None) -> dict[str, bytes]:
    """The code cells of a notebook, without lines for its shell."""
    cells = notebook.cells if notebook is not None else []
    return {f"the notebook, cell {number},": MAGIC.sub("", str(cell.source)).encode(
        errors="replace") for number, cell in enumerate(cells, start=1)
        if cell.cell_type == "code"}


def _copied(name: str, data: bytes, known: frozenset[Run], sources: Iterable[str]
            ) -> Iterator[str]:
    """A sentence for each source of which a file holds a run that is not given."""
    tokens = _tokens(data)
    own = [True] * len(tokens)
    for start, run in enumerate(_runs(tokens, GIVEN)):
        if run in known:
            own[start:start + GIVEN] = [False] * GIVEN
    kept = [token for token, is_own in zip(tokens, own, strict=True) if is_own]
    runs = {_renamed(run) for run in _runs(kept, RUN)}
    for source in sources:
        if runs & _runs_of(source):
            yield (f"{name} holds at least {RUN} tokens in a row of {source}, beyond what is given "
                   "and whatever the names")


@functools.cache
def _given(texts: tuple[bytes, ...]) -> frozenset[Run]:
    return frozenset(run for data in texts for run in _runs(_tokens(data), GIVEN))


@functools.cache
def _runs_of(source: str) -> frozenset[Run]:
    """The runs of an installed library's file; none where it is not installed."""
    spec = find_spec(source.partition("/")[0])
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    path = Path(spec.submodule_search_locations[0], *source.split("/")[1:])
    if not path.is_file():
        return frozenset()
    return frozenset(map(_renamed, _runs(_tokens(path.read_bytes()), RUN)))


def _tokens(data: bytes) -> list[str]:
    """Tokens without layout and comments; texts count by their kind, magics and errors as any."""
    found = []
    for token in TOKEN.finditer(data.decode(errors="replace")):
        if token["text"] or token["word"]:
            found.append("''" if token["text"] else token["word"])
            if len(found) == MOST:
                break
    return found


def _runs(tokens: Sequence[str], length: int) -> Iterator[Run]:
    return (tuple(tokens[start:start + length]) for start in range(len(tokens) - length + 1))


def _renamed(run: Run) -> Run:
    """A run whose variables are numbered as they come; what libraries call by a dot stays."""
    numbers: dict[str, str] = {}
    found = []
    for index, token in enumerate(run):
        before = run[index - 1] if index else ""
        owner = run[index - 2] if index > 1 else ""
        if not token.isidentifier() or keyword.iskeyword(token) or token == "self" or (
                before == "." and owner != "self"):
            found.append(token)
        else:
            found.append(numbers.setdefault(token, f"<{len(numbers)}>"))
    return tuple(found)


def _unusual(data: bytes) -> set[str]:
    """Names by which code is made out of text, or loaded from elsewhere."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in RUNNERS:
            found.add(node.id)
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names} & LOADERS
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.partition(".")[0]} & LOADERS
    return found
