"""The answer to a probe, as either process sends it: a value, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograder import text
from autograder.kernel import serialization
from autograder.kernel.serialization import SerializationError
from autograder.kernel.session import Outcome
from autograder.results import words
from autograder.results.reason import Code, Reason

BUSY = Reason(Code.MACHINE_BUSY)


@dataclass(frozen=True)
class Failure:
    """Why there is no value, and whether the process is gone.

    `error` is the type of what was raised, with its message and the line of code it was raised at.
    `untried` says what the grader lacks, where the failure tells nothing of the code.
    """

    reason: Reason
    error: str = ""
    fatal: bool = False
    message: str = ""
    line: str = ""
    untried: Reason | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", text.sentence(self.error))

    @property
    def says(self) -> str:
        """The reason in English."""
        return words.english(self.reason)


@dataclass(frozen=True)
class Answer:
    """A probe's value, or the failure in its place."""

    value: Any = None
    failure: Failure | None = None


def read_answer(outcome: Outcome) -> Answer:
    """What the student's process sent, or why it sent nothing."""
    if outcome.answer is not None:
        return unpack(outcome.answer)
    why = Reason(Code.YOUR_CODE, why=outcome.why or Reason(Code.NO_ANSWER))
    return Answer(failure=Failure(why, outcome.kind, outcome.fatal,
                                  untried=BUSY if outcome.kind == "stalled" else None))


def unpack(data: bytes) -> Answer:
    """Read what agent.answer has packed, in whichever process."""
    try:
        answer = serialization.unpack(data)
        if "error" in answer:
            return Answer(failure=_failure(answer["error"]))
        return Answer(value=answer["value"])
    except (SerializationError, KeyError, TypeError, AttributeError) as error:
        return Answer(failure=Failure(
            Reason(Code.UNREADABLE_ANSWER, error=str(error)), "answer"))


def _failure(error: dict[str, Any]) -> Failure:
    """Read a Python error: what was raised and at which line."""
    kind, message, where, line = (text.sentence(error[key]).strip()
                                  for key in ("type", "message", "where", "line"))
    exact = {"line": line} if line else {}
    at = {"place": Reason(Code.AT, where=where, **exact)} if where else {}
    lacking = text.sentence(error.get("lacking", ""))
    untried = Reason(Code.LACKING, what=lacking) if lacking else None
    if kind == "NotImplementedError":
        place = {"place": Reason(Code.AT, where=where)} if where else {}
        return Failure(Reason(Code.NOT_WRITTEN, why=Reason(Code.RAISED, error=kind, **place)), kind)
    if kind == "MemoryError" or "can't allocate memory" in message:
        return Failure(Reason(Code.MEMORY_ERROR, **at), "MemoryError")
    first = {"message": message.splitlines()[0][:300]} if message else {}
    return Failure(Reason(Code.STOPPED_WITH, why=Reason(Code.RAISED, error=kind, **first, **at)),
                   kind, message=message, line=line, untried=untried)
