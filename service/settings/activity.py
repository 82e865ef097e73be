"""Settings of reading activity in Moodle."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivitySettings:
    snapshots: bool = True
    """Read everybody's last access in Moodle on schedule."""
    report_id: int = 0
    """Moodle's number of a custom report about users; 0: people are read one batch after another,
    about forty times slower (docs/facts/moodle.md 6.5)."""
    pause_seconds: float = 0.5
    """Between two calls; a Moodle that answers more slowly gets pauses as long as its answers."""
    log_database_url: str = field(default="", repr=False)
    """Of a read-only account of Moodle's own database; empty: the log is not read."""
    log_table_prefix: str = "mdl_"

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a prefix that is none."""
        if not re.fullmatch(r"[a-z0-9_]*", self.log_table_prefix):
            raise ValueError("log_table_prefix may hold small Latin letters, digits and _ only")
