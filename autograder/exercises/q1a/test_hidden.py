"""Hidden tests of q1a. They run in the judge and never import student code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.exercises.q1a import probes
from autograder.exercises.q1a.inputs import check_handed_on, check_inputs, read
from autograder.exercises.q1a.passages import (
    CUT,
    VOCABULARY,
    WHOLE,
    Draw,
    Passage,
    decoded,
    normalised,
    passage,
    pointing,
    sample,
)
from autograder.exercises.q1a.traps import END_BEFORE_START, OUTSIDE, Trap, trials
from autograder.judge.testing import Wrong, assert_close, part, same

LIMIT = 512  # tokens that BERT can read
# Tests that nobody passes who has not loaded this checkpoint, not encoded this text.
LOADED = ("test_model", "test_tokenizer")
ENCODED = ("test_one_sequence", "test_segments", "test_too_long")

# ------------------------------------------------------------------------------------ (a) __init__


@pytest.fixture
def loaded(both, draw) -> tuple[dict, dict]:
    """What `__init__` makes of a small checkpoint of this batch's own."""
    seed = int(draw(1000).argmax())
    text = " ".join(decoded(list(word)) for word in sample(draw, CUT, 4)).title()
    return both(probes.loaded, vocabulary=VOCABULARY, seed=seed, text=text)


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


def sequences(draw: Draw, which: str) -> list[dict[str, Any]]:
    """Questions with contexts: short ones, and those that are too long for BERT."""
    if which == "short":
        pairs = [passage(draw, capitals=True), passage(draw, sample(draw, WHOLE, 1))]
    else:
        # In the second pair both are long, and the question is the longer one.
        asking = passage(draw, sample(draw, WHOLE, 30) * 10, stop=False).context
        pairs = [passage(draw, sample(draw, [*WHOLE, *CUT], 40) * 12),
                 replace(passage(draw, sample(draw, WHOLE, 25) * 10), question=asking)]
    return [{"vocabulary": VOCABULARY, "question": one.question, "context": one.context}
            for one in pairs]


def check(both: Any, draw: Draw, which: str, name: str, says: str) -> None:
    """Compare one of the three inputs on both sides."""
    pairs = [both(probes.encoded, **asked) for asked in sequences(draw, which)]
    for student, reference in pairs:
        found = read(student)
        if name not in found:
            raise Wrong(f"`tokenize` returns no {name}")
        assert_close(found[name], read(reference)[name], says)


@part("q1a_tokenize", weight=3)
def test_one_sequence(both, draw):
    check(both, draw, "short", "input_ids",
          "the sequence is not [CLS] question [SEP] context [SEP]: decode it, and look")


@part("q1a_tokenize", weight=3)
def test_segments(both, draw):
    check(both, draw, "short", "token_type_ids",
          "the segment ids should be 0 from [CLS] to the first [SEP], and 1 from there on")


@part("q1a_tokenize", weight=1)
def test_mask(both, draw):
    check(both, draw, "short", "attention_mask",
          "the attention mask should be 1 at the tokens of the sequence, and 0 at padding alone")


@part("q1a_tokenize", weight=4)
def test_too_long(both, draw):
    check(both, draw, "long", "input_ids",
          f"of a sequence that is too long, the whole question and as much of the context as "
          f"{LIMIT} tokens allow should be left, special tokens included")


@part("q1a_tokenize", weight=1, only_with=ENCODED)
def test_device(both, draw):
    student, reference = both(probes.devices, **sequences(draw, "short")[0])
    assert student and set(student.values()) == set(reference.values()), (
        "the tensors are not on `self.device`: on a GPU the model could not read them")


@part("q1a_tokenize", together="`tokenize` must return a mapping of tensors of shape [1, T]. Yours "
      "is right only together with your own `generateAnswer`, which costs a quarter of this part")
def test_tokenize_together(both, draw):
    for which in ("short", "long"):
        for asked in sequences(draw, which):
            student, reference = both(probes.passed_on, **asked)
            found = read(student)
            for name, right in read(reference).items():
                default = torch.full_like(right, name == "attention_mask")  # as BERT has it
                assert_close(found.get(name, default), right, "other inputs reach the model")


# ----------------------------------------------------------------------- (c) generateAnswer

Span = tuple[int, int]  # first and last word, both included


def spans(draw: Draw) -> list[tuple[Passage, Span]]:
    """Spans of whole words: at the start of the context, within it, at its very end."""
    inside = passage(draw, [*sample(draw, CUT, 4), *sample(draw, WHOLE, 3)])
    last = passage(draw, sample(draw, WHOLE, 9), stop=False)
    first = passage(draw, sample(draw, WHOLE, 9))
    return [(inside, (4, 6)), (inside, (5, 5)), (last, (7, 8)), (last, (8, 8)), (first, (0, 1))]


