"""Statements run each for itself: what fails on this machine costs what needs it, and no more."""

from __future__ import annotations

import ast
import builtins
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.kernel import statements

NEVER = "no_such_package_anywhere"
# What works on Colab and fails here, as a statement of its own.
FAILS = (
    "import urllib.request; urllib.request.urlretrieve('http://192.0.2.1/x', 'x')",
    f"import {NEVER}", f"from {NEVER}.deeper import *", f"import {NEVER} as short",
    "from math import gone", "raise SystemExit('no GPU')", "assert False, 'a GPU is needed'",
    "open('/content/drive/MyDrive/data.csv')", "import os; os.environ['COLAB_GPU']",
    "raise ExceptionGroup('several', [ValueError('one')])", "1 / 0",
    "if True:\n    raise OSError('no network')\n    inside = 1",
    "for _ in range(3):\n    raise ConnectionError", "class Mine(undefined): ...",
    "@undefined\ndef f(): ...", "with open('/nowhere') as file:\n    text = file.read()",
)
MAKES = ("sqrt = __import__('math').sqrt", "from math import sqrt", "import math\nsqrt = math.sqrt",
         "def sqrt(x):\n    return x ** .5", "from math import (\n    gone,\n    sqrt,\n)",
         "if True:\n    from math import sqrt", "from math import *")


@pytest.fixture(autouse=True)
def at_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(builtins, statements.NAME, statements, raising=False)
    yield
    statements.errors.clear()
    statements._first.clear()


def run(cell: str) -> dict[str, Any]:
    """The names that a cell makes. Raises the cell's error with the names as its `made`."""
    names: dict[str, Any] = {"__name__": "__main__"}
    tree = statements.Apart(cell=True).visit(ast.parse(cell))
    try:
        exec(compile(tree, "cell", "exec"), names)
    except BaseException as error:
        error.made = names  # type: ignore[attr-defined]
        raise
    return names


@pytest.mark.parametrize("fails", FAILS)
def test_what_stands_below_is_run_all_the_same(fails: str) -> None:
    makes = MAKES[FAILS.index(fails) % len(MAKES)]
    with pytest.raises(BaseException) as caught:
        run(f"{fails}\n{makes}\nroot = sqrt(4)")
    assert caught.value.made["root"] == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_failing_and_making_statements(seed: int) -> None:
    chance = random.Random(seed)
    lines = chance.sample(FAILS, 4) + [f"made_{number} = {number}" for number in range(4)]
    chance.shuffle(lines)
    with pytest.raises(BaseException) as caught:
        run("\n".join(lines))
    names = caught.value.made  # type: ignore[attr-defined]
    assert [names[f"made_{number}"] for number in range(4)] == [0, 1, 2, 3]


def test_a_cell_ends_with_its_first_error_at_its_line() -> None:
    with pytest.raises(ValueError, match="first") as caught:
        run("x = 1\n\nraise ValueError('first')\nraise KeyError('second')")
    assert caught.traceback[-1].lineno == 2  # counted from 0


@pytest.mark.parametrize("cell", [
    *(f"{first}from __future__ import annotations\nx: undefined = 1" for first in (
        "", "'what it does'\n", "import sys\n", "y = 2\nfrom __future__ import division\n")),
    "'a text'\nx = 1", "x = 1; 'shown'",
    "import os.path as p, sys\nx = p.join and sys.path and 1", "x: int = 1",
    "async def f():\n    pass\nx = 1", "def f():\n    return 1\nx = f()",
    "try:\n    import gone_for_good\nexcept ImportError:\n    x = 1",
    "str = BaseException = ModuleNotFoundError = None\nx = 1", "",
])
def test_a_cell_that_works_means_the_same(cell: str) -> None:
    assert run(cell).get("x", 1) == 1


def test_a_package_that_is_not_there_may_be_named_but_not_used() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        run(f"from {NEVER} import Float, checked\nimport {NEVER} as ed\n"
            "@checked\ndef plain(x: Float[int, 'a b'] | None) -> Float: return x\n"
            "@checked(how=ed.strict)\ndef other(x): return x\n"
            "def use(x): return ed.rearrange(x, 'a b -> b a')\nclass Head(ed.Module): ...")
    names = caught.value.made  # type: ignore[attr-defined]
    assert names["plain"](3) == names["other"](3) == 3 and "Head" not in names
    with pytest.raises(ModuleNotFoundError, match=NEVER):
        names["use"](1)
    assert ("__main__", "Head") in statements.errors


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [statements._FolderFinder(str(tmp_path)), *sys.meta_path])
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("fails", FAILS)
def test_a_module_keeps_what_does_not_need_what_failed(home: Path, fails: str,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    (home / "theirs.py").write_text(f'"""Mine."""\n{fails}\n\ndef answer():\n    return 42\n')
    import theirs  # type: ignore[import-not-found]

    assert theirs.answer() == 42 and theirs.__doc__ == "Mine."
    assert capsys.readouterr().out.startswith(f"{statements.NOTE}theirs.py, line ")


def test_what_a_module_lacks_is_explained_by_what_failed(home: Path) -> None:
    (home / "theirs.py").write_text("class Model(undefined): ...\nx = 1\n")
    import theirs  # type: ignore[import-not-found]

    with pytest.raises(NameError, match="undefined"):
        theirs.Model  # noqa: B018
    with pytest.raises(AttributeError, match="theirs"):
        theirs.other  # noqa: B018


def test_an_import_that_is_forbidden_stops_its_module(home: Path) -> None:
    (home / "theirs.py").write_text("raise ImportError('write it yourself')\nx = 1\n")
    with pytest.raises(ImportError, match="write it yourself"):
        __import__("theirs")
