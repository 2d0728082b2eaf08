"""Pictures in answers are decoded and written anew; what cannot be is a sentence."""

from __future__ import annotations

import base64
import io
import time
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autograder.course import Course
from autograder.desk import content, pictures, state
from autograder.desk.content import PLACE, Shown, show
from autograder.desk.pictures import LARGEST, SVG, TYPES, Pasted
from autograder.gradebook import sanitize
from desk.web import a_desk


def written(picture: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def pasted(data: bytes, kind: str = "image/png") -> Pasted:
    return Pasted(kind, base64.b64encode(data).decode())


def opened(one: Pasted) -> Image.Image:
    found = one.redrawn()
    return Image.open(io.BytesIO(found.data), formats=[TYPES[found.kind]])


PIXELS = written(Image.linear_gradient("L"), "PNG")


@pytest.mark.parametrize(("mode", "form"), [
    ("RGB", "PNG"), ("RGBA", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("I;16", "PNG"),
    ("RGB", "JPEG"), ("L", "JPEG"), ("CMYK", "JPEG"), ("P", "GIF"), ("RGBA", "WEBP")])
def test_a_picture_is_written_anew_with_its_type(mode: str, form: str) -> None:
    one = pasted(written(Image.new(mode, (30, 20)), form), f"image/{form.lower()}")
    assert one.problem == ""
    assert opened(one).size == (30, 20)
    assert one.redrawn().kind == ("image/jpeg" if form == "JPEG" else "image/png")


def test_what_is_transparent_stays_so() -> None:
    assert opened(pasted(written(Image.new("RGBA", (2, 2), (9, 9, 9, 0)), "PNG"))).getpixel(
        (0, 0)) == (9, 9, 9, 0)


def test_a_photo_is_upright_and_no_larger_than_is_read_and_tells_nothing_else() -> None:
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned
    exif[315] = "Ada Lovelace"
    photo = written(Image.new("RGB", (4000, 3000)), "JPEG", exif=exif, comment=b"Ada Lovelace")
    shown = pasted(photo, "image/jpeg").redrawn()
    assert b"Ada" in photo and b"Ada" not in shown.data
    assert Image.open(io.BytesIO(shown.data)).size == (1200, 1600)


def test_what_stands_behind_the_pixels_is_gone() -> None:
    assert b"<script>" not in pasted(PIXELS + b"<script>alert(1)</script>").redrawn().data


@pytest.mark.parametrize(("one", "says"), [
    (pasted(b"\x89PNG\r\n\x1a\n" + b"\0" * 40), "cannot be decoded"),
    (pasted(b"<svg onload=alert(1)>"), "cannot be decoded"),
    (pasted(PIXELS, "image/jpeg"), "cannot be decoded"), (pasted(b""), "cannot be decoded"),
    (Pasted("image/png", "?"), "cannot be decoded"),
    (Pasted("image/png", "A"), "cannot be decoded"),
    (pasted(b"<script>", "text/html"), "is none, but text/html"),
    (pasted(b"BM", "image/bmp"), "is none, but image/bmp"),
    (pasted(b"<html>", SVG), "is said to be a drawing, and is none"),
    (pasted(b"x" * (LARGEST + 9)), "is larger than 8 MB"),
    (pasted(written(Image.new("1", (7000, 7000)), "PNG")), "has 7,000 x 7,000 pixels")])
def test_what_is_no_picture_is_a_sentence(one: Pasted, says: str) -> None:
    assert one.problem.startswith(says)
    drawn = one.redrawn()
    assert drawn.kind == SVG and f"(a picture that {says}" in drawn.data.decode()


def test_what_breaks_off_is_a_sentence_where_it_is_drawn() -> None:
    for data, kind in ((PIXELS[:-40], "image/png"),
                       (written(Image.effect_noise((500, 500), 9), "JPEG")[:5000], "image/jpeg")):
        assert "(a picture that cannot be decoded)" in pasted(data, kind).redrawn().data.decode()


@given(st.binary(max_size=200), st.sampled_from([*TYPES]), st.integers(0, len(PIXELS)))
def test_whatever_is_pasted_is_a_picture_or_a_sentence(junk: bytes, kind: str, at: int) -> None:
    for data in (junk, PIXELS[:at] + junk + PIXELS[at + len(junk):]):
        one = pasted(data, kind)
        assert one.redrawn().kind in (SVG, "image/png", "image/jpeg")
        assert isinstance(one.problem, str)


# ------------------------------------------------------------------------------------- in an answer


def forms(data: bytes, kind: str = "image/png") -> dict[str, str]:
    return {kind: base64.b64encode(data).decode()}


def test_a_picture_has_one_address_however_often_it_is_shown() -> None:
    shown = show("![one](attachment:a%20b.png) ![two](attachment:a%20b.png) "
                 "<img src='attachment:c.png' width=50>",
                 {"a b.png": forms(PIXELS), "c.png": forms(PIXELS)})
    assert [shown.html.count(f'src="{PLACE}{number}"') for number in range(3)] == [2, 1, 0]
    assert 'alt="one"' in shown.html and 'width="50"' in shown.html
    assert [one.text for one in shown.pictures] == [forms(PIXELS)["image/png"]] * 2


def test_a_picture_that_cannot_be_shown_is_a_sentence_in_its_place() -> None:
    shown = show("See ![a > b](attachment:a.png), ![](attachment:b.txt), ![](attachment:gone.png).",
                 {"a.png": forms(b"no"), "b.txt": forms(b"text", "text/plain"), "c": 3})
    assert "See <em>(a picture that cannot be decoded)</em>, " in shown.html
    assert "(the picture gone.png is missing)" in shown.html and "<img" not in shown.html


def test_a_large_picture_that_is_shown_a_thousand_times_costs_nothing() -> None:
    large = Pasted("image/png", "A" * LARGEST)
    started = time.perf_counter()
    shown = show("![](attachment:a) " * 1000, {"a": {large.kind: large.text}})
    assert shown.html.count("(a picture that cannot be decoded)") == sanitize.OFTEN
    assert shown.html.count("(the same picture again)") == 1000 - sanitize.OFTEN
    assert time.perf_counter() - started < 2


def test_of_too_many_pictures_the_first_are_shown() -> None:
    text = "".join(f"![](attachment:{number}) " for number in range(40))
    shown = show(text, {str(number): forms(PIXELS) for number in range(40)})
    assert len(shown.pictures) == shown.html.count("<img") == content.MOST_PICTURES


def test_a_name_that_a_student_writes_for_a_picture_is_the_students_own() -> None:
    name = content._name(0)
    assert show(f"![](data:image/png;base64,{name})").pictures == ()
    shown = show(f"![](data:image/png;base64,{name})", {"a": forms(PIXELS)})
    assert [one.problem for one in shown.pictures] == [""] and f"{PLACE}0" in shown.html


def test_a_full_disk_is_no_fault_of_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures.Image, "open", fail)
    with pytest.raises(OSError, match="No space"):
        _ = pasted(PIXELS).problem


def test_of_shown_answers_as_much_is_kept_as_there_is_room(desk_toy: Course,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_SHOWN", 20_000)
    monkeypatch.setattr(state, "show_answer", made := Mock(side_effect=lambda one: Shown(one)))
    with a_desk(desk_toy) as desk:
        for text in ("a" * 15_000, "b", "a" * 15_000, "c" * 15_000, "a" * 15_000, "x" * 30_000):
            assert desk.shown(text).html == text  # type: ignore[arg-type]
    assert made.call_count == 5, "one was kept"
