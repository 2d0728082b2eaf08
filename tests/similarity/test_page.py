"""The page of pairs shows what students wrote and runs nothing of it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from autograder.settings import SimilaritySettings
from autograder.similarity import page
from autograder.similarity.fingerprints import Given
from autograder.similarity.pairs import find
from similarity.classes import OWN, crowd, of_text, renamed

EVIL = '"""</pre><script>alert(1)</script>"""\nx = "<img src=x onerror=alert(2)>"\n'
EVIL_NAME = "<b onclick=alert(3)>ada"


class Reader(HTMLParser):
    """The tags of a page, and its text inside and outside of marks."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.marked = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "mark" in self._open:
            self.marked += data


@pytest.fixture
def written(tmp_path: Path) -> tuple[str, Reader]:
    alike, rarity = find([*crowd(), of_text(EVIL_NAME, EVIL + OWN),
                          of_text("bo", renamed(OWN) + EVIL)], Given(), SimilaritySettings())
    assert len(alike) == 1
    page.write(tmp_path / "similar" / "hw.html", "hw", [page.Section(
        "q", rarity.class_size, alike)], SimilaritySettings())
    text = (tmp_path / "similar" / "hw.html").read_text()
    reader = Reader()
    reader.feed(text)
    return text, reader


def test_nothing_of_it_runs(written: tuple[str, Reader]) -> None:
    text, reader = written
    assert not {"script", "img", "b", "iframe"} & set(reader.tags)
    assert not any(name.startswith("on") for name in reader.attributes)
    assert "&lt;script&gt;" in text and "&lt;b onclick" in text


def test_it_loads_nothing(written: tuple[str, Reader]) -> None:
    _, reader = written
    assert "src" not in reader.attributes
    assert all(link.startswith("#") for link in reader.links)


def test_what_is_shared_is_marked_on_both_sides(written: tuple[str, Reader]) -> None:
    _, reader = written
    assert "piece = text[position:position + width]" in reader.marked  # as one wrote it
    assert "rich[donor] -= amount" in reader.marked
    assert "thing11[thing3] -= thing0" in reader.marked  # as the other one renamed it
    assert reader.marked.count("passage 1") == 2  # by one number on both sides


def test_the_list_leads_to_the_pair(written: tuple[str, Reader]) -> None:
    _, reader = written
    assert [link.removeprefix("#") for link in reader.links] == [
        one for one in reader.ids if one.startswith("q-")]


def test_a_page_without_pairs_says_so(tmp_path: Path) -> None:
    page.write(tmp_path / "hw.html", "hw", [page.Section("q", 8, [])], SimilaritySettings())
    assert "None among 8 submissions" in (tmp_path / "hw.html").read_text()
