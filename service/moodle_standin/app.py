"""Makes the stand-in: a WSGI application with its own database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from service.moodle_standin import control as control_views
from service.moodle_standin import protocol
from service.moodle_standin.dispatch import Dispatcher
from service.moodle_standin.faults import Fault, FaultPlan
from service.moodle_standin.first_rows import seed
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
    seed(store, tokens, settings, int(clock().timestamp()))
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
