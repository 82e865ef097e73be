"""People entered by hand: an account today, the same one when the export names them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from provisioning.person_states import PersonState
from provisioning.roster import Role
from service.access import Forbidden, Scope
from service.loads import by_hand, due, operations
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import KnownUser, OperatorRole, SchoolMembership, SourceKey
from service.sample.rows import Row
from tests.service.installation import SCOPE
from tests.service.questions.asked import answer, open_questions, school_scope
from tests.service.trial import (
    A,
    B,
    Trial,
    on_both_databases,
    pupil,
    pupils,
    refusal,
    teacher,
)

OTHERS = [*pupils("a", 4), teacher("a-head")]
NEW = pupil("a-9", who="new", snils="")
UNTIL = date(2026, 10, 20)
COURSE = {("8А, Школа № 1, 2026/2027", "student")}
ROLL = {"Ученики · Школа № 1", "8А · Школа № 1 · 2026/2027"}


def entered(row: Row = NEW, **overrides: Any) -> by_hand.Entered:
    """A row, as an operator types it."""
    person = row.person
    assert person.birth_date
    fields: dict[str, Any] = {
        "school_code": A, "family_name": person.family_name, "given_name": person.given_name,
        "middle_name": person.middle_name, "birth_date": person.birth_date, "class_id": "c-1",
        "until": UNTIL, "role": person.role,
    }  # fmt: skip
    return by_hand.Entered(**fields | overrides)


def plan(trial: Trial, row: Row = NEW, **overrides: Any) -> int:
    return by_hand.add(trial.application, entered(row, **overrides), scope=SCOPE)


def add(trial: Trial, row: Row = NEW, **overrides: Any) -> KnownUser:
    """Enter a person and say yes; the account."""
    load = trial.carry_out(plan(trial, row, **overrides))
    assert (load.status, load.problem) == ("applied", "")
    (person_id,) = {one.key for one in trial.changes(load.id)}
    with trial.rows() as session:
        return session.get_one(KnownUser, person_id)


def account_of(trial: Trial, person: KnownUser) -> dict[str, Any]:
    users = trial.moodle()["users"]
    (found,) = (user for user in users if user["idnumber"] == person.person_id)
    return found


def keys_of(trial: Trial, person: KnownUser) -> set[str]:
    """The sourced ids of a person, but for the one given by hand."""
    rows = trial.stored(SourceKey.__table__.select())
    return {
        key for _source, _school, key, person_id, _since in rows
        if person_id == person.person_id and not key.startswith("by-hand")
    }  # fmt: skip


@on_both_databases
def test_a_pupil_entered_today_has_an_account_and_places_and_keeps_them_with_the_row(
    trial: Trial,
) -> None:
    first = trial.write(A, OTHERS)
    trial.sync(first)
    person = add(trial)
    assert (person.state, person.suspended) == (PersonState.BY_HAND, False)
    account = account_of(trial, person)
    assert (account["institution"], account["department"]) == ("Школа № 1", "8А")
    (key,) = trial.stored(
        SourceKey.__table__.select()
        .with_only_columns(SourceKey.sourced_id)
        .where(SourceKey.person_id == person.person_id)
    )
    assert trial.cohorts_of(A, key) == ROLL
    assert trial.courses_of(A, key) == COURSE
    # An export that does not name the person yet changes nothing.
    trial.settled(first)
    trial.sync(trial.write(A, OTHERS, day=1))
    assert account_of(trial, person) == account

    named = trial.write(A, [*OTHERS, NEW], day=2)
    trial.sync(named)
    assert keys_of(trial, person) == {"a-9"}
    assert account_of(trial, person) == account
    assert trial.known(A, "a-9").state == PersonState.ON_ROLL
    assert trial.stored(SchoolMembership.__table__.select().where(
        SchoolMembership.until.is_not(None)
    )) == []  # fmt: skip
    trial.settled(named)


def test_the_row_may_name_another_class(trial: Trial) -> None:
    trial.sync(trial.write(A, [*OTHERS, *pupils("b", 2, "c-2")]))
    person = add(trial)
    trial.sync(
        trial.write(A, [*OTHERS, *pupils("b", 2, "c-2"), pupil("a-9", "c-2", who="new")], day=1)
    )
    assert keys_of(trial, person) == {"a-9"}
    assert account_of(trial, person)["department"] == "8Б"


def test_a_substitute_teaches_until_the_last_day(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS))
    substitute = teacher("a-s", who="s")
    person = add(trial, substitute, role=Role.TEACHER)
    assert due.begin(trial.application) is None
    clock = trial.application.clock
    trial.application.clock = lambda: clock() + timedelta(days=15)
    load_id = due.begin(trial.application)
    assert load_id
    plan_load(trial.application, load_id)
    assert due.approve_within_limits(trial.application, load_id)
    apply_load(trial.application, load_id)
    with trial.rows() as session:
        after = session.get_one(KnownUser, person.person_id)
        assert (after.state, after.suspended) == (PersonState.IN_TRANSIT, False)
        places = session.query(SchoolMembership).filter_by(person_id=person.person_id)
        assert places.count() == 0
    assert due.begin(trial.application) is None
    # The row comes late, and finds the same account.
    trial.sync(trial.write(A, [*OTHERS, substitute], day=16))
    assert keys_of(trial, person) == {"a-s"}


def test_somebody_known_is_added_only_when_it_is_said_who_it_is(trial: Trial) -> None:
    mover = pupil("b-7", who="mover", snils="")
    trial.sync(trial.write(A, OTHERS), trial.write(B, [*pupils("b", 4), mover]))
    assert refusal(plan, trial, mover) == "by_hand.known"
    login = trial.known(B, "b-7").username
    assert refusal(plan, trial, mover, same_as=login) == "by_hand.listed"
    assert refusal(plan, trial, mover, same_as="nobody") == "by_hand.not_known"
    trial.sync(trial.write(B, pupils("b", 4), day=1))
    assert refusal(plan, trial, mover) == "by_hand.known"
    person = add(trial, mover, same_as=login)
    assert person.person_id == trial.person_id(B, "b-7")
    assert (person.state, account_of(trial, person)["suspended"]) == (PersonState.BY_HAND, 0)
    namesake = add(trial, mover, is_another=True)
    assert namesake.person_id != person.person_id


@on_both_databases
def test_nobody_takes_over_the_account_of_somebody_of_another_school(trial: Trial) -> None:
    stranger = teacher("b-t", who="stranger")
    trial.sync(trial.write(A, OTHERS), trial.write(B, [*pupils("b", 4), stranger, teacher("b-2")]))
    login = trial.known(B, "b-t").username
    trial.sync(trial.write(B, [*pupils("b", 4), teacher("b-2")], day=1))
    before = trial.known(B, "b-t")

    def try_it(scope: Scope, **typed: Any) -> str:
        what = entered(stranger, class_id="", **typed)
        return refusal(by_hand.add, trial.application, what, scope=scope)

    # One word for each login, whether there is one or not.
    for login_typed in (login, trial.known(B, "b-1").username, "nobody"):
        assert try_it(school_scope(A), same_as=login_typed) == "by_hand.not_known"
    assert try_it(SCOPE, same_as=login, family_name="Другая") == "by_hand.not_known"
    after = trial.known(B, "b-t")
    assert (after.family_name, after.school_code) == (before.family_name, B)


@on_both_databases
def test_whether_it_is_somebody_of_another_school_the_city_is_asked(trial: Trial) -> None:
    mover = teacher("b-7", who="mover", snils="")
    trial.sync(trial.write(A, OTHERS), trial.write(B, [*pupils("b", 4), mover]))
    load_id = by_hand.add(trial.application, entered(mover, class_id=""), scope=school_scope(A))
    (asked,) = open_questions(trial)
    human = trial.person_id(B, "b-7")
    assert [one.key for one in asked.question.candidates] == [human]
    trial.carry_out(load_id)
    until = SchoolMembership.until.is_not(None)
    (entered_one,) = trial.stored(select(SchoolMembership.person_id).where(until))
    assert entered_one != human
    ours = school_scope(A)
    assert refusal(answer, trial, asked.id, "same", ours, candidate=human) == "asked.not_yours"
    answer(trial, asked.id, "same", candidate=human)


@on_both_databases
@pytest.mark.parametrize("row", [NEW, teacher("a-s", who="s")], ids=["pupil", "substitute"])
def test_who_was_entered_for_a_rejected_plan_is_entered_again(trial: Trial, row: Row) -> None:
    trial.sync(trial.write(A, OTHERS))
    of_class = {} if row is NEW else {"class_id": ""}
    first = plan(trial, row, **of_class)
    trial.ask(operations.reject, first)
    again = plan(trial, row, **of_class)
    assert {one.key for one in trial.changes(again)} == {one.key for one in trial.changes(first)}
    trial.ask(operations.reject, again)
    another = plan(trial, row, is_another=True, **of_class)
    assert {one.key for one in trial.changes(another)} != {one.key for one in trial.changes(first)}


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"family_name": " "}, "by_hand.name"),
        ({"birth_date": date(1950, 1, 1)}, "by_hand.birth_date"),
        ({"until": date(2026, 10, 5)}, "by_hand.until"),
        ({"until": date(2027, 10, 5)}, "by_hand.until"),
        ({"class_id": "c-77"}, "by_hand.class"),
    ],
)
def test_what_cannot_be_is_refused(trial: Trial, overrides: dict[str, Any], code: str) -> None:
    trial.sync(trial.write(A, OTHERS))
    assert refusal(plan, trial, **overrides) == code


def test_a_load_that_is_approved_comes_first(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS))
    load_id = trial.approved(trial.write(A, [*OTHERS, pupil("a-5")], day=1))
    assert refusal(plan, trial) == "by_hand.under_way"
    trial.apply(load_id)
    add(trial)


def test_nobody_enters_people_of_other_schools(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS), trial.write(B, pupils("b", 2)))
    theirs = Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset({B}))
    with pytest.raises(Forbidden):
        by_hand.add(trial.application, entered(), scope=theirs)
