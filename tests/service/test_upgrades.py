"""Upgrades of the database: killed at any moment, copied before, refused for a newer version."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.db import make_engine
from service.schema import COPIES_KEPT, copies, keep_copy, migrate, revisions
from tests.service.command_line import run

KILLED_INIT = """
import os, signal, sys
from sqlalchemy import Engine, event

@event.listens_for(Engine, "after_cursor_execute")
def die(_connection, _cursor, statement, *_rest):
    if sys.argv[1] in statement:
        os.kill(os.getpid(), signal.SIGKILL)

from service.cli import main
main(["init"])
"""
"""``init`` in a process that dies right after the first statement with the text of its argument."""

NEWER = "9999"
"""A revision of some later version."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where ``init`` will make the tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'schoolbridge.sqlite'}"
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


def environment(home: Path, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "SCHOOLBRIDGE" not in name}
    return kept | {
        "SCHOOLBRIDGE_HOME": str(home),
        "SCHOOLBRIDGE_DATABASE_URL": url,
        "SCHOOLBRIDGE_LANG": "en",
    }


def kill_init(home: Path, url: str, statement: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_INIT, statement], env=environment(home, url),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def execute(url: str, statement: str, **values: object) -> list[Any]:
    """Run SQL in the database; gives the first column of what it finds."""
    engine = make_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        found = list(result.scalars()) if result.returns_rows else []
    engine.dispose()
    return found


def revision(url: str) -> str:
    (found,) = execute(url, "SELECT version_num FROM alembic_version")
    return str(found)


def operators(url: str) -> list[str]:
    return execute(url, "SELECT username FROM operators ORDER BY username")


def earlier_installation(home: Path, url: str = "") -> str:
    """What an earlier version left, with one operator in it; gives the database's URL."""
    url = url or f"sqlite:///{home / 'schoolbridge.sqlite'}"
    home.mkdir()
    (home / "secret").write_bytes(os.urandom(32))
    migrate(url, "0010")
    execute(
        url,
        "INSERT INTO operators (username, role, scope, password_hash, active, created_at)"
        " VALUES ('anna', 'city', '[]', '', :yes, '2026-09-01')",
        yes=True,
    )
    return url


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE identities", "CREATE TABLE auth_links", "CREATE TABLE mark_bitmaps"],
        ["INSERT INTO alembic_version", "SET version_num='0014'"],
    ],
    ids=["between tables", "between revisions"],
)
def test_init_killed_in_its_migrations_works_the_next_time(
    database_url: str, tmp_path: Path, statements: list[str]
) -> None:
    for statement in statements:
        kill_init(tmp_path / "home", database_url, statement)
    again = run("init", home=tmp_path / "home", DATABASE_URL=database_url)
    assert (again.code, again.err) == (0, "")
    assert revision(database_url) == revisions()[-1]
    assert operators(database_url) == ["admin"]


