"""The desk in a real Chromium: graded by keyboard alone, by two at once, with formgrader beside it.

The desk runs in a thread of this process, on loopback, as `autograder desk` serves it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from browser.conftest import PATIENCE, jupyter_in
from conftest import REPO, until
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from redteam.pages import HOOK, Listener
from test_sanitize import HOSTILE

from autograder.course import Course
from autograder.desk import answers
from autograder.desk.app import create_app
from autograder.desk.state import Desk
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from desk.conftest import copy_of
from desk.graded import enter
from desk.web import a_desk

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LAPTOP = {"width": 1280, "height": 720}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WHY, HOW = "/q/toy/toy_why", "/q/toy/toy_how"
FORMS = ("So that $x_i$ can be compared, whatever the unit.", "They lie between $-1$ and $1$.",
         "By an example: $(2, 4)$ becomes $(0.5, 1)$.", "I do not know.",
         "Because $\\sum_i x_i = 1$.")
ATTACKS = Path(__file__).parents[1] / "redteam" / "attacks" / "pages.toml"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: sh setup.sh tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Served:
    """A desk that a browser can reach."""

    def __init__(self, desk: Desk, port: int) -> None:
        self.desk, self.port = desk, port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def points(self, part: str = "toy_why") -> dict[str, float | None]:
        return {row.student: row.parts[part] for row in queries.entries(self.desk.course, "toy")}


@contextlib.contextmanager
def serving(course: Course, name: str = "toy") -> Iterator[Served]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with a_desk(course, name) as desk:
        server = uvicorn.Server(uvicorn.Config(create_app(desk, port), log_level="warning",
                                               ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started, 20)
        try:
            yield Served(desk, port)
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def served(released_toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
           ) -> Iterator[Served]:
    """30 answers to the first question: 25 in four forms and some slips, five empty ones."""
    monkeypatch.setattr(answers, "LOOK_SECONDS", 0)
    course = copy_of(released_toy, tmp_path / "course")
    enter(course, "toy", {f"s{number:03}": {
        "toy_why": FORMS[number % 5] + f" So it is, number {number // 10}." * (number % 2)
        if number < 25 else "", "toy_how": "By a norm."} for number in range(30)})
    with serving(course) as found:
        yield found


class Hands:
    """A grader's browser, which touches keys alone; what went wrong in it is kept."""

    def __init__(self, page: Page, served: Served, name: str) -> None:
        self.page, self.served = page, served
        self.wrong: list[str] = []
        self.elsewhere: list[str] = []
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.wrong.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.elsewhere.append(request.url) if urlsplit(
            request.url).port not in (None, served.port) or urlsplit(
                request.url).hostname not in (None, "127.0.0.1") else None)
        token = served.desk.sessions.tokens[name]
        page.goto(served.url(f"/?token={token}"))
        expect(page.locator("h1")).to_have_text(served.desk.title)

    def open(self, path: str) -> None:
        self.page.goto(self.served.url(path))
        self.is_ready()

    def is_ready(self) -> None:
        """Wait until formulas are set and the cards that come next have been fetched."""
        self.page.wait_for_function(
            "() => window.MathJax?.isReady && document.querySelector('#stage')")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def card(self) -> dict[str, Any]:
        return self.page.evaluate("({...document.querySelector('#stage > *').dataset})")

    def goes_on(self, from_key: str) -> None:
        self.page.wait_for_function(
            "key => document.querySelector('#stage > *').dataset.key !== key", arg=from_key)

    def give(self, *keys: str) -> None:
        """Press keys and then Enter, and wait for the next card."""
        at = self.card["key"]
        self.press(*keys, "Enter")
        self.goes_on(at)

    def shows_an_owner(self) -> str:
        """Show names, and return that of one whose answer is on the card."""
        self.press("n")
        names = self.page.locator("#stage .names")
        expect(names).to_be_visible()
        return (names.text_content() or "").split(",")[0]

    def says(self, words: str) -> None:
        expect(self.page.locator("#said")).to_contain_text(words)


