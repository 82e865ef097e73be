"""What a parent sees of a child who is a pupil of ours. Nobody is signed in here as the child."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy import func, select

from auth.linking.pages import find_pending, go, local_day, lost, page
from auth.models import LoginEvent, Result
from auth.oidc.context import Context


def children(context: Context) -> Any:
    """Choose a child, then read what the settings allow. The arrival stays what it was."""
    pending = find_pending(context)
    if pending is None:
        return lost(context)
    pupils = pending.outcome.children
    if not pupils:
        return go("auth_linking.show")
    child = None
    if request.method == "POST":
        if not context.sessions.cookie.is_own_form(request):
            return lost(context)
        number = request.form.get("child", 0, type=int)
        child = pupils[number - 1] if 1 <= number <= len(pupils) else None
    shown = context.linking.parents_see
    last = _last_sign_in(context, child.person_id) if child and "last_sign_in" in shown else None
    return page(
        context,
        "children",
        pending,
        child=child,
        shown=shown,
        last_sign_in=local_day(context, last) if last else None,
    )


def _last_sign_in(context: Context, person_id: str) -> datetime | None:
    with context.session_factory() as db:
        allowed = select(func.max(LoginEvent.at)).where(
            LoginEvent.person_id == person_id, LoginEvent.result == Result.ALLOWED.value
        )
        return db.scalar(allowed)
