"""The page's languages: its own words, numbers, and sentences that others wrote in English.

Catalogues are gettext's, read as they are written: `locale/de.po` here, and beside an exercise,
where it has them, `locale/de.po` with the sentences of its misconceptions and hidden tests.
"""

from __future__ import annotations

import functools
import io
import re
from dataclasses import dataclass
from pathlib import Path

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from autograder.course import CourseError
from autograder.results import words
from autograder.results.reason import Reason
from autograder.settings import LANGUAGES

LOCALE = Path(__file__).parent / "locale"
SOURCE = LANGUAGES[0]  # the language that everything is written in
PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")  # as re.escape leaves it


@dataclass(frozen=True)
class Translated:
    """A sentence, and the language that it is in."""

    text: str
    language: str


class Sentences:
    """Reasons and sentences in another language, by catalogues; the first that knows one counts.

    Of a reason the templates are translated (results/words.py), before they are filled.
    """

    def __init__(self, language: str, catalogues: list[Catalog]) -> None:
        self._language = language
        self._exact: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for message in (one for catalogue in catalogues for one in catalogue):
            if not (isinstance(message.id, str) and message.id and message.string):
                continue
            pattern, count = PLACEHOLDER.subn(_group, re.escape(_bare(message.id)))
            if count:
                self._patterns.append((re.compile(pattern, re.I | re.S), str(message.string)))
            self._exact.setdefault(_bare(message.id).lower(), str(message.string))

    def __call__(self, said: Reason | str) -> Translated:
        """What is said in the page's language, or in English where no catalogue has all of it."""
        if isinstance(said, str):
            return self._sentence(said)
        try:
            found = words.finished(words.phrase(said, self._template))
        except words.Untranslated:
            return Translated(words.sentence(said), SOURCE)
        return Translated(found, self._language)

    def _template(self, template: str) -> str:
        """A template's translation, without its full stop. Raises Untranslated without one."""
        found = self._exact.get(_bare(template).lower())
        if found is None:
            raise words.Untranslated
        return _bare(found)

    def _sentence(self, sentence: str) -> Translated:
        bare = _bare(sentence)
        if known := self._exact.get(bare.lower()):
            return Translated(known, self._language)
        for pattern, translation in self._patterns:
            if found := pattern.fullmatch(bare):
                return Translated(_filled(translation, found.groupdict()), self._language)
        return Translated(sentence, SOURCE)


def _bare(sentence: str) -> str:
    """A sentence without its full stop, which only some of those who say it set."""
    return sentence.strip().removesuffix(".")


def _group(placeholder: re.Match[str]) -> str:
    """What a placeholder stands for: {rest} for anything, another for what has no space in it."""
    name = placeholder[1]
    return rf"(?P<{name}>{'.+' if name == 'rest' else r'[^ ]+'}?)"


def _filled(translation: str, values: dict[str, str]) -> str:
    """A translation with the values of its placeholders; other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], name[0]), translation)


def read_catalogue(folder: Path, language: str) -> Catalog | None:
    """The catalogue of a language in a folder, if it has one. Raises CourseError if it is broken"""
    path = folder / f"{language}.po"
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as file:
            return read_po(file, locale=language, abort_invalid=True)
    except (PoFileError, ValueError, LookupError) as error:
        raise CourseError(f"{path} cannot be read as a gettext catalogue: {error}.") from None


@functools.cache
def translations(language: str) -> NullTranslations:
    """The page's own words."""
    catalogue = read_catalogue(LOCALE, language)
    if catalogue is None:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def sentences(language: str, exercise: Path) -> Sentences:
    """What turns the sentences on an exercise, in whose folder a catalogue may lie, and ours."""
    folders = [exercise / "locale", LOCALE]
    found = [read_catalogue(folder, language) for folder in folders] if language != SOURCE else []
    return Sentences(language, [one for one in found if one is not None])


@functools.lru_cache(maxsize=1024)
def number(value: float, language: str) -> str:
    """A number of points as the language writes it."""
    return format_decimal(value, format="0.##", locale=Locale(language))