@pytest.fixture
def hands(chromium: Browser, served: Served) -> Iterator[Callable[[str], Hands]]:
    """Open a browser of a grader. In the end nothing was wrong in it, and nothing was fetched."""
    with contextlib.ExitStack() as stack:
        all_hands: list[Hands] = []

        def open_one(name: str) -> Hands:
            context = stack.enter_context(chromium.new_context(viewport=LAPTOP))  # type: ignore[arg-type]
            all_hands.append(Hands(context.new_page(), served, name))
            return all_hands[-1]

        yield open_one
        for one in all_hands:
            assert one.elsewhere == []
            assert [text for text in one.wrong if "409" not in text] == []


def test_thirty_answers_are_graded_by_keyboard_alone(hands: Callable[[str], Hands], served: Served
                                                     ) -> None:
    ada = hands("Ada")
    page = ada.page
    ada.press("Tab", "Tab", "Tab", "Tab", "Tab", "Tab")
    page.get_by_role("link", name="Two questions · (a)").focus()
    ada.press("Enter")
    page.wait_for_url(re.compile("toy_why"))
    ada.is_ready()
    expect(page.locator(".panel .MathJax").first).to_be_visible()  # formulas are set here
    assert page.locator("#give").bounding_box()["height"] < LAPTOP["height"]  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollHeight") <= LAPTOP["height"]

    ada.press("Enter")
    ada.says("Nothing is chosen")
    ada.press("z")
    ada.says("5 empty answers have 0 points")
    done = 0
    while True:
        text = page.locator("#stage .student").first.inner_text()
        keys = {"So t": "1", "They": "2", "By a": "1", "I do": "0", "Beca": "3"}[text[:4]]
        at = ada.card["key"]
        group = "g" if ada.card["group"] != "[]" else "Enter"
        ada.press(keys, group)
        page.wait_for_function("""([key, graded]) => {
            const card = document.querySelector('#stage > *');
            return card.dataset.key !== key || card.classList.contains('graded')}""",
                               arg=[at, True])
        done += 1
        if "Nothing waits here" in (page.locator("#said").text_content() or ""):
            break
    assert done <= 25
    points = served.points()
    assert {points[f"s{number:03}"] for number in range(25, 30)} == {0}
    assert [points[f"s{number:03}"] for number in range(5)] == [1.5, 0.5, 1.5, 0, 0]
    assert None not in points.values()

    ada.press("u")
    ada.says("Undone")
    assert None in served.points().values()


def test_a_comment_used_before_is_offered_and_an_adjustment_counts(
        hands: Callable[[str], Hands], served: Served) -> None:
    ada = hands("Ada")
    ada.open(WHY)
    at = ada.card["key"]
    ada.press("2", "a")
    ada.page.keyboard.type("0.25")
    ada.press("Escape", "c")
    ada.page.keyboard.type("Between which numbers?")
    ada.press("Enter")
    ada.goes_on(at)
    at = ada.card["key"]
    ada.press("1", "c")
    ada.page.keyboard.type("betw")
    ada.press("ArrowDown", "Enter")
    expect(ada.page.locator("#comment")).to_have_value("Between which numbers?")
    ada.press("Enter")
    ada.goes_on(at)
    given = [point for point in served.points().values() if point]
    assert sorted(set(given)) == [0.75, 1.5]
    comments = [comment for row in queries.entries(served.desk.course, "toy")
                for comment in row.comments.values()]
    assert set(comments) == {"Between which numbers?"} and len(comments) >= 2


def test_a_changed_item_reaches_all_answers_after_a_preview(hands: Callable[[str], Hands],
                                                            served: Served) -> None:
    ada = hands("Ada")
    ada.open(WHY)
    ada.give("1")
    ada.give("1")
    page = ada.page
    ada.press("i")
    dialog = page.locator("#dialog")
    expect(dialog).to_be_visible()
    points = dialog.get_by_label("Points").first
    expect(points).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1")
    ada.press("Enter")
    expect(dialog).to_contain_text("move")
    assert 1 not in served.points().values()
    dialog.get_by_role("button", name="Change it").press("Enter")
    expect(dialog).to_contain_text("Changed, in every answer")
    assert 1 in served.points().values() and 1.5 not in served.points().values()
    assert Axe().run(page, options={"runOnly": RULES}).violations_count == 0
    ada.press("Escape")
    expect(page.locator("#items .points").first).to_have_text("+1")


