"""The documentation's site: built strictly, whole, and alone in the world."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from conftest import REPO

from autograder.course import Course
from autograder.exercise.edits import read_changes
from autograder.exercise.rubric import read_rubrics
from autograder.exercise.source import read_notebook
from autograder.release.check import _plain, _secrets

# Where a browser fetches something without being asked.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet",
                           "--site-dir", folder], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, BeautifulSoup]:
    return {path: BeautifulSoup(path.read_text(), "html.parser") for path in site.rglob("*.html")
            if path.name != "404.html"}  # which is shown at any address


def references(page: BeautifulSoup) -> Iterator[str]:
    for tag in page.find_all(True):
        yield from (str(tag[name]) for name in ("href", "src") if tag.get(name))


def test_every_page_of_the_folder_is_in_the_navigation(site: Path) -> None:
    index = (site / "index.html").read_text()
    pages = {path.stem for path in (REPO / "docs").glob("*.md")} | {"commands", "course-toml"}
    assert not [page for page in pages if f'href="{page}.html"' not in index and page != "index"]


def test_no_link_leads_nowhere(pages: dict[Path, BeautifulSoup]) -> None:
    ids = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    lost = []
    for path, page in pages.items():
        for reference in references(page):
            url = urlsplit(reference)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            known = ids.get(target, set()) | {"", "__search", "__comments"}
            if not target.is_file() or (target in ids and unquote(url.fragment) not in known):
                lost.append(f"{path.name}: {reference}")
    assert not lost


def test_a_page_fetches_nothing_from_elsewhere(pages: dict[Path, BeautifulSoup]) -> None:
    fetched = [str(tag[name]) for page in pages.values() for kind, name in FETCHED.items()
               for tag in page.find_all(kind) if tag.get(name)]
    assert fetched
    assert not [url for url in fetched if urlsplit(url).scheme not in ("", "data")]


@pytest.mark.parametrize("exercise", ["q1a", "q1b", "q2", "hw3"])
def test_students_who_read_the_site_learn_no_secret(exercise: str) -> None:
    """Examples on pages are those of exercises that the kit does not give."""
    source = Course.load(REPO).exercise(exercise)
    secrets = {secret for secret, _ in _secrets(source)
               # An import is no answer, nor is the line that begins each rubric.
               if not secret.startswith(("from autograder.", "**What to look for ("))}
    for change in read_changes(source, "misconception"):
        secrets |= {sentence for sentence in _plain(change.says).split(". ") if len(sentence) > 40}
        secrets |= {_plain(edit.replace) for edit in change.edits if len(edit.replace) > 30}
    for page in [*(REPO / "docs").glob("*.md"), *REPO.glob("*.md")]:
        text = _plain(page.read_text())
        assert [secret for secret in secrets if secret in text] == [], page


def test_no_rubric_is_told_by_the_engine_or_the_site() -> None:
    """A wheel and a site are public: examples of a rubric are of exercises that nobody gives."""
    course = Course.load(REPO)
    told = {_words(page.read_text()): page
            for page in [*(REPO / "docs").glob("*.md"), *REPO.glob("*.md"),
                         *(path for path in (REPO / "autograder").rglob("*.*")
                           if path.suffix in (".py", ".js", ".j2", ".md", ".po")
                           and course.exercises_folder not in path.parents)]}
    secrets = set[str]()
    for exercise in ("q1b", "hw3"):
        notebook = read_notebook(course.exercise(exercise))
        for rubric in read_rubrics(notebook, exercise).values():
            secrets |= {_words(item.text) for item in rubric.items if len(item.text) > 20}
            text = "\n".join([*(item.text for item in rubric.items), rubric.model_answer])
            secrets |= {_words(one) for one in re.findall(r"\$+([^$]+)\$+", text)
                        if "=" in one and len(one) > 9}
    assert len(secrets) > 60
    assert not [(secret, page) for text, page in told.items() for secret in secrets
                if secret in text]


def _words(text: str) -> str:
    """A text without spaces, comment signs and dollars, however its lines break."""
    return re.sub(r"[\s#$]+", "", text)


def test_the_search_knows_what_pages_say(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    assert {"tutorial.html", "commands.html", "setup.html"} <= {
        entry["location"] for entry in index["docs"]}
    assert any("max_points" in entry["text"] for entry in index["docs"])


@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("chromium"), reason="there is no Chromium")
def test_from_the_disk_it_searches_and_asks_nobody(site: Path) -> None:
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"),
                                             args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.get_by_placeholder("Search").click()
        page.keyboard.type("misconception")
        found = page.locator(".md-search-result__link").first
        found.wait_for(timeout=20_000)
        found.click()
        page.wait_for_load_state()
        assert "misconception" in page.locator("article").inner_text()
        browser.close()
    assert len(asked) > 5
    assert not [url for url in asked if not url.startswith(("file:", "data:", "about:"))]
