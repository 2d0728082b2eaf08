"""Whole models that are right, with the work of (a) to (d) divided between the methods at random.

Wherever the work goes, one deviation costs at most a quarter of one part.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from autograder.course import Course
from autograder.results.verdict import Verdict

pytestmark = pytest.mark.sandbox

PARTS = ("q2_attention", "q2_self_attention", "q2_add_norm", "q2_layer")
SOLUTION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION\n", re.DOTALL)
JOINED = ["{}.transpose(1, 2).flatten(2)", "{}.permute(0, 2, 1, 3).reshape(shape)",
          "torch.cat({}.unbind(1), dim=-1)"]
# Each piece of work: where it may be done, its own place first.
PLACES = {
    "join": ("attention", "forward", "layer", "add_norm"),
    "scale": ("attention", "query", "key", "scores"),
    "mask": ("attention", "encode"),
    "dropout": ("weights", "nowhere"),
    "dense": ("add_norm", "layer"),
    "activation": ("layer", "add_norm"),
    "norm": ("add_norm", "layer"),
    "order": ("as given", "swapped"),
    "returned": ("tensor", "pair", "list", "dict"),
}
PAYS_NOTHING = {"dropout", "activation"}  # that is no contract of any part


def drawn(number: int, moves: int) -> dict[str, str]:
    """Where each piece of work is done: `moves` of them away from their own places."""
    rng = random.Random(number)
    moved = rng.sample(sorted(PLACES), moves)
    if {"dense", "activation"} <= set(moved):  # the activation comes before the dense layer
        moved.remove("activation")
    return {work: rng.choice(places[1:]) if work in moved else places[0]
            for work, places in PLACES.items()}


def bodies(at: dict[str, str], rng: random.Random) -> list[str]:
    """The bodies of attention, forward, add_norm and the layer's forward."""
    join = rng.choice(JOINED).format
    root = rng.choice(["math.sqrt(self.attention_head_size)", "self.attention_head_size**0.5"])
    scaled = {place: f" / {root}" if at["scale"] == place else "" for place in PLACES["scale"]}
    weights = "self.dropout(weights)" if at["dropout"] == "weights" else "weights"
    packed, opened = {"tensor": ("{}", ""), "pair": ("({}, weights)", "[0]"),
                      "list": ("[{}]", "[0]"), "dict": ("dict(context={})", "['context']"),
                      }[at["returned"]]
    own = at["scale"] if at["scale"] in ("attention", "scores") else "attention"
    a = [f"scores = (query @ key.mT){scaled[own]}",
         "weights = torch.softmax(scores + attention_mask, dim=-1)",
         f"context = {weights} @ value", "shape = (len(value), -1, self.all_head_size)",
         f"return {packed.format(join('context') if at['join'] == 'attention' else 'context')}"]
    attended = f"self.attention(key, query, value, attention_mask){opened}"
    b = [f"key = self.transform(hidden_states, self.key){scaled['key']}",
         f"query = self.transform(hidden_states, self.query){scaled['query']}",
         "value = self.transform(hidden_states, self.value)", "shape = hidden_states.shape",
         f"return {join(attended) if at['join'] == 'forward' else attended}"]
    x, y = ("output", "input") if at["order"] == "swapped" else ("input", "output")
    inner = f"dropout(dense_layer({y}))" if at["dense"] == "add_norm" else f"dropout({y})"
    total = f"{x} + {inner}"
    c = [f"shape = (*{y}.shape[:1], -1, self.attention_dense.in_features)",
         f"if {y}.dim() == 4:", f"    {y} = {join(y)}" if at["join"] == "add_norm" else "    pass",
         f"if dense_layer is self.out_dense and {at['activation'] == 'add_norm'}:",
         f"    {y} = self.interm_af({y})",
         f"return {total if at['norm'] == 'layer' else f'ln_layer({total})'}"]
    first = "self.self_attention(hidden_states, attention_mask)"
    first = join(first) if at["join"] == "layer" else first
    second = "self.interm_dense(x)"
    second = f"self.interm_af({second})" if at["activation"] == "layer" else second
    d = ["shape, x = hidden_states.shape, hidden_states"]
    for sub_layer, name in ((first, "attention"), (second, "out")):
        y = f"self.{name}_dense({sub_layer})" if at["dense"] == "layer" else sub_layer
        pair = (y, "x") if at["order"] == "swapped" else ("x", y)
        call = (f"self.add_norm({', '.join(pair)}, self.{name}_dense, self.{name}_dropout, "
                f"self.{name}_layer_norm)")
        d += [f"x = {f'self.{name}_layer_norm({call})' if at['norm'] == 'layer' else call}"]
    return ["".join(f"        {line}\n" for line in body) for body in (a, b, c, [*d, "return x"])]


def divided(solved: str, at: dict[str, str], rng: random.Random) -> str:
    """bert.py with these bodies in the place of the solution's."""
    own = iter(bodies(at, rng))
    text = SOLUTION.sub(lambda _: next(own).strip() + "\n", solved)
    if at["mask"] == "encode":
        text = text.replace("= get_extended_attention_mask(attention_mask, self.dtype)",
                            "= attention_mask")
        text = text.replace("scores + attention_mask", "scores.masked_fill(attention_mask[:, "
                            "None, None] == 0, -math.inf)")
    return text


@pytest.fixture(scope="module")
def hand_in(prepared: Course, grade_q2: Callable[[dict[str, bytes]], Verdict]
            ) -> Callable[[dict[str, str], int], Verdict]:
    """Judge the solved exercise with the work divided as drawn."""
    source = (prepared.exercise("q2").source / "bert.py").read_text()
    return lambda at, number: grade_q2(
        {"bert.py": divided(source, at, random.Random(number)).encode()})


def test_the_work_done_where_it_belongs_earns_everything(hand_in) -> None:
    assert hand_in(drawn(0, 0), 0).points == 50


@pytest.mark.parametrize(("work", "place"), [
    (work, place) for work, places in PLACES.items() for place in places[1:]])
def test_one_move_costs_at_most_a_quarter_of_one_part(hand_in, work: str, place: str) -> None:
    verdict = hand_in(drawn(0, 0) | {work: place}, len(work + place))
    lost = {part.part: part.max_points - part.points for part in verdict.parts
            if part.points < part.max_points}
    at_home = work in PAYS_NOTHING or place == "scores"
    assert len(lost) == (0 if at_home else 1), (lost, [part.says for part in verdict.parts])
    assert all(points <= part.max_points / 4 for part in verdict.parts
               for points in [part.max_points - part.points]), lost


@pytest.mark.parametrize("number", range(12))
def test_no_division_costs_more_than_a_quarter_of_each_part(hand_in, number: int) -> None:
    moves = 2 + number % 4
    verdict = hand_in(drawn(number, moves), number)
    lost = {part.part: part.max_points - part.points for part in verdict.parts
            if part.points < part.max_points}
    assert len(lost) <= moves, drawn(number, moves)
    assert all(points <= verdict.part(name).max_points / 4 for name, points in lost.items()), (
        drawn(number, moves), [part.says for part in verdict.parts])
