"""Moments survive both databases with their zone; every table is known to what clears them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session, sessionmaker

from auth.models import SignInFailure

MOSCOW = timezone(timedelta(hours=3))


def test_a_moment_comes_back_aware_and_compares_in_queries(
    session_factory: sessionmaker[Session],
) -> None:
    moment = datetime(2026, 9, 1, 0, 30, 0, 123456, tzinfo=MOSCOW)
    with session_factory.begin() as db:
        db.add(SignInFailure(key_hash="k", at=moment))
    with session_factory() as db:
        at = db.scalars(select(SignInFailure.at).where(SignInFailure.at == moment)).one()
        later = SignInFailure.at > datetime(2026, 8, 31, 21, 30, tzinfo=UTC)
        assert db.scalars(select(SignInFailure.id).where(later)).one()
    assert at == moment
    assert at.tzinfo is UTC


def test_a_moment_without_a_zone_is_not_stored(session_factory: sessionmaker[Session]) -> None:
    with session_factory() as db:
        db.add(SignInFailure(key_hash="k", at=datetime(2026, 9, 1)))  # noqa: DTZ001
        with pytest.raises(StatementError, match="without a zone"):
            db.flush()


def test_what_clears_the_tables_knows_all_of_them() -> None:
    """In a process of its own: this one has imported everything."""
    code = (
        "import auth.expiry; from auth.models import Base; known = set(Base.metadata.tables);"
        "import auth.tables; print(*sorted(set(auth.tables.metadata.tables) - known))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
