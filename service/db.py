"""The database: engine, session factory, Base and how many rows are written at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from itertools import islice
from typing import Any, TypeVar, TypeVarTuple, cast
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import Engine, MetaData, Row, Select, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from auth.models import Base as AuthBase
from service.calendar.spans import ZONE

INSERT_ROWS = 1000
LARGEST = 2**31 - 1
"""The largest whole number that a column takes."""

_CROSSED = frozenset({"40001", "40P01"})
"""PostgreSQL's codes: could not serialize, deadlock."""

SessionFactory = sessionmaker[Session]
Value = TypeVar("Value")
Columns = TypeVarTuple("Columns")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=AuthBase.metadata.naming_convention)


def make_engine(url: str) -> Engine:
    """Make an engine for SQLite (WAL, foreign keys) or PostgreSQL; errors never quote values.

    The threads of a process are the limit of its connections: one that has one may need another.
    """
    if url.startswith("sqlite"):
        # A database in memory has one connection for each thread, and no limit to lift.
        pool = {"max_overflow": -1} if sqlalchemy.make_url(url).database else {}
        engine = create_engine(url, connect_args={"timeout": 60}, hide_parameters=True, **pool)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return create_engine(url, pool_pre_ping=True, hide_parameters=True, max_overflow=-1)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON",
                    "busy_timeout=60000"):  # fmt: skip
        connection.execute(f"PRAGMA {setting}")


def make_session_factory(engine: Engine, zone: ZoneInfo | None = None) -> SessionFactory:
    """``zone``: by whose days roll-ups begin to count."""
    return sessionmaker(engine, expire_on_commit=False, info={"zone": zone or ZoneInfo(ZONE)})


def zone_of(session: Session) -> ZoneInfo:
    """The zone of the factory that made the session."""
    zone: ZoneInfo = session.info.get("zone") or ZoneInfo(ZONE)
    return zone


@contextmanager
def transaction(factory: SessionFactory) -> Iterator[Session]:
    """Run one session as one transaction: committed at the end, rolled back on any error."""
    with factory() as session, session.begin():
        yield session


def again_if_crossed(work: Callable[[], Value], *, tries: int = 3) -> Value:
    """Do the work, which is whole transactions; once more when PostgreSQL has ended one because
    two of them waited for each other."""
    while True:
        tries -= 1
        try:
            return work()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _CROSSED or not tries:
                raise


@contextmanager
def reading(factory: SessionFactory) -> Iterator[Session]:
    """Run one session that sees one state of the database, whoever writes meanwhile, and cannot
    write itself where PostgreSQL is the database."""
    with factory() as session, session.begin():
        if session.get_bind().dialect.name == "postgresql":
            one_state = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            session.connection(execution_options=one_state)
        else:
            # A query alone would begin no transaction.
            session.connection().exec_driver_sql("BEGIN")
        yield session


def lock(session: Session, number: int) -> None:
    """Wait until no other transaction holds this lock, and hold it to the end of this one.

    It must be the first thing in a transaction. SQLite has one lock for all that writes, whatever
    the ``number``.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(number)))
    else:
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")


def lock_also(session: Session, number: int) -> None:
    """As ``lock``, inside a transaction that has written already: on SQLite that is the lock."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(number)))


def insert_into(session: Session, table: type[Any]) -> Any:
    """Return the INSERT of the session's own database, which knows ON CONFLICT."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def chunks(values: Iterable[Value], size: int = 500) -> Iterator[list[Value]]:
    """Yield lists of at most ``size``, which SQLite and PostgreSQL both take as an IN list."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def rows_among(
    session: Session, query: Select[*Columns], column: Any, values: Iterable[Any]
) -> Iterator[Row[*Columns]]:
    """Yield the rows of a query in which a column is one of many values, asked for in pieces."""
    for some in chunks(values):
        yield from session.execute(query.where(column.in_(some)))


def copied(kind: type[Value], row: object, /, **others: Any) -> Value:
    """Make a ``kind``, which is a dataclass, of a row's fields of the same names and of others."""
    names = [one.name for one in fields(cast(Any, kind)) if one.name not in others]
    return kind(**{name: getattr(row, name) for name in names}, **others)


def insert_rows(
    session: Session, table: type[DeclarativeBase], rows: Iterable[dict[str, Any]]
) -> None:
    """Insert rows that all name the same columns; never more than a piece of them in memory."""
    # The table itself: going through the mapped class costs as much time again.
    statement = sqlalchemy.insert(cast(Table, table.__table__))
    for some in chunks(rows, INSERT_ROWS):
        session.execute(statement, some)


def upsert(session: Session, table: type[DeclarativeBase], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or overwrite those whose primary key is there already.

    All rows must name the same columns; columns that they do not name stay as they are.
    """
    if not rows:
        return
    keys = [column.name for column in sqlalchemy.inspect(table).primary_key]
    statement = insert_into(session, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    conflict = (
        statement.on_conflict_do_update(index_elements=keys, set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=keys)
    )
    session.execute(conflict, list(rows))
