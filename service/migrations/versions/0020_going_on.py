"""When a load goes on by itself, and how often work on it began since it got anywhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("sync_runs", sa.Column("go_on_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "sync_runs", sa.Column("beginnings", sa.Integer(), server_default="0", nullable=False)
    )
