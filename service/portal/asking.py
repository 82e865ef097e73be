"""Looks that an operator asks for: they wait in the database until a worker takes one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, true
from sqlalchemy.orm import Session

from service.access import Scope, find_school, need_city
from service.application import Application
from service.db import transaction
from service.models import PortalLook
from service.portal import looks
from service.portal.looking import StopCheck, look

WAITING = "waiting"
"""``PortalLook.problem`` of a look that no worker has taken yet."""


def ask(session: Session, scope: Scope, school_code: str, now: datetime) -> None:
    """Ask for a look at one school, or by the city at everything; once is enough.

    Raises ``Forbidden`` for a school that is not the operator's.
    """
    if school_code:
        find_school(session, scope, school_code)
    else:
        need_city(scope)
    same = PortalLook.school_code == school_code, PortalLook.problem == WAITING
    if session.scalar(select(PortalLook.id).where(*same)) is None:
        session.add(
            PortalLook(
                school_code=school_code, sample=100, actor=scope.actor, began_at=now,
                problem=WAITING, people=0, objects=0, drifts=0, unread=0,
            )
        )  # fmt: skip


def take_asked(application: Application, *, should_stop: StopCheck) -> int:
    """Take all looks that wait, one after the other; return how many.

    While another process looks, they wait on.
    """
    taken = 0
    while not should_stop():
        with application.sessions() as session:
            waiting = select(PortalLook).where(PortalLook.problem == WAITING)
            asked = session.scalar(waiting.order_by(PortalLook.id).limit(1))
        if asked is None:
            break
        try:
            look(application, actor=asked.actor, school=asked.school_code, should_stop=should_stop)
        except looks.LookProblem:
            break
        # Asked for once more meanwhile, it would find the same: one look answers all before it.
        with transaction(application.sessions) as session:
            session.execute(delete(PortalLook).where(PortalLook.id == asked.id))
        taken += 1
    return taken


def last_looks(session: Session, scope: Scope, *, most: int = 10) -> Sequence[PortalLook]:
    """Return the newest looks that tell something of the scope: at its schools, or at all."""
    inside = true() if scope.is_city else or_(
        PortalLook.school_code == "", PortalLook.school_code.in_(scope.codes())
    )  # fmt: skip
    query = select(PortalLook).where(inside).order_by(PortalLook.id.desc()).limit(most)
    return session.scalars(query).all()
