"""The judge on the toy: what earns points, what is said, and what a bad submission costs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import pytest
from conftest import TOY_HIDDEN_TESTS, Toy, judge_once, toy_work

from autograder.course import Course, CourseError
from autograder.judge import pool
from autograder.judge.pool import JudgingFailed, judge_all
from autograder.judge.student_runner import StudentRunner
from autograder.judge.work import Work
from autograder.kernel import serialization
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.session import KernelSession, Outcome
from autograder.release.build import build
from autograder.results.verdict import PartVerdict, Verdict
from autograder.settings import LimitSettings

FULL = {"toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0}
WORDS, SCALE = "return text.lower().split()", "return vector / largest"
GradeToy = Callable[..., Verdict]


def points(verdict: Verdict) -> dict[str, float]:
    return {part.part: part.points for part in verdict.parts}


def part_of(verdict: Verdict, name: str) -> PartVerdict:
    part = verdict.part(name)
    assert part is not None
    return part


# -------------------------------------------------------------------------- what student code earns


@pytest.mark.sandbox
def test_a_right_answer_earns_everything_and_is_told_nothing(grade_toy: GradeToy) -> None:
    verdict = grade_toy()
    assert points(verdict) == FULL
    assert verdict.events == () and all(part.says == () for part in verdict.parts)


@pytest.mark.sandbox
def test_right_alone_needs_no_other_part(grade_toy: GradeToy) -> None:
    verdict = grade_toy("found = words(text)", "found = ['x']")
    assert points(verdict) == FULL | {"toy_count": 0.0}
    assert part_of(verdict, "toy_count").says == ("The counts differ.",)


@pytest.mark.sandbox
def test_right_together_keeps_three_quarters_and_names_the_contract(grade_toy: GradeToy) -> None:
    verdict = grade_toy(WORDS, "return tuple(text.lower().split())")
    assert points(verdict) == FULL | {"toy_words": 3.0}
    (says,) = part_of(verdict, "toy_words").says
    assert says.startswith("`words` must return a list; yours is right only with your own `count`")


@pytest.mark.sandbox
def test_wrong_alone_and_together_earns_what_is_right_alone(grade_toy: GradeToy) -> None:
    verdict = grade_toy(WORDS, "return text.lower().split()[:2]")
    assert points(verdict) == FULL | {"toy_words": 1.0, "toy_count": 0.0}
    assert part_of(verdict, "toy_words").says == ("The words of a text differ.",)


@pytest.mark.sandbox
@pytest.mark.parametrize(("edit", "part", "name", "sentence"), [
    ((WORDS, "return text.split()"), "toy_words", "capitals-kept",
     "Your words keep their capitals, so that one word counts as two."),
    (("largest = vector.abs().max()", "largest = torch.norm(vector, 1)"), "toy_scale",
     "scaled-by-the-sum",
     "You divide by the sum, which makes every vector's entries sum to one instead."),
], ids=["the edit itself", "the same values by another way"])
def test_a_misconception_is_recognised_by_its_values(grade_toy: GradeToy, edit: tuple[str, str],
                                                     part: str, name: str, sentence: str) -> None:
    found = part_of(grade_toy(edit[0], edit[1].replace("torch.", "__import__('torch').")), part)
    assert found.misconceptions == (name,)
    assert found.says[0] == sentence


@pytest.mark.sandbox
@pytest.mark.parametrize(("code", "sentence"), [
    ("while True: pass", "Your code ran for more than 2 s and was stopped."),
    ("import os; os._exit(0)", "Your code ended its own process (exit status 0)."),
    ("import os; os.abort()", "Your code crashed the Python process (signal 6)."),
    ("print('x' * 2_000_000)", "Your code printed more than 1 MiB and was stopped."),
    ("return vector[:, None]", "The scaled vector differs: the shape is [5, 1], expected [5]."),
], ids=["hang", "exit", "abort", "flood", "shape"])
def test_what_goes_wrong_in_one_part_costs_that_part_alone_and_says_why(
        grade_toy: GradeToy, code: str, sentence: str) -> None:
    verdict = grade_toy(SCALE, code)
    assert points(verdict) == FULL | {"toy_scale": 0.0}
    assert part_of(verdict, "toy_scale").says == (sentence,)


FAILURES = {
    "return bytearray(4 * 2**30)":
        "your code ran out of memory at the notebook, line 2 (`return bytearray(4 * 2**30)`)",
    "return __import__('torch').ones(2**30)":
        "your code ran out of memory at the notebook, line 2 "
        "(`return __import__('torch').ones(2**30)`)",
    "raise NotImplementedError": "not written yet: NotImplementedError at the notebook, line 2",
    "return undefined": "your code stopped with NameError: name 'undefined' is not defined at the "
                        "notebook, line 2 (`return undefined`)",
    "raise SystemExit('bye')": "your code stopped with SystemExit: bye at the notebook, line 2 "
                               "(`raise SystemExit('bye')`)",
    "import sklearn": "your code stopped with ImportError: write it yourself at the notebook, "
                      "line 2 (`import sklearn`)",
    "return f()": "your code stopped with RecursionError: maximum recursion depth exceeded at the "
                  "notebook, line 2 (`return f()`)",
    "import broken": "your code stopped with SyntaxError: invalid syntax at broken.py, line 2 "
                     "(`x = 1 +`)",
    "breakpoint()": "your code stopped with RuntimeError: a breakpoint was left in the code at the "
                    "notebook, line 2 (`breakpoint()`)",
    "raise ValueError('one\\ntwo')": "your code stopped with ValueError: one at the notebook, "
                                     "line 2 (`raise ValueError('one\\ntwo')`)",
    "get_ipython().user_ns.clear()": "",
}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudentRunner]:
    """One student's kernel, with a broken module beside the notebook."""
    folder = tmp_path_factory.mktemp("student")
    (folder / "broken.py").write_text("y = 0\nx = 1 +\n")
    with StudentRunner(folder, ["pass"], ["broken"], LimitSettings(memory=2048), 300,
                     Surroundings({"sklearn": "write it yourself"})) as student:
        yield student


