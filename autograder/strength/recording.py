"""What each expression of a solution gave while hidden tests asked, and answers that rest on it.

A copy of the solution notes down what its expressions give. One whose value never differs, over
several batches, could stand there as a constant, and nobody would notice: a hole in the tests. And
where it does differ, an answer with the constant of one batch must lose in another: it is a
*specialised* answer, and so is one that brings every tensor to the shape that one batch had.
"""

from __future__ import annotations

import builtins
import hashlib
import pickle
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst
import numpy as np
import pytest
import torch
from libcst.metadata import ExpressionContext, ExpressionContextProvider

from autograder.judge.pytest_plugin import JudgePlugin, marked
from autograder.strength.code import Unit
from autograder.strength.trial import Laboratory

NOTE, CONSTANT, SHAPED = "__noted__", "__constant__", "__shaped__"  # names of builtins
LITERALS = (cst.BaseNumber, cst.BaseString, cst.Ellipsis)
NOT_NOTED = (cst.GeneratorExp, cst.Lambda, cst.StarredElement, cst.FormattedString,
             cst.ConcatenatedString)
WORDS = frozenset({"True", "False", "None"})
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.Size, torch.dtype)


@dataclass
class Noted:
    """What one expression gave in one batch."""

    kinds: set[str] = field(default_factory=set)  # types, with the number of axes
    values: set[str] = field(default_factory=set)  # hashes; of what has a value at all
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    first: Any = None  # value
    parts: set[str] = field(default_factory=set)  # whose tests reached it
    plain: bool = True  # whether all values were ones that a constant could stand for

    def add(self, value: Any) -> None:
        shape = getattr(value, "shape", None) if isinstance(value, torch.Tensor | np.ndarray) else (
            None)
        self.kinds.add(type(value).__name__ + (f"[{len(shape)}]" if shape is not None else ""))
        if shape is not None:
            self.shapes.add(tuple(shape))
        self.plain = self.plain and _is_plain(value)
        if self.plain:
            if not self.values:
                self.first = _copy(value)
            self.values.add(_hash(value))


@dataclass(frozen=True)
class Expression:
    """An expression that students write some form of."""

    unit: Unit
    node: cst.BaseExpression

    @property
    def text(self) -> str:
        return " ".join(cst.Module([]).code_for_node(self.node).split())

    @property
    def line(self) -> int:
        """Its line in the source file."""
        return self.unit.first + self.unit.line(self.node) - 1


def expressions(units: Sequence[Unit]) -> list[Expression]:
    """All that may be noted: what is computed, but for literals and what is called."""
    return [Expression(unit, node) for unit in units for node in _walk(unit.parsed.module)
            if isinstance(node, cst.BaseExpression) and unit.line(node) in unit.written
            and _is_computed(unit, node)]


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _is_computed(unit: Unit, node: cst.BaseExpression) -> bool:
    contexts = unit.parsed.resolve(ExpressionContextProvider)
    if node in contexts:
        if contexts[node] is not ExpressionContext.LOAD:
            return False
    elif isinstance(node, cst.Name):  # of a keyword, an attribute, a parameter
        return False
    if _is_literal(node) or isinstance(node, NOT_NOTED) or getattr(node, "value", "") == "self":
        return False
    inside: cst.CSTNode = node
    for parent in unit.parents(node):
        if isinstance(parent, cst.Annotation | cst.Decorator | cst.FormattedString) or (
                isinstance(parent, cst.Call) and parent.func is inside) or (
                isinstance(parent, cst.Arg) and parent.keyword is inside) or (
                isinstance(parent, cst.AssignTarget | cst.CompFor) and parent.target is inside):
            return False
        inside = parent
    return True


def _is_literal(node: cst.CSTNode) -> bool:
    """Whether it is made of nothing but what is written there."""
    if isinstance(node, cst.Name):
        return node.value in WORDS
    return isinstance(node, LITERALS) or not any(
        isinstance(part, cst.Name | cst.Call) and not _is_literal(part)
        for part in _walk(node) if part is not node)


def noting(unit: Unit, found: Sequence[Expression]) -> str:
    """The unit's text in which each of its expressions tells its value, by its place in `found`."""
    numbers = {one.node: number for number, one in enumerate(found) if one.unit is unit}
    changed = unit.parsed.module.visit(_Wrap(numbers))
    assert isinstance(changed, cst.Module)
    return changed.code


class _Wrap(cst.CSTTransformer):
    def __init__(self, numbers: dict[cst.BaseExpression, int]) -> None:
        super().__init__()
        self._numbers = numbers

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        number = self._numbers.get(original_node)  # type: ignore[call-overload]
        return updated_node if number is None else _call(NOTE, number, updated_node)


def _call(name: str, number: int, *values: cst.BaseExpression) -> cst.Call:
    inside = [value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
              if isinstance(value, cst.Tuple) and not value.lpar else value for value in values]
    return cst.Call(cst.Name(name), [cst.Arg(cst.Integer(str(number))), *map(cst.Arg, inside)])


class _Noting(JudgePlugin):
    """Knows which part is being asked."""

    asked = ""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        _Noting.asked = marked(item)[0]


def noted(laboratory: Laboratory, found: Sequence[Expression], seed: int) -> bytes:
    """Run the tests on the solution and note what each expression gives, by its place in `found`:
    a task for a process of its own, whose answer is pickled."""
    notes: dict[int, Noted] = {}

    def note(number: int, value: Any) -> Any:
        noted = notes.setdefault(number, Noted())
        noted.add(value)
        noted.parts.add(_Noting.asked)
        return value

    setattr(builtins, NOTE, note)
    work = laboratory.solution.work
    for unit in dict.fromkeys(one.unit for one in found):
        work = laboratory.solution.version(unit, noting(unit, found), work)
    lost = laboratory.loses_all(work, seed, _Noting)
    assert not lost, f"the solution that notes its values loses points in {', '.join(lost)}"
    return pickle.dumps(notes)


def with_constant(one: Expression, number: int, of_shape: bool) -> str:
    """The unit's text with a constant in the expression's place, or of its shape."""
    new = _call(SHAPED, number, one.node) if of_shape else _call(CONSTANT, number)
    return one.unit.replaced(one.node, new)


def specialised(laboratory: Laboratory, text: str, unit: Unit, constant: Any, seed: int,
                parts: Collection[str]) -> dict[str, float]:
    """What an answer loses in which CONSTANT or SHAPED stands for `constant`: a task."""
    setattr(builtins, CONSTANT, lambda number: _copy(constant))
    setattr(builtins, SHAPED, lambda number, value: value.reshape(constant))
    return laboratory.loses(laboratory.solution.version(unit, text), seed, parts)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return type(value) in (list, tuple, set, frozenset) and all(map(_is_plain, value))
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(one) for key, one in value.items())
    return type(value) in (torch.Tensor, np.ndarray) or isinstance(value, PLAIN)


def _copy(value: Any) -> Any:
    """A value of its own, without a gradient's history."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(_copy, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _hash(value: Any) -> str:
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    digest.update(type(value).__name__.encode())
    if isinstance(value, torch.Tensor):
        own = value.detach().cpu()
        _feed(digest, (own.float() if own.dtype is torch.bfloat16 else own).numpy())
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif isinstance(value, dict):
        for key, one in value.items():
            _feed(digest, key)
            _feed(digest, one)
    elif isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        for one in value:
            _feed(digest, one)
    elif isinstance(value, set | frozenset):
        digest.update(repr(sorted(map(repr, value))).encode())
    else:
        digest.update(repr(value).encode())
