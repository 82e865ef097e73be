"""The sheets of rolls tell who is listed and suspended: all are made anew at the next roll-up."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("INSERT INTO roll_changes (school_code) SELECT school_code FROM roll_sheets")
