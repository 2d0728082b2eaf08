"""What hidden tests compare with: more ways in which two values differ, or do not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from conftest import EXERCISES
from hypothesis import example, given
from hypothesis import strategies as st

from autograder import testing as testing_api
from autograder.testing import Wrong, assert_close, is_close, same

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(values)
@example(float("inf"))
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert same(value, value)


@given(values, values)
def test_sameness_has_no_direction_where_numbers_are_whole(one: Any, other: Any) -> None:
    if not any(isinstance(value, float) for value in (one, other)):
        assert same(one, other) == same(other, one)


@pytest.mark.parametrize(("one", "other"), [
    (math.nan, math.nan), (torch.tensor(math.nan), torch.tensor(math.nan)),
    (torch.ones(2), torch.ones(3)), (torch.ones(1), 1.0), (1, 1.0), (0, False), ("", None),
    ([], ()), ({}, []), ({1: 2}, {"1": 2}), (torch.zeros(0), torch.zeros(1, 0)),
])
def test_what_only_looks_alike_is_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other) and not same(other, one)


@pytest.mark.parametrize(("one", "other", "equal"), [
    (np.ones(2), np.ones(2), True), (np.ones(2), np.zeros(2), False),
    (np.ones(2), np.ones((2, 1)), False), (np.ones(2), np.ones(3), False)])
def test_arrays_are_compared_by_their_values(one: Any, other: Any, equal: bool) -> None:
    assert same([one], [other]) is equal


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64,
                                   torch.bool], ids=str)
def test_a_tensors_dtype_is_no_fault(dtype: torch.dtype) -> None:
    assert_close(torch.tensor([0, 1]).to(dtype), torch.tensor([0.0, 1.0]), "differs")


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)], ids=str)
def test_tensors_without_axes_or_entries_are_compared(shape: tuple[int, ...]) -> None:
    assert is_close(torch.ones(shape), torch.ones(shape))
    assert not is_close(torch.ones(shape), torch.ones((*shape, 1)))


def test_a_tensor_that_would_be_broadcast_is_wrong() -> None:
    with pytest.raises(Wrong, match=r"the shape is \[1\], expected \[3\]"):
        assert_close(torch.ones(1), torch.ones(3), "differs")


@pytest.mark.parametrize(("difference", "close"), [(0.9e-4, True), (1.3e-4, False)])
def test_a_tolerance_is_relative_to_the_reference(difference: float, close: bool) -> None:
    assert is_close(torch.tensor([1 + difference]), torch.ones(1)) is close
    assert is_close(torch.tensor([1000 * (1 + difference)]), torch.full((1,), 1000.0)) is close


def test_a_tolerance_can_be_set() -> None:
    assert is_close(torch.tensor([1.4]), torch.ones(1), rtol=0.5)
    assert not is_close(torch.tensor([1.4]), torch.ones(1), rtol=0, atol=0.3)


def test_no_sentence_holds_a_value_of_the_reference() -> None:
    secret = torch.full((2, 2), 0.123456)
    for student in (torch.zeros(2, 2), torch.zeros(3), None, torch.full((2, 2), math.nan)):
        with pytest.raises(Wrong) as wrong:
            assert_close(student, secret, "differs")
        assert "123" not in str(wrong.value)


def test_exercises_import_nothing_else_for_their_tests() -> None:
    """Of the judge, its domain, its executors: all comes from autograder.testing."""
    found = [f"{path.name}: {line}" for path in EXERCISES.rglob("*.py")
             for line in path.read_text().splitlines()
             if line.startswith(("from autograder.judge", "import autograder.judge"))]
    assert found == []


def test_the_api_is_what_it_says() -> None:
    for name in testing_api.__all__:
        assert hasattr(testing_api, name)
        assert f"{name}" in str(testing_api.__doc__), "its docstring lists all of it"
