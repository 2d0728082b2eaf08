"""What several files of Task 2's hidden tests ask: a backbone's weights, values of arguments."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from autograder.exercises.hw3 import probes_swag_training as probes
from autograder.judge.testing import Wrong, same


def check_backbone(found: Any, wanted: dict[str, Tensor]) -> None:
    if not found:
        raise Wrong("there is no DistilBERT in the model")
    for name, right in wanted.items():
        assert name in found and same(found[name], right), (
            "the weights of the backbone are not those of the checkpoint")


def read_arguments(both: Any, name: str) -> dict[str, Any]:
    student, _ = both(probes.arguments, name=name)
    if "kind" in student:
        raise Wrong(f"`{name}` is no TrainingArguments, but a {student['kind']}")
    return student
