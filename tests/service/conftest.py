"""For tests of the service: SQLite and PostgreSQL, an installation for loads, English texts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from auth.esia.protocol.keys import load_standin_keys
from service.db import make_engine
from tests.language import in_language
from tests.service.command_line import run
from tests.service.database import make_tables
from tests.service.factories import NOW
from tests.service.trial import Trial, make_trial


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each database in turn, with all tables and no rows. Tests use ``session``."""
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres_database")()
    engine = make_engine(url)
    make_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose rows are gone after the test."""
    with Session(engine) as session:
        yield session
        session.rollback()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database of the test's own without tables: SQLite unless ``on_both_databases``."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    return str(request.getfixturevalue("fresh_postgres_url"))


@pytest.fixture(scope="session")
def _initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``init`` makes; running it for each test takes longer than most of them."""
    home = tmp_path_factory.mktemp("initialised") / "home"
    assert run("init", home=home).code == 0
    return home


@pytest.fixture
def home(_initialised: Path, tmp_path: Path) -> Path:
    """A data folder of the test's own that ``init`` has made."""
    return Path(shutil.copytree(_initialised, tmp_path / "home"))


@pytest.fixture(scope="session")
def stand_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of an ЕСИА stand-in: making an RSA key takes longer than most tests."""
    folder = tmp_path_factory.mktemp("stand-keys")
    load_standin_keys(folder, NOW)
    return folder


@pytest.fixture
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trial]:
    """An empty installation before a Moodle stand-in; SQLite unless ``on_both_databases``."""
    on_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("fresh_postgres_url") if on_server else ""
    with make_trial(tmp_path, database_url=url) as trial:
        yield trial


@pytest.fixture
def english() -> Iterator[None]:
    with in_language("en"):
        yield
