"""Sign-ins handed on to an outside provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "auth_upstream_attempts",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("upstream", sa.String(length=31), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("onward", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_auth_upstream_attempts")),
    )
    op.create_index(
        op.f("ix_auth_upstream_attempts_expires_at"), "auth_upstream_attempts", ["expires_at"]
    )
