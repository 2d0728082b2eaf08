"""Hidden tests of q1a. They run in the judge and never import student code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.testing import Draw, Wrong, assert_close, part, same

from . import probes
from .domain import LIMIT, LONG, SHORT
from .inputs import check_handed_on, check_inputs, read
from .passages import (
    COMMON,
    CUT,
    INSIDE,
    RARE,
    WHOLE,
    Passage,
    exactly,
    marked,
    passage,
    pointing,
    question,
    some,
)
from .traps import END_BEFORE_START, OUTSIDE, Trap, Trials, far, near

MANY = 3 * LIMIT  # tokens of a context that do not fit
# Tests that nobody passes who has not loaded this checkpoint, not encoded this text.
LOADED = ("test_model", "test_tokenizer")
ENCODED = ("test_one_sequence", "test_segments", "test_too_long")

# ------------------------------------------------------------------------------------ (a) __init__


@pytest.fixture
def loaded(both, draw) -> tuple[dict, dict]:
    return ask_loaded(both, draw)


def ask_loaded(both: Any, draw: Draw) -> tuple[dict, dict]:
    """What `__init__` makes of a small checkpoint of this batch's own."""
    one = passage(draw, draw.several(CUT, 4), capitals="first")
    return both(probes.loaded, vocabulary=one.vocabulary, seed=draw.whole(0, 10**6),
                text=one.context)


@part("q1a_init", weight=3)
def test_model(loaded):
    student, reference = loaded
    assert student["embeddings"] is not None, "the object holds no model in its attributes"
    assert_close(student["embeddings"], reference["embeddings"],
                 "the model's weights are not those of the checkpoint `model_name`")
    assert student["scores"] is not None, (
        "the model has no layer that gives each token a start and an end score: load it with the "
        "class for question answering")
    assert_close(student["scores"], reference["scores"],
                 "the layer for start and end scores is not that of the checkpoint `model_name`")


@part("q1a_init", weight=2)
def test_tokenizer(loaded):
    student, reference = loaded
    assert student["tokens"] == reference["tokens"], (
        "`self.tokenizer` does not cut text as the tokenizer of the checkpoint `model_name` does")


@part("q1a_init", weight=1, only_with=LOADED)
def test_evaluation_mode(loaded):
    student, _ = loaded
    assert student["training"] is False, (
        "the model is not left in evaluation mode, in which alone dropout is off")


@part("q1a_init", weight=2, only_with=LOADED)
def test_attributes(loaded):
    student, reference = loaded
    missing = [name for name in reference["names"] if name not in student["names"]]
    assert not missing, f"the object lacks {' and '.join(f'`self.{name}`' for name in missing)}"
    try:
        device = torch.device(student["device"])
    except RuntimeError:
        raise Wrong("`self.device` names no device of torch") from None
    assert device.type == torch.device(reference["device"]).type, (
        "`self.device` is not where the model is: on a computer without a GPU both are on the CPU")


# ------------------------------------------------------------------------------------ (b) tokenize


def short(draw: Draw, fixed: dict[str, int] | None = None, **texts: Any) -> Passage:
    """A question and a context that BERT can read whole."""
    case = SHORT.draw(draw, **(fixed or {}))
    return passage(draw, exactly(draw, case.telling), exactly(draw, case.asking), **texts)


def long(draw: Draw, **fixed: Any) -> Passage:
    """A question and a context of as many tokens as BERT can read, and of some more."""
    case = LONG.draw(draw, **fixed)
    over = {"none": 0, "one": 1, "many": draw.whole(2, MANY)}[case.over]
    telling = LIMIT - 3 - case.asking + over
    return passage(draw, exactly(draw, telling), exactly(draw, case.asking))


def too_long(draw: Draw) -> list[Passage]:
    """The longest that fits, one that is cut, and the longest question."""
    return [long(draw, over="none"), long(draw, asking=1, over="many"),
            long(draw, asking=LIMIT - 4, over="one")]


