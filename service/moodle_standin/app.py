"""Makes the stand-in, a WSGI application with its own database, and serves it: as a process of its
own, or in a thread of a test."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from service.moodle_standin import control as control_views
from service.moodle_standin import protocol
from service.moodle_standin.dispatch import Dispatcher
from service.moodle_standin.faults import Fault, FaultPlan
from service.moodle_standin.settings import ServiceToken, SiteSettings
from service.moodle_standin.store import Store
from service.settings import STANDIN_TOKEN

DEFAULT_TOKEN = STANDIN_TOKEN
_POLL_SECONDS = 0.05
"""How soon a server notices that it is to stop."""


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
        store=store, tokens=tokens, settings=settings, clock=clock, faults=FaultPlan(faults)
    )
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


class _Handler(WSGIRequestHandler):
    """Keeps connections open and says nothing about each request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body leave in two writes; without this each answer would wait 40 ms for the peer."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def _make_server(app: Flask, host: str, port: int) -> BaseWSGIServer:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Bound here, because Werkzeug ends the whole process when it finds the port taken.
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        return make_server(
            host, port, app, threaded=True, request_handler=_Handler, fd=listening.fileno()
        )


def serve(
    host: str,
    port: int,
    storage: Path | None,
    *,
    tokens: Mapping[str, ServiceToken] | None = None,
    control: bool = False,
) -> None:
    """Serve until interrupted or terminated. Raises `OSError` when the port is taken."""
    app = create_standin(storage, tokens=tokens, control=control)
    server = _make_server(app, host, port)

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.serve_forever(_POLL_SECONDS)
    app.extensions["moodle_standin"].store.close()


@contextmanager
def running_standin(storage: Path | None = None, *, port: int = 0, **options: Any) -> Iterator[str]:
    """Run a stand-in in a thread and give its address; the options are `create_standin`'s."""
    app = create_standin(storage, **options)
    server = _make_server(app, "127.0.0.1", port)
    thread = threading.Thread(
        target=server.serve_forever,
        kwargs={"poll_interval": _POLL_SECONDS},
        name="moodle-standin",
        daemon=True,
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        app.extensions["moodle_standin"].store.close()
