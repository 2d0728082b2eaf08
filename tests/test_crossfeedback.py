"""Cross-feedback: a round over seven groups, from handing out to the merged feedback page."""

from __future__ import annotations

import base64
import copy
import csv
import functools
import io
import json
import os
import re
import shutil
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import bs4
import nbformat
import pytest
from conftest import Toy
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner

from autograder import roster
from autograder.course import Course, CourseError, Exercise
from autograder.crossfeedback import handout, marks, merge, names, pictures, report, rounds
from autograder.crossfeedback.anonymise import anonymous
from autograder.crossfeedback.cli import app
from autograder.crossfeedback.collect import collect, returns
from autograder.gradebook import beside
from autograder.release import source
from autograder.roster import Member, Roster

SUBTASKS = [f"{task}.{number}" for task in (1, 2, 3) for number in (1, 2, 3, 4)]
PEOPLE = """\
id,name,group
2026_00001,Ada Lovelace,g1
2026_00002,Max Planck,g1
2026_00003,Kurt Gödel,g2
2026_00004,Emmy Noether,g3
2026_00005,Sofja Kowalewskaja,g3
2026_00006,Évariste Galois,g4
2026_00007,Paul Erdős,g5
2026_00008,华罗庚,g6
2026_00009,Niels Abel,g7
"""
ABSENT = "g7"  # handed in nothing
LEAKS = re.compile(r"ada\b|lovelace|planck|g.?odel|goedel|noether|kowalew|evariste|galois|erdos"
                   r"|华罗庚|2026.?0000\d|@|home/(?!\[removed)", re.I)


def comment_cells(number: str) -> str:
    return (f'# %% [markdown] name="comment_{number.replace(".", "_")}"\n'
            f"# ⟶ **Comments on {number}**, written by another group:\n#\n"
            "# *(leave this cell as it is)*\n#\n"
            f"# ⟵ **End of the comments on {number}**\n\n")


def essay() -> str:
    """A notebook of twelve subtasks, in a course's percent text."""
    text = ('# %% [markdown]\n# # An essay (12 points)\n\n# %% [markdown] name="members"\n'
            "# **Members of the group** (full names, one on each line):\n#\n# -\n\n")
    for number in SUBTASKS:
        part = f"toy_{number.replace('.', '_')}"
        text += (f"# %% [markdown]\n# ## {number} What is the max of softmax?\n\n"
                 f'# %% [markdown] written="{part}" points=1\n# ### BEGIN SOLUTION\n'
                 f"# Rubric of {number}: one point.\n# ### END SOLUTION\n\n{comment_cells(number)}")
    return text + "# %%\nmax_length = max(3, 4)\n"


