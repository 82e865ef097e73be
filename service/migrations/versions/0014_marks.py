"""Bitmaps of who has had a slip, an own password, a link to ЕСИА."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_MARKED = {"slip": "made_slips", "own_password": "auth_credentials", "linked": "auth_links"}
_SIDES = {"INSERT": "NEW", "DELETE": "OLD"}
_NOTE = "INSERT INTO mark_changes (mark, person_id) SELECT '{mark}', {person_id}"


def _name(mark: str, act: str) -> str:
    return f"note_mark_{mark}_{act.lower()}"


def _add_triggers() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for mark, table in _MARKED.items():
        if is_postgresql:
            note = _NOTE.format(mark=mark, person_id="person_id FROM changed")
            op.execute(
                f"CREATE OR REPLACE FUNCTION note_mark_{mark}() RETURNS trigger "
                f"LANGUAGE plpgsql AS $$ BEGIN {note}; RETURN NULL; END $$"
            )
        for act, side in _SIDES.items():
            if is_postgresql:
                op.execute(
                    f"CREATE OR REPLACE TRIGGER {_name(mark, act)} AFTER {act} ON {table} "
                    f"REFERENCING {side} TABLE AS changed "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION note_mark_{mark}()"
                )
            else:
                note = _NOTE.format(mark=mark, person_id=f"{side}.person_id")
                op.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {_name(mark, act)} AFTER {act} ON {table} "
                    f"BEGIN {note}; END"
                )


def upgrade() -> None:
    op.create_index("ix_made_slips_first_at", "made_slips", ["first_at"])
    op.create_table(
        "mark_bitmaps",
        sa.Column("mark", sa.String(length=20), nullable=False),
        sa.Column("bitmap", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_mark_bitmaps")),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    changes = op.create_table(
        "mark_changes",
        sa.Column("id", number, nullable=False),
        sa.Column("mark", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark_changes")),
    )
    for mark, table in _MARKED.items():
        marked = sa.table(table, sa.column("person_id", sa.String))
        people = sa.select(sa.literal(mark), marked.c.person_id)
        op.execute(sa.insert(changes).from_select(["mark", "person_id"], people))
    _add_triggers()
