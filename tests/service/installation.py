"""An installation of its own for a test: data folder, database, embedded Redis, Moodle stand-in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine

from provisioning.settings import MoodleSettings
from service import db
from service.access import Scope, command_line_scope
from service.application import Application, build, make_secret
from service.config import load_settings
from service.data_folder import ensure_home
from service.loads import operations
from service.loads.planning import plan_load
from service.models import Load
from service.moodle_standin import DEFAULT_TOKEN
from service.processes import redis_child, wait_ready
from service.redis_link import redis_answers
from service.sample import City, write_sample
from service.settings import Settings
from tests.service.database import make_tables

NOW = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)
MOODLE = "https://moodle.example.org"
SCOPE: Scope = command_line_scope("test")
Value = TypeVar("Value")


@contextmanager
def installation(
    home: Path, *, moodle_url: str = "", database_url: str = ""
) -> Iterator[Application]:
    """A ready application over an empty database; the tables are made without Alembic."""
    settings = load_settings(None, {"SCHOOLBRIDGE_HOME": str(home)})
    settings = replace(
        settings,
        moodle=replace(settings.moodle, url=moodle_url, token=DEFAULT_TOKEN),
        database=replace(settings.database, url=database_url),
    )
    ensure_home(settings)
    make_secret(settings.home)
    application = build(settings)
    make_tables(application.engine)
    yield application
    application.engine.dispose()


def make_application(engine: Engine, home: Path) -> Application:
    """An application over a test's own database, at ``NOW``."""
    make_secret(home)
    settings = Settings(home=home, moodle=MoodleSettings(url=MOODLE))
    sessions = db.make_session_factory(engine)
    return Application(settings=settings, engine=engine, sessions=sessions, clock=lambda: NOW)


def environment(settings: Settings) -> dict[str, str]:
    """What a child process needs to see the same installation."""
    return {
        **os.environ,
        "SCHOOLBRIDGE_HOME": str(settings.home),
        "SCHOOLBRIDGE_MOODLE_URL": settings.moodle.url,
        "SCHOOLBRIDGE_MOODLE_TOKEN": settings.moodle.token,
        "SCHOOLBRIDGE_DATABASE_URL": settings.database.url,
    }


@contextmanager
def running_redis(settings: Settings) -> Iterator[None]:
    """The embedded Redis of the installation."""
    child = redis_child(settings)
    child.start()
    try:
        wait_ready(child, lambda: redis_answers(settings))
        yield
    finally:
        child.stop()


def load(application: Application, city: City, month: int = 0) -> int:
    """Receive and plan the city's files of a month in this process; the run's number."""
    folder = application.settings.home / f"sample-{month}"
    write_sample(folder, city, layout="roster-1", month=month)
    return load_paths(application, folder)


def load_paths(application: Application, *paths: Path, expected_school: str = "") -> int:
    """Receive and plan any files in this process; the run's number."""
    load_id = receive_paths(application, *paths, expected_school=expected_school)
    plan_load(application, load_id)
    return load_id


def receive_paths(application: Application, *paths: Path, expected_school: str = "") -> int:
    """Upload any files, as the city does; the run's number."""
    with db.transaction(application.sessions) as session:
        run = operations.receive(
            session,
            home=application.settings.home,
            paths=[(path.name, path) for path in paths],
            scope=SCOPE,
            expected_school=expected_school,
            now=application.clock(),
        )
        return run.id


def ask(
    application: Application, use_case: Callable[..., Value], load_id: int, **given: Any
) -> Value:
    """Ask for something with a load, such as ``operations.approve``, as the city does."""
    with db.transaction(application.sessions) as session:
        return use_case(session, load_id, **{"scope": SCOPE, "now": application.clock()} | given)


def find_run(application: Application, load_id: int) -> Load:
    with application.sessions() as session:
        return operations.find(session, load_id, SCOPE)
