"""What may vary in the questions on Task 2, and between which bounds.

Four endings are SWAG's, and the first ids of a sequence are [CLS] for the models: those stay.
"""

from __future__ import annotations

from autograder.testing import Among, Domain, Whole

# -- 2.1 -------------------------------------------------------------------------------------------
EXAMPLES = Domain(count=Whole(1, 5))
TEXT = Domain(words=Whole(1, 12))
PAIR = Domain(beyond=Among(0, 1, 150))  # tokens more than the model can read
SPLIT = Domain(examples=Whole(1, 6))
BATCH = Domain(count=Whole(1, 5), longest=Whole(2, 12), padding=Among("none", "some", "most"))
OPTIONS = Domain(fixed=Among(False, True), multiple=Whole(2, 16), longest=Whole(13, 60),
                 side=Among("left", "right"))

# -- 2.2 -------------------------------------------------------------------------------------------
LOGITS = Domain(right=Among("none", "some", "all"))
ENCODED = Domain(examples=Whole(6, 12))

# -- 2.3 -------------------------------------------------------------------------------------------
NETWORK = Domain(batch=Whole(1, 5), length=Whole(1, 7), heads=Whole(1, 4), quarter=Whole(1, 3),
                 layers=Whole(1, 3), vocabulary=Whole(20, 80))  # d / 4 = heads * quarter