def test_two_graders_at_once_overwrite_nothing(hands: Callable[[str], Hands], served: Served
                                               ) -> None:
    ada, ben = hands("Ada"), hands("Ben")
    ada.open(WHY)
    at = ada.card["key"]
    until(lambda: bool(served.desk.store.viewers(served.desk.question("toy", "toy_why"))), 10)
    ben.open(WHY)
    assert ben.card["key"] != at, "Ben is led to another one"
    ben.open(f"{WHY}?card={at}")
    expect(ben.page.locator("#here")).to_have_text("Ada has this one open, too")
    ben.press("2", "c")
    ben.page.keyboard.type("From Ben")
    ben.press("Escape")
    ada.give("1")
    before = served.points()
    ben.press("Enter")
    dialog = ben.page.locator("#dialog")
    expect(dialog).to_contain_text("Somebody was faster")
    expect(dialog).to_contain_text("by Ada")
    expect(dialog).to_contain_text("From Ben")
    assert served.points() == before
    assert Axe().run(ben.page, options={"runOnly": RULES}).violations_count == 0
    dialog.get_by_role("button", name="Give mine instead").press("Enter")
    ben.goes_on(at)
    assert served.points() != before and 0.5 in served.points().values()


def test_what_is_sent_before_the_scripts_are_there_is_not_lost(
        hands: Callable[[str], Hands], served: Served) -> None:
    ada = hands("Ada")
    late: list[Route] = []
    ada.page.route("**/htmx.min.js", lambda route: late.append(route))
    ada.page.goto(served.url("/shares"), wait_until="commit")
    row = ada.page.get_by_role("form", name="Two questions · (a)")
    row.get_by_label("Ada").focus()
    ada.press("Space", "Enter")
    expect(row.get_by_label("Ada")).to_be_checked()
    assert len(late) == 1 and served.desk.store.divided_among(
        served.desk.questions["toy", "toy_why"]) == ()
    late[0].continue_()
    expect(row.get_by_role("status")).to_have_text("Saved.")
    assert ada.page.url == served.url("/shares")


def test_a_question_is_divided_by_keyboard(hands: Callable[[str], Hands], served: Served) -> None:
    ada = hands("Ada")
    ada.page.get_by_role("navigation").get_by_role("link", name="Who grades what").focus()
    ada.press("Enter")
    row = ada.page.get_by_role("form", name="Two questions · (a)")
    row.get_by_label("Ada").focus()
    ada.press("Space", "Tab", "Space", "Enter")
    expect(row.get_by_role("status")).to_have_text("Saved.")
    expect(row.get_by_label("Ben")).to_be_checked()
    expect(row.get_by_label("Ben")).to_be_focused()
    assert served.desk.store.divided_among(
        served.desk.question("toy", "toy_why")) == ("Ada", "Ben")
    ada.open(WHY)
    expect(ada.page.locator("#progress")).to_contain_text("of your share")
    expect(ada.page.locator("#stage .badge.share")).to_contain_text("share")


def test_a_second_marking_is_blind_and_its_agreement_is_told(hands: Callable[[str], Hands],
                                                             served: Served) -> None:
    ada = hands("Ada")
    ada.open(WHY)
    ada.give("1", "c", *"Secret")
    ada.give("2")
    ada.give("1")
    page = ada.page
    page.goto(served.url("/agreement"))
    form = page.locator("form.form").first
    form.get_by_label("Percent").fill("100")
    form.get_by_label("For whom").fill("Ben")
    form.get_by_role("button", name="Draw").press("Enter")
    expect(page.locator("main")).to_contain_text("answers are drawn")

    ben = hands("Ben")
    ben.open(f"{WHY}?second=1")
    count = int(ben.card["count"])
    assert count >= 3
    for index in range(count):
        assert "Secret" not in ben.page.content() and ben.card["given"] == ""
        at = ben.card["key"]
        ben.press("1", "Enter")
        if index < count - 1:
            ben.goes_on(at)
    ben.says("Nothing waits here any more")
    ben.page.goto(served.url("/agreement"))
    expect(ben.page.locator("main")).to_contain_text(f"{count} of {count} drawn answers")
    expect(ben.page.locator("main")).to_contain_text("Cohen's kappa")


