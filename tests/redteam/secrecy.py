"""Runs of eight words of what no student may read, and where students could read them.

Secrets are solutions, hidden tests, probes' sources, the misconceptions' sentences and the rubrics.
A run that also stands in what is given, or in a library, is no secret.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat

from autograder.course import Course, Exercise
from autograder.exercise.solution import MARKERS
from autograder.kernel.session import KernelSession

RUN = 8
DISTINCT = 5  # words of a run, numbers left out
WORD = re.compile(r"[A-Za-z0-9_]+")
IMPORT = re.compile(r"\s*(# )?(from [\w.]+ )?import ")
STAFF = ("*.py", "misconceptions*.toml", "variants*.toml", "samples.toml", "equivalent.toml")

# Runs in the sandbox: the text of every readable file that is neither the system's nor a library's.
WALK = '''
import json, os, stat, sys
skip = ("/proc", "/sys", "/dev", "/usr", sys.prefix, sys.base_prefix, "/etc/ssl", "/etc/fonts")
texts = {}
for root, folders, files in os.walk("/"):
    if root.startswith(skip): folders.clear(); continue
    for name in files:
        path = os.path.join(root, name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode) or os.path.getsize(path) > 2**22: continue
            data = open(path, "rb").read()
        except OSError: continue
        if b"\\0" not in data[:4096]: texts[path] = data.decode(errors="replace")
print(json.dumps(texts))
'''


def runs(text: str) -> set[str]:
    """All telling runs of RUN words, in small letters, whatever stands between the words.

    Imports tell nothing, and neither do runs of numbers and of one word again and again.
    """
    words = [word.lower() for line in text.splitlines() if not IMPORT.match(line)
             for word in WORD.findall(line)]
    found = (words[i:i + RUN] for i in range(len(words) - RUN + 1))
    return {" ".join(run) for run in found
            if len({word for word in run if not word.isdigit()}) >= DISTINCT}


def secrets(exercises: Iterable[Exercise]) -> dict[str, str]:
    """The runs that no student of these exercises may read, each with where it stands."""
    given: set[str] = set()
    found: dict[str, str] = {}
    for exercise in exercises:
        for path in (*exercise.notebook_files, *exercise.files):
            if path.suffix == ".py":
                inside, outside = _parted(path.read_text())
                given |= runs(outside)
                found |= dict.fromkeys((run for text in inside for run in runs(text)),
                                       f"a solution ({path.name})")
        for path in _of_staff(exercise):
            texts = _sentences(path) if path.suffix == ".toml" else [path.read_text()]
            found |= dict.fromkeys((run for text in texts for run in runs(text)), path.name)
    return {run: where for run, where in found.items() if run not in given}


def _of_staff(exercise: Exercise) -> Iterator[Path]:
    """Tests, probes, misconceptions; not the script of a file that is released."""
    for pattern in STAFF:
        yield from (path for path in sorted(exercise.folder.glob(pattern))
                    if not path.name.startswith("make_"))


def released(course: Course, assignment: str) -> Iterator[tuple[str, str]]:
    """What students receive, file by file: a notebook as the text of its cells and outputs."""
    folder = course.build / "release" / assignment
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in [*paths, *(course.root / name for name in course.handout)]:
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            yield path.name, "\n".join(str(cell) for cell in notebook.cells)
            yield path.name, "\n".join(cell.source for cell in notebook.cells)
        elif path.is_file():
            yield path.name, path.read_bytes().decode(errors="replace")


def inside(course: Course, assignment: str) -> Iterator[tuple[str, str]]:
    """What a submission's own process can read: the released files handed in, and all around."""
    limits = replace(course.toml.limits.sandbox(), output=256)
    folder = course.build / "release" / assignment
    with KernelSession(folder, limits, course.surroundings(assignment)) as session:
        outcome = session.run(WALK, timeout=120)
        assert outcome.kind == "done", outcome.says
        yield from json.loads("".join(output.text for output in outcome.outputs)).items()


def leaks(known: dict[str, str], texts: Iterable[tuple[str, str]]) -> list[str]:
    """Each secret run that stands in a text, said as a sentence."""
    return sorted({f"{name} holds {known[run]}: {run}" for name, text in texts
                   for run in runs(text) & known.keys()})


def _parted(text: str) -> tuple[list[str], str]:
    """The solutions of a source, one by one, and all that is not solution."""
    solutions: list[list[str]] = []
    outside: list[str] = []
    within = False
    for line in text.splitlines():
        mark = line.strip().removeprefix("# ")
        if mark == MARKERS[0]:
            within = True
            solutions.append([])
        elif mark == MARKERS[1]:
            within = False
        else:
            (solutions[-1] if within else outside).append(line)
    return ["\n".join(lines) for lines in solutions], "\n".join(outside)


def _sentences(path: Path) -> Iterator[str]:
    """What a change says and writes; what it replaces is in the source."""
    for entries in tomllib.loads(path.read_text()).values():
        for entry in entries if isinstance(entries, list) else ():
            yield from (str(entry[key]) for key in ("says", "by", "why", "becomes") if key in entry)
