"""Logins that Moodle holds for somebody else: remembered, and given to nobody.

An account that only has our login is a stranger's and is left alone. The person whom it kept from
having an account is planned again under another login: in a new plan, which somebody approves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from provisioning.changes import LOGIN_TAKEN, Outcome
from service.db import upsert
from service.models import TakenLogin


def remember(session: Session, creations: Sequence[Outcome], now: datetime) -> None:
    """Note the logins that kept these accounts from being made."""
    taken = {one.change.after["username"] for one in creations if one.code in LOGIN_TAKEN}
    upsert(session, TakenLogin, [{"username": name, "seen_at": now} for name in sorted(taken)])