@pytest.fixture
def essays(tmp_path: Path) -> Course:
    """A course of seven groups, six of which handed in their essay."""
    return seven_groups(tmp_path)


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The same with a round that was drawn. Read it, do not write to it."""
    course = seven_groups(tmp_path_factory.mktemp("round"))
    hand_out(course, seed=7)
    return course


@pytest.fixture
def sent(handed_out: Course, tmp_path: Path) -> Course:
    """A copy of that, to be written to."""
    shutil.copytree(handed_out.root, tmp_path / "sent")
    return Course.load(tmp_path / "sent", handed_out.exercises_folder)


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return seven_groups(tmp_path_factory.mktemp("essays"))


def seven_groups(tmp_path: Path) -> Course:
    settings = re.sub(r"max_points = 10\nstudent_files.*\n", "max_points = 12\n", Toy().course)
    toy = Toy(course=settings.replace('id = "toys"', 'id = "toys"\nroster = "roster.csv"'),
              source={"toy.py": essay()}, hidden_tests="", misconceptions="", variants="")
    course = toy.write(tmp_path)
    (course.root / "roster.csv").write_text(PEOPLE, encoding="utf-8")
    for group, members in roster.of(course).groups.items():
        if group != ABSENT:
            hand_in(course, group, written_by(course, members))
    return course


@functools.cache
def _read(text: str) -> NotebookNode:
    return source.read_notebook(Exercise("toy", Path("toy")), text)


def essay_notebook(course: Course) -> NotebookNode:
    """The source, read once for all tests."""
    return _read(course.exercise("toy").notebook.read_text())


def written_by(course: Course, members: list[Member]) -> NotebookNode:
    """The essay as a group saves it on Colab: with its names, and answers in all cells."""
    notebook = copy.deepcopy(essay_notebook(course))
    for cell in notebook.cells:
        if cell.id == "members":
            cell.source = cell.source.rstrip("-") + "".join(f"- {one.name}\n" for one in members)
        elif source.by_hand(cell):
            cell.source = f"The answer of {members[0].name} to {cell.id[4:].replace('_', '.')}"
        cell.metadata.update({"id": "aBc", "colab": {"base_uri": "x", "user": members[0].name}})
    notebook.metadata["colab"] = {"authorship_tag": "ABX9", "provenance": [members[0].id]}
    return notebook


def hand_in(course: Course, group: str, notebook: NotebookNode) -> Path:
    path = course.submitted / group / "toy" / "toy.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def hand_out(course: Course, **options: Any) -> handout.HandedOut:
    return handout.assign(course, "toy", roster.of(course), **options)


def sent_out(course: Course) -> handout.HandedOut:
    """What was handed out in a course that has a round."""
    drawn = rounds.load(course, "toy")
    out = rounds.folder(course, "toy") / "out"
    files = {group: next((out / group).iterdir()) for group in drawn.reviews}
    return handout.HandedOut(drawn, files, (ABSENT,))


def got(given: handout.HandedOut, reviewer: str) -> NotebookNode:
    return nbformat.read(given.files[reviewer], as_version=4)


def commented(given: handout.HandedOut, reviewer: str, **comments: str) -> NotebookNode:
    """What a group sends back: `_1_1="..."` is its comment on 1.1."""
    notebook = got(given, reviewer)
    for name, text in comments.items():
        cell = next(cell for cell in notebook.cells if cell.id == f"comment{name}")
        cell.source = cell.source.replace(marks.HINT, text)
    return notebook


def send(folder: Path, name: str, notebook: NotebookNode, time: int = 1_700_000_000) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    os.utime(path, (time, time))
    return path


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


# ------------------------------------------------------------------------------- who reviews whom


@pytest.mark.parametrize("count", [2, 3, 6, 7, 30])
def test_everybody_reviews_another_and_no_two_each_other(count: int) -> None:
    groups = [f"g{number}" for number in range(count)]
    for seed in range(20):
        drawn = rounds.draw("hw", groups, seed)
        assert sorted(drawn.reviews) == sorted(drawn.reviews.values()) == sorted(groups)
        assert all(reviewer != reviewed for reviewer, reviewed in drawn.reviews.items())
        at, seen = groups[0], []
        while at not in seen:
            seen.append(at)
            at = drawn.reviews[at]
        assert len(seen) == count  # one cycle


def test_a_seed_tells_pairs_and_letters_and_another_seed_others() -> None:
    groups = [f"g{number}" for number in range(7)]
    one, same, other = (rounds.draw("hw", groups, seed) for seed in (1, 1, 2))
    assert (one.reviews, one.letters) == (same.reviews, same.letters)
    assert one.reviews != other.reviews and one.letters != other.letters
    assert sorted(one.letters.values()) == list("ABCDEFG")


def test_after_z_come_two_letters() -> None:
    assert [rounds.letter(index) for index in (0, 25, 26, 51, 52, 701, 702)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


@pytest.mark.parametrize("groups", [[], ["g1"]])
def test_fewer_than_two_groups_are_a_sentence(groups: list[str]) -> None:
    with pytest.raises(CourseError, match="takes two at least"):
        rounds.draw("hw", groups, 1)


def test_those_that_handed_in_nothing_take_no_part(essays: Course) -> None:
    given = hand_out(essays, seed=7)
    assert given.absent == (ABSENT,)
    assert sorted(given.files) == ["g1", "g2", "g3", "g4", "g5", "g6"]


def test_a_notebook_as_it_was_released_is_nothing(essays: Course) -> None:
    released = essays.build / "release" / "toy" / "toy.ipynb"
    released.parent.mkdir(parents=True)
    nbformat.write(source.read_notebook(essays.exercise("toy")), released)
    hand_in(essays, ABSENT, nbformat.read(released, as_version=4))
    assert hand_out(essays, seed=7).absent == (ABSENT,)


def test_handing_out_twice_gives_the_same_bytes(essays: Course) -> None:
    first = {group: path.read_bytes() for group, path in hand_out(essays, seed=7).files.items()}
    assert {g: p.read_bytes() for g, p in hand_out(essays).files.items()} == first


def test_a_round_does_not_change_unless_asked_to(essays: Course, tmp_path: Path) -> None:
    given = hand_out(essays, seed=7)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1="Good."))
    collect(essays, "toy", tmp_path / "in")
    with pytest.raises(CourseError, match="seed 7, not 8"):
        hand_out(essays, seed=8)
    hand_in(essays, ABSENT, written_by(essays, roster.of(essays).groups[ABSENT]))
    with pytest.raises(CourseError, match=r"g7 handed in since.*--again"):
        hand_out(essays)
    assert len(hand_out(essays, again=True).files) == 7
    assert returns(essays, "toy") == {}
    kept = rounds.folder(essays, "toy") / "earlier" / "1" / "comments.json"
    assert "Good." in kept.read_text()
    (row,) = collect(essays, "toy", tmp_path / "in")
    assert "earlier round" in row.problem


def test_an_assignment_without_comment_cells_is_a_sentence(toy: Course) -> None:
    with pytest.raises(CourseError, match="no comment cells"):
        handout.assign(toy, "toy", Roster((Member("1", "A", "g"), Member("2", "B", "h"))))


# -------------------------------------------------------------------------- what is handed out


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
    asked = marks.Asked(read_only.exercise("toy"), essay_notebook(read_only), tuple(SUBTASKS))
    given = anonymous(leaking, asked, "g1", members, "A", "1")
    found = readable(nbformat.writes(given).encode())
    assert not LEAKS.search(found), LEAKS.search(found)
    assert "attachment:ada" not in found.lower()


def test_outputs_of_any_size_are_cut_and_told(read_only: Course) -> None:
    members = roster.of(read_only).groups["g1"]
    notebook = written_by(read_only, members)
    one = nbformat.v4.new_output("stream", text="Ada\x1b[0m " * 6_000)
    notebook.cells.append(nbformat.v4.new_code_cell("1", outputs=[one] * 42))
    asked = marks.Asked(read_only.exercise("toy"), essay_notebook(read_only), tuple(SUBTASKS))
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
    known = names.Names("g1", [Member("1", "Max Tanh", "g1")], given=["max_length = max(3, 4)"])
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
    assert names.Names("1", people).clean(text, "code") == text


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
    clean = names.Names("1", people).clean(f"by {text}.")
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
    assert [marks.marked(cell.source) for cell in editable] == [[one] for one in SUBTASKS]
    assert not any(cell.metadata.deletable for cell in notebook.cells)
    assert all(set(cell.metadata) <= {"editable", "deletable", "crossfeedback"}
               for cell in notebook.cells)


def test_what_only_staff_may_read_is_not_handed_out(read_only: Course) -> None:
    members = roster.of(read_only).groups["g1"]
    notebook = written_by(read_only, members)
    notebook.cells.append(beside._text("**Rubric, for staff only**"))
    asked = marks.Asked(read_only.exercise("toy"), essay_notebook(read_only), tuple(SUBTASKS))
    assert "staff" not in nbformat.writes(anonymous(notebook, asked, "g1", members, "A", "1"))


def test_lost_comment_cells_come_back_where_they_belong(essays: Course) -> None:
    notebook = written_by(essays, roster.of(essays).groups["g1"])
    notebook.cells = [cell for cell in notebook.cells if not marks.marked(cell.source)]
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
    assert marks.comment_cell("1.1") in sources and sources[at + 1] == marks.comment_cell("1.1")


# --------------------------------------------------------------------------------- what comes back


def test_comments_are_known_by_the_token_whatever_the_file_is_called(
        sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "in", "x/our work.ipynb", commented(given, "g1", _1_1="Good.", _3_4="1 < 2"))
    with zipfile.ZipFile(tmp_path / "in" / "all.zip", "w") as archive:
        archive.writestr("a/b.ipynb", nbformat.writes(commented(given, "g2", _2_1="Why?")))
    found = {row.reviewer: row.comments for row in collect(sent, "toy", tmp_path / "in")}
    assert found == {"g1": {"1.1": "Good.", "3.4": "1 < 2"}, "g2": {"2.1": "Why?"}}


def without_metadata(notebook: NotebookNode) -> NotebookNode:
    notebook.metadata = nbformat.from_dict({})
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.from_dict({}), f"x{number}"
    return notebook


@pytest.mark.parametrize(("name", "known"), [
    ("toy-group-{letter} (1).ipynb", True), ("Copy of toy_group_{letter}_done.ipynb", True),
    ("g1/whatever.ipynb", True), ("whatever.ipynb", False), ("toy-group-Q.ipynb", False),
    ("toy-groups.ipynb", False), ("g2/toy-group-{letter}.ipynb", False)])
def test_without_metadata_the_name_tells_or_nobody_does(
        sent: Course, tmp_path: Path, name: str, known: bool) -> None:
    given = sent_out(sent)
    letter = given.round.letters[given.round.reviews["g1"]]
    send(tmp_path / "in", name.format(letter=letter),
         without_metadata(commented(given, "g1", _1_1="Good.")))
    (row,) = collect(sent, "toy", tmp_path / "in")
    assert row.reviewer == ("g1" if known else "")
    assert row.problem if not known else row.comments == {"1.1": "Good."}


@pytest.mark.parametrize(("text", "comment"), [
    ("⟶ **Comments on 2.1**, by your group: between this line and the last\r\n\r\nWell done.\r\n"
     "\r\n⟵ **End of the comments on 2.1**", "Well done."),
    ("→ __Comments on 2.1__\nWell done.\n<- __End of the comments on 2.1__", "Well done."),
    ("> ⟶ Comments on 2.1, written by another group: Well done.\n⟵ End of the comments on 2.1",
     "Well done."),
    ("⟶ **Comments on 2.1**\nWell\n⟵ **End of the comments on 2.1**\ndone.", "Well\n\ndone."),
    ("⟶ **Comments on 2.1**\nWell done.", "Well done."),
    (f"⟶ **Comments on 2.1**\n{marks.HINT}\nWell done.\n⟵ **End of the comments on 2.1**",
     "Well done."),
    (f"⟶ **Comments on 2.1**\n{marks.HINT}\n⟵ **End of the comments on 2.1**", None),
    ("⟶ **Comments on 2.1**\n--- ...\n⟵ **End of the comments on 2.1**", None),
    ("⟶ **Comments on 2.10**\nWell done.\n⟵ **End of the comments on 2.10**", None),
])
def test_marks_are_read_whatever_an_editor_did_to_them(text: str, comment: str | None) -> None:
    comments, _ = marks.merged([marks.read(text)])
    assert comments.get("2.1") == comment


def test_two_subtasks_in_one_cell_stay_apart() -> None:
    text = "\n".join(marks.comment_cell(one).replace(marks.HINT, f"on {one}") for one in SUBTASKS)
    assert marks.read(text).comments == {one: f"on {one}" for one in SUBTASKS}


def test_changes_outside_the_comments_are_told_and_ignored(sent: Course, tmp_path: Path) -> None:
    notebook = commented(sent_out(sent), "g1", _1_1="Good.")
    notebook.cells[0].source = "# Our title"
    del notebook.cells[2]
    send(tmp_path / "in", "a.ipynb", notebook)
    (row,) = collect(sent, "toy", tmp_path / "in")
    assert row.remarks == ("cells outside the comments: 1 changed, 1 removed; ignored",)
    assert row.comments == {"1.1": "Good."}


def test_the_newest_counts_unless_it_is_empty(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "in", "b.ipynb", commented(given, "g1", _1_1="First."), 1_700_000_000)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_2="Second."), 1_700_000_100)
    for _ in range(2):
        (row,) = collect(sent, "toy", tmp_path / "in")
        assert row.comments == {"1.2": "Second."}
        assert row.remarks == ("b.ipynb is from the same group and older: it does not count",)
    send(tmp_path / "late", "c.ipynb", got(given, "g1"), 1_700_000_200)
    (row,) = collect(sent, "toy", tmp_path / "late")
    assert row.comments == {"1.2": "Second."} and "c.ipynb is newer" in row.remarks[-1]


def test_a_late_return_joins_the_others(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "one", "a.ipynb", commented(given, "g1", _1_1="Good."))
    send(tmp_path / "two", "a.ipynb", commented(given, "g2", _1_1="Late."))
    collect(sent, "toy", tmp_path / "one")
    collect(sent, "toy", tmp_path / "two")
    assert set(returns(sent, "toy")) == {"g1", "g2"}


DAMAGED = [
    b"", b"{", b"[]", b"{}", b'{"cells": 1}', b'{"cells": [{"source": 3}]}', b"\xff\xfe",
    b'{"cells": [], "metadata": 3}', b'{"cells": [], "metadata": {"crossfeedback": {"token": []}}}',
    b"[" * 100_000]


def test_what_cannot_be_read_is_a_row(sent: Course, tmp_path: Path) -> None:
    sent_out(sent)
    (tmp_path / "in").mkdir()
    for number, data in enumerate(DAMAGED):
        for ending in ("ipynb", "zip", "pdf"):
            (tmp_path / "in" / f"{number}.{ending}").write_bytes(data)
    rows = collect(sent, "toy", tmp_path / "in")
    assert len(rows) == 3 * len(DAMAGED) and all(row.problem for row in rows)


# ---------------------------------------------------------------------------- the feedback page

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)> </pre></div>
[click](javascript:alert(3)) ![](https://example.org/x.png) https://example.org
$$\\href{javascript:alert(4)}{x}$$ **bold** `code` <!-- &lt;b&gt; {{ 7*7 }}

    indented, after a blank line"""


