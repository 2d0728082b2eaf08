"""`both`: what a hidden test calls to put one probe to the student's code and the reference's."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.judge.answer import Answer, Failure
from autograder.judge.explain import Asked
from autograder.judge.reference import ReferenceClient
from autograder.judge.student_runner import StudentRunner
from autograder.kernel import serialization

SHARED = re.compile(  # a line that imports from another module of probes
    r"^from (\.probes\w*) import (?:\([^)]*\)|.*)$", re.MULTILINE)
FUTURE = "from __future__ import annotations\n"


@functools.cache
def text_of(module: ModuleType) -> str:
    """A module of probes as one text, with the modules of probes that it imports in their lines.

    The student's side has no package from which a probe could import.
    """
    return SHARED.sub(
        lambda line: text_of(importlib.import_module(line[1], module.__package__)
                             ).replace(FUTURE, "", 1),
        inspect.getsource(module))


class StudentFailed(Exception):
    """The student's code gave no value; the message is the sentence for the student."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.says)
        self.failure = failure


class ReferenceFailed(Exception):
    """The reference gave no value: the exercise is broken, not the submission."""


class Both:
    """One hidden test's way to the two sides. It remembers what was asked (explain.py)."""

    def __init__(self, student: StudentRunner, client: ReferenceClient, reference: Path) -> None:
        self._student = student
        self._client = client
        self._reference = reference
        self.asked: list[Asked] = []

    def __call__(self, probe: Callable[..., Any], **inputs: Any) -> tuple[Any, Any]:
        """Run a probe of probes.py on both sides; return (student's value, reference's value).

        Raises StudentFailed where the student's code raised, hung or died.
        """
        return self._ask(_request(probe, inputs), probe.__name__)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Call the function `name` on both sides; return both values."""
        inputs = {"name": name, "args": list(args), "kwargs": kwargs}
        request = serialization.pack({"probes": "", "function": "call", "inputs": inputs})
        return self._ask(request, "call")

    def student(self, probe: Callable[..., Any], seconds: float | None = None, **inputs: Any
                ) -> Answer:
        """Run a probe on the student's side alone, for so many seconds if not as many as usual. No
        points may hang on it: what is asked so is not looked at where feedback is explained."""
        return self._student.ask(_request(probe, inputs), seconds)

    def reference(self, probe: Callable[..., Any], **inputs: Any) -> Answer:
        """Run a probe on the reference alone. Nothing of a submission may be among the inputs."""
        return self._client.ask(self._reference, _request(probe, inputs))

    def _ask(self, request: bytes, function: str) -> tuple[Any, Any]:
        reference = self._client.ask(self._reference, request)
        if reference.failure is not None:
            raise ReferenceFailed(f"the reference's {function}: {reference.failure.says}")
        student = self._student.ask(request)
        self.asked.append(Asked(request, student))
        if student.failure is not None:
            raise StudentFailed(student.failure)
        return student.value, reference.value


def _request(probe: Callable[..., Any], inputs: dict[str, Any]) -> bytes:
    module = inspect.getmodule(probe)
    assert module is not None, "a probe is a function of probes.py"
    return serialization.pack(
        {"probes": text_of(module), "function": probe.__name__, "inputs": inputs})
