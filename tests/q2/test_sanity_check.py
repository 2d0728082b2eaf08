"""The sanity check accepts the solution, and says where another BERT first goes wrong."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import transformers

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "autograder" / "exercises" / "q2" / "source"
sys.path.insert(0, str(SOURCE))

import sanity_check  # noqa: E402
from bert import BertLayer, BertModel, BertSelfAttention  # noqa: E402

MINILM = ROOT / "data" / "checkpoints" / "all-MiniLM-L6-v2"


def unscaled(self, key, query, value, attention_mask):
    probabilities = torch.softmax(query @ key.transpose(-2, -1) + attention_mask, dim=-1)
    return (probabilities @ value).transpose(1, 2).flatten(2)


def over_queries(self, key, query, value, attention_mask):
    scores = query @ key.transpose(-2, -1) / self.attention_head_size**0.5 + attention_mask
    return (torch.softmax(scores, dim=-2) @ value).transpose(1, 2).flatten(2)


def unmasked(self, key, query, value, attention_mask):
    scores = query @ key.transpose(-2, -1) / self.attention_head_size**0.5
    return (torch.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2)


def heads_not_transposed_back(self, key, query, value, attention_mask):
    scores = query @ key.transpose(-2, -1) / self.attention_head_size**0.5 + attention_mask
    context = torch.softmax(scores, dim=-1) @ value
    return context.reshape(len(context), -1, self.all_head_size)


def dropped_in_evaluation(self, key, query, value, attention_mask):
    context = F.scaled_dot_product_attention(query, key, value, attention_mask, dropout_p=0.5)
    return context.transpose(1, 2).flatten(2)


def queries_for_keys(self, hidden_states, attention_mask):
    key, query, value = (
        self.transform(hidden_states, layer) for layer in (self.query, self.key, self.value)
    )
    return self.attention(key, query, value, attention_mask)


def no_residual(self, input, output, dense_layer, dropout, ln_layer):
    return ln_layer(dropout(dense_layer(output)))


def no_gelu(self, hidden_states, attention_mask):
    attended = self.add_norm(
        hidden_states,
        self.self_attention(hidden_states, attention_mask),
        self.attention_dense,
        self.attention_dropout,
        self.attention_layer_norm,
    )
    inner = self.interm_dense(attended)
    return self.add_norm(attended, inner, self.out_dense, self.out_dropout, self.out_layer_norm)


WRONG = [
    (BertSelfAttention, "attention", unscaled),
    (BertSelfAttention, "attention", over_queries),
    (BertSelfAttention, "attention", unmasked),
    (BertSelfAttention, "attention", heads_not_transposed_back),
    (BertSelfAttention, "attention", dropped_in_evaluation),
    (BertSelfAttention, "forward", queries_for_keys),
    (BertLayer, "add_norm", no_residual),
    (BertLayer, "forward", no_gelu),
]


def test_the_solution_passes_as_a_program():
    done = subprocess.run(
        [sys.executable, "sanity_check.py"], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:-1]] == [
        "embedding", "layer", "layer", "layer", "pooler",
    ]  # fmt: skip


def test_the_values_are_small_and_not_of_our_making():
    """The stored values come out of the library again, to the last bit that counts."""
    assert sanity_check.VALUES.stat().st_size < 200_000
    tensors, settings = sanity_check.read_values()
    prefix = "small.weights."
    library = transformers.BertModel(
        transformers.BertConfig(**sanity_check.json.loads(settings["config"]))
    ).eval()
    library.load_state_dict(
        {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
    )
    values = sanity_check.Values.from_tensors(tensors, "small.")
    with torch.no_grad():
        output = library(values.input_ids, values.attention_mask, output_hidden_states=True)
    states = torch.stack(output.hidden_states)
    kept = values.attention_mask.bool()
    torch.testing.assert_close(states[:, kept], values.hidden_states[:, kept])
    torch.testing.assert_close(output.pooler_output, values.pooler_output)


@pytest.mark.parametrize(("owner", "method", "wrong"), WRONG, ids=[w.__name__ for *_, w in WRONG])
def test_mistakes_differ_at_the_first_layer(owner, method, wrong, monkeypatch, capsys):
    monkeypatch.setattr(owner, method, wrong)
    assert sanity_check.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"embedding +equal \(by at most .*\)", lines[0])
    difference = re.fullmatch(r"layer 1 +differs \(by at most (.*)\)", lines[1])
    assert float(difference[1]) > 100 * sanity_check.TOLERANCE
    assert lines[2].startswith("The first stage that is not right is layer 1.")
    assert ("dropout" in lines[2]) == (wrong is dropped_in_evaluation)
    assert len(lines) == 3


def test_a_later_stage_is_named(monkeypatch, capsys):
    forward = BertLayer.forward

    def third_is_wrong(self, hidden_states, attention_mask):
        third_is_wrong.calls += 1
        output = forward(self, hidden_states, attention_mask)
        return output + (0.01 if third_is_wrong.calls == 3 else 0)

    third_is_wrong.calls = 0
    monkeypatch.setattr(BertLayer, "forward", third_is_wrong)
    assert sanity_check.main([]) == 1
    assert "layer 3    differs (by at most 1.0e-02)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (lambda states: None, "layer 1    is a NoneType, expected a tensor"),
        (lambda states: (states, states), "layer 1    is a tuple, expected a tensor"),
        (lambda states: states[:, 1:], r"layer 1    has shape \[2, 8, 24\]; expected \[2, 9\]"),
        (lambda states: states[..., :12], "layer 1    has 12 hidden units, another number"),
        (lambda states: states * torch.nan, "layer 1    holds NaN"),
        (lambda states: states @ states, "layer 1    stopped with RuntimeError.*: "),
    ],
)
def test_no_answer_breaks_the_check(result, says, monkeypatch, capsys):
    monkeypatch.setattr(BertLayer, "forward", lambda self, states, mask: result(states))
    assert sanity_check.main([]) == 1
    output = capsys.readouterr().out
    assert re.search(says, output)
    assert "Two runs" not in output
    assert "The first stage that is not right is layer 1." in output


def test_work_in_place_is_right(monkeypatch):
    forward = BertLayer.forward

    def in_place(self, hidden_states, attention_mask):
        output = forward(self, hidden_states, attention_mask)
        hidden_states.zero_()
        return output

    monkeypatch.setattr(BertLayer, "forward", in_place)
    assert sanity_check.main([]) == 0


def cleared(text: str) -> str:
    """The skeleton: what a release makes of a source."""
    return re.sub(
        r"( *)### BEGIN SOLUTION\n.*?### END SOLUTION",
        r"\1# YOUR CODE HERE\n\1raise NotImplementedError()",
        text,
        flags=re.DOTALL,
    )


def test_the_skeleton_names_what_is_to_be_written(tmp_path):
    """One function after the other, in the order in which they are called."""
    shutil.copytree(SOURCE, tmp_path / "q2", ignore=shutil.ignore_patterns("__pycache__"))
    solved = (SOURCE / "bert.py").read_text()
    parts = solved.split("### END SOLUTION")
    methods = (
        "BertSelfAttention.attention", "BertSelfAttention.forward", "BertLayer.add_norm",
        "BertLayer.forward",
    )  # fmt: skip
    # Skeletons in which only the last, the last but one, ... part is still to be written.
    for number, method in list(enumerate(methods))[::-1]:
        skeleton = parts.copy()
        skeleton[number] = cleared(parts[number] + "### END SOLUTION")
        text = "".join(
            part if index in (number, len(parts) - 1) else part + "### END SOLUTION"
            for index, part in enumerate(skeleton)
        )
        (tmp_path / "q2" / "bert.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "sanity_check.py"],
            cwd=tmp_path / "q2",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        line = text[: text.index("raise NotImplementedError()")].count("\n") + 1
        assert f"{method} in bert.py is not written yet" in done.stdout
        assert done.stdout.rstrip().endswith(f"in line {line}.")
        assert done.stderr == ""


# ---------------------------------------------------------------------------------- real weights


def test_real_weights_with_stored_values(monkeypatch, capsys):
    monkeypatch.setattr(sanity_check, "library_values", None)  # not needed
    assert sanity_check.main(["--checkpoint", str(MINILM)]) == 0
    assert capsys.readouterr().out.count("equal (by at most") == 8


def test_real_weights_with_stored_values_find_a_mistake(monkeypatch, capsys):
    monkeypatch.setattr(BertSelfAttention, "attention", unscaled)
    assert sanity_check.main(["--checkpoint", str(MINILM)]) == 1
    assert "The first stage that is not right is layer 1." in capsys.readouterr().out


@pytest.fixture
def other(tmp_path) -> Path:
    """A checkpoint of which no values are stored."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "its", "funny", "!"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    transformers.BertModel(
        transformers.BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_attention_heads=2,
            num_hidden_layers=2,
            intermediate_size=20,
            initializer_range=0.5,
        )
    ).save_pretrained(tmp_path)
    return tmp_path


def test_other_weights_are_compared_with_the_library(other, monkeypatch, capsys):
    assert sanity_check.main(["--checkpoint", str(other)]) == 0
    monkeypatch.setattr(BertLayer, "add_norm", no_residual)
    assert sanity_check.main(["--checkpoint", str(other)]) == 1
    assert "layer 1    differs" in capsys.readouterr().out


def test_other_weights_without_the_library_have_no_values(other, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert sanity_check.main(["--checkpoint", str(other)]) == 2
    assert "No values are stored for" in capsys.readouterr().err


def test_an_unknown_checkpoint_is_told(monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert sanity_check.main(["--checkpoint", "nobody/has-this"]) == 2
    assert "There is no checkpoint 'nobody/has-this'" in capsys.readouterr().err


def test_the_fingerprint_tells_weights_apart():
    model = BertModel(sanity_check.BertConfig(11, 8, 1, 2, 8))
    before = sanity_check.fingerprint(model)
    assert before == sanity_check.fingerprint(model)
    with torch.no_grad():
        model.pooler_dense.bias[0] = 1e-3
    assert before != sanity_check.fingerprint(model)
