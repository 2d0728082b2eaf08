"""Attacks on the real exercises: judged by the real graders, gradebook and pages left out.

Some of them replay a right solution's answers: these are recorded here, in a batch of another
seed. Others hand in the library that q2 forbids: its source is taken from where it is installed.
"""

from __future__ import annotations

import ast
import base64
import importlib.util
import inspect
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import nbformat
from conftest import copy_course, spawned

from autograder.course import Course
from autograder.judge import pool
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.release.build import prepare
from autograder.results.verdict import Verdict
from autograder.validate import work as filled_in
from redteam import playback, replay
from redteam.attack import CANARY, LOOT, Attack

ASSIGNMENTS = {"q1a": "q1", "q1b": "q1", "q2": "q2", "hw3": "hw3"}
JUDGED_IN = 2  # recordings are of a batch of another seed

# Cells of a submission: what was recorded, as `rows`; and an agent that answers with it.
TABLE = f"""{inspect.getsource(playback)}

rows = read("ROWS")
"""
RECORDED = f"""{TABLE}
from autograder.kernel import agent
player = Player(rows, "nearest")
agent.answer = lambda request, code: player.answer(request)
"""
CELLS = {"TABLE": TABLE, "RECORDED": RECORDED}


def run(chosen: Sequence[Attack], say: Callable[[str], None]) -> tuple[set[str], int]:
    """Judge attacks beside the bare skeleton; return who gained, and how many never ran."""
    gained: set[str] = set()
    idle = 0
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="redteam-") as folder:
        course = copy_course(Path(folder))
        for exercise, some in groupby(sorted(chosen, key=lambda one: one.exercise),
                                      key=lambda one: one.exercise):
            prepare(course, ASSIGNMENTS[exercise])
            for attack, verdict, bare in _judged(course, exercise, list(some)):
                got = _gained(verdict, bare, allowed=replay.MOST if _recalls(attack) else 0)
                gained |= {attack.name} if got else set()
                own = [event for event in verdict.events if event not in bare.events]
                stopped = not got and not attack.may_fail and (
                    attack.proof not in str(verdict) if attack.proof else bool(own))
                idle += stopped
                never = f"never ran: {own}" if stopped else "nothing"
                say(f"{exercise:4} {attack.kind:9} {attack.name}: "
                    f"{'; '.join(f'GAINED {one}' for one in got) or never}")
    return gained, idle


def _recalls(attack: Attack) -> bool:
    return bool(CELLS.keys() & set(attack.cells))


def _gained(verdict: Verdict, bare: Verdict, allowed: float) -> list[str]:
    got = []
    for part in verdict.parts:
        before = bare.part(part.part)
        if part.points > (before.points if before else 0) and not part.flags:
            got.append(part)
    told = json.dumps(verdict.to_json())
    loot = [told[told.index(mark):][:90] for mark in (LOOT, CANARY) if mark in told]
    return loot + [f"{part.points:g} of {part.max_points:g} points in {part.part}" for part in got
                   if sum(part.points for part in got) > allowed]


def _judged(course: Course, exercise: str, chosen: list[Attack]
            ) -> list[tuple[Attack, Verdict, Verdict]]:
    assignment = ASSIGNMENTS[exercise]
    with _grader(course, assignment, JUDGED_IN) as judge:
        skeleton = filled_in(course.exercise(exercise), "skeleton", "skeleton")
        table = ""
        if any(map(_recalls, chosen)):
            table = judge.submit(_record, skeleton).result()
        bare = judge.submit(pool._ask, pool._grade, skeleton).result()
        return [(attack, judge.submit(
            pool._ask, pool._grade, _work(course, attack, table)).result(), bare)
            for attack in chosen]


def _grader(course: Course, assignment: str, seed: int):  # type: ignore[no-untyped-def]
    scratch = course.root / f"scratch{seed}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return spawned(initializer=pool._start, initargs=(course, assignment, seed, str(scratch)))


def _record(work: Work) -> str:
    """What is asked in one batch, with the reference's answers."""
    assert isinstance(pool._grader, Grader)
    pairs, _ = replay.recorded(pool._grader, work)
    return playback.written(pairs)


def _work(course: Course, attack: Attack, table: str) -> Work:
    """The skeleton with what the attack adds to it."""
    skeleton = filled_in(course.exercise(attack.exercise), "skeleton", "skeleton")
    for cell in attack.cells:
        cell = CELLS.get(cell, cell).replace("ROWS", table)
        skeleton.notebook.cells.append(nbformat.v4.new_code_cell(cell))
    files = dict(skeleton.files)
    for name, text in attack.files.items():
        files[name] = _library().encode() if text == "VENDORED" else str(text).encode()
    if attack.module:
        packed = _text(zlib.compress(_library().encode()))
        files["bert.py"] += attack.module.replace("PACKED", packed).encode()
    return Work(attack.exercise, skeleton.notebook, files)


def _library() -> str:
    """The attention of the library that q2 forbids, as it is installed here."""
    spec = importlib.util.find_spec("transformers")
    assert spec is not None and spec.origin is not None
    source = (Path(spec.origin).parent / "models/bert/modeling_bert.py").read_text()
    (found,) = (node for node in ast.parse(source).body
                if isinstance(node, ast.FunctionDef) and node.name == "eager_attention_forward")
    head = ("from typing import *\nfrom collections.abc import Callable\nimport torch\n"
            "from torch import nn\nTransformersKwargs = Unpack = dict\n")
    return f"from __future__ import annotations\n{head}\n{ast.get_source_segment(source, found)}\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
