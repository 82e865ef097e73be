"""All tables of the service without Alembic, which is slow; a test holds them to the migrations.

With the tables come the triggers, by which the database itself notes new sign-ins, changed rolls,
and the marks that people get and lose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, text

from auth import tables
from service.db import Base, make_engine

on_both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""For tests that take the fixture ``database_url``."""

_ROLLS = (
    "INSERT INTO roll_changes (school_code) SELECT school_code FROM {{rows}} "
    "UNION SELECT other.school_code FROM {other} AS other JOIN {{rows}} AS here "
    "ON other.person_id = here.person_id"
)
_MARK = "INSERT INTO mark_changes (mark, person_id) SELECT '{mark}', person_id FROM {{rows}}"
_NEW, _GONE = ("INSERT", "NEW"), ("DELETE", "OLD")
_ANY = (_NEW, ("UPDATE", "OLD"), ("UPDATE", "NEW"), _GONE)

_NOTES = (
    ("", "auth_login_events", "id", (_NEW,),
     "INSERT INTO activity_pending_events (event_id) SELECT id FROM {rows}"),
    ("", "school_memberships", "school_code person_id", _ANY, _ROLLS.format(other="known_users")),
    ("", "known_users", "school_code person_id", _ANY, _ROLLS.format(other="school_memberships")),
    ("mark_slip", "made_slips", "person_id", (_NEW, _GONE), _MARK.format(mark="slip")),
    ("mark_own_password", "auth_credentials", "person_id", (_NEW, _GONE),
     _MARK.format(mark="own_password")),
    ("mark_linked", "auth_links", "person_id", (_NEW, _GONE), _MARK.format(mark="linked")),
)  # fmt: skip
"""What is noted, by default its table; the table; columns that the note needs; when; the note."""


def make_tables(engine: Engine) -> None:
    """Make the tables of ``service`` and ``auth`` with their triggers in an empty database."""
    Base.metadata.create_all(engine)
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        for statement in _triggers(engine.dialect.name):
            connection.exec_driver_sql(statement)


def execute(url: str, statement: str, *values: dict[str, Any]) -> Sequence[Any]:
    """Run SQL in a database, once or for each of ``values``; the rows that it finds."""
    engine = make_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement), values or None)
        found = result.all() if result.returns_rows else []
    engine.dispose()
    return found


def _triggers(dialect: str) -> Iterator[str]:
    for what, table, columns, acts, note in _NOTES:
        name = f"note_{what or table}"
        if dialect == "postgresql":
            yield (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {note.format(rows='changed')}; RETURN NULL; END $$"
            )
        for act, side in acts:
            when = act.lower() if what else f"{act.lower()}_{side.lower()}"
            begin = f"CREATE TRIGGER {name}_{when} AFTER {act} ON {table}"
            if dialect == "postgresql":
                yield (
                    f"{begin} REFERENCING {side} TABLE AS changed "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
                )
            else:
                row = ", ".join(f"{side}.{column} AS {column}" for column in columns.split())
                yield f"{begin} BEGIN {note.format(rows=f'(SELECT {row})')}; END"
