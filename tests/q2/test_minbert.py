"""minBERT computes what the library's BertModel computes, forward and backward."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "autograder" / "exercises" / "q2" / "source"
sys.path.insert(0, str(SOURCE))

from base_bert import minbert_name  # noqa: E402
from bert import BertModel, BertSelfAttention  # noqa: E402
from config import BertConfig  # noqa: E402
from tokenizer import BertTokenizer  # noqa: E402
from utils import InputError, get_extended_attention_mask  # noqa: E402

MINILM = ROOT / "data" / "checkpoints" / "all-MiniLM-L6-v2"
SENTENCES = [
    "Emerges as something rare, an issue movie that's so honest and keenly observed.",
    "No.",
    "The film's plot may be shallow, but you've never seen the deep like you see it here.",
    "It is so hard to say which of its three acts is the dullest that I stopped counting.",
]
CONFIGS = [  # hidden size, heads, layers, inner size, positions
    (24, 4, 2, 50, 20),
    (30, 3, 3, 17, 12),
    (8, 1, 1, 64, 40),
    (36, 12, 4, 36, 16),
]


def library_model(config: tuple[int, ...], seed: int) -> transformers.BertModel:
    """The library's model with weights far larger than first ones, so that all of them matter."""
    torch.manual_seed(seed)
    hidden, heads, layers, inner, positions = config
    model = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=53,
            hidden_size=hidden,
            num_attention_heads=heads,
            num_hidden_layers=layers,
            intermediate_size=inner,
            max_position_embeddings=positions,
        )
    )
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model.eval()


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    library_model(CONFIGS[0], seed=1).save_pretrained(tmp_path)
    return tmp_path


