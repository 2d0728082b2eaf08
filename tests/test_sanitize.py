"""What a student wrote is shown to others, and runs nothing in their browsers."""

from __future__ import annotations

import html
import time
from urllib.parse import quote

import nbformat
import pandas
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from nbconvert import HTMLExporter

from autograder.cells import OURS, STAFF_TAG
from autograder.gradebook import sanitize
from autograder.gradebook.sanitize import markdown2html, without_remark
from autograder.grading import grading_context

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
PIXEL = "iVBORw0KGgo="
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
    assert runs(sanitize.markdown2html({}, source)) == []


@pytest.mark.parametrize("source", HOSTILE)
def test_html_outputs_run_nothing(source: str) -> None:
    assert runs(sanitize.clean_html(source)) == []


@pytest.mark.parametrize(("source", "shown"), [
    ("**bold** and `code`", "<strong>bold</strong>"), ("# A title", "A title"),
    ("| a | b |\n|--|--|\n| 1 | 2 |", "<td>1</td>"), ("$a_i = \\frac{1}{2}$", "$a_i = "),
    ("[a](https://example.org)", 'href="https://example.org"'), ("- one\n- two", "<li>one</li>"),
    ("![a](data:image/png;base64,iVBORw0KGgo=)", "data:image/png;base64,iVBORw0KGgo="),
    ("<details><summary>Hint</summary>text</details>", "<summary>Hint</summary>"),
    ("a < b and b > c", "a &lt; b"),
])
def test_what_only_shows_something_stays(source: str, shown: str) -> None:
    assert shown in sanitize.markdown2html({}, source)


@pytest.mark.parametrize("source", [
    "<math><mi>word</mi></math>", "<mi>word", "<svg><text>word</text></svg>", "word <b at the end",
    "<template>word</template>", "<select><option>word</select>", "<<custom>word", "1 <b$ word",
    "<annotation-xml encoding='text/html'>word", "<textarea>word", "<!-- <u2> -->word"])
def test_the_text_in_tags_that_pages_may_not_have_stays(source: str) -> None:
    assert "word" in BeautifulSoup(sanitize.clean_html(source), "html.parser").get_text()


def test_a_notebook_is_cleaned_everywhere() -> None:
    raw = nbformat.v4.new_raw_cell("<script>1</script>", metadata={"raw_mimetype": "text/html"})
    code = nbformat.v4.new_code_cell("1", metadata={"tags": ["fine", "\"><script>"], "x": "<b>"})
    code.outputs = [nbformat.v4.new_output("display_data", {
        "text/html": "<script>1</script><b>a</b>", "application/javascript": "alert(1)",
        "image/png": '"><script>', "text/latex": "<script>", "image/svg+xml": "<svg onload=x>",
    }, metadata={"image/png": {"width": '"><script>'}})]
    notebook = nbformat.v4.new_notebook(cells=[raw, code], metadata={"title": "<script>"})
    sanitize.clean(notebook)
    assert "script>" not in nbformat.writes(notebook).replace("&lt;script&gt;", "")
    assert notebook.cells[1].outputs[0].data == {"text/html": "1<b>a</b>"}
    assert notebook.cells[1].metadata.tags == ["fine"]


def test_an_output_that_cannot_be_shown_says_so() -> None:
    code = nbformat.v4.new_code_cell("1")
    code.outputs = [nbformat.v4.new_output("display_data", {"application/javascript": "1"})]
    notebook = nbformat.v4.new_notebook(cells=[code])
    sanitize.clean(notebook)
    assert "not shown" in notebook.cells[0].outputs[0].data["text/plain"]


def test_a_pasted_picture_is_shown_and_a_lost_one_is_told() -> None:
    cell = nbformat.v4.new_markdown_cell("![mine](attachment:a.png) ![](attachment:b.png)",
                                         attachments={"a.png": {"image/png": "iVBORw0KGgo="}})
    page = sanitize.markdown2html({"cell": cell}, "![mine](attachment:a.png)")
    assert "data:image/png;base64,iVBORw0KGgo=" in page and runs(page) == []
    assert "b.png is missing" in sanitize.markdown2html({"cell": cell}, cell.source)


def test_the_same_text_shows_everybody_their_own_picture() -> None:
    source = "![mine](attachment:a.png)"
    for data in ("iVBORw0KGgo=", "AAAA", None, "iVBORw0KGgo=", None):
        pasted = {"attachments": {"a.png": {"image/png": data}}} if data else {}
        cell = nbformat.v4.new_markdown_cell(source, **pasted)
        page = sanitize.markdown2html({"cell": cell}, source)
        assert (f"base64,{data}" if data else "a.png is missing") in page
        assert page.count("base64,") == (1 if data else 0)


# ---------------------------------------------------- nothing looks like the page around it

SHAPES = ["<{tag} class='{name}' id='{name}' name='{name}' role=button style='{style}'>a</{tag}>",
          "<a href='https://elsewhere.example/a?b=1&amp;c=2' class='{name}' style='{style}'>"
          "<{tag} class={name}>Save</{tag}></a>",
          "<table class='dataframe {name}'><tr><td class='{name}'><{tag} style='{style}'>a"
          "</{tag}></td></tr></table>"]
