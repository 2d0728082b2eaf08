"""The engine from its wheel, with a course that lies elsewhere: nothing of a clone is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import REPO, TOY_COURSE, Toy, grades_of
from test_batch import hand_in

from autograder.course import Course

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
                   cwd=REPO, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Iterator[Path]:
    """The folder of an environment with the wheel and links to what it depends on.

    It lies beside the clone: a sandbox has a /tmp of its own.
    """
    ours = Path(sysconfig.get_path("purelib"))
    (REPO / ".build").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=REPO / ".build") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a sandbox's user is another
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        packages = folder / ours.relative_to(sys.prefix)
        packages.rmdir()
        shutil.copytree(ours, packages, copy_function=os.link,
                        ignore=shutil.ignore_patterns("*autograder*"))
        subprocess.run([sys.executable, "-m", "pip", "--python", folder / "bin" / "python",
                        "install", "--quiet", "--no-deps", wheel], check=True)
        yield folder


def test_the_wheel_holds_the_engine_and_nothing_of_this_course(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "autograder/batch.py" in names
    folder = REPO / "autograder" / "desk"
    shown = [*folder.glob("static/*"), *folder.glob("templates/*")]
    assert len(shown) > 15 and not {str(path.relative_to(REPO)) for path in shown} - set(names)
    assert not [name for name in names if name.startswith("autograder/exercises")
                or Path(name).name in ("course.toml", "misconceptions.toml", "probes.py")]


def test_a_course_elsewhere_is_released_graded_and_validated(environment: Path, tmp_path: Path
                                                             ) -> None:
    course = Toy(course=TOY_COURSE).write(tmp_path)

    def autograder(*args: str) -> str:
        done = subprocess.run(
            [environment / "bin" / "autograder", *args], cwd=course.root, timeout=300, check=False,
            capture_output=True, text=True, env={**os.environ, "PATH": os.pathsep.join(
                (str(Path(sys.executable).parent), os.environ["PATH"]))})  # nbgrader runs alembic
        assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: a person is asked for
        return done.stdout

    engine = subprocess.run(
        [environment / "bin" / "python", "-c", "import autograder; print(autograder.__file__)"],
        cwd=course.root, capture_output=True, text=True, check=True).stdout
    assert engine.startswith(str(environment)), "the clone's own code is imported"
    autograder("release", "toy")
    assert (course.root / "toy" / "toy.ipynb").is_file()
    hand_in(Course.load(course.root), "s001")
    autograder("grade", "toy")
    assert grades_of(course)["s001"]["total"] == "10"
    assert "reference=full skeleton=zero" in autograder("validate", "toy")