def check(both: Any, passages: list[Passage], name: str, says: str) -> None:
    """Compare one of the three inputs on both sides."""
    pairs = [both(probes.encoded, **one.texts()) for one in passages]
    for student, reference in pairs:
        found = read(student)
        if name not in found:
            raise Wrong(f"`tokenize` returns no {name}")
        assert_close(found[name], read(reference)[name], says)


@part("q1a_tokenize", weight=3)
def test_one_sequence(both, draw):
    check(both, [short(draw, {"asking": 12}, unused=0, capitals="all", apart="\n"),
                 short(draw, {"telling": 1}, unused=60, capitals="first", apart="  ")], "input_ids",
          "the sequence is not [CLS] question [SEP] context [SEP]: decode it, and look")


@part("q1a_tokenize", weight=3)
def test_segments(both, draw):
    check(both, [short(draw, capitals="none", apart=" "), short(draw, {"asking": 1})],
          "token_type_ids",
          "the segment ids should be 0 from [CLS] to the first [SEP], and 1 from there on")


@part("q1a_tokenize", weight=1)
def test_mask(both, draw):
    check(both, [short(draw, {"telling": 40})], "attention_mask",
          "the attention mask should be 1 at the tokens of the sequence, and 0 at padding alone")


@part("q1a_tokenize", weight=4)
def test_too_long(both, draw):
    check(both, too_long(draw), "input_ids",
          f"of a sequence that is too long, the whole question and as much of the context as "
          f"{LIMIT} tokens allow should be left, special tokens included")


@part("q1a_tokenize", weight=1, only_with=ENCODED)
def test_device(both, draw):
    student, reference = both(probes.devices, **short(draw).texts())
    assert student and set(student.values()) == set(reference.values()), (
        "the tensors are not on `self.device`: on a GPU the model could not read them")


@part("q1a_tokenize", together="`tokenize` must return a mapping of tensors of shape [1, T]. Yours "
      "is right only together with your own `generateAnswer`, which costs a quarter of this part")
def test_tokenize_together(both, draw):
    for one in (short(draw), short(draw, {"telling": 1}), *too_long(draw)):
        student, reference = both(probes.passed_on, **one.texts())
        found = read(student)
        for name, right in read(reference).items():
            default = torch.full_like(right, name == "attention_mask")  # as BERT has it
            assert_close(found.get(name, default), right, "other inputs reach the model")


# ----------------------------------------------------------------------- (c) generateAnswer

Span = tuple[int, int]  # first and last token, both included
Spans = list[tuple[Passage, list[Span]]]
ALIKE = ["none", "all"]  # capitals by which a word is found inside another one


def spans(draw: Draw) -> Spans:
    """From the first token, one token, to the last token; and a context of one token.

    Answers are short and of whole words: long ones and words that are cut have tests of their own,
    so that a mistake with them costs the same whatever is drawn.
    """
    count = draw.whole(5, 14)
    places = [0, *sorted(draw.several(range(2, count - 1), 2)), count - 1]
    one = passage(draw, marked(draw, count, places, cut=0), capitals=draw.among(ALIKE))
    first, start, end, last = (one.span_of_words(place, place)[0] for place in places)
    return [(one, [(first, start), (start, start), (end, last)]),
            (passage(draw, [draw.among(RARE)]), [(0, 0)])]


def long_spans(draw: Draw) -> Spans:
    """More than 30 tokens, and all that BERT can read of a context that is cut."""
    count = draw.whole(36, 60)
    places = [draw.whole(0, 3), draw.whole(35, count - 1)]
    one = passage(draw, marked(draw, count, places), capitals=draw.among(ALIKE))
    asking, (start, end) = question(draw), draw.several(RARE, 2)
    room = LIMIT - len(asking) - 3
    within = [word for word in exactly(draw, room - 2) if word not in (start, end)]
    within += [(",",)] * (room - 2 - sum(map(len, within)))
    beyond = exactly(draw, draw.whole(1, MANY))
    cut = passage(draw, [start, *within, end, *beyond], asking)
    return [(one, [(one.span_of_words(places[0], places[0])[0],
                    one.span_of_words(places[1], places[1])[1])]), (cut, [(0, room - 1)])]


