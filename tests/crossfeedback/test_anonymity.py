"""What is handed out: nobody is named in it, and nothing else is lost."""

from __future__ import annotations

import base64
import io
import re
import unicodedata

import nbformat
import pytest
from nbformat import NotebookNode
from PIL import Image, PngImagePlugin

from autograder import roster
from autograder.course import Course
from autograder.crossfeedback import pictures, redaction
from autograder.crossfeedback.anonymise import anonymous
from autograder.crossfeedback.comment_cells import CommentedExercise
from autograder.grading import grading_context
from autograder.roster import Member
from crossfeedback.essays import (
    CELLS,
    SUBTASKS,
    essay_notebook,
    got,
    hand_in,
    hand_out,
    seven_groups,
    written_by,
)

LEAKS = re.compile(r"ada\b|lovelace|planck|g.?odel|goedel|noether|kowalew|evariste|galois|erdos"
                   r"|华罗庚|2026.?0000\d|@|home/(?!\[removed)", re.I)


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return seven_groups(tmp_path_factory.mktemp("essays"))


def with_leaks(notebook: NotebookNode, where: str) -> NotebookNode:
    """Ada's notebook, with her written into one place of it."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    output = nbformat.v4.new_output
    cells = {
        "prose": text("Done by ada  LOVELACE (2026_00001, ada.l@uni-x.de), Lovelace, Ada & A.L."),
        "code": code("# Ada's code\nlovelace = 1\npath = '/home/adal/x'\nadaLovelace = alovelace"),
        "stream": code("1", outputs=[output(
            "stream", text="\x1b[31mAda\x1b[0m saved by 202600001")]),
        "result": code("1", outputs=[output("execute_result", {"text/plain": "'Ada_Lovelace'"})]),
        "html": code("1", outputs=[output("display_data", {
            "text/plain": "<HTML object>",
            "text/html": "<b title='Lovelace'>Ada</b><td>0.5</td>"})]),
        "trace": code("1", outputs=[output("error", ename="E", evalue="e", traceback=[
            "\x1b[0;31mE\x1b[0m File C:\\Users\\ada\\x.py, /home/ada/y.py"])]),
        "widget": code("1", outputs=[output(
            "display_data", {"application/x+json": {"u": "Ada Lovelace"}})]),
        "script": code("1", outputs=[output("display_data", {
            "application/javascript": "var u='Ada Lovelace'", "text/plain": "x"})]),
        "output-metadata": code("1", outputs=[output(
            "display_data", {"text/plain": "x"}, metadata={"by": "Ada Lovelace"})]),
        "svg": code("1", outputs=[output("display_data", {"image/svg+xml": "<text>Ada Lovelace"})]),
        "raw": nbformat.v4.new_raw_cell("Ada Lovelace"),
        "coded": text("see /x/L%6Fvelace%C3%A9 and Lovel&#97;ce and \\u0041da"),
        "own-comment": text(
            "⟶ **Comments on 1.1**\n\nAda Lovelace\n\n⟵ **End of the comments on 1.1**"),
        "umlaut": text("Pl\u00e4nck, PLANCK\u0301, m\u0101x planck"),
    }
    if where == "cell-id":
        notebook.cells[0].id = "lovelace"
    elif where == "attachment":
        cell = text("![Ada.png](attachment:Ada%20Lovelace.png) ![x](attachment:ada.png)")
        cell.attachments = {name: {"image/png": picture("Ada Lovelace")}
                            for name in ("Ada%20Lovelace.png", "ada.png")}
        notebook.cells.append(cell)
    elif where == "picture":
        notebook.cells.append(code("1", outputs=[output(
            "display_data", {"image/png": picture("Ada Lovelace")})]))
    elif where == "data-uri":
        notebook.cells.append(text(f"![](data:image/png;base64,{picture('Ada Lovelace')}) by Ada"))
    else:
        notebook.cells.append(cells[where])
    return notebook


def picture(author: str) -> str:
    """A red PNG that names its author, in base64."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", author)
    info.add_itxt("Title", author, "en", author)
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(buffer, "PNG", pnginfo=info)
    return base64.b64encode(buffer.getvalue()).decode()


