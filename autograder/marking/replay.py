"""Replay the log: what every answer has, computed from the operations alone.

Nothing but the log is read. What comes out must be what the tables hold, whatever happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.exercise.rubric import points_of
from autograder.marking.rows import Key
from autograder.marking.values import LogEntry

AnswerKey = tuple[str, str, str]  # assignment, grade_id, owner


@dataclass(frozen=True)
class ReplayedItem:
    """An item as the log has it."""

    kind: str
    points: float
    text: str
    retired: bool = False


@dataclass(frozen=True)
class ReplayedMark:
    """A mark as the log has it; its points are those that its items have."""

    items: frozenset[int]
    adjustment: float
    comment: str
    grader: str


@dataclass
class _Replay:
    """The state so far, and what each operation changed, by its id."""

    most: dict[Key, float] = field(default_factory=dict)
    items: dict[int, ReplayedItem] = field(default_factory=dict)
    marks: dict[AnswerKey, ReplayedMark] = field(default_factory=dict)
    before: dict[int, tuple[dict[int, ReplayedItem | None], dict[AnswerKey, ReplayedMark | None]]
                 ] = field(default_factory=dict)

    def do(self, entry: LogEntry) -> None:
        items, marks = dict(self.items), dict(self.marks)
        getattr(self, f"_{entry.operation}", self._nothing)(entry, entry.data)
        self.before[entry.id] = (_old(items, self.items), _old(marks, self.marks))

    def _nothing(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        """An operation that changes no mark: a second marking, the division of a question."""

    def _source(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        self.most[entry.assignment, entry.grade_id] = data["most"]
        for one, item in data["items"].items():
            self.items[int(one)] = ReplayedItem(**item)

    def _add_item(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        self.items[data["item"]] = ReplayedItem(data["kind"], data["points"], data["text"])

    def _change_item(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        self.items[data["item"]] = replace(
            self.items[data["item"]], points=data["points"], text=data["text"])

    def _retire_item(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        one = data["item"]
        self.items[one] = replace(self.items[one], retired=True)
        for key, mark in self.marks.items():
            if one in mark.items:
                self.marks[key] = replace(mark, items=mark.items - {one})

    def _give(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        for owner in data["owners"]:
            self.marks[entry.assignment, entry.grade_id, owner] = ReplayedMark(
                frozenset(data["items"]), data["adjustment"], data["comment"], entry.grader)

    def _clear(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        for owner in data["owners"]:
            self.marks.pop((entry.assignment, entry.grade_id, owner), None)

    def _undo(self, entry: LogEntry, data: Mapping[str, Any]) -> None:
        items, marks = self.before[data["undoes"]]
        for one, item in items.items():
            self.items[one] = item or replace(self.items[one], retired=True)
        for key, mark in marks.items():
            if mark is None:
                self.marks.pop(key, None)
            else:
                self.marks[key] = replace(mark, items=frozenset(
                    held for held in mark.items if not self.items[held].retired))


def replay(entries: Iterable[LogEntry]) -> dict[AnswerKey, tuple[float, ReplayedMark]]:
    """Every mark with its points, by assignment, question and owner."""
    state = _Replay()
    for entry in entries:
        state.do(entry)
    return {key: (points_of([state.items[one] for one in mark.items], state.most[key[:2]],
                            mark.adjustment), mark) for key, mark in state.marks.items()}


def _old(before: dict[Any, Any], after: dict[Any, Any]) -> dict[Any, Any]:
    """What was there before of all that is another now; None where nothing was."""
    return {key: before.get(key) for key in {*before, *after} if before.get(key) != after.get(key)}
