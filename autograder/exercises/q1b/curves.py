"""Whether a figure shows the losses that were printed. Pictures come from outside.

Of any picture it can be told that it is no chart: blank, or without a background. More only where
the notebook's own `Trainer.plot` drew it, with matplotlib's default style: a frame whose limits
follow from the losses, a blue line for training and an orange one for validation.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from nbformat import NotebookNode
from numpy.typing import NDArray
from PIL import Image

from . import recorded
from .recorded import Losses

Pixels: TypeAlias = NDArray[np.uint8]  # [height, width, RGB]
Mask: TypeAlias = NDArray[np.bool_]

MOST_PIXELS = 8_000_000  # of a picture: 24 x 16 cm with 500 dots an inch
WIDTH = 600  # of a picture as it is looked at, at least
MOST_BYTES = 20_000_000
MOST_PICTURES = 6  # the last ones are looked at
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, zlib.error, Image.DecompressionBombError)

FAINT = 48  # of 255: what differs less from the background is no mark
BACKGROUND = 0.5  # of a chart's pixels have one of its three commonest colours, at least
TRAINING, VALIDATION = (31, 119, 180), (255, 127, 14)  # matplotlib's first two colours
NEAR = 70  # how far a colour lies from a line's, where the line's edges are smoothed
DARK = 190
FRAME = 0.6  # of the picture's width and height: a dark line that is longer belongs to the frame
MARGIN = 0.05  # of the axes' limits beyond the data, by matplotlib's default
STEPS = 12  # places on a line between two epochs at which one looks
REACH = 2  # pixels by which a line may lie elsewhere
SHOWN = 0.9  # of these places, in a figure that shows the losses; some lie under the legend
GIVEN_PLOT = ('axes.plot(epochs, self.train_losses, "o-", label="training")',
              'axes.plot(epochs, self.valid_losses, "s--", label="validation")')
OWN_STYLE = re.compile(r"style|rcParams|\brc\(|seaborn|sns\.|\.set_(?:[xy]lim|[xy]scale)|semilog")


@dataclass(frozen=True)
class Frame:
    """Where the axes lie in a picture, in pixels."""

    left: int
    right: int
    top: int
    bottom: int


def decoded(png: bytes) -> Pixels | None:
    """The picture on white; None where it is damaged. Raises TooLarge before it decodes much."""
    if len(png) > MOST_BYTES:
        raise TooLarge
    try:
        picture = Image.open(io.BytesIO(png), formats=["PNG"])
        if picture.width * picture.height > MOST_PIXELS:
            raise TooLarge
        drawn = picture.convert("RGBA")
    except DAMAGED:
        return None
    white = Image.new("RGBA", drawn.size, "white")
    shown = Image.alpha_composite(white, drawn).convert("RGB")
    return np.asarray(shown.reduce(max(1, shown.width // WIDTH)))


class TooLarge(Exception):
    """A picture that is not decoded."""


def figures(notebook: NotebookNode) -> list[Pixels | None]:
    """The last figures of the notebook's curves that decode; None for one that is too large."""
    found: list[Pixels | None] = []
    for png in recorded.figures(notebook)[-MOST_PICTURES:]:
        try:
            pixels = decoded(png)
        except TooLarge:
            found.append(None)
            continue
        if pixels is not None:
            found.append(pixels)
    return found


def oddity(found: Sequence[Pixels | None], told: Iterable[Losses], code: str) -> str:
    """What a person should look at; empty where one figure may show what was printed.

    `told` are the losses of all trainings, one of which a figure shows, perhaps only its beginning.
    """
    if not found:
        return ""
    if any(pixels is None for pixels in found):
        return "the figure has more pixels than are looked at here: open it, and compare"
    charts = [pixels for pixels in found if pixels is not None and is_chart(pixels)]
    if not charts:
        return "the figure is blank or no chart: open it, and ask for the one of the training"
    if any(line not in code for line in GIVEN_PLOT) or OWN_STYLE.search(code):
        return ""  # drawn in a way of their own
    framed = [(pixels, frame) for pixels in charts if (frame := frame_of(pixels))]
    if not framed:
        return ("the figure is not like those that the notebook's `Trainer.plot` draws: open it, "
                "and compare it with the printed losses")
    several = list(told)
    if not several or any(shows(pixels, frame, losses) for pixels, frame in framed
                          for losses in several):
        return ""
    return ("the figure's curves are not those of the printed losses: compare the two, and ask "
            "which training each is of")