def batch(vocabulary: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random token ids and a mask that leaves each sentence another length, [4, length] each."""
    mask = (torch.arange(length) < torch.tensor([length, length - 1, 5, 1])[:, None]).long()
    return torch.randint(1, vocabulary, (4, length)) * mask, mask


def both(model, library, input_ids, mask, padding: bool) -> tuple[dict, dict]:
    """What both return, after a backward pass from a sum that weighs every value otherwise.

    The states of padding enter the sum if `padding`; they show what becomes of its embedding.
    """
    outputs = (model(input_ids, mask), dict(library(input_ids, mask)))
    for output in outputs:
        total = 0.0
        for name in ("last_hidden_state", "pooler_output"):
            values = output[name]
            if name == "last_hidden_state" and not padding:
                values = values * mask[..., None]
            total = total + (values * torch.linspace(-1, 1, values.numel()).view_as(values)).sum()
        total.backward()
    return outputs


def gradients(model, library) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """The name and both gradients of every weight."""
    ours = {name: weight.grad for name, weight in model.named_parameters()}
    theirs = {minbert_name(name): weight.grad for name, weight in library.named_parameters()}
    assert ours.keys() == theirs.keys()
    return [(name, ours[name], theirs[name]) for name in ours]


@pytest.mark.parametrize("config", CONFIGS)
def test_small_models_equal_the_library_forward_and_backward(config, tmp_path):
    library = library_model(config, seed=sum(config))
    library.save_pretrained(tmp_path)
    model = BertModel.from_pretrained(tmp_path).double().eval()
    input_ids, mask = batch(vocabulary=53, length=11)

    ours, theirs = both(model, library.double(), input_ids, mask, padding=True)

    for name in ("last_hidden_state", "pooler_output"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-10)
    for name, mine, its in gradients(model, library):
        torch.testing.assert_close(mine, its, rtol=1e-8, atol=1e-9, msg=f"gradient of {name}")


@pytest.mark.parametrize("config", CONFIGS)
def test_small_models_equal_the_library_in_float32(config, tmp_path):
    library = library_model(config, seed=sum(config))
    library.save_pretrained(tmp_path)
    model = BertModel.from_pretrained(tmp_path).eval()
    input_ids, mask = batch(vocabulary=53, length=11)

    with torch.no_grad():
        ours, theirs = model(input_ids, mask), library(input_ids, mask)

    assert (ours["last_hidden_state"] - theirs.last_hidden_state).abs().max() < 1e-5
    assert (ours["pooler_output"] - theirs.pooler_output).abs().max() < 1e-5


def test_minilm_equals_the_library_forward_and_backward():
    """On tokens to 1e-5; a padding's own state is read by nobody, and rounds a little further."""
    library = transformers.BertModel.from_pretrained(MINILM, attn_implementation="eager").eval()
    model = BertModel.from_pretrained(MINILM).eval()
    encoded = BertTokenizer.from_pretrained(MINILM)(SENTENCES)
    mask = encoded["attention_mask"]

    ours, theirs = both(model, library, encoded["input_ids"], mask, padding=False)

    difference = (ours["last_hidden_state"] - theirs["last_hidden_state"]).abs()
    assert difference[mask.bool()].max() < 1e-5
    assert difference.max() < 2e-4
    assert (ours["pooler_output"] - theirs["pooler_output"]).abs().max() < 1e-5
    for name, mine, its in gradients(model, library):
        error = (mine - its).abs().max() / its.abs().max().clamp_min(1e-3)
        assert error < 1e-3, f"gradient of {name}"


def test_dropout_acts_in_training_only(checkpoint):
    model = BertModel.from_pretrained(checkpoint, hidden_dropout_prob=0.5)
    assert {m.p for n, m in model.named_modules() if n.endswith(("out_dropout", "d_dropout"))} == {
        0.5
    }
    input_ids, mask = batch(vocabulary=53, length=9)
    first, second = (model(input_ids, mask)["pooler_output"] for _ in range(2))
    assert not torch.equal(first, second)
    model.eval()
    first, second = (model(input_ids, mask)["pooler_output"] for _ in range(2))
    assert torch.equal(first, second)


def test_attention_probabilities_are_dropped_in_training():
    module = BertSelfAttention(
        BertConfig(hidden_size=8, num_attention_heads=2, attention_probs_dropout_prob=1.0)
    )
    states, mask = torch.randn(2, 3, 8), torch.zeros(2, 1, 1, 3)
    assert module(states, mask).abs().max() == 0
    assert module.eval()(states, mask).abs().max() > 0


def test_padding_does_not_change_a_sentence():
    model = BertModel(BertConfig(53, 24, 2, 4, 50)).eval()
    row = torch.tensor([[5, 6, 7]])
    alone = model(row, torch.ones_like(row))["last_hidden_state"]
    padded = torch.tensor([[5, 6, 7, 9, 9]])
    among = model(padded, torch.tensor([[1, 1, 1, 0, 0]]))["last_hidden_state"][:, :3]
    torch.testing.assert_close(alone, among, rtol=0, atol=1e-6)


def test_extended_attention_mask():
    mask = get_extended_attention_mask(torch.tensor([[1, 1, 0]]), torch.float32)
    assert mask.dtype == torch.float32
    assert mask.shape == (1, 1, 1, 3)
    assert mask.flatten().tolist() == [0, 0, -10000]
    with pytest.raises(InputError, match=r"\[B, T\].*\[3\]"):
        get_extended_attention_mask(torch.ones(3), torch.float32)


# ------------------------------------------------------------------------------ from_pretrained


def rewrite(directory: Path, edit) -> None:
    """Replace the tensors of a checkpoint by what `edit` makes of them."""
    path = directory / "model.safetensors"
    save_file(edit(load_file(path)), path)


def test_early_names_and_pretraining_heads_are_understood(checkpoint):
    before = BertModel.from_pretrained(checkpoint).state_dict()

    def as_in_2018(tensors):
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for new, former in old.items():
            tensors = {f"{name.replace(new, former)}": t for name, t in tensors.items()}
        tensors = {f"bert.{name}": tensor for name, tensor in tensors.items()}
        return tensors | {
            "cls.predictions.bias": torch.zeros(3),
            "bert.embeddings.position_ids": torch.arange(20)[None],
        }

    rewrite(checkpoint, as_in_2018)
    after = BertModel.from_pretrained(checkpoint).state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_half_precision_weights_are_read_as_float32(checkpoint):
    rewrite(checkpoint, lambda tensors: {name: t.half() for name, t in tensors.items()})
    assert BertModel.from_pretrained(checkpoint).dtype == torch.float32


QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            lambda t: {name: v for name, v in t.items() if name != QUERY},
            "missing: bert_layers.1.self_attention.query.weight",
        ),
        (
            lambda t: t | {"classifier.weight": torch.ones(2, 24)},
            "not part of this model: classifier.weight",
        ),
        (
            lambda t: t | {QUERY: torch.ones(24, 25)},
            r"bert_layers.1.self_attention.query.weight has shape \[24, 25\], expected \[24, 24\]",
        ),
        (
            lambda t: t | {QUERY.replace(".1.", ".7."): t[QUERY].clone()},
            r"not part of this model: bert_layers.7.self_attention.query.weight",
        ),
    ],
)
def test_weights_that_do_not_fit_are_listed(checkpoint, edit, says):
    rewrite(checkpoint, edit)
    with pytest.raises(InputError, match=says):
        BertModel.from_pretrained(checkpoint)