def test_a_new_upload_and_formgrader_are_seen(hands: Callable[[str], Hands], served: Served
                                              ) -> None:
    course = served.desk.course
    ada = hands("Ada")
    ada.press("n")
    ada.open(WHY)
    at, owner = ada.card["key"], ada.shows_an_owner()
    ada.give("1")
    enter(course, "toy", {owner: {"toy_why": "Something else: $x_i^2$ is large."}})
    ada.open(f"{WHY}?card={at}")
    card = ada.page.locator("#stage")
    expect(card).to_contain_text("another one than was graded")
    expect(card.locator(".diff .new").first).to_contain_text("Something else")
    assert ada.card["words"] == "changed since it was graded"
    ada.give("1", "2")  # the first item was chosen for the old text, and is taken back
    assert served.points()[owner] == 0.5

    with open_gradebook(course) as gradebook:
        gradebook.find_grade("toy_why", "toy", "toy", owner).manual_score = 1.25
        gradebook.find_grade("toy_why", "toy", "toy", owner).needs_manual_grade = False
        gradebook.db.commit()
    ada.open(f"{WHY}?card={at}")
    expect(card).to_contain_text("Formgrader has 1.25 for this answer")
    assert served.points()[owner] == 1.25
    ada.give("1", "2")
    assert served.points()[owner] == 1.5


@pytest.mark.nbgrader
def test_formgraders_own_page_shows_the_desks_marks_and_is_seen_by_it(
        hands: Callable[[str], Hands], served: Served, chromium: Browser, tmp_path: Path) -> None:
    ada = hands("Ada")
    ada.open(WHY)
    at, owner = ada.card["key"], ada.shows_an_owner()
    ada.give("1")
    with open_gradebook(served.desk.course) as gradebook:
        place = gradebook.find_submission_notebook("toy", "toy", owner).id

    shutil.copy(REPO / "nbgrader_config.py", served.desk.course.root)
    with jupyter_in(served.desk.course.root) as server, chromium.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        server.open(page, f"formgrader/submissions/{place}")
        is_loaded = ("() => window.MathJax?.loaded && formgrader.grades.loaded "
                     "&& formgrader.comments.loaded")
        page.wait_for_function(is_loaded)
        expect(page.locator("#toy_why")).to_have_value("1.5")

        page.locator("#toy_why").fill("1.25")
        with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
            page.keyboard.press("Tab")
        assert saved.value.ok
        page.screenshot(path=tmp_path / "formgrader.png", full_page=True)

        ada.open(f"{WHY}?card={at}")
        expect(ada.page.locator("#stage")).to_contain_text("Formgrader has 1.25 for this answer")
        assert served.points()[owner] == 1.25
        ada.give("1", "2")  # the first item was chosen before, and is taken back
        page.reload()
        page.wait_for_function(is_loaded)
        expect(page.locator("#toy_why")).to_have_value("0.5")
    assert served.points()[owner] == 0.5


def hostile() -> dict[str, str]:
    """What the red team writes into answers, and formulas that reach for the page."""
    found = [text for attack in tomllib.loads(ATTACKS.read_text())["attack"]
             for text in (attack.get("answer", ""), *attack.get("markdown", []),
                          attack.get("output", "")) if text]
    found += ["\n\n".join(HOSTILE), *(f"${formula}$ and $\\beta$" for formula in (
        r"\href{javascript:HOOK}{x}", r"\class{main}{x}", r"\cssId{stage}{x}",
        r"\style{position:fixed;inset:0;background:red}{x}", r"\unicode{x41}",
        r"\require{html}\href{http://127.0.0.1:PORT/r}{x}", r"\def\beta{EVIL}\beta",
        r"\newcommand{\x}{\x\x}\x", r"\let\beta=\alpha", r"\renewcommand{\top}{EVIL}x^\top",
        r"\mmlToken{mi}[href=javascript:HOOK]{x}", r"\bbox[position:fixed]{x}",
        r"\DeclareMathOperator{\beta}{EVIL}", "{" * 900 + "x" + "}" * 900, r"\frac{" * 300,
        r"\rule{9999em}{9999em}", r"\raise 999em{x}", r"\hspace{-99em}\Huge Save",
        r"\sqrt" * 500 + " x", r"\begin{array}{" + "c" * 2000 + "}x", "x_" * 2000,
        r"\label{a}\label{a}\ref{a}"))]
    return {f"h{number:03}": text for number, text in enumerate(found)}


