"""Triggers by which the database itself notes slips made, own passwords and links, as they come and
go."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event, inspect

from auth.models import Base as AuthBase
from service.db import Base

MARKED = {"slip": "made_slips", "own_password": "auth_credentials", "linked": "auth_links"}
"""Mark -> the table whose rows give it to people."""

_SIDES = {"INSERT": "NEW", "DELETE": "OLD"}
_NOTE = "INSERT INTO mark_changes (mark, person_id) SELECT '{mark}', {person_id}"


def statements(dialect: str) -> list[str]:
    """Return the SQL that makes the triggers."""
    made = []
    for mark, table in MARKED.items():
        if dialect == "postgresql":
            note = _NOTE.format(mark=mark, person_id="person_id FROM changed")
            made.append(
                f"CREATE OR REPLACE FUNCTION note_mark_{mark}() RETURNS trigger "
                f"LANGUAGE plpgsql AS $$ BEGIN {note}; RETURN NULL; END $$"
            )
        for act, side in _SIDES.items():
            if dialect == "postgresql":
                made.append(
                    f"CREATE OR REPLACE TRIGGER {_name(mark, act)} AFTER {act} ON {table} "
                    f"REFERENCING {side} TABLE AS changed "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION note_mark_{mark}()"
                )
            else:
                note = _NOTE.format(mark=mark, person_id=f"{side}.person_id")
                made.append(
                    f"CREATE TRIGGER IF NOT EXISTS {_name(mark, act)} AFTER {act} ON {table} "
                    f"BEGIN {note}; END"
                )
    return made


def _name(mark: str, act: str) -> str:
    return f"note_mark_{mark}_{act.lower()}"


@event.listens_for(Base.metadata, "after_create")
@event.listens_for(AuthBase.metadata, "after_create")
def _add_triggers(_metadata: object, connection: Connection, **_given: Any) -> None:
    """Tables that are made without Alembic have the triggers too, once both halves are there."""
    if set(inspect(connection).get_table_names()) >= {*MARKED.values(), "mark_changes"}:
        for statement in statements(connection.dialect.name):
            connection.exec_driver_sql(statement)
