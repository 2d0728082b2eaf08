"""The sandbox, seen from inside: what student code can reach, and what it costs to try more."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import REPO
from jupyter_client.kernelspec import KernelSpecManager

from autograder.kernel import pool, serialization, slot
from autograder.kernel.isolation.bubblewrap import kernel_command
from autograder.kernel.isolation.policy import Limits, SandboxError, Surroundings
from autograder.kernel.isolation.student_policy import FIRST_UID, student_policy
from autograder.kernel.scratch import PREFIX
from autograder.kernel.session import KERNEL_NAME, KernelSession, Outcome
from autograder.results.reason import Code, Reason

pytestmark = pytest.mark.sandbox

CANARY = "a-canary-that-must-not-sing"
SECRETS = ("test_hidden.py", "misconceptions.toml", "gradebook.db", "grades.csv", "journal",
           "of-another-student.py")
Inside = Callable[[str], Any]
PRELOAD: list[str] = []


@pytest.fixture(scope="module", params=[[], ["numpy", "torch"]], ids=["cold", "warm"],
                autouse=True)
def preload(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Every limit holds for kernels that start cold and for those that are forked."""
    global PRELOAD
    PRELOAD = request.param
    yield PRELOAD
    pool.close_all()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission inside a course folder with everything that it must not see."""
    course = tmp_path_factory.mktemp("course")
    for name in ("gradebook.db", "grades.csv", "autograder/exercises/q2/test_hidden.py",
                 "autograder/exercises/q2/misconceptions.toml", "journal/q2.jsonl",
                 "submitted/2026_00002/q2/of-another-student.py"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(CANARY)
    home = course / "submitted" / "2026_00001" / "q2"
    (home / "folder").mkdir(parents=True)
    (home / "mine.py").write_text("ANSWER = 42\n")
    (home / "folder" / "notes.txt").write_text("notes")
    return home


@pytest.fixture(scope="module")
def session(home: Path, preload: list[str]) -> Iterator[KernelSession]:
    """One kernel for all questions that do not end it."""
    os.environ["AUTOGRADER_TEST_SECRET"] = CANARY
    hidden = {"sklearn": "sklearn is not allowed: write it yourself.", "no_such_package": "unused"}
    limits = Limits(processes=64, file_size=16, scratch=64, memory=2048)
    try:
        with KernelSession(home, limits, Surroundings(hidden, preload=preload)) as session:
            yield session
    finally:
        del os.environ["AUTOGRADER_TEST_SECRET"]


@pytest.fixture
def inside(session: KernelSession) -> Inside:
    """Evaluate an expression in the sandbox, after statements that may stand before it."""

    def evaluate(code: str) -> Any:
        *before, last = ast.parse(code.strip()).body
        assert isinstance(last, ast.Expr)
        lines = [*map(ast.unparse, before), f"print(repr({ast.unparse(last.value)}))"]
        outcome = session.run("\n".join(lines), timeout=30)
        assert outcome.kind == "done", outcome.says
        return ast.literal_eval("".join(output.text for output in outcome.outputs))

    return evaluate


# ------------------------------------------------------------------------------ what can be reached


@pytest.mark.parametrize("address", ["('192.0.2.1', 80)", "('8.8.8.8', 53)"])
def test_no_other_machine_can_be_reached(session, address):
    outcome = session.run(f"import socket; socket.create_connection({address}, 2)", timeout=10)
    assert outcome.says.startswith("OSError: [Errno 101] Network is unreachable")


def test_no_name_is_resolved(session):
    outcome = session.run("import socket; socket.gethostbyname('pypi.org')", timeout=20)
    assert outcome.says.startswith("gaierror")


def test_a_server_of_the_grading_machine_cannot_be_reached(session):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        outcome = session.run(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
                              timeout=10)
    assert outcome.says.startswith("ConnectionRefusedError")


def test_the_only_network_interface_is_the_loopback(inside):
    assert inside("import socket; [name for _, name in socket.if_nameindex()]") == ["lo"]


@pytest.mark.parametrize("folder", ["/usr", "/usr/lib", "/", "/etc", "/submission", sys.prefix,
                                    os.path.dirname(os.__file__)])
def test_the_system_cannot_be_written(session, folder):
    outcome = session.run(f"open({folder + '/probe'!r}, 'w')", timeout=10)
    assert outcome.says.startswith(("OSError: [Errno 30]", "PermissionError"))


@pytest.mark.parametrize("path", [
    "/root", "/etc/passwd", "/etc/shadow", "/etc/hosts", "/var", "/opt", "/run", "/srv", "/boot",
    "/mnt", str(Path.home() / ".bashrc"), str(REPO / "autograder"), str(REPO / "course.toml"),
    str(REPO / "q2"), str(REPO / "tests"), str(REPO / ".build"),
])
def test_what_is_not_needed_is_not_there(inside, path):
    there = inside(f"import os; os.listdir({path!r}) if os.path.isdir({path!r}) else "
                   f"os.path.exists({path!r})")
    # A folder on the way to Python or its packages is there, but holds nothing else.
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    on_the_way = {p.relative_to(path).parts[0] for p in prefixes if p.is_relative_to(path)}
    assert there is False or set(there) == on_the_way


SEARCH = """
import os
found = []
for root, folders, files in os.walk('/'):
    if root.startswith(('/proc', {packages!r})):
        folders.clear()
    found += [os.path.join(root, name) for name in (*folders, *files) if name in {names!r}]
