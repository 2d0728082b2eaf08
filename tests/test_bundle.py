"""What is given out: the zip, the students' repository, and both tried for real."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from conftest import REPO, TOY_COURSE, Toy, copy_course, run_cli

from autograder.course import Course, CourseError
from autograder.release import bundle
from autograder.release.build import build
from autograder.release.bundle import contents, write_zip
from autograder.release.repository import MANIFEST, write_repository
from autograder.settings import ReleaseSettings

SETUP = "# Setting up\n\nRun `python data/prepare.py`, then `bash collect_submission.sh`.\n"
COLLECT = """\
echo "Problem: ID at the top is still 2000_00000" >&2
for file in toy/toy.ipynb toy/vectors.py toy/result.log other/other.ipynb; do
    [ -s "$file" ] || echo "Problem: $file is missing or empty." >&2
done
exit 1
"""


def laid_out(folder: Path, settings: str = TOY_COURSE) -> Course:
    """A toy course with a release, made by hand, and what lies beside it."""
    course = Toy(course=settings).write(folder)
    shutil.copytree(build(course, "toy"), course.root / "toy")
    notebook = course.root / "toy" / "toy.ipynb"
    cleared = nbformat.read(notebook, as_version=4)
    for cell in cleared.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = "raise NotImplementedError()"
    nbformat.write(cleared, notebook)
    for name, text in {"setup.md": SETUP, "collect_submission.sh": COLLECT, "LICENSE": "MIT\n",
                       "data/prepare.py": "print('ready')\n", "requirements.txt": "torch\n",
                       "written/2000_00000_written.tex": "\\documentclass{article}\n",
                       "toy/result.log": "of somebody's run\n", "toy/best.pt": "weights"}.items():
        (course.root / name).parent.mkdir(exist_ok=True)
        (course.root / name).write_text(text)
    return course


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A laid out toy, of which nothing is run in a kernel."""
    monkeypatch.setattr(bundle, "broken", lambda *args: ())
    return laid_out(tmp_path)


# ------------------------------------------------------------------------------------------ the zip

RECEIVED = ["collect_submission.sh", "data/prepare.py", "requirements.txt", "setup.md",
            "toy/given.py", "toy/toy.ipynb", "toy/vectors.py"]


def test_the_zip_holds_what_students_receive_and_nothing_else(course: Course) -> None:
    path, faults = write_zip(course, "toy", "2026.1")
    assert faults == [] and re.fullmatch(r"toy-2026\.1-[0-9a-f]{8}\.zip", path.name)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == RECEIVED
        assert all(archive.read(name) == (course.root / name).read_bytes() for name in RECEIVED)


def test_a_course_names_what_it_gives_out_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                  ) -> None:
    monkeypatch.setattr(bundle, "broken", lambda *args: ())
    course = laid_out(tmp_path, TOY_COURSE + """
[release]
instructions = "START.md"
collect = "pack.sh"
written = []
files = ["tools/*.py"]
leftovers = ["run-*.txt"]
""")
    for name, text in {"START.md": "Run `tools/fetch.py`, then `pack.sh`. See `setup.md`.",
                       "pack.sh": "true\n", "tools/fetch.py": "1\n", "toy/run-1.txt": "x"}.items():
        (course.root / name).parent.mkdir(exist_ok=True)
        (course.root / name).write_text(text)
    (course.root / "toy" / "result.log").unlink()
    (course.root / "toy" / "best.pt").unlink()
    assert list(contents(course, ["toy"])) == [
        "START.md", "pack.sh", "tools/fetch.py", "toy/given.py", "toy/toy.ipynb", "toy/vectors.py"]
    _, faults = write_zip(course, "toy")
    assert faults == ["START.md speaks of setup.md, which students would not receive."]
    (course.root / "START.md").write_text("Run `tools/fetch.py`.")
    _, (fault,) = write_zip(course, "toy")
    assert fault.startswith("pack.sh must ask for a student id")
    write_repository(course, ["toy"], tmp_path / "students")
    readme = (tmp_path / "students" / "README.md").read_text()
    assert "[START.md](START.md) says how" in readme and "`bash pack.sh` makes it" in readme
    ignored = (tmp_path / "students" / ".gitignore").read_text().splitlines()
    assert "run-*.txt" in ignored and "*.pt" not in ignored


