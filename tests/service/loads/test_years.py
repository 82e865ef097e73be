"""The year's turn: a file of the next school year waits for its day, and then counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from provisioning.person_states import PersonState
from service.access import Forbidden, Scope
from service.loads import operations, year_checklist, years, years_ahead
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import Load, LoadStatus, OperatorRole
from service.sample.rows import Row
from tests.service.installation import SCOPE
from tests.service.trial import (
    A,
    B,
    Trial,
    make_class,
    on_both_databases,
    pupil,
    pupils,
    refusal,
    teacher,
)

JUNE = datetime(2027, 6, 21, 9, 0, tzinfo=UTC)
SEPTEMBER = datetime(2027, 9, 1, 5, 0, tzinfo=UTC)
NEXT = "2027/2028"
OLD = (make_class("c-1", "10А", grade=10), make_class("c-2", "11А", grade=11))
NEW = (make_class("n-1", "11А", grade=11), make_class("c-2", "5Б", grade=5))
STAYING, LEAVING = pupils("a", 12), pupils("g", 8, "c-2")
NEWCOMERS = pupils("n", 3, "c-2")


def at(trial: Trial, moment: datetime) -> None:
    """From now on it is this moment, and some seconds more at each look."""
    ticks = iter(range(1_000_000))
    trial.application.clock = lambda: moment + timedelta(seconds=next(ticks))


def turned(rows: Iterable[Row], class_id: str) -> list[Row]:
    return [replace(row, class_id=class_id) for row in rows]


def this_year(trial: Trial) -> None:
    trial.sync(trial.write(A, [*STAYING, *LEAVING], classes=OLD))


def next_year(trial: Trial, *, rows: Iterable[Row] | None = None, day: int = 289) -> int:
    """Load what the school has for the next year; exported on 21 June."""
    rows = [*turned(STAYING, "n-1"), *NEWCOMERS] if rows is None else rows
    return trial.load(trial.write(A, rows, classes=NEW, school_year=NEXT, day=day))


def turn(trial: Trial) -> Load | None:
    """Do what upkeep does about schools whose day has come."""
    load_id = years.begin(trial.application)
    if load_id is None:
        return None
    plan_load(trial.application, load_id)
    if years.approve_confirmed(trial.application, load_id):
        apply_load(trial.application, load_id)
    return trial.run(load_id)


@on_both_databases
def test_a_confirmed_year_begins_on_its_day_by_itself(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    load_id = next_year(trial)
    assert trial.decisions(load_id) == {A: "pending"}
    trial.writes()
    trial.approve(load_id, over_limits=True)
    assert (trial.run(load_id).status, turn(trial), trial.writes()) == ("planned", None, {})
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert (load.status, load.problem, trial.decisions(load.id)) == ("applied", "", {A: "applied"})
    assert trial.decisions(load_id) == {A: "superseded"}
    assert "11А · Школа № 1 · 2027/2028" in trial.cohorts_of(A, "a-1")
    assert trial.known(A, "g-1").state == PersonState.GRADUATE
    assert trial.account(A, "n-1")["suspended"] == 0
    assert turn(trial) is None


@on_both_databases
def test_files_of_the_year_that_ends_go_on_until_the_day(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    pending = next_year(trial)
    trial.approve(pending, over_limits=True)
    trial.sync(trial.write(A, [*STAYING[1:], *LEAVING], classes=OLD, day=290))
    assert trial.known(A, "a-1").state == PersonState.IN_TRANSIT
    assert trial.decisions(pending) == {A: "pending"}
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert load.status == "applied"
    assert trial.known(A, "a-1").state == PersonState.ON_ROLL


def test_a_turn_that_would_drop_who_came_after_its_file_waits_for_a_person(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    trial.approve(next_year(trial), over_limits=True)
    # As many leave as in the plan that was seen, but others.
    rows = [*STAYING, *LEAVING[1:], pupil("a-new")]
    trial.sync(trial.write(A, rows, classes=OLD, day=290))
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert (load.status, trial.decisions(load.id)) == ("planned", {A: "planned"})
    assert trial.known(A, "a-new").state == PersonState.ON_ROLL
    trial.carry_out(load.id, over_limits=True)
    old = trial.load(trial.write(A, rows, classes=NEW, school_year=NEXT, day=289))
    assert "file.older_export" in trial.rules(old)


def test_a_year_that_nobody_confirmed_waits_for_a_yes_on_its_day(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    next_year(trial)
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert (load.status, trial.decisions(load.id)) == (LoadStatus.PLANNED, {A: "planned"})
    assert turn(trial) is None
    assert trial.carry_out(load.id, over_limits=True).status == "applied"
    assert "11А · Школа № 1 · 2027/2028" in trial.cohorts_of(A, "a-1")


def test_a_turn_that_takes_more_away_than_was_seen_waits_for_a_person(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    load_id = next_year(trial, rows=[*turned(STAYING, "n-1"), *turned(LEAVING, "c-2")])
    assert trial.plans(load_id)[A].breaches == []
    trial.approve(load_id)
    arrived = [*pupils("z", 30), *LEAVING, *STAYING]
    trial.sync(trial.write(A, arrived, classes=OLD, day=290))
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert (load.status, trial.decisions(load.id)) == ("planned", {A: "planned"})
    assert trial.plans(load.id)[A].breaches


def test_a_newer_file_of_the_next_year_takes_the_place_of_an_older_one_and_of_the_yes(
    trial: Trial,
) -> None:
    this_year(trial)
    at(trial, JUNE)
    first = next_year(trial)
    trial.approve(first, over_limits=True)
    second = next_year(trial, rows=turned(STAYING, "n-1"), day=290)
    assert (trial.decisions(first), trial.decisions(second)) == (
        {A: "superseded"}, {A: "pending"}
    )  # fmt: skip
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert trial.decisions(load.id) == {A: "planned"}
    assert trial.counts(load.id, A).get("user.create") is None


def test_a_no_on_the_day_is_not_asked_again(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    next_year(trial)
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    trial.ask(operations.reject, load.id)
    assert turn(trial) is None


def test_after_the_turn_files_of_the_last_year_are_stopped(trial: Trial) -> None:
    trial.configure("years", turn_on="08-20")
    this_year(trial)
    at(trial, JUNE)
    trial.approve(next_year(trial), over_limits=True)
    at(trial, datetime(2027, 8, 25, 9, 0, tzinfo=UTC))
    load = turn(trial)
    assert load
    assert load.status == "applied"
    late = trial.load(trial.write(A, [*STAYING, *LEAVING], classes=OLD, day=350))
    assert trial.decisions(late) == {A: "blocked"}
    assert trial.rules(late)["school_year.other"] == A


def test_without_a_day_a_file_of_the_next_year_counts_at_once(trial: Trial) -> None:
    trial.configure("years", turn_on="")
    this_year(trial)
    at(trial, JUNE)
    load_id = next_year(trial)
    assert trial.decisions(load_id) == {A: "planned"}
    assert trial.carry_out(load_id, over_limits=True).status == "applied"
    assert trial.known(A, "g-1").state == PersonState.GRADUATE


def test_the_first_file_of_a_school_waits_for_nothing(trial: Trial) -> None:
    at(trial, JUNE)
    assert trial.decisions(next_year(trial)) == {A: "planned"}


def test_a_school_and_a_district_may_turn_on_days_of_their_own(trial: Trial) -> None:
    b_rows = pupils("b", 5)
    trial.sync(trial.write(A, [*STAYING, *LEAVING], classes=OLD), trial.write(B, b_rows))
    at(trial, JUNE)
    next_year(trial)
    trial.load(trial.write(B, turned(b_rows, "n-1"), classes=NEW, school_year=NEXT, day=289))
    with trial.rows() as session:
        days = {"school_year": NEXT, "scope": SCOPE, "now": JUNE}
        years.set_day(session, turn_on=date(2027, 9, 6), district="Невский", **days)
        years.set_day(session, turn_on=date(2027, 8, 30), school_code=A, **days)
        years.set_day(session, turn_on=date(2027, 9, 3), **days)
    for day, turns in ((29, []), (30, [A])):
        at(trial, datetime(2027, 8, day, 9, 0, tzinfo=UTC))
        load = turn(trial)
        assert list(trial.plans(load.id) if load else []) == turns
    at(trial, datetime(2027, 9, 3, 9, 0, tzinfo=UTC))
    load = turn(trial)
    assert load
    assert list(trial.plans(load.id)) == [B]


def test_days_are_set_within_the_scope_only(trial: Trial) -> None:
    this_year(trial)
    school = Scope(actor="a", role=OperatorRole.SCHOOL, items=frozenset({B}))
    district = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Кировский"}))
    for scope in (school, district):
        for place in ({"school_code": A}, {"district": "Невский"}, {}):
            with trial.rows() as session, pytest.raises(Forbidden):
                years.set_day(
                    session, scope=scope, school_year=NEXT, turn_on=date(2027, 9, 3), now=JUNE,
                    **place,
                )  # fmt: skip
    with trial.rows() as session:
        wrong = {"school_year": NEXT, "turn_on": date(2028, 9, 3), "scope": SCOPE, "now": JUNE}
        assert refusal(years.set_day, session, **wrong) == "years.not_of_the_year"


def test_last_year_s_courses_are_hidden_where_the_rule_says_so(trial: Trial) -> None:
    trial.configure("years", last_year_courses="hide")
    this_year(trial)
    at(trial, JUNE)
    trial.approve(next_year(trial), over_limits=True)
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    shown = {one["fullname"]: one["visible"] for one in trial.moodle()["courses"]}
    assert shown == {
        "10А, Школа № 1, 2026/2027": 0, "11А, Школа № 1, 2026/2027": 0,
        "11А, Школа № 1, 2027/2028": 1, "5Б, Школа № 1, 2027/2028": 1,
    }  # fmt: skip
    trial.settled(trial.write(A, [*turned(STAYING, "n-1"), *NEWCOMERS], classes=NEW,
                              school_year=NEXT, day=360))  # fmt: skip


def test_the_checklist_tells_how_far_each_school_is(trial: Trial) -> None:
    def states() -> dict[str, str]:
        with trial.rows() as session:
            lines = year_checklist.checklist(session, trial.application, SCOPE, NEXT)
        return {one.code: one.state for one in lines}

    trial.sync(trial.write(A, [*STAYING, *LEAVING], classes=OLD), trial.write(B, pupils("b", 5)))
    at(trial, JUNE)
    assert states() == {A: "not_loaded", B: "not_loaded"}
    load_id = next_year(trial)
    assert states() == {A: "to_confirm", B: "not_loaded"}
    trial.approve(load_id, over_limits=True)
    assert states()[A] == "confirmed"
    at(trial, SEPTEMBER)
    turn(trial)
    assert states() == {A: "turned", B: "not_loaded"}


@on_both_databases
def test_courses_are_made_hidden_before_the_day_and_shown_on_it(trial: Trial) -> None:
    head = teacher("a-head")
    trial.sync(trial.write(A, [*STAYING, *LEAVING, head], classes=OLD))
    at(trial, JUNE)
    rows, led = [*turned(STAYING, "n-1"), head], [replace(NEW[0], teacher_id="a-head")]
    load_id = trial.load(trial.write(A, rows, classes=led, school_year=NEXT, day=289))
    at(trial, datetime(2027, 8, 18, 9, 0, tzinfo=UTC))
    assert years_ahead.begin(trial.application) is None, "nobody has said yes"
    trial.approve(load_id, over_limits=True)
    before = trial.cohorts_of(A, "a-1")
    at(trial, datetime(2027, 8, 17, 9, 0, tzinfo=UTC))
    assert years_ahead.begin(trial.application) is None, "it is too early"
    at(trial, datetime(2027, 8, 18, 9, 0, tzinfo=UTC))
    ahead = years_ahead.begin(trial.application)
    assert ahead
    plan_load(trial.application, ahead)
    assert years_ahead.approve(trial.application, ahead)
    apply_load(trial.application, ahead)
    assert trial.run(ahead).status == "applied"
    name = "11А, Школа № 1, 2027/2028"
    assert [one["visible"] for one in trial.moodle()["courses"] if one["fullname"] == name] == [0]
    assert (name, "editingteacher") in trial.courses_of(A, "a-head")
    assert trial.cohorts_of(A, "a-1") == before
    assert years_ahead.begin(trial.application) is None
    trial.sync(trial.write(A, [*STAYING, *LEAVING, head], classes=OLD, day=340))
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert load.status == "applied"
    assert [one["visible"] for one in trial.moodle()["courses"] if one["fullname"] == name] == [1]
    assert (name, "student") in trial.courses_of(A, "a-1")
