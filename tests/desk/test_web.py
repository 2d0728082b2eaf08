"""The desk's pages and what they send, in this process: grading, conflicts, undo, items, errors."""

from __future__ import annotations

import base64
import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from nbformat import from_dict
from PIL import Image

from autograder.course import Course
from autograder.desk import answers
from autograder.desk.state import Desk
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking import database
from desk.graded import enter
from desk.web import Grader, a_desk, browser_of

WHY, HOW = "/q/toy/toy_why", "/q/toy/toy_how"
ANSWERS = {
    "s001": {"toy_why": "So that $x_i$ can be compared.", "toy_how": "By a norm."},
    "s002": {"toy_why": "So that  $x_i$ can be compared.", "toy_how": "By the mean."},
    "s003": {"toy_why": "They lie between -1 and 1.", "toy_how": "By a norm."},
    "s004": {"toy_why": "", "toy_how": ""},
    "s005": {"toy_why": "", "toy_how": "No idea."},
}


@pytest.fixture
def desk(desk_toy: Course, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(answers, "LOOK_SECONDS", 0)
    monkeypatch.setattr(database, "BUSY", 0.5)
    enter(desk_toy, "toy", ANSWERS)
    with a_desk(desk_toy) as opened:
        yield opened


@pytest.fixture
def ada(desk: Desk) -> Grader:
    return browser_of(desk, "Ada")


@pytest.fixture
def ben(desk: Desk) -> Grader:
    return browser_of(desk, "Ben")


def points(desk: Desk, part: str = "toy_why") -> dict[str, float | None]:
    """What the gradebook has, as grades.csv and formgrader read it."""
    return {row.student: row.parts[part] for row in queries.entries(desk.course, "toy")}


def items(desk: Desk, grade_id: str = "toy_why") -> list[int]:
    return [one.id for one in desk.store.items(desk.question("toy", grade_id)) if not one.retired]


def card_with(grader: Grader, words: str, base: str = WHY) -> dict[str, Any]:
    """The card whose answer has these words in it."""
    for link in grader.page(f"{base}/answers").select("tbody th a"):
        found = grader.card(str(link["href"]))
        if words in found["element"].get_text():
            return found
    raise AssertionError(words)


# -------------------------------------------------------------------------------------- looking


def test_the_overview_tells_of_each_question_what_is_left(ada: Grader) -> None:
    rows = [[cell.get_text(strip=True) for cell in row.select("th, td")]
            for row in ada.page("/").select("tbody tr")]
    assert [row[1] for row in rows] == ["2", "1"]
    assert [row[4] for row in rows] == ["5", "5"]


def test_a_question_shows_what_is_asked_and_what_staff_look_for(ada: Grader) -> None:
    text = ada.page(WHY).get_text()
    for words in ("is scaled by", "numbers can be compared", "only an example",
                  "That zero vectors need care", "Scaled vectors lie between", "Enter"):
        assert words in text


def test_same_answers_are_one_card_and_empty_ones_come_last(ada: Grader) -> None:
    card = card_with(ada, "can be compared")
    assert len(card["owners"]) == 2 and "2 identical" in card["element"].get_text()
    rows = ada.page(f"{WHY}/answers").select("tbody tr")
    assert len(rows) == 3 and "(empty)" in rows[-1].get_text()


def test_names_are_hidden_until_somebody_asks(ada: Grader, ben: Grader) -> None:
    pages = ("/", WHY, f"{WHY}/answers", HOW, f"{HOW}/answers", "/log", "/agreement")
    ada.give(WHY, card_with(ada, "between"), [])
    for path in pages:
        assert "s00" not in ada.get(path).text
    assert ada.post("/names", {}).json() == {"names": True}
    assert "s003" in ada.get(f"{WHY}/answers").text and "s003" in ada.get("/log").text
    assert "s00" not in ben.get(f"{WHY}/answers").text
    ada.post("/names", {})
    assert "s00" not in ada.get(f"{WHY}/answers").text


# --------------------------------------------------------------------------------------- giving


def test_what_is_given_is_in_the_gradebook_at_once(ada: Grader, desk: Desk) -> None:
    first, *_ = items(desk)
    card = card_with(ada, "can be compared")
    answer = ada.give(WHY, card, [first], 0.25, "Nice.").json()
    assert answer["said"].startswith("1.75 points for 2 answers")
    assert points(desk) == {"s001": 1.75, "s002": 1.75, "s003": None, "s004": 0, "s005": 0}
    rows = {row.student: row for row in queries.entries(desk.course, "toy")}
    assert "Nice." in rows["s001"].comments.values()
    shown = ada.card(f"{WHY}/card/{card['key']}")
    assert shown["given"] == {"items": [first], "adjustment": 0.25, "comment": "Nice."}
    assert "1.75 points by Ada" in shown["element"].get_text()
    assert answer["next"] and answer["next"] != card["key"]
    assert "Nice." in ada.page(WHY).select_one("#before").get_text()  # type: ignore[union-attr]


def test_a_group_is_given_the_same_and_one_can_be_taken_out(ada: Grader, desk: Desk) -> None:
    enter(desk.course, "toy", {f"t{n:03}": {"toy_how": f"By the norm of the vector {'so ' * n}"}
                               for n in range(4)})
    card = card_with(ada, "By the norm of the vector", HOW)
    assert len(card["group"]) + len(card["owners"]) == 4
    apart = ada.card(f"{HOW}/card/{card['group'][-1]['key']}")
    assert ada.post(f"{HOW}/out", {"key": apart["key"]}).status_code == 200
    assert ada.card(f"{HOW}/card/{apart['key']}")["group"] == []
    card = ada.card(f"{HOW}/card/{card['key']}")
    assert ada.give(HOW, card, items(desk, "toy_how"), group=True).status_code == 200
    given = points(desk, "toy_how")
    assert sorted(str(given[f"t{n:03}"]) for n in range(4)) == ["1.0", "1.0", "1.0", "None"]


def test_empty_answers_get_zero_together(ada: Grader, desk: Desk) -> None:
    card = card_with(ada, "between")
    answer = ada.post(f"{WHY}/empty", {"key": card["key"]}).json()
    assert "2 empty answers have 0 points" in answer["said"] and answer["next"] == card["key"]
    assert "empty: give 0" not in answer["progress"]
    again = ada.post(f"{WHY}/empty", {"key": card["key"]})
    assert again.status_code == 400 and "No empty answer" in again.json()["said"]


def test_undo_takes_back_what_the_same_grader_did_last(ada: Grader, ben: Grader, desk: Desk
                                                       ) -> None:
    card = card_with(ada, "between")
    ada.give(WHY, card, items(desk)[:1])
    ben.give(WHY, card_with(ben, "can be compared"), items(desk)[:2])
    undone = ada.post(f"{WHY}/undo", {"key": card["key"]}).json()
    assert undone["said"].startswith("Undone") and undone["next"] == card["key"]
    assert points(desk)["s003"] is None and points(desk)["s001"] == 2
    nothing = ada.post(f"{WHY}/undo", {"key": card["key"]})
    assert nothing.status_code == 400 and "nothing to undo" in nothing.json()["said"]


def test_a_same_answer_that_comes_later_is_offered_what_the_others_have(ada: Grader, desk: Desk
                                                                       ) -> None:
    card = card_with(ada, "can be compared")
    ada.give(WHY, card, items(desk)[:1])
    enter(desk.course, "toy", {"s000": ANSWERS["s001"]})
    later = card_with(ada, "can be compared")
    assert later["words"] == "not graded yet" and later["given"]["items"] == items(desk)[:1]
    assert "2 of 3 graded already" in later["element"].get_text()
    version = int(later["version"])
    assert not ada.post(f"{WHY}/open", {"key": later["key"], "version": version}).json()["stale"]
    assert ada.give(WHY, later, items(desk)[:1]).status_code == 200
    assert points(desk)["s000"] == points(desk)["s001"] == 1.5


# ---------------------------------------------------------------------------- several graders


def test_nothing_is_overwritten_where_somebody_was_faster(ada: Grader, ben: Grader, desk: Desk
                                                          ) -> None:
    seen = card_with(ben, "between")
    ada.give(WHY, card_with(ada, "between"), items(desk)[:1], comment="From Ada.")
    answer = ben.give(WHY, seen, items(desk)[:2], comment="From Ben.")
    assert answer.status_code == 409 and answer.json()["conflict"]
    assert points(desk)["s003"] == 1.5
    page = answer.json()["html"]
    for words in ("Ada graded this answer meanwhile", "From Ada.", "From Ben.", "Keep this",
                  "Give mine instead"):
        assert words in page
    # Ben has seen both, and wants his own.
    now = ben.card(f"{WHY}/card/{seen['key']}")
    assert ben.give(WHY, now, items(desk)[:2], comment="From Ben.").status_code == 200
    assert points(desk)["s003"] == 2


def test_two_on_one_answer_see_it_and_are_led_apart(ada: Grader, ben: Grader) -> None:
    first = ada.card(WHY)
    assert ada.post(f"{WHY}/open", {"key": first["key"], "version": 0}).json()["here"] == ""
    answer = ben.post(f"{WHY}/open", {"key": first["key"], "version": 0}).json()
    assert answer["here"] == "Ada has this one open, too" and not answer["stale"]
    assert ben.card(WHY)["key"] != first["key"], "the first that waits is in Ada's hands"


def test_a_question_is_divided_among_graders(ada: Grader, ben: Grader, desk: Desk) -> None:
    why = desk.question("toy", "toy_why")
    assert ada.page("/").select_one('a[href="/shares"]')
    assert ada.page("/shares").select_one("#title-toy-toy_why")
    refused = ada.form(f"{WHY}/divide", graders=["Ada", "Mallory"])
    assert refused.status_code == 400 and "Mallory: no grader" in refused.text
    assert desk.store.divided_among(why) == ()
    enter(desk.course, "toy", {f"t{n:03}": {"toy_why": f"Reason {'so ' * n}."} for n in range(9)})
    saved = ada.form(f"{WHY}/divide", graders=["Ada", "Ben"])
    assert saved.status_code == 200 and "Saved." in saved.text and saved.text.count(" checked") == 2
    assert "divided among Ada, Ben" in ada.page("/").get_text()

    shares = desk.shares(why)
    mine = [owner for owner, name in shares.items() if name == "Ada"]
    assert 0 < len(mine) < len(shares)
    assert f"{len(mine)} of {len(mine)} left" in ada.page("/shares").get_text()
    page = ada.get(WHY).text
    assert f"{len(shares)} of {len(shares)} left, {len(mine)} of your share" in page
    cards = {owner: ada.card(f"{WHY}/card/{key}")["element"].get_text()
             for key, owner in desk.board(why).owners.items()}
    for card in desk.board(why).cards:
        text = cards[card.owners[0]]
        whose = {shares[owner] for owner in card.owners}
        assert ("your share" in text) == (whose == {"Ada"})
        assert ("share of Ben" in text) == (whose == {"Ben"})
        assert ("share of Ada and Ben" in text) == (len(whose) == 2)

    met = []
    card = ada.card(WHY)
    while (answer := ada.give(WHY, card, items(desk)[:1]).json())["next"]:
        met.append(card["key"])
        card = ada.card(f"{WHY}/card/{answer['next']}")
    met.append(card["key"])
    is_mine = [any(shares[owner] == "Ada" for owner in desk.board(why).by_owner[
        desk.board(why).owners[key]].owners) for key in met]
    assert is_mine == sorted(is_mine, reverse=True), "one's own share comes first, then the others'"
    assert "0 of your share" in ben.get(WHY).text


def test_a_division_is_taken_back_and_set_for_all(ada: Grader, desk: Desk) -> None:
    assert ada.form("/shares", graders=["Ada", "Ben"]).status_code == 200
    questions = list(desk.questions.values())
    assert [desk.store.divided_among(one) for one in questions] == [("Ada", "Ben")] * 2
    assert "Saved: it is everybody" in ada.form(f"{WHY}/divide").text
    assert [desk.store.divided_among(one) for one in questions] == [(), ("Ada", "Ben")]
    assert "of your share" not in ada.get(WHY).text
    assert "graders: Ada, Ben" in ada.page("/log").get_text()
    assert ada.client.post("/shares", data={"graders": "Ada"}).status_code == 403, "no CSRF token"


def test_one_grader_alone_has_nothing_to_divide(desk_toy: Course) -> None:
    enter(desk_toy, "toy", ANSWERS)
    with a_desk(desk_toy, graders=("Ada",)) as opened:
        alone = browser_of(opened, "Ada")
        assert not alone.page("/").select('a[href="/shares"]')
        assert "one grader alone" in alone.page("/shares").get_text()


def test_a_card_that_was_graded_meanwhile_is_stale(ada: Grader, ben: Grader, desk: Desk) -> None:
    seen = card_with(ben, "between")
    ada.give(WHY, card_with(ada, "between"), items(desk)[:1])
    assert ben.post(f"{WHY}/open", {"key": seen["key"], "version": 0}).json()["stale"]


def test_points_typed_in_formgrader_are_shown_and_count(ada: Grader, desk: Desk) -> None:
    card = card_with(ada, "between")
    ada.give(WHY, card, items(desk)[:1])
    with open_gradebook(desk.course) as gradebook:
        gradebook.find_grade("toy_why", "toy", "toy", "s003").manual_score = 0.75
        gradebook.db.commit()
    shown = ada.card(f"{WHY}/card/{card['key']}")
    assert "Formgrader has 0.75 for this answer" in shown["element"].get_text()
    stale = ada.give(WHY, ada.card(f"{WHY}/card/{card['key']}") | {"owners": card["owners"]}, [])
    assert stale.status_code == 409 and points(desk)["s003"] == 0.75
    assert ada.give(WHY, shown, items(desk)[:1]).status_code == 200
    assert points(desk)["s003"] == 1.5


def test_a_new_upload_asks_again_and_shows_what_has_changed(ada: Grader, desk: Desk) -> None:
    card = card_with(ada, "between")
    ada.give(WHY, card, items(desk)[:2], comment="Well.")
    ada.give(HOW, card_with(ada, "By a norm", HOW), items(desk, "toy_how"))
    enter(desk.course, "toy", {"s003": {"toy_why": "They lie between 0 and 1.",
                                        "toy_how": "By a norm."}})
    shown = card_with(ada, "between 0 and 1")
    text = shown["element"].get_text()
    assert "another one than was graded" in text and "+ They lie between 0 and 1." in text
    assert "- They lie between -1 and 1." in text and shown["given"]["comment"] == "Well."
    assert card_with(ada, "By a norm", HOW)["words"] == "graded", "the same text keeps its points"
    old = ada.give(WHY, card, [])
    assert old.status_code in (404, 409), "what was shown is no longer what is there"
    assert ada.give(WHY, shown, items(desk)[:1]).status_code == 200
    assert points(desk)["s003"] == 1.5


def test_a_submission_that_vanishes_is_a_sentence(ada: Grader, desk: Desk) -> None:
    card = card_with(ada, "between")
    shutil.rmtree(desk.course.autograded / "s003")
    for answer in (ada.give(WHY, card, items(desk)[:1]),
                   ada.post(f"{WHY}/open", {"key": card["key"], "version": 0})):
        assert answer.status_code == 404 and "no longer there" in answer.json()["said"]
    answer = ada.get(f"{WHY}/card/{card['key']}")
    assert answer.status_code == 404 and "no longer there" in answer.text


def test_what_is_refused_names_nobody_as_long_as_names_are_hidden(
        ada: Grader, ben: Grader, desk: Desk) -> None:
    card, gone = card_with(ada, "between"), card_with(ada, "So that")
    ada.give(WHY, card, items(desk)[:1])
    ben.give(WHY, ben.card(f"{WHY}/card/{card['key']}"), items(desk)[:2])
    with open_gradebook(desk.course) as gradebook:
        for owner in ("s001", "s002"):
            gradebook.remove_submission("toy", owner)

    def refusals() -> list[str]:
        return [answer.json()["said"] for answer in (
            ada.post(f"{WHY}/undo", {"key": card["key"]}), ada.give(WHY, gone, items(desk)[:1]),
            ada.post(f"{WHY}/open", {"key": gone["key"], "version": 0}))]

    hidden = refusals()
    assert not [said for said in hidden if re.search("s00[1-5]", said)]
    assert all(re.search(r"answer \d", said) for said in hidden)
    ada.post("/names", {})
    assert all(re.search("s00[1-5]", said) for said in refusals())


# --------------------------------------------------------------------------------------- items


def test_an_items_change_is_shown_before_it_reaches_all_answers(ada: Grader, desk: Desk) -> None:
    first, *_ = desk.store.items(desk.question("toy", "toy_why"))
    ada.give(WHY, card_with(ada, "can be compared"), [first.id])
    new = {"item": first.id, "version": first.version, "points": "1", "text": "units go away."}
    preview = ada.form(f"{WHY}/items/preview", **new)
    assert "2 answers" in preview.text and "1.5" in preview.text and "Change it" in preview.text
    assert points(desk)["s001"] == 1.5
    assert "Changed, in every answer" in ada.form(f"{WHY}/items/change", **new).text
    assert points(desk)["s001"] == points(desk)["s002"] == 1
    stale = ada.form(f"{WHY}/items/change", **new)
    assert stale.status_code == 409
    assert "units go away." in ada.get(f"{WHY}/panel").text


def test_items_are_added_and_taken_away(ada: Grader, desk: Desk) -> None:
    answer = ada.form(f"{WHY}/items/add", kind="takes", points="0.5", text="No reason.")
    assert "Added" in answer.text
    new = desk.store.items(desk.question("toy", "toy_why"))[-1]
    ada.give(WHY, card_with(ada, "between"), [items(desk)[0], new.id])
    assert points(desk)["s003"] == 1
    asked = ada.form(f"{WHY}/items/preview-retire", item=new.id, version=new.version)
    assert "1 answers" in asked.text and "Remove it" in asked.text
    ada.form(f"{WHY}/items/retire", item=new.id, version=new.version)
    assert points(desk)["s003"] == 1.5
    gone = ada.form(f"{WHY}/items/preview", item=new.id, version=new.version, points="1", text="x")
    assert gone.status_code == 400 and "taken away" in gone.text


@pytest.mark.parametrize(("field", "value"), [("points", "many"), ("points", "-1"),
                                              ("points", "inf"), ("text", ""),
                                              ("text", "x" * 3000), ("kind", "gives")])
def test_a_malformed_item_is_a_sentence(ada: Grader, desk: Desk, field: str, value: str) -> None:
    before = items(desk)
    answer = ada.form(f"{WHY}/items/add", **{
        "kind": "adds", "points": "1", "text": "a", field: value})
    assert answer.status_code == 422 and "cannot be taken" in answer.text
    assert items(desk) == before


# ------------------------------------------------------------------------------ second marking


def test_a_second_marking_asks_again_where_another_answer_came_in(
        ada: Grader, ben: Grader, desk: Desk) -> None:
    ada.give(WHY, card_with(ada, "between"), items(desk)[:1])
    desk.store.draw(desk.question("toy", "toy_why"), 1, 1, ["Ben"], "Ada")
    again = f"{WHY}?second=1"
    ben.give(WHY, ben.card(again), items(desk)[:1], query="?second=1")
    assert ben.card(again)["words"] == "graded"
    enter(desk.course, "toy", {"s003": {"toy_why": "They lie between 0 and 1.", "toy_how": ""}})
    card = ben.card(again)
    assert card["words"] == "changed since it was graded"
    assert "+ They lie between 0 and 1." in card["element"].get_text()
    ben.give(WHY, card, items(desk)[:1], query="?second=1")
    assert ben.card(again)["words"] == "graded"


def test_zeros_for_empty_answers_are_no_second_marks(ada: Grader, ben: Grader, desk: Desk) -> None:
    ada.post(f"{WHY}/empty", {"key": ada.card(WHY)["key"]})
    desk.store.draw(desk.question("toy", "toy_why"), 1, 1, ["Ben"], "Ada")
    assert ada.post(f"{WHY}/undo", {"key": ada.card(WHY)["key"]}).status_code == 200
    card = ben.card(f"{WHY}?second=1")
    refused = ben.post(f"{WHY}/empty?second=1", {"key": card["key"]})
    assert refused.status_code == 400 and "by itself" in refused.json()["said"]
    assert desk.store.marks("toy", "toy_why") == {}


def test_a_text_is_kept_under_its_own_hash_alone(ada: Grader, desk: Desk) -> None:
    """A page that was open while another answer came in sends the old one's hash."""
    card = card_with(ada, "between")
    with sqlite3.connect(desk.course.grading / "gradebook.db") as gradebook:
        gradebook.execute("DELETE FROM desk_text")
        gradebook.execute("DELETE FROM desk_answer")  # entered before there was a desk
    path = desk.course.autograded / "s003" / "toy" / "toy.ipynb"
    path.write_text(path.read_text().replace("between -1 and 1", "between 0 and 1"))
    assert ada.give(WHY, card, items(desk)[:1]).status_code == 200
    assert desk.store.text(card["owners"][0]["digest"]) is None
    assert card_with(ada, "between 0")["words"].startswith("changed")


def test_the_second_marking_is_blind_and_is_compared(ada: Grader, ben: Grader, desk: Desk) -> None:
    first, second, *_ = items(desk)
    ada.give(WHY, card_with(ada, "can be compared"), [first], comment="A secret.")
    ada.give(WHY, card_with(ada, "between"), [second])
    assert ada.form(f"{WHY}/draw", percent="100", graders="Ada, Ben").status_code == 200
    card = ben.card(f"{WHY}?second=1")
    text = ben.get(f"{WHY}?second=1").text
    assert "A secret." not in text and "Ada" not in text.split("<main")[1]
    assert card["given"] == "" and card["count"] == "3" and card["group"] == []
    given = 0
    while True:
        answer = ben.give(WHY, card, [first], query="?second=1")
        assert answer.status_code == 200, answer.text
        given += 1
        if not answer.json()["next"]:
            break
        card = ben.card(f"{WHY}/card/{answer.json()['next']}?second=1")
    assert given == 3 and points(desk)["s003"] == 0.5, "the gradebook keeps the first marks"
    text = ada.page("/agreement").get_text(" ", strip=True)
    assert "3 of 3 drawn answers are graded twice" in text and "Cohen's kappa" in text


def test_several_second_marks_are_given_together_or_none(
        ada: Grader, ben: Grader, desk: Desk) -> None:
    ada.give(WHY, card_with(ada, "can be compared"), items(desk)[:1])
    desk.store.draw(desk.question("toy", "toy_why"), 1, 1, ["Ben"], "Ada")
    card = ben.card(f"{WHY}?second=1")
    other = ben.card(f"{WHY}/card/{card['next']}?second=1")
    both = {**card, "owners": card["owners"] + other["owners"]}
    stale = {**card, "owners": card["owners"] + [{**other["owners"][0], "digest": "another"}]}
    assert ben.give(WHY, stale, items(desk)[:1], query="?second=1").status_code == 409
    assert {one.points for one in desk.store.second_marks(
        desk.question("toy", "toy_why"))} == {None}
    said = ben.give(WHY, both, items(desk)[:1], query="?second=1").json()["said"]
    assert said.startswith("1.5 points for 2 answers.")


def test_who_has_no_part_of_the_sample_is_told(ben: Grader) -> None:
    assert "Nothing of the second marking is yours" in ben.get(f"{WHY}?second=1").text


# --------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("change", [
    {"items": ["1"]}, {"items": [99999]}, {"adjustment": "x"}, {"adjustment": 1e9}, {"owners": []},
    {"owners": [{"key": "x", "digest": "", "version": 0}]}, {"key": "nobody"}, {"more": 1},
    {"comment": "x" * 10_001}, {"comment": None}])