def page(notebook: NotebookNode) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(HTMLExporter().from_notebook_node(notebook)[0], "html.parser")


def graded(course: Course, group: str) -> NotebookNode:
    """The notebook that feedback is written from, with a comment of a TA."""
    notebook = nbformat.read(course.submitted / group / "toy" / "toy.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "toy_1_1")
    cell.metadata.nbgrader.update({"score": 1.0, "comment": "A TA's comment"})
    return notebook


def test_comments_stand_below_the_subtasks_they_are_on(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    reviewed = given.round.reviews["g1"]
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1="Good.", _2_3="Why?\n\nSo?"))
    collect(sent, "toy", tmp_path / "in")
    notebook = graded(sent, reviewed)
    grades = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    other = copy.deepcopy(notebook)
    merge.insert(other, sent, "toy", reviewed, exercise="another")
    assert other == notebook
    merge.insert(notebook, sent, "toy", reviewed, exercise="toy")
    assert [cell for cell in notebook.cells if "nbgrader" in cell.metadata] == grades
    nbformat.validate(notebook)
    text = page(notebook).get_text()
    order = ["2.3 What is", "to 2.3", "Comments of another group on 2.3", "Why?\n\nSo?",
             "2.4 What is", "Another group read 2.4 and left no comment"]
    assert sorted(order, key=text.index) == order
    assert "leave this cell" not in text and "g1" not in text


