"""Alembic environment: the tables of the service and of the provider are one schema."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, text

import service.models  # noqa: F401 - registers the tables
from auth import tables
from auth.models import UtcDateTime
from service.db import Base, make_engine

_LOCK = 7_265_400  # any number of our own: two processes must not migrate at once


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type as what the database sees of it."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=[Base.metadata, tables.metadata],
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        context.run_migrations()


engine = make_engine(context.config.get_main_option("sqlalchemy.url") or "")
with engine.connect() as live_connection:
    run(live_connection)
engine.dispose()