def is_chart(pixels: Pixels) -> bool:
    """Whether there is a background, and something drawn over much of its width and height."""
    coarse = (pixels >> 4).astype(np.int32)
    counts = np.bincount((coarse[..., 0] << 8 | coarse[..., 1] << 4 | coarse[..., 2]).ravel(),
                         minlength=4096)
    common = np.argsort(counts)[::-1][:3]
    if counts[common].sum() < BACKGROUND * counts.sum():
        return False
    background = np.array([common[0] >> 8, common[0] >> 4 & 15, common[0] & 15]) * 16 + 8
    marks = (np.abs(pixels.astype(np.int16) - background) > FAINT).any(axis=2)
    return all(len(found) and np.ptp(found) > len(across) / 3 for across in (
        marks.any(axis=0), marks.any(axis=1)) for found in [np.flatnonzero(across)])


def frame_of(pixels: Pixels) -> Frame | None:
    """The frame around the axes, with both lines' colours inside; None where there is none."""
    dark = (pixels < DARK).all(axis=2)
    rows = np.flatnonzero(dark.mean(axis=1) > FRAME)
    columns = np.flatnonzero(dark.mean(axis=0) > FRAME)
    if not len(rows) or not len(columns):
        return None
    frame = Frame(int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1]))
    inside = pixels[frame.top:frame.bottom, frame.left:frame.right]
    if min(inside.shape[:2]) < 40 or not all(
            _like(inside, colour).any() for colour in (TRAINING, VALIDATION)):
        return None
    return frame


def shows(pixels: Pixels, frame: Frame, losses: Losses) -> bool:
    """Whether both lines run where they would if the figure showed these losses, or the first of
    them."""
    blue, orange = (_like(pixels, colour) for colour in (TRAINING, VALIDATION))
    blue, orange = _thick(blue | orange), _thick(orange)
    for count in range(len(losses.train), 1, -1):
        train, valid = losses.train[:count], losses.valid[:count]
        low, high = min(train + valid), max(train + valid)
        if high <= low:
            continue
        line = [_hits(blue, frame, train, low, high, between=True)]
        marks = [_hits(orange, frame, valid, low, high, between=False)]
        if all(np.mean(hits) >= SHOWN or (hits.size < 10 and (~hits).sum() <= 1)
               for hits in line + marks):
            return True
    return False


def _hits(drawn: Mask, frame: Frame, losses: Sequence[float], low: float, high: float,
          between: bool) -> Mask:
    """At which places of a line something is drawn: at each epoch, or also between them."""
    epochs = np.arange(len(losses))
    at = np.linspace(0, len(losses) - 1, STEPS * (len(losses) - 1) + 1) if between else epochs
    heights = (np.interp(at, epochs, losses) - low) / (high - low)
    room = 1 + 2 * MARGIN
    across = (at / (len(losses) - 1) + MARGIN) / room
    x = np.rint(frame.left + across * (frame.right - frame.left)).astype(int)
    y = np.rint(frame.bottom - (heights + MARGIN) / room * (frame.bottom - frame.top)).astype(int)
    hits: Mask = drawn[y, x]
    return hits


def _like(pixels: Pixels, colour: tuple[int, int, int]) -> Mask:
    away = np.abs(pixels.astype(np.int16) - np.array(colour, dtype=np.int16)).max(axis=2)
    return np.asarray(away < NEAR)


def _thick(mask: Mask) -> Mask:
    """Lines that are wider by REACH to each side."""
    for axis in (0, 1):
        mask = np.any([np.roll(mask, step, axis) for step in range(-REACH, REACH + 1)], axis=0)
    return mask
