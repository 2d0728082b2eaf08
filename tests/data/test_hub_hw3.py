"""What homework 3 finds offline: two data sets, three models and a metric, under real names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from offline import scenes, sets, squad
from offline.hub import CHECKPOINTS, REPOSITORIES, lay_out

SWAG_COLUMNS = ["video-id", "fold-ind", "startphrase", "sent1", "sent2", "gold-source",
                "ending0", "ending1", "ending2", "ending3", "label"]
HW3 = ("distilbert/distilbert-base-uncased", "google-t5/t5-small",
       "mrm8488/t5-base-finetuned-squadv2", "allenai/swag", "rajpurkar/squad", "accuracy")

# What the notebook writes, with nothing changed; one process, for these imports take seconds.
CODE = r"""
import json
import evaluate
from datasets import load_dataset
from transformers import (AutoModelForMultipleChoice, AutoTokenizer, DistilBertTokenizerFast,
                          T5ForConditionalGeneration, T5Tokenizer)

seen = {}
swag, squad = load_dataset("allenai/swag", "regular"), load_dataset("rajpurkar/squad")
for name, loaded in (("swag", swag), ("squad", squad)):
    seen[name] = {
        "sizes": {split: len(rows) for split, rows in loaded.items()},
        "features": {column: repr(feature) for column, feature in loaded["train"].features.items()},
        "first": loaded["train"][0],
        "config": loaded["train"].info.config_name,
    }
seen["test labels"] = sorted(set(swag["test"]["label"]))
seen["mapped"] = swag.map(lambda rows: {"words": [len(r.split()) for r in rows["sent1"]]},
                          batched=True)["train"][0]["words"]
seen["answers"] = sorted({len(a["text"]) for a in squad["validation"]["answers"]})
name = "distilbert/distilbert-base-uncased"
tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True)
plain = DistilBertTokenizerFast.from_pretrained(name)
model = AutoModelForMultipleChoice.from_pretrained(name)
seen["distilbert"] = {
    "tokens": tokenizer.convert_ids_to_tokens([0, 1, 99, 100, 101, 102, 103]),
    "columns": list(tokenizer("One.", "two")), "columns of its own class": list(plain("One.")),
    "special": [tokenizer.cls_token_id, tokenizer.mask_token_id], "fast": tokenizer.is_fast,
    "longest": tokenizer.model_max_length, "words": len(tokenizer),
    "cased": tokenizer("Anna").input_ids == tokenizer("anna").input_ids,
    "config": model.config.to_dict(), "class": type(model).__name__,
}
for name in ("google-t5/t5-small", "mrm8488/t5-base-finetuned-squadv2"):
    tokenizer = T5Tokenizer.from_pretrained(name, model_max_length=512)
    model = T5ForConditionalGeneration.from_pretrained(name)
    seen[name] = {
        "tokens": tokenizer.convert_ids_to_tokens([0, 1, 2]), "words": len(tokenizer),
        "sentinels": tokenizer.convert_tokens_to_ids(["<extra_id_0>", "<extra_id_99>"]),
        "ends": tokenizer("Anna </s>").input_ids[-2:], "longest": tokenizer.model_max_length,
        "auto": AutoTokenizer.from_pretrained(name)("a b").input_ids == tokenizer("a b").input_ids,
        "back": tokenizer.decode(tokenizer("Anna Kim lives in Seoul.").input_ids,
                                 skip_special_tokens=True),
        "config": model.config.to_dict(),
    }
accuracy = evaluate.load("accuracy")
seen["accuracy"] = [accuracy.compute(predictions=[0, 1, 1, 2], references=[0, 1, 0, 2]),
                    accuracy.compute(predictions=[0, 1], references=[0, 0], normalize=False),
                    accuracy.compute(predictions=[0, 1], references=[0, 0], sample_weight=[3, 1])]
