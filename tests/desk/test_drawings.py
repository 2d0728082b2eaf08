"""Drawings in answers are written anew from their shapes; what would take minutes is a sentence."""

from __future__ import annotations

import base64
import io
import time
from xml.etree import ElementTree

import matplotlib.figure
import pytest

from autograder.desk.content import show
from autograder.desk.drawings import LARGEST, DrawingError, redrawn
from autograder.desk.pictures import SVG, Pasted

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def svg(inner: str) -> bytes:
    return f"{HEAD}{inner}</svg>".encode()


def bomb(levels: int, link: str = "xlink:href") -> str:
    """Groups that use each other, ten times at each level."""
    groups = [f'<g id="a{level}">' + f'<use {link}="#a{level - 1}"/>' * 10 + "</g>"
              for level in range(1, levels + 1)]
    return (f'<defs><rect id="a0" width="9" height="9"/>{"".join(groups)}</defs>'
            f'<use {link}="#a{levels}"/>')


def test_a_drawing_keeps_its_shapes_and_its_words() -> None:
    figure = matplotlib.figure.Figure()
    axes = figure.subplots()
    axes.plot([1, 3, 2], "--o", label="loss of Schlömer's model")
    axes.legend()
    axes.grid(linestyle=":")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    before, after = (ElementTree.fromstring(one)
                     for one in (buffer.getvalue(), redrawn(buffer.getvalue())))
    for name in ("path", "use", "g", "clipPath", "style"):
        tag = f"{{http://www.w3.org/2000/svg}}{name}"
        assert len(list(after.iter(tag))) == len(list(before.iter(tag))) > 0
    assert after.get("viewBox") == before.get("viewBox")


@pytest.mark.parametrize("inner", [
    "<script>alert(1)</script>", '<rect onload="alert(1)" onClick="x"/>',
    '<image href="http://evil.example/x"/>', '<image href="data:image/png;base64,AAAA"/>',
    '<use href="http://evil.example/x#y"/>', '<use xlink:href="data:image/svg+xml,x#y"/>',
    "<foreignObject><p>alert</p></foreignObject>", '<a href="javascript:alert(1)"><text/></a>',
    "<style>@import 'http://evil.example'</style>", "<style>*{fill:url(http://evil.example)}</style>",
    r"<style>*{fill:u\72l(http://evil.example)}</style>", '<rect style="filter:blur(9px)"/>',
    '<filter id="f"><feTurbulence/></filter>', '<rect filter="url(#f)" mask="url(#m)"/>',
    '<rect style="fill:url(http://evil.example)"/>', '<rect fill="image-set(x)"/>',
    '<animate attributeName="x"/>', '<set attributeName="href" to="javascript:alert(1)"/>',
    '<rect style="animation:x 1s infinite"/>', '<x:script xmlns:x="http://www.w3.org/1999/xhtml"/>',
    "<?xml-stylesheet href='http://evil.example'?>", "<!-- evil.example -->"])
def test_what_runs_fetches_moves_or_filters_is_left_out(inner: str) -> None:
    after = redrawn(svg(f"{inner}<text>Here</text>")).decode()
    assert "<text>Here</text>" in after
    for word in ("script", "alert", "evil", "image", "onload", "onClick", "filter", "mask", "anim",
                 "data:", "foreign", "feTurb", "xhtml", "<set"):
        assert word not in after


@pytest.mark.parametrize("inner", [
    bomb(5), bomb(40), bomb(5, "href"), bomb(2).replace("#a1", "#a2"),
    "".join(f'<g id="a{one}"><use href="#a{one + 1}"/></g>' for one in range(3000)),
    "<g>" * 5000 + "</g>" * 5000,
    '<marker id="m">' + "<path/>" * 99 + '</marker><path marker-mid="url(#m)" d="'
    + "L1 1" * 2000 + '"/>',
    '<marker id="m">' + "<path/>" * 99 + '</marker><path style="marker:url(#m)" points="'
    + "1,1 " * 2000 + '"/>',
    '<rect stroke-dasharray="0.001"/>' * 300, "<rect/>" * 50_000, "<script/>" * 200_000])
def test_what_a_browser_would_draw_for_minutes_is_refused_at_once(inner: str) -> None:
    started = time.perf_counter()
    try:
        after = redrawn(svg(inner))
    except DrawingError:
        after = b""
    assert time.perf_counter() - started < 2 and len(after) < 200


@pytest.mark.parametrize("data", [
    b"", b"<html/>", b"<svg>", b"<svg/>", b"\xff\xfe<", "<svg/>".encode("utf-16"),
    b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + svg("<text>&b;</text>"),
    svg("<rect/>" * (LARGEST // 7))])
def test_what_is_no_drawing_is_a_sentence(data: bytes) -> None:
    problem = Pasted(SVG, base64.b64encode(data).decode()).problem
    assert problem.startswith(("is a drawing", "is said to be a drawing"))


def test_an_answer_says_which_drawing_is_not_shown() -> None:
    data = base64.b64encode(svg(bomb(9))).decode()
    assert "(a picture that is a drawing with too much in it)" in show(
        "See ![a](attachment:a.svg).", {"a.svg": {SVG: data}}).html
