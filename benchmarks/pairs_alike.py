"""How many copies `autograder similar` finds in made-up classes, and what else it shows.

    python benchmarks/pairs_alike.py [--students 300]

Every edit of the kit alone makes a student, for each exercise: nobody copied. Then a class in which
everybody mixes eight edits with functions of their own, and ten hand in another one's work in
disguise: variables renamed, comments and docstrings gone, layout and order of functions changed.
"""

from __future__ import annotations

import argparse
import ast
import random
import time
from pathlib import Path

from autograder.course import Course, CourseError, Exercise
from autograder.exercise.edits import Change, apply, read_changes
from autograder.settings import SimilaritySettings
from autograder.similarity import units
from autograder.similarity.fingerprints import Given
from autograder.similarity.pairs import Pair, Submission, find
from autograder.validate import handed_in, skeleton

COURSE = Course.find(Path(__file__).parent)
EDITS, COPIES = 8, 10
NAMES = "abcdefgh"
METHODS = ("view", "reshape", "transpose", "matmul", "softmax", "sum", "mean", "permute", "squeeze",
           "cat", "stack", "gather", "clamp", "exp", "log", "sort", "topk", "cumsum")
LINES = ("{a} = {b}.{m}({n})", "{a} = {b} {o} {c}.{m}(dim={n})", "{a} = [x.{m}() for x in {b}]",
         "if {a}.{m}() > {n}:\n        {b} += {c}[{n}:]",
         "for {a} in range({n}):\n        {b}.{m}()")


def changes_of(exercise: Exercise) -> list[Change]:
    return read_changes(exercise, "variant") + read_changes(exercise, "misconception")


def submission(owner: str, files: dict[str, bytes], released: dict[str, bytes]) -> Submission:
    return Submission(owner, owner, tuple(units.of_files(files, released)))


def given(released: dict[str, bytes]) -> Given:
    return Given.of((data.decode(), True) for name, data in released.items()
                    if name.endswith(".py"))


def one_edit_each(exercise: Exercise) -> tuple[int, list[Pair]]:
    """The exercise's own answers as a class."""
    solved, released = handed_in(exercise), skeleton(exercise)
    answers = [submission(change.name, apply(change, solved), released)
               for change in changes_of(exercise)]
    return len(answers), find(answers, given(released), SimilaritySettings())[0]


def mixed(solved: dict[str, bytes], changes: list[Change], draw: random.Random
          ) -> dict[str, bytes]:
    """One student's files: so many edits as fit together, and functions of their own."""
    files, done = solved, 0
    for change in draw.sample(changes, len(changes)):
        try:
            files = apply(change, files)
            done += 1
        except CourseError:
            continue  # another edit stands in its place
        if done == EDITS:
            break
    return {name: data + own_functions(draw).encode() if name in ("bert.py", "classifier.py")
            else data for name, data in files.items()}


def own_functions(draw: random.Random) -> str:
    """One to four functions that nobody else writes."""
    made = ""
    for number in range(draw.randint(1, 4)):
        lines = [draw.choice(LINES).format(
            a=draw.choice(NAMES), b=draw.choice(NAMES), c=draw.choice(NAMES), n=draw.randint(0, 90),
            m=draw.choice(METHODS), o=draw.choice("+-*/@")) for _ in range(draw.randint(4, 14))]
        made += f"\n\ndef helper_{number}(a, b, c, d):\n    " + "\n    ".join(lines) + "\n"
    return made


def disguised(text: str, draw: random.Random) -> str:
    """The same program for somebody who looks at it in passing."""
    tree = ast.parse(text)
    own = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
                  and isinstance(node.ctx, ast.Store)})
    names = {name: f"thing{number}" for number, name in enumerate(own)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.ClassDef):
            draw.shuffle(node.body)
    return ast.unparse(tree).replace("\n    ", "\n\n    # so that it works\n    ")


def main() -> None:
    """Print what was found, and how long it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    for name in ("q1a", "q1b", "q2", "hw3"):
        size, pairs = one_edit_each(COURSE.exercise(name))
        print(f"{name}: {size} answers of one edit each, {len(pairs)} pairs shown", flush=True)
    exercise, draw = COURSE.exercise("q2"), random.Random(options.seed)
    released = skeleton(exercise)
    solved, changes = handed_in(exercise), changes_of(exercise)
    files = [mixed(solved, changes, draw) for _ in range(options.students - COPIES)]
    files += [{name: disguised(data.decode(), draw).encode()
               if name in ("bert.py", "classifier.py") else data
               for name, data in files[number].items()} for number in range(COPIES)]
    group = [submission(f"{number:03}", some, released) for number, some in enumerate(files)]
    start = time.process_time()
    pairs = find(group, given(released), SimilaritySettings())[0]
    seconds = time.process_time() - start
    planted = {(f"{number:03}", f"{options.students - COPIES + number:03}")
               for number in range(COPIES)}
    found = {(pair.one.owner, pair.other.owner) for pair in pairs}
    print(f"q2, {options.students} of {EDITS} edits: {len(planted & found)} of {COPIES} copies "
          f"shown, {len(found - planted)} other pairs of {len(group) * (len(group) - 1) // 2}, "
          f"{seconds:.0f} s of one processor")


if __name__ == "__main__":
    main()
