"""Who has had a slip, and the movement on the rolls of schools, from here on."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "made_slips",
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_made_slips")),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    events = op.create_table(
        "roll_events",
        sa.Column("id", number, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.String(length=10), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll_events")),
    )
    op.create_index("ix_roll_events_at", "roll_events", ["at"])
    op.create_index("ix_roll_events_person_id", "roll_events", ["person_id"])
    op.create_index("ix_roll_events_act", "roll_events", ["act", "school_code"])
    # Schools with a roll: what came before today was not kept as movement.
    schools = sa.table(
        "schools", sa.column("code", sa.String), sa.column("last_applied_at", sa.DateTime)
    )
    loaded = sa.select(
        sa.literal(datetime.now(UTC), sa.DateTime(timezone=True)),
        sa.literal("begun"),
        schools.c.code,
        sa.literal(""),
        sa.literal(""),
    ).where(schools.c.last_applied_at.is_not(None))
    columns = ["at", "act", "school_code", "person_id", "role"]
    op.execute(sa.insert(events).from_select(columns, loaded))
