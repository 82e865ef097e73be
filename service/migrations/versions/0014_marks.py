"""Bitmaps of who has had a slip, an own password, a link to ЕСИА."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.activity.mark_triggers import MARKED, removals, statements

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_made_slips_first_at", "made_slips", ["first_at"])
    op.create_table(
        "mark_bitmaps",
        sa.Column("mark", sa.String(length=20), nullable=False),
        sa.Column("bitmap", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_mark_bitmaps")),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    changes = op.create_table(
        "mark_changes",
        sa.Column("id", number, nullable=False),
        sa.Column("mark", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark_changes")),
    )
    for mark, table in MARKED.items():
        marked = sa.table(table, sa.column("person_id", sa.String))
        people = sa.select(sa.literal(mark), marked.c.person_id)
        op.execute(sa.insert(changes).from_select(["mark", "person_id"], people))
    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in removals(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("mark_changes")
    op.drop_table("mark_bitmaps")
    op.drop_index("ix_made_slips_first_at", "made_slips")