def cut_spans(draw: Draw) -> Spans:
    """Words that WordPiece cuts: one, among others, two at the end of a context."""
    words = some(draw, COMMON, draw.whole(2, 30))
    three = draw.among([word for word in CUT if len(word) == 3])
    two, other, last = draw.several([word for word in CUT if word != three], 3)
    place = draw.whole(1, len(words) - 1)
    start, end = draw.several(RARE, 2)
    words[draw.whole(0, place - 1)] = (INSIDE[start[0]],)
    words[place : place + 1] = [start, three, two, end]
    one = passage(draw, [*words, other, last], capitals=draw.among(ALIKE))
    runs = [(place + 1, place + 1), (place, place + 3), (place + 1, place + 2),
            (len(words), len(words) + 1)]
    return [(one, [one.span_of_words(*run) for run in runs])]


def check_answers(both: Any, draw: Draw, cases: Spans, says: str) -> None:
    """Ask for every span, then compare the answers as SQuAD does."""
    found = []
    for one, asked in cases:
        student, reference = both(probes.answers, **one.asked(), **pointing(draw, one, asked))
        found += [(answer, right, one, span)
                  for answer, right, span in zip(student, reference, asked, strict=True)]
    for answer, right, one, span in found:
        if not isinstance(answer, str):
            kind = "None" if answer is None else type(answer).__name__
            raise Wrong(f"`generateAnswer` returns {kind}, and not a string")
        assert one.reads(answer, right, span), says


def ordinary(draw: Draw) -> tuple[Passage, dict[str, Tensor]]:
    """Some passage, and scores that point at one of its words."""
    count = draw.whole(2, 40)
    place = draw.whole(0, count - 1)
    one = passage(draw, marked(draw, count, [place]))
    return one, pointing(draw, one, [one.span_of_words(place, place)])


@part("q1a_answer", weight=3)
def test_span(both, draw):
    check_answers(both, draw, spans(draw),
                  "where one token has by far the best start score and one the best end score, the "
                  "answer should run from the former to the latter, both included, and no further")


@part("q1a_answer", weight=1)
def test_long_span(both, draw):
    check_answers(both, draw, long_spans(draw),
                  "an answer may be as long as the context is, and start or end anywhere in it: "
                  "where the best start and the best end are far apart, it holds all between")


@part("q1a_answer", weight=4)
def test_span_of_word_pieces(both, draw, remark):
    check_answers(both, draw, cut_spans(draw),
                  "an answer with words that the tokenizer cut should read as in the context, "
                  "without ## and without spaces inside a word")
    one = passage(draw, [draw.among(CUT), ("-",), *draw.several(WHOLE, 5)])
    student, _ = both(probes.answers, **one.asked(),
                      **pointing(draw, one, [one.span_of_words(0, 2)]))
    if isinstance(student[0], str) and student[0].lower() not in one.context.lower():
        remark("A word with a hyphen comes back with spaces around the hyphen, or otherwise not as "
               "it stands in the context. That costs nothing here; with the tokenizer's offsets "
               "you could cut the answer out of the context itself.")


@part("q1a_answer", weight=2)
def test_what_the_model_gets(both, draw):
    one, table = ordinary(draw)
    student, reference = both(probes.calls, **one.asked(), **table)
    call, right = student[0], reference[0]
    for asked in call["tokenize"]:
        assert asked == [one.question, one.context], (
            "`tokenize` is to be called with the question first, then the context")
    assert call["model"], "the model is not called"
    for given in call["model"]:
        check_inputs(given, right["model"][0])


@part("q1a_answer", weight=1)
def test_no_gradient(both, draw):
    assert not any(mode["graph"] for mode in modes(both, draw)), (
        "the model runs with gradients, which nobody uses here and which cost memory and time")


@part("q1a_answer", weight=1)
def test_still_in_evaluation_mode(both, draw):
    assert not any(mode["training"] for mode in modes(both, draw)), (
        "the model is in training mode while it answers: dropout then changes its scores")


