"""Published reports and what is sent on schedule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "published_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report", sa.String(length=50), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("preliminary", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("part_role", sa.String(length=20), nullable=False),
        sa.Column("part_items", sa.JSON(), nullable=False),
        sa.Column("method", sa.String(length=50), nullable=False),
        sa.Column("cut_off", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("csv", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_reports")),
        sa.UniqueConstraint(
            "question",
            "preliminary",
            "version",
            name=op.f("uq_published_reports_question_preliminary_version"),
        ),
    )
    op.create_index("ix_published_reports_report_last_day", "published_reports",
                    ["report", "last_day"])  # fmt: skip
    op.create_table(
        "outgoing_mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(length=200), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attachment_name", sa.String(length=100), nullable=False),
        sa.Column("attachment", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mails")),
        sa.UniqueConstraint("occasion", name=op.f("uq_outgoing_mails_occasion")),
    )
    op.create_index("ix_outgoing_mails_next_try_at", "outgoing_mails", ["next_try_at"])
    with op.batch_alter_table("operators") as operators:
        operators.add_column(
            sa.Column("email", sa.String(length=320), nullable=False, server_default="")
        )
        operators.add_column(
            sa.Column("wants_mail", sa.Boolean(), nullable=False, server_default=sa.false())
        )
