"""What a TA sees beside the answer of (e): both curves, drawn anew from the recorded losses."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from autograder.testing import Work

from . import recorded

Picture = tuple[str, bytes]  # a caption and a PNG


def beside(work: Work) -> list[Picture]:
    """The curves of the last training that the notebook records, if it records one."""
    losses = recorded.losses(work.notebook)
    if not losses.train or not losses.finite:
        return []
    caption = (f"Recorded losses, drawn by the kit: training {losses.train[0]:.3g} to "
               f"{losses.train[-1]:.3g}, validation {losses.valid[0]:.3g} to "
               f"{losses.valid[-1]:.3g} (lowest in epoch "
               f"{losses.valid.index(min(losses.valid)) + 1} of {len(losses.valid)})")
    return [(caption, _curves(losses))]


def _curves(losses: recorded.Losses) -> bytes:
    """Both curves as a PNG."""
    figure = Figure(figsize=(5.5, 3.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(losses.train) + 1)
    axes.plot(epochs, losses.train, "o-", label="training")
    axes.plot(epochs, losses.valid, "s--", label="validation")
    axes.set(xlabel="epoch", ylabel="mean cross-entropy (nats)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
