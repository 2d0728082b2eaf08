"""Catalogues: whole, and found by the sentences that others wrote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from conftest import REPO
from jinja2.ext import babel_extract

from autograder.course import Course, CourseError
from autograder.exercise import reading
from autograder.exercise.edits import read_changes
from autograder.intake.records import IntakeRecord, from_json, to_json
from autograder.judge.testing import Wrong
from autograder.report.feedback.language import (
    LOCALE,
    Sentences,
    Translated,
    read_catalogue,
    sentences,
)
from autograder.report.feedback.render import HERE, TEMPLATE
from autograder.results.reason import Code, Reason
from autograder.results.words import TEMPLATES
from autograder.settings import LANGUAGES

OTHERS = [language for language in LANGUAGES if language != "en"]
# Reasons that only staff read, and those that quote what is English anyway.
NOT_TRANSLATED = {
    Code.ALREADY_ENDED, Code.NOT_CONNECTED, Code.OUTDATED, Code.LACKING, Code.NO_TEST,
    Code.REFERENCE_FAILED, Code.TEST_STOPPED, Code.NOT_JUDGED, Code.LIBRARY_NAME, Code.COPIED,
    Code.HIDDEN_CODE, Code.STEP_FAILED, Code.NOT_ON_ROSTER, Code.SUBMISSION_UNREADABLE,
    Code.TO_BE_GRADED, Code.GRADED_BEFORE, Code.GRADED_ELSEWHERE, Code.SECOND_DIFFERS,
    Code.LATE_WITHOUT_TIME, Code.LATE_IN_TIME, Code.NOTHING_CAME}
NAMED = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def messages() -> set[str]:
    """The page's own words, as they stand in the template."""
    options = {"trim_blocks": "true", "lstrip_blocks": "true"}
    with open(HERE / TEMPLATE, "rb") as file:
        return {message[0] if isinstance(message, tuple) else message for _, _, message, _ in
                babel_extract(file, ("gettext", "ngettext", "_"), [], options)}


def catalogue(language: str, folder: Path = LOCALE) -> Catalog:
    found = read_catalogue(folder, language)
    assert found is not None
    return found


def broken(found: Catalog) -> list[str]:
    """Messages without a translation, or whose translation has lost a placeholder."""
    missing = []
    for message in found:
        translations = message.string if isinstance(message.string, tuple) else (message.string,)
        key = message.id if isinstance(message.id, str) else message.id[1]
        names = set(NAMED.findall(key))
        if (message.id and not all(text and (set(NAMED.findall(text)) == names)
                                  for text in translations[-1:])) or message.fuzzy:
            missing.append(key)
    return missing


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_of_the_page_is_translated(language: str) -> None:
    found = catalogue(language)
    known = {message.id if isinstance(message.id, str) else message.id[0]
             for message in found if message.id}
    assert messages() - known == set()
    assert len(messages()) > 40
    spare = known - messages() - {template for some in TEMPLATES.values() for template in some}
    assert all(text.endswith((".", "}", ")", "memory", "missing")) for text in spare), spare
    assert broken(found) == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_reason_that_students_read_is_translated(language: str) -> None:
    known = {str(message.id).removesuffix(".").lower() for message in catalogue(language)}
    lacking = [template for code, templates in TEMPLATES.items() if code not in NOT_TRANSLATED
               for template in templates if re.search(r"\w", re.sub(r"\{\w+\}", "", template))
               and "{notes}" not in template  # which the kernel writes, in English
               and template.removesuffix(".").lower() not in known]
    assert lacking == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_q2_says_is_translated(language: str) -> None:
    exercise = Course.load(REPO).exercise("q2")
    found = catalogue(language, exercise.folder / "locale")
    say = sentences(language, exercise.folder)
    says = {change.says for change in read_changes(exercise, "misconception")}
    says |= {passage.on for some in reading.read(exercise).parts.values() for passage in some
             if passage.on}
    assert [one for one in says if say(one).language != language] == []
    assert {message.id for message in found if message.id} == says, "a sentence that nobody says"
    assert broken(found) == []
    for message in found:  # names of code stay what they are
        code = set(re.findall(r"`[^`]+`", str(message.id)))
        assert code <= set(re.findall(r"`[^`]+`", str(message.string))), message.id


def of(**translated: str) -> Sentences:
    found = Catalog(locale="de")
    for text, translation in translated.items():
        found.add(text.replace("_", " "), translation)
    return Sentences("de", [found])


def test_a_sentence_is_found_with_and_without_its_full_stop() -> None:
    say = of(the_words_differ="Die Wörter unterscheiden sich.")
    for text in ("the words differ", "The words differ."):
        assert say(text) == Translated("Die Wörter unterscheiden sich.", "de")
    assert say("the words are equal") == Translated("the words are equal", "en")


@pytest.mark.parametrize("language", OTHERS)
def test_what_intake_notes_is_translated_also_from_old_journals(language: str) -> None:
    say = sentences(language, LOCALE.parent)
    for told in ("my file.zip is missing", "no written part (a {x}.pdf)",
                 "handed in as my {name}.zip, expected a_hw.zip"):
        (known,) = from_json({"upload": "", "remarks": [told]}).remarks
        assert known == told and (say(known).language == language) == ("file" not in told)
        assert from_json(to_json(IntakeRecord("", remarks=(known,)))).remarks[0] == told
    assert "my {name}.zip" in say(known).text


def test_an_exercise_without_a_catalogue_is_in_english(tmp_path: Path) -> None:
    assert sentences("ko", tmp_path)("It differs.") == Translated("It differs.", "en")


@pytest.mark.parametrize("data", [b"this is no catalogue", b'msgid "\xff"\nmsgstr "a"\n'])
def test_a_broken_catalogue_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "de.po").write_bytes(data)
    with pytest.raises(CourseError, match=r"de\.po cannot be read as a gettext catalogue"):
        read_catalogue(tmp_path, "de")


@pytest.mark.parametrize("language", OTHERS)
def test_the_templates_of_reasons_are_translated_and_filled(language: str) -> None:
    """A catalogue's message that is no word of the page is a template or a sentence of intake."""
    say = sentences(language, LOCALE.parent)
    place = Reason(Code.AT, where="bert.py, line 3", line="x = {why}")
    stopped = Reason(Code.STOPPED_WITH, why=Reason(
        Code.RAISED, error="KeyError", message="'a'", place=place))
    for reason in (stopped, Reason(Code.PERSON_LOOKS, why=stopped),
                   Reason(Code.MEMORY_ERROR, place=place),
                   Reason(Code.NOT_WRITTEN, why=Reason(Code.RAISED, error="KeyError: 'a'",
                                                       place=place))):
        said = say(reason)
        assert said.language == language and "x = {why}" in said.text
        assert ("KeyError: 'a'" in said.text) == (reason.code is not Code.MEMORY_ERROR)
    assert say(Reason(Code.TIME_USED_UP)).language == language
    assert say(Reason(Code.NO_TEST)) == Translated("No hidden test is there for this part.", "en")


def test_a_hidden_tests_sentence_is_translated_before_its_values_come() -> None:
    found = Catalog(locale="de")
    found.add("`{name}` has shape {shape}", "`{name}` hat die Form {shape}.")
    say = Sentences("de", [found])
    wrong = Wrong("`{name}` has shape {shape}", name="ids", shape="[1, 2]")
    assert str(wrong) == "`ids` has shape [1, 2]"
    assert say(wrong.reason) == Translated("`ids` hat die Form [1, 2].", "de")
