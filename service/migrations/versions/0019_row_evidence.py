"""What speaks against two rows being one human, and indexes for what planning asks.

The sex of each identity, where each row of a planned roll is, the keys of one school and the
planned places of one person.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("identities", sa.Column("sex", sa.String(1), server_default="", nullable=False))
    op.add_column(
        "planned_roll", sa.Column("file", sa.String(500), server_default="", nullable=False)
    )
    op.add_column(
        "planned_roll", sa.Column("line", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_index("ix_source_keys_school_code", "source_keys", ["school_code"])
    op.create_index("ix_planned_roll_person_id", "planned_roll", ["person_id"])
