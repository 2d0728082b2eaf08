"""The second marking: a drawn sample of answers is graded again by somebody else, blind.

What is given here is compared (agreement.py) and enters no gradebook.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from autograder.marking import log, rows, tables
from autograder.marking.giving import Decision, check_items
from autograder.marking.rows import Key, in_question
from autograder.marking.values import Conflict, MarkingError


@dataclass(frozen=True)
class SecondMark:
    """An answer of the sample. `digest` is that of the answer when it was graded, empty before."""

    owner: str
    grader: str
    item_ids: frozenset[int]
    adjustment: float
    points: float | None
    digest: str


def draw(connection: Connection, key: Key, share: float, seed: int, graders: Sequence[str],
         by: str) -> list[SecondMark]:
    """Draw a share of the graded answers, each for a grader who has not graded it.

    What was drawn before stays; as many are drawn as are missing from the share.
    """
    most = rows.lock(connection, key)
    graded = {owner: row.mark.grader for owner, row in rows.answers(connection, key).items()
              if row.mark}
    if most is None or not graded:
        raise MarkingError(f"Nothing of {key[1]} is graded yet: there is nothing to draw from.")
    drawn = {one.owner for one in second_marks(connection, key)}
    missing = max(1, round(share * len(graded))) - len(drawn & set(graded))
    draws = random.Random(seed)
    left = [owner for owner in sorted(graded) if owner not in drawn
            and set(graders) - {graded[owner]}]
    chosen = sorted(draws.sample(left, min(missing, len(left)))) if missing > 0 else []
    if missing > 0 and not chosen:
        raise MarkingError("Nobody else is there to grade them again: name another grader.")
    load = dict.fromkeys(graders, 0)
    given: dict[str, str] = {}
    for owner in chosen:
        given[owner] = min((one for one in graders if one != graded[owner]),
                           key=lambda name: (load[name], name))
        load[given[owner]] += 1
    log.add(connection, key, by, "draw", {"share": share, "seed": seed, "given": given})
    rows.insert_once(connection, tables.second, [
        {"assignment": key[0], "grade_id": key[1], "owner": owner, "grader": grader,
         "digest": None, "items": "[]", "adjustment": 0.0, "time": None}
        for owner, grader in given.items()])
    return second_marks(connection, key)


def give(connection: Connection, key: Key, seen: Mapping[str, str], given: Decision, grader: str
         ) -> list[SecondMark]:
    """Grade answers of the sample the same, or none of them; `seen` are digests by owner."""
    rows.lock(connection, key)
    if not seen:
        raise MarkingError("No answer was named. Nothing was changed.")
    mine = {one.owner for one in second_marks(connection, key) if one.grader == grader}
    if others := sorted(set(seen) - mine):
        raise MarkingError(f"{', '.join(others)}: not drawn for {grader} to be graded again. "
                           "Nothing was changed.")
    check_items(given.items, rows.items_of(connection, key), key)
    found = rows.answers(connection, key, list(seen))
    changed = [owner for owner, digest in seen.items()
               if owner not in found or found[owner].digest not in (None, digest)]
    if changed:
        raise Conflict(f"{', '.join(changed)}: another answer has come in meanwhile, or none is "
                       "there any more. Nothing was changed.", changed=changed)
    log.add(connection, key, grader, "give_second", {
        "owners": list(seen), "digests": list(seen.values()), "items": sorted(given.items),
        "adjustment": given.adjustment})
    time = rows.now()
    rows.put(connection, tables.second, [{
        "assignment": key[0], "grade_id": key[1], "owner": owner, "grader": grader,
        "digest": digest, "items": json.dumps(sorted(given.items)),
        "adjustment": given.adjustment, "time": time} for owner, digest in seen.items()])
    return [one for one in second_marks(connection, key) if one.owner in seen]


def second_marks(connection: Connection, key: Key) -> list[SecondMark]:
    """The sample, by owner, with the points that the items have now."""
    known, most = rows.items_of(connection, key), rows.most_of(connection, key) or 0.0
    found = []
    for row in connection.execute(select(tables.second).where(
            in_question(tables.second, key)).order_by(tables.second.c.owner)):
        items = frozenset(one for one in json.loads(row.items) if not known[one].retired)
        points = rows.points(items, known, most, row.adjustment) if row.digest else None
        found.append(SecondMark(row.owner, row.grader, items, row.adjustment, points,
                                row.digest or ""))
    return found
