"""Makes the stand-in, a WSGI application with its own database, and serves it."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

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


def create_standin(
    storage: Path | None,
    *,
    tokens: Mapping[str, ServiceToken] | None = None,
    settings: SiteSettings | None = None,
    faults: Iterable[Fault] = (),
    control: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
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

    def account(username: str, firstname: str, lastname: str, email: str, auth: str) -> None:
        names = {"username": username, "firstname": firstname, "lastname": lastname}
        kept = {"email": email, "email_lower": email, "auth": auth, "has_password": 1}
        store.add("user", {**names, **kept, "timecreated": now, "timemodified": now})

    with store.transaction():
        if not store.row("SELECT 1 FROM user"):
            account("guest", "Guest user", " ", "root@localhost", "manual")
            account("admin", "Admin", "User", "admin@example.org", "manual")
            category = {"name": "Category 1", "timemodified": now, "depth": 1, "path": "/1"}
            store.add("category", category)
            _add_front_page(store, settings, now)
        for token in tokens.values():
            name = token.username
            if not store.find("user", username=name):
                account(name, "Service", name, f"{name}@example.org", "webservice")


def _add_front_page(store: Store, settings: SiteSettings, now: int) -> None:
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


@contextmanager
def running(app: Flask) -> Iterator[str]:
    """Serve a stand-in from a thread of this process on a free port; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["moodle_standin"].store.close()


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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Bound here, because Werkzeug ends the whole process when it finds the port taken.
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        server = make_server(
            host, port, app, threaded=True, request_handler=_Handler, fd=listening.fileno()
        )

    def stop(*_signal: object) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.serve_forever(_POLL_SECONDS)
    app.extensions["moodle_standin"].store.close()
