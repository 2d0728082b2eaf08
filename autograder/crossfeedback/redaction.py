"""Redact people in a text: names in any spelling, ids, e-mail addresses, paths, accounts.

Texts are folded for the search (case, accents, invisible characters); matches are replaced in the
original. The exercise's own text stays: it identifies nobody, and code has to stay readable if
somebody is called Max.
"""

from __future__ import annotations

import builtins
import functools
import html
import itertools
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from autograder.roster import Member

REMOVED = "[removed]"
SHORTEST = 3  # letters of a part of a name that is searched by itself
SHORTEST_ID = 5  # letters and digits of an id that is searched
DISTINCT = 6  # letters from which a part is searched within words, too: `lovelace99`, `alovelace`
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe",
                         "þ": "th"})
BEFORE, AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"  # no letter there
GAP = r"[\s.,;_*'&/\0-]{0,4}"  # between the words of a name
HUMP = "\0"  # between the words of camelCase in a folded text

# What identifies somebody without a name: addresses, home folders, accounts, keys.
ANYBODY = re.compile(
    r"""(?P<mail>(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+(?:[a-z]{2}|com|org|net|edu|gov|info|name|mail|dev)\b
          (?![\w(\[]))
      | (?<=/home/)[^/\s"'<>]+ | (?<=/Users/)[^/\s"'<>]+ | (?<=\\Users\\)[^\\\s"'<>]+
      | (?<=/Shareddrives/)[^/\n"'<>]+
      | (?:github\.com|github\.io|kaggle\.com|wandb\.ai|drive\.google\.com|docs\.google\.com
          |colab\.research\.google\.com|linkedin\.com)/[^\s"'<>)\]]+
      | \bhf_[A-Za-z0-9]{20,}""", re.X)
IDENTIFIER = re.compile(r"\w+")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)
STRING = re.compile(r"""'''.*?'''|\"{3}.*?\"{3}|'[^'\n]*'|"[^"\n]*\"""", re.S)
CODED = re.compile(r"(?:%[0-9A-Fa-f]{2}){2,}|&#?\w{2,8};|\\u[0-9A-Fa-f]{4}")
COMMENT = re.compile(r"#[^\n]*")
AGAIN = re.compile(r"\[removed\](?:[ .,_@/-]*\[removed\])+")


class Names:
    """Redacts the people of one group.

    members: those on the roster; also: further names, from the notebook itself
    given: the texts of the exercise; their lines stay, and so do their words in code
    """

    def __init__(self, group: str, members: Iterable[Member], also: Iterable[str] = (),
                 given: Iterable[str] = ()) -> None:
        people = list(members)
        names = list(dict.fromkeys([*(member.name for member in people), *also]))
        whole = [_id(member.id) for member in people]
        parts: set[str] = set()
        for name in names:
            for words in {_words(name), _words(name.casefold().translate(UMLAUTS))}:
                whole += _whole(words)
                parts |= {word for word in words if len(word) >= SHORTEST}
        self._whole = _any(whole)
        self._parts = _any([_group(group), *map(_part, parts)])
        self._lines, self._known = _of_exercise(tuple(given))

    def clean(self, text: str, kind: str = "text") -> str:
        """The text without the people. `kind` is "code", "markdown" or "text" (an output)."""
        spoken = _spoken(text)
        if spoken != text and self.clean(spoken, kind) != spoken:
            text = spoken
        kept, code = self._given(text), self._code(text, kind)
        bare = _bare(text, code)
        spans = [match.span() for match in ANYBODY.finditer(text)
                 if not (match["mail"] and _inside(match.span(), bare))]
        folded, index = _fold(text)
        spans += [_span(match, index, text) for match in self._whole.finditer(folded)]
        spans += [span for span in (_span(match, index, text)
                                    for match in self._parts.finditer(folded))
                  if not (_inside(span, code) and _word_at(text, span) in self._known)]
        return AGAIN.sub(REMOVED, _without(text, [s for s in spans if not _inside(s, kept)]))

    def _given(self, text: str) -> list[tuple[int, int]]:
        """The spans of the exercise's own lines."""
        return [match.span() for match in re.finditer(r"[^\n]+", text)
                if match[0].strip() in self._lines]

    @staticmethod
    def _code(text: str, kind: str) -> list[tuple[int, int]]:
        """The spans of code, without comments."""
        if kind == "markdown":
            return [match.span() for match in CODE.finditer(text)]
        if kind != "code":
            return []
        return _between(text, COMMENT)


def mentioned(members: Iterable[Member], text: str) -> list[Member]:
    """The members who may be named in a text: a fast filter before Names.

    Nobody is missing whom Names would find, except by less than a word of the name.
    """
    folded = _fold(_spoken(text))[0]
    letters = re.sub(r"[\0'’ʼ`]", "", folded)
    signs = re.sub(r"[\W_]", "", folded)
    return [member for member in members if _may_be_in(member, letters, signs)]


def _may_be_in(member: Member, letters: str, signs: str) -> bool:
    words, number = _search_words(member)
    return (number in signs if number else False) or any(
        any(word in letters for word in form if len(word) >= SHORTEST)
        or (bool(form) and all(word in letters for word in form)) for form in words)


@functools.lru_cache(maxsize=8192)
def _search_words(member: Member) -> tuple[tuple[tuple[str, ...], ...], str]:
    """The words of a member's name, in both spellings of umlauts, and the id's characters."""
    forms = (_words(member.name), _words(member.name.casefold().translate(UMLAUTS)))
    return forms, re.sub(r"[\W_]", "", _fold(member.id)[0])


