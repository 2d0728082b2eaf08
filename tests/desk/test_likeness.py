"""Like answers: what is the same answer, what is a group, and that nothing written breaks it."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import REPO
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import Course
from autograder.desk import order
from autograder.desk.likeness import AnswerGroup, Embedder, EmbeddingError, arrange, normal_form
from desk.simulated import draw, draw_class, questions

HELD_OUT = sorted(questions())[1::2]  # the weights in distances.py were tuned on the others


@dataclass(frozen=True)
class Written:
    """An answer as arrange reads it."""

    owner: str
    text: str
    digest: str = ""
    empty: bool = False
    has_pictures: bool = False


def written(texts: list[str]) -> list[Written]:
    return [Written(f"group_{number:03}", text, text, not text.strip())
            for number, text in enumerate(texts)]


@pytest.mark.parametrize(("one", "other"), [
    (r"**Answer:** $M = \mathbf{B} B^{\top}$.", "M = BBᵀ"),
    (r"$M=BB^\top$", "M = B B'"),
    (r"$M = B B^{T}$", r"\(M = B\,B^\intercal\)"),
    (r"$$q = \beta \left( k_{b} + k_{c} \right)$$", "q = β(k_b + k_c)"),
    ("q = beta * (k_b + k_c)", r"$q = \beta \cdot (k_b + k_c)$"),
    (r"$\frac{1}{2}$", "1/2"), (r"$\tfrac12$", "½"), (r"$\frac{e^\beta}{2}$", "(e^β)/2"),
    (r"$O(l^2)$", "O(l²)"), (r"$a_i \geq 0$", "a_i >= 0"), (r"$k_i \to \mu_i$", "k_i → μ_i"),
    (r"$k_b \approx \gamma\mu_b$", "k_b ≈ γ μ_b"), (r"$\sum_i a_i = 1$", "Σ_i a_i = 1"),
    ("All weights\n\n are   positive!", "- all weights are positive"),
    ("Lösung: Die Gewichte", "die Gewichte"), ("ﬁne-tuning", "Fine-tuning"),
])
def test_the_same_answer_written_in_another_way(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(("one", "other"), [
    ("$M = B B^\\top$", "$M = B^\\top$"), ("$M = B$", "$M = b$"),
    ("$M = B^\\top B$", "$M = B B^\\top$"), ("$o = v_b$", "$o = v_c$"),
    ("$q = k_b + k_c$", "$q = \\beta(k_b + k_c)$"), ("$\\beta k_b + k_c$", "$\\beta(k_b + k_c)$"),
    ("$O(l^2)$", "$O(2l)$"), ("$O(l^{2N})$", "$O(l^2 N)$"), ("$a > 0$", "$a \\geq 0$"),
    ("$a < b$", "$a > b$"), ("it is positive", "it is not positive"), ("0.5", "5"),
    ("$\\frac{a+b}{c}$", "$a + \\frac{b}{c}$"), ("$k_b = \\mu_b$", "$k_b \\ne \\mu_b$"),
    (r"$-\sum_i y_i \log \hat y_i$", r"$-\sum_i \hat y_i \log y_i$"),
    (r"$\Sigma x$", r"$\sigma x$"), (r"$\Delta$", "δ"), ("Γ", "γ"),
    ("$$\n- \\sum_i x_i\n$$", "$$\n\\sum_i x_i\n$$"),
    ("\\[ a\n+ b \\]", "\\[ a\n- b \\]"), ("$$ a\n> 0 $$", "$$ a\n0 $$"),
    ("\\begin{align}\n- a \\end{align}", "\\begin{align}\na \\end{align}"),
])
def test_another_answer_is_not_the_same(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize("grade_id", sorted(questions()))
def test_no_notation_makes_two_answers_with_other_items_the_same(grade_id: str) -> None:
    deserved: dict[str, set[frozenset[str]]] = {}
    for seed in range(3):
        for answer in draw(questions()[grade_id], 100, seed):
            deserved.setdefault(normal_form(answer.text), set()).add(answer.items)
    assert all(len(items) == 1 for items in deserved.values())


def pairs_same(groups: list[AnswerGroup], items: dict[str, frozenset[str]]) -> tuple[int, int]:
    """Pairs within groups that deserve the same items, and all pairs within groups."""
    pairs = [(one, other) for group in groups for one, other in combinations(group.owners, 2)]
    return sum(items[one] == items[other] for one, other in pairs), len(pairs)


def test_a_group_deserves_the_same_items() -> None:
    same = pairs = grouped = answers = 0
    for seed in (2, 3):
        for grade_id in HELD_OUT:
            drawn = draw(questions()[grade_id], 100, seed)
            groups = arrange([Written(one.owner, one.text, one.text, not one.text.strip())
                              for one in drawn])
            found = pairs_same(groups, {one.owner: one.items for one in drawn})
            same, pairs = same + found[0], pairs + found[1]
            grouped += sum(len(group.owners) for group in groups if len(group.owners) > 1)
            answers += len(drawn)
    assert same / pairs >= 0.95
    assert grouped / answers >= 0.65


def test_like_groups_follow_each_other() -> None:
    drawn = draw(questions()["hw3_1_2a"], 100, seed=5)
    items = {one.owner: one.items for one in drawn}
    groups = arrange([Written(one.owner, one.text, one.text, not one.text.strip())
                      for one in drawn])
    order = [items[group.owners[0]] for group in groups]
    follows = sum(one == other for one, other in pairwise(order))
    shuffled = []
    for seed in range(20):
        random.Random(seed).shuffle(order)
        shuffled.append(sum(one == other for one, other in pairwise(order)))
    assert follows > 1.5 * np.mean(shuffled)


TEXTS = st.lists(st.one_of(
    st.text(max_size=80), st.text(alphabet="$\\{}^_'B/ \n", max_size=40),
    st.sampled_from(["", " ", "$M = B^\\top$", "M = Bᵀ", "答えはＢです", "\\frac{" * 50,
                     "\ud800", "א ב", "!!!", "```\nx\n```", "**", "🙂"]),
), max_size=12)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_everybody_is_in_one_group_whatever_they_wrote(texts: list[str], dice: random.Random
                                                       ) -> None:
    answers = written(texts)
    groups = arrange(answers)
    assert sorted(owner for group in groups for owner in group.owners) == sorted(
        answer.owner for answer in answers)
    empty = {answer.owner for answer in answers if answer.empty}
    assert [set(group.owners) for group in groups if group.empty] == ([empty] if empty else [])
    dice.shuffle(answers)
    assert arrange(answers) == groups, "the order in which they were given does not matter"
    for group in groups:
        for card in group.cards:
            assert group.empty or len({normal_form(answers[number].text)
                                       for number, answer in enumerate(answers)
                                       if answer.owner in card}) == 1


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_space_and_case_of_words_do_not_matter(text: str) -> None:
    assert normal_form(f"\n {text}\t ").split() == normal_form(text).split()
    assert normal_form("Softmax weights " + text) == normal_form("softmax\nWeights " + text)


def test_answers_with_pictures_are_the_same_only_if_the_pictures_are() -> None:
    groups = arrange([Written("a", "see", "1", has_pictures=True),
                      Written("b", "see", "2", has_pictures=True),
                      Written("c", "see", "2", has_pictures=True), Written("d", "see", "3")])
    assert sorted(card for group in groups for card in group.cards) == [
        ("a",), ("b", "c"), ("d",)]


def test_answers_like_none_seen_before_take_no_long() -> None:
    dice = random.Random(7)
    words = ["".join(dice.choices("abcdefghij", k=dice.randint(2, 9))) for _ in range(5000)]
    texts = [" ".join(dice.choices(words, k=300)) for _ in range(100)]
    texts += ["x" * 5_000_000 + str(number) for number in range(3)]
    texts += ["$" + "\\frac{a}{b} + " * 300_000 + str(number) + "$" for number in range(3)]
    texts += ["{" * 1_000_000, "^" * 1_000_000, "_" * 1_000_000, "> " * 1_000_000,
              "answer" + ":" * 1_000_000, "\n\n\t\n" * 1000, "Ответ: все веса положительны",
              "모든 가중치는 양수이다", "כל המשקלים חיוביים", "$$a$$", "\u200b"]
    start = time.perf_counter()
    groups = arrange(written(texts))
    assert time.perf_counter() - start < 30
    assert sum(len(group.owners) for group in groups) == len(texts)
    assert max(len(group.owners) for group in groups if not group.empty) <= 3


EMBED = """
from pathlib import Path
import numpy as np

