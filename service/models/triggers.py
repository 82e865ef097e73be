"""Triggers by which the database itself notes new sign-ins and changed rolls, whoever writes them.

No writer can forget the note. It appears together with its event, so an event that is committed
late is not overlooked, as it would be by its number.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event, inspect

from auth.models import Base as AuthBase
from service.db import Base

_TABLES = {"auth_login_events", "activity_pending_events", "known_users", "roll_changes"}

_NOTE_EVENTS = "INSERT INTO activity_pending_events (event_id) SELECT id FROM {rows}"
_NOTE_ROLLS = (
    "INSERT INTO roll_changes (school_code) "
    "SELECT school_code FROM {rows} "
    "UNION SELECT other.school_code FROM {other} AS other JOIN {rows} AS here "
    "ON other.person_id = here.person_id"
)
_NOTES = {
    "auth_login_events": _NOTE_EVENTS,
    # Whether somebody has left a school hangs on all rolls, so all schools of the person change.
    "school_memberships": _NOTE_ROLLS.replace("{other}", "known_users"),
    "known_users": _NOTE_ROLLS.replace("{other}", "school_memberships"),
}
_SIDES = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
_NOTED = {"auth_login_events": ("INSERT",)}
"""Tables of which only these acts are noted; of other tables all are."""


def statements(dialect: str) -> list[str]:
    """Return the SQL that makes the triggers."""
    made = []
    for table, note in _NOTES.items():
        if dialect == "postgresql":
            made.append(
                f"CREATE OR REPLACE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {note.format(rows='changed')}; RETURN NULL; END $$"
            )
        for act in _NOTED.get(table, tuple(_SIDES)):
            for side in _SIDES[act]:
                make = _postgresql if dialect == "postgresql" else _sqlite
                made.append(make(table, note, act, side))
    return made


def _postgresql(table: str, _note: str, act: str, side: str) -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {_name(table, act, side)} AFTER {act} ON {table} "
        f"REFERENCING {side} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_{table}()"
    )


def _sqlite(table: str, note: str, act: str, side: str) -> str:
    columns = "id" if table == "auth_login_events" else "school_code, person_id"
    values = ", ".join(f"{side}.{column} AS {column}" for column in columns.split(", "))
    return (
        f"CREATE TRIGGER IF NOT EXISTS {_name(table, act, side)} AFTER {act} ON {table} "
        f"BEGIN {note.format(rows=f'(SELECT {values})')}; END"
    )


def _name(table: str, act: str, side: str) -> str:
    return f"note_{table}_{act.lower()}_{side.lower()}"


@event.listens_for(Base.metadata, "after_create")
@event.listens_for(AuthBase.metadata, "after_create")
def _add_triggers(_metadata: object, connection: Connection, **_given: Any) -> None:
    """Tables that are made without Alembic have the triggers too, once both halves are there."""
    if set(inspect(connection).get_table_names()) >= _TABLES:
        for statement in statements(connection.dialect.name):
            connection.exec_driver_sql(statement)
