"""Hidden tests of hw3, 2.3: a model of one's own. They run in the judge."""

from __future__ import annotations

import contextlib
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from autograder.testing import StudentFailed, Whole, Wrong, assert_close, part, same

from . import probes_swag_network as probes
from . import probes_swag_saved
from .checks_swag import check_backbone, read_arguments
from .domain_swag import NETWORK
from .network_swag import Network, config, layers, network

# -------------------------------------------------------------------------------- 2.3 network


def compute(both: Any, asked: Network, **options: Any) -> tuple[dict, dict]:
    student, reference = both(probes.network, **asked.inputs(), **options)
    width = asked.config["dim"]
    if student["layers"] != layers(width):
        raise Wrong(f"behind the backbone there should be three linear layers: d to d, d to d / 4, "
                    f"d / 4 to 1, with d = config.dim. For d = {width} yours are "
                    f"{', '.join(f'{a} to {b}' for a, b in student['layers']) or 'none'}")
    return student, reference


def logits_of(returned: Any) -> Any:
    """The logits, in whatever form they are returned: that form is a matter of (b)."""
    if isinstance(returned, dict):
        return returned.get("logits")
    if isinstance(returned, (list, tuple)):
        return next((one for one in returned if isinstance(one, Tensor) and one.ndim == 2), None)
    return returned


def check_logits(student: dict, wanted: Tensor, says: str) -> None:
    found = logits_of(student["returned"])
    if not isinstance(found, Tensor):
        raise Wrong("`forward` returns no logits")
    assert_close(found, wanted, says)


@part("hw3_2_3_network", weight=1)
def test_made_from_a_configuration(both, draw):
    student, reference = both(probes.made, config=config(NETWORK.draw(draw)))
    assert student["layers"] == reference["layers"], (
        "the linear layers should be as wide as the table says, with d = config.dim")


@part("hw3_2_3_network", weight=4)
def test_logits(both, draw):
    for case, dropout in zip(NETWORK.cover(draw, 2), (draw.whole(30, 70) / 100, 1.0),
                             strict=True):
        student, reference = compute(both, network(draw, case), dropout=dropout,
                                     other_dropout=dropout)
        check_logits(student, reference["returned"]["logits"],
                     "the logits are not [CLS], linear, tanh, linear, linear, regrouped to [B, 4]")


@part("hw3_2_3_network", weight=1)
def test_padding_is_masked(both, draw):
    several = NETWORK.draw(draw, batch=Whole(2, 5), length=Whole(2, 7))
    for case, padding in ((several, True), (NETWORK.draw(draw, batch=1), False)):
        asked = network(draw, case, padding)
        student, reference = compute(both, asked, dropout=0.1, other_dropout=0.1)
        assert sorted(student["seen"]) == sorted(reference["seen"]), (
            "the attention mask does not reach the backbone as it should, 1 at tokens and 0 at "
            "padding, each row with its own sequence")


@part("hw3_2_3_network", weight=2)
def test_dropout(both, draw):
    asked = network(draw, NETWORK.draw(draw, batch=5, heads=4, quarter=3))
    share, other = draw.whole(30, 70) / 100, draw.among((0.0, 1.0))
    nowhere, some, everywhere = (
        compute(both, asked, dropout=dropout, other_dropout=other, training=True)[0][
            "entered"] for dropout in (0.0, share, 1.0))
    first, second, third = (f"{wide}->{out}" for wide, out in layers(asked.config["dim"]))
    if not nowhere.keys() >= {first, second, third}:
        raise Wrong("a linear layer of the head is not used")
    assert not everywhere[second].any() and not everywhere[third].any(), (
        "with config.dropout at 1 every number should be zero after tanh, and again after the "
        "layer d to d / 4: does dropout stand at both places, with that probability?")
    narrowed = [asked.narrowed(entered[second]) for entered in (nowhere, some)]
    assert nowhere[second].any() and same(nowhere[third], narrowed[0]), (
        "with config.dropout at 0 there should be no dropout in the head: where does its "
        "probability come from?")
    assert (same(some[first], nowhere[first]) and thinned(some[second], nowhere[second], share)
            and thinned(some[third], narrowed[1], share)), (
        "in training, dropout should set numbers to zero with the probability config.dropout, "
        "after tanh and after the layer d to d / 4, and nowhere else: what does yours do where "
        "that is neither 0 nor 1?")


def thinned(found: Tensor, whole: Tensor, share: float) -> bool:
    """Whether it is what dropout leaves: some numbers are zero, and the others larger."""
    kept = found != 0
    return 0 < int(kept.sum()) < kept.numel() and same(found, kept * whole / (1 - share))


