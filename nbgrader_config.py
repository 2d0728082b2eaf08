"""nbgrader's native commands read this: the course's configuration, derived from course.toml."""

from pathlib import Path

from autograder.course import Course
from autograder.gradebook.config import configure

configure(get_config(), Course.load(Path(__file__).parent))  # noqa: F821
