"""Looks into Moodle, drifts, exclusions, sticky fields, adopted accounts, undoing loads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "portal_looks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("sample", sa.Integer, server_default="100", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("people", sa.Integer, server_default="0", nullable=False),
        sa.Column("objects", sa.Integer, server_default="0", nullable=False),
        sa.Column("drifts", sa.Integer, server_default="0", nullable=False),
        sa.Column("problem", sa.String(200), server_default="", nullable=False),
        sa.Column("unread", sa.Integer, server_default="0", nullable=False),
        sa.Column("claimed_by", sa.String(200), server_default="", nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_portal_looks_school_code", "portal_looks", ["school_code"])
    op.create_table(
        "drifts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("subject", sa.String(20), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("place", sa.String(300), server_default="", nullable=False),
        sa.Column("person_id", sa.String(36), server_default="", nullable=False),
        sa.Column("moodle_id", sa.Integer),
        sa.Column("field", sa.String(100), server_default="", nullable=False),
        sa.Column("ours", sa.Text, nullable=False),
        sa.Column("theirs", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("places", sa.JSON),
        sa.Column("look_id", sa.Integer, sa.ForeignKey("portal_looks.id"), nullable=False),
        sa.Column("load_id", sa.Integer, sa.ForeignKey("loads.id")),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(100), server_default="", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_drifts_state", "drifts", ["state", "school_code"])
    op.create_index("ix_drifts_person_id", "drifts", ["person_id"])
    op.create_index("ix_drifts_place", "drifts", ["place"])
    op.create_index("ix_drifts_look_id", "drifts", ["look_id"])
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_drifts_open", "drifts", ["subject", "key", "kind", "field"], unique=True,
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_table(
        "exclusions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("pattern", sa.String(300), nullable=False),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(100), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_exclusions_school_code", "exclusions", ["school_code"])
    op.create_table(
        "writing_pauses",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ended_by", sa.String(100), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_writing_pauses_ended_at", "writing_pauses", ["ended_at"])
    op.add_column("loads", sa.Column("waits_until", sa.DateTime(timezone=True)))
    op.create_table(
        "sticky_fields",
        sa.Column("subject", sa.String(20), primary_key=True),
        sa.Column("key", sa.String(300), primary_key=True),
        sa.Column("field", sa.String(100), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("source_value", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drift_id", sa.Integer, sa.ForeignKey("drifts.id")),
        sa.Column("ends", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("kept_by", sa.String(100), server_default="", nullable=False),
    )
    op.create_table(
        "planned_sticky_fields",
        sa.Column("plan_id", sa.Integer, sa.ForeignKey("school_plans.id"), primary_key=True),
        sa.Column("subject", sa.String(20), primary_key=True),
        sa.Column("key", sa.String(300), primary_key=True),
        sa.Column("field", sa.String(100), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
    )
    op.add_column(
        "school_plans", sa.Column("left_out", sa.JSON, server_default="{}", nullable=False)
    )
    _adoptions()
    _years()
    _undo()


def _adoptions() -> None:
    op.create_table(
        "adoption_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("read_up_to", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_seen", sa.Integer, server_default="0", nullable=False),
        sa.Column("compared_up_to", sa.String(64), server_default="", nullable=False),
        sa.Column("digest", sa.String(64), server_default="", nullable=False),
        sa.Column("approved_by", sa.String(100), server_default="", nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("plans", sa.JSON, server_default="{}", nullable=False),
        sa.Column("problem", sa.String(200), server_default="", nullable=False),
    )
    run = sa.ForeignKey("adoption_runs.id")
    op.create_table(
        "adoptions",
        sa.Column("moodle_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.Integer, run, nullable=False),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(36), server_default="", nullable=False),
        sa.Column("why", sa.String(300), server_default="", nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("candidates", sa.Text, nullable=False),
        sa.Column("name_hash", sa.String(16), nullable=False),
        sa.Column("snils_hash", sa.String(16), nullable=False),
        sa.Column("idnumber_hash", sa.String(16), nullable=False),
        sa.Column("login_hash", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(100), server_default="", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("adopted_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_adoptions_outcome", "adoptions", ["outcome", "school_code", "moodle_id"])
    for name in ("run_id", "name_hash", "snils_hash", "idnumber_hash", "login_hash"):
        op.create_index(f"ix_adoptions_{name}", "adoptions", [name])
    has_person = sa.text("person_id <> ''")
    op.create_index(
        "uq_adoptions_person_id", "adoptions", ["person_id"], unique=True,
        sqlite_where=has_person, postgresql_where=has_person,
    )  # fmt: skip
    op.create_table(
        "adopted_objects",
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("moodle_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("adoption_runs.id"), nullable=False),
        sa.Column("key", sa.String(100), server_default="", nullable=False),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True)),
    )
    for name in ("run_id", "school_code"):
        op.create_index(f"ix_adopted_objects_{name}", "adopted_objects", [name])
    op.create_table(
        "foreign_accounts",
        sa.Column("person_id", sa.String(36), primary_key=True),
        sa.Column("moodle_id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("to_let_go", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )


def _years() -> None:
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("load_id", sa.Integer, sa.ForeignKey("loads.id"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(100), nullable=False),
        sa.Column("scope_role", sa.String(20), nullable=False),
        sa.Column("scope_items", sa.JSON, nullable=False),
        sa.Column("claimed_by", sa.String(200), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.String(200), server_default="", nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )
    op.create_index("ix_rehearsals_load_id", "rehearsals", ["load_id"])
    op.create_table(
        "year_turns",
        sa.Column("school_year", sa.String(9), primary_key=True),
        sa.Column("district", sa.String(100), primary_key=True),
        sa.Column("school_code", sa.String(64), primary_key=True),
        sa.Column("turn_on", sa.Date, nullable=False),
        sa.Column("set_by", sa.String(100), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("school_plans", sa.Column("begins_on", sa.Date))
    op.add_column(
        "school_plans",
        sa.Column("year_confirmed", sa.Boolean, server_default=sa.false(), nullable=False),
    )


def _undo() -> None:
    op.add_column("loads", sa.Column("undoes", sa.JSON))
    op.add_column("school_plans", sa.Column("undoes", sa.JSON))
    op.add_column("school_plans", sa.Column("undone_by", sa.Integer))
    op.add_column("source_keys", sa.Column("since", sa.DateTime(timezone=True)))
    op.add_column("identities", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.create_table(
        "kept_before",
        sa.Column("plan_id", sa.Integer, sa.ForeignKey("school_plans.id"), primary_key=True),
        sa.Column("what", sa.String(20), primary_key=True),
        sa.Column("key", sa.String(330), primary_key=True),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
    )
