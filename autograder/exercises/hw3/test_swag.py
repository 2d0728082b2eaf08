"""Hidden tests of hw3, 2.1: from sentences to batches. They run in the judge."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from autograder.testing import Draw, Whole, Wrong, assert_close, part, same

from . import probes_swag as probes
from .domain_swag import BATCH, EXAMPLES, OPTIONS
from .inputs_swag import (
    READABLE,
    Features,
    columns,
    features,
    long_columns,
    sentence,
    splits,
    vocabulary,
    whole,
)


def examples(draw: Draw, **fixed: Any) -> dict[str, list[Any]]:
    return columns(draw, EXAMPLES.draw(draw, **fixed).count)


# -------------------------------------------------------------------------------- 2.1 explain


def lines(text: str) -> list[str]:
    """The lines of a text in small letters and single spaces, empty ones left out."""
    found = [" ".join(line.lower().replace("*", " ").split()) for line in text.splitlines()]
    return [line for line in found if line]


def explained(both: Any, draw: Draw, label: int) -> tuple[dict[str, Any], list[str], str]:
    one = examples(draw, count=1)
    example = {name: values[0] for name, values in one.items()} | {"label": label}
    student, _ = both(probes.explained, example=example)
    found = lines(student["text"])
    return example, found, "\n".join(found)


@part("hw3_2_1_explain", weight=1)
def test_context_is_shown(both, draw):
    example, found, text = explained(both, draw, draw.whole(0, 3))
    assert any(re.match(r"\W*context", line) for line in found), "no line begins with `Context`"
    assert example["sent1"].lower() in text, "the context, `sent1`, is not shown"


@part("hw3_2_1_explain", weight=2)
def test_endings_are_shown(both, draw):
    example, found, text = explained(both, draw, draw.whole(0, 3))
    assert example["sent2"].lower() in text, "`sent2`, with which each ending begins, is not shown"
    for number, letter in enumerate("abcd"):
        ending = example[f"ending{number}"].lower()
        assert any(re.match(rf"\W*{letter}\W{{0,2}}-", line) and line.endswith(ending)
                   for line in found), (
            f"the line `{letter.upper()}- ...` with `ending{number}` is missing, or has another "
            "ending")


@part("hw3_2_1_explain", weight=2)
def test_ground_truth_is_shown(both, draw):
    for label in draw.several(range(4)):
        letter = "abcd"[label]
        _, found, _ = explained(both, draw, label)
        truth = [line for line in found if "ground truth" in line]
        assert truth, "no line says `Ground truth: option X`"
        assert re.search(rf"option\W*{letter}\b", truth[-1]), (
            f"where `label` is {label}, the last line should name option {letter.upper()}")


# ------------------------------------------------------------------------------ 2.1 tokenizer


@part("hw3_2_1_tokenizer")
def test_tokenizer(both, draw):
    texts = [[sentence(draw, 5).title(), sentence(draw, 4)], [sentence(draw, 6).upper()]]
    student, reference = both(probes.cuts, texts=texts)
    assert student["ids"] == reference["ids"], (
        "`tokenizer` does not make the same tokens of a text as that of distilbert-base-uncased")
    assert student["fast"] is True, "`tokenizer` is not the fast one"


# ----------------------------------------------------------------------------- 2.1 preprocess

FORM = "`preprocess_function` should return a mapping with `input_ids` and `attention_mask`"


def read_rows(returned: Any, name: str, count: int) -> list[list[list[int]]]:
    """The sequences of each example. Raises Wrong where they cannot be read."""
    if not isinstance(returned, dict):
        raise Wrong(FORM)
    if name not in returned:
        raise Wrong(f"{FORM}; there is no `{name}`")
    rows = returned[name]
    rows = rows.tolist() if isinstance(rows, Tensor) else rows
    if not isinstance(rows, (list, tuple)) or len(rows) != count:
        raise Wrong(f"of {count} examples `{name}` should be a list with {count} entries, "
                    "one for each example")
    found = [[whole(row) for row in four] if isinstance(four, (list, tuple)) else [None]
             for four in rows]
    if any(len(four) != 4 or None in four for four in found):
        raise Wrong(f"each entry of `{name}` should be a list of four sequences, and each of these "
                    "a list of numbers")
    return found


def preprocess(both: Any, draw: Draw, given: dict[str, list], name: str) -> tuple[list, list]:
    student, reference = both(probes.preprocessed, vocabulary=vocabulary(draw), examples=given)
    count = len(given["sent1"])
    return read_rows(student, name, count), read_rows(reference, name, count)


def several_columns(draw: Draw) -> list[dict[str, list]]:
    """Two batches of different sizes, neither of which is a single example."""
    return [examples(draw, count=count) for count in draw.several((5, Whole(2, 4)))]


@part("hw3_2_1_preprocess", weight=4)
def test_pairs(both, draw):
    for given in several_columns(draw):
        found, wanted = preprocess(both, draw, given, "input_ids")
        if sorted(row for four in found for row in four) == sorted(
                row for four in wanted for row in four):
            assert found == wanted, (
                "all pairs are there, but not each with the other three of its example: in which "
                "order are they flattened, and unflattened?")
        assert found == wanted, (
            "the sequences are not [CLS] sent1 [SEP] sent2 ending [SEP], unpadded, four for each "
            "example: decode some, and look")


@part("hw3_2_1_preprocess", weight=1)
def test_pairs_of_one_example(both, draw):
    found, wanted = preprocess(both, draw, examples(draw, count=1), "input_ids")
    assert found == wanted, "a batch of a single example does not give its four sequences"


@part("hw3_2_1_preprocess", weight=1, only_with=(
    "test_pairs", "test_pairs_of_one_example", "test_truncation"))
def test_masks(both, draw):
    tokens, given = vocabulary(draw), examples(draw)
    student, _ = both(probes.preprocessed, vocabulary=tokens, examples=given)
    ids, masks = (read_rows(student, name, len(given["sent1"])) for name in probes.INPUTS)
    assert masks == [[[1] * len(row) for row in four] for four in ids] and not any(
        tokens.index("[PAD]") in row for four in ids for row in four), (
        "`attention_mask` should have a 1 for each token: as long as `input_ids`, and no padding")


@part("hw3_2_1_preprocess", weight=1)
def test_truncation(both, draw):
    found, wanted = preprocess(both, draw, long_columns(draw), "input_ids")
    pairs = [(row, right) for rows in zip(found, wanted, strict=True)
             for row, right in zip(*rows, strict=True) if len(right) == READABLE]
    assert all(len(row) <= len(right) for row, right in pairs), (
        "a pair that is too long for the model should be cut to what the model can read")
    assert all(len(row) == len(right) and row[-1] == right[-1] for row, right in pairs), (
        "of a pair that is too long more is cut off than has to be, or its last [SEP]")


@part("hw3_2_1_preprocess", together="right together", keeps=1.0)
def test_preprocess_together(both, draw):
    for given in (*several_columns(draw), examples(draw, count=1), long_columns(draw)):
        student, reference = both(probes.preprocessed_with_own, examples=given)
        for name in ("input_ids", "attention_mask"):
            count = len(given["sent1"])
            assert read_rows(student, name, count) == read_rows(reference, name, count), "others"


# ------------------------------------------------------------------------------------ 2.1 map


@part("hw3_2_1_map")
def test_map(both, draw):
    given = splits(draw)
    student, reference = both(probes.mapped, splits=given)
    if "splits" not in student:
        raise Wrong("`encode_splits` should return what `map` returns: a data set with all splits")
    found, wanted = student["splits"], reference["splits"]
    assert set(found) == set(wanted), (
        f"the splits {', '.join(given)} go in, and {', '.join(map(str, found)) or 'none'} come "
        "back")
    for split in wanted:
        assert set(wanted[split]) <= set(found[split]), (
            "the columns `input_ids`, `attention_mask` and `label` should be there in every split")
        assert len(found[split]["label"]) == len(wanted[split]["label"]), (
            f"the split {split} has another number of examples: each of them is to be encoded")
        assert found[split]["label"] == wanted[split]["label"], "the labels are no longer the same"
        ids = found[split]["input_ids"]
        assert not any(four and four[0] and four[0][0] == 0 for four in ids), (  # as one example
            "`preprocess_function` should be called with several examples at once: see `batched` "
            "in the documentation of `map`")
        for name in probes.INPUTS:
            assert found[split][name] == wanted[split][name], (
                f"`{name}` in the split {split} is not what `preprocess_function` returns")


@part("hw3_2_1_map", together="right together", keeps=1.0)
def test_map_together(both, draw):
    student, reference = both(probes.mapped_with_own, splits=splits(draw))
    assert same(student, reference), "other columns"


# ------------------------------------------------------------------------------- 2.1 collator

LIBRARY = ("this is the library's collator. The exercise is to write one: flatten, pad, unflatten, "
           "and add the labels yourself")


VALUES = ("test_batch", "test_batch_masks", "test_labels", "test_labels_by_their_other_name")


def collate(both: Any, given: Features, **options: Any
            ) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """The student's batch, the reference's, and whether the examples are as they were."""
    student, reference = both(probes.collated, vocabulary=given.vocabulary,
                              features=given.examples, **options)
    if student["library"]:
        raise Wrong(LIBRARY)
    batch = student["batch"]
    if not isinstance(batch, dict):
        raise Wrong("the collator should return a dictionary of tensors")
    return batch, reference["batch"], student["untouched"]


def drawn(draw: Draw, **fixed: Any) -> Features:
    return features(draw, BATCH.draw(draw, **fixed))


def check(batch: dict[str, Any], wanted: dict[str, Any], name: str, says: str) -> None:
    if name not in batch:
        raise Wrong(f"there is no `{name}` in the batch")
    assert_close(batch[name], wanted[name], says)


@part("hw3_2_1_collator", weight=4)
def test_batch(both, draw):
    for case in BATCH.cover(draw, 3):
        batch, wanted, _ = collate(both, features(draw, case))
        check(batch, wanted, "input_ids",
              "`input_ids` should be [B, 4, L], the four sequences of each example in its own "
              "block, padded to the longest of this batch with the tokenizer's padding token")


@part("hw3_2_1_collator", weight=2)
def test_batch_masks(both, draw):
    given = drawn(draw, padding="some")
    batch, wanted, _ = collate(both, given)
    says = "`attention_mask` should have the shape of `input_ids`, 1 at tokens and 0 at padding"
    ids = batch.get("input_ids")
    if not isinstance(ids, Tensor):  # whose own order is judged above
        check(batch, wanted, "attention_mask", says)
    check(batch, {"attention_mask": (ids != given.pad).long()}, "attention_mask", says)
    tokens = [sorted(mask.sum(dim=-1).flatten().tolist())
              for mask in (batch["attention_mask"], wanted["attention_mask"])]
    assert tokens[0] == tokens[1], says


@part("hw3_2_1_collator", weight=2)
def test_labels(both, draw):
    batch, wanted, _ = collate(both, drawn(draw, count=Whole(4, 5)))  # all four are right
    check_labels(batch, wanted)


def check_labels(batch: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = batch.get("labels")
    if found is None:
        raise Wrong("there are no `labels` in the batch: the model knows them by this name")
    if not isinstance(found, Tensor):
        raise Wrong("`labels` is no tensor")
    assert found.dtype == torch.int64, (
        f"`labels` is {str(found.dtype).removeprefix('torch.')}: the number of an ending is an "
        "integer, int64")
    found = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found  # [B, 1] will do
    assert_close(found, wanted["labels"], "`labels` should be the label of each example, [B]")


@part("hw3_2_1_collator", weight=0.5)
def test_labels_by_their_other_name(both, draw):
    given = drawn(draw)
    renamed = [{"labels" if key == "label" else key: value for key, value in one.items()}
               for one in given.examples]
    batch, wanted, _ = collate(both, replace(given, examples=renamed))
    check_labels(batch, wanted)


@part("hw3_2_1_collator", weight=1.5, only_with=VALUES)
def test_other_columns(both, draw):
    plain = drawn(draw)
    more = [{**one, "sent1": sentence(draw, 3), "number": draw.whole(0, 99),
             "token_type_ids": [[0] * len(row) for row in one["input_ids"]]}
            for one in plain.examples]
    batch, wanted, _ = collate(both, replace(plain, examples=more))
    alone, _, _ = collate(both, plain)
    assert same(batch.get("input_ids"), alone.get("input_ids")), (
        "columns that the model does not know change the batch")
    extra = sorted(str(key) for key in set(batch) - set(wanted))
    assert not extra, (f"the batch also holds {', '.join(extra)}: only `input_ids`, "
                       "`attention_mask` and `labels` belong there")


@part("hw3_2_1_collator", weight=2, only_with=VALUES)
def test_examples_stay_as_they_are(both, draw):
    for given in (drawn(draw), drawn(draw, count=1)):
        _, _, untouched = collate(both, given)
        assert untouched, (
            "the examples that the collator is given are not the same afterwards: whoever gives "
            "them may need them again")


@part("hw3_2_1_collator", weight=1)
def test_options_of_padding(both, draw):
    for case in OPTIONS.cover(draw, 2):
        shows = [length for length in range(3, 13) if length % case.multiple]
        given = drawn(draw, padding="some", longest=draw.among(shows))
        options = {"pad_to_multiple_of": case.multiple}
        if case.fixed:
            options = {"padding": "max_length", "max_length": case.longest}
        batch, wanted, _ = collate(both, given, options=options, side=case.side)
        assert padded(batch, given) == padded(wanted, given), (
            f"`{'` and `'.join(options)}` should mean what they mean for `tokenizer.pad`")


def padded(batch: dict[str, Any], given: Features) -> list[list[bool]] | None:
    """Where each sequence is padded, whatever their order, which is judged above."""
    found = batch.get("input_ids")
    if not isinstance(found, Tensor) or found.ndim < 2:
        return None
    return sorted((found.flatten(end_dim=-2) == given.pad).tolist())