def readable(data: bytes) -> str:
    """A notebook's bytes as a text without accents; pictures in it undone from base64."""
    text = data.decode()
    inside = [base64.b64decode(match) for match in re.findall(r"[A-Za-z0-9+/=]{60,}", text)]
    text = re.sub(r"[A-Za-z0-9+/=]{60,}", " ", text)
    text += " ".join(piece.decode("latin-1") for piece in inside)
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def test_nobody_is_named_in_the_bytes(essays: Course) -> None:
    given = hand_out(essays, seed=7)
    for reviewer, path in given.files.items():
        found = readable(path.read_bytes())
        assert not LEAKS.search(found), (reviewer, LEAKS.search(found))
        assert not re.search(r"\bg[1-7]\b", found)
        for data in ("grade_id", "nbgrader", "points\"", "Rubric of", "authorship", "colab",
                     "toy_1_1"):
            assert data not in found
        assert "**Members of the group**: *(names removed)*" in found
        assert re.fullmatch(r"toy-group-[A-F]\.ipynb", path.name)


@pytest.mark.parametrize("where", [
    "prose", "code", "stream", "result", "html", "trace", "widget", "script", "output-metadata",
    "svg", "raw", "coded", "own-comment", "umlaut", "cell-id", "attachment", "picture",
    "data-uri"])
def test_a_name_is_taken_out_wherever_it_stands(read_only: Course, where: str) -> None:
    members = roster.of(read_only).groups["g1"]
    leaking = with_leaks(written_by(read_only, members), where)
    assert LEAKS.search(readable(nbformat.writes(leaking).encode()))
    asked = CommentedExercise(read_only.exercise("toy"), essay_notebook(read_only),
                              tuple(SUBTASKS))
    given = anonymous(leaking, asked, "g1", members, "A", "1")
    found = readable(nbformat.writes(given).encode())
    assert not LEAKS.search(found), LEAKS.search(found)
    assert "attachment:ada" not in found.lower()


def test_outputs_of_any_size_are_cut_and_told(read_only: Course) -> None:
    members = roster.of(read_only).groups["g1"]
    notebook = written_by(read_only, members)
    one = nbformat.v4.new_output("stream", text="Ada\x1b[0m " * 6_000)
    notebook.cells.append(nbformat.v4.new_code_cell("1", outputs=[one] * 42))
    asked = CommentedExercise(read_only.exercise("toy"), essay_notebook(read_only),
                              tuple(SUBTASKS))
    outputs = anonymous(notebook, asked, "g1", members, "A", "1").cells[-1].outputs
    assert len(outputs) == 41 and outputs[-1].text == "[2 more outputs]"
    assert outputs[0].text == "[removed] \n[cut: 48,000 characters in all]"


def test_pictures_stay_as_they_are(essays: Course) -> None:
    data = pictures.stripped(base64.b64decode(picture("Ada")))
    assert data is not None and b"Ada" not in data
    assert Image.open(io.BytesIO(data)).convert("RGB").getpixel((3, 2)) == (255, 0, 0)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x013B] = "Ada"
    Image.effect_noise((40, 30), 50).save(buffer, "JPEG", exif=exif, comment=b"Ada",
                                          progressive=True)
    data = pictures.stripped(buffer.getvalue() + b"Ada")
    assert data is not None and b"Ada" not in data
    assert Image.open(io.BytesIO(data)).tobytes() == Image.open(buffer).tobytes()


@pytest.mark.parametrize("data", [b"", b"GIF89a", pictures.PNG, pictures.PNG + b"\xff" * 40,
                                  pictures.JPEG, pictures.JPEG + b"\xff\xe0\xff\xff" * 3])
def test_a_damaged_picture_is_none(data: bytes) -> None:
    assert pictures.stripped(data) is None


def test_code_stays_readable_where_somebody_is_called_max(essays: Course) -> None:
    known = redaction.Names("g1", [Member("1", "Max Tanh", "g1")], given=["max_length = max(3, 4)"])
    code = "best = max(x, max_length)  # max says so\nMax = 'Tanh'\ntanh_max = 1"
    assert known.clean(code, "code") == ("best = max(x, max_length)  # [removed] says so\n"
                                         "[removed] = '[removed]'\n[removed] = 1")
    assert known.clean("maxima, modelMax", "code") == "maxima, model[removed]"
    assert known.clean("Max, `max(x)` and maximum", "markdown") == (
        "[removed], `max(x)` and maximum")


@pytest.mark.parametrize("text", [
    "the adapters adapt to Canada", "y = x@self.wq + B@B.T + q@k.mT", "2026 00010 examples",
    "from transformers import AutoModel", "group 12, grapple", "A. Lo, Kim's Plank"])
