"""Outside identities linked to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "auth_link_arrivals",
        sa.Column("arrival_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.JSON(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("arrival_hash", name=op.f("pk_auth_link_arrivals")),
    )
    op.create_index(
        op.f("ix_auth_link_arrivals_expires_at"), "auth_link_arrivals", ["expires_at"], unique=False
    )
    op.create_table(
        "auth_link_choices",
        sa.Column("choice_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("choice_hash", name=op.f("pk_auth_link_choices")),
    )
    op.create_index(
        op.f("ix_auth_link_choices_expires_at"), "auth_link_choices", ["expires_at"], unique=False
    )
    op.create_table(
        "auth_link_events",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("evidence", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_link_events")),
    )
    op.create_index(
        op.f("ix_auth_link_events_person_id"), "auth_link_events", ["person_id"], unique=False
    )
    op.create_index(
        "ix_auth_link_events_school_code_at",
        "auth_link_events",
        ["school_code", "at"],
        unique=False,
    )
    op.create_table(
        "auth_link_requests",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("family_name", sa.String(length=255), nullable=False),
        sa.Column("given_name", sa.String(length=255), nullable=False),
        sa.Column("middle_name", sa.String(length=255), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("snils", sa.String(length=11), nullable=False),
        sa.Column("child", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_link_requests")),
        sa.UniqueConstraint(
            "provider", "subject", name=op.f("uq_auth_link_requests_provider_subject")
        ),
    )
    op.create_index(
        op.f("ix_auth_link_requests_expires_at"), "auth_link_requests", ["expires_at"], unique=False
    )
    op.create_index(
        "ix_auth_link_requests_school_code", "auth_link_requests", ["school_code"], unique=False
    )
    op.create_table(
        "auth_links",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_links")),
        sa.UniqueConstraint("provider", "person_id", name=op.f("uq_auth_links_provider_person_id")),
    )
    op.create_index(op.f("ix_auth_links_person_id"), "auth_links", ["person_id"], unique=False)
    op.create_index(
        "ix_auth_links_provider_subject", "auth_links", ["provider", "subject"], unique=False
    )