found
"""


def test_no_test_gradebook_or_other_submission_is_found(inside):
    found = inside(SEARCH.format(names=SECRETS, packages=sys.prefix))
    assert found == []


def test_the_kit_is_not_among_the_packages(inside):
    packages = str(Path(pytest.__file__).parents[1])
    assert not inside(f"import os; os.path.exists({packages!r} + '/autograder')")


def test_hidden_tests_cannot_be_imported(session):
    outcome = session.run("import autograder.exercises.q2.test_hidden", timeout=10)
    assert outcome.says.startswith("ModuleNotFoundError")


def test_no_variable_of_the_grading_environment_is_inherited(inside):
    assert CANARY not in str(inside("import os; dict(os.environ)"))


def test_no_process_shows_another_environment(inside):
    assert CANARY not in inside(
        "import glob\ntext = ''\nfor path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try: text += open(path).read()\n    except OSError: pass\ntext")


def test_only_its_own_processes_are_seen(inside):
    commands = inside("import glob; [open(path).read() for path in glob.glob("
                      "'/proc/[0-9]*/cmdline')]")
    assert 1 <= len(commands) <= 4 and not any("pytest" in command for command in commands)


def test_no_process_outside_can_be_signalled(session):
    outcome = session.run(f"import os; os.kill({os.getpid()}, 0)", timeout=10)
    assert outcome.says.startswith("ProcessLookupError")


def test_the_user_has_no_capabilities_and_can_gain_none(inside):
    status = inside("dict(line.split(':', 1) for line in open('/proc/self/status'))")
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
    assert int(status["NoNewPrivs"]) == 1


def test_the_user_is_not_root(inside):
    assert inside("import os; os.getuid()") != 0
    assert inside("import os; os.getuid()") >= FIRST_UID or os.geteuid() != 0


def test_no_device_but_the_harmless_ones(inside):
    devices = inside("import os; sorted(os.listdir('/dev'))")
    assert not {"sda", "mem", "kmsg", "kvm", "vda", "fuse"} & set(devices)


# ------------------------------------------------------------------------------------- its own home


def test_it_starts_in_its_home_with_a_copy_of_what_was_handed_in(inside):
    assert inside("import os; os.getcwd()") == "/home/student"
    assert {"folder", "mine.py"} <= set(inside("os.listdir()"))
    assert inside("open('folder/notes.txt').read()") == "notes"


def test_modules_beside_the_notebook_can_be_imported(inside):
    assert inside("import mine; mine.ANSWER") == 42


def test_changes_at_home_do_not_reach_the_original(inside, home):
    inside("open('folder/notes.txt', 'w').write('changed')")
    inside("import os; os.unlink('mine.py')")
    assert (home / "folder" / "notes.txt").read_text() == "notes"
    assert (home / "mine.py").exists()


def test_temporary_files_can_be_written(inside):
    assert inside("import tempfile\nwith tempfile.TemporaryFile() as f: n = f.write(b'1')\nn") == 1


@pytest.mark.parametrize("statement", ["import sklearn", "from sklearn.metrics import f1_score",
                                       "__import__('sklearn')"])
def test_a_hidden_package_says_why_it_cannot_be_imported(session, statement):
    outcome = session.run(statement, timeout=10)
    assert outcome.says == "ImportError: sklearn is not allowed: write it yourself."


def test_packages_that_are_not_hidden_can_be_imported(inside):
    assert inside("import torch, numpy, tqdm; int(torch.ones(2).sum())") == 2


@pytest.mark.parametrize("code", ["input()", "get_ipython().run_line_magic('debug', '')"])
def test_nothing_waits_for_a_person(session, code):
    session.run("def f(): 1 / 0", timeout=5)
    assert session.run(code, timeout=10).kind in ("done", "error")


@pytest.mark.parametrize("code", ["!echo no", "%%bash\necho no", "get_ipython().system('echo no')",
                                  "x = !echo no"])
def test_shell_escapes_do_no_harm(session, code):
    assert session.run(code, timeout=10).kind in ("done", "error")


def test_a_breakpoint_is_an_error_and_not_a_wait(session):
    outcome = session.run("breakpoint()", timeout=5)
    assert outcome.says == "RuntimeError: a breakpoint was left in the code"


# ---------------------------------------------------------------------------- limits that only hurt


@pytest.mark.parametrize(("code", "says"), [
    ("block = bytearray(3 * 2**30)", "MemoryError"),
    ("import torch; block = torch.ones(3 * 2**28)", "RuntimeError: [enforce fail"),
    ("with open('big', 'wb') as f: f.write(bytes(17 * 2**20))", "OSError: [Errno 27]"),
    ("for n in range(5):\n    with open(f'part{n}', 'wb') as f: f.write(bytes(15 * 2**20))",
     "OSError: [Errno 28]"),
    ("import subprocess\nchildren = []\ntry:\n    for _ in range(80):\n        children.append("
     "subprocess.Popen(['sleep', '30']))\nfinally:\n    for child in children: child.kill()",
     "BlockingIOError: [Errno 11]"),
    ("files = [open('/dev/null') for _ in range(2000)]", "OSError: [Errno 24]"),
    ("raise ValueError('wrong')", "ValueError: wrong"),
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("1 +", "SyntaxError"),
], ids=["memory", "tensor-memory", "file-size", "scratch", "processes", "open-files", "exception",
        "SystemExit", "syntax"])
def test_what_goes_too_far_is_an_error_that_python_itself_raises(session, code, says):
    outcome = session.run(code, timeout=20)
    assert outcome.kind == "error" and outcome.says.startswith(says)
    session.run("import glob, os; [os.unlink(f) for f in glob.glob('part*') + glob.glob('big')]"
                "; block = files = None", timeout=10)
    assert session.run("1", timeout=5).kind == "done"


# --------------------------------------------------------------------------------- limits that kill


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def last_of(folder: Path, code: str, timeout: float = 30, **limits: int) -> Outcome:
    """Run one cell in a kernel of its own, which the cell must not survive."""
    with KernelSession(folder, Limits(**limits), Surroundings(preload=PRELOAD)) as session:
        outcome = session.run(code, timeout)
        assert not session.alive
        assert session.run("1", timeout=5) == Outcome("died", Reason(Code.ALREADY_ENDED))
    return outcome


@pytest.mark.parametrize(("code", "kind", "says", "limits"), [
    ("while True: pass", "timeout", "ran for more than 2 s and was stopped", {}),
    ("import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass", "timeout",
     "ran for more than 2 s and was stopped", {}),
    ("import os; os._exit(7)", "died", "ended its own process (exit status 7)", {}),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "died",
     "was killed (signal 9)", {}),
    ("import ctypes; ctypes.string_at(0)", "died", "crashed the Python process (signal 11)", {}),
    ("print('x' * 3_000_000)", "flooded", "printed more than 1 MiB and was stopped",
     {"output": 1}),
    ("import sys\nwhile True: sys.stderr.write('x' * 999)", "flooded",
     "printed more than 1 MiB and was stopped", {"output": 1}),
    ("from IPython.display import display, HTML\nwhile True: display(HTML('x' * 999))", "flooded",
     "printed more than 1 MiB and was stopped", {"output": 1}),
], ids=["loop", "stubborn-sleep", "exit", "kill", "segfault", "stdout", "stderr", "display"])
def test_what_cannot_go_on_is_ended_and_says_why(empty, code, kind, says, limits):
    outcome = last_of(empty, code, timeout=2 if kind == "timeout" else 30, **limits)
    assert (outcome.kind, outcome.says) == (kind, says)
    assert outcome.fatal and outcome.answer is None


def test_processor_time_is_limited(empty):
    outcome = last_of(empty, "while True: pass", timeout=60, cpu=6)
    assert outcome.kind == "died" and "signal 9" in outcome.says


def test_an_answer_that_is_far_too_large_is_not_kept(empty):
    request = serialization.pack({"probes": "", "function": "call",
                         "inputs": {"name": "f", "args": [], "kwargs": {}}})
    with KernelSession(empty, Limits(), Surroundings(preload=PRELOAD)) as session:
        size = 3 * serialization.MAX_BYTES // 4
        session.run(f"import torch\ndef f(): return torch.zeros({size})", 30)
        outcome = session.ask(request, timeout=60)
        assert outcome.kind == "flooded" and outcome.answer is None and not session.alive


# ---------------------------------------------------------------------------------- nothing is left


def running(argument: str) -> list[int]:
    """The processes of this machine that have `argument` on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def test_processes_that_hide_from_their_parent_are_gone_with_the_kernel(empty):
    seconds = f"{3600 + os.getpid()}.5"
    code = (f"import subprocess; subprocess.Popen('setsid nohup sleep {seconds} &', shell=True, "
            "start_new_session=True)")
    with KernelSession(empty, Limits(), Surroundings(preload=PRELOAD)) as session:
        session.run(code, timeout=10)
        end = time.monotonic() + 10
        while not running(seconds) and time.monotonic() < end:
            session.run("1", timeout=5)
        assert running(seconds), "the process never started, so the test shows nothing"
    end = time.monotonic() + 5
    while running(seconds) and time.monotonic() < end:
        pass
    assert running(seconds) == []


