"""Clients and systems registered in the console, what is switched while running, the ЕСИА log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "auth_clients",
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secret_hash", sa.String(length=71), nullable=False),
        sa.Column("previous_secret_hash", sa.String(length=71), nullable=False),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_auth_clients")),
    )
    op.create_table(
        "esia_registrations",
        sa.Column("mnemonic", sa.String(length=100), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("next_certificate", sa.LargeBinary(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mnemonic", name=op.f("pk_esia_registrations")),
    )
    op.create_table(
        "esia_switches",
        sa.Column("mnemonic", sa.String(length=100), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=True),
        sa.Column("diagnostics_hash", sa.String(length=64), nullable=False),
        sa.Column("recording_key", sa.String(length=64), nullable=False),
        sa.Column("recording_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recording_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mnemonic", name=op.f("pk_esia_switches")),
    )
    op.create_index(
        op.f("ix_esia_switches_diagnostics_hash"), "esia_switches", ["diagnostics_hash"]
    )
    op.create_table(
        "esia_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("system", sa.String(length=100), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("refusal_id", sa.BigInteger(), nullable=True),
        sa.Column("exchange", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_esia_log")),
    )
    op.create_index(op.f("ix_esia_log_at"), "esia_log", ["at"])
    op.create_index("ix_esia_log_system_id", "esia_log", ["system", "id"])