# What pages are dressed with: Bootstrap, nbgrader's and Jupyter's own names, and any other word.
NAMES = st.sampled_from(["alert alert-info", "btn btn-primary", "label label-danger", "panel",
                         "modal fade in", "navbar-fixed-top", "form-control", "comment", "score",
                         "nbgrader_cell", "output_error", "jp-RenderedHTML", "hidden", "pull-right",
                         "crossfeedback", "glyphicon glyphicon-ok"]) | st.from_regex(
                             r"[a-z][a-z0-9_-]{2,20}", fullmatch=True).filter(
                                 lambda name: name not in sanitize.CLASSES)
LOOKS = st.lists(st.sampled_from([
    "position: fixed", "position: absolute; top: 0", "z-index: 99", "background: #337ab7",
    "background-color: #d9edf7", "border: 1px solid", "padding: 9px", "margin: -99px",
    "border-radius: 4px", "display: none", "float: right", "transform: scale(9)", "opacity: 0",
    "box-shadow: 0 0 9px", "cursor: pointer", "font-size: 0", "color: white"])).map("; ".join)
WORDS = st.sampled_from(["div", "span", "button", "label", "select", "textarea", "input", "form",
                         "b", "summary", "a", "dialog", "nav", "section", "center", "font", "i"])


@given(shape=st.sampled_from(SHAPES), name=NAMES, style=LOOKS, tag=WORDS)
def test_what_a_student_writes_never_looks_like_the_page_around_it(shape: str, name: str,
                                                                   style: str, tag: str) -> None:
    source = shape.format(name=name, style=style, tag=tag)
    for page in (sanitize.clean_html(source), sanitize.markdown2html({}, source)):
        for element in BeautifulSoup(page, "html.parser").find_all(True):
            assert element.name not in ("button", "form", "input", "select", "textarea", "dialog")
            assert set(element.get("class", [])) <= sanitize.CLASSES
            assert not {"id", "name", "role"} & set(element.attrs)
            looks = {one.partition(":")[0].strip() for one in element.get("style", "").split(";")}
            assert looks <= {"", "text-align", "color", "width", "font-weight", "font-style",
                             "text-decoration"}
            if element.name == "a" and element.get("href"):
                assert element["href"] in element.get_text() and element["target"] == "_blank"
                assert "noreferrer" in element["rel"]


@pytest.mark.parametrize("source", [
    "```python\nimport torch\nx = 'a' + f'{1:g}'  # why\n@f\ndef g(): raise E(r'\\d')\n```",
    "```sh\nls -l | wc\n```", "```diff\n- a\n+ b\n@@ 1\n```", "```html\n<b class=x>&amp;</b>\n```",
    "# A title", "| a | b |\n|:-:|--:|\n| 1 | 2 |", "- one\n- two\n\n> said\n\n1. a"])
def test_all_classes_of_rendered_notebooks_stay(source: str) -> None:
    def classes(page: str) -> list[list[str]]:
        return [element["class"] for element in BeautifulSoup(page, "html.parser").find_all(
            True, {"class": True})]

    rendered = HTMLExporter().markdown2html({}, source)
    assert classes(sanitize.markdown2html({}, source)) == classes(rendered)


def test_a_data_frame_is_shown_as_pandas_draws_it() -> None:
    frame = pandas.DataFrame({"loss": [0.1, 0.2]}, index=["a", "b"])
    page = BeautifulSoup(sanitize.clean_html(frame.to_html()), "html.parser")
    assert page.table["class"] == ["dataframe"] and len(page.find_all("td")) == 2


@pytest.mark.parametrize("words", ["Save", "https://formgrader.example", "", "&nbsp;Save&nbsp;",
                                   "<img src='data:image/png;base64,iVBORw0KGgo='>"])
@pytest.mark.parametrize("place", ["https://elsewhere.example/?a=1&b=2", "mailto:a@b.example",
                                   "HTTP://elsewhere.example", "https://you@elsewhere.example"])
def test_a_link_says_where_it_leads(words: str, place: str) -> None:
    page = BeautifulSoup(sanitize.clean_html(f'<a href="{html.escape(place)}">{words}</a>'),
                         "html.parser")
    assert page.a.get_text().endswith(f"({place})")


def test_a_link_that_is_its_address_or_leads_within_the_page_stays_as_it_is() -> None:
    place = "https://example.org/?a=1&b=2"
    assert BeautifulSoup(sanitize.markdown2html({}, f"<{place}>"), "html.parser").get_text(
        strip=True) == place
    assert BeautifulSoup(sanitize.markdown2html({}, "[up](#A-title)"), "html.parser").get_text(
        strip=True) == "up"


