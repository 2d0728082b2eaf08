"""The command `autograder feedback`."""

from __future__ import annotations

from pathlib import Path

from autograder.course import Course
from autograder.terminal import CourseOption, HandedIn, say


def feedback(name: HandedIn, course: CourseOption = Path()) -> None:
    """Write feedback pages again, a file a student, after answers were graded by hand."""
    from autograder.report.feedback.write import write
    from autograder.report.read import CourseResults

    found = Course.find(course)
    done = write(CourseResults(found), name)
    say(f"Pages: {done}.")
    say(f"They lie in {found.feedback / 'ID' / f'{done.name}.html'}, ID being each "
                  "student's.")
