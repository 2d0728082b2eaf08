"""The API of hidden tests: all that an exercise's `test_*.py` needs of the autograder.

    from . import probes
    from autograder.testing import Both, Draw, assert_close, part

    @part("q2_attention", weight=6)
    def test_without_padding(both: Both, draw: Draw) -> None:
        student, reference = both(probes.attention, key=draw(2, 3, 7, 4))
        assert_close(student, reference, "the context differs from equation (1)")

- `part` marks a test with its part and weight. A part that is right only with the student's own
  other parts keeps the share `KEEPS_TOGETHER` of its points. The message of `assert_close`, of
  `Wrong` or of `assert ..., "message"` is what the student reads: it never holds a value of the
  reference.
- `same` and `is_close` compare; `Answer` is what `both.student(...)` returns; `StudentFailed` is
  raised where the student's code gave no value.
- `Domain` states what may vary (`Whole` numbers, one `Among` values) and is drawn by `Draw`.
- The fixtures are `both: Both`, `draw: Draw`, `work: Work`, `settings: dict[str, Any]`,
  `folder: Path`, `award: Award`, and `remark`, `note` and `flag`, each a `Say`.

Other modules of the autograder may change at any time; this one stays.
"""

from __future__ import annotations

from collections.abc import Callable

from autograder.judge.answer import Answer
from autograder.judge.compare import Both, StudentFailed
from autograder.judge.domain import Among, Domain, Draw, Whole
from autograder.judge.testing import KEEPS_TOGETHER, Wrong, assert_close, is_close, part, same
from autograder.judge.work import Work

Award = Callable[[float, str], None]  # award(0.5, "sentence"): a share of the test's weight
Say = Callable[[str], None]  # remark("sentence"): what costs nothing

__all__ = ["KEEPS_TOGETHER", "Among", "Answer", "Award", "Both", "Domain", "Draw", "Say",
           "StudentFailed", "Whole", "Work", "Wrong", "assert_close", "is_close", "part", "same"]
