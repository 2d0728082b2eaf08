"""A PDF's pages as pictures. The PDF comes from outside: it is opened in the sandbox only."""

from __future__ import annotations

import base64
import io
import subprocess

from PIL import Image

from autograder.kernel.isolation.bubblewrap import run_to_the_end
from autograder.kernel.isolation.policy import Limits

MAX_PAGES = 6
WIDTH = 800  # pixels: formgrader shows no more without scrolling
SECONDS = 30
LIMITS = Limits(memory=1024, processes=16, file_size=16, scratch=64, output=32, cpu=SECONDS)

# Runs in the sandbox, as text; prints a line for each page: a PNG in base64.
RENDER = f"""
import base64, io, pypdfium2
document = pypdfium2.PdfDocument("written.pdf")
for number in range(min(len(document), {MAX_PAGES})):
    page = document[number]
    scale = min({WIDTH} / page.get_width(), 2 * {WIDTH} / page.get_height())
    buffer = io.BytesIO()
    page.render(scale=scale).to_pil().convert("RGB").save(buffer, "PNG", optimize=True)
    print(base64.b64encode(buffer.getvalue()).decode(), flush=True)
"""


class PageError(ValueError):
    """The PDF cannot be shown; the message is a sentence for the TA."""


def pages(pdf: bytes) -> list[bytes]:
    """The first pages of a PDF, each a PNG.

    Raises PageError where it is damaged, protected, or too much to draw.
    """
    try:
        done = run_to_the_end(RENDER, {"written.pdf": pdf}, LIMITS, SECONDS)
    except subprocess.TimeoutExpired:
        raise PageError(f"it takes more than {SECONDS} s to draw") from None
    if done.returncode != 0 or not done.stdout:
        raise PageError("it is damaged, or protected by a password")
    return [_redrawn(line) for line in done.stdout.splitlines()[:MAX_PAGES]]


def _redrawn(line: bytes) -> bytes:
    """A picture as Pillow writes it itself: nothing but pixels leaves the sandbox."""
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(line)), formats=["PNG"])
        if picture.width > 2 * WIDTH or picture.height > 3 * WIDTH:
            raise PageError("its pages are too large to be shown")
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "PNG")
    except (OSError, ValueError, SyntaxError) as error:
        raise PageError(f"its pages cannot be shown ({type(error).__name__})") from None
    return buffer.getvalue()