accuracy.add_batch(predictions=[0, 1], references=[0, 1])
accuracy.add_batch(predictions=[3], references=[1])
seen["accuracy"].append(accuracy.compute())
multilabel = evaluate.load("accuracy", "multilabel")
seen["accuracy"].append(multilabel.compute(predictions=[[0, 1], [1, 1]],
                                           references=[[0, 1], [0, 1]]))
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub's folder, to be HF_HOME."""
    home = tmp_path_factory.mktemp("hf")
    lay_out(home, tuple(r for r in REPOSITORIES if r.name in HW3))
    return home


@pytest.fixture(scope="module")
def seen(laid_out: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a notebook sees offline."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_HOME": str(laid_out), "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, timeout=120, capture_output=True, text=True,
        cwd=tmp_path_factory.mktemp("elsewhere"))
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_swag_has_the_real_columns_splits_and_labels(seen: dict[str, Any]) -> None:
    swag = seen["swag"]
    assert swag["sizes"] == {"train": 1200, "validation": 300, "test": 200}
    assert list(swag["features"]) == SWAG_COLUMNS
    assert swag["features"]["label"] == "ClassLabel(names=['0', '1', '2', '3'])"
    assert {swag["features"][name] for name in SWAG_COLUMNS[:-1]} == {"Value('string')"}
    assert swag["config"] == "regular"
    assert seen["test labels"] == [-1]
    assert seen["mapped"] == len(swag["first"]["sent1"].split())


def test_squad_has_the_real_columns_splits_and_answers(seen: dict[str, Any]) -> None:
    squad_seen = seen["squad"]
    assert squad_seen["sizes"] == {"train": 800, "validation": 200}
    assert squad_seen["features"] == {
        **{name: "Value('string')" for name in ("id", "title", "context", "question")},
        "answers": "{'text': List(Value('string')), 'answer_start': List(Value('int32'))}"}
    assert squad_seen["config"] == "plain_text"
    assert len(squad_seen["first"]["answers"]["text"]) == 1
    assert seen["answers"] == [3]


def test_distilbert_has_the_real_ids_and_dropout(seen: dict[str, Any]) -> None:
    model = seen["distilbert"]
    assert model["class"] == "DistilBertForMultipleChoice"
    assert model["tokens"] == ["[PAD]", "[unused0]", "[unused98]", "[UNK]", "[CLS]", "[SEP]",
                               "[MASK]"]
    assert model["special"] == [101, 103]
    assert model["fast"] and model["longest"] == 512 and model["cased"]
    # Today's library reads this checkpoint with BertTokenizer, which returns token types.
    assert model["columns"] == ["input_ids", "token_type_ids", "attention_mask"]
    assert model["columns of its own class"] == ["input_ids", "attention_mask"]
    config = model["config"]
    assert (config["attention_dropout"], config["dropout"], config["seq_classif_dropout"],
            config["qa_dropout"]) == (0.1, 0.1, 0.2, 0.1)
    assert config["architectures"] == ["DistilBertForMaskedLM"] or config["architectures"] is None
    assert config["vocab_size"] == model["words"] and config["dim"] % 4 == 0
    assert "stand-in" in config["stand_in"]


@pytest.mark.parametrize("name", ["google-t5/t5-small", "mrm8488/t5-base-finetuned-squadv2"])
def test_t5_has_the_real_ids_and_sentinels_at_the_end(seen: dict[str, Any], name: str) -> None:
    model = seen[name]
    assert model["tokens"] == ["<pad>", "</s>", "<unk>"]
    assert model["sentinels"] == [model["words"] - 1, model["words"] - 100]
    assert model["ends"] == [1, 1], "a literal </s> and the tokenizer's own"
    assert model["longest"] == 512 and model["auto"]
    assert model["back"] == "Anna Kim lives in Seoul."
    config = model["config"]
    assert (config["pad_token_id"], config["eos_token_id"], config["decoder_start_token_id"],
            config["dropout_rate"], config["vocab_size"]) == (0, 1, 0, 0.1, model["words"])
    assert "stand-in" in config["stand_in"]


def test_accuracy_is_called_as_the_librarys(seen: dict[str, Any]) -> None:
    assert seen["accuracy"] == [{"accuracy": 0.75}, {"accuracy": 1.0}, {"accuracy": 0.75},
                                {"accuracy": pytest.approx(2 / 3)}, {"accuracy": 0.5}]


