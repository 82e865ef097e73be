"""The tables of the ЕСИА stand-in: oids, requests, sessions, consents, codes, tokens, refusals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "esia_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("redirect_uri", sa.String(length=2000), nullable=False),
        sa.Column("scope", sa.String(length=2000), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("code_challenge", sa.String(length=128), nullable=False),
        sa.Column("oid", sa.BigInteger(), nullable=False),
        sa.Column("sid", sa.String(length=36), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_esia_codes")),
    )
    op.create_index(op.f("ix_esia_codes_expires_at"), "esia_codes", ["expires_at"], unique=False)
    op.create_table(
        "esia_consents",
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("oid", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("system", "oid", name=op.f("pk_esia_consents")),
    )
    op.create_table(
        "esia_people",
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("oid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_esia_people")),
        sa.UniqueConstraint("oid", name=op.f("uq_esia_people_oid")),
    )
    op.create_table(
        "esia_refusals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=50), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("explanation", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_esia_refusals")),
    )
    op.create_index("ix_esia_refusals_system_at", "esia_refusals", ["system", "at"], unique=False)
    op.create_table(
        "esia_requests",
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("redirect_uri", sa.String(length=2000), nullable=False),
        sa.Column("scope", sa.String(length=2000), nullable=False),
        sa.Column("state", sa.String(length=36), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("person_filter", sa.String(length=20), nullable=False),
        sa.Column("code_challenge", sa.String(length=128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_hash", name=op.f("pk_esia_requests")),
    )
    op.create_index(
        op.f("ix_esia_requests_expires_at"), "esia_requests", ["expires_at"], unique=False
    )
    op.create_table(
        "esia_seen",
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_hash", name=op.f("pk_esia_seen")),
    )
    op.create_index(op.f("ix_esia_seen_expires_at"), "esia_seen", ["expires_at"], unique=False)
    op.create_table(
        "esia_sessions",
        sa.Column("cookie_hash", sa.String(length=64), nullable=False),
        sa.Column("sid", sa.String(length=36), nullable=False),
        sa.Column("oid", sa.BigInteger(), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("cookie_hash", name=op.f("pk_esia_sessions")),
    )
    op.create_index(
        op.f("ix_esia_sessions_expires_at"), "esia_sessions", ["expires_at"], unique=False
    )
    op.create_table(
        "esia_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("scope", sa.String(length=2000), nullable=False),
        sa.Column("oid", sa.BigInteger(), nullable=False),
        sa.Column("sid", sa.String(length=36), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grant_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_esia_tokens")),
    )
    op.create_index(op.f("ix_esia_tokens_expires_at"), "esia_tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_esia_tokens_grant_hash"), "esia_tokens", ["grant_hash"], unique=False)
