"""The page in a real browser: readable on a phone, accessible by axe's rules, silent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from autograder.gradebook.queries import ManualGrade, ManualGrades
from autograder.report.feedback.render import render
from autograder.settings import LANGUAGES, Language
from feedback.handmade import full, made

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def file(tmp_path: Path, language: Language) -> Path:
    """A page with everything on it that there can be, opened as students open it."""
    manual = ManualGrades({"toy_scale": ManualGrade(0.5, 0.25)},
                          {"toy_why": "Well argued.\n\nMore of it."})
    path = tmp_path / "page.html"
    path.write_text(render(made(manual=manual, others={"1.1": "Nice."}), language))
    return path


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(browser: Browser, file: Path
                                                                ) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url))
    page.goto(file.as_uri())
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert said == [file.as_uri()], "it loads something, or breaks its own policy"
    for scheme, rules in (("light", RULES), ("dark", CONTRAST)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page, options={"runOnly": rules})
        assert found.violations_count == 0, found.generate_report()
    page.close()


@pytest.mark.parametrize("language", ["en"])
def test_the_keyboard_reaches_the_parts_and_shows_where_it_is(browser: Browser, file: Path
                                                              ) -> None:
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    page.goto(file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = "document.querySelector('#parts').contains(document.activeElement)"
    assert page.evaluate(inside)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()


def test_no_script_in_any_text_runs(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    attack = "</pre></style><img src=x onerror='document.title=1'><script>document.title=1</script>"
    (tmp_path / "page.html").write_text(render(full(attack), "en"))
    page.goto((tmp_path / "page.html").as_uri())
    assert page.title() != "1" and page.locator("img, script").count() == 0
    # What gets in all the same is stopped by the page's own policy.
    page.set_content(render(made(), "en").replace("<main>", f"<main>{attack}"))
    assert page.locator("script").count() == 1 and page.title() != "1"
    page.close()
