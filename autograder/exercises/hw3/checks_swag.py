"""What several files of Task 2's hidden tests ask: a backbone's weights, values of arguments."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from autograder.testing import Draw, Wrong, same

from . import probes_swag_training as probes


def check_backbone(found: Any, wanted: dict[str, Tensor]) -> None:
    if not found:
        raise Wrong("there is no DistilBERT in the model")
    for name, right in wanted.items():
        assert name in found and same(found[name], right), (
            "the weights of the backbone are not those of the checkpoint")


def read_arguments(both: Any, draw: Draw, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The student's values and the reference's, asked of copies that write to a drawn folder."""
    folder = f"run-{draw.whole(0, 10**6)}/"
    student, reference = both(probes.arguments, name=name, folder=folder)
    if "kind" in student:
        raise Wrong(f"`{name}` is no TrainingArguments, but a {student['kind']}")
    if not student["output_dir"].startswith(folder):
        raise Wrong(f"`{name}` takes no other output directory")
    return _without(folder, student), _without(folder, reference)


def _without(folder: str, values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "output_dir": values["output_dir"].removeprefix(folder).strip("./")}