@pytest.mark.parametrize("name", ["/etc/passwd", "../roster.csv", "data/../../x", ""])
def test_nothing_from_outside_the_course_is_given_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(CourseError, match=r"release\.files\.0: .*in the course's folder"):
        Toy(course=f'{TOY_COURSE}[release]\nfiles = ["{name}"]\n').write(tmp_path)


def test_without_a_word_nothing_else_is_given_out(tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    for name in ("data/prepare.py", "data/staff.py", "written/a_written.tex",
                 "written/solution.tex"):
        (course.root / name).parent.mkdir(exist_ok=True)
        (course.root / name).write_text("")
    assert {"data/prepare.py", "written/a_written.tex"} <= {*course.handout}
    assert not {"data/staff.py", "written/solution.tex"} & {*course.handout}


def test_a_course_of_before_gives_out_the_same() -> None:
    """Without [release]: what was named by the engine then."""
    course = Course.load(REPO)
    before = replace(course, toml=course.toml.model_copy(update={"release": ReleaseSettings()}))
    assert before.handout == course.handout
    for names in (["hw4"], ["hw3"]):
        assert contents(before, names).keys() == contents(course, names).keys()


def test_the_same_files_make_the_same_bytes(course: Course, tmp_path: Path) -> None:
    first, _ = write_zip(course, "toy")
    other = laid_out(tmp_path / "elsewhere")
    for path in other.root.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    second, _ = write_zip(other, "toy")
    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())
    (other.root / "setup.md").write_text(f"{SETUP}\nA word more.\n")
    assert write_zip(other, "toy")[0].name != first.name


@pytest.mark.parametrize(("settings", "name", "there"), [
    ('archive = "{id}_toy.zip"', "written/2000_00000_written.tex", False),
    ('archive = "{id}_toy.zip"\nwritten = "{id}.pdf"', "written/2000_00000_written.tex", True),
    ('archive = "{id}_toy.zip"', "collect_submission.sh", True),
    ('archive = "{id}_toy.ipynb"', "collect_submission.sh", False),
])
def test_what_goes_beside_is_what_handing_in_needs(tmp_path: Path, settings: str, name: str,
                                                   there: bool) -> None:
    course = laid_out(tmp_path, TOY_COURSE.replace('archive = "{id}_toy.zip"', settings))
    assert (name in contents(course, ["toy"])) is there


@pytest.mark.parametrize("made", [
    ".venv/bin/activate", ".venv/pyvenv.cfg", "venv/bin/activate", "env/Scripts/activate.bat",
    "my-env/bin/python", ".git/config", ".ipynb_checkpoints/a.ipynb", "data/weights/model.bin",
    "data/sst/train.csv", "data/checkpoints/bert.pt", "best.pt", "result.log", "train-output.txt",
    "__pycache__/a.pyc"])