def test_a_malformed_request_is_refused_and_changes_nothing(ada: Grader, desk: Desk,
                                                            change: dict[str, Any]) -> None:
    card = card_with(ada, "between")
    good = {"owners": card["owners"], "items": [], "adjustment": 0, "comment": "",
            "key": card["key"]}
    before = points(desk)
    answer = ada.post(f"{WHY}/give", good | change)
    assert answer.status_code in (400, 404, 422) and answer.json()["said"].endswith(".")
    assert points(desk) == before


def test_a_locked_gradebook_is_a_sentence(ada: Grader, desk: Desk) -> None:
    card = card_with(ada, "between")
    with sqlite3.connect(desk.course.gradebook) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = ada.give(WHY, card, [])
        other.rollback()
    assert answer.status_code in (400, 503)
    assert answer.json()["said"].strip() and "Traceback" not in answer.text
    assert ada.give(WHY, card, []).status_code == 200


@pytest.mark.parametrize("path", ["/q/toy/none", "/q/none/toy_why", f"{WHY}/card/none",
                                  f"{WHY}?card=none", f"{WHY}/picture/none/x/0", "/nothing",
                                  "/q/toy/..%2f..", f"{WHY}/text/none"])
def test_what_is_not_there_is_a_sentence(ada: Grader, path: str) -> None:
    answer = ada.get(path)
    assert answer.status_code == 404 and "Traceback" not in answer.text


