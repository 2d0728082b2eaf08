"""A made-up class: what a hundred groups write for hw3's written questions, and what it deserves.

`answers/GRADE_ID.toml` holds a question's rubric by short keys and its forms: texts that differ in
what they say, each with the items that it deserves. `«since|because»` is one or the other. Some
groups write in own words instead: a sentence for each of the question's slots, right or wrong. A
draw then changes what carries no meaning: words, order, notation, spaces, slips of the pen.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "answers"
OWN_WORDS = 0.3  # the share of groups that write none of the forms
CHOICE = re.compile("«([^«»]*)»")
FORMULA = re.compile(r"(\$[^$]*\$|`[^`]*`|<[^<>]*>)")
PREFIXES = ("Answer:", "**Answer:**", "Solution:", "Our answer:", "Antwort:", "A:")
BULLETS = ("", "", "", "", "- ", "* ")
ENDS = (" ", " ", " ", "\n", "\n", "\n\n", "  \n")
SYNONYMS = {
    "since": ["because", "as"], "because": ["since"], "therefore": ["hence", "thus", "so"],
    "approximately": ["about", "roughly"], "approximation": ["approximation"], "cannot": ["can't"],
    "large": ["big"], "big": ["large"], "every": ["each"], "each": ["every"],
    "e.g.": ["for example", "for instance"], "for example": ["e.g."], "i.e.": ["that is"],
    "is used": ["is applied"], "nearly": ["almost"], "almost": ["nearly"], "also": ["as well"],
    "must": ["has to"], "only": ["just"], "the same": ["the same"], "so that": ["such that"],
}
SYNONYM = re.compile(r"(?<![\w\\])(" + "|".join(map(re.escape, SYNONYMS)) + r")(?!\w)")
PLAIN = {  # LaTeX as somebody types it who does not know LaTeX
    r"\alpha": "α", r"\beta": "β", r"\gamma": "γ", r"\lambda": "λ", r"\epsilon": "ε",
    r"\mu": "μ", r"\sum": "Σ", r"\approx": "≈", r"\geq": "≥", r"\ge": "≥", r"\neq": "≠",
    r"\ne": "≠", r"\to": "→", r"\gg": "≫", r"\infty": "∞", r"\cdot": "*", r"\times": "x",
    r"\in": "∈", r"\sim": "~", r"\exp": "exp", r"\log": "log", r"\max": "max", r"\mathcal": "",
}
ASCII = {**PLAIN, r"\alpha": "alpha", r"\beta": "beta", r"\gamma": "gamma", r"\lambda": "lambda",
         r"\epsilon": "eps", r"\mu": "mu", r"\sum": "sum", r"\approx": "~=", r"\geq": ">=",
         r"\ge": ">=", r"\neq": "!=", r"\ne": "!=", r"\to": "->", r"\gg": ">>", r"\infty": "inf",
         r"\in": "in"}


@dataclass(frozen=True)
class SimulatedItem:
    """An item of the rubric under a short key; `words` finds it in the course's own wording."""

    key: str
    kind: str  # "adds", "takes" or "caps"
    points: float
    words: str


@dataclass(frozen=True)
class Form:
    """One way to answer: its items are what it deserves, however it is written down."""

    number: int
    items: frozenset[str]
    text: str
    often: int
    any_order: bool


@dataclass(frozen=True)
class Way:
    """What somebody may say at one place of an answer, in several wordings."""

    items: frozenset[str]
    texts: tuple[str, ...]
    often: int


@dataclass(frozen=True)
class SimulatedQuestion:
    """A written question: its rubric, its forms, and what else may be put together for it."""

    grade_id: str
    items: dict[str, SimulatedItem]
    forms: tuple[Form, ...]
    slots: tuple[tuple[Way, ...], ...]

    @property
    def max_points(self) -> float:
        return sum(item.points for item in self.items.values() if item.kind == "adds")

    def points(self, keys: Iterable[str]) -> float:
        """What an answer with these items gets."""
        held = [self.items[key] for key in keys]
        total = sum(item.points * {"adds": 1, "takes": -1}.get(item.kind, 0) for item in held)
        most = min([self.max_points, *(item.points for item in held if item.kind == "caps")])
        return max(0.0, min(total, most))

    def find(self, texts: Iterable[str]) -> dict[str, int]:
        """The place of each key's item among a rubric's texts, where exactly one fits."""
        texts = list(texts)
        found = {}
        for item in self.items.values():
            places = [place for place, text in enumerate(texts)
                      if re.search(item.words, " ".join(text.replace("$", "").replace("\\", "")
                                                        .split()))]
            if len(places) == 1:
                found[item.key] = places[0]
        return found


@dataclass(frozen=True)
class Drawn:
    """What one group wrote for one question."""

    owner: str
    grade_id: str
    text: str
    items: frozenset[str]
    form: int  # -1: in own words


def _item(key: str, given: dict[str, Any]) -> SimulatedItem:
    kind = next(kind for kind in ("adds", "takes", "at_most") if kind in given)
    return SimulatedItem(key, "caps" if kind == "at_most" else kind, given[kind], given["words"])


