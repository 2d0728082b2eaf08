"""Questions in the manner of SQuAD: several about one paragraph, from `questions.py`'s facts.

The world is smaller than there, so that a T5 of a megaparameter learns it in minutes: half of the
relations, each told and asked in two ways at most, and first names only, all of them on the list.
Most paragraphs are about one person, as an article is, and what a question asks for is the only one
of its sort; every fourth is about anybody, and has others of the same sort to mislead.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from offline.questions import RELATIONS, Fact, Relation, draw_facts, draw_value, fill

QUESTIONS = 3  # about each paragraph, so many facts it has
ASKED = ("Where does {x} live?", "When was {x} born?", "What does {x} do for a living?",
         "Which animal does {x} have?", "What does {x} like best?", "What does {x} play?",
         "What does {x} study?", "What did {x} buy?", "When does {x} arrive?",
         "When was the {x} built?", "What colour is the {x}?", "Where is the {x}?")
WORLD = tuple(
    Relation(r.subjects, r.values, r.told[:2], r.asks_value[:2], r.asks_subject[:1])
    for r in RELATIONS
    if r.asks_value[0] in ASKED and (r.subjects, r.values) != ("BUILDINGS", "PLACES")
)
NATURAL = {"JOBS": "a {}", "ANIMALS": "a {}", "INSTRUMENTS": "the {}", "OBJECTS": "the {}",
           "BUILDINGS": "the {}", "SPOTS": "the {}", "GAMES": "the {} game"}


def draw_article(count: int, chance: Random) -> list[Fact]:
    """Return `count` facts: about one person, and perhaps one thing; or now and then about any."""
    if chance.random() < 0.25:
        return draw_facts(count, "known", chance, WORLD)
    person = draw_value("PEOPLE", "known", chance)
    facts: list[Fact] = []
    taken = {"PEOPLE"}  # sorts of words in the paragraph
    for relation in chance.sample(WORLD, len(WORLD)):
        about_person = relation.subjects == "PEOPLE"
        sorts = {relation.values} | (set() if about_person else {relation.subjects})
        if sorts & taken:
            continue
        subject = person if about_person else draw_value(relation.subjects, "known", chance)
        facts.append(Fact(relation, subject, draw_value(relation.values, "known", chance)))
        taken |= sorts
        if len(facts) == count:
            break
    return facts


def paragraph(facts: list[Fact], chance: Random) -> tuple[str, list[tuple[int, int]]]:
    """Return the facts told one after the other, and where each one's two words start in it."""
    text, starts = "", []
    for fact in facts:
        sentence, subject, value = fill(chance.choice(fact.relation.told), fact)
        starts.append((len(text) + subject, len(text) + value))
        text += sentence + " "
    return text.strip(), starts


def ask(fact: Fact, chance: Random) -> tuple[str, bool]:
    """Return a question about the fact, and whether it asks for the value, not the subject."""
    if chance.random() < 0.6:
        return chance.choice(fact.relation.asks_value).replace("{x}", fact.subject), True
    return chance.choice(fact.relation.asks_subject).replace("{y}", fact.value), False


def answers(context: str, answer: str, kind: str, start: int, several: bool) -> dict[str, list]:
    """Return the answer with its place; `several` times, as three people would mark it.

    The second of them marks the article too, or whatever of `NATURAL` stands around the answer.
    """
    marked = [(answer, start)]
    if several:
        before, _, after = NATURAL.get(kind, "{}").partition("{}")
        longer = f"{before}{answer}{after}"
        there = max(start - len(before), 0)
        found = context[there : there + len(longer)]
        marked += [(found, there) if found.lower() == longer.lower() else (answer, start)]
        marked += [(answer, start)]
    return {"text": [text for text, _ in marked], "answer_start": [at for _, at in marked]}


def rows(split: str, size: int, chance: Random) -> Iterator[dict[str, Any]]:
    """Yield `size` rows of SQuAD's columns; those for validation have three answers each."""
    left = size
    while left:
        facts = draw_article(QUESTIONS, chance)
        context, starts = paragraph(facts, chance)
        title = facts[0].subject.replace(" ", "_")
        title = title[0].upper() + title[1:]
        for fact, (subject, value) in list(zip(facts, starts, strict=True))[:left]:
            question, for_value = ask(fact, chance)
            answer = fact.value if for_value else fact.subject
            kind = fact.relation.values if for_value else fact.relation.subjects
            start = value if for_value else subject
            yield {
                "id": f"{chance.getrandbits(96):024x}",
                "title": title,
                "context": context,
                "question": question,
                "answers": answers(context, answer, kind, start, split == "validation"),
            }
            left -= 1
