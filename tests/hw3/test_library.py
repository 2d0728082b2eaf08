"""What hw3 and its feedback say of the libraries, tried on those that are installed.

docs/library-statements.md lists the statements, each with its test here.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from conftest import DATA
from datasets import Dataset
from torch import Tensor, nn
from transformers import (
    AutoModel,
    DistilBertConfig,
    DistilBertForMultipleChoice,
    DistilBertModel,
    DistilBertPreTrainedModel,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5Config,
    T5ForConditionalGeneration,
    Trainer,
    TrainingArguments,
)
from versions import EXERCISE, OFFLINE, cells_of

from autograder.exercise.solution import solved_files
from autograder.exercises.hw3 import probes_given, squad_texts
from autograder.judge.domain import Draw

IDS = torch.tensor([[5, 9, 1]])


def config() -> DistilBertConfig:
    return DistilBertConfig(vocab_size=60, dim=16, n_layers=1, n_heads=2, hidden_dim=16,
                            max_position_embeddings=16, dropout=0, attention_dropout=0,
                            seq_classif_dropout=0)


class Own(DistilBertPreTrainedModel):
    """A class as students write it in 2.3."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.score = nn.Linear(config.dim, 1)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                labels: Tensor | None = None) -> Any:
        flat = input_ids.view(-1, input_ids.shape[-1])
        logits = self.score(self.distilbert(flat).last_hidden_state[:, 0]).view(-1, 4)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class OwnWithKwargs(Own):
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, **kwargs: Any) -> Any:
        return super().forward(input_ids, attention_mask, labels)


class OwnInATuple(Own):
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                labels: Tensor | None = None) -> Any:
        found = super().forward(input_ids, attention_mask, labels)
        return found["logits"].sum() * 0 - 7, found["loss"]


