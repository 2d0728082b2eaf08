"""Modules import one way only: no circles, and in intake no step that comes later. One name is one
class."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import autograder
from autograder import intake
from autograder.intake import notebook

ROOT = Path(autograder.__file__).parent
MODULES = {".".join((autograder.__name__, *path.relative_to(ROOT).with_suffix("").parts)
                    ).removesuffix(".__init__"): path
           for path in ROOT.rglob("*.py") if "exercises" not in path.parts}


def imported(module: str) -> Iterator[str]:
    """The modules of the kit that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{name.name}" for name in node.names}
            yield from inner & MODULES.keys() or {node.module or ""} & MODULES.keys()


def test_no_two_classes_have_one_name() -> None:
    found = Counter(node.name for path in MODULES.values()
                    for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef))
    assert [name for name, count in found.items() if count > 1] == []


def test_no_circle() -> None:
    TopologicalSorter({module: set(imported(module)) - {module} for module in MODULES}).prepare()


@pytest.mark.parametrize("package", [intake, notebook], ids=lambda package: package.__name__)
def test_steps_import_earlier_ones_alone(package: object) -> None:
    name = package.__name__  # type: ignore[attr-defined]
    steps = re.findall(r"^    (\w+)  ", package.__doc__ or "", re.M)
    there = {module.removeprefix(f"{name}.").partition(".")[0] for module in MODULES
             if module.startswith(f"{name}.")}
    assert sorted(steps) == sorted(there)
    for module in MODULES:
        if module.startswith(f"{name}."):
            own = steps.index(module.removeprefix(f"{name}.").partition(".")[0])
            later = {f"{name}.{step}" for step in steps[own + 1:]}
            found = {one for one in imported(module) for step in later
                     if one == step or one.startswith(f"{step}.")}
            assert not found, f"{module} imports {found}"