def test_nothing_in_a_comment_runs_loads_or_leads_anywhere(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    reviewed = given.round.reviews["g1"]
    bare = graded(sent, reviewed)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1=HOSTILE))
    collect(sent, "toy", tmp_path / "in")
    notebook = graded(sent, reviewed)
    merge.insert(notebook, sent, "toy", reviewed)
    soup, before = page(notebook), page(bare)
    (box,) = soup.find_all("div", "crossfeedback")
    assert {tag.name for tag in box.find_all(True)} == {"b", "pre"}
    assert box.pre.get_text() == HOSTILE  # as it was typed
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(box.pre["class"])
    for name in ("script", "img", "a", "style", "iframe"):
        assert len(soup.find_all(name)) == len(before.find_all(name))


def test_where_nothing_came_back_the_page_stays(essays: Course, tmp_path: Path) -> None:
    notebook = graded(essays, "g1")
    merge.insert(notebook, essays, "toy", "g1")  # before any round
    hand_out(essays, seed=7)
    merge.insert(notebook, essays, "toy", "g1")
    assert notebook == graded(essays, "g1")


def test_comments_find_their_place_where_the_cells_are_gone(
        sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    reviewed = given.round.reviews["g1"]
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _2_3="Why?"))
    collect(sent, "toy", tmp_path / "in")
    notebook = graded(sent, reviewed)
    notebook.cells = [cell for cell in notebook.cells if not marks.marked(cell.source)]
    merge.insert(notebook, sent, "toy", reviewed)
    at = next(i for i, cell in enumerate(notebook.cells) if "crossfeedback" in cell.source)
    assert notebook.cells[at - 1].id == "toy_2_3"


