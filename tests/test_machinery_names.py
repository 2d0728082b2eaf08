"""What students read holds no name of the probes: every class of a stand-in is tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import REPO

from autograder.judge.answer import unpack
from autograder.kernel import agent, serialization

PROBES = sorted((REPO / "autograder" / "exercises").glob("*/probes*.py"))
STANDINS = [(path, name) for path in PROBES
            for name in re.findall(r"^\s*class (_\w+)", path.read_text(), re.MULTILINE)]
CALLS = {
    "forward(1, 2, 3)": "forward() takes 1 positional argument but 4 were given",
    "nothing_like_it": "'stand-in' object has no attribute 'nothing_like_it'",
    "inner()(7)": "inner() takes 0 positional arguments but 1 was given",
}


def test_there_are_stand_ins() -> None:
    assert len(STANDINS) >= 8


@pytest.mark.parametrize("use", CALLS)
@pytest.mark.parametrize(("path", "name"), STANDINS)
def test_an_error_at_a_stand_in_names_the_students_line_and_no_class_of_ours(
        tmp_path: Path, path: Path, name: str, use: str) -> None:
    probes = (f"class {name}:\n    def forward(self): ...\n    def inner(self):\n"
              f"        def inner(): ...\n        return inner\n"
              f"def probe(code):\n    return code.mine.layer({name}())\n")
    (tmp_path / "mine.py").write_text(f"def layer(part):\n    return part.{use}\n")
    request = serialization.pack({"probes": probes, "function": "probe", "inputs": {}})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        patch.delitem(__import__("sys").modules, "mine", raising=False)
        failure = unpack(agent.answer(request, agent.NotebookCode({}, tmp_path))).failure
        patch.delitem(__import__("sys").modules, "mine", raising=False)
    assert failure is not None and CALLS[use] in failure.says
    assert name not in failure.says and "<" not in failure.says
    assert f"mine.py, line 2 (`return part.{use}`)" in failure.says