def ask_for(student: StudentRunner, body: str) -> str:
    """Define `f` in the student's kernel, call it as a probe does, and return the sentence."""
    student._ready().run(f"def f():\n    {body}", timeout=10)
    answer = student.ask(serialization.pack({"probes": "", "function": "call",
                                    "inputs": {"name": "f", "args": [], "kwargs": {}}}))
    return answer.failure.says if answer.failure else ""


@pytest.mark.sandbox
@pytest.mark.parametrize("code", FAILURES)
def test_a_failure_is_a_sentence_with_its_place(student: StudentRunner, code: str) -> None:
    assert ask_for(student, code) == FAILURES[code]


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ["KeyboardInterrupt", "GeneratorExit"])
def test_an_exception_that_is_no_error_is_a_sentence_too(student: StudentRunner, name: str) -> None:
    assert ask_for(student, f"raise {name}").startswith(f"your code stopped with {name}")


@pytest.mark.sandbox
def test_no_sentence_is_longer_than_a_page(student: StudentRunner) -> None:
    assert len(ask_for(student, "raise type('X' * 100_000, (Exception,), {})()")) < 4000


@pytest.mark.sandbox
def test_every_sentence_can_be_written_to_a_file(student: StudentRunner) -> None:
    ask_for(student, r"raise ValueError('\ud800')").encode()


@pytest.mark.sandbox
def test_parts_after_one_that_killed_the_kernel_are_still_judged(grade_toy: GradeToy) -> None:
    verdict = grade_toy(WORDS, "import os; os._exit(3)")
    assert points(verdict) == {"toy_words": 0.0, "toy_count": 0.0, "toy_scale": 3.0}


@pytest.mark.sandbox
def test_a_cell_that_kills_the_kernel_costs_nothing_but_is_told(grade_toy: GradeToy) -> None:
    verdict = grade_toy(cells=("import os; os._exit(0)", "1 / 0"))
    assert points(verdict) == FULL
    assert verdict.events == (
        "A code cell of the notebook (number 5 of those run): ended its own process (exit status "
        "0).",
        "A code cell of the notebook (number 6 of those run): ZeroDivisionError: division by zero.")


@pytest.mark.sandbox
def test_a_module_that_kills_the_kernel_when_imported_costs_what_needs_it(grade_toy: GradeToy
                                                                          ) -> None:
    verdict = grade_toy("def scale(vector):", "__import__('os')._exit(1)\n\n\ndef scale(vector):")
    assert points(verdict) == FULL | {"toy_scale": 0.0}
    says = "vectors.py, while it was imported, ended its own process (exit status 1)."
    assert verdict.events == (says,)
    assert part_of(verdict, "toy_scale").says == (says,)


