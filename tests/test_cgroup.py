"""What all processes of a submission may use together, where control groups can be made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder import doctor
from autograder.course import Course, CourseError
from autograder.kernel.isolation import cgroup
from autograder.kernel.isolation.policy import CGROUPS, Limits, SandboxError, Surroundings
from autograder.kernel.session import KernelSession
from autograder.settings import SandboxSettings

grouped = pytest.mark.skipif(not cgroup.bases(), reason="no control groups can be made here")
HOG = """
import os, time
for _ in range(6):
    if not os.fork():
        held = bytearray(200 * 2**20)
        time.sleep(60)
held = bytearray(200 * 2**20)
time.sleep(30)
"""


@grouped
@pytest.mark.sandbox
@pytest.mark.parametrize("preload", [[], ["json"]], ids=["cold", "warm"])
def test_many_processes_together_run_out_of_memory(preload: list[str], tmp_path: Path) -> None:
    with KernelSession(tmp_path, Limits(memory=600, scratch=64), Surroundings(preload=preload)
                       ) as session:
        outcome = session.run(HOG, timeout=40)
        group = session._manager.provisioner.group
    assert (outcome.kind, "600 MiB of memory" in outcome.says) == ("died", True)
    assert group is None, "the group is left behind"


@grouped
@pytest.mark.sandbox
@pytest.mark.parametrize("preload", [[], ["json"]], ids=["cold", "warm"])
def test_student_code_sees_no_group(preload: list[str], tmp_path: Path) -> None:
    code = (f"import os; print([file for folder in ('/sys', {CGROUPS!r}) "
            "for _, _, files in os.walk(folder) for file in files])")
    with KernelSession(tmp_path, Limits(), Surroundings(preload=preload)) as session:
        outcome = session.run(code, timeout=40)
    assert outcome.outputs[0]["text"].strip() == "[]"


@grouped
def test_groups_go_away() -> None:
    group = cgroup.create(64, 8)
    assert group is not None and all(folder.is_dir() for folder in group.folders)
    group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_where_no_group_can_be_made_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path
                                                  ) -> None:
    monkeypatch.setattr(cgroup, "ROOT", tmp_path / "nothing")
    monkeypatch.setattr(cgroup, "_bases", cgroup._bases.__wrapped__)  # nothing is remembered
    assert cgroup.create(64, 8) is None


def demanding(course: Course, *walls: str) -> Course:
    sandbox = SandboxSettings(demands=list(walls))
    return replace(course, toml=course.toml.model_copy(update={"sandbox": sandbox}))


@pytest.mark.sandbox
def test_what_holds_is_not_complained_about(course: Course) -> None:
    doctor.demand(demanding(course, "no network", "system calls"))


def test_a_wall_that_does_not_hold_stops_everything(course: Course,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_try", lambda name, code: doctor.Finding(name, False, "missing"))
    with pytest.raises(SandboxError, match=r"no network: missing.*nothing was graded"):
        doctor.demand(demanding(course, "no network"))


def test_an_unknown_wall_is_a_sentence(course: Course) -> None:
    with pytest.raises(CourseError, match=r"names moat; there are: sandbox starts"):
        doctor.demand(demanding(course, "moat"))
