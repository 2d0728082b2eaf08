"""What makes a verdict be judged anew: an edit of any file of the engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.judge.cache_key import CONTENT, ENGINE, engine_hash

FILES = sorted(str(path.relative_to(ENGINE)) for path in ENGINE.rglob("*.py")
               if path.relative_to(ENGINE).parts[0] != CONTENT)
key = engine_hash.__wrapped__  # computed anew each time


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(ENGINE, tmp_path_factory.mktemp("kit") / "autograder",
                           ignore=shutil.ignore_patterns("__pycache__"))


def test_a_copy_has_the_same_key(copied: Path) -> None:
    assert key(copied) == key(ENGINE) == engine_hash()


@pytest.mark.parametrize("name", FILES)
def test_an_edit_of_any_file_changes_it(copied: Path, name: str) -> None:
    text = (copied / name).read_bytes()
    (copied / name).write_bytes(text + b"\n# edited\n")
    edited = key(copied)
    (copied / name).write_bytes(text)
    assert edited != engine_hash()


def test_a_file_that_comes_goes_or_moves_changes_it(copied: Path) -> None:
    keys = [key(copied)]
    (copied / "new.py").write_text("")
    keys.append(key(copied))
    (copied / "new.py").rename(copied / "judge" / "new.py")
    keys.append(key(copied))
    assert len(set(keys)) == 3
    (copied / "judge" / "new.py").unlink()
    assert key(copied) == keys[0]


def test_exercises_are_not_of_the_engine(copied: Path) -> None:
    before = key(copied)
    (copied / CONTENT / "new.py").write_text("")
    assert key(copied) == before
