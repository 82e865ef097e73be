"""Who came to schools and who went, from what was applied."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.models import RollAct, RollEvent
from tests.service.factories import add_person, add_school, take_off_roll
from tests.service.report_questions import (
    IN_OCTOBER,
    MOSCOW,
    OCTOBER,
    add_people,
    built,
    figures,
    line,
    moved,
    of_school,
)
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher

BEGIN, AFTER = OCTOBER.bounds(MOSCOW)
DAY = timedelta(days=1)
MOVES = "at_begin arrived came_over left went_over at_end"


def begin_schools(session: Session, *codes: str, at: datetime = BEGIN - 30 * DAY) -> None:
    for code in codes:
        add_school(session, code)
        moved(session, RollAct.BEGUN, "", code, at, role="")


def add_leaver(session: Session, person_id: str) -> None:
    take_off_roll(session, add_person(session, person_id, "1"), suspended=False)


def moves(session: Session, code: str, **overrides: Any) -> tuple[Any, ...]:
    return figures(built(session, "movement", **overrides), code, MOVES)


def test_arrivals_and_leavers_balance_the_roll(session: Session) -> None:
    begin_schools(session, "1")
    add_people(session, "1", "stays", "comes")
    moved(session, RollAct.JOINED, "comes", "1")
    add_leaver(session, "goes")
    moved(session, RollAct.LEFT, "goes", "1")
    assert moves(session, "1") == (2, 1, 0, 1, 0, 2)


def test_a_transfer_is_one_at_both_schools_whichever_loads_first(session: Session) -> None:
    begin_schools(session, "1", "2")
    for person, first, second in (("a", RollAct.LEFT, RollAct.JOINED),
                                  ("b", RollAct.JOINED, RollAct.LEFT)):  # fmt: skip
        add_person(session, person, "2")
        for act, at in ((first, IN_OCTOBER), (second, IN_OCTOBER + DAY)):
            moved(session, act, person, "1" if act is RollAct.LEFT else "2", at)
    assert moves(session, "1") == (2, 0, 0, 0, 2, 0)
    assert moves(session, "2") == (0, 0, 2, 0, 0, 2)
    assert moves(session, "total") == (2, 0, 2, 0, 2, 2)


def test_what_was_undone_in_the_period_is_no_movement(session: Session) -> None:
    begin_schools(session, "1")
    add_person(session, "p", "1")
    moved(session, RollAct.LEFT, "p", "1")
    moved(session, RollAct.JOINED, "p", "1", IN_OCTOBER + DAY)
    assert moves(session, "1") == (1, 0, 0, 0, 0, 1)


def test_only_what_was_applied_in_the_period_counts(session: Session) -> None:
    begin_schools(session, "1")
    for name, at in (("before", BEGIN - timedelta(microseconds=1)), ("first", BEGIN),
                     ("last", AFTER - timedelta(microseconds=1)), ("after", AFTER)):  # fmt: skip
        add_person(session, name, "1")
        moved(session, RollAct.JOINED, name, "1", at)
    assert moves(session, "1") == (1, 2, 0, 0, 0, 3)
    november = Period(first=date(2026, 11, 1), last=date(2026, 11, 30))
    assert moves(session, "1", period=november) == (3, 1, 0, 0, 0, 4)
    assert moves(session, "1", now=BEGIN) == (1, 1, 0, 0, 0, 2)


def test_a_second_school_is_no_leaving_of_the_first(session: Session) -> None:
    begin_schools(session, "1", "2")
    add_person(session, "t", "1", "2", role="teacher")
    moved(session, RollAct.JOINED, "t", "2", role="teacher")
    assert moves(session, "1") == (1, 0, 0, 0, 0, 1)
    assert moves(session, "2") == (0, 0, 1, 0, 0, 1)


def test_roles_can_be_told_apart(session: Session) -> None:
    begin_schools(session, "1")
    for name, role in (("p", "student"), ("t", "teacher")):
        add_person(session, name, "1", role=role)
        moved(session, RollAct.JOINED, name, "1", role=role)
    assert moves(session, "1") == (0, 2, 0, 0, 0, 2)
    assert moves(session, "1", options={"role": "teacher"}) == (0, 1, 0, 0, 0, 1)


def test_accounts_suspended_and_revived_are_counted_by_the_difference(session: Session) -> None:
    begin_schools(session, "1")
    suspended, revived = RollAct.SUSPENDED, RollAct.RESTORED
    for name, acts in (("off", [suspended]), ("on", [revived]), ("both", [suspended, revived]),
                       ("again", [suspended, revived, suspended])):  # fmt: skip
        add_leaver(session, name)
        for number, act in enumerate(acts):
            moved(session, act, name, "1", IN_OCTOBER + number * DAY)
    assert figures(built(session, "movement"), "1", "suspended revived") == (2, 1)


def test_it_is_said_from_when_rolls_are_compared(session: Session) -> None:
    begin_schools(session, "1", at=IN_OCTOBER)
    add_person(session, "p", "1")
    report = built(session, "movement")
    assert figures(report, "1", "begun at_begin arrived") == (IN_OCTOBER, 1, 0)
    assert report.notes[0].startswith("У 1 школ учёт начат")


def test_a_school_sees_its_own_side_of_a_transfer_only(session: Session) -> None:
    begin_schools(session, "1", "2")
    add_person(session, "p", "2")
    moved(session, RollAct.LEFT, "p", "1")
    moved(session, RollAct.JOINED, "p", "2", IN_OCTOBER + DAY)
    assert built(session, "movement", scope=of_school("1")).keys == ("1",)
    assert moves(session, "total", scope=of_school("1")) == (1, 0, 0, 0, 1, 0)


def test_published_figures_leave_no_way_to_compute_hidden_ones(session: Session) -> None:
    begin_schools(session, "1")
    add_person(session, "p", "1")
    moved(session, RollAct.JOINED, "p", "1")
    cells = line(built(session, "movement", publish=True), "1")
    assert cells["arrived"] == "<5"
    assert not {"at_begin", "at_end"} & cells.keys()


@on_both_databases
def test_loads_write_down_who_came_and_who_went(trial: Trial) -> None:
    """And whose account was closed, here at once: in transit it would be open."""
    trial.configure("people", transit_days=0)
    stays = [*pupils("a", 4), teacher("head")]
    mover, leaver = pupil("mover", who="mover"), pupil("leaver")
    trial.sync(trial.write(A, [*stays, mover, leaver]), trial.write(B, pupils("b", 4)))
    trial.sync(trial.write(A, [*stays, pupil("new")], day=1))
    trial.sync(trial.write(B, [*pupils("b", 4), pupil("mover-b", who="mover")], day=1))
    trial.sync(trial.write(A, [*stays, pupil("new"), leaver], day=2))
    ids = {trial.person_id(A, name): name for name in ("mover", "leaver", "new")}
    with trial.application.sessions() as session:
        events = session.scalars(select(RollEvent).order_by(RollEvent.id)).all()
        report = built(session, "movement", now=trial.application.clock())
    assert [(one.act, one.school_code) for one in events if not one.person_id] == [
        ("begun", A), ("begun", B),
    ]  # fmt: skip
    assert {(one.act, one.school_code, ids[one.person_id]) for one in events if one.person_id} == {
        ("left", A, "mover"), ("left", A, "leaver"), ("joined", A, "new"),
        ("suspended", A, "mover"), ("suspended", A, "leaver"),
        ("joined", B, "mover"), ("revived", B, "mover"),
        ("joined", A, "leaver"), ("revived", A, "leaver"),
    }  # fmt: skip
    assert figures(report, A, MOVES) == (7, 1, 0, 0, 1, 7)
    assert figures(report, B, MOVES) == (4, 0, 1, 0, 0, 5)
