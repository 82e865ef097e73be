"""Roll-ups of sign-ins and snapshots of activity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_NOTE_EVENTS = "INSERT INTO activity_pending_events (event_id) SELECT id FROM {rows}"
_NOTE_ROLLS = (
    "INSERT INTO roll_changes (school_code) "
    "SELECT school_code FROM {rows} "
    "UNION SELECT other.school_code FROM {other} AS other JOIN {rows} AS here "
    "ON other.person_id = here.person_id"
)
_NOTES = {
    "auth_login_events": _NOTE_EVENTS,
    "affiliations": _NOTE_ROLLS.replace("{other}", "known_people"),
    "known_people": _NOTE_ROLLS.replace("{other}", "affiliations"),
}
_COLUMNS = {"auth_login_events": ("id",)}
_ACTS = (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD"))


def _triggers() -> list[tuple[str, str, str, str]]:
    """Name, table, act and side of each trigger of this revision."""
    return [
        (f"note_{table}_{act.lower()}_{side.lower()}", table, act, side)
        for table in _NOTES
        for act, side in (_ACTS[:1] if table == "auth_login_events" else _ACTS)
    ]


def _add_triggers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, note in _NOTES.items():
            op.execute(
                f"CREATE OR REPLACE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {note.format(rows='changed')}; RETURN NULL; END $$"
            )
        for name, table, act, side in _triggers():
            op.execute(
                f"CREATE OR REPLACE TRIGGER {name} AFTER {act} ON {table} REFERENCING {side} TABLE "
                f"AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_{table}()"
            )
        return
    for name, table, act, side in _triggers():
        columns = _COLUMNS.get(table, ("school_code", "person_id"))
        row = ", ".join(f"{side}.{column} AS {column}" for column in columns)
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS {name} AFTER {act} ON {table} "
            f"BEGIN {_NOTES[table].format(rows=f'(SELECT {row})')}; END"
        )


def upgrade() -> None:
    op.create_table(
        "activity_bitmaps",
        sa.Column("span", sa.String(length=5), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("bitmap", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "span", "begins_at", "source", "method", name=op.f("pk_activity_bitmaps")
        ),
    )
    op.create_table(
        "activity_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "source", "school_code", "method", "role", name=op.f("pk_activity_counts")
        ),
    )
    op.create_table(
        "activity_pending_events",
        sa.Column(
            "event_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_activity_pending_events")),
    )
    op.create_table(
        "activity_people",
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("main", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("ordinal", name=op.f("pk_activity_people")),
        sa.UniqueConstraint(
            "person_id", "school_code", name=op.f("uq_activity_people_person_id_school_code")
        ),
    )
    op.create_index(
        "ix_activity_people_main",
        "activity_people",
        ["main"],
        unique=False,
        sqlite_where=sa.text("main IS NOT NULL"),
        postgresql_where=sa.text("main IS NOT NULL"),
    )
    op.create_index(
        "ix_activity_people_school_code", "activity_people", ["school_code"], unique=False
    )
    op.create_table(
        "activity_sources",
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_activity_sources")),
    )
    op.create_table(
        "moodle_snapshots",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("kind", "due_at", name=op.f("pk_moodle_snapshots")),
    )
    op.create_table(
        "outside_events",
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=True),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_outside_events")),
    )
    op.create_index("ix_outside_events_person_id", "outside_events", ["person_id"], unique=False)
    op.create_index("ix_outside_events_source_at", "outside_events", ["source", "at"], unique=False)
    op.create_table(
        "roll_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll_changes")),
    )
    op.create_table(
        "roll_sheets",
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("by_role", sa.JSON(), nullable=False),
        sa.Column("by_class", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("school_code", name=op.f("pk_roll_sheets")),
    )
    _add_triggers()
    # What is there already waits for the worker like what is new.
    op.execute("INSERT INTO activity_pending_events (event_id) SELECT id FROM auth_login_events")
    op.execute("INSERT INTO roll_changes (school_code) SELECT code FROM schools")
