"""What else a system may ask the ЕСИА stand-in for: consents, roles, a check after the sign-in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_COLUMNS: dict[str, dict[str, sa.types.TypeEngine[str]]] = {
    "esia_requests": {
        "permissions": sa.Text(),
        "roles": sa.String(length=100),
        "obj_type": sa.String(length=100),
        "refused": sa.String(length=6),
    },
    "esia_codes": {"permissions": sa.Text()},
    "esia_tokens": {"permissions": sa.Text()},
}


def upgrade() -> None:
    for table, columns in _COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=False, server_default=""))
            if op.get_bind().dialect.name != "sqlite":
                op.alter_column(table, name, server_default=None)
