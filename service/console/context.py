"""What a view is handed: the application, the queue, the operator's scope of this request."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from flask import current_app, g
from sqlalchemy.orm import Session

from auth.signin.throttle import Throttle
from service import db
from service.access import Scope
from service.application import Application


class Queue(Protocol):
    """What the console asks of ``service.queue.JobQueue``."""

    def plan_load(self, load_id: int) -> None: ...

    def apply_load(self, load_id: int) -> None: ...

    def tell_signed_out(self) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """One per Flask application, in ``app.extensions["console"]``."""

    application: Application
    queue: Queue
    throttle: Throttle

    def transaction(self) -> AbstractContextManager[Session]:
        return db.transaction(self.application.sessions)

    def reading(self) -> AbstractContextManager[Session]:
        return db.reading(self.application.sessions)

    def now(self) -> datetime:
        return self.application.clock()


def the_console() -> Console:
    """The console of the application that answers this request."""
    return cast(Console, current_app.extensions["console"])


def scope() -> Scope:
    """What the signed-in operator may see. Every query of a view is limited by it."""
    return cast(Scope, g.scope)