def test_a_second_time_changes_nothing(laid_out: Path) -> None:
    repositories = tuple(r for r in REPOSITORIES if r.name in HW3)

    def names() -> set[Path]:
        return {path for path in laid_out.rglob("*") if ".lock" not in path.name}

    before = names()
    lay_out(laid_out, repositories)
    assert names() == before


@pytest.mark.parametrize("folder", ["scenes", "spans", "answers"])
def test_a_checkpoint_is_small(folder: str) -> None:
    files = [path for path in (CHECKPOINTS / folder).iterdir() if path.is_file()]
    assert 1e6 < sum(path.stat().st_size for path in files) < 4e6


def test_the_right_ending_goes_on_with_what_was_begun() -> None:
    """The activity that a beginning is of has the right ending, and no other one as well."""
    def kind_of(text: str, ending: bool) -> set[tuple[int, str]]:
        """The activities, with the thing, that say this."""
        return {(number, thing) for number, activity in enumerate(scenes.ACTIVITIES)
                for template in (activity.goes_on if ending else activity.begins)
                for thing in activity.things
                if template.replace("{t}", thing).rstrip(".") in text}

    for row in scenes.rows("train", 200, Random(0)):
        fits = [bool(kind_of(row["sent1"], False) & kind_of(row[f"ending{i}"], True))
                for i in range(4)]
        assert fits == [i == row["label"] for i in range(4)], row


def test_rows_of_swag_read_like_english() -> None:
    rows = list(scenes.rows("validation", 300, Random(1)))
    for row in rows:
        assert row["startphrase"] == f"{row['sent1']} {row['sent2']}"
        assert re.fullmatch(r"[A-Z][a-zA-Z ,]+\.", row["sent1"]), row["sent1"]
        assert re.fullmatch(r"[A-Z][a-zA-Z ,]*[a-z]", row["sent2"]), row["sent2"]
        endings = [row[f"ending{i}"] for i in range(4)]
        assert len(set(endings)) == 4
        assert all(re.fullmatch(r"[a-z][a-zA-Z ,]+\.", ending) for ending in endings), endings
    assert {row["label"] for row in rows} == {0, 1, 2, 3}
    assert len({len(row["ending0"].split()) for row in rows}) > 5, "collators have to pad"
    assert len({json.dumps(row) for row in rows}) == len(rows)


def test_answers_of_squad_stand_in_their_contexts() -> None:
    longer = 0
    for row in squad.rows("validation", 200, Random(2)):
        texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
        assert len(texts) == len(starts) == 3
        for text, start in zip(texts, starts, strict=True):
            assert row["context"][start:].startswith(text)
        longer += texts[1] != texts[0]
        assert re.fullmatch("[0-9a-f]{24}", row["id"])
        assert row["question"].endswith("?") and " " not in row["title"]
    assert longer > 20, "some people mark the article too"


def test_the_splits_share_no_example() -> None:
    drawn = {}
    for split, size in sets.SWAG.sizes.items():
        rows = scenes.rows(split, size, Random(f"swag {split} {sets.SWAG.seed}"))
        drawn[split] = {(row["startphrase"], row["ending0"], row["ending1"]) for row in rows}
    assert len(set.union(*drawn.values())) == sum(sets.SWAG.sizes.values())


def test_the_fine_tuned_t5_answers_new_questions() -> None:
    from transformers import T5ForConditionalGeneration, T5Tokenizer

    from offline.train_answers import FORMATS, exact_match

    tokenizer = T5Tokenizer.from_pretrained(CHECKPOINTS / "answers")
    model = T5ForConditionalGeneration.from_pretrained(CHECKPOINTS / "answers").eval()
    for prompt in FORMATS[:3]:
        assert exact_match(model, tokenizer, 100, seed=1, prompt=prompt) >= 0.8, prompt


@pytest.mark.training
def test_distilbert_learns_swag_in_sixty_steps() -> None:
    from offline.rehearse_scenes import rehearse

    assert rehearse(steps=60, seed=1) >= 0.6
