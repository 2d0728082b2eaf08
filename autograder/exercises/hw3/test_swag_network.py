"""Hidden tests of hw3, 2.3: a model of one's own. They run in the judge."""

from __future__ import annotations

import contextlib
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from autograder.exercises.hw3 import probes_swag_network as probes
from autograder.exercises.hw3 import probes_swag_saved, probes_swag_training
from autograder.exercises.hw3.checks_swag import check_backbone, read_arguments
from autograder.exercises.hw3.inputs_swag import VOCABULARY
from autograder.exercises.hw3.network_swag import WIDTH, Network, layers, network
from autograder.judge.both import StudentFailed
from autograder.judge.testing import Wrong, assert_close, part, same

# -------------------------------------------------------------------------------- 2.3 network


def compute(both: Any, asked: Network, **options: Any) -> tuple[dict, dict]:
    student, reference = both(probes.network, **asked.inputs(), labels=asked.labels, **options)
    if student["layers"] != layers():
        raise Wrong(f"behind the backbone there should be three linear layers: d to d, d to d / 4, "
                    f"d / 4 to 1, with d = config.dim. For d = {WIDTH} yours are "
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
def test_made_from_a_configuration(both):
    student, reference = both(probes.made, vocabulary=len(VOCABULARY))
    assert student["layers"] == reference["layers"], (
        "the linear layers should be as wide as the table says, with d = config.dim")


@part("hw3_2_3_network", weight=4)
def test_logits(both, draw):
    for batch in (3, 1):
        asked = network(draw, batch)
        student, reference = compute(both, asked, dropout=0.5, other_dropout=0.5)
        check_logits(student, reference["returned"]["logits"],
                     "the logits are not [CLS], linear, tanh, linear, linear, regrouped to [B, 4]")


@part("hw3_2_3_network", weight=1)
def test_padding_is_masked(both, draw):
    padded = network(draw, 2, padding=True)
    answers = [compute(both, asked)[0]["returned"] for asked in (padded, padded.unmasked())]
    found, whole_rows = (logits_of(returned) for returned in answers)
    if not isinstance(found, Tensor):
        raise Wrong("`forward` returns no logits")
    assert not same(found, whole_rows), (
        "it makes no difference to the logits what is padding and what is not: the attention mask "
        "does not reach the backbone")


@part("hw3_2_3_network", weight=2)
def test_dropout(both, draw):
    student, reference = compute(both, network(draw, 2), dropout=1.0, other_dropout=0.0,
                                 training=True)
    for place, right in reference["entered"].items():
        found = student["entered"].get(place)
        if found is None:
            raise Wrong("a linear layer of the head is not used")
        if not right.any():
            assert not found.any(), (
                "with config.dropout at 1 every number should be zero after tanh, and again after "
                "the layer d to d / 4: does dropout stand at both places, with that probability?")
    asked = network(draw, 2)
    trained, tested = (logits_of(compute(both, asked, dropout=0.0, other_dropout=1.0,
                                         training=training)[0]["returned"])
                       for training in (True, False))
    assert same(trained, tested), (
        "with config.dropout at 0 there should be no dropout in the head, and the logits are not "
        "the same in training: where does its probability come from?")


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
    for batch in (3, 5):
        asked = network(draw, batch)
        student, reference = both(probes.loss, **asked.inputs(), labels=asked.labels)
        found, wanted = loss_of(student, reference, asked.labels)
        if isinstance(found, Tensor) and found.ndim == 1 and len(found) == 1:
            found = found[0]
        assert_close(found, wanted,
                     "the loss is not the mean cross-entropy of the four logits of each example "
                     "against its label")


@part("hw3_2_3_loss", weight=1)
def test_gradient(both, draw):
    asked = network(draw, 2)
    student, _ = both(probes.learns, vocabulary=len(VOCABULARY), batch=asked.batch,
                      labels=asked.labels)
    assert student["moved"] and all(student["moved"]), (
        "the loss has no gradient for some of the weights, in the head or in the backbone: these "
        "would never learn")


@part("hw3_2_3_loss", weight=1)
def test_without_labels(both, draw):
    student, _ = both(probes.without_labels, vocabulary=len(VOCABULARY),
                      batch=network(draw, 2).batch)
    returned = student["returned"]
    assert isinstance(returned, dict) and isinstance(returned.get("logits"), Tensor), (
        'without labels `forward` should still return a dictionary with "logits"')


# ------------------------------------------------------------------------------- 2.3 backbone


@part("hw3_2_3_backbone", weight=3)
def test_pretrained_backbone(both, draw):
    student, reference = both(probes.pretrained, vocabulary=len(VOCABULARY),
                              seed=int(draw(1000).argmax()))
    if "kind" in student:
        raise Wrong(f"`pretrained_custom` returns no model, but a {student['kind']}")
    check_backbone(student["backbone"], reference["backbone"])


@part("hw3_2_3_backbone", weight=1)
def test_backbone_from_a_configuration(both):
    student, reference = both(probes.from_config, vocabulary=len(VOCABULARY))
    assert student["size"] == reference["size"], (
        "in `__init__` the backbone is not made from `config`: it has another size")


# -------------------------------------------------------------------------------- 2.3 trainer

OWN = ("output_dir", "run_name")


@part("hw3_2_3_trainer", weight=1)
def test_names_of_the_run(both):
    values = read_arguments(both, "custom_args")
    assert values["output_dir"].strip("./") == "custom_model", (
        "the output directory should be custom_model")
    assert values["run_name"] == "custom_model", "the run name should be custom_model"


@part("hw3_2_3_trainer", weight=1)
def test_same_arguments(both):
    found = read_arguments(both, "custom_args")
    _, reference = both(probes_swag_training.arguments, name="custom_args")
    wanted = [reference]
    with contextlib.suppress(StudentFailed, Wrong):  # the arguments of 2.2 are judged there
        wanted.append(read_arguments(both, "training_args"))
    assert any(agree(found, other) for other in wanted), (
        "but for the directory and the run name, the arguments should be those of 2.2")


def agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = [name for name in other if name not in OWN]
    if one["max_steps"] == other["max_steps"] and one["max_steps"] > 0:
        names.remove("num_train_epochs")  # the number of steps overrides it
    return all(same(one[name], other[name]) for name in names)


@part("hw3_2_3_trainer", weight=1)
def test_saved(both, draw):
    student, _ = both(probes_swag_saved.saved, seed=int(draw(1000).argmax()))
    assert student["complete"], (
        "in the folder there is no file that holds all weights of the model, backbone and head")