@functools.lru_cache(maxsize=8)
def _of_exercise(texts: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The lines of an exercise's texts, and the words in them that code may use."""
    lines = {line.strip() for text in texts for line in text.splitlines()}
    known = {word for text in texts for word in IDENTIFIER.findall(text) if not word[:1].isupper()}
    return frozenset(lines), frozenset(known | set(dir(builtins)) | set(keyword.kwlist))


def _words(name: str) -> tuple[str, ...]:
    """A name's words, folded, letters only: "Anne-Marie O'Neil" has three."""
    plain = re.sub(r"['’ʼ`]", "", _fold(name)[0].replace(HUMP, ""))
    return tuple(re.findall(r"[^\W\d_]+", plain))


def _whole(words: tuple[str, ...]) -> Iterator[str]:
    """Patterns of a whole name, in either order, and of the account names made from it."""
    if not words:
        return
    inside = sum(map(len, words)) >= DISTINCT or not "".join(words).isascii()
    for order in {words, words[::-1], (*words[-1:], *words[:-1])}:
        pattern = GAP.join(map(_spelt, order))
        yield pattern if inside else BEFORE + pattern + AFTER
    if len(words) > 1:
        first, last = words[0], words[-1]
        if len(last) >= SHORTEST:
            yield f"{BEFORE}{first[0]}{GAP}{_spelt(last)}{AFTER}"
            yield f"{BEFORE}{_spelt(last)}[._-]?{first[0]}{AFTER}"
        if len(first) >= SHORTEST:
            yield f"{BEFORE}{_spelt(first)}[._-]?{last[0]}{AFTER}"


def _part(word: str) -> str:
    if len(word) >= DISTINCT or not word.isascii():
        return _spelt(word)
    return BEFORE + _spelt(word) + AFTER


def _spelt(word: str) -> str:
    """A word's letters, whether or not one of them is a camel's hump; its apostrophe too."""
    return "[\0'’ʼ`]?".join(map(re.escape, word))


def _id(student: str) -> str:
    """A student's id, whatever stands between its groups of digits; a short one is any number."""
    groups = re.findall(r"\d+|[^\W\d_]+", _fold(student)[0].replace(HUMP, ""))
    if len("".join(groups)) < SHORTEST_ID:
        return ""
    before = r"(?<!\d)" if groups[0].isdigit() else BEFORE
    after = r"(?!\d)" if groups[-1].isdigit() else AFTER
    return before + r"[\W_]?".join(map(re.escape, groups)) + after


def _group(group: str) -> str:
    """A group's name; one of a letter or a number only after the word `group`."""
    words = re.findall(r"[^\W_]+", _fold(group)[0].replace(HUMP, ""))
    if not words:
        return ""
    name = GAP.join(map(_spelt, words))
    short = len("".join(words)) < SHORTEST or "".join(words).isdigit()
    return (rf"(?:group|team){GAP}0*{name}(?![^\W_])" if short
            else rf"(?<![^\W_]){name}(?![^\W_])")


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    """One pattern for many, the longest first; for none, one that nothing matches."""
    chosen = sorted({pattern for pattern in patterns if pattern}, key=lambda one: (-len(one), one))
    return re.compile("|".join(chosen) or r"(?!)")


@functools.lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """A character without case, accent or other ornament; nothing where it cannot be seen."""
    parts = unicodedata.normalize("NFKD", character).casefold().translate(LETTERS)
    return "".join(c for c in unicodedata.normalize("NFKD", parts)
                   if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def _fold(text: str) -> tuple[str, list[int]]:
    """The folded text, and where in the text each of its characters comes from."""
    folded: list[str] = []
    index: list[int] = []
    before = ""
    for at, character in enumerate(text):
        if before.islower() and character.isupper():
            folded.append(HUMP)
            index.append(at)
        for one in _folded(character):
            folded.append(one)
            index.append(at)
        before = character
    return "".join(folded), index


def _span(match: re.Match[str], index: list[int], text: str) -> tuple[int, int]:
    """The span in the text of a match in the folded text, with the accents that follow it."""
    end = index[match.end() - 1] + 1
    while end < len(text) and not _folded(text[end]):
        end += 1
    return index[match.start()], end


def _inside(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _word_at(text: str, span: tuple[int, int]) -> str:
    """The identifier that a span of a text lies in."""
    start, end = span
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return text[start:end]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with a note in the place of each span; spans may overlap."""
    pieces, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            pieces += [text[at:start], REMOVED]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def _between(text: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """The spans between the matches of a pattern."""
    borders = [0, *itertools.chain(*(match.span() for match in pattern.finditer(text))), len(text)]
    return list(zip(borders[::2], borders[1::2], strict=True))


def _bare(text: str, code: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Code outside of strings: there `x@self.wq` is a product and no address."""
    return [(start + first, start + last) for start, end in code
            for first, last in _between(text[start:end], STRING)]


def _spoken(text: str) -> str:
    """The text with letters that are written as codes (%C3%B1, &ntilde;, \\u00f1) decoded."""
    return CODED.sub(_letter, text)


def _letter(match: re.Match[str]) -> str:
    coded = match[0]
    if coded.startswith("%"):
        try:
            return unquote(coded, errors="strict")
        except UnicodeDecodeError:
            return coded
    letter = html.unescape(coded) if coded.startswith("&") else chr(int(coded[2:], 16))
    return letter if letter.isalpha() else coded
