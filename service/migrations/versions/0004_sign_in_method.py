"""How a sign-in began: with a password or at the state provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column(
        "auth_sign_ins",
        sa.Column("method", sa.String(length=20), nullable=False, server_default="password"),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("auth_sign_ins", "method", server_default=None)