def cut_spans(draw: Draw) -> list[tuple[Passage, Span]]:
    """Spans with words that WordPiece cuts."""
    pieces, words = sample(draw, CUT, 4), sample(draw, WHOLE, 6)
    mixed = passage(draw, [*words[:2], pieces[0], *words[2:4], pieces[1], pieces[2], *words[4:]])
    ending = passage(draw, [*words, pieces[3]], stop=False)
    return [(mixed, (2, 2)), (mixed, (3, 6)), (mixed, (1, 2)), (ending, (6, 6))]


def check_answers(both: Any, draw: Draw, cases: list[tuple[Passage, Span]], says: str) -> None:
    """Ask for every span, then compare the answers as SQuAD does."""
    found = []
    for one, span in cases:
        table = pointing(draw, one, [one.span_of_words(*span)])
        student, reference = both(probes.answers, **one.asked(), **table)
        found.append((student[0], reference[0], one, span))
    for answer, right, one, span in found:
        if not isinstance(answer, str):
            kind = "None" if answer is None else type(answer).__name__
            raise Wrong(f"`generateAnswer` returns {kind}, and not a string")
        assert reads(answer, right, one, span), says


def reads(answer: Any, right: str, one: Passage, span: Span) -> bool:
    """Whether an answer is the span's text, from the context or put together from its tokens."""
    tokens = [piece for word in one.words[span[0] : span[1] + 1] for piece in word]
    accepted = {normalised(right), normalised(decoded(tokens))}
    return isinstance(answer, str) and normalised(answer) in accepted


@part("q1a_answer", weight=4)
def test_span(both, draw):
    check_answers(both, draw, spans(draw),
                  "where one token has by far the best start score and one the best end score, the "
                  "answer should run from the former to the latter, both included, and no further")


@part("q1a_answer", weight=4)
def test_span_of_word_pieces(both, draw, remark):
    check_answers(both, draw, cut_spans(draw),
                  "an answer with words that the tokenizer cut should read as in the context, "
                  "without ## and without spaces inside a word")
    one = passage(draw, [*sample(draw, CUT, 1), ("-",), *sample(draw, WHOLE, 5)])
    student, _ = both(probes.answers, **one.asked(),
                      **pointing(draw, one, [one.span_of_words(0, 2)]))
    if isinstance(student[0], str) and student[0].lower() not in one.context:
        remark("A word with a hyphen comes back with spaces around the hyphen, or otherwise not as "
               "it stands in the context. That costs nothing here; with the tokenizer's offsets "
               "you could cut the answer out of the context itself.")


@part("q1a_answer", weight=2)
def test_what_the_model_gets(both, draw):
    one = passage(draw)
    table = pointing(draw, one, [one.span_of_words(2, 3)])
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
    one = passage(draw)
    table = pointing(draw, one, [one.span_of_words(2, 3)])
    student, reference = both(probes.modes, **one.asked(), **table)
    right = reference[0]["scores"]
    assert any(math.isclose(call["scores"], right, rel_tol=1e-4) for call in student), (
        "the model is not called with what `tokenize` returns")
    return student


@part("q1a_answer", together="right together", keeps=1.0)
def test_answer_together(both, draw):
    for one, span in spans(draw) + cut_spans(draw):
        table = pointing(draw, one, [one.span_of_words(*span)])
        student, reference = ask_together(both, one, table)
        assert reads(student[0]["answer"], reference[0]["answer"], one, span), "another answer"
        assert student[0]["model"], "the model is not called"
        for call in student[0]["model"]:
            assert not call["graph"] and not call["training"], "with gradients, or in training"
            check_handed_on(call["inputs"], student[0]["tokenize"], one)


def ask_together(both: Any, one: Passage, table: dict[str, Tensor]) -> tuple[list, list]:
    return both(probes.together, vocabulary=VOCABULARY, question=one.question,
                context=one.context, **table)


# ----------------------------------------------------------------------- (d) the best valid span


def check_traps(ask: Callable[..., list], draw: Draw, traps: list[Trap], says: str) -> None:
    """See whether each trap gets the answer that its best valid span gets without it.

    All traps are asked, since different mistakes give the same answers in some of them.
    """
    one = passage(draw)
    every = END_BEFORE_START + OUTSIDE
    found = ask(one, trials(draw, one, every))
    for trap in traps:
        row = 3 * every.index(trap)
        trapped, sure, other = found[row : row + 3]
        assert not same(sure, other), (
            "two spans, each with by far the best scores, get the same answer: see (c) first")
        assert same(trapped, sure), says


def alone(both: Any) -> Callable[..., list]:
    return lambda one, tables: both(probes.answers, every_form=True, **one.asked(), **tables)[0]


def with_own_parts(both: Any) -> Callable[..., list]:
    return lambda one, tables: [
        trial["answer"] for trial in ask_together(both, one, tables)[0]]


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