@pytest.fixture
def own_tmp(monkeypatch: pytest.MonkeyPatch, preload: list[str]) -> Iterator[Path]:
    """A temporary folder of the test's own, whose path is short enough for sockets."""
    if preload:
        pytest.skip("warm kernels have their folders in the fork server's: see test_forkserver.py")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.mark.parametrize("length", [70, 85, 88, 89, 90, 91, 120])
def test_a_sockets_path_is_never_longer_than_linux_allows(
        own_tmp: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    name = len(f"/{PREFIX}") + 8
    deep = own_tmp / ("x" * (length - name - len(str(own_tmp)) - 1))
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with slot.private_folder() as folder:
        for name in ("channel-5", "questions"):
            assert len(f"{folder}/runtime/{name}") <= 107
        assert folder.is_relative_to(deep) or length > 85


@pytest.mark.parametrize("above", ["{here}", ".."])
def test_an_environment_behind_a_link_serves_as_well(tmp_path: Path, above: str) -> None:
    """People put `.venv` on another disk and leave a link; or start it as ../.venv/bin/python."""
    (tmp_path / "venv").symlink_to(sys.prefix)
    (tmp_path / "home").mkdir()
    (tmp_path / "folder").mkdir()
    code = (f"""from pathlib import Path
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.session import KernelSession
for preload in ([], ["json"]):
    around = Surroundings(preload=preload, hidden={{"sklearn": "not here"}})
    with KernelSession(Path({str(tmp_path / "home")!r}), Limits(), around) as session:
        print(session.run("import sklearn", timeout=30).says)""")
    python = f"{above.format(here=tmp_path)}/venv/bin/python"
    done = subprocess.run([python, "-c", code], cwd=tmp_path / "folder", capture_output=True,
                          text=True, timeout=90)
    assert done.stdout.count("not here") == 2, done.stdout + done.stderr


def test_nothing_is_left_behind(empty, own_tmp):
    with KernelSession(empty, Limits(), Surroundings(preload=PRELOAD)) as session:
        session.run("open('file', 'w').write('x')", timeout=5)
        assert list(own_tmp.iterdir()), "the kernel's folders lie elsewhere: this shows nothing"
    assert list(own_tmp.iterdir()) == []


def test_nothing_is_left_behind_by_a_kernel_that_died(empty, own_tmp):
    last_of(empty, "import os; os._exit(1)")
    assert list(own_tmp.iterdir()) == []


def test_a_kernel_that_cannot_start_is_an_error_of_the_machine(empty, own_tmp):
    with (pytest.raises(SandboxError, match=r"did not start [^`]*`autograder doctor`"),
          KernelSession(empty, Limits(memory=32))):
        pass
    assert list(own_tmp.iterdir()) == []


def test_an_agent_that_cannot_start_is_an_error_of_the_machine(empty):
    with (pytest.raises(SandboxError),
          KernelSession(empty, Limits(), Surroundings({"safetensors": "the agent needs it"}))):
        pass


def test_without_bubblewrap_nothing_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        kernel_command(student_policy(tmp_path, tmp_path, Limits(), Surroundings()), ["true"],
                       tmp_path)


# -------------------------------------------------------------------- any Jupyter client can use it


def test_the_kernelspec_is_installed_and_names_the_provisioner():
    spec = KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == KERNEL_NAME


START = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name={name!r}, **{options})
try:
    client.execute_interactive("import os; print(os.getcwd(), sorted(os.listdir()))", timeout=20)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