def modes(both: Any, draw: Draw) -> list[dict[str, Any]]:
    """The state of the model at each call; at one of them at least it gave these very scores."""
    one, table = ordinary(draw)
    student, reference = both(probes.modes, **one.asked(), **table)
    right = reference[0]["scores"]
    assert any(math.isclose(call["scores"], right, rel_tol=1e-4) for call in student), (
        "the model is not called with what `tokenize` returns")
    return student


@part("q1a_answer", together="right together", keeps=1.0)
def test_answer_together(both, draw):
    for one, asked in spans(draw) + long_spans(draw) + cut_spans(draw):
        student, reference = ask_together(both, one, pointing(draw, one, asked))
        for trial, right, span in zip(student, reference, asked, strict=True):
            assert one.reads(trial["answer"], right["answer"], span), "another answer"
            assert trial["model"], "the model is not called"
            for call in trial["model"]:
                assert not call["graph"] and not call["training"], "with gradients, or in training"
                check_handed_on(call["inputs"], trial["tokenize"], one)


def ask_together(both: Any, one: Passage, table: dict[str, Tensor]) -> tuple[list, list]:
    return both(probes.together, **one.texts(), **table)


# ----------------------------------------------------------------------- (d) the best valid span

Ask = Callable[[Passage, dict[str, Tensor]], tuple[list, list]]
USUAL = range(2, 15)  # tokens of an answer


def check_traps(ask: Ask, draw: Draw, traps: list[Trap], says: str) -> None:
    """See whether each trap gets the answer that its best valid span gets without it.

    All traps are asked, since different mistakes give the same answers in some of them. Who cuts
    long answers, or has none of one token, loses in (c), and not once more here.
    """
    for asked in (near(draw, END_BEFORE_START + OUTSIDE), far(draw)):
        found, right = in_any_order(ask, draw, asked)
        for number, trap in enumerate(asked.traps):
            trapped, sure, span = *found[2 * number : 2 * number + 2], asked.best[number]
            assert len(found) % 2 == 0 or not same(sure, found[-1]), (
                "two spans, each with by far the best scores, get the same answer: see (c) first")
            usual = 1 + span[1] - span[0] in USUAL
            if trap in traps and (usual or asked.passage.reads(sure, right[2 * number + 1], span)):
                assert same(trapped, sure), says


def in_any_order(ask: Ask, draw: Draw, asked: Trials) -> tuple[list, list]:
    """Ask for the rows in an order that is drawn; the answers come in that of the tables.

    Else a row's place would tell which other one is to get the same answer.
    """
    order = draw.several(range(len(asked.tables["starts"])))
    student, reference = ask(asked.passage, {
        side: table[order] for side, table in asked.tables.items()})
    places = [order.index(row) for row in range(len(order))]
    return [student[place] for place in places], [reference[place] for place in places]


def alone(both: Any) -> Ask:
    return lambda one, tables: both(probes.answers, every_form=True, **one.asked(), **tables)


def with_own_parts(both: Any) -> Ask:
    def ask(one: Passage, tables: dict[str, Tensor]) -> tuple[list, list]:
        student, reference = ([trial["answer"] for trial in side]
                              for side in ask_together(both, one, tables))
        return student, reference

    return ask


@part("q1a_bonus", weight=1)
def test_end_before_start(both, draw):
    check_traps(alone(both), draw, END_BEFORE_START,
                "where the best start comes after the best end, the answer should be the pair with "
                "the highest sum among all pairs whose start does not come after their end")


@part("q1a_bonus", weight=1)
def test_outside_the_context(both, draw):
    check_traps(alone(both), draw, OUTSIDE,
                "where a token of the question or a special token has the best score, the answer "
                "should be the best pair of tokens of the context")


@part("q1a_bonus", together="right together", keeps=1.0)
def test_bonus_together(both, draw):
    check_traps(with_own_parts(both), draw, END_BEFORE_START + OUTSIDE, "another answer")
