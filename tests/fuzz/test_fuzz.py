"""Some hundred odd inputs, as in `python -m fuzz`, and properties that Hypothesis shrinks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import arena, checks, fence, inputs, line, odd, run, strategies
from fuzz.inputs import Input

SEED = 5
SOME = 6  # inputs of each kind
quick = settings(max_examples=20, deadline=None, database=None, derandomize=True,
                 suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> arena.Arena:
    fence.install()
    return arena.make(tmp_path_factory.mktemp("fuzz") / "arena")


@pytest.fixture(scope="module")
def seeds(where: arena.Arena) -> arena.Seeds:
    return arena.seeds(where)


@pytest.fixture
def passes(where: arena.Arena, seeds: arena.Seeds) -> Callable[..., list[str]]:
    """Pass what a kind makes through its check; PDFs are not drawn."""

    def check(kind: str, *made_up: Any) -> list[str]:
        name, make = inputs.KINDS[kind]
        return checks.run(where, Input(1, kind, name, make(Random(SEED), seeds, *made_up)))

    return check


@pytest.mark.parametrize("kind", inputs.KINDS)
def test_odd_inputs_of_each_kind_end_in_sentences(where: arena.Arena, seeds: arena.Seeds, kind: str
                                                   ) -> None:
    number = inputs.ORDER.index(kind)
    for one in inputs.block(number, SEED, seeds)[1:SOME + 1]:
        found = run.outcome(where, one)
        assert not found.failure, f"python -m fuzz --seed {SEED} --only {one.number}\n{found.trace}"


def test_what_everything_starts_from_is_handled_without_a_word(
        where: arena.Arena, seeds: arena.Seeds) -> None:
    files = {"s001_toy.zip": (where.folder / arena.HONEST_ZIP).read_bytes(),
             "s001_written.pdf": seeds.pdf}
    assert checks.run(where, Input(1, "whole", "toy", files)) == []
    assert checks.run(where, Input(1, "whole", "log", {"result.log": seeds.log})) == []
    assert checks.run(where, Input(1, "whole", "collect", {"x.ipynb": seeds.returned})) == []


def test_an_input_is_the_same_again(seeds: arena.Seeds) -> None:
    for number in range(0, len(inputs.ORDER), 26):
        assert inputs.block(number, SEED, seeds) == inputs.block(number, SEED, seeds)


def test_each_kind_has_its_share_of_a_run() -> None:
    assert set(inputs.ORDER) == set(inputs.KINDS) == set(inputs.SHARES)
    assert len(inputs.ORDER) * inputs.BLOCK >= 5_000
    assert set(inputs.ORDER[:60]) >= {"zip-structure", "notebook-structure", "script", "roster"}


@pytest.mark.parametrize("kind", inputs.PROPERTIES)
def test_whatever_hypothesis_makes_up_ends_in_sentences(
        passes: Callable[..., list[str]], kind: str) -> None:
    @quick
    @given(inputs.PROPERTIES[kind])
    def holds(made_up: Any) -> None:
        passes(kind, made_up)

    holds()


# --------------------------------------------------------------------- the fuzzer sees what it must


def failure(where: arena.Arena, monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> str:
    """How a check fails that does something on the way."""
    monkeypatch.setitem(checks.CHECKS, "log", lambda arena, one: [str(deed())])
    return run.outcome(where, Input(1, "log", "log", {"result.log": b""})).failure


def test_an_error_that_nobody_expects_is_seen(where: arena.Arena, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    assert failure(where, monkeypatch, lambda: {}["x"]).startswith("KeyError")
    assert failure(where, monkeypatch, Path("/no/x").read_text).startswith("FileNot")


def test_writing_outside_is_seen(where: arena.Arena, monkeypatch: pytest.MonkeyPatch,
                                 tmp_path: Path) -> None:
    def link() -> None:
        (where.scratch / "out").symlink_to(tmp_path)
        (where.scratch / "out" / "x").write_text("x")

    for deed in ((tmp_path / "a").mkdir, lambda: (tmp_path / "b").write_text("x"), link,
                 lambda: (where.folder / arena.HONEST_ZIP).chmod(0o600)):
        assert failure(where, monkeypatch, deed).startswith("Outside")


def test_an_input_that_takes_too_long_is_seen(where: arena.Arena, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    monkeypatch.setattr(fence, "CPU_SECONDS", 0.2)
    slow = "a" * 40 + "b"
    assert failure(where, monkeypatch, lambda: re.match("(a|a)*$", slow)).startswith("TooSlow")


def test_a_traceback_or_an_empty_sentence_is_seen(
        where: arena.Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "traceback" in failure(where, monkeypatch, lambda: f"x {checks.NOTHING}")
    assert "empty" in failure(where, monkeypatch, lambda: " ")


def test_the_oddest_are_those_with_rare_sentences() -> None:
    said = [("a",)] * 5 + [("a", "b")] + [("c",)] * 2 + [("no page can be made of it: X",)]
    found = [run.Outcome(number, "script", texts) for number, texts in enumerate(said)]
    assert line.oddest(found, 3) == [8, 5, 6]


@quick
@given(st.binary(max_size=200), st.integers())
def test_damaged_bytes_are_the_same_again(data: bytes, seed: int) -> None:
    assert (odd.damaged_bytes(Random(seed), data, [b"other"])
            == odd.damaged_bytes(Random(seed), data, [b"other"]))


@quick
@given(strategies.anything, st.integers())
def test_damage_leaves_the_original_alone(value: Any, seed: int) -> None:
    before = json.dumps(value)
    odd.damaged_json(Random(seed), value)
    assert json.dumps(value) == before
