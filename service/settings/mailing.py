"""Settings of the mail to operators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

HIGHEST_PORT = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class MailSettings:
    host: str = ""
    """The SMTP server; empty: no mail is ever sent."""
    port: int = 25
    tls: Literal["none", "starttls", "tls"] = "none"
    """``starttls`` on ports 25 and 587, ``tls`` on 465. A server that offers none gets no mail."""
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    """The address in From."""
    timeout_seconds: int = 30
    reports: tuple[str, ...] = ("weekly",)
    """Which reports go out on Fridays at 17:15, each operator's own part."""
    attach: Literal["xlsx", "pdf", "link"] = "xlsx"
    """``link``: only the address of the report in the console, which asks for a sign-in."""
    remind_below_share: float = 0.5
    """Schools where a smaller share of the roll has ever signed in are reminded; 0: none."""
    remind_after_days: int = 30
    """Schools not loaded for so many days are reminded; 0: none."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for settings that can send nothing."""
        if not 1 <= self.port <= HIGHEST_PORT:
            raise ValueError(f"port must be between 1 and {HIGHEST_PORT}")
        if self.host and "@" not in self.sender:
            raise ValueError("sender must be the address that mail comes from")
        if not 0 <= self.remind_below_share <= 1:
            raise ValueError("remind_below_share must be between 0 and 1")
