"""The creatures: the same for a seed, captioned by what was drawn, loaded as a data set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops

import creatures


def test_a_seed_always_gives_the_same_creature() -> None:
    first, caption = creatures.draw(5)
    again, same = creatures.draw(5)
    assert (first.mode, first.size) == ("RGB", (creatures.SIZE, creatures.SIZE))
    assert ImageChops.difference(first, again).getbbox() is None
    assert caption == same
    assert caption != creatures.draw(6)[1]


def test_the_caption_says_what_was_drawn() -> None:
    creature = creatures.Creature(
        "dragon", "green", "", (("red", "scarf"), ("small", "crown")), "at night")
    assert creature.caption == (
        "a cartoon green dragon with a red scarf and a small crown at night")


@pytest.mark.parametrize(("things", "ending"), [
    ((), ""),
    ((("blue", "glasses"),), " with blue glasses"),
    ((("orange", "bow tie"), ("blue", "glasses")), " with an orange bow tie and blue glasses"),
])
def test_articles(things: tuple[tuple[str, str], ...], ending: str) -> None:
    creature = creatures.Creature("owl", "grey", "sleepy", things, "")
    assert creature.caption == f"a cartoon sleepy grey owl{ending}"


def test_captions_vary_and_follow_one_pattern() -> None:
    drawn = [creatures.imagine(seed) for seed in range(600)]
    assert {one.kind for one in drawn} == set(creatures.KINDS)
    assert {one.colour for one in drawn} == set(creatures.COLOURS)
    assert {one.place for one in drawn} == set(creatures.PLACES)
    assert {thing for one in drawn for _, thing in one.things} == set(creatures.THINGS)
    assert len({one.caption for one in drawn}) > 550
    for one in drawn:
        spots = [creatures.THINGS[thing].spot for _, thing in one.things]
        assert len(spots) == len(set(spots)) <= 2, one
        assert one.colour not in {adjective for adjective, _ in one.things}, one
        assert f"{one.colour} {one.kind}" in one.caption


@pytest.mark.parametrize("kind", creatures.KINDS)
def test_a_kind_is_painted_in_its_colour(kind: str) -> None:
    """Of two pictures that differ in nothing but the colour, each has more of its own."""
    def near(picture: Image.Image, colour: str) -> int:
        goal = creatures.COLOURS[colour]
        return sum(count for count, found in picture.getcolors(creatures.SIZE**2)
                   if max(abs(a - b) for a, b in zip(found, goal, strict=True)) < 12)

    red, blue = (creatures.paint(creatures.Creature(kind, colour, "", (), ""), 3)
                 for colour in ("red", "blue"))
    assert near(red, "red") > 1000 > 100 > near(blue, "red")
    assert near(blue, "blue") > 1000 > 100 > near(red, "blue")


@pytest.mark.parametrize("thing", creatures.THINGS)
def test_a_thing_is_seen(thing: str) -> None:
    """Every kind looks different with a thing than without it."""
    adjective = creatures.THINGS[thing].adjectives[0]
    for kind in creatures.KINDS:
        bare, dressed = (creatures.paint(creatures.Creature(kind, "grey", "", things, ""), 4)
                         for things in ((), ((adjective, thing),)))
        changed = ImageChops.difference(bare, dressed).convert("L").point(lambda v: 255 * (v > 40))
        assert changed.histogram()[255] > 60, f"{kind} with {thing}"


def test_a_set_loads_as_an_image_folder(tmp_path: Path) -> None:
    from datasets import load_dataset

    folder = creatures.draw_set(tmp_path / "creatures", count=5, seed=3)
    loaded = load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].column_names == ["image", "text"]
    assert loaded["train"][:5]["text"] == [
        creatures.imagine(creatures.seed_of(3, index)).caption for index in range(5)]
    assert loaded["train"][0]["image"].size == (creatures.SIZE, creatures.SIZE)


def test_a_complete_set_is_left_alone_and_another_replaces_it(tmp_path: Path) -> None:
    creatures.draw_set(tmp_path, count=3)
    first = tmp_path / "creature-0000.png"
    first.write_bytes(b"touched")
    creatures.draw_set(tmp_path, count=3)
    assert first.read_bytes() == b"touched"
    creatures.draw_set(tmp_path, count=2)
    assert first.read_bytes() != b"touched"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "creature-0000.png", "creature-0001.png", "metadata.jsonl"]
    (tmp_path / "creature-0001.png").unlink()
    creatures.draw_set(tmp_path, count=2)
    assert (tmp_path / "creature-0001.png").is_file()


def test_a_larger_set_starts_with_the_smaller(tmp_path: Path) -> None:
    texts = [(creatures.draw_set(tmp_path / str(count), count) / "metadata.jsonl").read_text()
             for count in (2, 3)]
    assert texts[1].startswith(texts[0])


def test_the_environment_limits_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_CREATURES", "2")
    listing = creatures.draw_set(tmp_path, count=50) / "metadata.jsonl"
    rows = [json.loads(line) for line in listing.read_text().splitlines()]
    assert [row["file_name"] for row in rows] == ["creature-0000.png", "creature-0001.png"]
