"""Hidden tests of 3.2 and 3.3: T5 trained, and T5 asked. They run in the judge."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.testing import Draw, Wrong, is_close, part, same

from . import probes_squad as probes
from . import probes_squad_reader as asking
from .domain_squad import TRAINING
from .squad_texts import (
    END,
    check_is_there,
    phrase,
    places,
    plain,
    prepared,
    questions,
    stacked,
    text_of,
    trained_on,
    without_end,
)

# ------------------------------------------------------------------------------------------- 3.2


def check_model(student: Any, reference: Any, name: str, constant: str) -> None:
    check_is_there(student, name, constant)
    assert isinstance(student, dict) and "writes" in student, f"`{name}` returns no model"
    assert student["writes"], (
        "this is no T5 with a layer that scores the vocabulary, as it takes to write")
    assert student["shapes"] == reference["shapes"], (
        "the model is not the one that was asked for: its layers have other sizes")
    for key, right in reference["weights"].items():
        assert is_close(student["weights"].get(key), right, rtol=1e-2, atol=5e-3), (
            "the model's weights are not those of the checkpoint that was asked for")


@part("hw3_3_2_model")
def test_t5(both, draw):
    check_model(*both(probes.model, places=places(draw)), "load_t5", "T5")


@pytest.fixture
def settings_of(both) -> dict[str, Any]:
    """The student's TrainingArguments by name."""
    student, _ = both(probes.arguments)
    assert isinstance(student, dict), "`t5_arguments` returns nothing"
    return student


def check_settings(found: dict[str, Any], **wanted: Any) -> None:
    for name, value in wanted.items():
        given = found[name]
        right = (isinstance(given, (int, float)) and abs(given - value) <= 1e-9
                 if isinstance(value, float) else given == value and type(given) is type(value))
        assert right, f"`{name}` is {given!r}, and not what the table asks for"


@part("hw3_3_2_arguments", weight=0.5)
def test_settings_of_a_trainer(both, draw):
    rows = stacked(prepared(draw, draw.whole(2, 6), draw.whole(3, 8), draw.whole(3, 6), below=100))
    student, reference = both(probes.readable, rows={
        "input_ids": rows["input_ids"], "attention_mask": rows["attention_mask"],
        "labels": rows["target_ids"]})
    assert student is not None, "`t5_arguments` returns nothing"
    assert same(student, reference), "a trainer with these settings does not read its data"


@part("hw3_3_2_arguments", weight=3, only_with="test_settings_of_a_trainer")
def test_length(settings_of):
    assert settings_of["max_steps"] > 0, (
        "no number of steps is set, so that the training goes by epochs: how many steps would that "
        "be?")
    check_settings(settings_of, max_steps=200)


@part("hw3_3_2_arguments", weight=3, only_with="test_settings_of_a_trainer")
def test_batches(settings_of):
    check_settings(settings_of, per_device_train_batch_size=32, gradient_accumulation_steps=4)


@part("hw3_3_2_arguments", weight=2, only_with="test_settings_of_a_trainer")
def test_saving(settings_of):
    steps = settings_of["save_steps"]
    if isinstance(steps, float) and 0 < steps < 1:  # a share of all steps
        steps = steps * settings_of["max_steps"]
    assert settings_of["save_strategy"] == "steps" and steps == 100, (
        "checkpoints are not saved every 100 steps")


@part("hw3_3_2_arguments", weight=2, only_with="test_settings_of_a_trainer")
def test_optimizer(settings_of):
    check_settings(settings_of, learning_rate=1e-4, weight_decay=0.01)


@part("hw3_3_2_arguments", weight=2, only_with="test_settings_of_a_trainer")
def test_columns(settings_of):
    assert settings_of["remove_unused_columns"] is False, (
        "unused columns are removed: the trainer then throws the targets away before your collator "
        "sees them")


@part("hw3_3_2_arguments", weight=1, only_with="test_settings_of_a_trainer")
def test_no_evaluation(settings_of):
    assert settings_of["eval_strategy"] == "no", (
        "an evaluation is set up, and none was asked for")


@part("hw3_3_2_arguments", weight=1, only_with="test_settings_of_a_trainer")
def test_seed(settings_of):
    check_settings(settings_of, seed=77)


@part("hw3_3_2_arguments", weight=0.5, only_with="test_settings_of_a_trainer")
def test_directory(settings_of):
    found = str(settings_of["output_dir"]).rstrip("/").removeprefix("./")
    assert found == "t5-squad" or found.endswith("/t5-squad"), (
        "checkpoints do not go to the folder that the table names")
    assert settings_of["for_seq2seq"], (
        "these are the settings of another trainer; Seq2SeqTrainingArguments were asked for")


# ------------------------------------------------------------------------------------- 3.2 trainer


@part("hw3_3_2_trainer", weight=1)
def test_model_and_settings(both, draw):
    student, reference = both(probes.trainer, **trained_on(draw))
    assert student["model"], "the trainer does not train the `model` that it is made with"
    assert same(student, reference), "the trainer does not have the settings in `args`"


