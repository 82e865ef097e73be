"""Phases of the transition, exemptions from them, and class teachers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TARGET = (("district", 100), ("school_code", 64), ("class_id", 255), ("role", 20))


def _target() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(length=size), nullable=False) for name, size in _TARGET]


def _written() -> list[sa.Column[Any]]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "phase_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        *_target(),
        sa.Column("phase", sa.String(length=20), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        *_written(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_rules")),
        sa.UniqueConstraint(
            "school_code", "class_id", "district", "role", "starts_on",
            name=op.f("uq_phase_rules_school_code_class_id_district_role_starts_on"),
        ),
    )  # fmt: skip
    op.create_table(
        "phase_exemptions",
        sa.Column("id", sa.Integer(), nullable=False),
        *_target(),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("who", sa.String(length=20), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        *_written(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_exemptions")),
    )
    op.create_index(op.f("ix_phase_exemptions_person_id"), "phase_exemptions", ["person_id"])
    op.create_index(
        "ix_phase_exemptions_target", "phase_exemptions", ["school_code", "class_id", "district"]
    )
    op.create_table(
        "class_teachers",
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("class_id", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("school_code", "class_id", name=op.f("pk_class_teachers")),
    )
    op.create_index(op.f("ix_class_teachers_person_id"), "class_teachers", ["person_id"])
    op.create_table(
        "planned_class_teachers",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["school_plans.id"], name=op.f("fk_planned_class_teachers_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", "class_id", name=op.f("pk_planned_class_teachers")),
    )
    for table in ("auth_codes", "auth_tokens"):
        op.add_column(
            table,
            sa.Column("method", sa.String(length=20), nullable=False, server_default="password"),
        )
        if op.get_bind().dialect.name != "sqlite":
            op.alter_column(table, "method", server_default=None)
