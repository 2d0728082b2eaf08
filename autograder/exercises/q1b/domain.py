"""What may vary in q1b's questions, and between which bounds."""

from __future__ import annotations

from autograder.testing import Among, Domain, Whole

SPLITS = Domain(
    examples=Whole(20, 60),
    percent=Whole(5, 90),  # that are kept for validation: one example at least, and never all
    seed=Whole(0, 2**31 - 1),
)

DATA = Domain(  # what a loader gives
    batches=Whole(1, 5),
    batch_size=Whole(1, 5),
    last=Whole(1, 5),  # examples that the last batch has, where it has room for them
    padding=Among("none", "some", "most"),  # of patches and labels; "most" leaves one of each
)

RUNS = Domain(
    patch=Whole(2, 5),
    patches=Whole(1, 6),
    pieces=Whole(1, 6),
    vocabulary=Whole(2, 9),
    epochs=Whole(1, 3),
    momentum=Among(0.0, 0.9),
)
