"""What counts no more goes by itself: by a worker, once an hour; old uploads by their age."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.models import SignIn, SignInFailure
from service.application import Application
from service.db import transaction
from service.housekeeping import clear_away
from service.models import AuditEntry, RunStatus
from tests.service.console_factories import add_run
from tests.service.installation import environment, installation, running_redis

NOW = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application:
        application.clock = lambda: NOW
        yield application


def add_sign_in(application: Application, name: str, expires_at: datetime) -> None:
    row = SignIn(
        cookie_hash=name, person_id="p", auth_time=NOW, expires_at=expires_at,
        with_first_password=False,
    )  # fmt: skip
    with transaction(application.sessions) as session:
        session.add(row)


def sign_ins(application: Application) -> list[str]:
    with application.sessions() as session:
        return list(session.scalars(select(SignIn.cookie_hash)))


def uploaded(application: Application, status: RunStatus, days: int, **moments: datetime) -> Path:
    """The folder with the files of a run that was received so many days ago."""
    with transaction(application.sessions) as session:
        run = add_run(session, status, created_at=NOW - timedelta(days=days), **moments)
        run.folder = f"uploads/{run.id:06d}"
        folder = application.settings.home / run.folder
    folder.mkdir(parents=True)
    (folder / "students.xml").write_text("<roll/>")
    return folder


def keep_for(application: Application, days: int) -> None:
    server = replace(application.settings.server, keep_uploads_days=days)
    application.settings = replace(application.settings, server=server)


def test_expired_sign_ins_and_old_failures_go_and_others_stay(application: Application) -> None:
    add_sign_in(application, "old", NOW)
    add_sign_in(application, "new", NOW + timedelta(seconds=1))
    with transaction(application.sessions) as session:
        session.add(SignInFailure(key_hash="old", at=NOW - timedelta(days=1)))
        session.add(SignInFailure(key_hash="new", at=NOW - timedelta(hours=23)))
    clear_away(application)
    assert sign_ins(application) == ["new"]
    with application.sessions() as session:
        assert list(session.scalars(select(SignInFailure.key_hash))) == ["new"]


def test_failures_stay_as_long_as_a_throttle_counts_them(application: Application) -> None:
    auth = replace(application.settings.auth, failure_window_seconds=3 * 24 * 3600)
    application.settings = replace(application.settings, auth=auth)
    with transaction(application.sessions) as session:
        session.add(SignInFailure(key_hash="counts", at=NOW - timedelta(days=2)))
    clear_away(application)
    with application.sessions() as session:
        assert len(session.scalars(select(SignInFailure)).all()) == 1


def test_files_of_runs_that_are_over_go_after_their_days(application: Application) -> None:
    long_ago, lately = NOW - timedelta(days=91), NOW - timedelta(days=89)
    gone = [
        uploaded(application, RunStatus.APPLIED, 100, finished_at=long_ago),
        uploaded(application, RunStatus.REJECTED, 100, planned_at=long_ago),
    ]
    stays = [
        uploaded(application, RunStatus.APPLIED, 100, finished_at=lately),
        uploaded(application, RunStatus.REJECTED, 100, planned_at=long_ago, finished_at=lately),
        *(
            uploaded(application, status, 100)
            for status in RunStatus
            if status not in {RunStatus.APPLIED, RunStatus.REJECTED}
        ),
    ]
    clear_away(application)
    clear_away(application)
    assert [folder.exists() for folder in gone] == [False, False]
    assert all(folder.exists() for folder in stays)
    with application.sessions() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(one.actor, one.action, one.run_id) for one in entries] == [
        ("worker", "uploads.delete", 1),
        ("worker", "uploads.delete", 2),
    ]


def test_no_days_keep_the_files_for_ever(application: Application) -> None:
    keep_for(application, 0)
    folder = uploaded(application, RunStatus.APPLIED, 4000)
    clear_away(application)
    assert folder.exists()


def work(application: Application) -> None:
    subprocess.run(
        [sys.executable, "-m", "service", "worker", "--burst"],
        env=environment(application.settings),
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_a_worker_clears_away_once_an_hour(application: Application) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with running_redis(application.settings):
        add_sign_in(application, "old", long_ago)
        work(application)
        assert sign_ins(application) == []
        add_sign_in(application, "older", long_ago)
        work(application)
        assert sign_ins(application) == ["older"]
