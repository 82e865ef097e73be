"""A database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.db import make_engine
from tests.service.database import make_tables


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Without tables."""
    on_server = request.param == "postgresql"
    url = request.getfixturevalue("fresh_postgres_url") if on_server else ""
    engine = make_engine(url or f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def fresh_engine(empty_engine: Engine) -> Engine:
    """With all tables and no rows, for a test that commits."""
    make_tables(empty_engine)
    return empty_engine
