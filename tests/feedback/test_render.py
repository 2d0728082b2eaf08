"""The page as a file: it stands alone, runs nothing, and shows what somebody typed as it is."""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import re
from html.parser import HTMLParser

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.gradebook.queries import ManualGrade, ManualGrades
from autograder.report.feedback.render import prose, render
from autograder.settings import LANGUAGES, Language
from autograder.text import printable
from feedback.handmade import FLAG, KNOWN, STAFF, full, made

HOSTILE = ["<script>alert(1)</script>", "</style><script>alert(1)</script>", "\"'><img src=x>",
           "<!-- <b>", "{{ 7 * 7 }}{% raw %}", "&lt;b&gt;&#60;b&#62;", "`<b>`", "]]><svg onload=a>",
           "\x00\x1b\x7f\u202e\ud800\ufffe", "javascript:alert(1)", "%(points)s %s %", "</title>",
           "`</code><iframe src=x>`", "\" autofocus onfocus=alert(1) x=\""]
FRAGMENTS = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20),
                               st.sampled_from(list("<>&\"'`{}%=/ \n"))), max_size=8).map("".join)
NAMES = {"a", "article", "body", "b", "cite", "code", "dd", "details", "div", "dl", "dt", "h1",
         "h2", "h3", "h4", "head", "header", "html", "li", "main", "meta", "p", "pre", "section",
         "span", "style", "summary", "table", "caption", "tbody", "td", "th", "thead", "title",
         "tr", "ul"}
LINKS = re.compile(r"(https://arxiv\.org/abs/1706\.03762|#(parts|part-\w+))\Z")


def soup(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def elements(page: str) -> list[tuple[str, list[str]]]:
    """The elements of a page in their order, with the names of their attributes."""
    found: list[tuple[str, list[str]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append(  # type: ignore[method-assign]
        (tag, [name for name, _ in attrs]))
    parser.feed(page)
    return found


def acts(page: str) -> list[str]:
    """What of a page could run, leave it or fetch something, or was put in by somebody else."""
    found = []
    for tag in soup(page).find_all(True):
        if tag.name not in NAMES:
            found.append(tag.name)
        for name, value in tag.attrs.items():
            if name.startswith("on") or name in ("src", "srcset", "style", "action"):
                found.append(f"{tag.name} {name}")
            if name == "href" and not LINKS.match(str(value)):
                found.append(f"{tag.name} href={value}")
            if name == "http-equiv" and value != "Content-Security-Policy":
                found.append(f"{tag.name} {name}={value}")
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing(text: str) -> None:
    page = render(full(text), "en")
    assert acts(page) == []
    page.encode("utf-8")


@functools.cache
def made_of_plain_text() -> list[tuple[str, list[str]]]:
    return elements(render(full("x"), "en"))


@given(FRAGMENTS)
@settings(max_examples=40, deadline=None)
def test_no_text_whatever_changes_what_the_page_is_made_of(text: str) -> None:
    # Backticks make code on one line; nothing else is markup.
    # A misconception's own sentence, which the exercise writes, is printable.
    text = " ".join(printable(text).replace("`", "'").split()) or "x"
    assert elements(render(full(text), "en")) == made_of_plain_text()


def test_what_was_typed_is_shown_as_it_is() -> None:
    text = "<b>bold</b> & \"quoted\" {{ x }} %(points)s"
    page = soup(render(full(text), "de"))
    assert page.pre.get_text() == text
    assert text in [one.get_text() for one in page.select(".quote")]


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    page = soup(render(made(), "en"))
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    style = base64.b64encode(hashlib.sha256(page.style.string.encode()).digest()).decode()
    assert policy == (f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; "
                      "form-action 'none'")
    assert "url(" not in page.style.string and "@import" not in page.style.string


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_all_there_is_and_nothing_of_staff(language: Language) -> None:
    manual = ManualGrades({"toy_scale": ManualGrade(0.5)}, {"toy_why": "Well argued."})
    text = render(made(manual=manual, others={"1.1": "Nice."}), language)
    page = soup(text)
    assert page.html["lang"] == language
    for said in (KNOWN, "The scaled vector differs.", "Well argued.", "Nice.", "3.2.1", "s001",
                 "A code cell took too long.", "return text.split()",
                 "A Counter does it in a line."):
        assert said in page.get_text(), said
    assert STAFF not in text and FLAG not in text and "look" not in page.h1.get_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_in_english_is_marked_as_english(language: Language) -> None:
    page = soup(render(made(), language))
    marked = [one.get_text() for one in page.select("li span[lang=en]")]
    assert (KNOWN in marked) == (language != "en")


def test_headings_go_down_one_level_at_a_time_and_landmarks_are_there() -> None:
    page = soup(render(full("x"), "en"))
    levels = [int(tag.name[1]) for tag in page.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(page.find_all("main")) == 1 and page.select_one("a.skip")["href"] == "#parts"
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    named = {name for tag in page.find_all(attrs={"aria-labelledby": True})
             for name in tag["aria-labelledby"].split()}
    assert named <= set(ids)


@pytest.mark.parametrize(("language", "shown"), [
    ("en", "2.5 of 4 points"), ("de", "2,5 von 4 Punkten"), ("ko", "4점 중 2.5점")])
def test_numbers_are_written_as_the_language_writes_them(language: Language, shown: str) -> None:
    assert shown in soup(render(made(), language)).get_text()


def test_states_are_words_and_not_colours_alone() -> None:
    page = soup(render(made(), "en"))
    shown = [one.get_text() for one in page.select("article .state")]
    assert shown == ["◐ partly right", "✓ right", "✗ not right yet", "… waits for a person",
                     "○ not written"]


def test_backticks_become_code_and_markup_does_not() -> None:
    assert prose("`a < b` <i>") == "<code>a &lt; b</code> &lt;i&gt;"
