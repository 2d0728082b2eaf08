"""The kit's hidden tests as rivals run them: inside the student's process, on the student's names.

This file travels into the folder of the notebook, with what was recorded beside it.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from autograder.judge.testing import same
from autograder.kernel import agent, serialization

RECORDED = "same_tests.pickle"


def answers(names: dict[str, Any], part: str) -> list[bool]:
    """Put everything that is asked in a part; whether each answer is right."""
    recorded = pickle.loads(Path(RECORDED).read_bytes())
    code = agent.Code(names, Path.cwd())
    return [is_right(agent.answer(request, code), right) for request, right in recorded[part]]


def check(names: dict[str, Any], part: str) -> None:
    """Fail where an answer is wrong, after everything was asked."""
    assert all(answers(names, part)), f"{part}: something is wrong"


def is_right(answer: bytes, right: bytes) -> bool:
    """Whether two packed answers hold the same value."""
    got = serialization.unpack(answer)
    return "value" in got and same(got["value"], serialization.unpack(right)["value"])
