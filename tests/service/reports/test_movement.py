"""Who came to schools and who went, from what was applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.access import Scope
from service.calendar.period import Period
from service.models import KnownUser, OperatorRole, RollAct, RollEvent, SchoolMembership
from service.reports import REPORTS
from service.reports.definition import make
from tests.service.coverage_city import add_person, add_school
from tests.service.report_questions import (
    IN_OCTOBER,
    built,
    by_key,
    check_people,
    check_queries,
    question,
)
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher

BEGIN = datetime(2026, 9, 30, 21, tzinfo=UTC)
AFTER = datetime(2026, 10, 31, 21, tzinfo=UTC)
DAY = timedelta(days=1)
MOVES = ["at_begin", "arrived", "came_over", "left", "went_over", "at_end"]


def begin_schools(session: Session, *codes: str, at: datetime = BEGIN - 30 * DAY) -> None:
    for code in codes:
        add_school(session, code)
        session.add(RollEvent(at=at, act=RollAct.BEGUN, school_code=code))
    session.flush()


def put(session: Session, person_id: str, *schools: str, role: str = "student") -> None:
    """On these rolls and on no other, as they are now."""
    person = session.get(KnownUser, person_id)
    if person is None:
        add_person(session, person_id, *(schools or ("1",)), role=role)
    session.query(SchoolMembership).filter_by(person_id=person_id).delete()
    for code in schools:
        session.add(SchoolMembership(school_code=code, person_id=person_id, role=role))
    session.flush()


def note(
    session: Session, act: RollAct, person_id: str, code: str, at: datetime = IN_OCTOBER,
    role: str = "student",
) -> None:  # fmt: skip
    session.add(RollEvent(at=at, act=act, school_code=code, person_id=person_id, role=role))
    session.flush()


def moves(session: Session, code: str, **overrides: Any) -> Sequence[Any]:
    line = by_key(built(session, "movement", **overrides))[code]
    return [line[name] for name in MOVES]


def test_arrivals_and_leavers_balance_the_roll(session: Session) -> None:
    begin_schools(session, "1")
    put(session, "stays", "1")
    put(session, "comes", "1")
    note(session, RollAct.JOINED, "comes", "1")
    put(session, "goes")
    note(session, RollAct.LEFT, "goes", "1")
    assert moves(session, "1") == [2, 1, 0, 1, 0, 2]


def test_a_transfer_is_one_at_both_schools_whichever_loads_first(session: Session) -> None:
    begin_schools(session, "1", "2")
    for person, first, second in (("a", RollAct.LEFT, RollAct.JOINED),
                                  ("b", RollAct.JOINED, RollAct.LEFT)):  # fmt: skip
        put(session, person, "2")
        for act, at in ((first, IN_OCTOBER), (second, IN_OCTOBER + DAY)):
            note(session, act, person, "1" if act is RollAct.LEFT else "2", at)
    assert moves(session, "1") == [2, 0, 0, 0, 2, 0]
    assert moves(session, "2") == [0, 0, 2, 0, 0, 2]
    assert moves(session, "total") == [2, 0, 2, 0, 2, 2]


def test_what_was_undone_in_the_period_is_no_movement(session: Session) -> None:
    begin_schools(session, "1")
    put(session, "p", "1")
    note(session, RollAct.LEFT, "p", "1")
    note(session, RollAct.JOINED, "p", "1", IN_OCTOBER + DAY)
    assert moves(session, "1") == [1, 0, 0, 0, 0, 1]


def test_only_what_was_applied_in_the_period_counts(session: Session) -> None:
    begin_schools(session, "1")
    for name, at in (("before", BEGIN - timedelta(microseconds=1)), ("first", BEGIN),
                     ("last", AFTER - timedelta(microseconds=1)), ("after", AFTER)):  # fmt: skip
        put(session, name, "1")
        note(session, RollAct.JOINED, name, "1", at)
    assert moves(session, "1") == [1, 2, 0, 0, 0, 3]
    november = Period(first=date(2026, 11, 1), last=date(2026, 11, 30))
    assert moves(session, "1", period=november) == [3, 1, 0, 0, 0, 4]
    assert moves(session, "1", now=BEGIN) == [1, 1, 0, 0, 0, 2]


def test_a_second_school_is_no_leaving_of_the_first(session: Session) -> None:
    begin_schools(session, "1", "2")
    put(session, "t", "1", "2", role="teacher")
    note(session, RollAct.JOINED, "t", "2", role="teacher")
    assert moves(session, "1") == [1, 0, 0, 0, 0, 1]
    assert moves(session, "2") == [0, 0, 1, 0, 0, 1]


def test_roles_can_be_told_apart(session: Session) -> None:
    begin_schools(session, "1")
    for name, role in (("p", "student"), ("t", "teacher")):
        put(session, name, "1", role=role)
        note(session, RollAct.JOINED, name, "1", role=role)
    assert moves(session, "1") == [0, 2, 0, 0, 0, 2]
    assert moves(session, "1", options={"role": "teacher"}) == [0, 1, 0, 0, 0, 1]


def test_accounts_suspended_and_revived_are_counted_by_the_difference(session: Session) -> None:
    begin_schools(session, "1")
    suspended, revived = RollAct.SUSPENDED, RollAct.RESTORED
    for name, acts in (("off", [suspended]), ("on", [revived]), ("both", [suspended, revived]),
                       ("again", [suspended, revived, suspended])):  # fmt: skip
        put(session, name)
        for number, act in enumerate(acts):
            note(session, act, name, "1", IN_OCTOBER + number * DAY)
    line = by_key(built(session, "movement"))["1"]
    assert (line["suspended"], line["revived"]) == (2, 1)


def test_a_school_without_a_load_has_no_figures(session: Session) -> None:
    begin_schools(session, "1")
    add_school(session, "2", last_applied_at=None)
    report = built(session, "movement")
    line, columns = by_key(report)["2"], {column.key: column for column in report.columns}
    assert [line[name] for name in MOVES] == [None] * 6
    assert columns["arrived"].text(line["arrived"], report.zone) == "не загружено"


def test_it_is_said_from_when_rolls_are_compared(session: Session) -> None:
    begin_schools(session, "1", at=IN_OCTOBER)
    put(session, "p", "1")
    report = built(session, "movement")
    line = by_key(report)["1"]
    assert (line["begun"], line["at_begin"], line["arrived"]) == (IN_OCTOBER, 1, 0)
    assert report.notes[0].startswith("У 1 школ учёт начат")


def test_a_school_sees_its_own_side_of_a_transfer_only(session: Session) -> None:
    begin_schools(session, "1", "2")
    put(session, "p", "2")
    note(session, RollAct.LEFT, "p", "1")
    note(session, RollAct.JOINED, "p", "2", IN_OCTOBER + DAY)
    scope = Scope(actor="test", role=OperatorRole.SCHOOL, items=frozenset({"1"}))
    report = built(session, "movement", scope=scope)
    assert report.keys == ("1",)
    assert moves(session, "total", scope=scope) == [1, 0, 0, 0, 1, 0]


def test_published_figures_leave_no_way_to_compute_hidden_ones(session: Session) -> None:
    begin_schools(session, "1")
    put(session, "p", "1")
    note(session, RollAct.JOINED, "p", "1")
    asked = question("movement", publish=True)
    report = make(session, REPORTS["movement"], asked)
    line = by_key(report)["1"]
    assert line["arrived"] == "<5"
    assert not {"at_begin", "at_end"} & line.keys()


def test_as_many_people_are_behind_each_number_as_it_says(session: Session) -> None:
    begin_schools(session, "1", "2")
    for number in range(6):
        put(session, f"p{number}", "12"[number % 2])
        note(session, RollAct.JOINED, f"p{number}", "12"[number % 2])
        if number > 3:
            note(session, RollAct.LEFT, f"p{number}", "21"[number % 2])
    assert check_people(session, "movement") == 9


def test_queries_do_not_grow_with_schools(session: Session, engine: Engine) -> None:
    check_queries(session, engine, "movement")


@on_both_databases
def test_loads_write_down_who_came_and_who_went(trial: Trial) -> None:
    stays = [*pupils("a", 4), teacher("head")]
    mover, leaver = pupil("mover", who="mover"), pupil("leaver")
    trial.sync(trial.write(A, [*stays, mover, leaver]), trial.write(B, pupils("b", 4)))
    trial.sync(trial.write(A, [*stays, pupil("new")], day=1))
    trial.sync(trial.write(B, [*pupils("b", 4), pupil("mover-b", who="mover")], day=1))
    trial.sync(trial.write(A, [*stays, pupil("new"), leaver], day=2))
    ids = {trial.person_id(A, name): name for name in ("mover", "leaver", "new")}
    with trial.application.sessions() as session:
        events = session.scalars(select(RollEvent).order_by(RollEvent.id)).all()
        report = make(session, REPORTS["movement"], asked_about(trial))
    assert [(one.act, one.school_code) for one in events if not one.person_id] == [
        ("begun", A), ("begun", B),
    ]  # fmt: skip
    assert {(one.act, one.school_code, ids[one.person_id]) for one in events if one.person_id} == {
        ("left", A, "mover"), ("left", A, "leaver"), ("joined", A, "new"),
        ("suspended", A, "mover"), ("suspended", A, "leaver"),
        ("joined", B, "mover"), ("revived", B, "mover"),
        ("joined", A, "leaver"), ("revived", A, "leaver"),
    }  # fmt: skip
    assert [by_key(report)[A][name] for name in MOVES] == [7, 1, 0, 0, 1, 7]
    assert [by_key(report)[B][name] for name in MOVES] == [4, 0, 1, 0, 0, 5]


def asked_about(trial: Trial) -> Any:
    return replace(question("movement"), now=trial.application.clock())
