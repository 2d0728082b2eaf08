"""Accuracy for `evaluate.load("accuracy")` where the hub is out of reach.

Written for the course kit; called as the library's own metric of this name is.
"""

import datasets
import evaluate
import numpy as np

DESCRIPTION = "Accuracy: the share of predictions that are right."
INPUTS = """
Args:
    predictions: the predicted labels, integers.
    references: the right labels, integers.
    normalize: False for the number of right predictions in place of their share.
    sample_weight: how much each prediction counts; None for all alike.
Returns:
    A dictionary whose entry "accuracy" is a float.
"""


class Accuracy(evaluate.Metric):
    """The share of predictions that equal their references."""

    def _info(self) -> evaluate.MetricInfo:
        label = datasets.Value("int32")
        if self.config_name == "multilabel":
            label = datasets.Sequence(label)
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation="",
            inputs_description=INPUTS,
            features=datasets.Features({"predictions": label, "references": label}),
        )

    def _compute(self, predictions, references, normalize=True, sample_weight=None):
        right = np.asarray(predictions) == np.asarray(references)
        if right.ndim == 2:  # of several labels, all have to be right
            right = right.all(axis=1)
        weights = np.ones(len(right)) if sample_weight is None else np.asarray(sample_weight)
        total = float((right * weights).sum())
        return {"accuracy": total / float(weights.sum()) if normalize else total}