@pytest.mark.sandbox
def test_files_that_are_given_count_as_they_were_given(grade_toy: GradeToy) -> None:
    verdict = grade_toy(files={"given.py": b"raise SystemExit"})
    assert points(verdict) == FULL and verdict.events == ()


@pytest.mark.sandbox
def test_a_notebook_of_which_nothing_is_left_earns_nothing_and_says_so(
        toy: Course, judging: ProcessPoolExecutor) -> None:
    empty = Work("toy", nbformat.v4.new_notebook(), toy_work(toy).files)
    verdict = judging.submit(judge_once, toy, 7, empty).result()
    assert points(verdict) == dict.fromkeys(FULL, 0.0)
    assert "name 'words' is not defined" in part_of(verdict, "toy_words").says[0]


@pytest.mark.sandbox
def test_cells_that_train_are_known_without_their_tags(toy: Course, judging: ProcessPoolExecutor
                                                       ) -> None:
    work = toy_work(toy)
    for cell in work.notebook.cells:
        cell.metadata.pop("tags", None)
    assert judging.submit(judge_once, toy, 7, work).result().events == ()


def test_cells_cannot_use_more_than_the_submissions_time(tmp_path: Path) -> None:
    allowed = []

    class Session:
        alive, taken = True, 0.0

        def run(self, source: str, timeout: float) -> Outcome:
            allowed.append(timeout)
            self.taken += 2
            return Outcome("done")

    side = StudentRunner(tmp_path, ["cell"] * 20, [], LimitSettings(cell=60), seconds=5)
    side._kernels.session = session = Session()  # type: ignore[assignment]
    side._run(session, 20)  # type: ignore[arg-type]
    assert allowed == [5, 3, 1]


# --------------------------------------------------------- files that stand in the grader's own way


@pytest.mark.sandbox
def test_files_named_like_modules_of_the_library_harm_nothing(grade_toy_cold: GradeToy) -> None:
    names = ("random.py", "code.py", "test.py", "json.py", "IPython.py", "zmq/__init__.py")
    assert points(grade_toy_cold(files=dict.fromkeys(names, b"raise SystemExit"))) == FULL


@pytest.mark.sandbox
def test_a_file_named_like_the_kernels_launcher_harms_no_batch(grade_toy_cold: GradeToy) -> None:
    assert points(grade_toy_cold(files={"ipykernel_launcher.py": b"raise SystemExit"})) == FULL


@pytest.mark.sandbox
def test_a_file_named_torch_does_not_break_the_agent(grade_toy_cold: GradeToy) -> None:
    assert "autograder.kernel.agent" not in str(grade_toy_cold(files={"torch.py": b"1 / 0"}).parts)


@pytest.mark.sandbox
def test_a_folder_named_like_a_given_file_harms_no_batch(grade_toy_cold: GradeToy) -> None:
    assert points(grade_toy_cold(files={"given.py/notes.txt": b""})) == FULL


@pytest.mark.sandbox
def test_a_file_over_the_limit_harms_no_batch(grade_toy_cold: GradeToy) -> None:
    assert grade_toy_cold(files={"big.txt": bytes(33 * 2**20)}).parts


@pytest.mark.sandbox
def test_rubbish_in_an_answers_place_is_a_failure_like_any_other(tmp_path: Path) -> None:
    with StudentRunner(tmp_path, [], [], LimitSettings(memory=2048), 300) as student:
        for rubbish in ("b''", "b'AAA'", "bytes(99)", "b'\\xff' * 8", "serialization.pack(3)",
                        "serialization.pack({'value': set()})[:-1]"):
            student._ready().run("from autograder.kernel import agent, serialization\n"
                                 f"agent.answer = lambda request, code: {rubbish}", timeout=10)
            answer = student.ask(b"")
            assert answer.failure is not None and answer.failure.error == "answer", rubbish


@pytest.mark.sandbox
def test_an_output_that_no_notebook_can_hold_is_an_outcome_like_any_other(tmp_path: Path) -> None:
    with KernelSession(tmp_path, Limits()) as session:
        outcome = session.run("from IPython.display import publish_display_data as publish\n"
                              "publish({'text/plain': None})", timeout=10)
        assert outcome.kind in ("done", "error")


