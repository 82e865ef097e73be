"""Rolling up while others write, rebuilding after old events are gone; a plain recount of both."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

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
from service.application import build
from service.calendar.period import Period
from service.db import Base, make_engine, transaction
from service.doctor import Verdict
from service.doctor.activity import examine_days
from service.models import ActivityBitmap, ActivityCount, ActivityPerson, PendingEvent
from tests.service.database import make_tables
from tests.service.factories import add_person, add_school, put_on_roll, sign_in, take_off_roll
from tests.service.installation import installation
from tests.service.report_questions import MOSCOW, who
from tests.soak import SOAK, soak

MARCH = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
APRIL = datetime(2026, 4, 10, 9, 0, tzinfo=UTC)


def active(session: Session) -> set[str]:
    """Who was ever active, after rolling up."""
    bring_up_to_date(session)
    activity = Activity(session)
    return who(activity, activity.active(None, None))


def counted(session: Session) -> int:
    return sum(session.scalars(select(ActivityCount.events)))


def test_an_event_that_is_committed_after_a_later_number_is_not_overlooked(
    fresh_postgres_url: str,
) -> None:
    engine = make_engine(fresh_postgres_url)
    make_tables(engine)
    with Session(engine) as early, Session(engine) as late:
        sign_in(early, "early")
        sign_in(late, "late")
        late.commit()
        with Session(engine) as reader, reader.begin():
            assert active(reader) == {"late"}
        early.commit()
        with Session(engine) as reader, reader.begin():
            assert active(reader) == {"early", "late"}
            assert counted(reader) == 2
            assert not reader.scalars(select(PendingEvent)).all()
    engine.dispose()


def test_what_retention_deleted_stays_and_the_rest_is_made_anew(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        add_school(session, "1")
        for name, at in (("p-march", MARCH), ("p-april", APRIL), ("p-may", APRIL.replace(month=5)),
                         ("p-mistaken", APRIL.replace(day=20))):  # fmt: skip
            sign_in(session, name, at, school_code="1")
        assert active(session) == {"p-march", "p-april", "p-may", "p-mistaken"}
        session.execute(delete(LoginEvent).where(LoginEvent.at < APRIL))
        session.execute(delete(LoginEvent).where(LoginEvent.person_id == "p-mistaken"))
        session.commit()
    rebuild(fresh_engine, MOSCOW, lambda _events: None)
    with Session(fresh_engine) as session:
        assert active(session) == {"p-march", "p-april", "p-may"}
        assert counted(session) == 3
        activity = Activity(session)
        may = activity.active(datetime(2026, 5, 1, tzinfo=UTC), None)
        assert who(activity, may) == {"p-may"}
        (state,) = activity.freshness()
        assert (state.first_at, state.events) == (MARCH, 3)


def test_a_rebuild_counts_sign_ins_that_nobody_rolled_up_before(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        sign_in(session, "p", school_code="1")
        sign_in(session, "q", school_code="")
        session.commit()
    assert rebuild(fresh_engine, MOSCOW, lambda _events: None) == 2
    with Session(fresh_engine) as session:
        assert active(session) == {"p", "q"}
        assert counted(session) == 2


def test_whoever_rolls_back_leaves_the_work_to_the_next(session: Session) -> None:
    sign_in(session, "p")
    nested = session.begin_nested()
    assert active(session) == {"p"}
    nested.rollback()
    session.expire_all()
    assert session.scalars(select(PendingEvent)).all()
    assert active(session) == {"p"}
    assert counted(session) == 1


def test_whoever_is_on_no_roll_now_has_not_moved(session: Session) -> None:
    for code in ("1", "2"):
        add_school(session, code)
    people = {name: add_person(session, name, "1") for name in ("left", "moved")}
    for name, person in people.items():
        sign_in(session, name, APRIL, school_code="1")
        take_off_roll(session, person, suspended=False)
    put_on_roll(session, people["moved"], "2", role="student")
    activity = Activity(session)
    moved = activity.moved(MARCH, APRIL.replace(month=5), ["1", "2"])
    found = {code: who(activity, people) for code, people in moved.items()}
    assert found == {"1": {"moved"}, "2": set()}


def test_a_changed_zone_is_told_until_the_days_are_counted_anew(tmp_path: Path) -> None:
    """Half past eleven in the evening in Moscow is the next day in Yekaterinburg."""
    late = datetime(2026, 3, 10, 20, 30, tzinfo=UTC)
    with installation(tmp_path / "home") as application:
        with transaction(application.sessions) as session:
            sign_in(session, "p", late)
            assert counted_days(session) == {date(2026, 3, 10)}
        server = replace(application.settings.server, time_zone="Asia/Yekaterinburg")
        moved = build(replace(application.settings, server=server))
        with transaction(moved.sessions) as session:
            sign_in(session, "p", late)
            # One zone at a time, and people are exact in either.
            assert counted_days(session) == {date(2026, 3, 10)}
            activity = Activity(session)
            of_next_day = Period(first=date(2026, 3, 11), last=date(2026, 3, 11))
            assert len(activity.active(*of_next_day.bounds(moved.zone))) == 1
        (told,) = examine_days(moved)
        assert told.verdict == Verdict.WARNING
        assert "Europe/Moscow" in told.message
        assert rebuild(moved.engine, moved.zone, lambda _events: None) == 2
        with transaction(moved.sessions) as session:
            assert counted_days(session) == {date(2026, 3, 11)}
            assert len(Activity(session).active(*of_next_day.bounds(moved.zone))) == 1
        (told,) = examine_days(moved)
        assert told.verdict == Verdict.OK


def counted_days(session: Session) -> set[date]:
    bring_up_to_date(session)
    return {
        day for (day,) in Activity(session).sign_ins(date(2026, 3, 1), date(2026, 3, 31), "day")
    }


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
    active, expected = activity.active(begin, end), {event.person_id for event in inside}
    assert who(activity, active) == expected
    assert len(active) == len(expected)
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
        rebuild(engine, MOSCOW, lambda _events: None)
        assert stored(session) == before
        clear(session)
        session.commit()