def test_what_names_nobody_stays(text: str) -> None:
    people = [Member("2026_00001", "Ada Lovelace", "1"), Member("2026_00002", "Max Planck", "1")]
    assert redaction.Names("1", people).clean(text, "code") == text


@pytest.mark.parametrize("text", [
    "Lovelace, Ada", "ada.lovelace", "AdaLovelace", "alovelace7", "lovelace_a", "A. Lovelace",
    "ÀDA", "a\u00adda love\u200blace", "Ａｄａ", "s2026_00001", "2026-00001", "Group 1",
    "max planck's", "someone@uni-x.edu", "/Users/xyz", "github.com/xyz", "hf_" + "x" * 30,
    "O’Neil", "Muñoz", "Munoz",
    "MUN\u0303OZ", "Goedel", "godel"])
def test_who_is_named_in_whatever_form_goes(text: str) -> None:
    people = [Member("2026_00001", "Ada Lovelace", "1"), Member("2026_00002", "Max Planck", "1"),
              Member("2026_00003", "Tip O'Neil Muñoz", "1"),
              Member("2026_00004", "Kurt Gödel", "1")]
    clean = redaction.Names("1", people).clean(f"by {text}.")
    assert re.fullmatch(r"by s?(/Users/|')?\[removed\]\d?('s)?\.?", clean), clean


def test_names_that_the_roster_does_not_know_go_too(essays: Course) -> None:
    notebook = written_by(essays, roster.of(essays).groups["g1"])
    notebook.cells[1].source += "- Carl Friedrich Gauss, Hypatia\n\n## What follows stays\n"
    notebook.cells.append(nbformat.v4.new_markdown_cell("thanks to gauss and hypatia"))
    hand_in(essays, "g1", notebook)
    given = hand_out(essays, seed=7)
    reviewer = next(group for group, other in given.round.reviews.items() if other == "g1")
    found = given.files[reviewer].read_text()
    assert not re.search("gauss|hypatia|carl", found, re.I)
    assert "What follows stays" in found


def test_only_comment_cells_can_be_edited(essays: Course) -> None:
    notebook = got(hand_out(essays, seed=7), "g1")
    editable = [cell for cell in notebook.cells if cell.metadata.editable]
    assert [CELLS.marked(cell.source) for cell in editable] == [[one] for one in SUBTASKS]
    assert not any(cell.metadata.deletable for cell in notebook.cells)
    assert all(set(cell.metadata) <= {"editable", "deletable", "crossfeedback"}
               for cell in notebook.cells)


def test_what_only_staff_may_read_is_not_handed_out(read_only: Course) -> None:
    members = roster.of(read_only).groups["g1"]
    notebook = written_by(read_only, members)
    notebook.cells.append(grading_context._text("**Rubric, for staff only**"))
    asked = CommentedExercise(read_only.exercise("toy"), essay_notebook(read_only),
                              tuple(SUBTASKS))
    assert "staff" not in nbformat.writes(anonymous(notebook, asked, "g1", members, "A", "1"))


def test_lost_comment_cells_come_back_where_they_belong(essays: Course) -> None:
    notebook = written_by(essays, roster.of(essays).groups["g1"])
    notebook.cells = [cell for cell in notebook.cells if not CELLS.marked(cell.source)]
    hand_in(essays, "g1", notebook)
    given = hand_out(essays, seed=7)
    reviewer = next(group for group, other in given.round.reviews.items() if other == "g1")
    sources = [cell.source for cell in got(given, reviewer).cells]
    at = next(index for index, text in enumerate(sources) if "Comments on 2.3" in text)
    assert sources[at - 1] == "The answer of [removed] to 2.3"
    assert "## 2.4" in sources[at + 1]


def test_what_a_group_wrote_into_a_comment_cell_is_not_lost(essays: Course) -> None:
    notebook = written_by(essays, roster.of(essays).groups["g1"])
    cell = next(cell for cell in notebook.cells if cell.id == "comment_1_1")
    cell.source = cell.source.replace("*(leave", "Our proof stands here.\n\n*(leave")
    hand_in(essays, "g1", notebook)
    given = hand_out(essays, seed=7)
    reviewer = next(group for group, other in given.round.reviews.items() if other == "g1")
    sources = [cell.source for cell in got(given, reviewer).cells]
    at = sources.index("Our proof stands here.")
    assert CELLS.empty("1.1") in sources and sources[at + 1] == CELLS.empty("1.1")
