"""Roll-ups of random histories against a slow plain recount of their events."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from auth.models import Base as AuthBase
from auth.models import LoginEvent
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity
from service.activity.rebuild import rebuild
from service.activity.rolls import bring_up_to_date
from service.db import Base
from service.models import ActivityBitmap, ActivityCount, ActivityPerson
from tests.service.coverage_city import (
    add_person,
    add_school,
    put_on_roll,
    sign_in,
    take_off_roll,
    who,
)
from tests.soak import SOAK, soak

MOSCOW = ZoneInfo("Europe/Moscow")
PEOPLE = ["p1", "p2", "p3", "p4", "p5"]
SCHOOLS = ["1", "2", "3"]

_begin = datetime(2025, 12, 26, 20, 30, tzinfo=UTC)
_minutes = st.integers(0, 14 * 24 * 60)
_midnights = st.integers(0, 13).map(lambda day: (day * 24 * 60) + 30)
moments = st.one_of(_minutes, _midnights, _midnights.map(lambda minute: minute - 1)).map(
    lambda minute: _begin + timedelta(minutes=minute)
)
"""A fortnight across the year's end, often the first or last minute of a day of Moscow."""

events = st.fixed_dictionaries(
    {
        "person_id": st.sampled_from([*PEOPLE, None]),
        "at": moments,
        "school_code": st.sampled_from([*SCHOOLS, ""]),
        "method": st.sampled_from(["password", "esia", "session"]),
        "result": st.sampled_from(["allowed", "allowed", "refused"]),
        "client_id": st.sampled_from(["moodle", "moodle", "esia:TEST"]),
        "role": st.sampled_from(["student", "teacher"]),
    }
)
histories = st.lists(st.lists(events, max_size=8), min_size=1, max_size=4)
"""Events in the order in which they come in, rolled up after some of the lists."""


def counts(event: LoginEvent) -> bool:
    esia = event.client_id.startswith("esia:")
    return event.result == "allowed" and event.person_id is not None and not esia


def clear(session: Session) -> None:
    for metadata in (Base.metadata, AuthBase.metadata):
        for table in reversed(metadata.sorted_tables):
            session.execute(delete(table))


def check(
    session: Session,
    begin: datetime,
    end: datetime,
    here: dict[str, set[str]],
    first_school: dict[str, str],
) -> None:
    activity = Activity(session)
    kept = [event for event in session.scalars(select(LoginEvent)) if counts(event)]
    inside = [event for event in kept if begin <= event.at < end]
    assert who(activity, activity.active(begin, end)) == {event.person_id for event in inside}
    active = activity.active(begin, end)
    assert len(active) == len({event.person_id for event in inside})
    for methods in (["esia"], ["password", "session"]):
        wanted = {event.person_id for event in inside if event.method in methods}
        assert who(activity, activity.active(begin, end, methods=methods)) == wanted
    before = {event.person_id for event in kept if event.at < begin}
    assert who(activity, activity.active(None, begin)) == before
    assert who(activity, activity.active(None, None)) == {event.person_id for event in kept}
    moved = activity.moved(begin, end, SCHOOLS)
    on_rolls = set().union(*here.values())
    for code in SCHOOLS:
        then = {
            event.person_id
            for event in inside
            if (event.school_code or first_school[str(event.person_id)]) == code
        }
        assert who(activity, moved.get(code, ())) == (then - here[code]) & on_rolls
    days = Counter(
        (event.at.astimezone(MOSCOW).date(), event.school_code, event.method) for event in kept
    )
    by = ("day", "school_code", "method")
    assert activity.sign_ins(date(2025, 1, 1), date(2027, 1, 1), *by) == days
    first, last = date(2025, 12, 31), date(2026, 1, 4)
    schools: Counter[tuple[str, str]] = Counter()
    for (day, school, method), number in days.items():
        if first <= day <= last and school in SCHOOLS:
            schools[school, method] += number
    assert activity.sign_ins(first, last, *by[1:], schools=SCHOOLS) == schools


def stored(session: Session) -> tuple[Any, ...]:
    """Everything rolled up, with people instead of ordinals."""
    people = {row.ordinal: (row.person_id, row.school_code)
              for row in session.scalars(select(ActivityPerson))}  # fmt: skip

    bitmaps = {
        (one.span, one.begins_at, one.source, one.method): {
            people[ordinal] for ordinal in PeopleSet.unpacked(one.bitmap)
        }
        for one in session.scalars(select(ActivityBitmap))
    }
    table = ActivityCount
    rows = session.execute(
        select(table.day, table.source, table.school_code, table.method, table.role, table.events)
    )
    return bitmaps, {tuple(row) for row in rows}


@settings(max_examples=12 * SOAK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@soak
@given(data=st.data(), history=histories, begin=moments, end=moments)
def test_roll_ups_answer_like_a_plain_recount_whatever_happened(
    engine: Engine, data: st.DataObject, history: list[list[Any]], begin: datetime, end: datetime
) -> None:
    with Session(engine) as session:
        clear(session)
        here: dict[str, set[str]] = {code: set() for code in SCHOOLS}
        for code in SCHOOLS:
            add_school(session, code)
        known, first_school = {}, {}
        for person_id in PEOPLE:
            school = data.draw(st.sampled_from(SCHOOLS))
            known[person_id] = add_person(session, person_id, school)
            here[school].add(person_id)
            first_school[person_id] = school
        # Whose sign-in has no school counts at the first one that a roll-up knew.
        bring_up_to_date(session)
        for batch in history:
            for event in batch:
                sign_in(session, **event)
            check(session, begin, end, here, first_school)
            person = data.draw(st.sampled_from(PEOPLE))
            if data.draw(st.booleans()):
                take_off_roll(session, known[person], suspended=False)
                here = {code: people - {person} for code, people in here.items()}
                school = data.draw(st.sampled_from([*SCHOOLS, ""]))
                if school:
                    put_on_roll(session, known[person], school, role="teacher")
                    here[school].add(person)
            check(session, begin, end, here, first_school)
            if data.draw(st.booleans()):
                bring_up_to_date(session)
                check(session, begin, end, here, first_school)
        bring_up_to_date(session)
        session.commit()
        before = stored(session)
        session.commit()
        rebuild(engine, ZoneInfo("Europe/Moscow"), lambda _events: None)
        assert stored(session) == before
        clear(session)
        session.commit()