# ----------------------------------------------------------------------------------- 2.3 loss


def loss_of(student: dict, reference: dict, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The student's loss, and what the student's own logits say that it should be."""
    returned = student["returned"]
    if not isinstance(returned, dict) or "loss" not in returned:
        raise Wrong('`forward` should return a dictionary with "loss" and "logits"')
    logits = returned.get("logits")
    if not isinstance(logits, Tensor) or logits.shape != reference["returned"]["logits"].shape:
        return returned["loss"], reference["returned"]["loss"]
    return returned["loss"], F.cross_entropy(logits.detach().float(), labels)


@part("hw3_2_3_loss", weight=3)
def test_loss(both, draw):
    for case in NETWORK.cover(draw, 2):
        asked = network(draw, case)
        student, reference = both(probes.loss, **asked.inputs())
        found, wanted = loss_of(student, reference, asked.labels)
        if isinstance(found, Tensor) and found.ndim == 1 and len(found) == 1:
            found = found[0]
        assert_close(found, wanted,
                     "the loss is not the mean cross-entropy of the four logits of each example "
                     "against its label")


@part("hw3_2_3_loss", weight=1)
def test_gradient(both, draw):
    asked = network(draw, NETWORK.draw(draw))
    student, reference = both(probes.learns, config=asked.config, batch=asked.batch,
                              labels=asked.labels)
    assert student["head"] and all(student["head"]), (
        "the loss has no gradient for some of the head's weights: these would never learn")
    assert student["tokens"] == reference["tokens"], (
        "the loss should have a gradient for all weights of the backbone, down to the embedding of "
        "each token in the batch: others would never learn")


@part("hw3_2_3_loss", weight=1, only_with=("test_loss", "test_gradient"))
def test_without_labels(both, draw):
    asked = network(draw, NETWORK.draw(draw, batch=Whole(2, 5)))
    student, _ = both(probes.without_labels, config=asked.config, batch=asked.batch,
                      labels=asked.labels)
    returned = student["returned"]
    logits = returned.get("logits") if isinstance(returned, dict) else None
    assert isinstance(logits, Tensor) and logits.numel() == 4 * len(asked.labels), (
        'without labels `forward` should still return a dictionary with "logits"')
    assert student["beside_loss"] == list(logits.shape), (
        'with labels `forward` should return the same "logits" beside "loss": whoever measures a '
        "model asks for both at once")


# ------------------------------------------------------------------------------- 2.3 backbone


@part("hw3_2_3_backbone", weight=3)
def test_pretrained_backbone(both, draw):
    student, reference = both(probes.pretrained, config=config(NETWORK.draw(draw)),
                              seed=draw.whole(0, 10**6))
    if "kind" in student:
        raise Wrong(f"`pretrained_custom` returns no model, but a {student['kind']}")
    check_backbone(student["backbone"], reference["backbone"])


@part("hw3_2_3_backbone", weight=1)
def test_backbone_from_a_configuration(both, draw):
    student, reference = both(probes.from_config, config=config(NETWORK.draw(draw)))
    assert student["size"] == reference["size"], (
        "in `__init__` the backbone is not made from `config`: it has another size")


# -------------------------------------------------------------------------------- 2.3 trainer

OWN = ("output_dir", "run_name")


@part("hw3_2_3_trainer", weight=1)
def test_names_of_the_run(both, draw):
    values, _ = read_arguments(both, draw, "custom_args")
    assert values["output_dir"] == "custom_model", "the output directory should be custom_model"
    assert values["run_name"] == "custom_model", "the run name should be custom_model"


@part("hw3_2_3_trainer", weight=1)
def test_same_arguments(both, draw):
    found, reference = read_arguments(both, draw, "custom_args")
    wanted = [reference]
    with contextlib.suppress(StudentFailed, Wrong):  # the arguments of 2.2 are judged there
        wanted.append(read_arguments(both, draw, "training_args")[0])
    assert any(agree(found, other) for other in wanted), (
        "but for the directory and the run name, the arguments should be those of 2.2")


def agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = [name for name in other if name not in OWN]
    if one["max_steps"] == other["max_steps"] and one["max_steps"] > 0:
        names.remove("num_train_epochs")  # the number of steps overrides it
    return all(same(one[name], other[name]) for name in names)


@part("hw3_2_3_trainer", weight=1)
def test_saved(both, draw):
    student, reference = both(probes_swag_saved.saved, seed=draw.whole(0, 10**6))
    assert same(student["weights"], reference["weights"]), (
        "in the folder there is no file that holds all weights of the model, backbone and head")
