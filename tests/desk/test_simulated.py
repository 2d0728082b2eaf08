"""The made-up class is drawn the same every time, and its labels fit hw3's rubrics."""

from __future__ import annotations

import re

import pytest
from conftest import REPO

from desk.simulated import draw, draw_class, questions

SOURCES = REPO / "autograder" / "exercises" / "hw3" / "source"
CELL = re.compile(r'written="(hw3_\w+)" points=([\d.]+).*?### END SOLUTION', re.DOTALL)
BULLET = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)
WRITTEN = {found[1]: (float(found[2]), found[0].replace("\n# ", "\n").replace("\n#\n", "\n\n"))
           for path in sorted(SOURCES.glob("*.py")) for found in CELL.finditer(path.read_text())}


def test_every_written_question_has_its_answers() -> None:
    assert questions().keys() == WRITTEN.keys()
    assert len(questions()) == 14


@pytest.mark.parametrize("grade_id", sorted(questions()))
def test_forms_are_many_and_their_labels_are_items(grade_id: str) -> None:
    question = questions()[grade_id]
    points, source = WRITTEN[grade_id]
    assert question.max_points == points
    assert len({form.text for form in question.forms}) == len(question.forms) >= 12
    assert all(one.items <= question.items.keys()
               for one in (*question.forms, *(way for slot in question.slots for way in slot)))
    given = {question.points(form.items) for form in question.forms}
    assert min(given) == 0 and max(given) == points and len(given) >= 3
    bullets = BULLET.findall(source)
    adding = {key for key, item in question.items.items() if item.kind == "adds"}
    found = question.find(bullets)
    assert adding <= found.keys()
    assert len({found[key] for key in adding}) == len(adding)


def test_a_seed_draws_the_same_class_again() -> None:
    first = draw_class(20, seed=3)
    assert first == draw_class(20, seed=3) != draw_class(20, seed=4)
    question = questions()["hw3_1_2a"]
    answers = draw(question, 100)
    assert len({answer.text for answer in answers}) > 80, "hardly two write the same"
    formed = [answer for answer in answers if answer.form >= 0]
    assert 50 < len(formed) < 90, "the others write in own words"
    assert all(answer.items == question.forms[answer.form].items for answer in formed)