def t5() -> T5ForConditionalGeneration:
    return T5ForConditionalGeneration(T5Config(
        vocab_size=60, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2, dropout_rate=0,
        decoder_start_token_id=0))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A pre-trained checkpoint, so to speak."""
    torch.manual_seed(5)
    DistilBertModel(config()).save_pretrained(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def choices(rows: int) -> Dataset:
    draw = torch.Generator().manual_seed(1)
    return Dataset.from_dict({
        "input_ids": torch.randint(5, 60, (rows, 4, 6), generator=draw).tolist(),
        "attention_mask": torch.ones(rows, 4, 6, dtype=torch.int64).tolist(),
        "labels": torch.randint(0, 4, (rows,), generator=draw).tolist()}).with_format("torch")


def texts(rows: int) -> Dataset:
    draw = torch.Generator().manual_seed(1)
    return Dataset.from_dict({
        "input_ids": torch.randint(5, 60, (rows, 6), generator=draw).tolist(),
        "labels": torch.randint(5, 60, (rows, 4), generator=draw).tolist()}).with_format("torch")


def trained(folder: Path, model: nn.Module, data: Dataset, **options: Any) -> Trainer:
    args = TrainingArguments(str(folder), **{
        "use_cpu": True, "report_to": "none", "disable_tqdm": True, "max_steps": 1,
        "logging_steps": 1, "save_strategy": "no", "remove_unused_columns": False, **options})
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer(model, args, train_dataset=data, eval_dataset=data,
                          compute_metrics=options.get("metrics"))
        trainer.train()
    return trainer


# ---------------------------------------------------------------------------- the best checkpoint

EVERY = {"eval_strategy": "steps", "eval_steps": 3, "save_strategy": "steps", "save_steps": 6,
         "save_total_limit": 2, "max_steps": 18, "load_best_model_at_end": True,
         "metric_for_best_model": "accuracy", "per_device_train_batch_size": 4}


def loaded(folder: Path, accuracies: list[float], **options: Any) -> tuple[int, int | None]:
    """The step of the best evaluation, and of the checkpoint that is loaded; None for none."""
    given = iter(accuracies)
    args = TrainingArguments(str(folder), **{
        **EVERY, "use_cpu": True, "report_to": "none", "disable_tqdm": True,
        "remove_unused_columns": False, **options})
    trainer = Trainer(Own(config()), args, train_dataset=choices(4), eval_dataset=choices(4),
                      compute_metrics=lambda _: {"accuracy": next(given)})
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train()
    found = trainer.state.best_model_checkpoint
    return trainer.state.best_global_step, int(Path(found).name.split("-")[1]) if found else None


@pytest.mark.parametrize("best", range(6))
@pytest.mark.parametrize("order", ["rising", "falling"])
def test_the_best_evaluation_is_loaded_only_where_it_was_saved(tmp_path: Path, best: int,
                                                               order: str) -> None:
    """Evaluated every 3 steps and saved every 6, as 300 and 600: an earlier one, or none."""
    rest = [.1 * step for step in range(1, 7)]
    accuracies = rest if order == "rising" else rest[::-1]
    accuracies[best] = .9
    first = [max(range(step), key=accuracies.__getitem__) + 1 for step in (2, 4, 6)]
    so_far = [3 * one for one, end in zip(first, (2, 4, 6), strict=True) if one == end]
    assert loaded(tmp_path, accuracies) == (3 * (best + 1), so_far[-1] if so_far else None)


@pytest.mark.parametrize("best", [0, 2, 5])
@pytest.mark.parametrize("options", [{"save_steps": 3}, {"save_strategy": "best"}])
def test_what_is_accepted_besides_loads_the_best_evaluation(
        tmp_path: Path, best: int, options: dict[str, Any]) -> None:
    accuracies = [.3, .1, .2, .25, .15, .1]
    accuracies[best] = .9
    assert loaded(tmp_path, accuracies, **options) == (3 * (best + 1), 3 * (best + 1))


def test_saving_must_be_a_multiple_of_evaluation() -> None:
    with pytest.raises(ValueError, match="round multiple"):
        TrainingArguments("x", **{**EVERY, "save_steps": 5})


def test_defaults_are_what_feedback_says() -> None:
    args = TrainingArguments("x")
    assert (args.per_device_train_batch_size, args.per_device_eval_batch_size) == (8, 8)
    assert (args.learning_rate, args.save_steps, args.max_grad_norm) == (5e-5, 500, 1)
    assert TrainingArguments("x", **{**EVERY, "metric_for_best_model": None}
                             ).metric_for_best_model == "loss"


# --------------------------------------------------------------------- accumulation of gradients


@pytest.mark.parametrize(("make", "data", "times"), [
    (t5, texts, True), (lambda: DistilBertForMultipleChoice(config()), choices, True),
    (lambda: OwnWithKwargs(config()), choices, True), (lambda: Own(config()), choices, False)])
@pytest.mark.parametrize("batches", [2, 4])
def test_loss_and_gradient_are_added_up_where_forward_takes_kwargs(
        tmp_path: Path, make: Callable[[], nn.Module], data: Callable[[int], Dataset], times: bool,
        batches: int) -> None:
    seen, moved = [], []
    for count in (1, batches):
        torch.manual_seed(3)
        model = make()
        before = [weight.detach().clone() for weight in model.parameters()]
        trainer = trained(tmp_path, model, data(16), per_device_train_batch_size=16 // count,
                          gradient_accumulation_steps=count, learning_rate=1e-3)
        seen.append(trainer.state.log_history[0])
        moved.append(sum(float((new - old).abs().sum())
                         for new, old in zip(model.parameters(), before, strict=True)))
    factor = batches if times else 1
    for name in ("loss", "grad_norm"):
        assert seen[1][name] == pytest.approx(factor * seen[0][name], rel=1e-3)
    assert moved[1] == pytest.approx(moved[0], rel=0.1)  # AdamW: the step is about the same


def test_the_loss_of_an_evaluation_is_the_plain_mean(tmp_path: Path) -> None:
    torch.manual_seed(3)
    trainer = trained(tmp_path, t5(), texts(16), gradient_accumulation_steps=4, learning_rate=0,
                      per_device_train_batch_size=4, per_device_eval_batch_size=16)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluated = trainer.evaluate()["eval_loss"]
    assert trainer.state.log_history[0]["loss"] == pytest.approx(4 * evaluated, rel=1e-3)


def test_the_notebook_shows_it() -> None:
    cells = {cell.id: cell.source for cell in cells_of(solved_files(EXERCISE))}
    set_up = next(source for source in cells.values() if "def tell_best" in source)
    done = subprocess.run([sys.executable, "-c", f"{set_up}\n{cells['accumulation']}"], text=True,
                          capture_output=True, timeout=120, env=os.environ | OFFLINE)
    found = re.findall(r"^(\w+): ([\d.]+) in one batch, ([\d.]+) in four$", done.stdout, re.M)
    assert [name for name, *_ in found] == ["loss", "grad_norm"], done.stderr
    for _, once, four in found:
        assert float(four) == pytest.approx(4 * float(once), rel=0.01)


# ------------------------------------------------------------------------- a class of one's own


def test_an_additive_mask_is_read_the_wrong_way_round() -> None:
    torch.manual_seed(3)
    model = DistilBertModel(config()).eval()
    ids, mask = torch.tensor([[7, 8, 9, 10, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
    right, additive, inverted = (
        model(ids, attention_mask=one).last_hidden_state[:, 0]
        for one in (mask, (1.0 - mask) * -10_000, 1 - mask))
    assert torch.allclose(additive, inverted) and not torch.allclose(additive, right, atol=1e-4)


def test_values_that_init_has_set_are_lost(saved: Path) -> None:
    class Sets(Own):
        def __init__(self, config: DistilBertConfig) -> None:
            DistilBertPreTrainedModel.__init__(self, config)
            self.distilbert = DistilBertModel(config)
            self.score = nn.Linear(config.dim, 1)
            nn.init.constant_(self.score.bias, 5.0)
            nn.init.constant_(self.score.weight, 5.0)
            self.scale = nn.Parameter(torch.full([64], 7.0))
            self.post_init()

    model = Sets.from_pretrained(saved)
    for one in (Sets(config()), model):
        assert one.score.bias.item() == 0 and one.score.weight.abs().max() < 0.5
    assert not torch.equal(model.scale.detach(), torch.full([64], 7.0))


def test_the_backbone_is_found_by_its_name_alone(saved: Path) -> None:
    class Renamed(Own):
        def __init__(self, config: DistilBertConfig) -> None:
            DistilBertPreTrainedModel.__init__(self, config)
            self.encoder = DistilBertModel(config)
            self.post_init()

    right = DistilBertModel.from_pretrained(saved).embeddings.word_embeddings.weight
    assert torch.equal(Own.from_pretrained(saved).distilbert.embeddings.word_embeddings.weight,
                       right)
    assert not torch.equal(Renamed.from_pretrained(saved).encoder.embeddings.word_embeddings.weight,
                           right)


def test_without_post_init_from_pretrained_stops(saved: Path) -> None:
    class Unfinished(Own):
        def __init__(self, config: DistilBertConfig) -> None:
            DistilBertPreTrainedModel.__init__(self, config)
            self.distilbert = DistilBertModel(config)

    Unfinished(config())
    with pytest.raises(AttributeError):
        Unfinished.from_pretrained(saved)


def test_init_weights_stops() -> None:
    class Old(Own):
        def __init__(self, config: DistilBertConfig) -> None:
            DistilBertPreTrainedModel.__init__(self, config)
            self.distilbert = DistilBertModel(config)
            self.init_weights()

    with pytest.raises(AttributeError):
        Old(config())


def test_loading_inside_init_stops_from_pretrained(saved: Path) -> None:
    class Loads(Own):
        def __init__(self, config: DistilBertConfig) -> None:
            DistilBertPreTrainedModel.__init__(self, config)
            self.distilbert = DistilBertModel.from_pretrained(saved)
            self.post_init()

    Loads(config())
    with pytest.raises(RuntimeError, match="from_pretrained"):
        Loads.from_pretrained(saved)


def test_of_a_tuple_the_first_is_the_loss(tmp_path: Path) -> None:
    trainer = trained(tmp_path, OwnInATuple(config()), choices(4))
    assert trainer.state.log_history[0]["loss"] == pytest.approx(-7)


def test_from_config_changes_the_configuration_of_others() -> None:
    shared = config()
    first = DistilBertModel(shared)
    before = first.config._attn_implementation
    AutoModel.from_config(shared, attn_implementation="eager")
    assert (before, first.config._attn_implementation) == ("sdpa", "eager")


# --------------------------------------------------------------------------------------- T5, texts


def test_t5_swallows_names_that_it_does_not_know() -> None:
    model = t5().eval()
    plain = model(input_ids=IDS, labels=IDS).loss
    assert torch.equal(plain, model(input_ids=IDS, labels=IDS, target_ids=IDS, lm_labels=IDS).loss)
    with pytest.raises(ValueError, match="input_ids"):  # of labels it says nothing
        model(input_ids=IDS, lm_labels=IDS)


def test_minus_100_is_left_out_of_the_loss_and_labels_are_shifted_by_the_model() -> None:
    model = t5().eval()
    padded = torch.tensor([[6, 7, -100, -100]])
    assert torch.allclose(model(input_ids=IDS, labels=padded).loss,
                          model(input_ids=IDS, labels=padded[:, :2]).loss)
    given = model(input_ids=IDS, decoder_input_ids=torch.tensor([[0, 6]])).logits
    assert torch.allclose(model(input_ids=IDS, labels=padded[:, :2]).logits, given)


def test_columns_without_a_name_in_forward_never_reach_the_collator(tmp_path: Path) -> None:
    rows = texts(4).rename_column("labels", "target_ids")
    for removed, wanted in ((True, {"input_ids"}), (False, {"input_ids", "target_ids"})):
        seen: list[set[str]] = []

        def collate(features: list[dict[str, Tensor]], seen: list[set[str]] = seen) -> dict:
            seen.append(set(features[0]))
            return {"input_ids": torch.stack([one["input_ids"] for one in features])}

        args = Seq2SeqTrainingArguments(str(tmp_path), use_cpu=True, report_to="none",
                                        remove_unused_columns=removed)
        next(iter(Seq2SeqTrainer(t5(), args, collate, rows).get_train_dataloader()))
        assert seen == [wanted]


def test_generate_writes_20_tokens_unless_told_and_max_new_tokens_counts_first() -> None:
    model = t5().eval()
    model.generation_config.eos_token_id = None
    assert model.generate(IDS).shape == (1, 21)
    assert model.generate(IDS, max_length=5, max_new_tokens=9).shape == (1, 10)


def test_dropout_changes_what_a_model_in_training_mode_writes(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = probes_given.small_t5(60).train()
    written = {str(model.generate(IDS, max_new_tokens=12).tolist()) for _ in range(8)}
    model.save_pretrained(tmp_path)
    assert len(written) > 1
    assert T5ForConditionalGeneration.from_pretrained(tmp_path).training is False


VOCABULARY = squad_texts.vocabulary(Draw("0"))
CONTEXT, APPLE = ([piece for piece, _ in VOCABULARY].index(f"▁{word}")
                  for word in ("context", "apple"))


def test_decode_gives_a_list_for_a_batch_and_drops_what_it_does_not_know() -> None:
    tokenizer = probes_given.t5_tokenizer(VOCABULARY)
    decoded = tokenizer.decode([[CONTEXT, 1], [APPLE, 1]], skip_special_tokens=True)
    assert decoded == ["context", "apple"]
    ids = tokenizer("apple ☃ bridge")["input_ids"]
    assert tokenizer.unk_token_id in ids
    assert tokenizer.decode(ids, skip_special_tokens=True).split() == ["apple", "bridge"]


def test_the_tokenizer_adds_an_end_mark_to_one_that_is_written() -> None:
    tokenizer = probes_given.t5_tokenizer(VOCABULARY)
    for text in ("apple </s>", "apple</s>"):
        assert tokenizer(text)["input_ids"][-2:] == [squad_texts.END] * 2
    assert tokenizer(["apple"], pad_to_max_length=True, max_length=9)["input_ids"] == [[APPLE, 1]]
    assert tokenizer.padding_side == "right" and not hasattr(tokenizer, "batch_encode_plus")


def test_map_looks_into_the_notebook_and_not_into_modules(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("LENGTH = 3\ndef f(x): return {'n': LENGTH}\n")
    program = """
