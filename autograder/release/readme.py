"""The README of the students' repository, from course.toml and the released notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.exercise import source
from autograder.release.build import GITHUB, colab_badge
from autograder.release.versions import read_stamp, recorded

TITLE = re.compile(r"^# (.*?)(?: \([^()]*\bpoints?\b[^()]*\))?$", re.M)


def readme(course: Course, names: Iterable[str]) -> str:
    """What students read first: the assignments, how to start, how to hand in."""
    names = list(dict.fromkeys(names))
    blocks = [f"# {course.toml.course.title}", *(_block(course, name) for name in names),
              "## How to start", _start(course),
              "## Handing in", "\n".join(_handing_in(course, names)),
              "## Versions", _versions(course, names)]
    if (course.root / "LICENSE").is_file():
        blocks += ["## License", "Texts and code: see [LICENSE](LICENSE). Models and data that the "
                                 "notebooks load keep their own licenses."]
    return "\n\n".join(blocks) + "\n"


def _block(course: Course, name: str) -> str:
    """A homework or an assignment: its title, its points, and a row for each notebook."""
    whole = course.toml.homeworks.get(name) or course.assignment(name)
    rows = [f"## {whole.title}", "", " ".join([f"At most {whole.max_points:g} points.",
                                               *_due(course, name)]), ""]
    badges = bool(course.toml.course.repository)
    rows += ["| notebook | what | points |" + (" |" if badges else ""),
             "|:--|:--|--:|" + (":--|" if badges else "")]
    for assignment in course.together(name):
        for exercise in course.assignment(assignment).exercises:
            path = f"{assignment}/{exercise}.ipynb"
            notebook = _released(course, assignment, exercise)
            badge = colab_badge(course, assignment, exercise)
            rows.append(f"| [{path}]({path}) | {_title(notebook, exercise)} | "
                        f"{_points(notebook, course.assignment(assignment).bonus)} |"
                        + (f" {badge} |" if badges else ""))
    return "\n".join(rows)


def _due(course: Course, name: str) -> Iterable[str]:
    """When it is due, where course.toml says so; what is handed in together may differ."""
    dates = [course.assignment(one).due for one in course.together(name)]
    for due in dict.fromkeys(filter(None, dates)):
        yield f"Due on {due.isoformat(sep=' ', timespec='minutes')}."


def _start(course: Course) -> str:
    repository = course.toml.course.repository
    how = course.toml.release.instructions
    lines = [f"[{how}]({how}) says how, on Colab and on a laptop."]
    if repository:
        lines.append("On Colab, a click on a badge above opens the notebook; save a copy in your "
                     "Drive before you write in it. On a laptop, begin with\n\n"
                     f"    git clone {GITHUB}/{repository}")
    return " ".join(lines)


def _handing_in(course: Course, names: list[str]) -> Iterable[str]:
    for name in names:
        archives = {course.assignment(one).archive: course.assignment(one).groups
                    for one in course.together(name)}
        title = (course.toml.homeworks.get(name) or course.assignment(name)).title
        for archive, groups in archives.items():
            who = "your group's name" if groups else "your student id"
            zipped = not archive.endswith(".ipynb")
            how = f" `bash {course.toml.release.collect}` makes it." if zipped else ""
            yield f"- {title}: `{archive}`, with {who} in the place of `{{id}}`.{how}"
        written = [course.assignment(one).written for one in course.together(name)]
        templates = [f"`{path}`" for path in course.matching(course.toml.release.written)]
        source = f", made from {' or '.join(templates)}" if templates else ""
        for pdf in filter(None, written):
            yield f"  Beside it, the written part as `{pdf}`{source}."


def _versions(course: Course, names: list[str]) -> str:
    found = []
    for assignment in dict.fromkeys(one for name in names for one in course.together(name)):
        exercise = course.assignment(assignment).exercises[0]
        stamp = read_stamp(_released(course, assignment, exercise))
        known = recorded(course, assignment, stamp.version) if stamp else None
        found.append(f"`{assignment}` is version {known or (stamp.version if stamp else '?')}")
    return (f"{', '.join(found)}. Your notebooks know their version, and what you hand in is "
            "compared with the one that you began with: when a correction comes, you need not move "
            "your work into the new notebook, unless you are told so.")


def _released(course: Course, assignment: str, exercise: str) -> NotebookNode:
    return nbformat.read(course.root / assignment / f"{exercise}.ipynb", as_version=4)


def _title(notebook: NotebookNode, exercise: str) -> str:
    """The notebook's first heading, without the points in brackets."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = next((match[1] for text in texts if (match := TITLE.search(text))), exercise)
    return found.replace("|", "\\|")


def _points(notebook: NotebookNode, bonus: list[str]) -> str:
    """The points of a notebook, those of bonus parts apart."""
    parts = source.parts(notebook)
    on_top = sum(points for part, points in parts.items() if part in bonus)
    plain = sum(parts.values()) - on_top
    return f"{plain:g} + {on_top:g}" if on_top else f"{plain:g}"