def test_what_the_grader_writes_keeps_its_looks_and_a_student_cannot_claim_it() -> None:
    source = grading_context.RUBRIC.format("Two points for the mask.")
    ours = nbformat.v4.new_markdown_cell(source, metadata={"tags": [STAFF_TAG]})
    theirs = nbformat.v4.new_markdown_cell(source, metadata={"tags": [
        STAFF_TAG, f"{OURS}comment", "mine"]})
    notebook = nbformat.v4.new_notebook(cells=[theirs])
    sanitize.clean(notebook)
    assert notebook.cells[0].metadata.tags == ["mine"]
    for _ in range(2):  # whichever was rendered first
        assert 'class="alert alert-info"' in sanitize.markdown2html({"cell": ours}, source)
        assert "class" not in sanitize.markdown2html({"cell": notebook.cells[0]}, source)


# ------------------------------------------------------------------------------- pasted pictures


@pytest.mark.parametrize("form", ["![it]({})", "<img src='{}'>", "<img width=40 src={}>",
                                  "text <img alt='it' src=\"{}\"/> text",
                                  "<div>\n\n![it]({})\n\n</div>", "[![it]({})](https://example.org)",
                                  "<table><tr><td><img src='{}'></td></tr></table>"])
@pytest.mark.parametrize("name", ["a.png", "image.png", "a%20picture.png", "그림.png", "ü-1.jpg"])
def test_a_pasted_picture_is_shown_however_it_is_named(form: str, name: str) -> None:
    kept = name.replace("%20", " ")
    for there in (True, False):
        pasted = {kept if there else "x.png": {"image/png": "iVBORw0KGgo="}}
        for written in {name, quote(kept)}:
            source = form.format(f"attachment:{written}")
            cell = nbformat.v4.new_markdown_cell(source, attachments=pasted)
            page = BeautifulSoup(sanitize.markdown2html({"cell": cell}, source), "html.parser")
            if there:
                assert page.img["src"] == "data:image/png;base64,iVBORw0KGgo="
            else:
                assert page.img is None and "is missing" in page.get_text()


@pytest.mark.parametrize("kind", ["text/html", "image/png\"onerror=x", "image/svg+xml"])
def test_a_pasted_thing_that_is_no_picture_is_not_shown(kind: str) -> None:
    source = "<img src='attachment:a.png'>"
    cell = nbformat.v4.new_markdown_cell(source, attachments={"a.png": {kind: "<script>1"}})
    assert "<img" not in sanitize.markdown2html({"cell": cell}, source)


# ------------------------------------------------------------------------------- texts that are cut


def cleaned(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook(cells=[cell])
    sanitize.clean(notebook)
    return notebook.cells[0]


def test_a_picture_in_a_text_becomes_an_attachment_and_is_not_cut() -> None:
    large = "A" * 2 * sanitize.MOST
    cell = cleaned(nbformat.v4.new_markdown_cell(
        f"![](data:image/png;base64,{large}) ![](attachment:pasted-1.png) "
        f'<img src="data:image/svg+xml;base64,{PIXEL}">',
        attachments={"pasted-1.png": {"image/png": PIXEL}}))
    assert cell.source == ('![](attachment:pasted-2.png) ![](attachment:pasted-1.png) '
                           '<img src="attachment:pasted-3.svg">')
    assert cell.attachments == {"pasted-1.png": {"image/png": PIXEL},
                                "pasted-2.png": {"image/png": large},
                                "pasted-3.svg": {"image/svg+xml": PIXEL}}
    shown = markdown2html({"cell": cell}, cell.source)
    assert shown.count("<img") == 3 and large in shown


def test_code_keeps_its_pictures_and_many_pictures_are_text() -> None:
    source = f"x = 'data:image/png;base64,{PIXEL}'"
    assert cleaned(nbformat.v4.new_code_cell(source)).source == source
    started = time.perf_counter()
    cell = cleaned(nbformat.v4.new_markdown_cell("data:image/png;base64,A " * 200_000))
    assert len(cell.attachments) == sanitize.MOST_PICTURES
    assert time.perf_counter() - started < 2


def test_what_is_cut_off_is_told_and_changes_the_remark() -> None:
    first, second = (cleaned(nbformat.v4.new_markdown_cell("a" * sanitize.MOST + end)).source
                     for end in ("bc", "cb"))
    assert first != second
    assert without_remark(first) == without_remark(second) == ("a" * sanitize.MOST, 2)
    assert without_remark("as it is") == ("as it is", 0)


def test_a_large_picture_that_is_shown_a_thousand_times_stays_small() -> None:
    large = {"a b.png": {"image/png": "A" * 2**20}, "c": {"image/jpeg": "B" * 8}}
    started = time.perf_counter()
    page = markdown2html({"cell": {"attachments": large}},
                         "![](attachment:c)" + "![x](attachment:a%20b.png) " * 600)
    assert page.count("<img") == 1 + sanitize.OFTEN and "(the same picture again)" in page
    assert len(page) < (sanitize.OFTEN + 1) * 2**20
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("mark", ["pasted0", "pasted1", "pasted999999999", "pasted00", "pasted"])
def test_a_mark_that_a_student_writes_is_the_students_own_picture(mark: str) -> None:
    page = markdown2html({"cell": {"attachments": {"a": {"image/png": PIXEL}}}},
                         f"![](data:image/png;base64,{mark})")
    assert page.count("<img") == 1 and (PIXEL in page) == (mark in ("pasted0", "pasted00"))