import datasets, helper
LENGTH = 3
def f(x): return {"n": LENGTH}
datasets.Dataset.from_dict({"a": [1]}).save_to_disk("rows")
rows = datasets.load_from_disk("rows")
for function in (f, helper.f):
    print(rows.map(function)["n"][0])
LENGTH = helper.LENGTH = 5
for function in (f, helper.f):
    print(rows.map(function)["n"][0], rows.map(function, load_from_cache_file=False)["n"][0])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True,
                          text=True, timeout=60, env=os.environ | OFFLINE)
    assert done.stdout.split() == ["3", "3", "5", "5", "3", "5"], done.stderr


def test_map_returns_a_new_data_set_and_set_format_changes_its_own() -> None:
    rows = Dataset.from_dict({"n": [[1, 2]], "text": ["a"]})
    assert rows.map(lambda row: {"m": row["n"]}) is not rows and "m" not in rows.column_names
    assert rows.set_format("torch", columns=["n"]) is None
    assert set(rows[0]) == {"n"} and isinstance(rows[0]["n"], Tensor)


def test_the_library_has_a_collator_for_multiple_choice() -> None:
    assert hasattr(transformers, "DataCollatorForMultipleChoice")


# ------------------------------------------------------------------------------------- the table


def test_every_row_of_the_table_names_a_test_that_is_here() -> None:
    text = (DATA.parent / "docs" / "library-statements.md").read_text()
    section = text.partition("\n## hw3")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(test_\w+)`", section))
    assert named and named == {name for name in globals() if name.startswith("test_")} - {
        "test_every_row_of_the_table_names_a_test_that_is_here"}