def test_an_upgrade_killed_in_the_middle_has_changed_nothing(
    database_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    earlier_installation(home, database_url)
    for statement in ("TABLE operators", "CREATE TABLE roll_events"):
        kill_init(home, database_url, statement)
        assert revision(database_url) == "0010"
        assert operators(database_url) == ["anna"]
    assert run("init", home=home, DATABASE_URL=database_url).code == 0
    assert revision(database_url) == revisions()[-1]
    assert operators(database_url) == ["anna"]


def test_a_copy_from_before_the_upgrade_can_be_put_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    url = earlier_installation(home)
    assert run("init", home=home).code == 0
    (copy,) = copies(home / "schoolbridge.sqlite")
    assert copy.name == "schoolbridge-before-upgrade-from-0010.sqlite"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for left in home.glob("schoolbridge.sqlite*"):
        left.unlink()
    shutil.copy(copy, home / "schoolbridge.sqlite")
    assert (revision(url), operators(url)) == ("0010", ["anna"])
    assert run("init", home=home).code == 0
    assert (revision(url), operators(url)) == (revisions()[-1], ["anna"])


def test_only_the_last_copies_are_kept(tmp_path: Path) -> None:
    database = tmp_path / "schoolbridge.sqlite"
    execute(f"sqlite:///{database}", "CREATE TABLE anything (id INTEGER)")
    made = []
    for number in range(COPIES_KEPT + 2):
        made.append(keep_copy(database, f"{number:04d}"))
        os.utime(made[-1], (number, number))
    made.append(keep_copy(database, "0099"))
    assert copies(database) == made[-COPIES_KEPT:]


def test_a_copy_that_cannot_be_written_stops_the_upgrade(tmp_path: Path) -> None:
    home = tmp_path / "home"
    url = earlier_installation(home)
    (home / "schoolbridge-before-upgrade-from-0010.sqlite").mkdir()
    ended = run("init", home=home)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "cannot be copied to" in ended.err
    assert revision(url) == "0010"


def test_an_upgrade_that_fails_says_so_in_one_line_and_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    url = earlier_installation(home)
    execute(url, "CREATE TABLE published_reports (left_by TEXT)")
    ended = run("init", home=home)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "from version 0010" in ended.err
    assert "restore the last copy" in ended.err
    assert revision(url) == "0010"


def made_by_a_newer_version(home: Path, url: str) -> None:
    assert run("init", home=home, DATABASE_URL=url).code == 0
    execute(url, "UPDATE alembic_version SET version_num = :new", new=NEWER)


def is_the_line(err: str) -> bool:
    lines = [line for line in err.splitlines() if "newer version of schoolbridge" in line]
    return len(lines) == 1 and NEWER in lines[0] and "Traceback" not in err


COMMANDS: list[list[object]] = [
    ["init"],
    ["serve"],
    ["runs"],
    ["plan", 1],
    ["apply", 1],
    ["import", "."],
    ["report", "coverage"],
    ["operators", "add", "anna", "--role", "city"],
    ["reset-password", "anna"],
    ["phases", "list"],
    ["registry", "schools"],
    ["events", "rebuild"],
]


def test_every_command_refuses_a_newer_database_in_one_line(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    made_by_a_newer_version(home, database_url)
    for command in COMMANDS:
        ended = run(*command, home=home, DATABASE_URL=database_url)
        assert (ended.code, len(ended.err.splitlines())) == (1, 1), command
        assert is_the_line(ended.err), command
    assert revision(database_url) == NEWER


def test_doctor_says_that_the_database_is_newer_and_looks_at_the_rest(
    database_url: str, tmp_path: Path
) -> None:
    made_by_a_newer_version(tmp_path / "home", database_url)
    ended = run("doctor", "--json", home=tmp_path / "home", DATABASE_URL=database_url)
    assert ended.code == 3
    (check,) = [one for one in ended.data if one["subject"] == "Database"]
    assert "newer version of schoolbridge (9999)" in check["message"]
    assert "Redis" in [one["subject"] for one in ended.data]


@pytest.mark.parametrize(
    "process",
    [
        ["-m", "service.worker", "upkeep"],
        ["-m", "service", "worker", "loads"],
        ["-c", "import service.wsgi"],
    ],
    ids=["worker", "worker command", "web"],
)
def test_worker_and_web_refuse_a_newer_database_in_one_line(
    tmp_path: Path, process: list[str]
) -> None:
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'schoolbridge.sqlite'}"
    made_by_a_newer_version(home, url)
    ended = subprocess.run(
        [sys.executable, *process], env=environment(home, url),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert is_the_line(ended.stderr)


def test_an_older_database_is_one_line_that_names_init(tmp_path: Path) -> None:
    home = tmp_path / "home"
    earlier_installation(home)
    ended = run("runs", home=home)
    assert ended.code == 1
    assert "older version; run: schoolbridge init" in ended.err


def test_a_secret_that_was_never_written_is_made_by_the_next_init(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").touch()
    assert run("init", home=home).code == 0
    assert len((home / "secret").read_bytes()) == 32
    assert [path.name for path in home.glob(".secret*")] == []
