"""Run the reference notebook offline, and keep the outputs that a student's notebook comes with.

    python -m autograder.exercises.q1b.record    from the top of the repository

Run it again when a checkpoint of the offline hub, the creatures or the notebook's training changes.
It writes handin/q1b.outputs.json, and says how long the notebook took.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.course import Course
from autograder.exercise import source
from autograder.exercise.solution import solved_files

COURSE = Course.find(Path(__file__).parent)
EXERCISE = COURSE.exercise("q1b")
HANDIN = EXERCISE.folder / "handin" / "q1b.outputs.json"
KEPT = ("training", "curves")  # the cells that (d) is graded from


def run_reference(folder: Path, *more: NotebookNode) -> NotebookNode:
    """The solved notebook, and `more` cells, after a run of all cells in `folder`.

    Models come from the offline hub. Raises nbclient's CellExecutionError where a cell fails.
    """
    notebook = source.read_notebook(EXERCISE, solved_files(EXERCISE)["q1b.py"].decode())
    notebook.cells += more
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)  # nbclient leaves out what is tagged `skip-execution`
    offline = {"HF_HUB_CACHE": str(COURSE.hub / "hub"), "HF_HUB_OFFLINE": "1",
               "HF_DATASETS_CACHE": str(folder / "cache"), "TOKENIZERS_PARALLELISM": "false"}
    client = NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, **offline})
    return notebook


def outputs(notebook: NotebookNode) -> dict[str, list[Any]]:
    """By cell, what KEPT cells printed, as one text, and their pictures; no progress bars."""
    kept: dict[str, list[Any]] = {}
    for cell in notebook.cells:
        if cell.id not in KEPT:
            continue
        printed = [out.text for out in cell.outputs if out.get("name") == "stdout"]
        kept[cell.id] = [{"output_type": "stream", "name": "stdout", "text": "".join(printed)}
                         ] if printed else []
        kept[cell.id] += [{"output_type": "display_data", "metadata": {}, "data": {
            "image/png": out.data["image/png"], "text/plain": "a figure"}}
            for out in cell.outputs if "image/png" in out.get("data", {})]
    return kept


def main() -> None:
    """Run the notebook and write what it came back with."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        notebook = run_reference(Path(folder))
    HANDIN.parent.mkdir(exist_ok=True)
    HANDIN.write_text(json.dumps(outputs(notebook), indent=1) + "\n")
    print(outputs(notebook)["training"][0]["text"], end="")
    print(f"The notebook took {time.monotonic() - start:.0f} s. Written: {HANDIN}")


if __name__ == "__main__":
    main()
