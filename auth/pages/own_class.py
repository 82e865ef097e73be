"""The page of a class teacher: the pupils of the own class, and the reset of a password.

Only for somebody who signed in here a moment ago: a computer left open must not hand out passwords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from flask import abort, redirect, request, url_for

from auth.models import Method
from auth.oidc.provider import current_provider
from auth.pages.sign_in import blueprint, refuse, render

RECENT = timedelta(minutes=15)
"""So old the sign-in may be at most."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Pupil:
    name: str
    username: str
    class_title: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Slip:
    """What the pupil is handed. It has no text form: nothing of it belongs into a log."""

    name: str
    group: str
    school: str
    username: str
    login_advice: str
    password: str
    password_advice: str
    address: str


class OwnClass(Protocol):
    """Who leads which class. Promises of an implementer: each look at a slip and each reset is
    written down with who did it."""

    def pupils(self, person_id: str) -> Sequence[Pupil]:
        """Of the classes that this person leads now; none for anybody else."""

    def reset(self, person_id: str, username: str) -> Slip | None:
        """Let the first password of one of these pupils count again. None, and nothing is done,
        for the login of anybody else."""


class NoClass:
    """Where class teachers reset nothing."""

    def pupils(self, person_id: str) -> Sequence[Pupil]:
        return ()

    def reset(self, person_id: str, username: str) -> Slip | None:
        return None


@blueprint.route("/class", methods=["GET", "POST"])
def own_class() -> Any:
    """Anybody without a class of their own is answered like a page that is not there."""
    provider = current_provider()
    now = provider.clock()
    sign_in = provider.sessions.current(request, now)
    if sign_in is None or now - sign_in.auth_time > RECENT:
        return redirect(url_for("auth_pages.login"), 303)
    if sign_in.with_first_password:
        return redirect(url_for("auth_pages.set_password"), 303)
    account = provider.directory.by_person_id(sign_in.person_id)
    pupils = provider.own_class.pupils(sign_in.person_id)
    if account is None or not pupils:
        abort(404)
    decision = provider.decide(account, None, Method(sign_in.method))
    if not decision.allowed:
        return refuse(decision, None)
    if request.method == "GET":
        return render("class.html", pupils=pupils)
    if not provider.sessions.is_own_form(request):
        return render("class.html", status=400, pupils=pupils, stale=True)
    slip = provider.own_class.reset(sign_in.person_id, request.form.get("login", ""))
    if slip is None:
        abort(404)
    return render("class_slip.html", slip=slip)
