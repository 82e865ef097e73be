"""What counts no more goes by itself: by a worker, once an hour; old uploads by their age."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from auth.models import LoginEvent, SignIn, SignInFailure
from auth.oidc.keys import ALGORITHMS, SigningKeys, create_key, load_keys
from service import housekeeping
from service.application import Application
from service.db import transaction
from service.housekeeping import OVER, clear_away
from service.models import (
    ActivityBitmap,
    Adoption,
    AdoptionRun,
    AuditEntry,
    Drift,
    LoadStatus,
    PortalLook,
)
from tests.service.command_line import command
from tests.service.factories import add, add_load
from tests.service.installation import NOW, environment, installation, running_redis
from tests.waiting import WAIT_SECONDS


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application:
        application.clock = lambda: NOW
        yield application


def configure(application: Application, section: str, **values: Any) -> None:
    changed = replace(getattr(application.settings, section), **values)
    application.settings = replace(application.settings, **{section: changed})


def put(application: Application, table: type[Any], *rows: dict[str, Any]) -> None:
    with transaction(application.sessions) as session:
        for fields in rows:
            add(session, table, **fields)


def kept(application: Application, column: Any) -> list[Any]:
    """What is left of a column."""
    with application.sessions() as session:
        return sorted(session.scalars(select(column)))


def uploaded(application: Application, status: LoadStatus, days: int, **moments: datetime) -> Path:
    """The folder with the files of a load that was received so many days ago."""
    with transaction(application.sessions) as session:
        load = add_load(session, status, created_at=NOW - timedelta(days=days), **moments)
        load.folder = f"uploads/{load.id:06d}"
        folder = application.settings.home / load.folder
    folder.mkdir(parents=True)
    (folder / "students.xml").write_text("<roll/>")
    return folder


def test_expired_sign_ins_and_old_failures_go_and_others_stay(application: Application) -> None:
    expired, valid = {"expires_at": NOW}, {"expires_at": NOW + timedelta(seconds=1)}
    put(application, SignIn, {"cookie_hash": "old", **expired}, {"cookie_hash": "new", **valid})
    old, new = {"at": NOW - timedelta(days=1)}, {"at": NOW - timedelta(hours=23)}
    put(application, SignInFailure, {"key_hash": "old", **old}, {"key_hash": "new", **new})
    clear_away(application)
    assert kept(application, SignIn.cookie_hash) == ["new"]
    assert kept(application, SignInFailure.key_hash) == ["new"]


def test_failures_stay_as_long_as_a_throttle_counts_them(application: Application) -> None:
    configure(application, "auth", failure_window_seconds=3 * 24 * 3600)
    put(application, SignInFailure, {"key_hash": "counts", "at": NOW - timedelta(days=2)})
    clear_away(application)
    assert kept(application, SignInFailure.key_hash) == ["counts"]


def test_files_of_loads_that_are_over_go_after_their_days(application: Application) -> None:
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
    assert not any(folder.exists() for folder in gone)
    assert all(folder.exists() for folder in stays)
    with application.sessions() as session:
        entries = session.scalars(select(AuditEntry)).all()
    acts = sorted((one.actor, one.action, one.load_id) for one in entries)
    assert acts == [("worker", "load.delete_files", number) for number in (1, 2, 3)]


def test_no_days_keep_the_files_for_ever(application: Application) -> None:
    configure(application, "server", keep_uploads_days=0)
    folder = uploaded(application, LoadStatus.APPLIED, 4000)
    clear_away(application)
    assert folder.exists()


def test_a_worker_clears_away_once_an_hour(application: Application) -> None:
    with running_redis(application.settings):
        for name, left in (("old", []), ("older", ["older"])):
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            put(application, SignIn, {"cookie_hash": name, "expires_at": long_ago})
            subprocess.run(
                command("worker", "--burst"), env=environment(application.settings), check=True,
                capture_output=True, timeout=WAIT_SECONDS,
            )  # fmt: skip
            assert kept(application, SignIn.cookie_hash) == left


def add_login_events(application: Application, *days_ago: int) -> None:
    events = ({"at": NOW - timedelta(days=days), "person_id": "p"} for days in days_ago)
    put(application, LoginEvent, *events)


def login_events(application: Application) -> list[int]:
    """How many days ago those were that are left."""
    return sorted((NOW - at).days for at in kept(application, LoginEvent.at))


def test_old_events_go_in_pieces(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "EVENTS_AT_ONCE", 2)
    configure(application, "auth", keep_login_events_days=100)
    add_login_events(application, 1, 99, 100, 101, 102, 103, 104, 105)
    for _time in range(2):
        clear_away(application)
        assert login_events(application) == [1, 99, 100]


def test_login_events_are_kept_for_ever_where_the_settings_say_so(application: Application) -> None:
    configure(application, "auth", keep_login_events_days=0)
    add_login_events(application, 1, 20_000)
    clear_away(application)
    assert login_events(application) == [1, 20_000]


def test_what_was_counted_outlives_the_login_events(application: Application) -> None:
    configure(application, "auth", keep_login_events_days=100)
    add_login_events(application, 2000)
    clear_away(application)
    assert login_events(application) == []
    assert kept(application, ActivityBitmap.source) != []


def test_ended_signing_keys_are_deleted(application: Application) -> None:
    folder = application.settings.signing_keys
    earlier = load_keys(folder, NOW - timedelta(days=2)).all()
    for algorithm in ALGORITHMS:
        create_key(folder, algorithm, NOW - timedelta(hours=5))
    clear_away(application)
    left = {key.path for key in SigningKeys(folder).all()}
    assert len(left) == len(ALGORITHMS)
    assert not left & {key.path for key in earlier}


def test_what_was_settled_in_moodle_is_cleared_after_a_month(application: Application) -> None:
    old, new = NOW - timedelta(days=31), NOW - timedelta(days=29)
    look = {"began_at": old, "actor": "worker"}
    drift: dict[str, Any] = {
        "kind": "field", "subject": "user", "field": "lastname", "ours": "Иванов",
        "theirs": "Петров", "look_id": 1, "found_at": old, "seen_at": old,
    }  # fmt: skip
    put(application, PortalLook, look)
    put(
        application, Drift,
        drift | {"key": "settled", "state": "settled", "decided_at": old},
        drift | {"key": "repaired", "state": "repaired"},
        drift | {"key": "new", "state": "settled", "decided_at": new},
        drift | {"key": "kept", "state": "kept", "decided_at": old},
    )  # fmt: skip
    clear_away(application)
    with application.sessions() as session:
        left = {one.key: (one.ours, one.theirs) for one in session.scalars(select(Drift))}
    seen = ("Иванов", "Петров")
    assert left == {"settled": ("", ""), "repaired": ("", ""), "new": seen, "kept": seen}


def test_accounts_that_were_not_adopted_are_forgotten_but_for_answers(
    application: Application,
) -> None:
    run = {"began_at": NOW - timedelta(days=40), "actor": "kira"}
    long_ago, lately = NOW - timedelta(days=31), NOW - timedelta(days=29)
    put(
        application, AdoptionRun,
        run | {"state": "applied", "approved_at": long_ago},
        run | {"state": "applied", "approved_at": lately},
        run | {"state": "planned"},
    )  # fmt: skip
    hashes = dict.fromkeys(("name_hash", "snils_hash", "idnumber_hash", "login_hash"), "")
    row: dict[str, Any] = {"run_id": 1, "account": "{}", "outcome": "nobody", **hashes}
    put(
        application, Adoption,
        row | {"moodle_id": 1}, row | {"moodle_id": 2, "outcome": "changed"},
        row | {"moodle_id": 3, "outcome": "adopted"}, row | {"moodle_id": 4, "decided_by": "kira"},
        row | {"moodle_id": 5, "run_id": 2}, row | {"moodle_id": 6, "run_id": 3},
    )  # fmt: skip
    clear_away(application)
    assert kept(application, Adoption.moodle_id) == [3, 4, 5, 6]
