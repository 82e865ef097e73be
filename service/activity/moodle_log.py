"""Moodle's own log of sign-ins, read from a read-only account of its database.

No web service of Moodle reads the log (docs/facts/moodle.md 6.4). A reading goes on where the last
one ended; a row counts once, by its number. Rows of people whom we do not know are kept too,
without the person: they tell how far the log is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from auth.models import Result
from service.activity.moodle_access import people_by
from service.activity.outside import ROWS, store
from service.db import SessionFactory, transaction
from service.models import EventSource, KnownUser, OutsideEvent
from service.settings import ActivitySettings

LOGGED_IN = r"\core\event\user_loggedin"
OVERLAP = timedelta(hours=1)
"""Moodle writes its log in heaps, and a later heap may hold earlier rows."""


def read_log(sessions: SessionFactory, settings: ActivitySettings, *, at_once: int = ROWS) -> int:
    """Keep and roll up what the log has since the last reading, so many rows at once; how many were
    new.

    People suspended before their first login stand in the log though nobody let them in (Moodle
    notes); the suspended ones count as nobody.
    """
    engine = create_engine(settings.log_database_url, hide_parameters=True, pool_pre_ping=True)
    try:
        with transaction(sessions) as session:
            last = session.scalar(
                select(func.max(OutsideEvent.at)).where(
                    OutsideEvent.source == EventSource.MOODLE_LOG
                )
            )
        return _read(sessions, engine, settings.log_table_prefix, last, at_once)
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


def _read(
    sessions: SessionFactory, engine: Engine, prefix: str, last: datetime | None, at_once: int
) -> int:
    log = _log_table(prefix)
    since = int((last - OVERLAP).timestamp()) if last else 0
    after = 0
    new = 0
    while rows := _next_rows(engine, log, since, after, at_once):
        since, after = rows[-1].timecreated, rows[-1].id
        with transaction(sessions) as session:
            new += _keep(session, rows)
    return new


def _next_rows(
    engine: Engine, log: Table, since: int, after: int, at_once: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The next rows from the second ``since`` on, in this second those after a number.

    A query of its own for each piece: Moodle's database holds no long transaction for us.
    """
    with engine.connect() as connection:
        return connection.execute(
            select(log.c.id, log.c.userid, log.c.timecreated)
            .where(
                log.c.eventname == LOGGED_IN,
                # First alone, so that the index on it is used.
                log.c.timecreated >= since,
                or_(log.c.timecreated > since, log.c.id > after),
            )
            .order_by(log.c.timecreated, log.c.id)
            .limit(at_once)
        ).all()


def _keep(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> int:
    known = set(
        session.scalars(
            select(OutsideEvent.key).where(
                OutsideEvent.source == EventSource.MOODLE_LOG,
                OutsideEvent.at.between(_moment(rows[0]), _moment(rows[-1])),
            )
        )
    )
    unread = [row for row in rows if str(row.id) not in known]
    people = people_by(session, KnownUser.moodle_id, [row.userid for row in unread])
    return len(store(session, EventSource.MOODLE_LOG, [
        {
            "key": str(row.id), "at": _moment(row), "person_id": people.get(row.userid),
            "school_code": "", "method": "moodle", "result": Result.ALLOWED,
        }
        for row in unread
    ]))  # fmt: skip


def _moment(row: Row[*tuple[Any, ...]]) -> datetime:
    return datetime.fromtimestamp(row.timecreated, UTC)