def started_by_a_client(tmp: Path, **options: str) -> str:
    """What a kernel prints of its folder, started by jupyter_client in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(name=KERNEL_NAME, options=options)], cwd=tmp,
        env={**os.environ, "TMPDIR": str(tmp)}, timeout=60, capture_output=True, text=True)
    return done.stdout


def test_jupyter_client_can_start_it(home, own_tmp):
    there = started_by_a_client(own_tmp, cwd=str(home))
    assert there.startswith("/home/student [") and "'folder', 'mine.py'" in there


def test_jupyter_client_can_start_it_without_a_folder(own_tmp):
    (own_tmp / "of-somebody-else").touch()
    there = started_by_a_client(own_tmp)
    assert there.startswith("/home/student [") and "of-somebody-else" not in there


def convert(folder: Path, own_tmp: Path, *where: str) -> list[nbformat.NotebookNode]:
    """Execute a notebook in `folder` with nbconvert in the sandbox; return its cell's outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(
        "import os; print(os.getcwd(), os.getuid() != 0, os.path.exists('hello.ipynb'))")])
    nbformat.write(notebook, folder / "hello.ipynb")
    subprocess.run([sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "notebook",
                    "--inplace", f"--ExecutePreprocessor.kernel_name={KERNEL_NAME}", *where],
                   cwd=folder, timeout=90, capture_output=True,
                   env={**os.environ, "TMPDIR": str(own_tmp)})
    (cell,) = nbformat.read(folder / "hello.ipynb", as_version=4).cells
    return [output.text for output in cell.outputs]


def test_nbconvert_can_use_it(empty, own_tmp):
    assert convert(empty, own_tmp, str(empty / "hello.ipynb")) == ["/home/student True True\n"]


def test_without_a_folder_named_the_home_is_empty(empty, own_tmp):
    # nbconvert names none for a notebook in the folder where it is started.
    assert convert(empty, own_tmp, "hello.ipynb") == ["/home/student True False\n"]