def test_a_missing_pooler_must_be_allowed(checkpoint):
    rewrite(checkpoint, lambda t: {name: v for name, v in t.items() if "pooler" not in name})
    with pytest.raises(InputError, match="has no pooler"):
        BertModel.from_pretrained(checkpoint)
    with pytest.warns(UserWarning, match="starts from random weights"):
        BertModel.from_pretrained(checkpoint, allow_missing_pooler=True)


def test_other_architectures_are_refused(checkpoint):
    path = checkpoint / "config.json"
    path.write_text(path.read_text().replace('"gelu"', '"relu"'))
    with pytest.raises(InputError, match=r"hidden_act='relu'.*'gelu' only"):
        BertModel.from_pretrained(checkpoint)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", None, "holds no config.json"),
        ("config.json", "{", "not readable as JSON"),
        ("model.safetensors", None, "holds no model.safetensors"),
        ("model.safetensors", "short", "is damaged"),
    ],
)
def test_incomplete_checkpoints_are_told(checkpoint, name, content, says):
    (checkpoint / name).unlink()
    if content is not None:
        (checkpoint / name).write_text(content)
    with pytest.raises(InputError, match=says):
        BertModel.from_pretrained(checkpoint)


@pytest.mark.parametrize("name", ["nobody/has-this", "data/checkpoints/nothing-here", "../x"])
def test_an_unknown_name_is_told(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=f"no checkpoint '{name}'"):
        BertModel.from_pretrained(name)


def test_heads_must_divide_the_hidden_size():
    with pytest.raises(InputError, match="10 cannot be divided among 4"):
        BertConfig(hidden_size=10, num_attention_heads=4)


def test_a_bert_written_for_minbert_elsewhere_drops_in(tmp_path):
    """Elsewhere it imports all of utils, and keeps its position ids with the weights."""
    code = tmp_path / "code"
    shutil.copytree(SOURCE, code, ignore=shutil.ignore_patterns("__pycache__"))
    text = (code / "bert.py").read_text()
    for here, elsewhere in (
        ("from utils import get_extended_attention_mask", "from utils import *"),
        ("from config import BertConfig\n", ""),
        (": BertConfig", ""),
        (", persistent=False", ""),
    ):
        assert here in text
        text = text.replace(here, elsewhere)
    (code / "bert.py").write_text(text)
    program = f"from bert import BertModel; BertModel.from_pretrained({str(MINILM)!r})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=code, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