def test_what_the_red_team_writes_runs_and_fetches_nothing(
        hands: Callable[[str], Hands], served: Served) -> None:
    listener = Listener()
    enter(served.desk.course, "toy", {
        owner: {"toy_how": text.replace("HOOK", HOOK).replace("PORT", str(listener.port))}
        for owner, text in hostile().items()})
    ada = hands("Ada")
    page = ada.page
    ada.open(HOW)
    seen = 0
    try:
        while True:
            page.wait_for_function("() => !document.querySelector('#stage .student') || MathJax.Hub"
                                   ".queue.pending === 0 && !MathJax.Hub.queue.running")
            boxes = page.evaluate("""() => {
                const stage = document.querySelector('#stage').getBoundingClientRect();
                return [...document.querySelectorAll('#stage .student')].map(box => {
                    const at = box.getBoundingClientRect();
                    return at.left >= stage.left && at.right <= stage.right + 1})}""")
            assert all(boxes), "an answer stays in its column"
            assert page.evaluate("""() => [...document.querySelectorAll(`.student :is(
                script:not([type^="math/tex"]), iframe, object, embed, form, input, textarea,
                select, link, style, base, meta, button, [id]:not([id^=MathJax], [id^=MJX]),
                [style*="fixed"], a[href^="javascript"])`)].map(one => one.outerHTML)""") == []
            seen += 1
            following = ada.card["next"]
            if not following:
                break
            ada.press("j")
            page.wait_for_function(
                "key => document.querySelector('#stage > *').dataset.key === key", arg=following)
    finally:
        listener.close()
    assert seen >= len(hostile()) - 2
    assert page.evaluate("document.documentElement.dataset.seen") is None
    assert listener.requests == []
    # No macro of a student's is another one for anybody else.
    ada.open(HOW)
    text = page.evaluate("""async () => {
        const box = document.createElement('div');
        box.textContent = '$\\\\beta x^\\\\top$';
        document.querySelector('#stage .student .text').append(box);
        await window.typeset(box);
        return box.innerText}""")
    assert re.sub(r"\s", "", text).startswith("\U0001d6fd\U0001d465⊤"), "beta, x, top"


@pytest.mark.parametrize("formula", [(r"\sqrt{" * 19 + "x" + "}" * 19) * 20,
                                     r"\begin{matrix}" + "&" * 2900 + r"\end{matrix}"])
def test_formulas_take_no_longer_than_somebody_waits(
        hands: Callable[[str], Hands], served: Served, formula: str) -> None:
    """Six large formulas, each of which may be there alone: a minute, without a bound for all."""
    enter(served.desk.course, "toy", {f"s{number:03}": {"toy_how": ""} for number in range(30)}
          | {"s001": {"toy_how": "\n\n".join([f"${formula}$"] * 6)}})
    ada = hands("Ada")
    ada.open(HOW)
    ada.page.wait_for_function("() => MathJax.Hub.queue.pending === 0"
                               " && document.querySelector('#stage .MathJax')", timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(hands: Callable[[str], Hands], served: Served, scheme: str
                                       ) -> None:
    ada = hands("Ada")
    page = ada.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    ada.open(WHY)
    ada.give("1")
    served.desk.store.divide(served.desk.question("toy", "toy_why"), ["Ada", "Ben"], "Ada")
    for path in ("/", WHY, f"{WHY}/answers", "/log", "/agreement", "/shares"):
        page.goto(served.url(path))
        page.wait_for_function("() => window.MathJax?.isReady")
        found = Axe().run(page, options={"runOnly": RULES})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= LAPTOP["width"]
    ada.open(WHY)
    for key in ("?", "i"):
        ada.press(key)
        expect(page.locator("#dialog")).to_be_visible()
        found = Axe().run(page, options={"runOnly": RULES})
        assert found.violations_count == 0, found.generate_report()
        ada.press("Escape")
        expect(page.locator("#dialog")).to_be_hidden()