def test_another_picture_has_another_address(desk: Desk, ada: Grader) -> None:
    """A browser shows the one that it has for an address, without asking again."""
    addresses = set()
    for color in ("red", "blue"):
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4), color).save(buffer, "PNG")
        enter(desk.course, "toy", {"s003": {"toy_how": from_dict({
            "cell_type": "markdown", "source": "See ![a](attachment:a.png).",
            "attachments": {"a.png": {"image/png": base64.b64encode(buffer.getvalue()).decode()}},
            "metadata": {}})}})
        (picture,) = card_with(ada, "See", HOW)["element"].select(".student img")
        addresses.add(str(picture["src"]))
        found = Image.open(io.BytesIO(ada.get(str(picture["src"])).content))
        assert found.getpixel((0, 0))[:3] == ((255, 0, 0) if color == "red" else (0, 0, 255))
    assert len(addresses) == 2


def test_pictures_have_addresses_of_their_own_and_one_type(desk: Desk, ada: Grader) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, "PNG")
    cell = from_dict({"source": "It is ![this](attachment:a.png) and ![that](attachment:b.png)",
                      "attachments": {"a.png": {"image/png": base64.b64encode(
                          buffer.getvalue()).decode()}, "b.png": {"image/png": "AAAA"}}})
    enter(desk.course, "toy", {"s009": {"toy_why": cell}})
    card = card_with(ada, "It is")
    (picture,) = card["element"].select("img")
    answer = ada.get(str(picture["src"]))
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).getpixel((0, 0)) == (255, 0, 0)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "a picture that cannot be decoded" in card["element"].get_text()
    assert ada.get(str(picture["src"])[:-1] + "7").status_code == 404


def test_an_answer_without_end_is_cut_and_can_be_read_whole(desk: Desk, ada: Grader) -> None:
    enter(desk.course, "toy", {"s009": {"toy_why": "Endless " + "word " * 8000}})
    card = card_with(ada, "Endless")
    assert len(str(card["element"])) < 60_000 and "more characters" in card["element"].get_text()
