"""What student notebooks call elsewhere, and what happens instead in the grading kernel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from autograder.kernel import serialization, stubs
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.session import KernelSession


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelSession]:
    hub = tmp_path_factory.mktemp("hub")
    (hub / "hub" / "models--toy--bert").mkdir(parents=True)
    (hub / "datasets" / "toy___words").mkdir(parents=True)
    (hub / "datasets" / "toy___words" / "words.txt").write_text("some words")
    hub.chmod(0o755)
    surroundings = Surroundings(hub=str(hub), environment={"COURSE_CREATURES": "24"})
    with KernelSession(tmp_path_factory.mktemp("home"), Limits(), surroundings) as session:
        yield session


def printed(session: KernelSession, source: str) -> str:
    outcome = session.run(source, timeout=60)
    assert outcome.kind == "done", outcome.says
    return "".join(output.get("text", "") for output in outcome.outputs).strip()


@pytest.mark.sandbox
@pytest.mark.parametrize("source", [
    "from google.colab import drive; drive.mount('/content/drive')",
    "from google.colab import files\nfor name in files.upload(): print(name)",
    "import google.colab; google.colab.files.download('x.zip')",
    "from google.colab.output import eval_js; eval_js('alert(1)')",
    "from google.colab import userdata; userdata.get('HF_TOKEN')",
    "import importlib.util; importlib.util.find_spec('google.colab')",
])
def test_what_colab_offers_does_nothing(session: KernelSession, source: str) -> None:
    assert printed(session, source) == ""


@pytest.mark.sandbox
@pytest.mark.parametrize("line", ["%pip install torch", "!pip install torch", "!nvidia-smi"])
def test_nothing_is_installed(session: KernelSession, line: str) -> None:
    assert "not run while grading" in printed(session, line)


@pytest.mark.sandbox
def test_loaders_are_cut_while_cells_run(session: KernelSession) -> None:
    assert printed(session, "from torch.utils.data import DataLoader\n"
                            "print(len(list(DataLoader(range(100), batch_size=10))))") == "2"


@pytest.mark.sandbox
def test_loaders_are_whole_while_a_probe_runs(session: KernelSession) -> None:
    probes = ("from torch.utils.data import DataLoader\n\n"
              "def count(code):\n    return len(list(DataLoader(range(100), batch_size=10)))\n")
    request = serialization.pack({"probes": probes, "function": "count", "inputs": {}})
    outcome = session.ask(request, timeout=60)
    assert outcome.answer is not None
    assert serialization.unpack(outcome.answer) == {"value": 10}
    assert printed(session, "from torch.utils.data import DataLoader\n"
                            "print(len(list(DataLoader(range(100), batch_size=10))))") == "2"


@pytest.mark.sandbox
def test_the_hub_and_the_environment_are_there(session: KernelSession) -> None:
    assert printed(session, "import os; print(os.environ['COURSE_CREATURES'], "
                            "os.listdir(os.environ['HF_HUB_CACHE']))") == (
        "24 ['models--toy--bert']")


@pytest.mark.sandbox
def test_the_hub_cannot_be_written_to(session: KernelSession) -> None:
    outcome = session.run("import os; open(os.environ['HF_HUB_CACHE'] + '/x', 'w')", timeout=20)
    assert outcome.kind == "error"
    assert "OSError" in outcome.says or "PermissionError" in outcome.says


@pytest.mark.sandbox
def test_data_sets_lie_in_a_folder_of_ones_own(session: KernelSession) -> None:
    folder = "folder = os.environ['HF_DATASETS_CACHE'] + '/toy___words'"
    assert printed(session, f"import os\n{folder}\nopen(folder + '/lock', 'w').close()\n"
                            "print(open(folder + '/words.txt').read())") == "some words"
    outcome = session.run("open(folder + '/words.txt', 'a')", timeout=20)
    assert outcome.kind == "error", "what the next submission reads can be written to"


def test_a_module_that_is_there_already_is_left_alone(monkeypatch: pytest.MonkeyPatch,
                                                      tmp_path: Path) -> None:
    """The finder changes what it imports itself, and forgets it then."""
    (tmp_path / "some_library.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    changed: list[str] = []
    finder = stubs._AfterImport({"some_library": [lambda module: changed.append(
        module.__name__)]})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    import some_library

    del sys.modules["some_library"]
    import some_library  # noqa: F811

    assert (changed, some_library.VALUE) == (["some_library"], 1)


def test_a_cut_loader_gives_whole_batches_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataLoader, "__iter__", DataLoader.__iter__)
    stubs._cut_loaders(sys.modules["torch.utils.data.dataloader"])
    loader = DataLoader(torch.arange(10), batch_size=3)
    assert [batch.tolist() for batch in loader] == [[0, 1, 2], [3, 4, 5]]
    with stubs.whole():
        assert len(list(loader)) == 4
