"""The written part: taken in, compiled by a real TeX, and shown to the TA beside the rubric."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pypdfium2
import pytest
from conftest import REPO, Toy
from PIL import Image

from autograder.cells import STAFF_TAG, is_staff
from autograder.course import Course
from autograder.grading import grading_context
from autograder.grading.pdf import MAX_PAGES, PageError, pages
from autograder.intake.owners import Owned
from autograder.intake.platforms.upload import Upload
from autograder.intake.written import WRITTEN, take_written
from autograder.judge.work import Work
from autograder.samples import _written as a_pdf

STUDENT = "2026_00001"
NAME = "{id}_written.pdf"
TEMPLATE = REPO / "written" / "2000_00000_written.tex"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of uploads and a submission's folder."""
    (tmp_path / "uploads").mkdir()
    (tmp_path / "submission").mkdir()
    return tmp_path / "uploads", tmp_path / "submission"


def take(folders: tuple[Path, Path], **files: bytes) -> tuple[list[str], list[str], bytes | None]:
    """Take the student's PDF in from files by name; return violations, remarks, what was kept."""
    uploads, submission = folders
    for name, data in files.items():
        (uploads / name).write_bytes(data)
    remarks: list[str] = []
    found = [Owned(Upload.plain(path)) for path in uploads.iterdir()]
    violations = take_written(found, STUDENT, NAME, submission, remarks)
    kept = submission / WRITTEN
    return violations, remarks, kept.read_bytes() if kept.exists() else None


def test_a_pdf_of_the_right_name_is_taken(folders: tuple[Path, Path]) -> None:
    assert take(folders, **{f"{STUDENT}_written.pdf": b"%PDF-1.5 x"}) == ([], [], b"%PDF-1.5 x")


def test_a_pdf_of_another_name_is_taken_and_told(folders: tuple[Path, Path]) -> None:
    violations, _, kept = take(folders, **{f"report {STUDENT}.PDF": b"%PDF-1.5 x"})
    assert violations == [f"the written part came as report {STUDENT}.PDF, expected "
                          f"{STUDENT}_written.pdf"]
    assert kept == b"%PDF-1.5 x"


def test_no_pdf_breaks_no_rule(folders: tuple[Path, Path]) -> None:
    assert take(folders) == ([], [f"no written part ({STUDENT}_written.pdf)"], None)


def test_what_is_no_pdf_is_not_kept(folders: tuple[Path, Path]) -> None:
    violations, _, kept = take(folders, **{f"{STUDENT}_written.pdf": b"PK a document"})
    assert violations == [f"the written part cannot be read: {STUDENT}_written.pdf is no PDF"]
    assert kept is None


def test_nobody_gets_anothers_pdf(folders: tuple[Path, Path]) -> None:
    assert take(folders, **{"2026_000011_written.pdf": b"%PDF-", "12026_00001.pdf": b"%PDF-"}
                )[2] is None


def test_an_older_pdf_does_not_stay(folders: tuple[Path, Path]) -> None:
    take(folders, **{f"{STUDENT}_written.pdf": b"%PDF-1.5 x"})
    (folders[0] / f"{STUDENT}_written.pdf").unlink()
    assert take(folders)[2] is None


# ---------------------------------------------------------------------------- pages, in the sandbox


@pytest.mark.sandbox
def test_pages_are_pictures_wide_enough_to_read() -> None:
    (page,) = pages(a_pdf("Both curves fall."))
    picture = Image.open(io.BytesIO(page))
    assert picture.width == 800
    assert len(picture.convert("L").getcolors(1 << 16) or []) > 10  # there is something on it


@pytest.mark.sandbox
def test_a_long_pdf_is_shown_in_part() -> None:
    document = pypdfium2.PdfDocument.new()
    for _ in range(MAX_PAGES + 3):
        document.new_page(200, 300)
    buffer = io.BytesIO()
    document.save(buffer)
    assert len(pages(buffer.getvalue())) == MAX_PAGES


@pytest.mark.sandbox
@pytest.mark.parametrize("pdf", [b"%PDF-1.7 and nothing more", b""], ids=["damaged", "empty"])
def test_a_pdf_that_cannot_be_opened_is_a_sentence(pdf: bytes) -> None:
    with pytest.raises(PageError, match="damaged"):
        pages(pdf)


