"""Which answers follow which: groups of like answers, found once for each state of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autograder.desk.answers import Answer
from autograder.desk.questions import Question


@dataclass(frozen=True)
class Groups:
    """Owners in groups, in their order. `same` is what makes two answers one; `version` changes
    when the groups do although no answer has."""

    owners: Sequence[Sequence[str]]
    same: Callable[[str], str]
    version: int = 0


class Order:
    """The order of all questions' answers."""

    def groups(self, question: Question, answers: Mapping[str, Answer]) -> Groups:
        forms = {owner: " ".join(answer.text.lower().split()) for owner, answer in answers.items()}
        by_form = sorted(forms, key=lambda owner: (len(forms[owner]), forms[owner]))
        groups: list[list[str]] = []
        for owner in by_form:  # those that begin alike
            if groups and forms[groups[-1][0]][:25] == forms[owner][:25]:
                groups[-1].append(owner)
            else:
                groups.append([owner])
        return Groups(groups, forms.__getitem__)
