"""Who is on the roll and who is linked on a day: every report says the same, then and later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from auth.linking.links import add_link, end_link
from auth.linking.models import Evidence, Link
from service.access import Scope
from service.calendar.period import Period
from service.calendar.weeks import quarter_of, week_of
from service.db import transaction
from service.models import OperatorRole, School, SchoolType
from service.reports import REPORTS
from service.reports.definition import Cell, make
from service.reports.people import people_behind
from tests.service.report_questions import by_key, question
from tests.service.trial import NOW, A, B, Trial, on_both_databases, pupil, teacher

DAY, HOURS = timedelta(days=1), timedelta(hours=8)
STAYING = {
    A: [pupil("a-1"), teacher("a-t")],
    B: [pupil("b-1"), teacher("b-t")],
}
MOVING = [pupil("p", who="pupil who moves"), teacher("t", who="teacher who moves")]

JOURNEY = (
    # After the day: the school of the two, and whether they are linked.
    (A, False),
    (A, True),
    (B, True),
    (B, False),
    ("", False),
    (A, True),
)


def load(trial: Trial, day: int, school: str) -> None:
    trial.sync(
        *(
            trial.write(code, [*rows, *(MOVING if code == school else ())], day=day)
            for code, rows in STAYING.items()
        )
    )


def link(trial: Trial, school: str, *, linked: bool) -> None:
    now = trial.application.clock()
    with transaction(trial.application.sessions) as session:
        for row in MOVING:
            person_id = trial.person_id(A, row.person.sourced_id)
            if linked:
                add_link(
                    session, provider="esia", subject=person_id, person_id=person_id,
                    school_code=school, evidence=Evidence.SNILS, now=now,
                )  # fmt: skip
                continue
            found = session.scalars(select(Link).where(Link.person_id == person_id)).one()
            end_link(
                session, found, school_code=school, actor="anna", reason="по заявлению",
                clients={}, now=now,
            )  # fmt: skip


def answer(session: Session, name: str, at: datetime, key: str, column: str, **more: Any) -> int:
    """One number of a report; as many people are behind it."""
    asked = question(name, now=at, **more)
    value = by_key(make(session, REPORTS[name], asked))[key][column]
    definition, cell = REPORTS[name], Cell(row=key, column=column)
    shown = {one.key: one.people for one in make(session, definition, asked).columns}
    # A school sees no names of people who are elsewhere by now.
    if shown[column] and value and "scope" not in more:
        assert len(session.scalars(people_behind(session, definition, asked, cell)).all()) == value
    return int(value or 0)


def answers(session: Session, day: int) -> dict[str, Any]:
    """What each report says of the evening of a day; of the two movers, where all agree."""
    at = NOW + day * DAY + HOURS
    today = at.date()
    one_day = Period(first=today, last=today)

    def of_schools(name: str, key: str, column: str, **more: Any) -> list[int]:
        return [answer(session, name, at, key.format(code), column, **more) for code in (A, B)]

    def alone(name: str, key: str, column: str, **more: Any) -> list[int]:
        scopes = (Scope(actor="x", role=OperatorRole.SCHOOL, items=frozenset({c})) for c in (A, B))
        return [answer(session, name, at, key, column, scope=one, **more) for one in scopes]

    quarter, week = quarter_of(today), week_of(today)
    by_class = [
        sum(
            line["roll"]
            for key, line in by_key(
                make(session, REPORTS["coverage"], question("coverage", now=at, by="class"))
            ).items()
            if key.startswith(code)
        )
        for code in (A, B)
    ]
    everybody = {
        "coverage": of_schools("coverage", "{}|all", "roll"),
        "coverage by class": by_class,
        "funnel": of_schools("funnel", "{}|all", "roll"),
        "activity": of_schools("activity", "{}", "provisioned", period=one_day),
        "movement": of_schools("movement", "{}", "at_end", period=one_day),
        "weekly": of_schools("weekly", "{}|own", "c5", period=week),
    }
    pupils = {
        "coverage": of_schools("coverage", "{}|student", "account"),
        "funnel": of_schools("funnel", "{}|student", "account"),
        "movement": of_schools(
            "movement", "{}", "at_end", period=one_day, options={"role": "student"}
        ),
        "indicators": alone("indicators", "E4.04", "loaded", period=quarter),
    }
    teachers = {
        "coverage": of_schools("coverage", "{}|teacher", "roll"),
        "weekly": of_schools("weekly", "{}|own", "teachers", period=week),
    }
    linked = {
        "coverage": answer(session, "coverage", at, "all", "linked"),
        "funnel": answer(session, "funnel", at, "all", "linked"),
        "indicators": 2 * answer(session, "indicators", at, "E4.04|linked", "numerator",
                                 period=quarter),
        "transition": answer(session, "transition", at, "total", "linked", by="school",
                             period=week),
    }  # fmt: skip
    return {"everybody": everybody, "pupils": pupils, "teachers": teachers, "linked": linked}


@on_both_databases
def test_every_report_says_of_every_day_what_it_was(trial: Trial) -> None:
    """On the roll, linked, transferred, unlinked, gone, and back again and linked."""
    said, was_linked = [], False
    school = None
    for day, (goes_to, linked) in enumerate(JOURNEY):
        trial.application.clock = lambda day=day: NOW + day * DAY
        if goes_to != school:
            load(trial, day, goes_to)
            school = goes_to
            with transaction(trial.application.sessions) as session:
                session.execute(update(School).values(type=SchoolType.GENERAL))
        if linked != was_linked:
            link(trial, goes_to or B, linked=linked)
            was_linked = linked
        with transaction(trial.application.sessions) as session:
            said.append(answers(session, day))
    with transaction(trial.application.sessions) as session:
        later = [answers(session, day) for day in range(len(JOURNEY))]
    for day, (goes_to, linked) in enumerate(JOURNEY):
        here = [code == goes_to for code in (A, B)]
        for found in (said[day], later[day]):
            assert found == {
                "everybody": {name: [2 + 2 * each for each in here] for name in found["everybody"]},
                "pupils": {name: [1 + each for each in here] for name in found["pupils"]},
                "teachers": {name: [1 + each for each in here] for name in found["teachers"]},
                "linked": dict.fromkeys(found["linked"], 2 * linked),
            }, day
