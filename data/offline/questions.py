"""Short, friendly texts with questions, made from templates: what the small QA model learns from.

A context tells several facts about several people, places and things; a question asks for one of
them. The same relation is told of others too, so that only the question decides. Names are held
out: an example for testing uses none that an example for training could.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from offline import words

Side = Literal["train", "held-out", "known"]


@dataclass(frozen=True)
class Example:
    """One question; `context[answer_start:]` starts with the answer."""

    context: str
    question: str
    answer: str
    answer_start: int


@dataclass(frozen=True)
class Relation:
    """What can be told of a subject {x} and a value {y}, and the questions for either."""

    subjects: str  # name of a list in `words`
    values: str
    told: Sequence[str]
    asks_value: Sequence[str]
    asks_subject: Sequence[str]


@dataclass(frozen=True)
class Fact:
    """A relation that holds between a subject and a value."""

    relation: Relation
    subject: str
    value: str


RELATIONS = (
    Relation("PEOPLE", "PLACES",
             ("{x} lives in {y}.", "{x} has a small flat in {y}.", "The home of {x} is in {y}.",
              "In {y} you can meet {x}, who lives there."),
             ("Where does {x} live?", "In which city does {x} live?", "Where is the home of {x}?"),
             ("Who lives in {y}?", "Who has a home in {y}?")),
    Relation("PEOPLE", "PLACES",
             ("{x} was born in {y}.", "{x} comes from {y}.", "{x} grew up in {y}."),
             ("Where was {x} born?", "Where does {x} come from?", "Where did {x} grow up?"),
             ("Who was born in {y}?", "Who comes from {y}?", "Who grew up in {y}?")),
    Relation("PEOPLE", "PLACES",
             ("{x} travelled to {y}.", "{x} went to {y} by train.", "{x} spent a week in {y}."),
             ("Where did {x} go?", "Where did {x} travel?", "To which city did {x} travel?"),
             ("Who travelled to {y}?", "Who went to {y}?", "Who spent a week in {y}?")),
    Relation("PEOPLE", "YEARS",
             ("{x} was born in {y}.", "{x} was born in the spring of {y}."),
             ("When was {x} born?", "In which year was {x} born?"), ("Who was born in {y}?",)),
    Relation("PEOPLE", "JOBS",
             ("{x} works as a {y}.", "{x} is a {y}.", "{x} became a {y} last year."),
             ("What does {x} do for a living?", "What is the job of {x}?",
              "What does {x} work as?"),
             ("Who works as a {y}?", "Who is a {y}?", "Who is the {y}?")),
    Relation("PEOPLE", "ANIMALS",
             ("{x} has a {y}.", "{x} keeps a {y} at home.", "A {y} lives with {x}."),
             ("Which animal does {x} have?", "What pet does {x} have?",
              "Which animal lives with {x}?"),
             ("Who has a {y}?", "Who keeps a {y}?")),
    Relation("PEOPLE", "FOODS",
             ("{x} likes {y} best.", "{x} loves {y}.", "The favourite food of {x} is {y}."),
             ("What does {x} like best?", "What is the favourite food of {x}?"),
             ("Who likes {y}?", "Who loves {y}?")),
    Relation("PEOPLE", "FOODS", ("{x} cooked {y} for everyone.", "{x} made {y} for dinner."),
             ("What did {x} cook?", "What did {x} make?"), ("Who cooked {y}?", "Who made {y}?")),
    Relation("PEOPLE", "FOODS", ("{x} ate {y} for lunch.", "{x} had {y} for lunch."),
             ("What did {x} eat?", "What did {x} have for lunch?"),
             ("Who ate {y}?", "Who had {y} for lunch?")),
    Relation("PEOPLE", "INSTRUMENTS", ("{x} plays the {y}.", "{x} practises the {y} every day."),
             ("What does {x} play?", "Which instrument does {x} play?"),
             ("Who plays the {y}?", "Who practises the {y}?")),
    Relation("PEOPLE", "SUBJECTS", ("{x} studies {y}.", "{x} is a student of {y}."),
             ("What does {x} study?", "Which subject does {x} study?"), ("Who studies {y}?",)),
    Relation("PEOPLE", "SUBJECTS", ("{x} teaches {y}.", "{x} teaches {y} at the school."),
             ("What does {x} teach?", "Which subject does {x} teach?"), ("Who teaches {y}?",)),
    Relation("PEOPLE", "OBJECTS", ("{x} bought a {y}.", "{x} bought a {y} at the market."),
             ("What did {x} buy?",), ("Who bought a {y}?", "Who bought the {y}?")),
    Relation("PEOPLE", "OBJECTS", ("{x} found a {y}.", "{x} found a {y} in the park."),
             ("What did {x} find?",), ("Who found a {y}?", "Who found the {y}?")),
    Relation("PEOPLE", "OBJECTS", ("{x} lost a {y}.", "{x} lost a {y} yesterday."),
             ("What did {x} lose?",), ("Who lost a {y}?", "Who lost the {y}?")),
    Relation("PEOPLE", "GAMES",
             ("{x} won the {y} game.", "The winner of the {y} game was {x}."),
             ("What did {x} win?", "Which game did {x} win?"),
             ("Who won the {y} game?", "Who was the winner of the {y} game?", "Who won at {y}?")),
    Relation("PEOPLE", "PEOPLE", ("{x} wrote a letter to {y}.", "{x} wrote to {y}."),
             ("Whom did {x} write to?", "Who got a letter from {x}?"), ("Who wrote to {y}?",)),
    Relation("PEOPLE", "PEOPLE", ("{x} helped {y}.", "{x} helped {y} in the garden."),
             ("Whom did {x} help?", "Who got help from {x}?"), ("Who helped {y}?",)),
    Relation("PEOPLE", "DAYS", ("{x} arrives on {y}.", "On {y} {x} will arrive."),
             ("When does {x} arrive?", "On which day does {x} arrive?"), ("Who arrives on {y}?",)),
    Relation("PEOPLE", "DAYS", ("{x} has a party on {y}.", "On {y} {x} has a party."),
             ("When does {x} have a party?",), ("Who has a party on {y}?",)),
    Relation("BUILDINGS", "YEARS", ("The {x} was built in {y}.", "People built the {x} in {y}."),
             ("When was the {x} built?", "In which year was the {x} built?"),
             ("What was built in {y}?",)),
    Relation("BUILDINGS", "YEARS", ("The {x} was opened in {y}.", "In {y} the {x} was opened."),
             ("When was the {x} opened?", "In which year was the {x} opened?"),
             ("What was opened in {y}?",)),
    Relation("BUILDINGS", "PLACES",
             ("The {x} stands in {y}.", "The {x} is in the old town of {y}.",
              "In {y} people are proud of the {x}."),
             ("Where is the {x}?", "Where does the {x} stand?", "In which city is the {x}?"),
             ("What stands in {y}?", "What can you see in {y}?")),
    Relation("OBJECTS", "COLOURS", ("The {x} is {y}.", "Somebody painted the {x} {y}."),
             ("What colour is the {x}?", "Which colour does the {x} have?"),
             ("What is {y}?", "Which thing is {y}?")),
    Relation("OBJECTS", "SPOTS", ("The {x} is in the {y}.", "You can find the {x} in the {y}."),
             ("Where is the {x}?", "Where can you find the {x}?"),
             ("What is in the {y}?", "What can you find in the {y}?")),
)
NAMES = ("PEOPLE", "SURNAMES", "PLACES")
FILLERS = (
    "It rained all morning.", "The weather was fine.", "Everybody had a good time.",
    "They have known each other for years.", "The street was quiet.", "It was a long day.",
    "Nobody was in a hurry.", "There was music in the air.",
)


def draw_value(kind: str, side: Side, chance: Random) -> str:
    """Return a word of one of the lists of `words`, or a name made up on the spot.

    For training, most names are made up, and now and then any common word takes the place
    of an animal or a dish: a model cannot learn the lists by heart and has to compare the question
    with the context.
    """
    if kind == "YEARS":
        return str(chance.randrange(1800, 2030))
    if kind in ("PEOPLE", "PLACES") and side == "train" and chance.random() < 0.85:
        syllables = chance.choices(words.SYLLABLES, k=chance.choice([2, 2, 3]))
        name = "".join(syllables).capitalize()
    elif kind not in NAMES and side == "train" and chance.random() < 0.1:
        name = chance.choice(words.COMMON)
    else:
        name = chance.choice(listed(kind, side))
    if kind == "PEOPLE" and side != "known" and chance.random() < 0.2:
        return f"{name} {draw_value('SURNAMES', side, chance)}"
    return name


@cache
def listed(kind: str, side: Side) -> tuple[str, ...]:
    """Return the part of a list that a side may use: one name in five is held out.

    The side "known" uses all of it, and makes no names up and gives no surnames.
    """
    every = getattr(words, kind)
    if kind not in NAMES or side == "known":
        return every
    return tuple(word for i, word in enumerate(every) if (i % 5 == 4) == (side == "held-out"))


def draw_facts(
    count: int, side: Side, chance: Random, known: Sequence[Relation] = RELATIONS
) -> list[Fact]:
    """Return `count` facts that share relations and subjects, so that they distract.

    Each value comes once, and each subject once in a relation, so that a question for either has
    one answer.
    """
    relations = chance.sample(known, (count + 2) // 2)
    subjects: dict[str, list[str]] = {}
    facts: list[Fact] = []
    used: set[str] = set()  # first words of all names and values
    while len(facts) < count:
        relation = chance.choice(relations)
        told_of = subjects.setdefault(relation.subjects, [])
        value = draw_value(relation.values, side, chance)
        if told_of and chance.random() < 0.5:
            subject = chance.choice(told_of)
            if any(fact.subject == subject and fact.relation is relation for fact in facts):
                continue
        else:
            subject = draw_value(relation.subjects, side, chance)
            if subject.split()[-1] in used or subject.split()[0] in used:
                continue
        if used & set(value.split()) or set(value.split()) & set(subject.split()):
            continue
        told_of += [] if subject in told_of else [subject]
        used |= set(value.split()) | set(subject.split())
        facts.append(Fact(relation, subject, value))
    return facts


def fill(template: str, fact: Fact) -> tuple[str, int, int]:
    """Return the template's text, and where in it the subject and the value start."""
    at = {"x": template.index("{x}"), "y": template.index("{y}")}
    shift = {"x": len(fact.subject) - 3, "y": len(fact.value) - 3}
    first, second = sorted(at, key=lambda slot: at[slot])
    at[second] += shift[first]
    return template.replace("{x}", fact.subject).replace("{y}", fact.value), at["x"], at["y"]


def draw_example(facts: int, side: Side, chance: Random) -> Example:
    """Return a question about one of `facts` facts, and the context that tells them all."""
    told = draw_facts(facts, side, chance)
    asked = chance.choice(told)
    context, value_start, subject_start = "", 0, 0
    for fact in told:
        if chance.random() < 0.1:
            context += chance.choice(FILLERS) + " "
        sentence, x, y = fill(chance.choice(fact.relation.told), fact)
        if fact is asked:
            subject_start, value_start = len(context) + x, len(context) + y
        context += sentence + " "
    relation = asked.relation
    if chance.random() < 0.6:
        question = chance.choice(relation.asks_value).replace("{x}", asked.subject)
        return Example(context.strip(), question, asked.value, value_start)
    question = chance.choice(relation.asks_subject).replace("{y}", asked.value)
    return Example(context.strip(), question, asked.subject, subject_start)