# ------------------------------------------------------------------------ what a hidden test can do


Judge = Callable[..., Verdict]


@pytest.fixture
def judge(tmp_path: Path, judging: ProcessPoolExecutor) -> Judge:
    """Judge the right toy with other hidden tests than its own.

    Nothing is asked of the student's code unless a test asks, so that no kernel starts.
    """

    def judge(tests: str, seed: int = 7) -> Verdict:
        head = "import pytest\nfrom autograder.judge.testing import *\n\n"
        course = Toy(hidden_tests=head + textwrap.dedent(tests)).write(tmp_path)
        build(course, "toy")
        return judging.submit(judge_once, course, seed, toy_work(course)).result()

    return judge


@pytest.mark.parametrize(("share", "earned"), [(0.5, 2.0), (1, 4.0), (0, 0.0), (7, 4.0), (-1, 0.0),
                                               ("float('inf')", 4.0), (1 / 3, 1.33)])
def test_award_gives_a_share_between_nothing_and_all(judge: Judge, share: object, earned: float
                                                     ) -> None:
    part = part_of(judge(f"""
        @part("toy_words")
        def test_a(award):
            award({share}, "some of it")
        """), "toy_words")
    assert part.points == earned
    assert part.says == (() if earned == 4 else ("Some of it.",))


@pytest.mark.parametrize(("share", "earned", "says"), [
    (1, 4.0, ()), (0.5, 2.0, ("Half of it.",)), (0.2, 1.0, ("This is wrong.",)),
    (0, 1.0, ("This is wrong.",))])
def test_award_says_how_much_is_kept_together(judge: Judge, share: float, earned: float,
                                              says: tuple[str, ...]) -> None:
    part = part_of(judge(f"""
        @part("toy_words", weight=1)
        def test_a():
            pass

        @part("toy_words", weight=3)
        def test_b():
            assert False, "this is wrong"

        @part("toy_words", together="a contract is broken")
        def test_c(award):
            award({share}, "half of it")
        """), "toy_words")
    assert (part.points, part.says) == (earned, says)


def test_award_of_nan_is_nothing(judge: Judge) -> None:
    verdict = judge("""
        @part("toy_words")
        def test_a(award):
            award(float("nan"), "some of it")
        """)
    assert part_of(verdict, "toy_words").points == 0


def test_remarks_and_flags_cost_nothing(judge: Judge) -> None:
    part = part_of(judge("""
        @part("toy_words")
        def test_a(remark, flag):
            remark("nice"), flag("odd"), remark("nice")
        """), "toy_words")
    assert (part.points, part.remarks, part.flags) == (4.0, ("nice",), ("odd",))


def test_weights_share_a_parts_points(judge: Judge) -> None:
    part = part_of(judge("""
        @part("toy_words", weight=1)
        def test_a():
            assert False, "the first is wrong"

        @part("toy_words", weight=3)
        def test_b():
            pass
        """), "toy_words")
    assert (part.points, part.says) == (3.0, ("The first is wrong.",))


def test_a_fixture_that_fails_fails_its_test(judge: Judge) -> None:
    part = part_of(judge("""
        @pytest.fixture
        def log():
            assert False, "there is no log"

        @part("toy_words")
        def test_a(log):
            pass
        """), "toy_words")
    assert (part.points, part.says) == (0.0, ("There is no log.",))


def test_what_was_handed_in_and_the_settings_are_at_hand(judge: Judge) -> None:
    part = part_of(judge("""
        @part("toy_words")
        def test_a(work, settings):
            assert work.text("vectors.py").startswith('\"""Vectors.') and settings == {}
            assert work.text("nothing.txt") is None
        """), "toy_words")
    assert part.points == 4


def drawn(judge: Judge, seed: int) -> tuple[str, ...]:
    verdict = judge("""
        @part("toy_words")
        def test_a(draw, remark):
            remark(str(draw(2).tolist()))

        @part("toy_words")
        def test_b(draw, remark):
            remark(str(draw(2).tolist()))
        """, seed)
    return part_of(verdict, "toy_words").remarks


def test_the_same_seed_draws_the_same_inputs(judge: Judge) -> None:
    assert drawn(judge, seed=1) == drawn(judge, seed=1)


