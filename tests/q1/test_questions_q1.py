"""The hidden tests of q1: what they ask varies, edges included, and they accept what is right.

Answers that are right only where somebody guesses that we look, tried by strangers, lose.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from conftest import EXERCISES

from autograder.course import Exercise
from autograder.exercise.solution import solved_files
from autograder.exercises.q1a import test_hidden as q1a
from autograder.exercises.q1b import test_hidden as q1b
from autograder.judge.domain import Draw
from autograder.judge.shared import new_seed
from autograder.kernel import serialization
from autograder.kernel.agent import NotebookCode

PARTS = {"q1a": ("q1a_init", "q1a_tokenize", "q1a_answer", "q1a_bonus"),
         "q1b": ("q1b_split", "q1b_train", "q1b_valid")}
MODULES = {"q1a": q1a, "q1b": q1b}
IMPORTS = """
import torch
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoTokenizer
"""


def code(exercise: str, tmp_path: Any, replaced: str = "", by: str = "") -> NotebookCode:
    """What the solved cells of an exercise define, with an edit in them."""
    text = solved_files(Exercise(exercise, EXERCISES / exercise))[f"{exercise}.py"].decode()
    assert not replaced or text.count(replaced) == 1, replaced
    names: dict[str, Any] = {}
    exec(IMPORTS, names)
    for cell in (text.replace(replaced, by) if replaced else text).split("\n# %%")[1:]:
        head, _, body = cell.partition("\n")
        given = "from datasets import" in body or "class FirstBatches" in body  # and used there
        if given or head.startswith(" solution="):
            exec(body, names)
    return NotebookCode(names, tmp_path)


def _sent(value: Any) -> Any:
    """A value as it arrives at the other side."""
    return serialization.unpack(serialization.pack(value))


class Both:
    """Puts a probe to an answer and to the solution, in this process."""

    def __init__(self, student: NotebookCode, solution: NotebookCode) -> None:
        self.sides = student, solution

    def __call__(self, probe: Callable[..., Any], **inputs: Any) -> tuple[Any, ...]:
        return tuple(_sent(probe(side, **_sent(inputs))) for side in self.sides)


def asked_alone(module: ModuleType, parts: tuple[str, ...]) -> list[Callable[..., Any]]:
    """The tests of some parts that are asked alone."""
    return [test for name, test in vars(module).items() if name.startswith("test_")
            and (mark := test.pytestmark[0].args)[0] in parts and mark[2] is None]


def run(test: Callable[..., Any], both: Both, seed: int) -> Draw:
    """One test in one batch. Raises as the test does."""
    draw = Draw(f"{seed}/{test.__name__}")
    given: dict[str, Any] = {"both": both, "draw": draw, "remark": pytest.fail}
    if "loaded" in inspect.signature(test).parameters:
        given["loaded"] = q1a.ask_loaded(both, draw)
    test(**{name: given[name] for name in inspect.signature(test).parameters})
    return draw


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("exercise", PARTS)
def test_in_every_batch_all_edges_are_asked_and_the_solution_is_right(
        exercise: str, seed: int, tmp_path: Any) -> None:
    solution = code(exercise, tmp_path)
    cases = [case for test in asked_alone(MODULES[exercise], PARTS[exercise])
             for case in run(test, Both(solution, solution), seed).cases]
    for domain in {domain for domain, _ in cases}:
        assert domain.missing(case for other, case in cases if other is domain) == []


SPLIT = """parts = examples.train_test_split(test_size=valid_share, seed=seed)
    return parts["train"], parts["test"]"""
ORDERED = """order = {}
    cut = round(valid_share * len(order))
    return examples.select(order[cut:]), examples.select(order[:cut])"""
BEST = """        best = scores.masked_fill(~valid, -torch.inf).argmax().item()
        start, end = divmod(best, len(inside))"""
WHERE_INVALID = """        start, end = start_scores.argmax().item(), end_scores.argmax().item()
        if not valid[start, end]:
            best = {}.argmax().item()
            start, end = divmod(best, len(inside))"""
ENCODED = """        return self.tokenizer(
            question, context, truncation="only_second", return_tensors="pt"
        ).to(self.device)"""
SEGMENTS = ENCODED.replace("return ", "encoded = ") + """
        place = torch.arange(encoded["input_ids"].shape[1])
        encoded["token_type_ids"] = (place > {}).long()[None]
        return encoded"""
TRAIN_SIZE = """size = len(batch["labels"])
            total +="""
NARROW = {  # name -> part, replaced, by; those that a student might write are misconceptions
    "two tokens fewer than fit": (
        "q1a_tokenize", '"only_second", return_tensors', '"only_second", max_length=510, '
        'return_tensors'),
    "a question of at most 64 words": (
        "q1a_tokenize", "            question, context, truncation=\"only_second\", return_tensors",
        "            ' '.join(question.split()[:64]), context, truncation='only_second', "
        "return_tensors"),
    "segments by the question's words": (
        "q1a_tokenize", ENCODED, SEGMENTS.format("len(question.split()) + 1")),
    "segments by a number": ("q1a_tokenize", ENCODED, SEGMENTS.format("6")),
    "every word once": (
        "q1a_tokenize", "            question, context, truncation=\"only_second\", return_tensors",
        "            question, ' '.join(dict.fromkeys(context.split())), "
        "truncation='only_second', return_tensors"),
    "spans of up to 15 tokens": (
        "q1a_answer", "(inside[:, None] & inside).triu()",
        "(inside[:, None] & inside).triu().tril(diagonal=14)"),
    "spans of up to 100 tokens": (
        "q1a_answer", "(inside[:, None] & inside).triu()",
        "(inside[:, None] & inside).triu().tril(diagonal=99)"),
    "a separator of number 3": ("q1a_bonus", "!= self.tokenizer.sep_token_id", "!= 3"),
    "two tokens at least where the best is invalid": (
        "q1a_bonus", BEST, WHERE_INVALID.format(
            "scores.masked_fill(~valid.triu(diagonal=1), -torch.inf)")),
    "not the context's first token where the best is invalid": (
        "q1a_bonus", BEST, WHERE_INVALID.format(
            "scores.masked_fill(~(valid & inside.roll(1)[:, None]), -torch.inf)")),
    "a block that the seed moves": ("q1b_split", SPLIT, ORDERED.format(
        "[(index + 7 * seed) % len(examples) for index in range(len(examples))]")),
    "one of two orders": ("q1b_split", SPLIT, ORDERED.format(
        "list(range(len(examples)))[:: 1 if seed % 2 else -1]")),
    "sorted captions that the seed moves": ("q1b_split", SPLIT, ORDERED.format(
        "sorted(range(len(examples)), key=lambda index: examples[index]['text'])[seed % 5 :: 1]"
        " + sorted(range(len(examples)), key=lambda index: examples[index]['text'])[: seed % 5]")),
    "drawn with replacement": ("q1b_split", SPLIT, ORDERED.format(
        "__import__('random').Random(seed).choices(range(len(examples)), k=len(examples))")),
    "a seed's last three digits": ("q1b_split", "seed=seed)\n", "seed=seed % 1000)\n"),
    "seeds of the notebook": (
        "q1b_split", "seed=seed)\n", "seed=seed if seed in (0, 1, 2026) else 2)\n"),
    "one of two shares": (
        "q1b_split", "test_size=valid_share", "test_size=0.3 if valid_share > 0.2 else 0.1"),
    "batches of three or one": (
        "q1b_train", TRAIN_SIZE, TRAIN_SIZE.replace("len(batch", "3 if len(batch").replace(
            '"])', '"]) > 1 else 1')),
    "batches that are full or of one": (
        "q1b_train", TRAIN_SIZE,
        """full = self.train_loader.batch_size
            size = full if len(batch["labels"]) == full else 1
            total +="""),
    "at most four batches": (
        "q1b_valid", "in self.valid_loader:", "in list(self.valid_loader)[:4]:"),
    "batches of the training's size": (
        "q1b_valid", """size = len(batch["labels"])
                total""", """size = min(self.train_loader.batch_size,
                           len(self.valid_loader.dataset) - examples)
                total"""),
    "a step that forgets its momentum": (
        "q1b_train", "        total, examples = 0.0, 0\n        for batch in self.train_loader",
        "        total, examples = 0.0, 0\n        self.optimizer.state.clear()\n"
        "        for batch in self.train_loader"),
    "the mean of the captions' losses": (
        "q1b_train", "            loss = self.model(**batch).loss\n",
        """            told = batch["labels"] != -100
            each = nn.functional.cross_entropy(
                self.model(**batch).logits.transpose(1, 2), batch["labels"], reduction="none")
            loss = (each.sum(1) / told.sum(1)).mean()
"""),
}


@pytest.mark.parametrize("name", NARROW)
def test_what_is_right_only_where_somebody_guesses_that_we_look_loses(
        name: str, tmp_path: Any) -> None:
    part, replaced, by = NARROW[name]
    exercise = part[:3]
    both = Both(code(exercise, tmp_path, replaced, by), code(exercise, tmp_path))
    failed = []
    for test in asked_alone(MODULES[exercise], (part,)):
        try:
            run(test, both, new_seed())
        except Exception:  # what such code raises loses, too
            failed.append(test.__name__)
    assert failed
