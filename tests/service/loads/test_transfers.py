"""People of two schools: transfers in any order, two schools at once, leaving one or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.sample.rows import Row
from tests.service.place import A, B, Place, left, on_both_databases, pupil, pupils, teacher

OTHERS_A = [*pupils("a", 4), teacher("a-head")]
OTHERS_B = [*pupils("b", 4), teacher("b-head")]
ROLL_A = {"Ученики · Школа № 1", "8А · Школа № 1 · 2026/2027"}
ROLL_B = {"Ученики · Школа № 2", "8Б · Школа № 2 · 2026/2027"}


def both(place: Place, rows_a: list[Row], rows_b: list[Row], *, day: int = 0) -> list[Path]:
    return [place.write(A, rows_a, day=day), place.write(B, rows_b, day=day)]


def settle(place: Place, *files: Path) -> None:
    """Load the schools again, one by one; after that nothing may be left to do."""
    for file in files:
        place.sync(file)
    place.writes()
    for file in files:
        place.sync(file)
    assert place.writes() == {}


@on_both_databases
@pytest.mark.parametrize("first", [0, 1], ids=["old school first", "new school first"])
@pytest.mark.parametrize("marked", [False, True], ids=["absent", "marked as left"])
def test_a_transfer_keeps_the_account_whichever_school_loads_first(
    place: Place, first: int, marked: bool
) -> None:
    mover = pupil("a-7", who="mover")
    place.sync(*both(place, [*OTHERS_A, mover], OTHERS_B))
    before = place.account(A, "a-7")
    rows_a = [*OTHERS_A, left(mover)] if marked else OTHERS_A
    rows_b = [*OTHERS_B, pupil("b-7", "c-2", who="mover")]
    files = both(place, rows_a, rows_b, day=30)
    in_order = [files[first], files[1 - first]]
    for file in in_order:
        place.sync(file)
    assert place.person_id(A, "a-7") == place.person_id(B, "b-7")
    after = place.account(B, "b-7")
    assert (after["id"], after["username"]) == (before["id"], before["username"])
    assert after["suspended"] == 0
    assert place.cohorts_of(B, "b-7") >= ROLL_B
    settle(place, *in_order)
    settled = place.account(B, "b-7")
    assert settled == after | {"institution": "Школа № 2", "department": "8Б"}
    assert place.cohorts_of(B, "b-7") == ROLL_B
    assert len(place.moodle()["users"]) == 11


def test_between_two_schools_a_transferred_pupil_is_suspended_and_keeps_the_places(
    place: Place,
) -> None:
    place.sync(*both(place, [*OTHERS_A, pupil("a-7", who="mover")], OTHERS_B))
    place.sync(place.write(A, OTHERS_A, day=30))
    assert place.account(A, "a-7")["suspended"] == 1
    assert place.cohorts_of(A, "a-7") == ROLL_A


def test_a_transfer_inside_one_upload_is_settled_at_once(place: Place) -> None:
    """The receiving school may be read before or after the sending one."""
    rows_a, rows_b = [*OTHERS_A, pupil("a-7", who="x")], [*OTHERS_B, pupil("b-8", who="y")]
    place.sync(*both(place, rows_a, rows_b))
    rows_a, rows_b = [*OTHERS_A, pupil("a-8", who="y")], [*OTHERS_B, pupil("b-7", "c-2", who="x")]
    files = both(place, rows_a, rows_b, day=30)
    run = place.sync(*files)
    assert {change.action for change in place.changes(run.id)} == {"update"}
    for code, key, number in ((B, "b-7", 2), (A, "a-8", 1)):
        account = place.account(code, key)
        assert (account["suspended"], account["institution"]) == (0, f"Школа № {number}")
    assert place.cohorts_of(B, "b-7") == ROLL_B
    assert place.cohorts_of(A, "a-8") == ROLL_A
    place.writes()
    place.sync(*files)
    assert place.writes() == {}


def test_without_a_number_a_transfer_is_a_new_account_and_a_question(place: Place) -> None:
    mover = pupil("a-7", who="mover", snils="")
    place.sync(*both(place, [*OTHERS_A, mover], OTHERS_B))
    files = both(place, OTHERS_A, [*OTHERS_B, pupil("b-7", who="mover", snils="")], day=30)
    load_id = place.load(*files)
    assert place.rules(load_id) == {"match.same_name_elsewhere": B}
    place.approve(load_id)
    place.apply(load_id)
    old, new = place.account(A, "a-7"), place.account(B, "b-7")
    assert (old["suspended"], new["suspended"]) == (1, 0)
    assert old["username"] != new["username"]
    settle(place, *files)


def test_equal_numbers_with_different_birth_dates_are_two_people(place: Place) -> None:
    place.sync(place.write(A, [*OTHERS_A, pupil("a-7", who="one")]))
    other = pupil("b-7", who="two", snils=pupil("a-7", who="one").person.snils)
    run = place.sync(place.write(B, [*OTHERS_B, other]))
    assert place.rules(run.id) == {"match.snils_conflict": B}
    assert place.person_id(A, "a-7") != place.person_id(B, "b-7")


@on_both_databases
def test_a_teacher_of_two_schools_has_one_account_until_both_are_left(place: Place) -> None:
    at_a, at_b = teacher("a-t", who="t"), teacher("b-t", who="t")
    files = both(place, [*OTHERS_A, at_a], [*OTHERS_B, at_b])
    place.sync(*files)
    assert place.person_id(A, "a-t") == place.person_id(B, "b-t")
    assert place.cohorts_of(A, "a-t") == {"Учителя · Школа № 1", "Учителя · Школа № 2"}
    settle(place, *files)

    only_b = place.write(A, OTHERS_A, day=10)
    place.sync(only_b)
    assert place.account(A, "a-t")["suspended"] == 0
    assert place.cohorts_of(A, "a-t") == {"Учителя · Школа № 2"}
    settle(place, only_b, files[1])
    assert place.account(A, "a-t")["institution"] == "Школа № 2"

    nowhere = place.write(B, OTHERS_B, day=20)
    place.sync(nowhere)
    assert place.account(A, "a-t")["suspended"] == 1
    settle(place, only_b, nowhere)
    assert place.account(A, "a-t")["suspended"] == 1


def test_a_pupil_of_two_schools_on_the_same_day_is_in_both(place: Place) -> None:
    files = both(
        place, [*OTHERS_A, pupil("a-7", who="p")], [*OTHERS_B, pupil("b-7", "c-2", who="p")]
    )
    place.sync(*files)
    assert place.cohorts_of(A, "a-7") == ROLL_A | ROLL_B
    place.writes()
    place.sync(*files)
    assert place.writes() == {}
    settle(place, *reversed(files))
    assert len(place.moodle()["users"]) == 11


def test_who_leaves_both_schools_in_one_upload_is_suspended_once(place: Place) -> None:
    place.sync(*both(place, [*OTHERS_A, pupil("a-7", who="p")], [*OTHERS_B, pupil("b-7", who="p")]))
    files = both(place, OTHERS_A, OTHERS_B, day=30)
    place.sync(*files)
    assert place.account(A, "a-7")["suspended"] == 1
    settle(place, *files)


def test_somebody_who_comes_back_gets_the_same_account_again(place: Place) -> None:
    stayers, returner = OTHERS_A, pupil("a-7", who="r")
    place.sync(place.write(A, [*stayers, returner]))
    first = place.account(A, "a-7")
    place.sync(place.write(A, stayers, day=1))
    assert place.account(A, "a-7") == first | {"suspended": 1}
    moved = replace(returner, class_id="c-2")
    run = place.sync(place.write(A, [*stayers, moved], day=2))
    assert place.counts(run.id, A)["user.restore"] == 1
    assert place.account(A, "a-7") == first | {"department": "8Б"}


def test_a_leaver_who_turns_up_under_a_new_key_gets_the_same_account_again(place: Place) -> None:
    place.sync(place.write(A, [*OTHERS_A, pupil("a-7", who="r")]))
    first = place.account(A, "a-7")
    place.sync(place.write(A, OTHERS_A, day=1))
    file = place.write(A, [*OTHERS_A, pupil("a-8", who="r")], day=2)
    place.sync(file)
    assert place.account(A, "a-8") == first
    settle(place, file)


def test_a_suspension_planned_before_the_new_school_was_applied_is_left_out(place: Place) -> None:
    place.sync(*both(place, [*OTHERS_A, pupil("a-7", who="m")], OTHERS_B))
    leaving = place.load(place.write(A, OTHERS_A, day=30))
    place.approve(leaving)
    place.sync(place.write(B, [*OTHERS_B, pupil("b-7", who="m")], day=30))
    assert place.apply(leaving).status == "applied"
    (change,) = place.changes(leaving)
    assert (change.action, change.result, change.code) == ("suspend", "skipped", "on_another_roll")
    assert place.account(A, "a-7")["suspended"] == 0