def test_two_tests_draw_different_inputs(judge: Judge) -> None:
    assert len(set(drawn(judge, seed=1))) == 2


def test_another_batch_draws_other_inputs(judge: Judge) -> None:
    assert drawn(judge, seed=1) != drawn(judge, seed=2)


def test_a_reference_that_fails_is_a_persons_case(judge: Judge) -> None:
    part = part_of(judge("""
        @part("toy_words")
        def test_a(both):
            both.call("no_such_function")
        """), "toy_words")
    assert part.points == 0
    assert part.flags == ("the reference itself failed: the exercise needs mending",)
    assert "no_such_function" in part.staff[0] and "no_such_function" not in str(part.says)


@pytest.mark.parametrize("bug", ["undefined_name", "[][1]", "None.x", "pytest.skip('later')",
                                 "assert False", "{}['key']"])
def test_a_test_with_a_bug_of_its_own_is_a_persons_case(judge: Judge, bug: str) -> None:
    part = part_of(judge(f"""
        @part("toy_words")
        def test_a():
            {bug}
        """), "toy_words")
    assert part.points == 0 and part.flags


def test_tests_that_are_left_out_harm_none_in_another_file(tmp_path: Path, judge: Judge) -> None:
    other = tmp_path / "exercises" / "toy" / "test_later.py"
    other.parent.mkdir(parents=True)
    other.write_text("from autograder.judge.testing import *\n\n@part('toy_count')\n"
                     "def test_c():\n    pass\n")
    verdict = judge("""
        from autograder.judge.compare import StudentFailed
        from autograder.judge.answer import Failure

        @part("toy_words")
        def test_a():
            raise StudentFailed(Failure(Reason(Code.NO_ANSWER), fatal=True))

        @part("toy_words")
        def test_b():
            pass
        """)
    assert part_of(verdict, "toy_words").points == 0
    assert part_of(verdict, "toy_count").points == 3


def test_a_part_without_a_hidden_test_is_told(judge: Judge) -> None:
    part = part_of(judge("""
        @part("toy_words")
        def test_a():
            pass
        """), "toy_count")
    assert part.points == 0 and part.flags


@pytest.mark.parametrize(("tests", "why"), [
    ("", "there is none in "),
    ("def test_a(): pass", r"test_hidden\.py::test_a needs @part"),
    ("def test_(:", "SyntaxError: invalid syntax"),
    ("import no_such_module", r"test_hidden\.py:\d+: .*No module named 'no_such_module'"),
    ("@part('no_such_part')\ndef test_a(): pass",
     "test_a is of the part `no_such_part`, .*there are: toy_words, toy_count, toy_scale"),
], ids=["no tests", "no part", "syntax", "import", "unknown part"])
def test_hidden_tests_that_cannot_be_run_stop_the_batch_with_a_sentence(judge: Judge, tests: str,
                                                                        why: str) -> None:
    with pytest.raises(CourseError, match=f"The hidden tests of toy cannot be run: .*{why}"):
        judge(tests)


# -------------------------------------------------------------------------------- several at a time


@pytest.mark.sandbox
def test_a_work_that_kills_its_judge_is_lost_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                   ) -> None:
    monkeypatch.setitem(pool.MOST, pool._End.JUDGE_DIED, 1)  # two deaths show as much as four
    course = Toy(hidden_tests=TOY_HIDDEN_TESTS + textwrap.dedent("""
        @part("toy_scale")
        def test_deadly(work):
            if work.text("deadly"):
                __import__("os")._exit(1)
        """)).write(tmp_path)
    build(course, "toy")
    works = [("deadly", toy_work(course, files={"deadly": b"x"})), ("good", toy_work(course))]
    found = dict(judge_all(course, "toy", 7, works, processes=1))
    assert isinstance(found["deadly"], JudgingFailed) and "died" in found["deadly"].reason
    assert isinstance(found["good"], Verdict) and points(found["good"]) == FULL


@pytest.mark.sandbox
def test_a_work_that_cannot_be_written_is_lost_alone(tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    build(course, "toy")
    works = [("odd", toy_work(course, files={"vectors.py/x": b""})), ("good", toy_work(course))]
    found = dict(judge_all(course, "toy", 7, works, processes=1))
    assert isinstance(found["good"], Verdict) and points(found["good"]) == FULL