@pytest.mark.sandbox
def test_a_page_as_large_as_a_field_stays_small() -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(14_000, 14_000)
    document.new_page(1, 14_000)
    buffer = io.BytesIO()
    document.save(buffer)
    for page in pages(buffer.getvalue()):
        assert max(Image.open(io.BytesIO(page)).size) <= 1600


# ------------------------------------------------------------------------------- beside the rubric

RUBRIC = '''
# %% [markdown] written="toy_why" points=2
# Why?
#
# ### BEGIN SOLUTION
# One point for each *reason*.
# ### END SOLUTION

# %% [markdown] written="toy_how" points=1
# How?
'''


@pytest.fixture
def toy_by_hand(tmp_path: Path) -> Course:
    toy = Toy()
    toy.source["toy.py"] += RUBRIC
    course = toy.write(tmp_path)
    (course.exercise("toy").folder / "beside.py").write_text(
        "def beside(work):\n    return [(f'{work.exercise}: curves', b'png')]\n")
    return course


def shown(course: Course, files: dict[str, bytes], tags: tuple[str, ...] = ()) -> list[str]:
    """The sources of the cells that follow the answers, the student's cell with `tags` left out."""
    from autograder.exercise.source import read_notebook

    notebook = read_notebook(course.exercise("toy"))
    own = nbformat.v4.new_markdown_cell("the student's own", metadata={"tags": list(tags)})
    notebook.cells.append(own)
    grading_context.insert(notebook, course, Work("toy", notebook, files))
    assert not is_staff(own)
    return [cell.source for cell in notebook.cells if is_staff(cell)]


def test_rubric_and_pictures_stand_beside_the_first_answer(toy_by_hand: Course) -> None:
    rubric, curves = shown(toy_by_hand, {})
    assert rubric == grading_context.RUBRIC.format("One point for each *reason*.")
    assert curves.startswith("**toy: curves**")


def test_no_student_can_pass_for_staff(toy_by_hand: Course) -> None:
    assert len(shown(toy_by_hand, {}, (STAFF_TAG,))) == 2


@pytest.mark.sandbox
def test_the_written_parts_pages_are_shown(toy_by_hand: Course) -> None:
    *_, page = shown(toy_by_hand, {WRITTEN: a_pdf("My answer")})
    assert page.startswith("**The written part, page 1**")
    assert "(data:image/png;base64," in page


@pytest.mark.sandbox
def test_a_written_part_that_cannot_be_shown_is_a_sentence(toy_by_hand: Course) -> None:
    *_, says = shown(toy_by_hand, {WRITTEN: b"%PDF-1.7 broken"})
    assert "cannot be shown here: it is damaged" in says


# ----------------------------------------------------------------------------------- a real TeX


@pytest.fixture(scope="module")
def compile_tex(tmp_path_factory: pytest.TempPathFactory):
    """Compile a text with pdflatex; return the PDF."""

    def compile_tex(text: str, figure: bool = False) -> bytes:
        folder = tmp_path_factory.mktemp("tex")
        (folder / "2026_00001_written.tex").write_text(text)
        if figure:
            Image.new("RGB", (300, 200), "white").save(folder / "losses.png")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "2026_00001_written.tex"],
            cwd=folder, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        assert done.returncode == 0, done.stdout[-2000:]
        return (folder / "2026_00001_written.pdf").read_bytes()

    assert shutil.which("pdflatex"), "no TeX here: apt-get install texlive-latex-base"
    return compile_tex


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_bounded() for page in document)


@pytest.mark.tex
def test_the_template_compiles_as_it_is(compile_tex) -> None:
    text = text_of(compile_tex(TEMPLATE.read_text()))
    assert all(words in text for words in (
        "Honour pledge", "Name:", "Put losses.png beside this", "6 points", "4 points"))


@pytest.mark.tex
def test_a_filled_template_holds_the_figure_and_the_answer(compile_tex) -> None:
    text = TEMPLATE.read_text().replace("Your answer, about ten lines.", "Both losses fell.")
    text = text.replace(r"2000\_00000", r"2026\_00001")
    found = text_of(compile_tex(text, figure=True))
    assert "Both losses fell." in found and "2026 00001" in found
    assert "losses.png" not in found


@pytest.mark.tex
@pytest.mark.sandbox
def test_the_compiled_template_can_be_shown(compile_tex) -> None:
    assert len(pages(compile_tex(TEMPLATE.read_text()))) == 1
