"""q1a: the reference answers with the best valid span, and the judge's passages are as they say."""

from __future__ import annotations

import base64
import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import EXERCISES
from torch import Tensor

from autograder.course import Exercise
from autograder.exercise.solution import solved_files
from autograder.exercise.source import parts, read_notebook
from autograder.exercises.q1a import probes, traps
from autograder.exercises.q1a.passages import (
    CUT,
    INSIDE,
    PIECES,
    RARE,
    SPECIAL,
    WHOLE,
    Passage,
    exactly,
    marked,
    normalised,
    passage,
    pointing,
)
from autograder.judge.domain import Draw

EXERCISE = Exercise("q1a", EXERCISES / "q1a")
MATRICES = 200


@pytest.fixture(scope="module")
def reference() -> SimpleNamespace:
    """The names that the solved class cell defines, as probes see them."""
    solved = read_notebook(EXERCISE, solved_files(EXERCISE)["q1a.py"].decode())
    (source,) = [cell.source for cell in solved.cells if cell.id == "q1a_class-solution"]
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    names: dict[str, Any] = {"torch": torch, "AutoTokenizer": AutoTokenizer,
                             "AutoModelForQuestionAnswering": AutoModelForQuestionAnswering}
    exec(source, names)
    return SimpleNamespace(**names)


@pytest.fixture(params=range(3))
def draw(request: pytest.FixtureRequest) -> Draw:
    return Draw(f"{request.param}")


def unique(draw: Draw) -> Passage:
    """A passage in which no token comes twice."""
    return passage(draw, draw.several([*WHOLE[:9], *CUT[:5]]))


def crossed(draw: Draw, one: Passage) -> tuple[Tensor, Tensor]:
    """Random tables, [vocabulary] each, in which the best end comes before the best start."""
    ids = one.encoded["input_ids"][0]
    while True:
        starts, ends = 3 * draw(2, len(one.vocabulary))
        if ends[ids].argmax() < starts[ids].argmax():
            return starts, ends


def best_pair(one: Passage, starts: Tensor, ends: Tensor) -> tuple[int, int]:
    """The best valid span, as places among the context's tokens: every pair is tried."""
    ids = [one.number[token] for token in one.tokens]
    pairs = itertools.combinations_with_replacement(range(len(ids)), 2)
    return max(pairs, key=lambda pair: float(starts[ids[pair[0]]] + ends[ids[pair[1]]]))


def text(one: Passage, first: int, last: int) -> str:
    """What a span of tokens is in the context, without spaces."""
    return "".join(token.removeprefix("##") for token in one.tokens[first : last + 1])


def test_best_valid_span_where_plain_argmax_gives_none(reference, draw):
    one = unique(draw)
    tables = [crossed(draw, one) for _ in range(MATRICES)]
    starts, ends = (torch.stack(rows) for rows in zip(*tables, strict=True))
    answers = probes.answers(reference, **one.asked(), starts=starts, ends=ends)
    found = ["".join(answer.lower().split()) for answer in answers]
    assert found == [text(one, *best_pair(one, *table)) for table in tables]
    assert len(set(found)) > 20


def test_traps_have_the_best_span_that_they_say(draw):
    for asked in (traps.near(draw, traps.END_BEFORE_START + traps.OUTSIDE), traps.far(draw)):
        one, sums = asked.passage, []
        ids = one.encoded["input_ids"][0]
        first = len(ids) - len(one.tokens) - 1  # where the context starts in the sequence
        for number, best in enumerate(asked.best):
            starts, ends = (asked.tables[side][2 * number] for side in ("starts", "ends"))
            assert best == best_pair(one, starts, ends)
            plain = starts[ids].argmax().item(), ends[ids].argmax().item()
            assert plain != tuple(first + place for place in best)
            sums.append(float(starts[ids][first + best[0]] + ends[ids][first + best[1]]))
            sure = tuple(asked.tables[side][2 * number + 1][ids].argmax().item() - first
                         for side in ("starts", "ends"))
            assert sure == best
        assert min(sums) < 0 < max(sums)


def test_passages_are_cut_as_the_tokenizer_cuts_them(draw):
    every = [*CUT, *RARE, *((word,) for word in INSIDE.values())]
    for words in (marked(draw, 9, [0, 8]), every, exactly(draw, 700)):
        one = passage(draw, words, exactly(draw, 9))
        tokenizer = probes._tokenizer(one.vocabulary)
        encoded = tokenizer(one.question, one.context, truncation="only_second",
                            return_tensors="pt")
        assert encoded.keys() == one.encoded.keys()
        assert all(torch.equal(encoded[name], right) for name, right in one.encoded.items())


def test_a_table_points_at_one_place(draw):
    one = passage(draw, marked(draw, 20, [0, 7, 19]))
    assert len(set(PIECES)) == len(PIECES)
    assert not set(SPECIAL) & set(one.tokens)
    assert not {piece for word in one.asking for piece in word} & set(one.tokens)
    for place in (0, 7, 19):
        assert one.tokens.count(one.words[place][0]) == 1


def test_one_best_score_may_be_below_zero_but_not_their_sum(draw):
    one = unique(draw)
    table = pointing(draw, one, [(0, 3)] * 3)
    starts, ends = (table[side].max(dim=1).values for side in ("starts", "ends"))
    assert int((starts < 0).sum()) == int((ends < 0).sum()) == 1
    assert bool((starts + ends > 0).all())


