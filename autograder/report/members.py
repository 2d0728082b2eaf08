"""A group's row becomes a row for each of its members."""

from __future__ import annotations

from dataclasses import replace

from autograder.flag import Flag, Kind
from autograder.report.line import Line
from autograder.roster import Roster

NOT_ON_ROSTER = Flag("the roster has no such group: nobody gets this grade", Kind.NAMES)


def names(people: Roster) -> dict[str, str]:
    """The names of the people on the roster by their ids, and those of groups by theirs."""
    return {**{group: ", ".join(member.name for member in some)
               for group, some in people.groups.items()},
            **{member.id: member.name for member in people.members}}


def by_member(lines: list[Line], roster: Roster) -> list[Line]:
    """The rows with each group's members in its place; a group of nobody stays, with a flag."""
    found = []
    without_group = {member.id for member in roster.members if not member.group}
    for line in lines:
        members = roster.groups.get(line.student, [])
        found += [replace(line, student=member.id, group=line.student) for member in members]
        if not members:
            unknown = line.student and line.student not in without_group
            flags = (*line.flags, NOT_ON_ROSTER) if unknown else line.flags
            found.append(replace(line, flags=flags))
    return found
