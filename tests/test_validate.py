"""Hidden tests, tested: every misconception is caught, every variant is accepted."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import (
    TOY_MISCONCEPTIONS,
    TOY_MODULE,
    TOY_NOTEBOOK,
    TOY_VARIANTS,
    Toy,
    copy_course,
    run_cli,
    status_of,
)
from rich.console import Console

from autograder import validate as validation
from autograder.course import Course, CourseError
from autograder.judge.visible import disagreement
from autograder.report.matrix import CASE, reasons, summary, table, unnamed
from autograder.results.reason import misconception
from autograder.results.verdict import PartVerdict, Verdict
from autograder.validate import Case, Result, cases, doubles, problem, validate, work

LAST_LINE = re.compile(r"misconceptions=(\d+)/\1 elsewhere=0 variants=(\d+)/\2 visible=(\d+)/\3 "
                       r"named=(\d+)/\1 false=0 reference=full skeleton=zero")
PARTS = {"a": 4.0, "b": 2.0}
PARTS_OF_Q2 = ("q2_attention", "q2_self_attention", "q2_add_norm", "q2_layer", "q2_train",
               "q2_result")


def verdict(**points: float) -> Verdict:
    return Verdict("toy", tuple(PartVerdict(part, points.get(part, most), most)
                                for part, most in PARTS.items()))


def case(kind: str, **settings: object) -> Case:
    return Case("toy", kind, f"the-{kind}", **settings)  # type: ignore[arg-type]


MISCONCEPTION = case("misconception", part="a")
VARIANT = case("variant")
CONTRACT = case("variant", loses={"a": 1.0})


@pytest.mark.parametrize(("tried", "given", "complaint"), [
    (case("reference"), verdict(), ""),
    (case("reference"), verdict(a=3.5), "the reference loses points in a"),
    (case("skeleton"), verdict(a=0, b=0), ""),
    (case("skeleton"), verdict(a=0, b=0.5), "the skeleton earns 0.5 points"),
    (MISCONCEPTION, verdict(a=0), ""),
    (MISCONCEPTION, verdict(a=3.9), ""),
    (MISCONCEPTION, verdict(), "loses nothing in a: no hidden test catches it"),
    (MISCONCEPTION, verdict(b=1), "loses nothing in a: no hidden test catches it"),
    (MISCONCEPTION, verdict(a=0, b=1), "also loses in b"),
    (VARIANT, verdict(), ""),
    (VARIANT, verdict(b=0), "loses {'b': 2.0}, expected {}"),
    (CONTRACT, verdict(a=3), ""),
    (CONTRACT, verdict(), "loses nothing, expected {'a': 1.0}"),
    (CONTRACT, verdict(a=2), "loses {'a': 2.0}, expected {'a': 1.0}"),
])
def test_a_case_tells_what_is_wrong_with_the_tests(tried: Case, given: Verdict, complaint: str
                                                   ) -> None:
    assert problem(tried, given) == complaint


def results(*found: tuple[Case, Verdict]) -> list[Result]:
    return [Result(tried, given, problem(tried, given)) for tried, given in found]


def test_the_summary_of_good_tests_matches_what_is_asked_for() -> None:
    assert LAST_LINE.fullmatch(summary(results(
        (case("reference"), verdict()), (case("skeleton"), verdict(a=0, b=0)),
        (MISCONCEPTION, verdict(a=0)), (VARIANT, verdict()), (CONTRACT, verdict(a=3)))))


@pytest.mark.parametrize("fault", [
    (case("reference"), verdict(b=1)), (case("skeleton"), verdict(a=0)),
    (MISCONCEPTION, verdict()), (MISCONCEPTION, verdict(a=0, b=0)), (VARIANT, verdict(a=3)),
], ids=["reference", "skeleton", "missed", "elsewhere", "variant"])
def test_the_summary_shows_each_kind_of_fault(fault: tuple[Case, Verdict]) -> None:
    good = [(case("reference"), verdict()), (case("skeleton"), verdict(a=0, b=0))]
    others = [one for one in good if one[0].kind != fault[0].kind]
    assert not LAST_LINE.fullmatch(summary(results(*others, fault)))


def test_the_summary_counts_what_the_feedback_names() -> None:
    said = case("misconception", part="a", says="it is this")
    named = PartVerdict("a", 0, 4, (misconception("the-misconception", "It is this."),))
    found = results((said, Verdict("toy", (named,))), (said, verdict(a=0)))
    assert summary(found).split()[4:6] == ["named=1/2", "false=0"]
    assert list(unnamed(found, 7)) == ["not named: the-misconception"]


@pytest.mark.parametrize(("kind", "name", "named", "false"), [
    ("misconception", "one", ("other",), 1), ("misconception", "one", ("one", "other"), 1),
    ("double", "one+two", ("one", "two"), 0), ("double", "one+two", ("two",), 0),
    ("double", "one+two", ("three",), 1), ("double", "one+two", ("four", "three"), 2),
    ("variant", "one", ("one",), 1), ("reference", "reference", ("one",), 1),
    ("skeleton", "skeleton", ("one",), 1), ("double", "one+two", (), 0),
])
def test_what_is_named_and_not_there_is_counted(kind: str, name: str, named: tuple[str, ...],
                                                false: int) -> None:
    tried = Case("toy", kind, name, part="a")  # type: ignore[arg-type]
    lost = 0 if kind in ("misconception", "double", "skeleton") else 4
    said = tuple(misconception(one, "Said.") for one in named)
    given = Verdict("toy", (PartVerdict("a", lost, 4, said),))
    assert f" false={false} " in summary(results((tried, given)))
    assert kind in ("reference", "skeleton") or bool(problem(tried, given)) == bool(false)


def test_a_right_answer_that_loses_something_may_be_named_for_what_is_in_it() -> None:
    given = Verdict("toy", (PartVerdict("a", 3, 4, (misconception("one", "Said."),)),))
    told = case("variant", loses={"a": 1.0}, names=("one",))
    assert problem(told, given) == "" and " false=0 " in summary(results((told, given)))
    assert "is said to be one, which it is not" in problem(CONTRACT, given)


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_the_matrix_has_room_for_names_in_any_width(course: Course, width: int) -> None:
    found = [Result(one, Verdict("q2", tuple(PartVerdict(part, 0, 8) for part in PARTS_OF_Q2)), "")
             for one in cases(course, "q2")]
    console = Console(width=width, file=io.StringIO())
    console.print(table("q2", found, width))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert all(one.case.name[:CASE] in console.file.getvalue() for one in found)


def test_the_command_uses_its_seed_and_lists_what_is_not_named(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], course: Course
        ) -> None:
    def judged(found: Course, name: str, processes: int, chosen: list[Case], seed: int
               ) -> Iterator[Result]:
        yield from (Result(one, Verdict("q2", (PartVerdict(one.part, 0, 8),)), f"seed {seed}")
                    for one in chosen)

    monkeypatch.setattr(validation, "validate", judged)
    name = next(one.name for one in cases(course, "q2") if one.kind == "misconception")
    assert status_of(monkeypatch, "validate", "q2", "--only", name, "--seed", 77, "--course",
                     course.root) == 1
    said = capsys.readouterr().out
    assert f"{name}: seed 77" in said and f"not named: {name}" in said


def test_pairs_are_drawn_by_the_seed_and_can_be_handed_in(course: Course) -> None:
    drawn = doubles(course, "q2", 3)
    assert [one.name for one in drawn] == [one.name for one in doubles(course, "q2", 3)]
    assert [one.name for one in drawn] != [one.name for one in doubles(course, "q2", 4)]
    known = {one.name: one for one in cases(course, "q2") if one.kind == "misconception"}
    right = work(course.exercise("q2"), "reference", "reference")
    for one in drawn:
        parts = {known[name].part for name in one.planted}
        assert len(one.planted) == 2 and parts == {one.part}
        handed_in = work(course.exercise("q2"), one.kind, one.name)
        assert handed_in.fingerprint != right.fingerprint


def failed(**checks: str) -> dict[str, str]:
    return checks


@pytest.mark.parametrize(("given", "checks", "complains"), [
    (verdict(), failed(), False),
    (verdict(), failed(a="no"), True),
    (verdict(), failed(b="no"), True),
    (verdict(), failed(elsewhere="no"), True),
    (verdict(a=3), failed(a="no"), False),
    (verdict(a=3), failed(b="no"), False),  # its check may call what (a) wrote
    (verdict(b=1), failed(a="no"), True),
    (verdict(b=1), failed(a="no", b="no"), True),
    (verdict(b=1), failed(elsewhere="no"), False),
])
def test_a_visible_check_may_fail_where_the_hidden_tests_take_points(
        given: Verdict, checks: dict[str, str], complains: bool) -> None:
    assert bool(disagreement(given, checks)) == complains


STRICTER_CHECK = 'assert words("One") == ["one"] and isinstance(words("a b"), list)'
UNLIKE = """
[[variant]]
name = "a-tuple"
file = "toy.py"
replace = "return text.lower().split()"
by = "return tuple(text.lower().split()) if text == 'a b' else text.lower().split()"
"""


@pytest.mark.sandbox
@pytest.mark.parametrize(("check", "more", "unlike"), [
    (STRICTER_CHECK + "\n# %%\n# !python given.py", UNLIKE, {"a-tuple"}),
    ('assert words("one") == ["One"], "no"', "", {"reference", "with-a-loop"}),
    ('assert words("one") == ["one"]\n# %%\n# !python vectors.py', "",
     {"reference", "with-a-loop"}),
], ids=["stricter than the hidden tests", "wrong", "a program that fails"])
def test_right_answers_run_the_visible_checks(tmp_path: Path, check: str, more: str,
                                              unlike: set[str]) -> None:
    notebook = TOY_NOTEBOOK.replace(
        'assert words("one") == ["one"], "a text of one word has one word"', check)
    assert check in notebook
    module = TOY_MODULE + '\nif __name__ == "__main__":\n    raise SystemExit(1)\n'
    course = Toy(source={"toy.py": notebook, "vectors.py": module,
                         "given.py": "NUMBERS = (1, 2, 3)\n"},
                 variants=TOY_VARIANTS + more).write(tmp_path)
    found = list(validate(course, "toy", 1, [case for case in cases(course, "toy") if case.right]))
    assert {result.case.name for result in found if result.unlike} == unlike
    assert {result.case.name for result in found if result.problem} == unlike
    assert f"visible={len(found) - len(unlike)}/{len(found)} " in summary(found)


def test_where_something_is_wrong_the_judges_words_are_told() -> None:
    said = PartVerdict("a", 1, 4, ("It differs.",), review=("look",), staff=("KeyError: 'c'",))
    lost = Verdict("toy", (said, PartVerdict("b", 2, 2)))
    earned = Verdict("toy", (said, PartVerdict("b", 0, 2, ("Not written yet.",))))
    assert list(reasons(results((case("reference"), lost), (MISCONCEPTION, verdict(a=0)),
                                (case("skeleton"), earned)))) == [
        "the-reference: the reference loses points in a",
        "  a, 1 of 4: It differs. look KeyError: 'c'",
        "the-skeleton: the skeleton earns 1 points",
        "  a, 1 of 4: It differs. look KeyError: 'c'",
    ]


def test_a_misconception_of_no_part_is_a_sentence(tmp_path: Path) -> None:
    wrong = Toy(misconceptions=TOY_MISCONCEPTIONS.replace('"toy_words"', '"toy_wrods"'))
    with pytest.raises(CourseError, match=r"capitals-kept .*`toy_wrods`.*: toy_words, toy_count"):
        cases(wrong.write(tmp_path), "toy")


@pytest.mark.parametrize(("assignment", "misconceptions", "variants"), [
    ("q1", 40, 15), ("q2", 40, 15), ("hw3", 60, 25)])
def test_there_are_enough_of_both_kinds(course: Course, assignment: str, misconceptions: int,
                                        variants: int) -> None:
    kinds = [case.kind for case in cases(course, assignment)]
    assert kinds.count("misconception") >= misconceptions
    assert kinds.count("variant") >= variants


@pytest.mark.sandbox
@pytest.mark.nbgrader
@pytest.mark.parametrize(("assignment", "every"), [("q1", 30), ("q2", 20), ("hw3", 60)])
def test_hidden_tests_catch_what_is_wrong_and_accept_what_is_right(tmp_path: Path, assignment: str,
                                                                   every: int) -> None:
    """A sample of the cases; `make validate` runs all of them, for half an hour."""
    course = copy_course(tmp_path, patient=True)
    done = run_cli("validate", assignment, "-j", 1, "--every", every, cwd=course.root, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert found, done.stdout
    caught, _, _, named = map(int, found.groups())
    assert named > 0.7 * caught, done.stdout  # a wrong result.log has no code to be known by
