"""Makes the stand-in: a WSGI application with its own database and what a fresh Moodle holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from service.moodle_standin import control as control_views
from service.moodle_standin import protocol
from service.moodle_standin.dispatch import Dispatcher
from service.moodle_standin.faults import Fault, FaultPlan
from service.moodle_standin.settings import ServiceToken, SiteSettings
from service.moodle_standin.store import Store
from service.settings import STANDIN_TOKEN

DEFAULT_TOKEN = STANDIN_TOKEN


def _now() -> datetime:
    return datetime.now(UTC)


def create_standin(
    storage: Path | None,
    *,
    tokens: Mapping[str, ServiceToken] | None = None,
    settings: SiteSettings | None = None,
    faults: Iterable[Fault] = (),
    control: bool = False,
    clock: Callable[[], datetime] = _now,
) -> Flask:
    """A stand-in over the SQLite file `storage`, or over memory when that is None.

    Run it in one process: threads share one writer. `control` opens the pages under /standin/ that
    set faults and settings and show what is stored.
    """
    tokens = {DEFAULT_TOKEN: ServiceToken()} if tokens is None else tokens
    settings = settings or SiteSettings()
    store = Store(storage)
    _seed(store, tokens, settings, int(clock().timestamp()))
    app = Flask(__name__, static_folder=None)
    app.config["MAX_FORM_MEMORY_SIZE"] = None
    app.extensions["moodle_standin"] = Dispatcher(
        store=store, tokens=tokens, settings=settings, clock=clock
    )
    app.extensions["moodle_standin_faults"] = FaultPlan(faults)
    app.register_blueprint(protocol.blueprint)
    app.register_blueprint(control_views.counting)
    if control:
        app.register_blueprint(control_views.control)
    return app


def _seed(
    store: Store, tokens: Mapping[str, ServiceToken], settings: SiteSettings, now: int
) -> None:
    """Make what a fresh Moodle has: guest, admin, the accounts of the tokens, a category."""
    with store.transaction():
        if not store.row("SELECT 1 FROM user"):
            _add_account(store, "guest", "manual", "Guest user", " ", "root@localhost", now)
            _add_account(store, "admin", "manual", "Admin", "User", "admin@example.org", now)
            _add_first_category(store, settings, now)
        for token in tokens.values():
            name = token.username
            if not store.find("user", username=name):
                email = f"{name}@example.org"
                _add_account(store, name, "webservice", "Service", name, email, now)


def _add_account(
    store: Store, username: str, auth: str, firstname: str, lastname: str, email: str, now: int
) -> None:
    account = {
        "username": username,
        "auth": auth,
        "has_password": 1,
        "firstname": firstname,
        "lastname": lastname,
        "email": email,
        "email_lower": email,
        "timecreated": now,
        "timemodified": now,
    }
    store.add("user", account)


def _add_first_category(store: Store, settings: SiteSettings, now: int) -> None:
    category = {"name": "Category 1", "timemodified": now, "depth": 1, "path": ""}
    category_id = store.add("category", category)
    store.update("category", category_id, {"path": f"/{category_id}"})
    front_page = {
        "category": 0,
        "fullname": settings.site_name,
        "shortname": "site",
        "summaryformat": 0,
        "format": "site",
        "newsitems": 3,
        "startdate": 0,
        "enddate": 0,
        "numsections": 1,
        "enablecompletion": 0,
        "timecreated": now,
        "timemodified": now,
    }
    store.add("course", front_page)
