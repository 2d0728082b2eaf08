"""Libraries that are not to be used: copied, packed into text, or under their own name."""

from __future__ import annotations

import pytest

from autograder.judge.borrowed import RUN, borrowed

GIVEN = {"bert.py": b"import torch\n\n\nclass Bert:\n    '''To be written.'''\n"}
HIDDEN = {"transformers": "not here"}
SOURCE = ("json/encoder.py",)  # any installed package serves


def look(text: str, name: str = "bert.py") -> list[str]:
    return borrowed({name: text.encode()}, GIVEN, HIDDEN, SOURCE)


def library() -> str:
    import inspect
    import json.encoder

    return inspect.getsource(json.encoder.JSONEncoder.encode)


def test_a_long_run_of_a_library_is_seen_whatever_the_layout() -> None:
    text = "class Mine:\n" + library().replace("    ", "  ").replace("#", "# mine:")
    (found,) = look(text)
    assert "json/encoder.py" in found and str(RUN) in found


def test_a_few_lines_in_common_are_nobodys_business() -> None:
    assert look("def encode(self, o):\n    if isinstance(o, str):\n        return o\n") == []


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
