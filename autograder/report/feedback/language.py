"""The page's languages: its own words, numbers, and sentences that others wrote in English.

Catalogues are gettext's, read as they are written: `locale/de.po` here, and beside an exercise,
where it has them, `locale/de.po` with the sentences of its misconceptions and hidden tests.
"""

from __future__ import annotations

import functools
import io
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
from autograder.results.flag import Sentence
from autograder.results.reason import Reason
from autograder.settings import LANGUAGES

LOCALE = Path(__file__).parent / "locale"
SOURCE = LANGUAGES[0]  # the language that everything is written in


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
        for message in (one for catalogue in catalogues for one in catalogue):
            if not (isinstance(message.id, str) and message.id and message.string):
                continue
            self._exact.setdefault(_bare(message.id).lower(), str(message.string))

    def __call__(self, said: Reason | str) -> Translated:
        """What is said in the page's language, or in English where no catalogue has all of it."""
        reason = said.reason if isinstance(said, Sentence) else said
        try:
            if isinstance(reason, str):
                return Translated(self._translation(reason), self._language)
            found = words.phrase(reason, lambda template: _bare(self._translation(template)))
            return Translated(words.with_full_stop(found), self._language)
        except words.Untranslated:
            return Translated(said if isinstance(said, str) else words.sentence(said), SOURCE)

    def _translation(self, english: str) -> str:
        """What a catalogue has for a template or a sentence. Raises Untranslated if none has it."""
        found = self._exact.get(_bare(english).lower())
        if found is None:
            raise words.Untranslated
        return found


def _bare(sentence: str) -> str:
    """A sentence without its full stop, which only some of those who say it set."""
    return sentence.strip().removesuffix(".")


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
