"""Marks and comparisons of hidden tests; exercises import them from autograder.testing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from autograder.results import words
from autograder.results.reason import Code, Reason, Value

Test = TypeVar("Test", bound=Callable[..., Any])
KEEPS_TOGETHER = 0.75  # a broken contract costs at most a quarter of its part


def part(name: str, weight: float = 1.0, together: str | None = None,
         keeps: float = KEEPS_TOGETHER, only_with: str | tuple[str, ...] = ()
         ) -> Callable[[Test], Test]:
    """Mark a hidden test as one of the part `name`, where it has `weight` beside the others.

    A test with `together` runs only where the part is not right alone: it tries the part with
    the student's own other parts. Where all of these pass, the part keeps the share `keeps` of
    its points, and `together` is the sentence that names the contract that was broken; the fixture
    `award` replaces both where they depend on what the test finds.

    `only_with` names tests of the same part without one of which this one earns nothing: its right
    answer is the same for every input, and could be given by somebody who has written nothing.
    """

    others = (only_with,) if isinstance(only_with, str) else only_with

    def decorate(test: Test) -> Test:
        marked: Test = pytest.mark.part(name, weight, together, keeps, others)(test)
        return marked

    return decorate


class Wrong(AssertionError):
    """The student's value is wrong; the message is the sentence for the student.

    Values of its placeholders go beside it, so that it can be translated: Wrong("`{name}` is no
    number", name="loss").
    """

    def __init__(self, says: str | Reason, **values: Value) -> None:
        self.reason = says if isinstance(says, Reason) else Reason(Code.TEST, text=says, **values)
        super().__init__(words.english(self.reason))


def assert_close(student: Any, reference: torch.Tensor, says: str, rtol: float = 1e-4,
                 atol: float = 1e-5) -> None:
    """Fail with `says`, and what can be seen from outside, where two tensors differ."""
    why = Reason(Code.TEST, text=says)
    if not isinstance(student, torch.Tensor):
        raise Wrong(Reason(Code.NO_TENSOR, why=why, found=_kind(student)))
    if student.shape != reference.shape:
        raise Wrong(Reason(Code.OTHER_SHAPE, why=why, shape=str(list(student.shape)),
                           expected=str(list(reference.shape))))
    if not torch.isfinite(student.double()).all():
        raise Wrong(Reason(Code.NOT_FINITE, why=why))
    if not torch.allclose(student.double(), reference.double(), rtol=rtol, atol=atol):
        raise Wrong(says)


def is_close(student: Any, reference: torch.Tensor, **tolerance: float) -> bool:
    """Whether `assert_close` would pass."""
    try:
        assert_close(student, reference, "", **tolerance)
    except Wrong:
        return False
    return True


def same(one: Any, other: Any, equal_nan: bool = False) -> bool:
    """Whether two answers are equal, tensors within tolerance, whatever their structure."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.shape == other.shape and torch.allclose(
            one.double(), other.double(), rtol=1e-4, atol=1e-5, equal_nan=equal_nan) and (
            equal_nan or bool(torch.isfinite(one.double()).all()))
    if isinstance(one, np.ndarray):
        return (isinstance(other, np.ndarray) and one.shape == other.shape and bool(
            np.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=equal_nan)))
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key], equal_nan) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(
            same(mine, theirs, equal_nan) for mine, theirs in zip(one, other, strict=True))
    if isinstance(one, float):
        nan = equal_nan and one != one and other != other
        return one == other or nan or abs(one - other) <= 1e-5 + 1e-4 * abs(other)  # infinity, too
    return bool(one == other)


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
