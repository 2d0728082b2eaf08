"""Hidden tests of 3.1: from questions to batches. They run in the judge."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.testing import Draw, Wrong, assert_close, part, same

from . import probes_squad as probes
from .domain_squad import ENDS, EXAMPLE, INPUT, MAPPED, TARGET
from .squad_texts import (
    END,
    PAD,
    batches,
    check_is_there,
    encoded,
    numbered,
    phrase,
    plain,
    squad,
    stacked,
    vocabulary,
    without_end,
    words,
)

BATCH = ("input_ids", "attention_mask", "labels", "decoder_attention_mask")
FEATURES = ("input_ids", "attention_mask", "target_ids", "target_attention_mask")

# ----------------------------------------------------------------------------------- 3.1 tokenizer


@pytest.fixture
def tokenizers(both, draw) -> tuple[dict, dict, str]:
    """What the tokenizers make of texts of several lengths, and of one that is too long."""
    asked, told = (" ".join(phrase(draw, draw.whole(2, 12))) for _ in range(2))
    long = " ".join(words(draw, draw.whole(INPUT, 700)))
    student, reference = both(probes.tokenizer, long=long, texts=draw.several([
        f"question:{asked}? context:{told}. </s>", *words(draw, 1), asked]))
    check_is_there(student, "load_t5_tokenizer", "T5")
    assert isinstance(student, dict) and "ids" in student, (
        "`load_t5_tokenizer` returns no tokenizer")
    return student, reference, long


@part("hw3_3_1_tokenizer", weight=2)
def test_tokens(tokenizers):
    student, reference, _ = tokenizers
    assert same(student["ids"], reference["ids"]), (
        "this tokenizer does not make the same tokens of a text as that of the checkpoint in `T5`")
    assert same(student["padded"], reference["padded"]), (
        "this tokenizer does not pad as T5 expects it: behind the text, with T5's padding token")


@part("hw3_3_1_tokenizer", weight=2)
def test_limit(tokenizers):
    student, _, long = tokenizers
    assert student["limit"] == INPUT and student["kept"] == INPUT, (
        f"the tokenizer's `model_max_length` is not {INPUT}")
    kept, whole = ("".join(one.lower().split()) for one in (student["text"], long))
    assert kept and whole.startswith(kept), "of a text that is too long not the beginning is kept"


# --------------------------------------------------------------------------------------- 3.1 texts


@pytest.fixture
def texts(both, draw) -> tuple[list, list, list]:
    """Both texts of some examples."""
    examples = [squad(draw, case) for case in EXAMPLE.cover(draw, 3)]
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


def ask_features(both: Any, draw: Draw) -> list[tuple[Any, dict[str, Tensor]]]:
    """What both make of each batch."""
    return list(zip(*both(probes.features, vocabulary=vocabulary(draw), batches=encoded(draw)),
                    strict=True))


def check_ids(student: Any, reference: dict[str, Tensor], name: str, length: int) -> None:
    """Compare rows of tokens; where a text ends, one end mark or two may stand."""
    table = _table(student, name, length, len(reference[name]))
    for row, right in zip(table.tolist(), reference[name].tolist(), strict=True):
        ours, theirs = without_end(row), without_end(right)
        behind = row[len(ours):]
        if len(theirs) > length - ENDS:  # cut off: its end marks may be missing
            says = (f"where a text has more than {length} tokens, `{name}` should hold its "
                    f"beginning, {length} tokens in all")
            assert PAD not in row and len(ours) >= length - ENDS, says
            assert ours[: len(theirs)] == theirs[: len(ours)], says
            continue
        assert ours == theirs, f"`{name}` does not hold the tokens of the text, padded behind"
        ends = behind.count(END)
        assert ends, f"the tokens in `{name}` do not end with the end mark </s>"
        assert ends <= ENDS, f"`{name}` has {ends} end marks"
        assert behind[:ends] == [END] * ends, f"in `{name}` the end mark stands behind padding"


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


@part("hw3_3_1_features", weight=1.5, only_with=("test_input_ids", "test_target_ids"))
def test_attention_mask(both, draw):
    for student, _ in ask_features(both, draw):
        check_mask(student, "input_ids", "attention_mask", INPUT)


@part("hw3_3_1_features", weight=1.5, only_with=("test_input_ids", "test_target_ids"))
def test_target_mask(both, draw):
    for student, _ in ask_features(both, draw):
        check_mask(student, "target_ids", "target_attention_mask", TARGET)


@part("hw3_3_1_features", together="right together", keeps=1.0)
def test_features_together(both, draw):
    for student, reference in zip(*both(probes.own_features, batches=encoded(draw)), strict=True):
        check_features(student, reference)


def check_features(student: Any, reference: dict[str, Tensor]) -> None:
    for ids, mask, length in ((*FEATURES[:2], INPUT), (*FEATURES[2:], TARGET)):
        check_ids(student, reference, ids, length)
        check_mask(student, ids, mask, length)


# ----------------------------------------------------------------------------------------- 3.1 map


def rest(draw: Draw) -> dict[str, list[int]]:
    """What stands in the four columns beside the number of an example."""
    read, write = draw.whole(1, 9), draw.whole(1, 9)
    return {name: [draw.whole(100, 32_000) for _ in range(width)] for name, width in zip(
        FEATURES, (read, read + 1, write, write + 1), strict=True)}


@part("hw3_3_1_map", weight=2)
def test_both_steps(both, draw):
    sets = [numbered(draw, case.examples) for case in MAPPED.cover(draw, 3)]
    for student, reference in zip(*both(probes.prepared, sets=sets, rest=rest(draw)), strict=True):
        check_prepared(student)
        assert len(student) == len(reference), (
            f"of {len(reference)} examples `prepare` makes {len(student)}")
        for one, right in zip(student, reference, strict=True):
            seen = {int(torch.as_tensor(one[name]).flatten()[0])
                    for name in ("input_ids", "target_ids") if name in one}
            assert -1 not in seen, (
                "`convert_to_features` gets examples without the two texts: let the second `map` "
                "work on what the first one returned")
            assert -2 not in seen, (
                "`add_eos_to_examples` gets many examples at once, where it takes one at a time")
            for name in FEATURES:
                assert name in one, f"the prepared examples have no `{name}`"
                assert same(torch.as_tensor(one[name]), right[name]), (
                    f"`{name}` of the prepared examples is not what `convert_to_features` returned")


@part("hw3_3_1_map", weight=1)
def test_format(both, draw):
    columns = rest(draw)
    (student,), _ = both(probes.prepared, sets=[numbered(draw, draw.whole(1, 5))], rest=columns)
    check_prepared(student)
    for one in student:
        for name in FEATURES:
            assert name in one, (
                f"the prepared examples have no `{name}`: is it among the columns of the format?")
            assert isinstance(one[name], Tensor), f"`{name}` of a prepared example is no tensor"
            assert not one[name].is_floating_point(), (
                f"`{name}` of a prepared example holds floating-point numbers, no ids")
            assert one[name].flatten()[-1] == columns[name][-1], (
                f"`{name}` of a prepared example is not what `convert_to_features` returned")


@part("hw3_3_1_map", together="`prepare` must take one example at a time through "
      "`add_eos_to_examples`, and then all columns through `convert_to_features`. Yours is right "
      "only together with your own two functions, which costs a quarter of this part")
def test_map_together(both, draw):
    for case in MAPPED.cover(draw, 3):
        examples = [squad(draw) for _ in range(case.examples)]
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


VALUES = ("test_inputs_of_a_batch", "test_labels", "test_decoder_mask")


def check_batches(both: Any, draw: Draw, *names: str, says: str) -> list[Any]:
    """Compare what the collators make of some batches, which are returned."""
    asked = batches(draw)
    for student, reference in zip(*both(probes.collated, batches=asked), strict=True):
        _check_dictionary(student)
        for name in names:
            assert name in student, (
                f"the batch has no `{name}`, by which T5 would take it; other names it swallows")
            assert_close(student[name], reference[name], says.format(name))
    return asked


def _check_dictionary(batch: Any) -> None:
    if not isinstance(batch, dict):
        raise Wrong("the collator should return a dictionary")


@part("hw3_3_1_collator", weight=2)
def test_inputs_of_a_batch(both, draw):
    check_batches(both, draw, "input_ids", "attention_mask",
                  says="`{}` of the batch should be the examples' rows, stacked")


@part("hw3_3_1_collator", weight=4)
def test_labels(both, draw):
    asked = check_batches(
        both, draw, "labels",
        says="`{}` should be the targets' tokens, with -100 at padding and nowhere else")
    kinds, reference = both(probes.kinds, batches=asked)
    assert [one["labels"] for one in kinds] == [one["labels"] for one in reference], (
        "`labels` are not of type int64, as ids of tokens are and as cross-entropy wants them")


@part("hw3_3_1_collator", weight=2)
def test_decoder_mask(both, draw):
    check_batches(both, draw, "decoder_attention_mask",
                  says="`{}` should be the targets' masks, stacked")


@part("hw3_3_1_collator", weight=1, only_with=VALUES)
def test_names(both, draw):
    for student, reference in zip(*both(probes.collated, batches=batches(draw)), strict=True):
        _check_dictionary(student)
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


@part("hw3_3_1_collator", weight=2, only_with=VALUES)
def test_examples_stay(both, draw):
    asked = batches(draw)
    student, _ = both(probes.left, batches=asked)
    assert same(student, asked), (
        "the examples that went into the collator have changed: the data set would hold what you "
        "wrote, or lack what you took away")
