"""Alembic environment: the tables of the service and of the provider are one schema.

``service.schema`` opens the connection, the transaction and the lock that keeps two upgrades apart.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

import service.models  # noqa: F401 - registers the tables
from auth import tables
from auth.models import UtcDateTime
from service.db import Base


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type as what the database sees of it."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[Base.metadata, tables.metadata],
    render_item=render_item,
    compare_type=True,
)
context.run_migrations()
