"""To Gradescope: results.json as its autograder harness reads it, a folder for each student.

Shown once grades are published, and nothing in it that the feedback page does not say.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from autograder.files import write_file
from autograder.report.export.result import PartResult, StudentResult, Trouble, above_maximum

VISIBILITY = "after_published"
RESULTS = "results.json"


def export(out: list[StudentResult], folder: Path) -> list[Trouble]:
    """Write each student's results.json below `folder`, which is emptied before.

    Returns a trouble for each total or part above its maximum.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for result in out:
        path = folder / result.student / RESULTS
        write_file(path, json.dumps(as_json(result), indent=2, ensure_ascii=False) + "\n")
    return [trouble for result in out for trouble in _above(result)]


def _above(result: StudentResult) -> list[Trouble]:
    troubles = above_maximum(result.student, result.points, result.max_points, "Gradescope")
    for part in result.parts:
        troubles += above_maximum(f"{result.student}, {_name(part.name)}", part.points or 0.0,
                                  part.max_points, "Gradescope")
    return troubles


def as_json(result: StudentResult) -> dict[str, Any]:
    """What Gradescope reads; the total at the top goes before the sum of the tests."""
    output = [f"{result.points:g} of {result.max_points:g} points."]
    if result.off > 0:
        output.append(f"The parts give {result.off:g} more: something was taken off, or the most "
                      "that can be had is reached.")
    if result.waiting:
        output.append(f"Still to be graded by hand: {', '.join(map(_name, result.waiting))}.")
    return {"score": result.points, "output": "\n".join(output), "output_format": "text",
            "visibility": VISIBILITY, "stdout_visibility": "hidden",
            "tests": [_test(part) for part in result.parts]}


def _test(part: PartResult) -> dict[str, Any]:
    test: dict[str, Any] = {"name": _name(part.name), "max_score": part.max_points,
                            "visibility": VISIBILITY, "output_format": "text"}
    if part.points is None:
        return {**test, "output": "A person has still to grade this."}
    full = part.points >= part.max_points
    return {**test, "score": part.points, "status": "passed" if full else "failed",
            "output": "\n".join(part.says) or ("Right." if full else "")}


def _name(part: str) -> str:
    return part.replace("_", " ")
