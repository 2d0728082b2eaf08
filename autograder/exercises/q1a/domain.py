"""What may vary in q1a's questions, and between which bounds.

Not the 512 tokens that a sequence may have: the notebook names them.
"""

from __future__ import annotations

from autograder.testing import Among, Domain, Whole

LIMIT = 512

TEXTS = Domain(
    unused=Whole(0, 60),  # entries of the vocabulary that stand in no text
    capitals=Among("none", "first", "all"),
    apart=Among(" ", "  ", "\n"),  # what stands between two words in one place
)

SHORT = Domain(asking=Whole(1, 12), telling=Whole(1, 40))  # tokens of question and context

LONG = Domain(
    asking=Whole(1, LIMIT - 4),  # tokens of the question; of the context one is left at least
    over=Among("none", "one", "many"),  # tokens that do not fit
)

SCORES = Domain(
    low=Whole(-9, -4),  # of tokens that nothing points at
    high=Whole(6, 12),
    negative=Among("neither", "start", "end"),  # which of the best two scores is below 0
)
