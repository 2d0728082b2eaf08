"""The pictures of the desk in the documentation, of the toy: an exercise that no course gives.

    cd tests && PYTHONPATH=.:../data ../.venv/bin/python -m desk.pictures ../docs
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from desk.graded import enter, toy_course
from desk.test_browser import LAPTOP, Hands, serving

ANSWERS = (
    r"Each entry is divided by the same number, so $-1 \le x_i / \max_j |x_j| \le 1$.",
    r"Then all entries lie in $[-1, 1]$ and vectors in metres and in feet can be compared: "
    r"the unit cancels, as $\frac{c x_i}{\max_j |c x_j|} = \frac{x_i}{\max_j |x_j|}$ for $c > 0$.",
    r"The unit cancels, as $\frac{c x_i}{\max_j |c x_j|} = \frac{x_i}{\max_j |x_j|}$ for $c > 0$. "
    r"So vectors in metres and in feet can be compared, and entries lie in $[-1, 1]$.",
    r"The unit cancels, since $c x_i / \max_j |c x_j| = x_i / \max_j |x_j|$ for $c > 0$. "
    r"So vectors in metres and in feet can be compared. Entries lie in $[-1, 1]$.",
    "So that the sum of the entries is 1, like a distribution.",
    "For example, $(2, 4)$ becomes $(0.5, 1)$.",
    "",
)


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        course = toy_course(Path(place))
        enter(course, "toy", {f"s{number:03}": {"toy_why": ANSWERS[number % len(ANSWERS)]}
                              for number in range(3 * len(ANSWERS))})
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"),
                                             args=["--no-sandbox"])
        with serving(course) as served:
            for scheme, name in (("light", "desk.png"), ("dark", "desk-dark.png")):
                context = browser.new_context(viewport=LAPTOP, color_scheme=scheme)  # type: ignore[arg-type]
                hands = Hands(context.new_page(), served, next(iter(served.desk.sessions.tokens)))
                hands.open("/q/toy/toy_why")
                while "group" not in hands.page.locator("#stage").inner_text():
                    hands.press("j")
                    hands.page.wait_for_timeout(300)
                hands.press("1", "2")
                hands.page.wait_for_timeout(1500)
                hands.page.screenshot(path=folder / name)
        browser.close()


if __name__ == "__main__":
    main()
