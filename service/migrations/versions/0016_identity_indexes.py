"""Indexes for what planning asks of one school, and of one person's planned places."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_source_keys_school_code", "source_keys", ["school_code"])
    op.create_index("ix_planned_roll_person_id", "planned_roll", ["person_id"])


def downgrade() -> None:
    op.drop_index("ix_planned_roll_person_id", "planned_roll")
    op.drop_index("ix_source_keys_school_code", "source_keys")
