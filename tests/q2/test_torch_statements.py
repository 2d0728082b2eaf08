"""What q2 says of PyTorch, in hints and feedback, tried on the PyTorch that is installed.

Each test is a row of docs/library-statements.md.
"""

from __future__ import annotations

import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_minus_10000_becomes_a_weight_of_0() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        scores = torch.tensor([3.0, -9990.0], dtype=dtype)
        assert torch.softmax(scores, dim=-1).tolist() == [1, 0], dtype


def test_softmax_without_dim_takes_the_second_of_four_axes() -> None:
    x = torch.randn(2, 3, 5, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.equal(F.softmax(x), F.softmax(x, dim=1))


def test_a_view_of_a_transposed_tensor_fails_and_reshape_copies() -> None:
    x = torch.randn(2, 3, 5, 4).transpose(1, 2)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(2, 5, 12)
    assert torch.equal(x.reshape(2, 5, 12), x.contiguous().view(2, 5, 12))
    assert x.reshape(2, 5, 12).data_ptr() != x.data_ptr()


def test_the_librarys_attention_divides_and_does_not_know_the_mode() -> None:
    q, k, v = torch.randn(3, 2, 3, 50, 4)
    by_hand = torch.softmax(q @ k.mT / 2, dim=-1) @ v
    attend = F.scaled_dot_product_attention
    assert torch.allclose(attend(q, k, v), by_hand, atol=1e-5)
    assert not torch.equal(attend(q, k, v, dropout_p=0.5), attend(q, k, v, dropout_p=0.5))


def test_dropout_as_a_function_or_made_anew_takes_the_mode_to_be_training() -> None:
    x = torch.ones(1000)
    module = nn.Dropout(0.5).eval()
    assert torch.equal(module(x), x)
    for dropped in (F.dropout(x, 0.5), nn.Dropout(0.5)(x)):
        assert 300 < int((dropped == 0).sum()) < 700


def test_dropout_of_1_drops_everything_and_only_in_training() -> None:
    x = torch.randn(20)
    dropout = nn.Dropout(1.0)
    assert not dropout(x).any()
    assert torch.equal(dropout.eval()(x), x)


def test_layer_norm_gives_mean_0_and_variance_1() -> None:
    x = F.layer_norm(5 + 3 * torch.randn(4, 12), [12])
    assert x.mean(dim=-1).abs().max() < 1e-5
    assert (x.var(dim=-1, correction=0) - 1).abs().max() < 1e-3


def test_gelu_is_the_exact_one_by_default() -> None:
    x = torch.linspace(-4, 4, 99)
    exact = x * (1 + torch.erf(x / math.sqrt(2))) / 2
    assert torch.allclose(F.gelu(x), exact, atol=1e-6)
    assert not torch.allclose(F.gelu(x, approximate="tanh"), exact, atol=1e-4)


@pytest.mark.filterwarnings("ignore:To copy construct")
def test_what_cuts_a_value_off_from_training() -> None:
    x = torch.randn(3, requires_grad=True)
    with torch.no_grad():
        in_no_grad = 2 * x
    for cut in (x.detach(), x.data, in_no_grad, torch.tensor(x)):
        assert not cut.requires_grad
    with pytest.raises(RuntimeError, match="requires grad"):
        x.numpy()
    assert isinstance(x.sum().item(), float)


def test_cross_entropy_takes_scores_and_gives_the_mean() -> None:
    scores, labels = torch.randn(6, 5), torch.arange(6) % 5
    right = -scores.log_softmax(-1)[torch.arange(6), labels]
    assert torch.isclose(F.cross_entropy(scores, labels), right.mean())
    assert torch.isclose(F.cross_entropy(scores, labels, reduction="sum"), right.sum())
    assert torch.isclose(F.nll_loss(scores.log_softmax(-1), labels), right.mean())


def test_two_softmaxes_in_a_row_keep_the_loss_from_0() -> None:
    scores, label = 100 * torch.eye(5)[:1], torch.tensor([0])
    assert F.cross_entropy(scores, label) < 1e-6
    assert F.cross_entropy(scores.softmax(-1), label) > 0.9


def test_nll_of_scores_falls_without_end_and_of_probabilities_to_minus_1() -> None:
    scores, label = torch.eye(5)[:1], torch.tensor([0])
    assert F.nll_loss(1000 * scores, label) == -1000
    assert -1 <= F.nll_loss((1000 * scores).softmax(-1), label) <= 0


def test_backward_adds_and_a_new_optimizer_clears_nothing() -> None:
    weight = nn.Parameter(torch.ones(3))
    for times in (1, 2, 3):
        weight.sum().backward()
        assert weight.grad is not None and weight.grad.tolist() == [times] * 3
        optimizer = torch.optim.AdamW([weight])
    optimizer.zero_grad()
    assert weight.grad is None
    optimizer.step()  # finds no gradient, and changes nothing
    assert weight.tolist() == [1, 1, 1]


def test_adamw_keeps_means_which_a_new_one_lacks() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    weight.sum().backward()
    optimizer.step()
    assert {"exp_avg", "exp_avg_sq"} <= optimizer.state[weight].keys()
    assert not torch.optim.AdamW([weight]).state


@pytest.mark.parametrize(("kind", "same"), [(torch.optim.AdamW, True), (torch.optim.SGD, False)])
def test_adams_step_does_not_grow_with_the_loss(kind: type, same: bool) -> None:
    weights = []
    for factor in (1, 8):
        weight = nn.Parameter(torch.ones(3))
        optimizer = kind([weight], lr=0.1)
        (factor * weight.square().sum()).backward()
        optimizer.step()
        weights.append(weight.detach())
    assert torch.allclose(*weights, atol=1e-5) == same
