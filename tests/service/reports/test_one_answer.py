"""Who is on the roll and who is linked on a day: every report says the same, then and later."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from auth.linking.links import end_link
from auth.linking.models import Link
from service.calendar.period import Period
from service.calendar.weeks import quarter_of, week_of
from service.db import transaction
from service.models import School, SchoolType
from tests.service.report_questions import built, by_key, line, link, of_school, people
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
    rows = {code: [*some, *(MOVING if code == school else ())] for code, some in STAYING.items()}
    trial.sync(*(trial.write(code, some, day=day) for code, some in rows.items()))


def switch_links(trial: Trial, school: str, *, linked: bool) -> None:
    now = trial.application.clock()
    why: dict[str, Any] = {"actor": "anna", "reason": "по заявлению", "clients": {}, "now": now}
    with transaction(trial.application.sessions) as session:
        for row in MOVING:
            person_id = trial.person_id(A, row.person.sourced_id)
            if linked:
                link(session, person_id, now, school)
            else:
                found = session.scalars(select(Link).where(Link.person_id == person_id)).one()
                end_link(session, found, school_code=school, **why)


def answer(session: Session, name: str, at: datetime, key: str, column: str, **more: Any) -> int:
    """One number of a report; as many people are behind it."""
    report = built(session, name, now=at, **more)
    value = line(report, key)[column]
    (counts_people,) = [one.people for one in report.columns if one.key == column]
    # A school sees no names of people who are elsewhere by now.
    if counts_people and value and "scope" not in more:
        assert len(people(session, name, key, column, now=at, **more)) == value
    return int(value or 0)


def answers(session: Session, day: int) -> dict[str, Any]:
    """What each report says of the evening of a day; of the two movers, where all agree."""
    at = NOW + day * DAY + HOURS
    today = at.date()
    one_day = {"period": Period(first=today, last=today)}
    week, quarter = {"period": week_of(today)}, {"period": quarter_of(today)}
    classes = by_key(built(session, "coverage", now=at, by="class"))
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    found["everybody"]["coverage by class"] = [
        sum(cells["roll"] for key, cells in classes.items() if key.startswith(code))
        for code in (A, B)
    ]
    for whom, name, key, column, more in (
        ("everybody", "coverage", "{}|all", "roll", {}),
        ("everybody", "funnel", "{}|all", "roll", {}),
        ("everybody", "activity", "{}", "provisioned", one_day),
        ("everybody", "movement", "{}", "at_end", one_day),
        ("everybody", "weekly", "{}|own", "c5", week),
        ("pupils", "coverage", "{}|student", "account", {}),
        ("pupils", "funnel", "{}|student", "account", {}),
        ("pupils", "movement", "{}", "at_end", {**one_day, "options": {"role": "student"}}),
        ("teachers", "coverage", "{}|teacher", "roll", {}),
        ("teachers", "weekly", "{}|own", "teachers", week),
    ):
        found[whom][name] = [
            answer(session, name, at, key.format(code), column, **more) for code in (A, B)
        ]
    found["pupils"]["indicators"] = [
        answer(session, "indicators", at, "E4.04", "loaded", scope=of_school(code), **quarter)
        for code in (A, B)
    ]
    pupils_linked = answer(session, "indicators", at, "E4.04|linked", "numerator", **quarter)
    found["linked"] = {
        "coverage": answer(session, "coverage", at, "all", "linked"),
        "funnel": answer(session, "funnel", at, "all", "linked"),
        "indicators": 2 * pupils_linked,
        "transition": answer(session, "transition", at, "total", "linked", **week),
    }
    return dict(found)


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
            switch_links(trial, goes_to or B, linked=linked)
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
