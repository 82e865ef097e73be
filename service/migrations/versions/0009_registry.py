"""The registry of schools and reference figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "milestones",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("responsible", sa.JSON(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("done_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
        sa.UniqueConstraint("number", name=op.f("uq_milestones_number")),
    )
    op.create_table(
        "platform_weeks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("mapping", sa.String(length=50), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_weeks")),
        sa.UniqueConstraint(
            "platform",
            "first_day",
            "version",
            name=op.f("uq_platform_weeks_platform_first_day_version"),
        ),
    )
    op.create_table(
        "reference_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_imports")),
    )
    op.create_table(
        "regional_totals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("document", sa.String(length=500), nullable=False),
        sa.Column("document_number", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regional_totals")),
    )
    op.create_index("ix_regional_totals_key", "regional_totals", ["key", "as_of"], unique=False)
    op.create_table(
        "head_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("group", sa.String(length=20), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_code"], ["schools.code"], name=op.f("fk_head_counts_school_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head_counts")),
    )
    op.create_index(
        "ix_head_counts_school", "head_counts", ["school_code", "group", "as_of"], unique=False
    )
    op.create_table(
        "platform_figures",
        sa.Column("week_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=700), nullable=False),
        sa.Column("users", sa.Integer(), nullable=True),
        sa.Column("teachers", sa.Integer(), nullable=True),
        sa.Column("teachers_with_messages", sa.Integer(), nullable=True),
        sa.Column("teachers_with_group_messages", sa.Integer(), nullable=True),
        sa.Column("teachers_with_group_chats", sa.Integer(), nullable=True),
        sa.Column("messages", sa.Integer(), nullable=True),
        sa.Column("group_chats", sa.Integer(), nullable=True),
        sa.Column("registered", sa.Boolean(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["week_id"], ["platform_weeks.id"], name=op.f("fk_platform_figures_week_id")
        ),
        sa.PrimaryKeyConstraint("week_id", "row", name=op.f("pk_platform_figures")),
    )
    op.create_table(
        "platform_schools",
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("label", sa.String(length=700), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=True),
        sa.Column("ignored", sa.Boolean(), nullable=False),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matched_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_code"], ["schools.code"], name=op.f("fk_platform_schools_school_code")
        ),
        sa.PrimaryKeyConstraint("platform", "label", name=op.f("pk_platform_schools")),
    )
    op.create_index(
        op.f("ix_platform_schools_school_code"), "platform_schools", ["school_code"], unique=False
    )
    op.add_column("schools", sa.Column("type", sa.String(length=20), nullable=True))
    op.add_column(
        "schools",
        sa.Column("source_system", sa.String(length=100), server_default="", nullable=False),
    )
    op.add_column("schools", sa.Column("state_system", sa.Boolean(), nullable=True))
    op.add_column("schools", sa.Column("esia_plan_on", sa.Date(), nullable=True))
    op.add_column("schools", sa.Column("closed_on", sa.Date(), nullable=True))
    op.add_column(
        "schools", sa.Column("merged_into", sa.String(length=64), server_default="", nullable=False)
    )
    op.add_column("schools", sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True))
