"""Rolling up while others write, and rebuilding after old events are gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from auth.models import LoginEvent
from service.activity.figures import Activity
from service.activity.rebuild import rebuild
from service.activity.rolls import bring_up_to_date
from service.application import build
from service.calendar.period import Period
from service.db import Base, make_engine, transaction
from service.doctor import Verdict
from service.doctor.activity import examine_days
from service.models import ActivityCount, PendingEvent
from tests.service.coverage_city import (
    add_person,
    add_school,
    put_on_roll,
    sign_in,
    take_off_roll,
    who,
)
from tests.service.database import make_tables
from tests.service.installation import installation

MARCH = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
APRIL = datetime(2026, 4, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def emptied(engine: Engine) -> Iterator[Engine]:
    """The database without rows again after a test that commits."""
    yield engine
    with Session(engine) as session:
        for metadata in (Base.metadata, LoginEvent.metadata):
            for table in reversed(metadata.sorted_tables):
                session.execute(delete(table))
        session.commit()


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


def test_what_retention_deleted_stays_and_the_rest_is_made_anew(emptied: Engine) -> None:
    with Session(emptied) as session:
        add_school(session, "1")
        sign_in(session, "p-march", MARCH, school_code="1")
        sign_in(session, "p-april", APRIL, school_code="1")
        sign_in(session, "p-may", APRIL.replace(month=5), school_code="1")
        sign_in(session, "p-mistaken", APRIL.replace(day=20), school_code="1")
        assert active(session) == {"p-march", "p-april", "p-may", "p-mistaken"}
        session.execute(delete(LoginEvent).where(LoginEvent.at < APRIL))
        session.execute(delete(LoginEvent).where(LoginEvent.person_id == "p-mistaken"))
        session.commit()
    rebuild(emptied, ZoneInfo("Europe/Moscow"), lambda _events: None)
    with Session(emptied) as session:
        assert active(session) == {"p-march", "p-april", "p-may"}
        assert counted(session) == 3
        activity = Activity(session)
        may = activity.active(datetime(2026, 5, 1, tzinfo=UTC), None)
        assert who(activity, may) == {"p-may"}
        (state,) = activity.freshness()
        assert (state.first_at, state.events) == (MARCH, 3)


def test_a_rebuild_counts_sign_ins_that_nobody_rolled_up_before(emptied: Engine) -> None:
    with Session(emptied) as session:
        sign_in(session, "p", school_code="1")
        sign_in(session, "q", school_code="")
        session.commit()
    assert rebuild(emptied, ZoneInfo("Europe/Moscow"), lambda _events: None) == 2
    with Session(emptied) as session:
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
    assert {code: who(activity, people) for code, people in moved.items()} == {
        "1": {"moved"},
        "2": set(),
    }


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
