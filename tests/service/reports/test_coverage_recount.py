"""Coverage against a slow plain recount of random cities."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Result
from service.calendar.period import Period
from service.models import KnownUser, School, SchoolMembership
from service.reports.coverage import COVERAGE
from service.reports.definition import make
from tests.language import in_language
from tests.service.coverage_city import (
    LOADED_AT,
    add_person,
    add_school,
    asking,
    put_on_roll,
    sign_in,
    take_off_roll,
)
from tests.soak import SOAK, soak

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OCTOBER = Period(first=date(2026, 10, 1), last=date(2026, 10, 31))
BEGIN, END = datetime(2026, 9, 30, 21, tzinfo=UTC), datetime(2026, 10, 31, 21, tzinfo=UTC)
MAIN_ROLE_FIRST = ["teacher", "administrator", "student"]


def make_city(session: Session, chance: random.Random) -> None:
    codes = [add_school(session, str(n), district=f"Район {n % 2}").code for n in range(4)]
    for number in range(60):
        schools = chance.sample(codes, chance.choice([1, 1, 2, 3]))
        person = add_person(
            session, f"p{number}", schools[0], role=chance.choice(MAIN_ROLE_FIRST),
            moodle_id=chance.choice([None, number]), suspended=chance.random() < 0.1,
        )  # fmt: skip
        for school in schools[1:]:
            put_on_roll(session, person, school, role=chance.choice(MAIN_ROLE_FIRST))
        for _event in range(chance.choice([0, 1, 3])):
            at = LOADED_AT + timedelta(days=chance.uniform(-30, 60))
            result = chance.choice([Result.ALLOWED, Result.REFUSED])
            sign_in(session, person.person_id, at, result=result)
        if chance.random() < 0.2:
            take_off_roll(session, person, suspended=chance.random() < 0.5)


def recount(session: Session, schools: set[str], role: str) -> tuple[int, ...]:
    """Roll, account, ever, in the period and left of one line, person by person."""
    lines = session.scalars(select(SchoolMembership)).all()
    events = session.scalars(select(LoginEvent).where(LoginEvent.result == "allowed")).all()
    counts = [0] * 5
    for person in session.scalars(select(KnownUser)):
        times = [e.at for e in events if e.person_id == person.person_id and e.at <= NOW]
        own = [line for line in lines if line.person_id == person.person_id]
        here = {line.role for line in own if line.school_code in schools}
        if (person.suspended or not own) and times and person.school_code in schools:
            counts[4] += role in ("all", person.role)
        main = next((name for name in MAIN_ROLE_FIRST if name in here), None)
        if person.suspended or main is None or role not in ("all", main):
            continue
        counts[0] += 1
        counts[1] += person.moodle_id is not None
        counts[2] += bool(times)
        counts[3] += any(BEGIN <= at < END for at in times)
    return tuple(counts)


@soak
@pytest.mark.parametrize("seed", range(2 * SOAK))
def test_every_line_equals_a_plain_recount(session: Session, seed: int) -> None:
    make_city(session, random.Random(seed))
    districts = {school.code: school.district for school in session.scalars(select(School))}
    for by, key in (("school", "school_code"), ("district", "district")):
        with in_language("en"):
            report = make(session, COVERAGE, asking(by=by, period=OCTOBER, now=NOW))
        keys = [column.key for column in report.columns]
        for row in (*report.rows, *report.totals):
            cells = dict(zip(keys, row, strict=True))
            unit = {code for code, name in districts.items() if cells[key] in (code, name)}
            expected = recount(session, unit or set(districts), str(cells["role"]))
            figures = ("roll", "account", "ever", "in_period", "left")
            assert tuple(cells[name] for name in figures) == expected, cells
