"""Files of a submission that look borrowed, where an exercise forbids a library.

Whoever is to write BERT may not import one, and not copy one either. What is found here is a flag
for a person, never a verdict: everybody's attention has lines in common.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from autograder.flag import Flag, Kind

RUN = 40  # tokens in a row, beyond what is given, that nobody writes twice by chance
RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})
LOADERS = frozenset({"marshal", "zipimport", "runpy", "imp", "importlib", "pickle", "subprocess"})
LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT,
                    tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})


def borrowed(files: Mapping[str, bytes], given: Mapping[str, bytes], hidden: Mapping[str, str],
             sources: tuple[str, ...]) -> list[str]:
    """What a person should look at in a submission's Python files, a sentence each.

    `hidden` names packages that may not be used, `sources` those of their files ("package/a/b.py")
    that are compared with what was written; `given` are the files as released.
    """
    theirs = _theirs(sources, tuple(sorted(given.values())))
    found = []
    for name, data in sorted(files.items()):
        package = name.partition("/")[0].removesuffix(".py")
        if package in hidden:
            found.append(f"{name} goes by the name of a library that is not to be used")
        if not name.endswith(".py") or given.get(name) == data:
            continue
        copied = {theirs[run] for run in _runs(data) if run in theirs}
        found += [f"{name} holds at least {RUN} tokens in a row of {source}" for source in
                  sorted(copied)]
        new = sorted(_unusual(data) - _unusual(given.get(name, b"")))
        if new:
            found.append(f"{name} uses {', '.join(new)}: code may be hidden there")
    return [Flag(sentence, Kind.BORROWED) for sentence in found]


@functools.cache
def _theirs(sources: tuple[str, ...], given: tuple[bytes, ...]) -> dict[tuple[str, ...], str]:
    """Which source a run of tokens is from, what is given left out."""
    known = {run for data in given for run in _runs(data)}
    return {run: name for name in sources for run in _runs_of(name) if run not in known}


@functools.cache
def _runs_of(source: str) -> frozenset[tuple[str, ...]]:
    """The runs of an installed library's file; none where it is not installed."""
    spec = find_spec(source.partition("/")[0])
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    path = Path(spec.submodule_search_locations[0], *source.split("/")[1:])
    return frozenset(_runs(path.read_bytes())) if path.is_file() else frozenset()


def _runs(data: bytes) -> Iterator[tuple[str, ...]]:
    """Every run of tokens; texts and numbers count by their kind, layout and comments do not."""
    tokens: list[str] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.STRING:
                tokens.append("''")
            elif token.type not in LAYOUT:
                tokens.append(token.string)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        pass  # what comes before the error counts
    return (tuple(tokens[start:start + RUN]) for start in range(len(tokens) - RUN + 1))


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
