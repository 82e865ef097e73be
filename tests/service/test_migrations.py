"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from auth.models import Base as AuthBase
from service.db import Base, make_engine
from service.schema import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


def differences(url: str) -> list[object]:
    """What another revision would have to change."""
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, [Base.metadata, AuthBase.metadata])  # type: ignore[arg-type]
    engine.dispose()
    return [one for one in found if "alembic_version" not in str(one)]


def test_all_revisions_together_give_the_schema_of_the_models(empty_database: str) -> None:
    assert differences(empty_database)
    migrate(empty_database)
    assert differences(empty_database) == []


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)
    migrate(empty_database)
    assert differences(empty_database) == []
