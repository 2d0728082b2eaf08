"""Files of a submission that an import would find in the place of a given or a library module."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES
from pathlib import PurePosixPath

from autograder.results.reason import Code, Reason

KERNEL = "ipykernel"  # the distribution whose modules every kernel needs
COMPILED = (*BYTECODE_SUFFIXES, *EXTENSION_SUFFIXES, ".pyo", ".pyd")
AT_START = ("sitecustomize", "usercustomize")  # what Python imports without being asked
CACHE = "__pycache__"
REQUIRED = re.compile(r"[A-Za-z0-9._-]+")
MOST_NAMED = 5


def shadowing(names: Iterable[str], given: Collection[str], student_files: Collection[str],
              preload: Iterable[str]) -> dict[str, str]:
    """The files that are not to be written, each with the module whose place it would take.

    Further modules of the student's own are none of them. Of compiled files none is anybody's own.
    """
    own = {*given, *student_files}
    modules = {PurePosixPath(name).stem for name in own if name.endswith(".py")}
    reserved = modules | libraries(tuple(preload))
    found = {}
    for name in names:
        path = PurePosixPath(name)
        first = path.parts[0].partition(".")[0]
        if CACHE in path.parts:
            found[name] = CACHE
        elif name not in own and (name.endswith(COMPILED)
                                  or (path.suffix == ".py" and first in reserved)):
            found[name] = first
    return found


def reasons(shadows: Mapping[str, str]) -> list[Reason]:
    """Report the files that are left out; compiled copies of modules are not reported."""
    names = [name for name, module in shadows.items() if module != CACHE]
    if not names:
        return []
    more = {"more": len(names) - MOST_NAMED} if len(names) > MOST_NAMED else {}
    return [Reason(Code.LEFT_OUT, files=", ".join(names[:MOST_NAMED]), **more)]


@functools.cache
def libraries(preload: tuple[str, ...]) -> frozenset[str]:
    """Top-level modules of Python, of a kernel, of what is preloaded, and of what these require."""
    modules = importlib.metadata.packages_distributions()
    wanted = [KERNEL, *(name for module in preload
                        for name in modules.get(module.partition(".")[0], []))]
    distributions: set[str] = set()
    while wanted:
        name = _normal(wanted.pop())
        if name in distributions:
            continue
        distributions.add(name)
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        wanted += [match[0] for text in required
                   if "extra ==" not in text and (match := REQUIRED.match(text))]
    return frozenset({*sys.stdlib_module_names, *AT_START, *(
        module for module, names in modules.items()
        if distributions & set(map(_normal, names)))})


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
