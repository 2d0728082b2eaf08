"""What a student wrote is shown to others, and runs nothing in their browsers."""

from __future__ import annotations

import nbformat
import pytest
from bs4 import BeautifulSoup

from autograder.gradebook import safe

HOSTILE = [
    "<script>document.title = 'mine'</script>", "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)></svg>", "<svg><script>alert(1)</script></svg>",
    "<a href='javascript:alert(1)'>a</a>", "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))",
    "[a][b]\n\n[b]: javascript:alert(1)", "<javascript:alert(1)>", "[a](data:text/html,<script>)",
    "![a](https://elsewhere.example/pixel.png)", "<iframe src='https://elsewhere.example'></iframe>",
    "<form action='https://elsewhere.example'><input name=a></form>", "<object data=x></object>",
    "<style>body { display: none }</style>", "<link rel=stylesheet href=x>", "<base href=x>",
    "<meta http-equiv=refresh content='0;url=x'>", "<details open ontoggle=alert(1)>a</details>",
    "<b style='background: url(https://elsewhere.example)'>a</b>", 
    "<math><a xlink:href=javascript:1>",
    "![a](data:image/png;base64,AA==\"onerror=alert(1))", "<img src='data:text/html;base64,AA'>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
]
ALLOWED_LINKS = ("http://", "https://", "mailto:", "#", "data:image/")


def runs(page: str) -> list[str]:
    """What of a page could run, leave it or fetch something by itself."""
    found = []
    for element in BeautifulSoup(page, "html.parser").find_all(True):
        if element.name in ("script", "iframe", "object", "embed", "form", "input", "svg", "style",
                           "link", "base", "meta", "math"):
            found.append(element.name)
        for name, value in element.attrs.items():
            value = " ".join(value) if isinstance(value, list) else value
            if name.startswith("on") or "url(" in value or (
                    name in ("href", "src") and not value.startswith(ALLOWED_LINKS)):
                found.append(f"{element.name} {name}={value}")
            if element.name == "img" and name == "src" and not value.startswith("data:image/"):
                found.append(value)
    return found


@pytest.mark.parametrize("source", HOSTILE)
def test_markdown_runs_nothing(source: str) -> None:
    assert runs(safe.markdown2html({}, source)) == []


@pytest.mark.parametrize("source", HOSTILE)
def test_html_outputs_run_nothing(source: str) -> None:
    assert runs(safe.clean_html(source)) == []


@pytest.mark.parametrize(("source", "shown"), [
    ("**bold** and `code`", "<strong>bold</strong>"), ("# A title", "A title"),
    ("| a | b |\n|--|--|\n| 1 | 2 |", "<td>1</td>"), ("$a_i = \\frac{1}{2}$", "$a_i = "),
    ("[a](https://example.org)", 'href="https://example.org"'), ("- one\n- two", "<li>one</li>"),
    ("![a](data:image/png;base64,iVBORw0KGgo=)", "data:image/png;base64,iVBORw0KGgo="),
    ("<details><summary>Hint</summary>text</details>", "<summary>Hint</summary>"),
    ("a < b and b > c", "a &lt; b"),
])
def test_what_only_shows_something_stays(source: str, shown: str) -> None:
    assert shown in safe.markdown2html({}, source)


def test_a_notebook_is_cleaned_everywhere() -> None:
    raw = nbformat.v4.new_raw_cell("<script>1</script>", metadata={"raw_mimetype": "text/html"})
    code = nbformat.v4.new_code_cell("1", metadata={"tags": ["fine", "\"><script>"], "x": "<b>"})
    code.outputs = [nbformat.v4.new_output("display_data", {
        "text/html": "<script>1</script><b>a</b>", "application/javascript": "alert(1)",
        "image/png": '"><script>', "text/latex": "<script>", "image/svg+xml": "<svg onload=x>",
    }, metadata={"image/png": {"width": '"><script>'}})]
    notebook = nbformat.v4.new_notebook(cells=[raw, code], metadata={"title": "<script>"})
    safe.clean(notebook)
    assert "script>" not in nbformat.writes(notebook).replace("&lt;script&gt;", "")
    assert notebook.cells[1].outputs[0].data == {"text/html": "1<b>a</b>"}
    assert notebook.cells[1].metadata.tags == ["fine"]


def test_an_output_that_cannot_be_shown_says_so() -> None:
    code = nbformat.v4.new_code_cell("1")
    code.outputs = [nbformat.v4.new_output("display_data", {"application/javascript": "1"})]
    notebook = nbformat.v4.new_notebook(cells=[code])
    safe.clean(notebook)
    assert "not shown" in notebook.cells[0].outputs[0].data["text/plain"]


def test_a_pasted_picture_is_shown_and_a_lost_one_is_told() -> None:
    cell = nbformat.v4.new_markdown_cell("![mine](attachment:a.png) ![](attachment:b.png)",
                                         attachments={"a.png": {"image/png": "iVBORw0KGgo="}})
    page = safe.markdown2html({"cell": cell}, "![mine](attachment:a.png)")
    assert "data:image/png;base64,iVBORw0KGgo=" in page and runs(page) == []
    assert "b.png is missing" in safe.markdown2html({"cell": cell}, cell.source)


def test_the_same_text_shows_everybody_their_own_picture() -> None:
    source = "![mine](attachment:a.png)"
    for data in ("iVBORw0KGgo=", "AAAA", None, "iVBORw0KGgo=", None):
        pasted = {"attachments": {"a.png": {"image/png": data}}} if data else {}
        page = safe.markdown2html({"cell": nbformat.v4.new_markdown_cell(source, **pasted)}, source)
        assert (f"base64,{data}" if data else "a.png is missing") in page
        assert page.count("base64,") == (1 if data else 0)
