"""A state for loads that were applied except for some records, and loads planned again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    with op.batch_alter_table("sync_runs") as runs:
        runs.alter_column("status", existing_type=sa.String(length=20), type_=sa.String(length=30))
        runs.add_column(sa.Column("again_of", sa.Integer(), nullable=True))
        runs.add_column(sa.Column("only_schools", sa.JSON(), nullable=True))
    run = sa.table("sync_runs", sa.column("id"), sa.column("status"))
    plan = sa.table("school_plans", sa.column("id"), sa.column("run_id"))
    change = sa.table(
        "planned_changes", sa.column("plan_id"), sa.column("result"), sa.column("code")
    )
    failed = (
        sa.select(plan.c.run_id)
        .join(change, change.c.plan_id == plan.c.id)
        .where(change.c.result == "failed")
    )
    op.execute(
        sa.update(run)
        .where(run.c.status == "applied", run.c.id.in_(failed))
        .values(status="applied_with_failures")
    )
