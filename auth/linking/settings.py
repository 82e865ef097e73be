"""Settings of linking: who confirms a likely link, how long a request waits, what parents see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkingSettings:
    """Raises ``ValueError`` for a number that makes no sense."""

    confirm: Literal["login", "school", "either"] = "either"
    """Who confirms a link that name and birth date suggest: the person by school login and
    password, the school's administrator, or whoever comes first. Where passwords are kept in
    Moodle nobody can type one here, and it is the school in any case."""
    request_days: int = 14
    """A request that the school does not answer is forgotten after so long; so is an answer that
    nobody came to read."""
    requests_per_identity: int = 3
    """Requests to schools that one person may send inside ``[auth] failure_window_seconds``."""
    requests_per_address: int = 60
    """The same for one network address: a whole school may share it."""
    parents_see: tuple[Literal["school", "class", "login", "last_sign_in"], ...] = (
        "school",
        "class",
        "login",
    )
    """What a parent is shown of a child who is our pupil; empty: the child's given name alone."""

    def __post_init__(self) -> None:
        for name in ("request_days", "requests_per_identity", "requests_per_address"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
