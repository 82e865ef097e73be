"""Databases for the tests of the service: SQLite in memory and a real PostgreSQL."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from auth.models import Base as AuthBase
from service.db import make_engine
from service.models import Base


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of an empty database of a PostgreSQL server that lives as long as the run."""
    with warnings.catch_warnings():
        # It complains at import where nobody is logged in, as in a container.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        pgserver = pytest.importorskip("pgserver")
    # Not below pytest's own folder: the server runs as another user, and sockets need short paths.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each database in turn, with all tables and no rows. Tests use ``session``."""
    url = "sqlite://"
    if request.param == "postgresql":
        server = make_url(request.getfixturevalue("postgres_url"))
        maintenance = create_engine(server, isolation_level="AUTOCOMMIT")
        with maintenance.connect() as connection:
            connection.execute(text("CREATE DATABASE tables"))
        maintenance.dispose()
        url = server.set(database="tables").render_as_string(hide_password=False)
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    AuthBase.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose rows are gone after the test."""
    with Session(engine) as session:
        yield session
        session.rollback()


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> str:
    """A new, empty database of the server."""
    server = make_url(postgres_url)
    name = f"test_{uuid.uuid4().hex}"
    maintenance = create_engine(server, isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    maintenance.dispose()
    return server.set(database=name).render_as_string(hide_password=False)