@cache
def questions() -> dict[str, SimulatedQuestion]:
    """All written questions of hw3, by grade_id."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        data = tomllib.loads(path.read_text())
        forms = tuple(Form(number, frozenset(form["items"]), form["text"].strip(),
                           form.get("often", 1), form.get("any_order", False))
                      for number, form in enumerate(data["form"]))
        items = {key: _item(key, given) for key, given in data["items"].items()}
        slots = tuple(tuple(Way(frozenset(way["items"]), tuple(way["texts"]), way.get("often", 1))
                            for way in slot["way"])
                      for slot in data["slot"])
        found[path.stem] = SimulatedQuestion(path.stem, items, forms, slots)
    return found


def draw_class(groups: int = 100, seed: int = 0, own_words: float = OWN_WORDS
               ) -> dict[str, list[Drawn]]:
    """What each of so many groups wrote for each question."""
    return {grade_id: draw(question, groups, seed, own_words)
            for grade_id, question in questions().items()}


def draw(question: SimulatedQuestion, groups: int = 100, seed: int = 0,
         own_words: float = OWN_WORDS) -> list[Drawn]:
    """What each of so many groups wrote for one question.

    Forms come as often as they say; a share of the groups writes in own words.
    """
    dice = random.Random(f"{question.grade_id} {seed}")
    forms = [compose(question, dice) if dice.random() < own_words else
             dice.choices(question.forms, [form.often for form in question.forms])[0]
             for _ in range(groups)]
    return [Drawn(f"group_{number:03}", question.grade_id, vary(form, dice), form.items,
                  form.number)
            for number, form in enumerate(forms, start=1)]


def compose(question: SimulatedQuestion, dice: random.Random) -> Form:
    """An answer in own words: something for each slot."""
    while True:
        ways = [dice.choices(slot, [way.often for way in slot])[0] for slot in question.slots]
        text = "\n".join(filter(None, (dice.choice(way.texts) for way in ways)))
        if text:
            return Form(-1, frozenset().union(*(way.items for way in ways)), text, 1, False)


def vary(form: Form, dice: random.Random) -> str:
    """A form as one group writes it down."""
    if not form.text:
        return dice.choice(["", "", " ", "\n\n", "\u00a0"])
    sentences = CHOICE.sub(lambda choice: dice.choice(choice[1].split("|")), form.text).split("\n")
    if form.any_order and dice.random() < 0.5:
        dice.shuffle(sentences)
    text = _join(sentences, dice)
    text = SYNONYM.sub(lambda word: dice.choice([word[1]] * 4 + SYNONYMS[word[1]]), text)
    text = _notation(dice)(text)
    if dice.random() < 0.35:
        text = _slips(text, dice.randint(1, 3), dice)
    if dice.random() < 0.15:
        text = f"{dice.choice(PREFIXES)} {text}"
    return text + dice.choice(["", "", "\n", " "])


def _join(sentences: list[str], dice: random.Random) -> str:
    bullet, end = dice.choice(BULLETS), dice.choice(ENDS)
    if bullet and len(sentences) > 1 and not sentences[0].startswith("- "):
        return "\n".join(bullet + sentence for sentence in sentences)
    if sentences[0].startswith(("- ", "(a)", "a)")):
        end = "\n"
    return end.join(sentences)


def _notation(dice: random.Random) -> Callable[[str], str]:
    """How a group writes its formulas, the same way throughout an answer."""
    if dice.random() < 0.3:
        words, transposed = dice.choice([PLAIN, ASCII]), dice.choice(["^T", "ᵀ", "'", "^T"])
        return lambda text: _outside_latex(text, words, transposed)
    transposed = dice.choice([r"^\top", r"^\top", "^T", r"^{\top}", r"^\intercal", r"^{T}"])
    tight, braces, display = dice.random() < 0.3, dice.random() < 0.2, dice.random() < 0.1

    def formula(found: re.Match[str]) -> str:
        inner = found[1].replace(r"^\top", transposed)
        if tight:
            inner = re.sub(r"(?<=[\w)}]) *([=<>+]) *", r"\1", inner)
        if braces:
            inner = re.sub(r"_(\w)", r"_{\1}", inner)
        return f"$${inner}$$" if display else f"${inner}$"

    return lambda text: re.sub(r"\$([^$]*)\$", formula, text)


def _outside_latex(text: str, words: dict[str, str], transposed: str) -> str:
    def formula(found: re.Match[str]) -> str:
        inner = found[1].replace(r"^\top", transposed)
        inner = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", inner)
        inner = re.sub(r"\\[a-z]+", lambda word: words.get(word[0], word[0][1:]), inner)
        inner = re.sub(r"\((\w)\)/\((\w)\)", r"\1/\2", inner)
        return re.sub(r"[{}\\]", "", inner)

    return re.sub(r"\$([^$]*)\$", formula, text)


def _slips(text: str, count: int, dice: random.Random) -> str:
    """The text with so many slips of the pen, in long words outside formulas."""
    parts = FORMULA.split(text)
    for _ in range(count):
        places = [(part, word) for part in range(0, len(parts), 2)
                  for word in re.finditer(r"(?<![\\\w^])[a-zA-Z]{5,}(?!\w)", parts[part])]
        if not places:
            break
        part, word = dice.choice(places)
        at = word.start() + dice.randrange(1, len(word[0]) - 1)
        old = parts[part]
        parts[part] = dice.choice([
            old[:at] + old[at + 1:],  # a letter is left out
            old[:at] + old[at] + old[at:],  # or written twice
            old[:at] + old[at + 1] + old[at] + old[at + 2:],  # or two are swapped
        ])
    return "".join(parts)