# ---------------------------------------------------------------------------- who took part


def test_the_report_names_whoever_has_not_taken_part(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1="Good.", _1_2="=1+1"))
    send(tmp_path / "in", "b.ipynb", commented(given, "g2", _1_1="..."))
    collect(sent, "toy", tmp_path / "in")
    found = report.rows(sent, "toy", roster.of(sent))
    assert report.missing(found) == ["g2", "g3", "g4", "g5", "g6", "g7"]
    told = {row.group: row.happened for row in found}
    assert told["g1"] == "" and told["g2"] == "came back without comments"
    assert told["g3"] == "nothing came back" and told["g7"].startswith("handed in nothing")
    report.write_csv(tmp_path / "report.csv", found)
    with open(tmp_path / "report.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["took_part"] for row in rows] == ["yes"] + ["no"] * 6
    assert (rows[0]["subtasks"], rows[0]["of"], rows[0]["characters"]) == ("2", "12", "9")
    assert rows[0]["members"] == "2026_00001 2026_00002"


def test_a_round_from_the_command_line(essays: Course, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.course.EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(Course.load.__func__, "__defaults__", (tmp_path / "exercises",))
    command = ["--course", str(essays.root)]
    runner = CliRunner()
    done = runner.invoke(app, ["assign", "toy", "--seed", "7", *command])
    assert done.exit_code == 0, done.output
    assert "g7 handed in nothing" in done.output
    drawn = rounds.load(essays, "toy")
    out = rounds.folder(essays, "toy") / "out"
    for reviewer in drawn.reviews:
        (path,) = (out / reviewer).glob("*.ipynb")
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"]).replace(marks.HINT, f"by {reviewer}")
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{reviewer}.ipynb").write_text(json.dumps(notebook))
    done = runner.invoke(app, ["collect", "toy", str(tmp_path / "in"), *command])
    assert done.exit_code == 0, done.output
    done = runner.invoke(app, ["report", "toy", *command])
    assert done.exit_code == 1 and "Not taken part: g7" in done.output
    for reviewer, reviewed in drawn.reviews.items():
        notebook = graded(essays, reviewed)
        merge.insert(notebook, essays, "toy", reviewed)
        assert page(notebook).get_text().count(f"by {reviewer}") == 12
