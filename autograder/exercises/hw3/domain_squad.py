"""What may vary in the questions of Task 3, and between which bounds.

Constants of the task itself are not here: 512 and 16 tokens, the ids of padding and of the end
mark, and the settings of the training, which the notebook prescribes.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.testing import Among, Domain, Whole

INPUT, TARGET = 512, 16  # tokens
ENDS = 2  # one in the text, and one of the tokenizer's


@dataclass(frozen=True)
class Around(Whole):
    """Whole numbers with a limit among them, on either side of which there is an edge."""

    limit: int

    @property
    def edges(self) -> tuple[int, ...]:
        return (self.low, self.limit, self.limit + 1, self.high)


QUESTION_MARKS, STOPS = Among("?", "", " ?"), Among(".", "", "!")

# An example of SQuAD, in words: the context is what stands before the answer, the answer, and what
# stands behind it.
EXAMPLE = Domain(question=Whole(1, 25), before=Whole(0, 60), answer=Whole(1, 30),
                 behind=Whole(0, 60), answers=Whole(1, 4), mark=QUESTION_MARKS, stop=STOPS)

# The two texts of an example, in tokens without end marks. The limit fits with both of them.
TEXTS = Domain(read=Around(1, 700, INPUT - ENDS), write=Around(1, 40, TARGET - ENDS))

MAPPED = Domain(examples=Whole(1, 40))  # that go through `prepare`

# A batch of prepared examples with its widths, and how much of them an example fills.
BATCH = Domain(examples=Whole(1, 6), read=Whole(3, INPUT), write=Whole(3, TARGET))
FILLED = Domain(read=Among("one", "some", "all"), write=Among("one", "some", "all"))

# What a trainer gets: prepared examples, and settings.
TRAINING = Domain(examples=Whole(1, 12), batch=Whole(1, 9))

# What the model that reads is asked, in tokens, so that all of it can be read; and what it answers:
# nothing, or words, up to so many that it is stopped before it comes to an end.
ASKED = Domain(question=Whole(1, 40), context=Whole(1, 450), written=Whole(0, 30),
               mark=QUESTION_MARKS, stop=STOPS)