def test_what_is_made_on_everybodys_machine_is_no_promise(course: Course, made: str) -> None:
    """The course's folder has a virtual environment, prepared data and a run of its own, too."""
    path = course.root / made
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("of this machine")
    if "env" in made:
        (course.root / made.split("/")[0] / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (course.root / "setup.md").write_text(f"{SETUP}\nRun `source {made}`.\n")
    written, faults = write_zip(course, "toy")
    assert faults == [] and written.is_file()


@pytest.mark.parametrize("promised", ["data/fetch.sh", "extra.txt", "docs/guide.md", "help.ipynb",
                                      "tools/run.py", "data/more/notes.ipynb", "hints/a.png"])
def test_what_the_course_holds_is_a_promise(course: Course, promised: str) -> None:
    path = course.root / promised
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("of the course")
    (course.root / "setup.md").write_text(f"{SETUP}\nSee `{promised}`.\n")
    _, faults = write_zip(course, "toy")
    assert faults == [f"setup.md speaks of {promised}, which students would not receive."]


@pytest.mark.parametrize(("file", "text", "fault"), [
    ("data/prepare.py", "largest = vector.abs().max()\n", "holds a line of a solution"),
    ("setup.md", f"{SETUP}\nsee autograder/exercises\n", "names a staff path"),
    ("setup.md", f"{SETUP}\nRun `sh data/fetch.sh`.\n", "setup.md speaks of data/fetch.sh, which "
     "students would not receive"),
    ("data/prepare.py", "print('ready'\n", "data/prepare.py is no Python"),
    ("collect_submission.sh", "true\n", "must ask for a student id"),
    ("collect_submission.sh", COLLECT.replace("vectors", "matrices"),
     "asks for toy/matrices.py, which students do not receive"),
])
def test_a_fault_is_told_and_no_zip_is_written(course: Course, file: str, text: str, fault: str
                                               ) -> None:
    (course.root / "data" / "fetch.sh").write_text("true\n")
    (course.root / file).write_text(text)
    path, faults = write_zip(course, "toy")
    assert len(faults) == 1 and fault in faults[0]
    assert not path.exists() and not list(course.root.glob("dist/*"))


def test_what_does_not_run_where_it_is_unpacked_is_not_given_out(
        course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(course: Course, assignment: str, folder: Path) -> list[str]:
        assert folder != course.root / "toy"
        return [f"cannot be imported: {path.name}" for path in sorted(folder.glob("*.py"))]
    monkeypatch.setattr(bundle, "broken", broken)
    _, faults = write_zip(course, "toy")
    assert faults == ["cannot be imported: given.py", "cannot be imported: vectors.py"]
    assert not list(course.root.glob("dist/*"))


# -------------------------------------------------------------------------------- the repository


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in folder.rglob("*") if path.is_file()}


def test_a_repository_is_brought_to_what_is_released(course: Course, tmp_path: Path) -> None:
    students = tmp_path / "students"
    students.mkdir()
    (students / "notes.md").write_text("of the TAs\n")
    changed = write_repository(course, ["toy"], students)
    assert {*RECEIVED, "README.md", "LICENSE", ".gitignore"} == set(changed.written)
    assert set(files(students)) == {*changed.written, "notes.md", MANIFEST}
    assert os.access(students / "collect_submission.sh", os.X_OK)
    before = files(students)
    again = write_repository(course, ["toy"], students)
    assert not any((again.written, again.removed, again.overwritten, again.left))
    assert files(students) == before, "not even touched"


def test_what_is_released_no_more_goes_and_nothing_else(course: Course, tmp_path: Path) -> None:
    write_repository(course, ["toy"], tmp_path / "s")
    (tmp_path / "s" / "toy" / "mine.py").write_text("x = 1\n")
    (course.root / "toy" / "given.py").unlink()
    (course.root / "data" / "prepare.py").unlink()
    changed = write_repository(course, ["toy"], tmp_path / "s")
    assert (changed.written, changed.removed) == ((), ("data/prepare.py", "toy/given.py"))
    assert not (tmp_path / "s" / "data").exists()
    assert (tmp_path / "s" / "toy" / "mine.py").exists()


def test_what_was_changed_by_hand_is_told(course: Course, tmp_path: Path) -> None:
    write_repository(course, ["toy"], tmp_path / "s")
    for name in ("README.md", "toy/given.py"):
        (tmp_path / "s" / name).write_text("changed\n")
    (course.root / "toy" / "given.py").unlink()
    changed = write_repository(course, ["toy"], tmp_path / "s")
    assert (changed.overwritten, changed.left) == (("README.md",), ("toy/given.py",))
    assert (tmp_path / "s" / "toy" / "given.py").read_text() == "changed\n"


def test_what_no_release_wrote_is_not_overwritten(course: Course, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "README.md").write_text("# Ours\n")
    with pytest.raises(CourseError, match=r"holds README\.md, which no release wrote"):
        write_repository(course, ["toy"], tmp_path / "s")
    assert set(files(tmp_path / "s")) == {"README.md"}


def test_nothing_outside_is_touched(course: Course, tmp_path: Path) -> None:
    students, outside = tmp_path / "s", tmp_path / "outside"
    outside.mkdir()
    (outside / "vectors.py").write_text("x = 1\n")
    students.mkdir()
    (students / "toy").symlink_to(outside)
    with pytest.raises(CourseError, match="leads elsewhere"):
        write_repository(course, ["toy"], students)
    (students / "toy").unlink()
    (students / MANIFEST).write_text(json.dumps({"../outside/vectors.py": "0"}))
    with pytest.raises(CourseError, match="leads elsewhere"):
        write_repository(course, ["toy"], students)
    assert (outside / "vectors.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "[]", '{"toy/toy.ipynb": 3}'])
def test_a_damaged_manifest_is_a_sentence(course: Course, tmp_path: Path, text: str) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / MANIFEST).write_text(text)
    with pytest.raises(CourseError, match="is damaged"):
        write_repository(course, ["toy"], tmp_path / "s")


def test_the_course_itself_is_no_place_for_it(course: Course) -> None:
    with pytest.raises(CourseError, match="is the course itself"):
        write_repository(course, ["toy"], course.root)


@pytest.mark.parametrize("repository", ["", "teachers/toys"])
def test_the_readme_tells_what_a_student_needs(tmp_path: Path, repository: str) -> None:
    course = laid_out(tmp_path, TOY_COURSE.replace('id = "toys"',
                                                   f'id = "toys"\nrepository = "{repository}"'))
    write_repository(course, ["toy"], tmp_path / "s")
    text = (tmp_path / "s" / "README.md").read_text()
    for line in ("# A course about nothing", "## A toy", "At most 10 points.",
                 "| [toy/toy.ipynb](toy/toy.ipynb) | Words and vectors | 10 |", "`{id}_toy.zip`",
                 "[setup.md](setup.md)", "[LICENSE](LICENSE)", "`toy` is version "):
        assert line in text
    badge = "colab.research.google.com/github/teachers/toys/blob/main/toy/toy.ipynb"
    assert (badge in text) is ("git clone https://github.com/teachers/toys" in text)
    assert (badge in text) is bool(repository)


# --------------------------------------------------------------------------------- tried for real


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_release_day(tmp_path: Path) -> None:
    """One command gives a toy out, as a zip and as a repository, and records what it was."""
    settings = TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"')
    course = laid_out(tmp_path, settings)
    students = tmp_path / "students"
    subprocess.run(["git", "init", "--quiet", students], check=True)
    done = run_cli("release", "--repository", students, "--zip", "--version", "2026.1", "toy",
                   cwd=course.root)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (course.root / "dist").iterdir()
    assert f"{path}: everything runs where it is unpacked" in done.stdout
    assert "There are no badges of Colab: they need `repository" in done.stdout
    (kept,) = (course.root / "releases" / "toy").iterdir()
    assert kept.name.startswith("2026.1-") and (kept / "toy.ipynb").is_file()
    assert f"2026.1 ({kept.name[-8:]})" in (students / "README.md").read_text()
    with zipfile.ZipFile(path) as archive:
        assert all((students / name).read_bytes() == archive.read(name)
                   for name in archive.namelist())
    log = subprocess.run(["git", "-C", students, "log"], capture_output=True)
    assert log.returncode, "committing is for a person"


def test_a_student_gets_from_the_zip_to_the_first_check(tmp_path: Path, monkeypatch:
                                                        pytest.MonkeyPatch) -> None:
    """setup.md's steps for a laptop, without those that need a network."""
    monkeypatch.setattr(bundle, "broken", lambda *args: ())
    (tmp_path / "course").mkdir()
    course = copy_course(tmp_path / "course")
    for name in ("q1", "q2", *Course.load(REPO).handout):
        target = course.root / name
        if target.exists():
            continue  # the course has a link to it
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(REPO / name, target) if (REPO / name).is_dir() else shutil.copy(
            REPO / name, target)
    path, faults = write_zip(course, "hw4")
    assert faults == []
    home = tmp_path / "home"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(home)
    weights = student("python data/prepare.py weights", home)
    assert "Written: " in weights.stdout, weights.stderr
    check = student("python sanity_check.py", home / "q2")
    assert "BertLayer.forward in bert.py is not written yet" in check.stdout, check.stderr
    packed = student("bash collect_submission.sh", home)
    assert packed.returncode == 1
    assert packed.stderr.count("Problem: ") == 2, "the id, and q2/result.log"


def student(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    python = str(Path(os.sys.executable).parent)  # type: ignore[attr-defined]
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True,
                          timeout=120, env={**os.environ, "HF_HUB_OFFLINE": "1",
                                            "PATH": f"{python}:{os.environ['PATH']}"})