@pytest.mark.parametrize(("answer", "plain"), [
    ("The  long Game.", "long game"), ("Play-ing", "playing"), ("play ##ing", "play ing"),
    ("[SEP]", "sep"), ("an Anthem", "anthem"), ("", ""),
])
def test_answers_are_compared_as_squad_does(answer, plain):
    assert normalised(answer) == plain


def test_answer_keeps_capitals_and_hyphens(reference, draw):
    words = [("ada",), ("saw",), ("art", "##ist"), ("-",), ("poet",)]
    one = passage(draw, words, capitals="first", apart=" ")
    table = pointing(draw, one, [(2, 5)])
    assert probes.answers(reference, **one.asked(), **table) == ["Artist-Poet"]


def test_points():
    assert parts(read_notebook(EXERCISE)) == {
        "q1a_init": 2, "q1a_tokenize": 6, "q1a_answer": 12, "q1a_bonus": 4}


def test_notebook_travels_alone():
    notebook = read_notebook(EXERCISE)
    pictures = re.findall(r"!\[[^]]+\]\(([^)]{0,40})", "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"))
    assert len(pictures) == 1
    assert pictures[0].startswith("data:image/svg+xml;base64,")
    drawn = Path(EXERCISE.source / "figures" / "question-answering.svg").read_bytes()
    assert base64.b64encode(drawn).decode() in "".join(cell.source for cell in notebook.cells)
    assert not EXERCISE.files  # nothing lies beside the notebook


# --------------------------------------------------------------- what probes hand to the student


class Handed(Exception):
    """Ends a probe once the object that it handed over is known."""

    def __init__(self, thing: Any) -> None:
        super().__init__()
        self.thing = thing


def handed(reference: SimpleNamespace, draw: Draw, replaced: str, method: Any) -> Any:
    """What a method in the place of the reference's meets when `answers` runs."""
    code = SimpleNamespace(QuestionAnswering=type(
        "QuestionAnswering", (reference.QuestionAnswering,), {replaced: method}))
    one = unique(draw)
    table = pointing(draw, one, [one.span_of_words(2, 3)])
    with pytest.raises(Handed) as ended:
        probes.answers(code, **one.asked(), **table)
    return one, ended.value.thing


def real(one: Passage) -> Any:
    tokenizer = probes._tokenizer(one.vocabulary)
    return tokenizer(one.question, one.context, truncation="only_second", return_tensors="pt")


def test_the_recorder_of_tokenize_hands_on_what_a_tokenizer_returns(reference, draw):
    def answer(self: Any, question: str, context: str) -> str:
        raise Handed(self.tokenize(question, context))

    one, found = handed(reference, draw, "generateAnswer", answer)
    wanted = real(one)
    assert type(found) is type(wanted) and list(found) == list(wanted)
    for name, right in wanted.items():
        assert torch.equal(found[name], right) and torch.equal(getattr(found, name), right)
        assert found[name].dtype == right.dtype and found.get(name) is found[name]
    assert type(found.to("cpu")) is type(wanted) and found.is_fast
    assert found.sequence_ids(0) == wanted.sequence_ids(0)
    assert found.word_ids() == wanted.word_ids() and found.tokens() == wanted.tokens()
    assert found.token_to_chars(3) == wanted.token_to_chars(3)
    assert found.n_sequences == wanted.n_sequences and found[0].ids == wanted[0].ids
    assert dict(**found).keys() == dict(**wanted).keys()


@pytest.mark.parametrize("options", [{}, {"return_dict": False}, {"output_hidden_states": True},
                                     {"return_dict": False, "output_attentions": True}])
@pytest.mark.parametrize("gradients", [False, True])
def test_the_played_model_returns_what_the_model_returns(reference, draw, options, gradients):
    def answer(self: Any, question: str, context: str) -> str:
        encoded = self.tokenize(question, context)
        with torch.set_grad_enabled(gradients):
            raise Handed((self.model(**encoded, **options),
                          type(self.model).forward(self.model, **encoded, **options)))

    _, (found, wanted) = handed(reference, draw, "generateAnswer", answer)
    assert type(found) is type(wanted) and len(found) == len(wanted)
    pairs = list(zip(found, wanted, strict=True) if isinstance(found, tuple) else
                 zip(found.values(), wanted.values(), strict=True))
    for one, other in pairs:
        assert type(one) is type(other)
    for one, other in pairs[:2]:
        assert (one.shape, one.dtype, one.requires_grad, one.is_leaf) == (
            other.shape, other.dtype, other.requires_grad, other.is_leaf)


@pytest.mark.parametrize("call", [
    lambda model, encoded: model(encoded["input_ids"][0]),
    lambda model, encoded: model(**encoded, no_such_argument=object(), labels=1, start_positions=3),
    lambda model, encoded: model(),
    lambda model, encoded: model(encoded["input_ids"].float()),
    lambda model, encoded: model(input_ids=encoded["input_ids"] + 10**6),
])
def test_the_played_model_refuses_what_the_model_refuses(reference, draw, call):
    def answer(self: Any, question: str, context: str) -> str:
        encoded, ends = self.tokenize(question, context), []
        for forward in (self.model.forward, type(self.model).forward.__get__(self.model)):
            self.model.forward = forward
            try:
                ends.append(type(call(self.model, encoded)))
            except Exception as error:
                ends.append((type(error), str(error)))
        raise Handed(ends)

    _, (found, wanted) = handed(reference, draw, "generateAnswer", answer)
    assert found == wanted
