"""Which group a notebook is from: by the names that stand in it, matched against the roster.

A name that matches nobody, or somebody of another group, is flagged for a person; none is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.flag import Flag, Kind
from autograder.roster import Member, Roster, plain
from autograder.settings import MEMBERS

MARKUP = re.compile(r"^[\s>#*•·–\-]+|^\s*\d+[.)]\s+|[*_`]+|"
                    r"\([^)]{0,200}\)|<[^>]{0,200}>|(?<!\S)\S+@\S+")
BETWEEN = re.compile(r"(?<!\s)\s*(?:[,;/&|]|\band\b|\bund\b)\s*")
MOST_NAMES = 30


@dataclass(frozen=True)
class Named:
    """The names in a notebook: those of the roster's members, and those of nobody."""

    members: tuple[Member, ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def groups(self) -> set[str]:
        return {member.group for member in self.members if member.group}


def named_in(notebook: NotebookNode, roster: Roster, members: str = MEMBERS) -> Named:
    """The names in the members' cell; where that is gone, roster names anywhere in the text.

    members: the words in the first line of that cell
    """
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for text in texts:
        heading, _, below = text.partition("\n")
        if is_members_heading(heading, members):
            return _named(below or heading.rpartition(":")[2], roster)
    words = f" {plain_text(' '.join(texts))} "
    return Named(tuple(member for member in roster.members
                       if f" {plain_text(member.name)} " in words))


def is_members_heading(line: str, members: str = MEMBERS) -> bool:
    """Whether the line stands above the names of a group's members."""
    return members.casefold() in line.casefold()


def doubts(named: Named, group: str, roster: Roster) -> list[str]:
    """What a person should look at, where names and roster do not agree on this group."""
    expected = roster.groups.get(group, [])
    found = [f"`{name}` stands among the members, and the roster knows nobody of that name"
             for name in named.strangers]
    found += [f"{member.name} stands among the members of group {group}, and belongs to "
              f"{f'group {member.group}' if member.group else 'no group'}"
              for member in named.members if member not in expected]
    absent = [member.name for member in expected if member not in named.members]
    if absent:
        found.append(f"of group {group}, not named in the notebook, and graded all the same: "
                     f"{', '.join(absent)}")
    return [Flag(doubt, Kind.NAMES) for doubt in found]


def _named(text: str, roster: Roster) -> Named:
    members: list[Member] = []
    strangers: list[str] = []
    for line in text.splitlines()[:MOST_NAMES]:
        name = _bare(line)
        whole = roster.named(name)
        for one in [name] if whole else BETWEEN.split(name):
            found = roster.named(one)
            if found:
                members += found
            elif one.strip():
                strangers.append(one.strip()[:80])
    return Named(tuple(_settled(members)), tuple(dict.fromkeys(strangers)))


def _settled(members: list[Member]) -> list[Member]:
    """Of two people with one name, the one whose group the others are in, if that tells."""
    once = list(dict.fromkeys(members))
    sure = {one.group for one in once if sum(plain(one.name) == plain(o.name) for o in once) == 1}
    return [one for one in once
            if sum(plain(one.name) == plain(o.name) for o in once) == 1 or one.group in sure
            or not sure]


def _bare(line: str) -> str:
    """A line without bullets, emphasis, addresses and what stands in brackets."""
    before = ""
    while before != line:
        before, line = line, MARKUP.sub("", line).strip()
    return line


def plain_text(text: str) -> str:
    """Text as names are searched in it: folded, words with single spaces between them."""
    return " ".join(re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.casefold()))
