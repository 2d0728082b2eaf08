"""The reference pages: nothing of course.toml and of the command line is left undescribed."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import reference
from conftest import REPO
from pydantic import BaseModel, Field

from autograder import cli
from autograder.course_toml import CourseToml

SECTIONS = dict(reference.sections(CourseToml.model_json_schema()))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_says_what_it_does(section: str) -> None:
    silent = [name for name, key in reference.keys(SECTIONS[section]).items()
              if not key.get("description")]
    assert not silent, f"{section} of autograder/settings.py: describe {', '.join(silent)}"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_says_what_it_is(section: str) -> None:
    assert SECTIONS[section].get("description"), "its model in autograder/settings.py says nothing"


def test_what_the_kits_own_course_says_is_on_the_page() -> None:
    page = reference.course_toml()
    course = tomllib.loads((REPO / "course.toml").read_text())
    names = {"course", "limits", "sandbox"} | course["course"].keys() | course["limits"].keys()
    for assignment in course["assignments"].values():
        names |= assignment.keys()
    assert not [name for name in names if f"`{name}`" not in page and f"`[{name}]`" not in page]


class Late(BaseModel):
    """[late]: what comes late."""

    days: int = Field(3, ge=0, description="Free | days.")
    kind: str | None = Field(None, pattern="^a|b$", description="Which.")


class Whole(BaseModel):
    late: Late = Late()
    people: dict[str, list[Late]] = {}
    turns: list[Late] = []


def test_a_section_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "CourseToml", Whole)
    page = reference.course_toml()
    assert "## `[late]`\n\nWhat comes late.\n" in page
    assert "| `days` | whole number, from 0 | `3` | Free &#124; days. |" in page
    assert "| `kind` | text, like `^a&#124;b$` |  | Which. |" in page
    assert "## `[[turns]]`" in page


def commands(app: Any, before: str = "autograder") -> list[str]:
    """Every command's whole name."""
    own = [f"{before} {command.name or command.callback.__name__}"
           for command in app.registered_commands]
    return own + [name for group in app.registered_groups
                  for name in commands(group.typer_instance, f"{before} {group.name}")]


def test_every_command_is_on_the_page_with_its_example() -> None:
    page = reference.command_line()
    for name in commands(cli.app):
        assert f"## `{name}`" in page
        assert re.search(rf"Example: `{name}\b", page)


def test_the_page_is_the_same_on_every_machine() -> None:
    assert "[default: (one for each processor)" in reference.command_line()
