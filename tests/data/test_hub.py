"""The offline hub: laid out as the libraries expect, and what lies there can do its work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from offline.hub import REPOSITORIES, HubError, Repository, lay_out
from offline.questions import draw_example, listed

REPO = Path(__file__).parents[2]
QUESTIONS = "google-bert/bert-large-uncased-whole-word-masking-finetuned-squad"
CAPTIONS = "google/pix2struct-base"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An offline hub, to be HF_HOME."""
    folder = tmp_path_factory.mktemp("hf")
    lay_out(folder)
    return folder


@pytest.fixture
def made_up(tmp_path: Path) -> Repository:
    """A repository of one file."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text("{}")
    return Repository("somebody/something", source)


def snapshot_of(home: Path, name: str) -> str:
    """Where the hub's own library finds a repository, offline."""
    from huggingface_hub import snapshot_download

    return snapshot_download(name, cache_dir=home / "hub", local_files_only=True)


def run_offline(home: Path, code: str) -> str:
    """Run code as a student's machine without network would; return what it prints."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    finished = subprocess.run([sys.executable, "-c", code], env=environment, timeout=120,
                              capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_hubs_library_finds_what_was_laid_out(made_up: Repository, tmp_path: Path) -> None:
    [(_, snapshot)] = lay_out(tmp_path / "hf", (made_up,))
    assert snapshot_of(tmp_path / "hf", made_up.name) == str(snapshot)
    assert (snapshot / "config.json").read_text() == "{}"


def test_a_second_time_changes_nothing(made_up: Repository, tmp_path: Path) -> None:
    def laid_out() -> dict[Path, int]:
        [(_, snapshot)] = lay_out(tmp_path / "hf", (made_up,))
        return {path: path.stat().st_mtime_ns for path in [snapshot, *tmp_path.rglob("hf/**/*")]}

    assert laid_out() == laid_out()


def test_other_content_is_another_revision(made_up: Repository, tmp_path: Path) -> None:
    [(_, before)] = lay_out(tmp_path / "hf", (made_up,))
    (made_up.source / "config.json").write_text("[]")
    [(_, after)] = lay_out(tmp_path / "hf", (made_up,))
    assert snapshot_of(tmp_path / "hf", made_up.name) == str(after)
    assert (after / "config.json").read_text() == "[]"
    assert after != before and not before.exists()


def test_a_revision_cut_short_is_not_found(
        made_up: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stops in the middle leaves neither half a snapshot nor a scratch folder."""
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="disk is full"):
        lay_out(tmp_path / "hf", (made_up,))
    left = [path for path in (tmp_path / "hf").rglob("*") if path.is_file()]
    assert left == []


def test_a_missing_source_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"somebody/something.*README"):
        lay_out(tmp_path / "hf", (Repository("somebody/something", tmp_path / "nowhere"),))


def test_the_command_says_where_the_hub_lies(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, REPO / "data" / "prepare.py", "hub", "--out", tmp_path],
        capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert f"HF_HOME={tmp_path / 'hf'}" in finished.stdout
    for repository in REPOSITORIES:
        assert repository.name in finished.stdout
        if repository.kind == "models":
            assert Path(snapshot_of(tmp_path / "hf", repository.name), "config.json").is_file()


def test_a_checkpoint_is_small(home: Path) -> None:
    for name in (QUESTIONS, CAPTIONS):
        size = sum(path.stat().st_size for path in Path(snapshot_of(home, name)).iterdir())
        assert size < 5e6, name


def test_the_names_load_offline_as_they_do_online(home: Path) -> None:
    printed = run_offline(home, f"""
from transformers import (AutoModelForQuestionAnswering, AutoTokenizer,
                          Pix2StructForConditionalGeneration, Pix2StructProcessor)
tokenizer = AutoTokenizer.from_pretrained("{QUESTIONS}")
model = AutoModelForQuestionAnswering.from_pretrained("{QUESTIONS}")
print(tokenizer.is_fast, tokenizer.model_max_length, list(tokenizer("Who?", "Ada.")))
print(type(model).__name__, model.dtype, model.config.stand_in)
processor = Pix2StructProcessor.from_pretrained("{CAPTIONS}")
model = Pix2StructForConditionalGeneration.from_pretrained("{CAPTIONS}")
print(processor.image_processor.patch_size, model.dtype, model.config.stand_in)
caption = "a cartoon green dragon with a red scarf and a small crown at night"
ids = processor.tokenizer(caption).input_ids
print(len(ids), processor.decode(ids, skip_special_tokens=True) == caption)
""")
    lines = printed.splitlines()
    assert lines[0] == "True 512 ['input_ids', 'token_type_ids', 'attention_mask']"
    assert lines[1].startswith("BertForQuestionAnswering torch.float32 This is a small stand-in")
    assert "16" in lines[2] and "torch.float32 This is a small stand-in" in lines[2]
    assert lines[3] == "15 True"


def test_examples_hold_their_answer() -> None:
    for seed in range(300):
        example = draw_example(2 + seed % 7, "held-out" if seed % 2 else "train", Random(seed))
        assert example.context[example.answer_start:].startswith(example.answer)
        assert example == draw_example(2 + seed % 7, "held-out" if seed % 2 else "train",
                                       Random(seed))


def test_what_is_held_out_is_held_out() -> None:
    for kind in ("PEOPLE", "SURNAMES", "PLACES"):
        assert set(listed(kind, "train")).isdisjoint(listed(kind, "held-out"))


def test_the_small_model_answers_held_out_questions(home: Path) -> None:
    from transformers import BertForQuestionAnswering, BertTokenizer

    from offline.train_questions import exact_match

    snapshot = snapshot_of(home, QUESTIONS)
    model = BertForQuestionAnswering.from_pretrained(snapshot).eval()
    tokenizer = BertTokenizer.from_pretrained(snapshot)
    assert exact_match(model, tokenizer, 300, "held-out", seed=1) >= 0.9
