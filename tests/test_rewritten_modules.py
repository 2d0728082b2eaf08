"""A module counts as it was handed in, whatever the notebook's own cells write over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.results.verdict import Verdict

pytestmark = pytest.mark.sandbox

RIGHT = "def scale(vector):\n    return vector / vector.abs().max()\n"
WRONG = "def scale(vector):\n    return vector * 0\n"
TOLD = "A code cell of the notebook wrote to vectors.py while it ran; vectors.py counts as it was"


def writing(text: str) -> dict[str, tuple[str, ...]]:
    """Cells that write a module, each in another way."""
    return {
        "magic": (f"%%writefile vectors.py\n{text}",),
        "open": (f"with open('vectors.py', 'w') as file:\n    file.write({text!r})",),
        "path": (f"import pathlib; pathlib.Path('vectors.py').write_text({text!r})",),
        "after an import": ("import vectors", f"%%writefile vectors.py\n{text}",
                            "import importlib; importlib.reload(vectors)"),
        "removed": ("import os; os.remove('vectors.py')",),
        "replaced": (f"import os\nopen('new.py', 'w').write({text!r})\n"
                     "os.replace('new.py', 'vectors.py')",),
        "a folder": ("import os; os.remove('vectors.py'); os.mkdir('vectors.py')",),
        "from elsewhere": (f"import os\nopen('vectors.py', 'w').write({text!r})\n"
                           "os.makedirs('runs'); os.chdir('runs')",),
    }


@pytest.mark.parametrize("way", writing(""))
@pytest.mark.parametrize(("handed_in", "written", "points"), [(RIGHT, WRONG, 3), (WRONG, RIGHT, 0)])
def test_the_module_as_handed_in_counts_and_that_is_told(
        grade_toy: Callable[..., Verdict], way: str, handed_in: str, written: str, points: float
        ) -> None:
    verdict = grade_toy(cells=writing(written)[way], files={"vectors.py": handed_in.encode()})
    part = verdict.part("toy_scale")
    assert part is not None and part.points == points, part
    assert any(TOLD in event for event in verdict.events), verdict.events


def test_cells_that_write_the_same_or_something_else_are_not_told(
        grade_toy: Callable[..., Verdict]) -> None:
    verdict = grade_toy(cells=(f"%%writefile vectors.py\n{RIGHT}", "open('mine.py', 'w').write('')",
                               "import os; os.makedirs('x', exist_ok=True); os.chdir('x')"),
                        files={"vectors.py": RIGHT.encode()})
    assert verdict.points == 10 and not any("vectors.py" in event for event in verdict.events)
