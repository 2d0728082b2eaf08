"""Files that have the name of a given or a library module, in every form that Python imports."""

from __future__ import annotations

import py_compile
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import Course
from autograder.judge.source_checks.shadowed_modules import reasons, shadowing
from autograder.results.verdict import Verdict
from autograder.results.words import english

GIVEN = {"base_bert.py", "config.py", "experiment.py", "tokenizer.py", "utils.py",
         "sanity_check.py"}
STUDENT = {"bert.py", "classifier.py", "result.log"}
LIBRARIES = ["torch", "numpy", "random", "json", "math", "typing", "tqdm", "sklearn", "IPython",
             "zmq", "sitecustomize", "usercustomize", "safetensors", "ipykernel_launcher"]
MODULES = sorted({Path(name).stem for name in GIVEN | STUDENT if name.endswith(".py")})
FORMS = ["{}/__init__.py", "{}/__main__.py", "{}/inner/deep.py", "{}.pyc", "{}/__init__.pyc",
         "{}.pyo", "__pycache__/{}.cpython-311.pyc", "{}" + EXTENSION_SUFFIXES[0], "{}.so",
         "{}.pyd", "{}/__init__" + EXTENSION_SUFFIXES[0]]
ROBBED = b"raise SystemExit('a file of another name was imported')\n"


def left_out(*names: str) -> dict[str, str]:
    return shadowing(names, GIVEN, STUDENT, ["torch", "numpy", "tqdm.auto", "sklearn.metrics",
                                             "safetensors.torch"])


@given(st.sampled_from(MODULES + LIBRARIES), st.sampled_from(FORMS))
@settings(deadline=None)
def test_no_form_takes_the_place_of_a_module(module: str, form: str) -> None:
    assert left_out(form.format(module)), "Python would import it"


@pytest.mark.parametrize("module", LIBRARIES)
def test_no_file_takes_the_place_of_a_library(module: str) -> None:
    assert left_out(f"{module}.py") == {f"{module}.py": module}


@given(st.sampled_from(["helpers", "evaluation", "optimizer", "datasets", "my_bert", "Bert",
                        "bert2", "utils_own", "torch_things", "attention"]),
       st.sampled_from(["{}.py", "{}/__init__.py", "{}/inner/deep.py"]))
@settings(deadline=None)
def test_modules_of_ones_own_are_kept(module: str, form: str) -> None:
    assert left_out(form.format(module)) == {}


def test_what_nobody_imports_is_kept() -> None:
    data = ("utils.txt", "bert.py.bak", "random/notes.md", "numpy.npz")
    assert left_out(*data, *GIVEN, *STUDENT) == {}


def test_what_is_left_out_is_told_but_for_pythons_own_copies() -> None:
    assert reasons(left_out("__pycache__/bert.cpython-311.pyc")) == []
    (sentence,) = map(english, reasons(left_out(*(f"utils/part{n}.py" for n in range(9)))))
    assert "utils/part4.py and 4 more" in sentence and "part5" not in sentence


@pytest.mark.sandbox
@pytest.mark.parametrize("modules", [MODULES, LIBRARIES])
def test_given_and_library_modules_come_first(grade_q2: Callable[[dict[str, bytes]], Verdict],
                                              tmp_path: Path, modules: list[str]) -> None:
    source = tmp_path / "other.py"
    source.write_bytes(ROBBED)
    compiled = Path(py_compile.compile(  # never compared with a source
        str(source), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)).read_bytes()
    forms = FORMS if modules is MODULES else [*FORMS, "{}.py"]
    for form in forms:
        files = {form.format(module): compiled if form.endswith((".pyc", ".pyo")) else ROBBED
                 for module in modules}
        verdict = grade_q2(files)
        assert verdict.points == 50, (form, [part.says for part in verdict.parts])
        if not form.startswith("__pycache__"):
            (event,) = verdict.events
            assert event.startswith("Left out while grading: ")


@pytest.mark.sandbox
@pytest.mark.parametrize("path", ["helpers.py", "helpers/__init__.py", "datasets.py"])
def test_code_may_import_modules_of_ones_own(grade_q2: Callable[[dict[str, bytes]], Verdict],
                                             prepared: Course, path: str) -> None:
    module = path.partition("/")[0].removesuffix(".py")
    solved = (prepared.exercise("q2").source / "bert.py").read_text()
    solved = solved.replace("import math\n", f"import math\nfrom {module} import root\n")
    solved = solved.replace("math.sqrt(self.attention_head_size)", "root(self.attention_head_size)")
    verdict = grade_q2({"bert.py": solved.encode(), path: b"from math import sqrt as root\n"})
    assert (verdict.points, verdict.events) == (50, ())