@part("hw3_3_2_trainer", weight=2)
def test_data_and_collator(both, draw):
    for case in TRAINING.cover(draw, 3):
        student, reference = both(probes.batches, **trained_on(draw, case))
        assert isinstance(student, list) and all(isinstance(one, dict) for one in student), (
            "the trainer's batches cannot be read")
        assert student and set(student[0]) == set(reference[0]), (
            "the trainer's batches are not those of your collator: it has to be told to use it")
        assert same(student, reference), (
            "the trainer's batches do not hold the examples of `train_data`, all of them and no "
            "others, as your collator gives them")


@part("hw3_3_2_trainer", together="right together", keeps=1.0)
def test_trainer_together(both, draw):
    check_own_trainer(both, draw)


def check_own_trainer(both: Any, draw: Draw) -> None:
    for case in TRAINING.cover(draw, 3):
        student, reference = both(probes.own_trainer, **trained_on(draw, case))
        assert all(one["labels"].dtype == torch.int64 for one in student["batches"]), "no ids"
        assert same(student, reference), "other batches, another model or other settings"


@part("hw3_3_1_collator", together="`T2TDataCollator()` should take no arguments. Yours is right "
      "only together with your own `make_t5_trainer`, which costs a sixth of this part",
      keeps=5 / 6)
def test_collator_together(both, draw):
    check_own_trainer(both, draw)


# -------------------------------------------------------------------------------------------- 3.3


@part("hw3_3_3_load", weight=3)
def test_reader(both, draw):
    check_model(*both(asking.reader, places=places(draw)), "load_reader", "READER")


@part("hw3_3_3_load", weight=1)
def test_reader_tokenizer(both, draw):
    texts = [" ".join(phrase(draw, draw.whole(1, 12))) for _ in range(draw.whole(1, 4))]
    student, reference = both(asking.reader_tokenizer, texts=[f"{texts[0]} </s>", *texts])
    check_is_there(student, "load_reader", "READER")
    assert isinstance(student, list), "`load_reader` returns no tokenizer"
    assert same(student, reference), (
        "the tokenizer does not make the same tokens of a text as that of the checkpoint in "
        "`READER`")


@part("hw3_3_3_load", weight=0.5, only_with=("test_reader", "test_reader_tokenizer"))
def test_reader_mode(both, draw):
    student, _ = both(asking.reader, places=places(draw))
    check_is_there(student, "load_reader", "READER")
    assert isinstance(student, dict), "`load_reader` returns no model"
    assert student["training"] is False, (
        "the model is in training mode: its dropout changes what it writes, at random")


@part("hw3_3_3_answer", weight=5)
def test_answer(both, draw):
    asked = questions(draw)
    student, _ = both(asking.answers, **asked)
    for answer, one in zip(student, asked["asked"], strict=True):
        if not isinstance(answer, str):
            kind = {"NoneType": "nothing", "list": "a list, an answer for each row of the batch"}
            found = kind.get(type(answer).__name__, "no text")
            raise Wrong(f"`get_answer` returns {found}, where one string was asked for")
        assert "<pad>" not in answer and "</s>" not in answer, (
            "special tokens stand in the answer: they are for the model, not for people")
        assert " ".join(answer.split()) == text_of(one["written"], asked["vocabulary"]), (
            "the answer is not the text of all tokens that `generate` has to say")


@part("hw3_3_3_answer", weight=4)
def test_prompt(both, draw):
    asked = questions(draw)
    both(asking.answers, **asked)  # which tells mistakes apart that ask nothing
    student, _ = both(asking.prompts, **asked)
    for calls, one in zip(student, asked["asked"], strict=True):
        wanted = plain(f"question: {one['question']} context: {one['context']}")
        assert calls, "`get_answer` does not call the model's `generate`"
        for call in calls:
            assert plain(text_of(_sequence(call), asked["vocabulary"])) == wanted, (
                "the text that the model gets has not the form it was trained on: the word "
                "`question:` with the question, then `context:` with the context")


def _sequence(call: dict[str, Any]) -> list[int]:
    """The tokens that reach `generate`, padding left out."""
    ids, mask = call["input_ids"], call["attention_mask"]
    if not isinstance(ids, Tensor) or ids.ndim != 2 or len(ids) != 1:
        raise Wrong("`generate` takes a tensor of token ids, [1, T]: one row for one text")
    if isinstance(mask, Tensor):
        if mask.shape != ids.shape:
            raise Wrong("ids and attention mask that `generate` gets have different shapes")
        ids = ids[mask.bool()][None]
    row: list[int] = ids[0].tolist()
    ends = sum(one == END for one in row)
    assert 1 <= ends <= 2 and END not in without_end(row), (
        "the text that the model gets should have the end mark at its end, and nowhere else")
    return row


@part("hw3_3_3_answer", weight=0.5, only_with=("test_answer", "test_prompt"))
def test_writes_in_evaluation_mode(both, draw):
    asked = questions(draw)
    both(asking.answers, **asked)  # as above
    student, _ = both(asking.modes, **asked)
    assert student, "`get_answer` does not call the model's `generate`"
    assert not any(student), (
        "the model is in training mode while it writes: dropout changes its words at random")
