"""The zone by whose days a source is rolled up: Moscow, as it has been."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column(
        "activity_sources",
        sa.Column("zone", sa.String(64), nullable=False, server_default="Europe/Moscow"),
    )
