"""Libraries that are not to be used: copied, packed into text, or under their own name."""

from __future__ import annotations

import inspect
import json.encoder
import re
from collections.abc import Mapping

import pytest
from conftest import REPO
from nbformat import NotebookNode, v4

from autograder.course import Course
from autograder.judge.borrowed import RUN, _tokens, borrowed
from autograder.release import source
from autograder.validate import cases, skeleton, work

GIVEN = {"bert.py": b"import torch\n\n\nclass Bert:\n    '''To be written.'''\n"}
HIDDEN = {"transformers": "not here"}
SOURCE = ("json/encoder.py",)  # any installed package serves


def look(text: str, name: str = "bert.py") -> list[str]:
    return borrowed({name: text.encode()}, GIVEN, HIDDEN, SOURCE)


def library() -> str:
    return inspect.getsource(json.encoder.JSONEncoder.encode)


def test_a_long_run_of_a_library_is_seen_whatever_the_layout() -> None:
    text = "class Mine:\n" + library().replace("    ", "  ").replace("#", "# mine:")
    (found,) = look(text)
    assert "json/encoder.py" in found and str(RUN) in found


def test_a_few_lines_in_common_are_nobodys_business() -> None:
    assert look("def encode(self, o):\n    if isinstance(o, str):\n        return o\n") == []


TOKENS = _tokens(library().encode())


@pytest.mark.parametrize("mine", [1, 5, 20, 39])
def test_what_is_given_does_not_count_towards_a_run(mine: int) -> None:
    """A passage of the library of which all but some tokens were given."""
    words = TOKENS[:3 * RUN]
    for given in (words[:-mine], words[mine:]):
        assert borrowed({"bert.py": " ".join(words).encode()},
                        {"bert.py": " ".join(given).encode()}, HIDDEN, SOURCE) == []


def test_a_run_beyond_what_is_given_is_seen() -> None:
    given = {"bert.py": " ".join(TOKENS[:RUN // 2]).encode()}
    (found,) = borrowed({"bert.py": " ".join(TOKENS).encode()}, given, HIDDEN, SOURCE)
    assert "beyond what is given" in found


@pytest.mark.parametrize("rename", [{}, {"o": "thing", "chunks": "parts"}, {"markers": "seen"}])
@pytest.mark.parametrize("first", ["", "%%time\n", "!pip install x\n", "x = (\n"])
def test_a_library_in_a_cell_of_the_notebook_is_seen_under_other_names(rename: dict[str, str],
                                                                       first: str) -> None:
    text = library()
    for old, new in rename.items():
        text = re.sub(rf"\b{old}\b", new, text)
    released = v4.new_notebook(cells=[v4.new_code_cell("import torch")])
    cells = [*released.cells, v4.new_code_cell(f"{first}class Mine:\n{text}")]
    notebook = v4.new_notebook(cells=cells)
    (found,) = borrowed({}, GIVEN, HIDDEN, SOURCE, notebook, released)
    assert "the notebook, cell 2" in found and "json/encoder.py" in found
    assert borrowed({}, GIVEN, HIDDEN, SOURCE, notebook, notebook) == []


def test_no_answer_of_q2_that_is_ours_looks_borrowed_and_the_librarys_attention_does() -> None:
    from transformers.models.bert import modeling_bert

    course = Course.load(REPO)
    settings, exercise = course.assignment("q2"), course.exercise("q2")
    given = {name: data for name, data in skeleton(exercise).items() if name != "q2.py"}
    released = source.read_notebook(exercise)

    def found(files: Mapping[str, bytes], notebook: NotebookNode) -> list[str]:
        return borrowed(files, given, settings.hidden, tuple(settings.not_copied), notebook,
                        released)

    for case in cases(course, "q2")[::6]:
        made = work(exercise, case.kind, case.name)
        assert found(made.files, made.notebook) == [], case.name
    attention = inspect.getsource(modeling_bert.BertSelfAttention).replace(
        "hidden_states", "x").replace("BertSelfAttention", "Mine").replace("key_layer", "k")
    notebook = v4.new_notebook(cells=[*released.cells, v4.new_code_cell(attention)])
    assert found({}, notebook)
    assert found({"bert.py": given["bert.py"] + attention.encode()}, released)


def test_what_is_given_is_not_borrowed() -> None:
    given = {"bert.py": library().encode()}
    text = library().encode() + b"\nvalue = 1\n"
    assert borrowed({"bert.py": text}, given, HIDDEN, SOURCE) == []


@pytest.mark.parametrize(("text", "name"), [
    ("exec('a = 1')", "exec"), ("eval('1')", "eval"), ("import marshal", "marshal"),
    ("from importlib import import_module", "importlib"), ("compile('1', '', 'eval')", "compile"),
    ("__import__('os')", "__import__"), ("import subprocess as s", "subprocess"),
])
def test_code_made_out_of_text_is_seen(text: str, name: str) -> None:
    (found,) = look(text)
    assert name in found


@pytest.mark.parametrize("name", ["transformers.py", "transformers/__init__.py"])
def test_a_package_by_a_forbidden_name_is_seen(name: str) -> None:
    assert any("not to be used" in found for found in look("x = 1", name))


@pytest.mark.parametrize("text", ["model.eval()", "re.compile('a')", "x = 'exec'", "def (", "\0",
                                  "model.compile()", "torch.compile(model)"])
def test_what_only_looks_alike_is_left_alone(text: str) -> None:
    assert look(text) == []
