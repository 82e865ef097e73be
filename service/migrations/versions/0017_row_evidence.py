"""What speaks against two rows being one human: the sex of each identity, and where its row is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("identities", sa.Column("sex", sa.String(1), server_default="", nullable=False))
    op.add_column(
        "planned_roll", sa.Column("file", sa.String(500), server_default="", nullable=False)
    )
    op.add_column(
        "planned_roll", sa.Column("line", sa.Integer(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("planned_roll", "line")
    op.drop_column("planned_roll", "file")
    op.drop_column("identities", "sex")
