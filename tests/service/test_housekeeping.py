"""What counts no more goes by itself: by a worker, once an hour; old uploads by their age."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.models import LoginEvent, SignIn, SignInFailure
from auth.oidc.keys import ALGORITHMS, SigningKeys, create_key, load_keys
from service import housekeeping
from service.application import Application
from service.db import transaction
from service.housekeeping import OVER, clear_away
from service.models import ActivityBitmap, AuditEntry, LoadStatus
from tests.service.command_line import command
from tests.service.console_factories import add_run
from tests.service.factories import add
from tests.service.installation import environment, installation, running_redis
from tests.waiting import WAIT_SECONDS

NOW = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application:
        application.clock = lambda: NOW
        yield application


def add_sign_in(application: Application, name: str, expires_at: datetime) -> None:
    with transaction(application.sessions) as session:
        add(session, SignIn, cookie_hash=name, expires_at=expires_at)


def sign_ins(application: Application) -> list[str]:
    with application.sessions() as session:
        return list(session.scalars(select(SignIn.cookie_hash)))


def uploaded(application: Application, status: LoadStatus, days: int, **moments: datetime) -> Path:
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
        uploaded(application, LoadStatus.APPLIED, 100, finished_at=long_ago),
        uploaded(application, LoadStatus.REJECTED, 100, planned_at=long_ago),
        uploaded(application, LoadStatus.APPLIED_WITH_FAILURES, 100, finished_at=long_ago),
    ]
    stays = [
        uploaded(application, LoadStatus.APPLIED, 100, finished_at=lately),
        uploaded(application, LoadStatus.REJECTED, 100, planned_at=long_ago, finished_at=lately),
        *(uploaded(application, status, 100) for status in LoadStatus if status not in OVER),
    ]
    clear_away(application)
    clear_away(application)
    assert [folder.exists() for folder in gone] == [False, False, False]
    assert all(folder.exists() for folder in stays)
    with application.sessions() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert sorted((one.actor, one.action, one.load_id) for one in entries) == [
        ("worker", "load.delete_files", 1),
        ("worker", "load.delete_files", 2),
        ("worker", "load.delete_files", 3),
    ]


def test_no_days_keep_the_files_for_ever(application: Application) -> None:
    keep_for(application, 0)
    folder = uploaded(application, LoadStatus.APPLIED, 4000)
    clear_away(application)
    assert folder.exists()


def work(application: Application) -> None:
    subprocess.run(
        command("worker", "--burst"),
        env=environment(application.settings),
        check=True,
        capture_output=True,
        timeout=WAIT_SECONDS,
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


def add_login_events(application: Application, days_ago: list[int]) -> None:
    with transaction(application.sessions) as session:
        for days in days_ago:
            add(session, LoginEvent, at=NOW - timedelta(days=days), person_id="p")


def login_events(application: Application) -> list[int]:
    with application.sessions() as session:
        return sorted((NOW - at).days for at in session.scalars(select(LoginEvent.at)))


def keep_login_events_for(application: Application, days: int) -> None:
    changed = replace(application.settings.auth, keep_login_events_days=days)
    application.settings = replace(application.settings, auth=changed)


def test_old_login_events_go_piece_by_piece(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "EVENTS_AT_ONCE", 2)
    add_login_events(application, [1, 99, 100, 101, 102, 103, 104, 105])
    keep_login_events_for(application, 100)
    clear_away(application)
    assert login_events(application) == [1, 99, 100]
    clear_away(application)
    assert login_events(application) == [1, 99, 100]


def test_login_events_are_kept_for_ever_where_the_settings_say_so(
    application: Application,
) -> None:
    add_login_events(application, [1, 20_000])
    keep_login_events_for(application, 0)
    clear_away(application)
    assert login_events(application) == [1, 20_000]


def test_what_was_counted_outlives_the_login_events(application: Application) -> None:
    add_login_events(application, [2000])
    keep_login_events_for(application, 100)
    clear_away(application)
    assert login_events(application) == []
    with application.sessions() as session:
        assert session.scalars(select(ActivityBitmap.source)).first() is not None


def test_ended_signing_keys_are_deleted(application: Application) -> None:
    folder = application.settings.signing_keys
    earlier = load_keys(folder, NOW - timedelta(days=2)).all()
    for algorithm in ALGORITHMS:
        create_key(folder, algorithm, NOW - timedelta(hours=5))
    clear_away(application)
    kept = {key.path for key in SigningKeys(folder).all()}
    assert len(kept) == len(ALGORITHMS)
    assert not kept & {key.path for key in earlier}
