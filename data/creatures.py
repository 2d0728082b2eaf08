"""Cartoon creatures with captions: a data set for image captioning, drawn on demand.

    image, caption = draw(7)
    folder = draw_set("creatures", count=400)  # PNG files and metadata.jsonl
    load_dataset("imagefolder", data_dir=str(folder))

Only Pillow is needed beyond the standard library. A seed always gives the same creature. Pictures
are painted three times as large and scaled down, which makes their edges smooth.
"""

import copy
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

SIZE, FINER = 256, 3  # the side of a picture in pixels, and how much larger it is painted
SIDES = (-1, 1)

Point = tuple[float, float]
Colour = tuple[int, int, int]

INK, WHITE, CREAM, GOLD = (62, 46, 66), (255, 255, 255), (255, 243, 214), (252, 204, 66)
ROSE, WINE = (248, 132, 146), (150, 44, 66)
COLOURS: dict[str, Colour] = {
    "red": (220, 62, 60), "orange": (245, 143, 48), "yellow": (250, 216, 74),
    "green": (94, 178, 86), "blue": (72, 136, 224), "purple": (146, 92, 206),
    "pink": (249, 156, 196), "brown": (146, 98, 64), "grey": (150, 156, 168),
}
MOODS = ("", "", "laughing", "sleepy", "surprised", "grumpy")  # the empty one smiles


@dataclass(frozen=True)
class Creature:
    """What a picture shows, and what its caption says of it."""

    kind: str  # a key of KINDS
    colour: str  # a key of COLOURS
    mood: str  # one of MOODS
    things: tuple[tuple[str, str], ...]  # (adjective, key of THINGS), no two at the same spot
    place: str  # a key of PLACES

    @property
    def caption(self) -> str:
        """For example "a cartoon green dragon with a red scarf and a small crown at night"."""
        words = ["a cartoon", self.mood, self.colour, self.kind]
        for link, (adjective, thing) in zip(("with", "and"), self.things, strict=False):
            article = "an" if adjective[0] in "aeiou" else "a"
            words += [link, "" if thing.endswith("s") else article, adjective, thing]
        return " ".join(word for word in [*words, self.place] if word)


def imagine(seed: int) -> Creature:
    """Return the creature that `draw(seed)` paints."""
    chance = Random(f"creature {seed}")
    kind, colour = chance.choice(list(KINDS)), chance.choice(list(COLOURS))
    mood, place = chance.choice(MOODS), chance.choice(list(PLACES))
    spots = chance.sample(range(4), chance.choice([0, 1, 1, 2, 2]))
    things = []
    for spot in (("neck", "top", "face", "hand")[index] for index in sorted(spots)):
        thing = chance.choice([name for name, made in THINGS.items() if made.spot == spot])
        adjectives = [word for word in THINGS[thing].adjectives if word != colour]
        things.append((chance.choice(adjectives), thing))
    return Creature(kind, colour, mood, tuple(things), place)


def paint(creature: Creature, seed: int) -> Image.Image:
    """Paint a creature: RGB, SIZE x SIZE. The seed decides its pose, size and the scenery."""
    chance = Random(f"pose {seed}")
    image = Image.new("RGB", (SIZE * FINER, SIZE * FINER))
    PLACES[creature.place](Pen(image), chance)
    held = any(THINGS[thing].spot == "hand" for _, thing in creature.things)
    x, y = chance.uniform(-0.1, 0.1) - 0.12 * held, chance.uniform(0.16, 0.24)
    size, lean = chance.uniform(0.52, 0.62 if held else 0.7), chance.uniform(-9, 9)
    pen = Pen(image, x, y, size, lean, flip=1 if held else chance.choice(SIDES))
    if creature.place != "under water":
        shadow = mix(image.getpixel((9, image.height - 9)), INK, 0.3)
        Pen(image, x, y, size).blob(0, 0.98, 0.8, 0.1, shadow, None)
    main = tuple(part + chance.randint(-7, 5) for part in COLOURS[creature.colour])
    tint = Tint(main, mix(main, CREAM, 0.62), mix(main, INK, 0.25))
    spots = KINDS[creature.kind](pen, tint, chance.uniform(-1, 1))
    draw_face(pen.at(*spots.face), creature.mood, spots.mouth)
    for adjective, thing in creature.things:
        THINGS[thing].paint(pen.at(*getattr(spots, THINGS[thing].spot)), adjective)
    return image.reduce(FINER)


