"""A notebook in JupyterLab or in Notebook 7, used as a student does: fill in, run, validate."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from browser.conftest import PATIENCE, Server

FRONT_ENDS: dict[str, str] = {"lab": "lab/tree", "notebook": "notebooks"}


@dataclass(frozen=True)
class Validation:
    """What nbgrader's dialog said."""

    passed: bool
    text: str


class NotebookPage:
    """One notebook, opened in a front end."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @classmethod
    def open(cls, page: Page, server: Server, front_end: str, path: str) -> NotebookPage:
        """Open `path`, a notebook in the server's folder, and wait for its kernel."""
        server.open(page, f"{FRONT_ENDS[front_end]}/{path}")
        opened = cls(page)
        opened._wait_until_idle()
        return opened

    def cell(self, text: str) -> Locator:
        """The code cell that holds a text."""
        return self._page.locator(".jp-CodeCell", has=self._page.locator(
            ".cm-content", has_text=text)).first

    def fill(self, cell: Locator, source: str) -> None:
        """Type a source in the place of a cell's."""
        cell.locator(".cm-content").click()
        self._page.keyboard.press("ControlOrMeta+A")
        self._page.keyboard.insert_text(source)

    def run(self, cell: Locator) -> str:
        """Run a cell, by Shift-Enter; return what it printed, an error's last line included."""
        cell.locator(".cm-content").click()
        self._page.keyboard.press("Shift+Enter")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"),
                                                             timeout=PATIENCE)
        self._wait_until_idle()
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())

    def validate(self, look: Callable[[], object] = lambda: None) -> Validation:
        """Press nbgrader's Validate, `look` at the dialog, read it, and put it away."""
        self._page.locator(".validate-button").get_by_text("Validate", exact=True).click()
        dialog = self._page.locator(".jp-Dialog-content", has_text="Validation Results")
        dialog.wait_for()
        text = dialog.locator("#validation-message")
        found = Validation("validation-success" in (text.get_attribute("class") or ""),
                           text.inner_text())
        look()
        dialog.get_by_role("button", name="OK").click()
        return found

    def _wait_until_idle(self) -> None:
        self._page.locator(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
