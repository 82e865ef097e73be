"""First passwords of our people as they count now, and the reset after which they count again."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from auth.clients.registered import read_clients
from auth.signin.check import normalise_username, pause_key
from auth.signin.passwords import forget_own_password
from auth.signin.throttle import Throttle
from provisioning import passwords
from service import audit
from service.access import Forbidden, Scope
from service.application import Application
from service.audit import AuditAction
from service.models import Identity, KnownUser
from service.problems import Problem
from service.settings import Settings


class KeptInMoodle(Problem):
    """Moodle holds the passwords, so this one is reset there, at ``address``."""


def first_password(
    application: Application, person_id: str, birth_date: date, generation: int
) -> str:
    """Return what the slip says and the sign-in expects (docs/facts/paragraf.md R9)."""
    return passwords.first_password(
        application.settings.passwords,
        person_id=person_id,
        birth_date=birth_date,
        secret=application.secret,
        generation=generation,
    )


def reachable(scope: Scope) -> ColumnElement[bool]:
    """Return a condition on ``KnownUser``: has an account, and is one of ``Scope.people``."""
    return and_(KnownUser.moodle_id.is_not(None), scope.people())


def find_person(session: Session, scope: Scope, login: str) -> KnownUser:
    """Return who has this login, typed as people type it.

    Raises ``Forbidden`` when nobody has it, or somebody outside ``Scope.people``.
    """
    person = session.scalar(
        select(KnownUser).where(KnownUser.username == normalise_username(login), reachable(scope))
    )
    if person is None:
        raise Forbidden("person")
    return person


def reset_password(
    session: Session, settings: Settings, scope: Scope, login: str, now: datetime
) -> KnownUser:
    """Let the first password count again: a new one where it is random, to be changed at once.

    Wrong passwords typed before count no more. Ends every sign-in of the person; applications are
    told by ``Jobs.tell_signed_out``. Raises ``Forbidden`` as ``find_person`` does, and
    ``KeptInMoodle``.
    """
    person = find_person(session, scope, login)
    if settings.passwords.kept_in == "moodle":
        raise KeptInMoodle("password.kept_in_moodle", address=page_in_moodle(settings, person))
    reset_of(session, settings, scope, person, now)
    return person


def reset_of(
    session: Session, settings: Settings, scope: Scope, person: KnownUser, now: datetime
) -> None:
    """Do ``reset_password`` for somebody whom the caller has looked up and may reset."""
    clients = read_clients(session, settings.auth.clients, now).clients
    forget_own_password(session, person.person_id, clients, now)
    session.execute(
        update(Identity)
        .where(Identity.person_id == person.person_id)
        .values(password_generation=Identity.password_generation + 1)
    )
    audit.record(
        session, AuditAction.PASSWORD_RESET, at=now, actor=scope.actor,
        school_code=person.school_code, person_id=person.person_id,
    )  # fmt: skip


def paused_until(
    session: Session, throttle: Throttle, person: KnownUser, now: datetime
) -> datetime | None:
    """Until when sign-in is paused for this person after too many wrong passwords, in a browser
    or at an address; None where it is not. A reset ends the pause."""
    identity = session.get(Identity, person.person_id)
    resets = identity.password_generation if identity else 0
    return throttle.paused_until(pause_key(person.username, resets), now=now)


def page_in_moodle(settings: Settings, person: KnownUser) -> str:
    """Return the page where an administrator of Moodle gives this person a new password."""
    return f"{settings.moodle_target.url.rstrip('/')}/user/editadvanced.php?id={person.moodle_id}"
