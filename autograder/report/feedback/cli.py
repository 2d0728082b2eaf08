"""The command `autograder feedback`."""

from __future__ import annotations

from pathlib import Path

from autograder.course import Course
from autograder.terminal import CourseOption, HandedIn, console


def feedback(name: HandedIn, course: CourseOption = Path()) -> None:
    """Write feedback pages again, a file a student, after answers were graded by hand."""
    from autograder.report.feedback.write import write

    found = Course.find(course)
    done = write(found, name)
    console.print(f"Pages: {done}.", highlight=False)
    console.print(f"They lie in {found.feedback / 'ID' / f'{done.name}.html'}, ID being each "
                  "student's.", highlight=False, soft_wrap=True)
