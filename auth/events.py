"""LoginEvent: writing down each decision, and reading none back: that is for reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from auth.directory import Account
from auth.models import LoginEvent, Method, Result, table_of
from auth.signin.policy import Reason

INSERT_EVENT = insert(table_of(LoginEvent))
"""Takes ``event_values``; built once, since each sign-in needs it twice."""


def event_values(
    account: Account | None,
    *,
    client_id: str,
    method: Method,
    refused: Reason | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the columns of ``LoginEvent``, with the person's school, main role and class now."""
    return {
        "at": now,
        "person_id": account.person_id if account else None,
        "client_id": client_id,
        "method": method.value,
        "result": (Result.REFUSED if refused else Result.ALLOWED).value,
        "reason": refused.value if refused else "",
        "school_code": account.school_code[:64] if account else "",
        "role": account.roles[0][:32] if account and account.roles else "",
        "class_title": account.class_title[:64] if account else "",
    }
