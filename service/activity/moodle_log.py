"""Moodle's own log of sign-ins, read from a read-only account of its database.

No web service of Moodle reads the log (Moodle notes). Only rows that are new since the last reading
are read; a row counts once, by its number.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    select,
)
from sqlalchemy.orm import Session

from auth.models import Result
from service.activity.outside import ROWS, store
from service.activity.settings import ActivitySettings
from service.db import SessionFactory, chunks, transaction
from service.models import EventSource, KnownPerson, OutsideEvent

LOGGED_IN = r"\core\event\user_loggedin"
OVERLAP = timedelta(hours=1)
"""Moodle writes its log in heaps, and a later heap may hold earlier rows."""


def read_log(sessions: SessionFactory, settings: ActivitySettings) -> int:
    """Keep and roll up what the log has since the last reading; how many rows were new.

    People suspended before their first login stand in the log though nobody let them in (Moodle
    notes); the suspended ones are left out.
    """
    engine = create_engine(settings.log_database_url, hide_parameters=True, pool_pre_ping=True)
    try:
        with transaction(sessions) as session:
            last = session.scalar(
                select(func.max(OutsideEvent.at)).where(
                    OutsideEvent.source == EventSource.MOODLE_LOG
                )
            )
        return _read(sessions, engine, settings.log_table_prefix, last)
    finally:
        engine.dispose()


def _log_table(prefix: str) -> Table:
    return Table(
        f"{prefix}logstore_standard_log",
        MetaData(),
        Column("id", BigInteger, primary_key=True),
        Column("eventname", String),
        Column("userid", BigInteger),
        Column("timecreated", BigInteger),
    )


def _read(sessions: SessionFactory, engine: Engine, prefix: str, last: datetime | None) -> int:
    log = _log_table(prefix)
    since = int((last - OVERLAP).timestamp()) if last else 0
    asked = (
        select(log.c.id, log.c.userid, log.c.timecreated)
        .where(log.c.eventname == LOGGED_IN, log.c.timecreated >= since)
        .order_by(log.c.timecreated, log.c.id)
    )
    new = 0
    with engine.connect() as connection:
        rows = connection.execution_options(stream_results=True, yield_per=ROWS).execute(asked)
        for some in chunks(rows, ROWS):
            with transaction(sessions) as session:
                people = _people(session, {row.userid for row in some})
                new += len(store(session, EventSource.MOODLE_LOG, [
                    {
                        "key": str(row.id), "at": datetime.fromtimestamp(row.timecreated, UTC),
                        "person_id": people[row.userid], "school_code": "", "method": "moodle",
                        "result": Result.ALLOWED,
                    }
                    for row in some
                    if row.userid in people
                ]))  # fmt: skip
    return new


def _people(session: Session, numbers: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(sorted(numbers)):
        rows = session.execute(
            select(KnownPerson.moodle_id, KnownPerson.person_id).where(
                KnownPerson.moodle_id.in_(some), KnownPerson.suspended.is_(False)
            )
        )
        found |= {row.moodle_id: row.person_id for row in rows}
    return found
