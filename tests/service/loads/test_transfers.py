"""People of two schools: transfers in any order, two schools at once, leaving one or both."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.sample.rows import Row
from tests.service.trial import A, B, Trial, left, on_both_databases, pupil, pupils, teacher

OTHERS_A = [*pupils("a", 4), teacher("a-head")]
OTHERS_B = [*pupils("b", 4), teacher("b-head")]
ROLL_A = {"Ученики · Школа № 1", "8А · Школа № 1 · 2026/2027"}
ROLL_B = {"Ученики · Школа № 2", "8Б · Школа № 2 · 2026/2027"}


def both(trial: Trial, rows_a: list[Row], rows_b: list[Row], *, day: int = 0) -> list[Path]:
    return [trial.write(A, rows_a, day=day), trial.write(B, rows_b, day=day)]


def in_transit(trial: Trial, code: str, key: str) -> bool:
    """Whether the person is on no roll, with an open account."""
    return (trial.known(code, key).state, trial.account(code, key)["suspended"]) == (
        "in_transit",
        0,
    )


def settle(trial: Trial, *files: Path) -> None:
    """Load the schools again, one by one; after that nothing may be left to do."""
    for file in files:
        trial.sync(file)
    for file in files:
        trial.settled(file)


@on_both_databases
@pytest.mark.parametrize("first", [0, 1], ids=["old school first", "new school first"])
@pytest.mark.parametrize("marked", [False, True], ids=["absent", "marked as left"])
def test_a_transfer_keeps_the_account_in_either_order(
    trial: Trial, first: int, marked: bool
) -> None:
    mover = pupil("a-7", who="mover")
    trial.sync(*both(trial, [*OTHERS_A, mover], OTHERS_B))
    before = trial.account(A, "a-7")
    rows_a = [*OTHERS_A, left(mover)] if marked else OTHERS_A
    rows_b = [*OTHERS_B, pupil("b-7", "c-2", who="mover")]
    files = both(trial, rows_a, rows_b, day=30)
    in_order = [files[first], files[1 - first]]
    trial.sync(in_order[0])
    if first == 0:
        # Between two schools a pupil keeps the account, and no place.
        assert in_transit(trial, A, "a-7")
        assert trial.cohorts_of(A, "a-7") == set()
    trial.sync(in_order[1])
    assert trial.person_id(A, "a-7") == trial.person_id(B, "b-7")
    after = trial.account(B, "b-7")
    assert (after["id"], after["username"]) == (before["id"], before["username"])
    assert after["suspended"] == 0
    assert trial.cohorts_of(B, "b-7") >= ROLL_B
    settle(trial, *in_order)
    settled = trial.account(B, "b-7")
    assert settled == after | {"institution": "Школа № 2", "department": "8Б"}
    assert trial.cohorts_of(B, "b-7") == ROLL_B
    assert len(trial.moodle()["users"]) == 11


def test_a_transfer_inside_one_upload_is_settled_at_once(trial: Trial) -> None:
    """The receiving school may be read before or after the sending one."""
    trial.sync(*both(trial, [*OTHERS_A, pupil("a-7", who="x")], [*OTHERS_B, pupil("b-8", who="y")]))
    rows_a, rows_b = [*OTHERS_A, pupil("a-8", who="y")], [*OTHERS_B, pupil("b-7", "c-2", who="x")]
    files = both(trial, rows_a, rows_b, day=30)
    run = trial.sync(*files)
    assert {change.action for change in trial.changes(run.id)} == {"update"}
    for code, key, number, cohorts in ((B, "b-7", 2, ROLL_B), (A, "a-8", 1, ROLL_A)):
        account = trial.account(code, key)
        assert (account["suspended"], account["institution"]) == (0, f"Школа № {number}")
        assert trial.cohorts_of(code, key) == cohorts
    trial.settled(*files)


def test_without_a_number_a_transfer_waits_and_makes_no_second_account(trial: Trial) -> None:
    mover = pupil("a-7", who="mover", snils="")
    trial.sync(*both(trial, [*OTHERS_A, mover], OTHERS_B))
    files = both(trial, OTHERS_A, [*OTHERS_B, pupil("b-7", who="mover", snils="")], day=30)
    load_id = trial.load(*files)
    assert trial.rules(load_id) == {"match.waits": B}
    assert trial.plans(load_id)[B].set_aside == 1
    trial.carry_out(load_id)
    assert in_transit(trial, A, "a-7")
    assert len(trial.moodle()["users"]) == 11
    settle(trial, *files)


def test_equal_numbers_with_different_birth_dates_are_two_people(trial: Trial) -> None:
    trial.sync(trial.write(A, [*OTHERS_A, pupil("a-7", who="one")]))
    other = pupil("b-7", who="two", snils=pupil("a-7", who="one").person.snils)
    run = trial.sync(trial.write(B, [*OTHERS_B, other]))
    assert trial.rules(run.id) == {"match.snils_conflict": B}
    assert trial.person_id(A, "a-7") != trial.person_id(B, "b-7")


@on_both_databases
def test_a_teacher_of_two_schools_has_one_account_until_both_are_left(trial: Trial) -> None:
    at_a, at_b = teacher("a-t", who="t"), teacher("b-t", who="t")
    files = both(trial, [*OTHERS_A, at_a], [*OTHERS_B, at_b])
    trial.sync(*files)
    assert trial.person_id(A, "a-t") == trial.person_id(B, "b-t")
    assert trial.cohorts_of(A, "a-t") == {"Учителя · Школа № 1", "Учителя · Школа № 2"}
    settle(trial, *files)

    only_b = trial.write(A, OTHERS_A, day=10)
    trial.sync(only_b)
    assert trial.account(A, "a-t")["suspended"] == 0
    assert trial.cohorts_of(A, "a-t") == {"Учителя · Школа № 2"}
    settle(trial, only_b, files[1])
    assert trial.account(A, "a-t")["institution"] == "Школа № 2"

    nowhere = trial.write(B, OTHERS_B, day=20)
    trial.sync(nowhere)
    assert in_transit(trial, A, "a-t")
    settle(trial, only_b, nowhere)
    assert in_transit(trial, A, "a-t")


def test_a_pupil_of_two_schools_on_the_same_day_is_in_both(trial: Trial) -> None:
    rows_b = [*OTHERS_B, pupil("b-7", "c-2", who="p")]
    files = both(trial, [*OTHERS_A, pupil("a-7", who="p")], rows_b)
    trial.sync(*files)
    assert trial.cohorts_of(A, "a-7") == ROLL_A | ROLL_B
    trial.settled(*files)
    settle(trial, *reversed(files))
    assert len(trial.moodle()["users"]) == 11


def test_who_leaves_both_schools_in_one_upload_is_in_transit(trial: Trial) -> None:
    trial.sync(*both(trial, [*OTHERS_A, pupil("a-7", who="p")], [*OTHERS_B, pupil("b-7", who="p")]))
    files = both(trial, OTHERS_A, OTHERS_B, day=30)
    trial.sync(*files)
    assert in_transit(trial, A, "a-7")
    settle(trial, *files)


def test_somebody_who_comes_back_gets_the_same_account_again(trial: Trial) -> None:
    trial.sync(trial.write(A, [*OTHERS_A, pupil("a-7", who="r")]))
    first = trial.account(A, "a-7")
    trial.sync(trial.write(A, OTHERS_A, day=1))
    assert trial.account(A, "a-7") == first
    run = trial.sync(trial.write(A, [*OTHERS_A, pupil("a-7", "c-2", who="r")], day=2))
    assert trial.counts(run.id, A)["user.update"] == 1
    assert trial.account(A, "a-7") == first | {"department": "8Б"}
    # Also under a new key.
    trial.sync(trial.write(A, OTHERS_A, day=3))
    file = trial.write(A, [*OTHERS_A, pupil("a-8", who="r")], day=4)
    trial.sync(file)
    assert trial.account(A, "a-8") == first
    settle(trial, file)


def test_a_leaving_planned_before_the_new_school_was_applied_is_left_out(trial: Trial) -> None:
    trial.sync(*both(trial, [*OTHERS_A, pupil("a-7", who="m")], OTHERS_B))
    leaving = trial.approved(trial.write(A, OTHERS_A, day=30))
    trial.sync(trial.write(B, [*OTHERS_B, pupil("b-7", who="m")], day=30))
    assert trial.apply(leaving).status == "applied"
    (change,) = trial.changes(leaving)
    assert (change.action, change.result, change.code) == (
        "in_transit", "skipped", "on_another_roll",
    )  # fmt: skip
    assert trial.account(A, "a-7")["suspended"] == 0
