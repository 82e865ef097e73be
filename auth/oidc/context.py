"""Context: all that one application's sign-in works with, handed to everything that needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import Request, current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.client import Client
from auth.clients.registered import Clients
from auth.directory import Account, Directory, OwnClass
from auth.events import INSERT_EVENT, event_values
from auth.models import Method, SignIn
from auth.oidc.keys import SigningKeys
from auth.outside import Arrive, Upstream
from auth.settings import AuthSettings, LinkingSettings
from auth.signin import policy
from auth.signin.browsers import Devices, Sessions
from auth.signin.check import Checked, check
from auth.signin.phases import Phase, Phases
from auth.signin.policy import Decision, Reason
from auth.signin.throttle import Throttle

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parts that the application gave, and those made of them alone."""

    settings: AuthSettings
    linking: LinkingSettings
    directory: Directory
    session_factory: sessionmaker[Session]
    clock: Callable[[], datetime]
    keys: SigningKeys
    registered: Clients
    throttle: Throttle
    phases: Phases
    devices: Devices
    sessions: Sessions
    own_class: OwnClass | None
    """None: class teachers reset nothing."""
    upstreams: Sequence[Upstream]
    """The outside providers, in the order of their buttons."""
    upstream_age: timedelta
    """The time that a person may take over there."""
    arrive: Arrive
    notices_waiting: Callable[[], None]
    """Called when applications have to be told of a sign-out."""

    @property
    def engine(self) -> Engine:
        engine: Engine = self.session_factory.kw["bind"]
        return engine

    @property
    def clients(self) -> Mapping[str, Client]:
        """Return those of the settings file and of the console that may be used now."""
        return self.registered.current.clients

    def client(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def who(self, request: Request) -> tuple[SignIn | None, Account | None]:
        """Return the browser's sign-in, and its person while known."""
        sign_in = self.sessions.current(request, self.clock())
        account = self.directory.by_person_id(sign_in.person_id) if sign_in else None
        return sign_in, account

    def session_age(self, client: Client | None) -> timedelta:
        """Return the longest age that the application which brought the person here allows."""
        seconds = self.settings.session_seconds
        if client and client.session_seconds:
            seconds = min(seconds, client.session_seconds)
        return timedelta(seconds=seconds)

    def check_typed(self, request: Request, *, device: str = "") -> Checked:
        """Check the login and the password of the posted form (``signin.check``)."""
        return check(
            request.form.get("username", ""),
            request.form.get("password", ""),
            address=request.remote_addr or "",
            directory=self.directory,
            session_factory=self.session_factory,
            throttle=self.throttle,
            settings=self.settings,
            now=self.clock(),
            device=device,
        )

    def record_failure(self, checked: Checked, client: Client | None) -> None:
        """Write the login event of a wrong login or password, unless it only repeats one."""
        if checked.refused and not checked.is_repeated:
            self.record_refusal(checked.account, client, Method.PASSWORD, checked.refused)

    def decide(self, account: Account, client: Client | None, method: Method) -> Decision:
        """Decide whether a sign-in that began by this method opens this application now; without
        one, whether it counts at all."""
        schedule = self.phases.schedule()
        day = schedule.day(self.clock())
        phase = schedule.phase(account, day)
        # Whether the person is exempt is asked only where it matters.
        asked = phase is Phase.ESIA_ONLY and method is not Method.ESIA
        exempt = asked and self.phases.exemptions(account).cover(account, day)
        return policy.decide(account, client, method, phase=phase, exempt=exempt)

    def admitted(self, person_id: str, client: Client, method: Method) -> Account | None:
        """Return the person, if still known and still let in after a sign-in that began so."""
        account = self.directory.by_person_id(person_id)
        if account and self.decide(account, client, method).allowed:
            return account
        return None

    def record_refusal(
        self, account: Account | None, client: Client | None, method: Method, reason: Reason
    ) -> None:
        """Write the login event of somebody not let in into the application that asked."""
        self.record(account, client.client_id if client else "", method, reason)

    def record(
        self, account: Account | None, client_id: str, method: Method, refused: Reason | None
    ) -> None:
        event = event_values(
            account, client_id=client_id, method=method, refused=refused, now=self.clock()
        )
        with self.session_factory.begin() as db:
            db.execute(INSERT_EVENT, event)


def current_context() -> Context:
    """Return the context of the application that answers this request."""
    context: Context = current_app.extensions["auth"].context
    return context


def with_context(view: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Return the view as Flask calls it, handed the context of the application that answers."""

    @wraps(view)
    def answer(*arguments: Any, **values: Any) -> _Answer:
        return view(current_context(), *arguments, **values)

    return answer
