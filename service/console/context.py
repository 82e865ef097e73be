"""What a view is handed: the application, the queue, the operator's scope of this request."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from flask import current_app, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.signin.throttle import Throttle
from service import db
from service.access import Scope, need_city
from service.application import Application
from service.models import School
from service.queue import JobQueue
from service.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """One per Flask application, in ``app.extensions["console"]``."""

    application: Application
    queue: JobQueue
    throttle: Throttle


def the_console() -> Console:
    """Return the console of the application that answers this request."""
    return cast(Console, current_app.extensions["console"])


def settings() -> Settings:
    return the_console().application.settings


def transaction() -> AbstractContextManager[Session]:
    return db.transaction(the_console().application.sessions)


def reading() -> AbstractContextManager[Session]:
    """As ``transaction``, for what writes nothing: of one state of the database."""
    return db.reading(the_console().application.sessions)


def now() -> datetime:
    return the_console().application.clock()


def today() -> date:
    """Return the day by the clock of the installation's zone."""
    return now().astimezone(the_console().application.zone).date()


def scope() -> Scope:
    """Return what the signed-in operator may see. Every query of a view is limited by it."""
    return cast(Scope, g.scope)


def only_for_the_city() -> None:
    """Before each page of a blueprint: raise ``Forbidden`` for other operators."""
    need_city(scope())


def own_schools(db: Session) -> Sequence[School]:
    """Return the schools inside the scope by their code."""
    return db.scalars(select(School).where(scope().schools()).order_by(School.code)).all()
