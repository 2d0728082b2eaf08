"""Hidden tests of 3.1: from questions to batches. They run in the judge."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.exercises.hw3 import probes_squad as probes
from autograder.exercises.hw3.squad_texts import (
    END,
    INPUT,
    PAD,
    TARGET,
    VOCABULARY,
    Draw,
    check_is_there,
    features,
    numbered,
    plain,
    squad,
    stacked,
    with_texts,
    without_end,
    words,
)
from autograder.judge.testing import Wrong, assert_close, part, same

BATCH = ("input_ids", "attention_mask", "labels", "decoder_attention_mask")
FEATURES = ("input_ids", "attention_mask", "target_ids", "target_attention_mask")

# ----------------------------------------------------------------------------------- 3.1 tokenizer


@pytest.fixture
def tokenizers(both, draw) -> tuple[dict, dict]:
    """What the tokenizers make of sentences, and of a text that is too long."""
    texts = [f"question: Who likes the {one}? context: Oscar." for one in words(draw, 2)]
    student, reference = both(probes.tokenizer, texts=[*texts, "A tree"],
                              long=" ".join(words(draw, 700)))
    check_is_there(student, "load_t5_tokenizer", "T5")
    assert isinstance(student, dict) and "ids" in student, (
        "`load_t5_tokenizer` returns no tokenizer")
    return student, reference


@part("hw3_3_1_tokenizer", weight=2)
def test_tokens(tokenizers):
    student, reference = tokenizers
    assert same(student["ids"], reference["ids"]), (
        "this tokenizer does not make the same tokens of a text as that of the checkpoint in `T5`")
    assert same(student["padded"], reference["padded"]), (
        "this tokenizer does not pad as T5 expects it: behind the text, with T5's padding token")


@part("hw3_3_1_tokenizer", weight=2)
def test_limit(tokenizers):
    student, _ = tokenizers
    assert student["limit"] == INPUT and student["kept"] == INPUT, (
        f"the tokenizer's `model_max_length` is not {INPUT}")


# --------------------------------------------------------------------------------------- 3.1 texts


@pytest.fixture
def texts(both, draw) -> tuple[list, list, list]:
    """Both texts of some examples, the last with several answers."""
    examples = [squad(draw), squad(draw), squad(draw, answers=3)]
    student, reference = both(probes.texts, examples=examples)
    for returned in student:
        if not isinstance(returned, dict):
            kind = "nothing" if returned is None else "no dictionary"
            raise Wrong(f"`add_eos_to_examples` returns {kind}, and `map` then adds no columns")
        for name in ("input_text", "target_text"):
            assert isinstance(returned.get(name), str), f"there is no text in `{name}`"
    return student, reference, examples


@part("hw3_3_1_eos", weight=2)
def test_input_text(texts):
    student, reference, _ = texts
    for one, right in zip(student, reference, strict=True):
        _check_end(one["input_text"], "input_text")
        assert _text(one["input_text"]) == _text(right["input_text"]), (
            "`input_text` has not the form that the table shows, with this example's question and "
            "its context")


@part("hw3_3_1_eos", weight=2)
def test_target_text(texts):
    student, _, examples = texts
    for one, example in zip(student, examples, strict=True):
        _check_end(one["target_text"], "target_text")
        assert _text(one["target_text"]) in map(plain, example["answers"]["text"]), (
            "`target_text` is not an answer of the example, the text alone, with </s> behind it")


def _check_end(text: str, name: str) -> None:
    assert text.rstrip().endswith("</s>"), f"`{name}` does not close with </s>"
    assert text.count("</s>") == 1, f"`{name}` has more than one </s>"


def _text(text: str) -> str:
    return plain(text.replace("</s>", " "))


# ------------------------------------------------------------------------------------ 3.1 features


LENGTHS = ([(30, 2), (700, 5), (12, 40)], [(20, 4), (9, 3)])  # some texts are too long, or none


def ask_features(both: Any, draw: Draw) -> list[tuple[Any, dict[str, Tensor]]]:
    return [both(probes.features, vocabulary=VOCABULARY, examples=with_texts(draw, lengths))
            for lengths in LENGTHS]


def check_ids(student: Any, reference: dict[str, Tensor], name: str, length: int) -> None:
    """Compare rows of tokens; where a text ends, one end mark or two may stand."""
    table = _table(student, name, length, len(reference[name]))
    for row, right in zip(table.tolist(), reference[name].tolist(), strict=True):
        ours, theirs = without_end(row), without_end(right)
        if PAD not in right:  # cut off: the end mark may be missing
            says = (f"where a text has more than {length} tokens, `{name}` should hold its "
                    f"beginning, {length} tokens in all")
            assert PAD not in row and ours[: length - 2] == theirs[: length - 2], says
            continue
        assert ours == theirs, f"`{name}` does not hold the tokens of the text, padded behind"
        ends = sum(one == END for one in row[len(ours):])
        assert ends, f"the tokens in `{name}` do not end with the end mark </s>"
        assert ends <= 2, f"`{name}` has {ends} end marks"


def check_mask(student: Any, ids: str, mask: str, length: int) -> None:
    """A mask must fit its own ids."""
    table = _table(student, mask, length)
    wanted = (_table(student, ids, length) != PAD).long()
    assert_close(table.long(), wanted, f"`{mask}` should be 1 at tokens and 0 at padding")


def _table(student: Any, name: str, length: int, rows: int | None = None) -> Tensor:
    if not isinstance(student, dict):
        raise Wrong("`convert_to_features` should return a dictionary")
    assert name in student, f"`convert_to_features` returns no `{name}`"
    table = student[name]
    if not isinstance(table, Tensor) or table.ndim != 2:
        raise Wrong(f"`{name}` should be rows of numbers, one for each example, all equally long: "
                    "else they cannot be stacked")
    assert table.shape[1] == length, f"the rows of `{name}` have not {length} places"
    assert rows in (None, len(table)), f"`{name}` has not one row for each example"
    return table


@part("hw3_3_1_features", weight=3)
def test_input_ids(both, draw):
    for student, reference in ask_features(both, draw):
        check_ids(student, reference, "input_ids", INPUT)


@part("hw3_3_1_features", weight=3)
def test_target_ids(both, draw):
    for student, reference in ask_features(both, draw):
        check_ids(student, reference, "target_ids", TARGET)


@part("hw3_3_1_features", weight=1.5)
def test_attention_mask(both, draw):
    for student, _ in ask_features(both, draw):
        check_mask(student, "input_ids", "attention_mask", INPUT)


@part("hw3_3_1_features", weight=1.5)
def test_target_mask(both, draw):
    for student, _ in ask_features(both, draw):
        check_mask(student, "target_ids", "target_attention_mask", TARGET)


@part("hw3_3_1_features", together="right together", keeps=1.0)
def test_features_together(both, draw):
    for lengths in LENGTHS:
        check_features(*both(probes.own_features, examples=with_texts(draw, lengths)))


def check_features(student: Any, reference: dict[str, Tensor]) -> None:
    for ids, mask, length in ((*FEATURES[:2], INPUT), (*FEATURES[2:], TARGET)):
        check_ids(student, reference, ids, length)
        check_mask(student, ids, mask, length)


# ----------------------------------------------------------------------------------------- 3.1 map


@part("hw3_3_1_map", weight=2)
def test_both_steps(both, draw):
    student, reference = both(probes.prepared, examples=numbered(draw, 5))
    check_prepared(student)
    assert len(student) == len(reference), (
        f"of {len(reference)} examples `prepare` makes {len(student)}")
    for one, right in zip(student, reference, strict=True):
        seen = {int(torch.as_tensor(one[name]).flatten()[0]) for name in ("input_ids", "target_ids")
                if name in one}
        assert -1 not in seen, (
            "`convert_to_features` gets examples without the two texts: let the second `map` work "
            "on what the first one returned")
        assert -2 not in seen, (
            "`add_eos_to_examples` gets many examples at once, where it takes one at a time")
        for name in FEATURES:
            assert name in one, f"the prepared examples have no `{name}`"
            assert same(torch.as_tensor(one[name]), right[name]), (
                f"`{name}` of the prepared examples is not what `convert_to_features` returned")


@part("hw3_3_1_map", weight=1)
def test_format(both, draw):
    student, _ = both(probes.prepared, examples=numbered(draw, 3))
    check_prepared(student)
    for one in student:
        for name in FEATURES:
            assert name in one, (
                f"the prepared examples have no `{name}`: is it among the columns of the format?")
            assert isinstance(one[name], Tensor), f"`{name}` of a prepared example is no tensor"


@part("hw3_3_1_map", together="`prepare` must take one example at a time through "
      "`add_eos_to_examples`, and then all columns through `convert_to_features`. Yours is right "
      "only together with your own two functions, which costs a quarter of this part")
def test_map_together(both, draw):
    examples = [squad(draw) for _ in range(3)]
    student, reference = both(probes.own_prepared, examples=examples)
    check_prepared(student)
    for one in student:
        assert all(isinstance(value, Tensor) for value in one.values()), "no tensors"
    check_features(stacked(student), stacked(reference))


def check_prepared(student: Any) -> None:
    assert student is not None, (
        "`prepare` returns nothing. `set_format` changes its data set in place and returns nothing "
        "itself")
    assert isinstance(student, list) and student, "`prepare` should return a data set"


# ------------------------------------------------------------------------------------ 3.1 collator


def examples(draw: Draw) -> list[dict[str, Tensor]]:
    """Three unequal prepared examples; the target of one fills all places."""
    return features(draw, [(40, 3), (INPUT, 6), (25, TARGET)])


def check_batch(both: Any, draw: Draw, *names: str, says: str) -> None:
    student, reference = both(probes.collated, features=examples(draw))
    if not isinstance(student, dict):
        raise Wrong("the collator should return a dictionary")
    for name in names:
        assert name in student, (
            f"the batch has no `{name}`, by which T5 would take it; other names it swallows")
        assert_close(student[name], reference[name], says.format(name))


@part("hw3_3_1_collator", weight=2)
def test_inputs_of_a_batch(both, draw):
    check_batch(both, draw, "input_ids", "attention_mask",
                says="`{}` of the batch should be the examples' rows, stacked")


@part("hw3_3_1_collator", weight=4)
def test_labels(both, draw):
    check_batch(both, draw, "labels",
                says="`{}` should be the targets' tokens, with -100 at padding and nowhere else")
    fractions, _ = both(probes.fractions, features=examples(draw))
    assert not fractions["labels"], (
        "`labels` are floating-point numbers; ids of tokens are whole numbers, int64")


@part("hw3_3_1_collator", weight=2)
def test_decoder_mask(both, draw):
    check_batch(both, draw, "decoder_attention_mask",
                says="`{}` should be the targets' masks, stacked")


@part("hw3_3_1_collator", weight=1)
def test_names(both, draw):
    student, reference = both(probes.collated, features=examples(draw))
    if not isinstance(student, dict):
        raise Wrong("the collator should return a dictionary")
    unknown = [str(name) for name in student if name not in (*BATCH, "decoder_input_ids")]
    assert not unknown, (
        f"the batch also holds {', '.join(unknown)}: only {', '.join(BATCH)} belong there")
    missing = [name for name in BATCH if name not in student]
    assert not missing, f"the batch lacks {' and '.join(missing)}"
    if "decoder_input_ids" in student:  # given so, the model does not make them itself
        targets = reference["labels"].masked_fill(reference["labels"] == -100, PAD)
        shifted = torch.cat([torch.zeros_like(targets[:, :1]), targets[:, :-1]], dim=1)
        assert_close(student["decoder_input_ids"], shifted,
                     "`decoder_input_ids` are not the targets moved one place to the right")


@part("hw3_3_1_collator", weight=2)
def test_examples_stay(both, draw):
    given = examples(draw)
    student, _ = both(probes.left, features=given)
    assert same(student, given), (
        "the examples that went into the collator have changed: the data set would hold what you "
        "wrote, or lack what you took away")
