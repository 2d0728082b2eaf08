"""The same class graded by nbgrader and by otter-grader, as their manuals say.

Both get the cells that our grader runs, and after them, a test each part: no cell that trains, no
visible check. So do both have as little to do as we have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course import Course
from autograder.judge.work import Work, runnable_cells
from throughput import classes
from throughput.same_tests import RECORDED

NAME = "work"  # of the assignment and its notebook
TEST = 'from same_tests import check\ncheck({names}, "{part}")'
NBGRADER_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "bench"
c.Execute.timeout = 300
"""
OTTER = """
from otter.api import grade_submission
import json, sys
points = {}
for path in sys.argv[2:]:
    results = grade_submission(path, sys.argv[1], quiet=True)
    points[path] = [results.total, results.possible]
print(json.dumps(points))
"""


class Rival:
    """A grader that runs hidden tests in the student's process. `seconds` grades the whole class.

    `points` tells then what each student has of one point a part.
    """

    name = ""

    def __init__(self, course: Course, assignment: str, recorded: Path, folder: Path) -> None:
        self.course, self.assignment, self.folder = course, assignment, folder
        self.recorded = recorded
        self.parts = list(classes.read(recorded))
        self.points: dict[str, float] = {}
        folder.mkdir(parents=True)

    def beside(self) -> Iterator[tuple[str, bytes]]:
        """The files that lie beside every notebook: what is given, and the tests."""
        yield from classes.given(self.course, self.assignment)
        yield RECORDED, self.recorded.read_bytes()
        yield "same_tests.py", Path(__file__).with_name("same_tests.py").read_bytes()

    def cells(self, work: Work) -> list[str]:
        """The student's code that is run: no shell commands, which we do not run either."""
        released = classes.released(self.course, self.assignment)
        return [re.sub(r"(?m)^!.*$", "", source)
                for source in runnable_cells(work.notebook, released)]

    @cached_property
    def environment(self) -> dict[str, str]:
        """What our sandbox sets, and no warnings; nbgrader starts programs by their names."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {**os.environ, "PYTHONWARNINGS": "ignore", "PATH": path,
                **classes.environment(self.course, self.assignment, self.folder / "hub")}

    def run(self, *command: object) -> str:
        done = subprocess.run([*map(str, command)], cwd=self.folder, capture_output=True,
                              text=True, env=self.environment, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-3000:]}"
        return done.stdout


class Nbgrader(Rival):
    """`nbgrader autograde`: hidden tests in locked cells of the notebook."""

    name = "nbgrader"

    def __init__(self, course: Course, assignment: str, recorded: Path, folder: Path) -> None:
        super().__init__(course, assignment, recorded, folder)
        (folder / "nbgrader_config.py").write_text(NBGRADER_CONFIG)
        source = folder / "source" / NAME
        source.mkdir(parents=True)
        for name, data in self.beside():
            (source / name).write_bytes(data)
        whole = self.notebook([], hidden=True)
        nbformat.write(whole, source / f"{NAME}.ipynb")
        self.run("nbgrader", "generate_assignment", NAME, "--create", "--force")

    def notebook(self, sources: list[str], hidden: bool = False) -> NotebookNode:
        cells = [new_code_cell(source, id=f"own-{index}") for index, source in enumerate(sources)]
        for part in self.parts:
            test = TEST.format(names="globals()", part=part)
            source = f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS" if hidden else ""
            marks = {"grade": True, "solution": False, "locked": True, "points": 1,
                     "grade_id": part, "schema_version": 3, "task": False}
            cells.append(new_code_cell(source, id=f"test-{part}", metadata={"nbgrader": marks}))
        return new_notebook(cells=cells, metadata={"kernelspec": {
            "name": "python3", "display_name": "Python 3", "language": "python"}})

    def seconds(self, number: int) -> float:
        for name in ("submitted", "autograded"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for student, work in classes.works(self.course, self.assignment, number):
            folder = self.folder / "submitted" / student / NAME
            folder.mkdir(parents=True)
            for name, data in work.files.items():
                (folder / name).write_bytes(data)
            nbformat.write(self.notebook(self.cells(work)), folder / f"{NAME}.ipynb")
        start = time.perf_counter()
        self.run("nbgrader", "autograde", NAME, "--create", "--force")
        seconds = time.perf_counter() - start
        self.points = self._points()
        return seconds

    def _points(self) -> dict[str, float]:
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.folder}/gradebook.db") as gradebook:
            return {submission.student.id: submission.score
                    for submission in gradebook.assignment_submissions(NAME)}


class Otter(Rival):
    """otter-grader without containers, all submissions from one process, as its API offers it."""

    name = "otter"

    def __init__(self, course: Course, assignment: str, recorded: Path, folder: Path) -> None:
        super().__init__(course, assignment, recorded, folder)
        with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
            archive.writestr("otter_config.json", json.dumps({}))
            for part in self.parts:
                test = TEST.format(names="env", part=part).replace("\n", "\n    ")
                archive.writestr(f"tests/{part}.py", f"""
from otter.test_files import test_case

OK_FORMAT = False
name = "{part}"
points = 1


@test_case()
def test_part(env):
    {test}
""")

    def seconds(self, number: int) -> float:
        uploads = []
        for student, work in classes.works(self.course, self.assignment, number):
            cells = [new_code_cell(source) for source in self.cells(work)]
            notebook = new_notebook(cells=cells, metadata={"kernelspec": {
                "name": "python3", "display_name": "Python 3", "language": "python"}})
            path = self.folder / f"{student}.zip"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(f"{NAME}.ipynb", nbformat.writes(notebook))
                for name, data in {**dict(self.beside()), **work.files}.items():
                    archive.writestr(name, data)
            uploads.append(path)
        start = time.perf_counter()
        said = self.run(sys.executable, "-c", OTTER, "autograder.zip", *uploads)
        seconds = time.perf_counter() - start
        self.points = {Path(path).stem: total for path, (total, _) in
                       json.loads(said.splitlines()[-1]).items()}
        return seconds