def draw(seed: int) -> tuple[Image.Image, str]:
    """Return the picture (RGB, SIZE x SIZE) of a seed's creature, and its caption."""
    creature = imagine(seed)
    return paint(creature, seed), creature.caption


def seed_of(set_seed: int, index: int) -> int:
    """Return the seed of the creature at `index` in a set; sets below 10,000 share none."""
    return set_seed * 10_000 + index


def draw_set(folder: str | Path, count: int = 400, seed: int = 2026) -> Path:
    """Draw `count` creatures into `folder` for `load_dataset("imagefolder")`; return the folder.

    A set that is complete already is left alone. Where the environment sets COURSE_CREATURES, at
    most that many are drawn.
    """
    folder, count = Path(folder), min(count, int(os.environ.get("COURSE_CREATURES", count)))
    seeds = {f"creature-{index:04}.png": seed_of(seed, index) for index in range(count)}
    rows = [{"file_name": name, "text": imagine(seeds[name]).caption} for name in seeds]
    listing, text = folder / "metadata.jsonl", "".join(json.dumps(row) + "\n" for row in rows)
    present = {path.name for path in folder.glob("creature-*.png")}
    if present == set(seeds) and listing.is_file() and listing.read_text() == text:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    listing.unlink(missing_ok=True)
    for name in present - set(seeds):
        (folder / name).unlink()
    for name, number in seeds.items():
        draw(number)[0].save(folder / name, compress_level=1)
    listing.write_text(text)  # last, so that a set with a listing is complete
    return folder


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour that lies `share` of the way from one to the other."""
    return tuple(round(a + share * (b - a)) for a, b in zip(one, other, strict=True))


class Tint(NamedTuple):
    """A creature's colour, with a lighter one for bellies and a darker one for wings."""

    main: Colour
    light: Colour
    dark: Colour


Spot = tuple[float, float, float]  # x, y, and what is 1 to the pen that draws there


class Spots(NamedTuple):
    """Where a kind has its face and carries its things."""

    face: Spot  # its middle, and half its width
    top: Spot  # of the head, and half the width of a hat
    neck: Spot  # its middle, and half its width
    hand: Spot
    mouth: bool = True  # to be drawn with the face: owls have a beak, elephants a trunk


