"""Moodle's own log as a source: each row once, from where the last reading ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from service.activity.figures import Activity
from service.activity.moodle_log import LOGGED_IN, _log_table, read_log
from service.db import make_engine, make_session_factory, transaction
from service.models import EventSource, KnownUser, OutsideEvent
from service.settings import ActivitySettings
from tests.service.coverage_city import add_person, add_school, who
from tests.service.database import make_tables

LOG = [EventSource.MOODLE_LOG]
MORNING = datetime(2026, 10, 8, 6, 0, tzinfo=UTC)
ANNA, BORIS, STRANGER = 11, 12, 9_999
"""Numbers in Moodle."""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Our database, which also holds Moodle's log."""
    url = f"sqlite:///{tmp_path / 'both.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("fresh_postgres_url")
    engine = make_engine(url)
    make_tables(engine)
    _log_table("mdl_").metadata.create_all(engine)
    with transaction(make_session_factory(engine)) as session:
        add_school(session, "1")
        add_person(session, "p-anna", "1", moodle_id=ANNA)
        add_person(session, "p-boris", "1", moodle_id=BORIS)
    yield engine
    engine.dispose()


def write(engine: Engine, *rows: tuple[int, int, timedelta], name: str = LOGGED_IN) -> None:
    """Number, who, how long after the morning."""
    with engine.begin() as connection:
        connection.execute(insert(_log_table("mdl_")), [
            {"id": number, "eventname": name, "userid": userid,
             "timecreated": int((MORNING + after).timestamp())}
            for number, userid, after in rows
        ])  # fmt: skip


def read(engine: Engine, at_once: int = 100) -> int:
    url = engine.url.render_as_string(hide_password=False)
    settings = ActivitySettings(log_database_url=url)
    return read_log(make_session_factory(engine), settings, at_once=at_once)


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def active(engine: Engine) -> dict[str, int]:
    """Whom the log says were active, and how many sign-ins are rolled up."""
    with transaction(make_session_factory(engine)) as session:
        activity = Activity(session)
        assert not activity.active(None, None, sources=[EventSource.MOODLE, EventSource.PROVIDER])
        people = who(activity, activity.active(None, None, sources=LOG))
        return dict.fromkeys(sorted(people), sum(one.events for one in activity.freshness(LOG)))


def test_sign_ins_of_our_people_count_once(engine: Engine) -> None:
    write(engine, (1, ANNA, minutes(0)), (3, STRANGER, minutes(2)))
    write(engine, (2, BORIS, minutes(1)), name=r"\core\event\user_loggedout")
    assert read(engine) == 2
    assert read(engine) == 0
    assert active(engine) == {"p-anna": 1}


def test_a_stranger_is_kept_without_a_name(engine: Engine) -> None:
    write(engine, (1, STRANGER, minutes(0)))
    read(engine)
    with make_session_factory(engine)() as session:
        (row,) = session.scalars(select(OutsideEvent))
        assert (row.person_id, row.key) == (None, "1")


def test_a_log_is_read_piece_by_piece_also_within_one_second(engine: Engine) -> None:
    write(engine, *((number, ANNA if number % 2 else BORIS, minutes(0)) for number in range(1, 8)))
    assert read(engine, at_once=3) == 7
    assert active(engine) == dict.fromkeys(["p-anna", "p-boris"], 7)


def test_reading_goes_on_an_hour_before_its_end_even_when_it_met_strangers_only(
    engine: Engine,
) -> None:
    write(engine, (1, STRANGER, minutes(-200)), (2, STRANGER, minutes(0)))
    read(engine)
    write(engine, (3, ANNA, minutes(-50)), (4, BORIS, minutes(-100)))
    assert read(engine) == 1
    assert active(engine) == {"p-anna": 1}


def test_suspended_people_are_nobody(engine: Engine) -> None:
    with transaction(make_session_factory(engine)) as session:
        session.get_one(KnownUser, "p-anna").suspended = True
    write(engine, (1, ANNA, minutes(0)), (2, BORIS, minutes(0)))
    assert read(engine) == 2
    assert active(engine) == {"p-boris": 1}
