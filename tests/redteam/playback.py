"""Answer the questions of a batch with what was recorded in another.

This runs in the place of a student's side (replay.py) and, as text, in a cell of a submission
(libraries.py): it imports nothing that a student's kernel has not.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import mean
from typing import Any

import torch

from autograder.kernel import serialization


@dataclass(frozen=True)
class Row:
    """One question, and its answer. Its name is the probe's, and that of the function it calls."""

    name: str
    inputs: Any
    value: Any = None

    @classmethod
    def of(cls, request: bytes, value: Any = None) -> Row:
        asked = serialization.unpack(request)
        return cls(f"{asked['function']} {asked['inputs'].get('name', '')}", asked["inputs"], value)


# Ways of replaying. Each answers a question, the n-th of its name, by the rows of this name.


def in_order(asked: Row, number: int, rows: Sequence[Row]) -> Any:
    """What was answered to the n-th question of this name."""
    return rows[number % len(rows)].value


def nearest(asked: Row, number: int, rows: Sequence[Row]) -> Any:
    """What was answered to the inputs that are most like these."""
    return min(rows, key=lambda row: distance(asked.inputs, row.inputs)).value


def most_frequent(asked: Row, number: int, rows: Sequence[Row]) -> Any:
    """What was answered most often, of each number, text and tensor by itself."""
    return typical([row.value for row in rows])


Way = Callable[[Row, int, Sequence[Row]], Any]
WAYS: dict[str, Way] = {"in order": in_order, "nearest": nearest, "most frequent": most_frequent}


class Player:
    """Plays rows back in one way."""

    def __init__(self, rows: Iterable[Row], way: str) -> None:
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row.name, []).append(row)
        self._way, self._numbers = WAYS[way], Counter[str]()

    def answer(self, request: bytes) -> bytes:
        """As agent.answer does; None to what was not asked when this was recorded."""
        asked = Row.of(request)
        rows, number = self._rows.get(asked.name), self._numbers[asked.name]
        self._numbers[asked.name] += 1
        return serialization.pack({"value": self._way(asked, number, rows) if rows else None})


def distance(one: Any, other: Any) -> float:
    """How unlike two values are, from 0 (equal) to 1."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if one.shape != other.shape or not one.numel():
            return float(one.shape != other.shape)
        one, other = one.double(), other.double()
        return float((one - other).norm() / (one.norm() + other.norm()).clamp(min=1e-9))
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return mean([distance(one.get(key), other.get(key)) for key in keys] or [0.0])
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        longest = max(len(one), len(other))
        apart = sum(map(distance, one, other)) + abs(len(one) - len(other))
        return apart / longest if longest else 0.0
    if isinstance(one, int | float) and isinstance(other, int | float):
        return 0.0 if one == other else min(1.0, abs(one - other) / (abs(one) + abs(other)))
    if isinstance(one, str) and isinstance(other, str):
        return 1 - SequenceMatcher(None, one, other, autojunk=False).quick_ratio()
    return float(type(one) is not type(other))


def typical(values: Sequence[Any]) -> Any:
    """Of each number, text and tensor in the values the most frequent one."""
    first = values[0]
    alike = [value for value in values if type(value) is type(first)]
    if isinstance(first, dict):
        alike = [value for value in alike if value.keys() == first.keys()]
        return {key: typical([value[key] for value in alike]) for key in first}
    if isinstance(first, list | tuple):
        alike = [value for value in alike if len(value) == len(first)]
        return type(first)(typical(items) for items in zip(*alike, strict=True))
    return serialization.unpack(Counter(map(serialization.pack, alike)).most_common(1)[0][0])


def written(rows: Iterable[tuple[bytes, bytes]]) -> str:
    """Questions and packed answers as a text that fits into a cell."""
    table = [[base64.b64encode(data).decode() for data in row] for row in rows]
    return base64.b64encode(zlib.compress(json.dumps(table).encode())).decode()


def read(text: str) -> list[Row]:
    """The rows that were `written`."""
    table = json.loads(zlib.decompress(base64.b64decode(text)))
    pairs = ([base64.b64decode(data) for data in row] for row in table)
    return [Row.of(request, serialization.unpack(value)) for request, value in pairs]