class Pen:
    """Draws outlined shapes in units of its own: x to the right and y down, from -1 to 1."""

    def __init__(self, image: Image.Image, x: float = 0, y: float = 0, size: float = 1,
                 lean: float = 0, flip: int = 1) -> None:
        half = image.width / 2
        self.canvas, self.flip, self.lean = ImageDraw.Draw(image), flip, math.radians(lean)
        self.middle, self.unit = (half * (1 + x), half * (1 + y)), half * size
        self.ink = self.unit  # what the widths of lines are a share of

    def at(self, x: float, y: float, size: float = 1, flip: int = 1) -> "Pen":
        """Return a pen with its middle at a point of this one, whose lines are as thick."""
        pen = copy.copy(self)
        pen.middle, pen.unit, pen.flip = *self.pixels([(x, y)]), self.unit * size, self.flip * flip
        return pen

    @property
    def sides(self) -> "tuple[Pen, Pen]":
        """This pen and its mirror image: what both draw is symmetrical."""
        return self.at(0, 0, flip=-1), self

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        """Turn, scale and shift points from the pen's units to the image's pixels."""
        (left, top), cos, sin = self.middle, math.cos(self.lean), math.sin(self.lean)
        scaled = [(x * self.unit * self.flip, y * self.unit) for x, y in points]
        return [(left + x * cos - y * sin, top + x * sin + y * cos) for x, y in scaled]

    def polygon(self, points: Sequence[Point], fill: Colour, line: Colour | None = INK) -> None:
        """Fill the shape between the points and draw its outline."""
        pixels = self.pixels(points)
        self.canvas.polygon(pixels, fill)
        if line:
            self.canvas.line(pixels + pixels[:2], line, round(0.035 * self.ink), joint="curve")

    def shape(self, points: Sequence[Point], fill: Colour, line: Colour | None = INK) -> None:
        """Like `polygon`, with a smooth curve through the points."""
        self.polygon(smooth([points[-1], *points, *points[:2]]), fill, line)

    def blob(self, x: float, y: float, width: float, height: float, fill: Colour,
             line: Colour | None = INK, turn: float = 0) -> None:
        """An ellipse by its middle and half its width and height, turned by degrees."""
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        ellipse = [(width * a, height * b) for a, b in CIRCLE]
        turned = [(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in ellipse]
        self.polygon(turned, fill, line)

    def stroke(self, points: Sequence[Point], colour: Colour = INK, width: float = 0.045,
               line: Colour | None = None) -> None:
        """A smooth line through the points with round ends, and an outline where one is named."""
        pixels = self.pixels(smooth([points[0], *points, points[-1]]))
        for ink, thick in ((line, (width + 0.07) * self.ink), (colour, width * self.ink)):
            if ink:
                self.canvas.line(pixels, ink, round(thick), joint="curve")
                for x, y in (pixels[0], pixels[-1]):
                    self.canvas.circle((x, y), thick / 2 - 0.5, ink)


CIRCLE = [(math.cos(step / 36 * math.tau), math.sin(step / 36 * math.tau)) for step in range(36)]


def smooth(points: Sequence[Point]) -> list[Point]:
    """Return a Catmull-Rom curve from the second point to the one before the last."""
    curve = []
    for corners in zip(points, points[1:], points[2:], points[3:], strict=False):
        for t in (0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6):
            weights = (2 * t**2 - t - t**3, 2 - 5 * t**2 + 3 * t**3,
                       t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            x, y = (sum(w * c[axis] / 2 for w, c in zip(weights, corners, strict=True))
                    for axis in (0, 1))
            curve.append((x, y))
    return [*curve, points[-2]]


def draw_face(pen: Pen, mood: str, mouth: bool) -> None:
    """Eyes, cheeks and a mouth: they show the mood."""
    for half in pen.sides:
        if mood in ("laughing", "sleepy"):
            bend = -0.2 if mood == "laughing" else 0.2
            half.stroke([(0.24, 0), (0.46, bend), (0.68, 0)])
        else:
            wide = 1.25 if mood == "surprised" else 1
            half.blob(0.46, 0, 0.27 * wide, 0.33 * wide, WHITE)
            half.blob(0.42, 0.04, 0.15 * wide, 0.2 * wide, INK, None)
            half.blob(0.46, -0.05, 0.06, 0.07, WHITE, None)
        if mood == "grumpy":
            half.stroke([(0.16, -0.22), (0.76, -0.46)])
        elif mood != "surprised":
            half.blob(0.8, 0.42, 0.17, 0.11, ROSE, None)
    if mouth and mood == "surprised":
        pen.blob(0, 0.62, 0.12, 0.16, WINE)
    elif mouth and mood == "laughing":
        pen.shape([(-0.32, 0.42), (0.32, 0.42), (0, 0.9)], WINE)
    elif mouth:
        bend = {"grumpy": -0.16, "sleepy": 0.05}.get(mood, 0.18)
        pen.stroke([(-0.26, 0.56), (0, 0.56 + bend), (0.26, 0.56)])


def dragon(pen: Pen, tint: Tint, swing: float) -> Spots:
    tip = 0.1 + 0.1 * swing
    pen.stroke([(0.2, 0.75), (0.7, 0.85), (0.98, 0.55), (0.98, tip)], tint.main, 0.17, INK)
    pen.polygon([(0.78, tip + 0.05), (1.18, tip + 0.05), (0.98, tip - 0.3)], tint.dark)
    for half in pen.sides:
        half.at(0, -0.12 * swing).polygon([(0.2, 0.3), (0.5, -0.35), (1.15, -0.5), (1.02, -0.1),
                                           (0.86, -0.1), (0.78, 0.2), (0.6, 0.15)], tint.dark)
        half.blob(0.3, 0.9, 0.22, 0.11, tint.main)
        half.shape([(0.2, -0.6), (0.42, -0.55), (0.5, -1.0)], CREAM)
    pen.blob(0, 0.48, 0.46, 0.47, tint.main)
    pen.blob(0, 0.56, 0.29, 0.34, tint.light, None)
    pen.polygon([(-0.13, -0.66), (0, -0.92), (0.13, -0.66)], tint.dark)
    pen.blob(0, -0.25, 0.53, 0.46, tint.main)
    for half in pen.sides:
        half.blob(0.46, 0.42, 0.1, 0.2, tint.main, turn=35)
        half.blob(0.08, -0.16, 0.025, 0.035, tint.dark, None)
    return Spots((0, -0.33, 0.46), (0, -0.62, 0.28), (0, 0.2, 0.36), (0.56, 0.5, 1))


def cat(pen: Pen, tint: Tint, swing: float) -> Spots:
    tail = [(0.3, 0.85), (0.75, 0.8), (0.8, 0.35), (0.95 + 0.12 * swing, 0.0)]
    pen.stroke(tail, tint.main, 0.15, INK)
    pen.blob(0, 0.52, 0.43, 0.46, tint.main)
    pen.blob(0, 0.6, 0.24, 0.3, tint.light, None)
    for half in pen.sides:
        half.blob(0.22, 0.92, 0.19, 0.1, tint.light)
        half.polygon([(0.15, -0.6), (0.58, -0.3), (0.56, -0.98)], tint.main)
        half.polygon([(0.3, -0.6), (0.5, -0.45), (0.49, -0.8)], ROSE, None)
    pen.blob(0, -0.22, 0.62, 0.47, tint.main)
    for half in pen.sides:
        half.stroke([(0.42, -0.01), (0.82, -0.05)], width=0.022)
        half.stroke([(0.42, 0.05), (0.82, 0.07)], width=0.022)
        half.stroke([(0.12, -0.62), (0.1, -0.5)], tint.dark, 0.06)
    pen.polygon([(-0.06, -0.1), (0.06, -0.1), (0, -0.03)], ROSE)
    return Spots((0, -0.24, 0.48), (0, -0.62, 0.26), (0, 0.22, 0.36), (0.42, 0.5, 1))


def owl(pen: Pen, tint: Tint, swing: float) -> Spots:
    for half in pen.sides:
        half.polygon([(0.12, -0.7), (0.6, -0.45), (0.6, -0.98)], tint.dark)
        half.blob(0.22, 0.92, 0.16, 0.09, GOLD)
    pen.blob(0, 0.1, 0.66, 0.82, tint.main)
    pen.blob(0, 0.46, 0.42, 0.42, tint.light, None)
    for x, y in ((-0.2, 0.38), (0, 0.38), (0.2, 0.38), (-0.1, 0.56), (0.1, 0.56), (0, 0.74)):
        pen.stroke([(x - 0.07, y), (x, y + 0.07), (x + 0.07, y)], tint.dark, 0.035)
    for half in pen.sides:
        half.blob(0.66, 0.25, 0.17, 0.5, tint.dark, turn=-14 - 10 * swing)
        half.blob(0.25, -0.27, 0.31, 0.32, tint.light)
    pen.polygon([(-0.1, -0.16), (0.1, -0.16), (0, 0.08)], GOLD)
    return Spots((0, -0.27, 0.54), (0, -0.68, 0.3), (0, 0.16, 0.52), (0.78, 0.5, 1), mouth=False)


def fish(pen: Pen, tint: Tint, swing: float) -> Spots:
    end = 0.12 * swing
    pen.shape([(0.5, 0.05), (1.0, -0.45 + end), (0.92, 0.05 + end), (1.0, 0.6 + end)], tint.dark)
    pen.shape([(-0.3, -0.4), (0.1, -0.85), (0.5, -0.62), (0.42, -0.2)], tint.dark)
    pen.shape([(-0.15, 0.5), (0.1, 0.9), (0.32, 0.8), (0.3, 0.4)], tint.dark)
    pen.shape([(-0.95, 0.1), (-0.6, -0.42), (0, -0.52), (0.62, 0.02), (0, 0.62), (-0.6, 0.55)],
              tint.main)
    for x in (0.06, 0.3):
        pen.stroke([(x, -0.32 + x / 3), (x + 0.1, 0.05), (x, 0.42 - x / 3)], tint.light, 0.1)
    pen.shape([(-0.06, 0.2), (0.24, 0.12), (0.28, 0.42 + end)], tint.dark)
    return Spots((-0.45, -0.02, 0.4), (-0.38, -0.42, 0.24), (-0.36, 0.5, 0.3), (0.2, 0.35, 1))


def octopus(pen: Pen, tint: Tint, swing: float) -> Spots:
    for half, sway in zip(pen.sides, (-0.08 * swing, 0.08 * swing), strict=True):
        for x, far, low, end in ((0.5, 0.85, 0.65, 0.3), (0.3, 0.61, 0.73, 0.42),
                                 (0.1, 0.37, 0.81, 0.54)):
            arm = [(x, 0.2), (x + 0.1, 0.6), (far, low), (far + 0.12, end + sway)]
            half.stroke(arm, tint.dark if x == 0.1 else tint.main, 0.17, INK)
    pen.shape([(-0.62, 0.1), (-0.6, -0.5), (0, -0.92), (0.6, -0.5), (0.62, 0.1), (0, 0.42)],
              tint.main)
    for x, y, r in ((-0.38, -0.52, 0.09), (0.42, -0.45, 0.07), (0.3, -0.64, 0.05)):
        pen.blob(x, y, r, r * 0.8, tint.light, None)
    return Spots((0, -0.15, 0.5), (0, -0.78, 0.3), (0, 0.32, 0.46), (0.95, 0.2, 1))


def snail(pen: Pen, tint: Tint, swing: float) -> Spots:
    for x in (-0.78, -0.42):
        pen.stroke([(-0.6, -0.1), (x, -0.62 + 0.08 * swing)], tint.light, 0.07, INK)
        pen.blob(x, -0.66 + 0.08 * swing, 0.09, 0.09, tint.light)
    pen.shape([(-0.95, 0.7), (-0.9, 0.0), (-0.4, -0.05), (-0.2, 0.5), (0.5, 0.6), (1.08, 0.92),
               (0, 0.97), (-0.75, 0.95)], tint.light)
    pen.blob(0.28, 0.12, 0.64, 0.64, tint.main)
    spiral = [(a * 5 / 12, 0.56 - 0.46 * a / 30) for a in range(30)]  # angle and radius
    pen.at(0.28, 0.12).stroke([(r * math.cos(a), r * math.sin(a)) for a, r in spiral],
                              tint.dark, 0.08)
    return Spots((-0.6, 0.22, 0.33), (-0.6, -0.06, 0.2), (-0.55, 0.62, 0.3), (0.86, 0.5, 1))


def rabbit(pen: Pen, tint: Tint, swing: float) -> Spots:
    pen.blob(0.46, 0.72, 0.18, 0.18, WHITE)
    for half in pen.sides:
        half.blob(0.26, -0.78, 0.16, 0.46, tint.main, turn=12 + 7 * swing)
        half.blob(0.26, -0.76, 0.08, 0.34, ROSE, None, turn=12 + 7 * swing)
    pen.blob(0, 0.52, 0.42, 0.46, tint.main)
    pen.blob(0, 0.58, 0.25, 0.32, WHITE, None)
    for half in pen.sides:
        half.blob(0.3, 0.92, 0.26, 0.11, tint.main)
        half.blob(0.38, 0.38, 0.1, 0.2, tint.main, turn=30)
    pen.blob(0, -0.18, 0.5, 0.43, tint.main)
    pen.polygon([(-0.08, 0.1), (0.08, 0.1), (0.08, 0.22), (-0.08, 0.22)], WHITE)
    pen.blob(0, -0.08, 0.06, 0.045, ROSE)
    return Spots((0, -0.22, 0.44), (0, -0.54, 0.25), (0, 0.24, 0.34), (0.46, 0.5, 1))


def turtle(pen: Pen, tint: Tint, swing: float) -> Spots:
    pen.polygon([(0.8, 0.6), (1.08, 0.72), (0.8, 0.82)], tint.light)
    for x in (-0.3, 0.55):
        pen.blob(x, 0.82, 0.2, 0.17, tint.light, turn=12 * swing)
    pen.stroke([(-0.3, 0.6), (-0.66, 0.25)], tint.light, 0.3, INK)
    pen.blob(-0.68, 0.02, 0.38, 0.36, tint.light)
    pen.shape([(-0.5, 0.66), (-0.4, 0.1), (0.2, -0.4), (0.8, 0.1), (0.92, 0.66), (0.2, 0.74)],
              tint.main)
    for x, y, r in ((0.2, 0.02, 0.2), (-0.14, 0.36, 0.16), (0.24, 0.45, 0.17), (0.6, 0.36, 0.16)):
        pen.blob(x, y, r, r * 0.85, tint.dark, None)
    pen.stroke([(-0.48, 0.66), (0.2, 0.74), (0.9, 0.66)], CREAM, 0.1, INK)
    return Spots((-0.7, 0.0, 0.34), (-0.66, -0.27, 0.21), (-0.52, 0.38, 0.24), (0.82, 0.2, 1))


def frog(pen: Pen, tint: Tint, swing: float) -> Spots:
    for half in pen.sides:
        half.blob(0.6, 0.62, 0.34, 0.26, tint.dark, turn=-35)
        half.blob(0.68, 0.9, 0.3, 0.09, tint.main)
    pen.shape([(-0.5, 0.9), (-0.72, 0.1), (0, -0.3), (0.72, 0.1), (0.5, 0.9)], tint.main)
    pen.blob(0, 0.62, 0.42, 0.3, tint.light, None)
    for half in pen.sides:
        half.stroke([(0.34, 0.5), (0.3 + 0.05 * swing, 0.86)], tint.main, 0.13, INK)
        half.blob(0.34, -0.3, 0.27, 0.27, tint.main)
    return Spots((0, -0.3, 0.74), (0, -0.36, 0.22), (0, 0.4, 0.54), (0.74, 0.4, 1))


def elephant(pen: Pen, tint: Tint, swing: float) -> Spots:
    for half in pen.sides:
        half.shape([(0.3, -0.6), (0.8, -0.75), (1.08, -0.3), (0.85, 0.15), (0.4, 0.1)], tint.dark)
        half.shape([(0.45, -0.4), (0.75, -0.52), (0.88, -0.25), (0.6, 0.0)], ROSE, None)
        half.stroke([(0.28, 0.6), (0.3, 0.84)], tint.main, 0.26, INK)
    pen.blob(0, 0.48, 0.52, 0.42, tint.main)
    pen.blob(0, -0.25, 0.52, 0.5, tint.main)
    for half in pen.sides:
        half.shape([(0.14, 0.08), (0.26, 0.06), (0.34, 0.3)], CREAM)
    trunk = [(0, -0.02), (0, 0.3), (0.16, 0.52), (0.4, 0.46 - 0.12 * swing)]
    pen.stroke(trunk, tint.main, 0.2, INK)
    return Spots((0, -0.32, 0.46), (0, -0.68, 0.28), (0, 0.3, 0.44), (0.42, 0.46, 1), mouth=False)


KINDS = {kind.__name__: kind for kind in (
    dragon, cat, owl, fish, octopus, snail, rabbit, turtle, frog, elephant)}


def crown(pen: Pen, size: str) -> None:
    pen = pen.at(0, 0, 0.75 if size == "small" else 1.4)
    pen.polygon([(-1, 0.1), (-1.1, -1), (-0.5, -0.5), (0, -1.2), (0.5, -0.5), (1.1, -1), (1, 0.1)],
                GOLD)
    for x, colour in ((-0.5, "red"), (0, "blue"), (0.5, "red")):
        pen.blob(x, -0.15, 0.13, 0.13, COLOURS[colour], None)


def party_hat(pen: Pen, colour: str) -> None:
    pen.polygon([(-0.75, 0.1), (0.75, 0.1), (0, -1.6)], COLOURS[colour])
    for x, y in ((-0.3, -0.2), (0.2, -0.45), (0.1, -0.02), (-0.05, -0.9)):
        pen.blob(x, y, 0.11, 0.11, WHITE, None)
    pen.blob(0, -1.65, 0.22, 0.22, CREAM)


def flower(pen: Pen, colour: str) -> None:
    for x, y in CIRCLE[::6]:
        pen.blob(0.9 + 0.42 * x, 0.42 * y, 0.3, 0.3, COLOURS[colour])
    pen.blob(0.9, 0, 0.28, 0.28, CREAM)


def glasses(pen: Pen, colour: str) -> None:
    for half in pen.sides:
        ring = [(0.47 + 0.42 * x, 0.42 * y) for x, y in CIRCLE]
        half.stroke([*ring, ring[0]], COLOURS[colour], 0.05, INK)
    pen.stroke([(-0.06, 0), (0.06, 0)], COLOURS[colour], 0.05)


def scarf(pen: Pen, colour: str) -> None:
    pen.polygon([(0.3, 0), (0.8, 0), (0.85, 1.3), (0.4, 1.3)], COLOURS[colour])
    for y in (0.75, 1.05):
        pen.stroke([(0.44, y), (0.78, y)], mix(COLOURS[colour], CREAM, 0.6), 0.05)
    pen.stroke([(-1, -0.2), (0, 0.1), (1, -0.2)], COLOURS[colour], 0.17, INK)


def bow_tie(pen: Pen, colour: str) -> None:
    for half in pen.sides:
        half.polygon([(0, 0), (0.8, -0.46), (0.8, 0.46)], COLOURS[colour])
    pen.blob(0, 0, 0.25, 0.27, mix(COLOURS[colour], INK, 0.25))


def balloon(pen: Pen, colour: str) -> None:
    pen.stroke([(0, 0), (0.22, -0.4), (0.42, -0.9)], width=0.025)
    pen.blob(0.42, -1.25, 0.31, 0.38, COLOURS[colour])
    pen.blob(0.32, -1.4, 0.07, 0.11, WHITE, None, turn=25)


class Thing(NamedTuple):
    """Something to wear or to hold: a field of Spots, what it can be, and its painter."""

    spot: str
    adjectives: tuple[str, ...]
    paint: Callable[[Pen, str], None]


TONES = ("red", "yellow", "green", "blue", "purple", "pink")
THINGS = {
    "crown": Thing("top", ("small", "big"), crown),
    "party hat": Thing("top", TONES, party_hat),
    "flower": Thing("top", TONES, flower),
    "glasses": Thing("face", TONES, glasses),
    "scarf": Thing("neck", TONES, scarf),
    "bow tie": Thing("neck", TONES, bow_tie),
    "balloon": Thing("hand", TONES, balloon),
}


def plain(pen: Pen, chance: Random) -> None:
    paper = chance.choice([(253, 236, 214), (226, 240, 250), (240, 230, 248), (232, 246, 226)])
    pen.blob(0, 0, 2, 2, paper, None)
    pen.blob(chance.uniform(-0.2, 0.2), 0, 0.9, 0.9, mix(paper, WHITE, 0.6), None)


def meadow(pen: Pen, chance: Random) -> None:
    pen.blob(0, 0, 2, 2, (196, 230, 250), None)
    pen.blob(chance.choice(SIDES) * 0.7, -0.7, 0.17, 0.17, (255, 232, 140), None)
    pen.blob(-0.8, 1.0, 1.1, 0.8, (190, 226, 160), None)
    pen.blob(0.7, 1.2, 1.1, 0.8, (176, 216, 146), None)
    pen.blob(0, 2.3, 3, 1.7, (164, 206, 132), None)
    for petal in (WHITE, ROSE, GOLD) * 3:
        pen.blob(chance.uniform(-1, 1), chance.uniform(0.75, 0.97), 0.03, 0.03, petal, None)


def night(pen: Pen, chance: Random) -> None:
    sky, x = (66, 74, 128), chance.choice(SIDES) * 0.68
    pen.blob(0, 0, 2, 2, sky, None)
    pen.blob(x, -0.68, 0.2, 0.2, CREAM, None)
    pen.blob(x + 0.1, -0.71, 0.2, 0.2, sky, None)
    for _ in range(22):
        pen.blob(chance.uniform(-1, 1), chance.uniform(-1, 0.4), 0.014, 0.014, CREAM, None)
    pen.blob(0, 2.3, 3, 1.7, (88, 96, 146), None)


def under_water(pen: Pen, chance: Random) -> None:
    pen.blob(0, 0, 2, 2, (198, 236, 242), None)
    for step in range(5):
        depth = mix((186, 232, 240), (112, 184, 214), step / 4)
        pen.blob(0, 2 + 0.42 * step, 4, 3.1, depth, None)
    pen.blob(0, 2.3, 3, 1.55, (240, 222, 176), None)
    for x in (-0.9, -0.75, 0.78, 0.92):
        bend = chance.uniform(-0.1, 0.1)
        weed = [(x, 0.95), (x + bend, 0.6), (x - bend, 0.3), (x + bend, 0.05)]
        pen.stroke(weed, (86, 170, 140), 0.07)
    for _ in range(9):
        r = chance.uniform(0.02, 0.06)
        pen.blob(chance.uniform(-1, 1), chance.uniform(-1, 0.5), r, r, (226, 246, 250), None)


def snow(pen: Pen, chance: Random) -> None:
    pen.blob(0, 0, 2, 2, (198, 212, 232), None)
    pen.blob(chance.uniform(-0.6, 0.6), 1.3, 1.3, 1.0, (228, 236, 246), None)
    pen.blob(0, 2.3, 3, 1.7, (244, 248, 252), None)
    for _ in range(30):
        pen.blob(chance.uniform(-1, 1), chance.uniform(-1, 0.9), 0.025, 0.025, WHITE, None)


def beach(pen: Pen, chance: Random) -> None:
    pen.blob(0, 0, 2, 2, (255, 232, 206), None)
    pen.blob(chance.choice(SIDES) * 0.6, -0.25, 0.24, 0.24, (255, 196, 130), None)
    pen.polygon([(-1, -0.1), (1, -0.1), (1, 1), (-1, 1)], (132, 200, 220), None)
    for y in (0.05, 0.22):
        pen.stroke([(x / 4, y + 0.03 * (x % 2)) for x in range(-4, 5)], (186, 228, 236), 0.03)
    pen.blob(0, 2.3, 3, 1.9, (246, 222, 172), None)


PLACES = {"": plain, "in a meadow": meadow, "at night": night, "under water": under_water,
          "in the snow": snow, "on a beach": beach}