def embed(texts):
    with open(Path(__file__).with_suffix(".asked"), "a") as file:
        file.write(f"{len(texts)}\\n")
    return np.array([[len(text), text.count("a"), 1] for text in texts])
"""


@pytest.fixture
def embedder(tmp_path: Path) -> Embedder:
    (tmp_path / "embedding.py").write_text(EMBED)
    return Embedder(tmp_path / "embedding.py", tmp_path / "build" / "vectors.npz")


def test_a_text_is_embedded_once(embedder: Embedder) -> None:
    first = embedder(["a b", "b", "a b"])
    assert np.allclose(np.linalg.norm(first, axis=1), 1)
    assert np.array_equal(first[0], first[2])
    again = Embedder(embedder.path, embedder.cache)(["b", "new"])
    assert np.array_equal(again[0], first[1])
    assert embedder.path.with_suffix(".asked").read_text().split() == ["2", "1"]


def test_another_file_embeds_anew(embedder: Embedder) -> None:
    first = embedder(["a b"])
    embedder.path.write_text(EMBED.replace(", 1]", ", 2]"))
    assert not np.array_equal(embedder(["a b"]), first)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 half a file", b"\x93NUMPY"])
def test_a_damaged_cache_is_made_again(embedder: Embedder, damage: bytes) -> None:
    first = embedder(["a b"])
    embedder.cache.write_bytes(damage)
    assert np.array_equal(embedder(["a b"]), first)


@pytest.mark.parametrize(("code", "says"), [
    ("def embed(texts): return 1 / 0", "embedding.py failed: ZeroDivisionError"),
    ("def embed(", "embedding.py failed: SyntaxError"),
    ("import no_such_module", "No module named 'no_such_module'"),
    ("x = 1", "no function `embed`"),
    ("def embed(texts): return [[float('nan')]] * len(texts)", "NaN"),
    ("def embed(texts): return [[1.0]]", r"shape \[1, 1\] for 2 texts"),
    ("def embed(texts): return [1.0] * len(texts)", r"shape \[2\]"),
    ("def embed(texts): return ['a'] * len(texts)", "ValueError"),
    ("import os\nos._exit(3)", "exit status 3"),
    ("import os\nos._exit(0)", "exit status 0"),
])
def test_what_is_wrong_with_an_embedding_is_a_sentence(embedder: Embedder, code: str, says: str
                                                       ) -> None:
    embedder.path.write_text(code)
    with pytest.raises(EmbeddingError, match=says):
        embedder(["a", "b"])
    assert not embedder.cache.exists()


def test_an_embedding_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"no\.py cannot be read"):
        Embedder(tmp_path / "no.py", tmp_path / "vectors.npz")(["a"])


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    found = Embedder.of(Course.load(REPO))
    assert found is not None, "course.toml names one"
    return Embedder(found.path, tmp_path_factory.mktemp("vectors") / "vectors.npz")


def test_the_kits_own_bert_puts_paraphrases_together(minilm: Embedder) -> None:
    vectors = minilm([
        "attention copies the value of the key that fits", "the cat sleeps on a warm roof",
        "the value that belongs to the matching key is copied by attention",
        "a cat lies on the roof and sleeps", ""])
    likeness = vectors @ vectors.T
    assert likeness[0, 2] > 0.7 > 0.3 > likeness[0, 1]
    assert likeness[1, 3] > 0.7 > 0.3 > likeness[2, 3]
    again = Embedder(minilm.path, minilm.cache.with_name("other.npz"))([
        "the cat sleeps on a warm roof", "word " * 5000])
    assert again[0] @ vectors[1] > 0.999, "what else is in a batch does not matter"


def test_embeddings_change_no_group_for_the_worse(minilm: Embedder) -> None:
    drawn = draw(questions()["hw3_1_1c"], 100, seed=2)
    groups = arrange([Written(one.owner, one.text, one.text, not one.text.strip())
                      for one in drawn], minilm)
    same, pairs = pairs_same(groups, {one.owner: one.items for one in drawn})
    assert same / pairs >= 0.95
    assert Counter(owner for group in groups for owner in group.owners).total() == 100
    assert len(draw_class(1)) == 14


def test_an_order_that_another_thread_found_meanwhile_stays(monkeypatch: pytest.MonkeyPatch
                                                            ) -> None:
    """As by vectors, in the background, while the question is opened."""
    found = order.Order(None)
    question: Any = SimpleNamespace(key=("toy", "toy_why"))
    answers: Any = {one.owner: one for one in written(["a", "b"])}
    better = order.Arranged([], {owner: one.digest for owner, one in answers.items()})

    def slowly(given: Any) -> Any:
        found._arranged[question.key] = better
        return arrange(given)

    monkeypatch.setattr(order, "arrange", slowly)
    assert found.groups(question, answers) is better.groups
