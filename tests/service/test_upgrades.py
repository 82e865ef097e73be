"""Upgrades of the database: killed at any moment, copied before, refused for a newer version."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path

import pytest

from service.schema import COPIES_KEPT, copies, keep_copy, migrate, revisions
from tests.service.command_line import python, run
from tests.service.database import execute, on_both_databases

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


def kill_init(home: Path, url: str, statement: str) -> None:
    ended = python("-c", KILLED_INIT, statement, home=home, DATABASE_URL=url)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def state(url: str) -> tuple[str, list[str]]:
    """The revision, and the names of operators."""
    ((revision,),) = execute(url, "SELECT version_num FROM alembic_version")
    operators = execute(url, "SELECT username FROM operators ORDER BY username")
    return revision, [row.username for row in operators]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "home"


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
        {"yes": True},
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
@on_both_databases
def test_init_killed_in_its_migrations_works_the_next_time(
    database_url: str, home: Path, statements: list[str]
) -> None:
    for statement in statements:
        kill_init(home, database_url, statement)
    assert run("init", home=home, code=0, DATABASE_URL=database_url).err == ""
    assert state(database_url) == (revisions()[-1], ["admin"])


@on_both_databases
def test_an_upgrade_killed_in_the_middle_has_changed_nothing(database_url: str, home: Path) -> None:
    earlier_installation(home, database_url)
    for statement in ("TABLE operators", "CREATE TABLE roll_events"):
        kill_init(home, database_url, statement)
        assert state(database_url) == ("0010", ["anna"])
    run("init", home=home, code=0, DATABASE_URL=database_url)
    assert state(database_url) == (revisions()[-1], ["anna"])


def test_a_copy_from_before_the_upgrade_can_be_put_back(home: Path) -> None:
    url = earlier_installation(home)
    assert run("init", home=home).code == 0
    (copy,) = copies(home / "schoolbridge.sqlite")
    assert copy.name == "schoolbridge-before-upgrade-from-0010.sqlite"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for left in home.glob("schoolbridge.sqlite*"):
        left.unlink()
    shutil.copy(copy, home / "schoolbridge.sqlite")
    assert state(url) == ("0010", ["anna"])
    run("init", home=home, code=0)
    assert state(url) == (revisions()[-1], ["anna"])


def test_only_the_last_copies_are_kept(tmp_path: Path) -> None:
    database = tmp_path / "schoolbridge.sqlite"
    execute(f"sqlite:///{database}", "CREATE TABLE anything (id INTEGER)")
    made = []
    for number in range(COPIES_KEPT + 2):
        made.append(keep_copy(database, f"{number:04d}"))
        os.utime(made[-1], (number, number))
    made.append(keep_copy(database, "0099"))
    assert copies(database) == made[-COPIES_KEPT:]


@pytest.mark.parametrize(
    ("in_the_way", "told"),
    [
        ("a copy", ["cannot be copied to"]),
        ("a table", ["from version 0010", "restore the last copy"]),
    ],
)
def test_an_upgrade_that_fails_says_so_in_one_line_and_changes_nothing(
    home: Path, in_the_way: str, told: list[str]
) -> None:
    url = earlier_installation(home)
    if in_the_way == "a copy":
        (home / "schoolbridge-before-upgrade-from-0010.sqlite").mkdir()
    else:
        execute(url, "CREATE TABLE published_reports (left_by TEXT)")
    ended = run("init", home=home)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert [text for text in told if text not in ended.err] == []
    assert state(url)[0] == "0010"


def made_by_a_newer_version(home: Path, url: str) -> None:
    assert run("init", home=home, DATABASE_URL=url).code == 0
    execute(url, f"UPDATE alembic_version SET version_num = '{NEWER}'")


def is_the_line(err: str) -> bool:
    lines = [line for line in err.splitlines() if "newer version of schoolbridge" in line]
    return len(lines) == 1 and NEWER in lines[0] and "Traceback" not in err


COMMANDS = (
    "init", "serve", "runs", "plan 1", "apply 1", "import .", "report coverage",
    "operators add anna --role city", "reset-password anna", "phases list", "registry schools",
    "events rebuild",
)  # fmt: skip


@on_both_databases
def test_every_command_refuses_a_newer_database_in_one_line(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made_by_a_newer_version(home, database_url)
    for command in COMMANDS:
        ended = run(*command.split(), home=home, DATABASE_URL=database_url)
        assert (ended.code, len(ended.err.splitlines())) == (1, 1), command
        assert is_the_line(ended.err), command
    assert state(database_url)[0] == NEWER


@on_both_databases
def test_doctor_tells_of_a_newer_database_and_goes_on(database_url: str, home: Path) -> None:
    made_by_a_newer_version(home, database_url)
    ended = run("doctor", "--json", home=home, DATABASE_URL=database_url, code=3)
    (check,) = [one for one in ended.data if one["subject"] == "Database"]
    assert "newer version of schoolbridge (9999)" in check["message"]
    assert "Redis" in [one["subject"] for one in ended.data]


@pytest.mark.parametrize(
    "process",
    [
        ("-m", "service.worker", "upkeep"),
        ("-m", "service", "worker", "loads"),
        ("-c", "import service.wsgi"),
    ],
    ids=["worker", "worker command", "web"],
)
def test_worker_and_web_refuse_a_newer_database(home: Path, process: tuple[str, ...]) -> None:
    url = f"sqlite:///{home / 'schoolbridge.sqlite'}"
    made_by_a_newer_version(home, url)
    ended = python(*process, home=home, DATABASE_URL=url)
    assert ended.returncode == 1
    assert is_the_line(ended.stderr)


def test_an_older_database_is_one_line_that_names_init(home: Path) -> None:
    earlier_installation(home)
    assert "older version; run: schoolbridge init" in run("runs", home=home, code=1).err


def test_a_secret_that_was_never_written_is_made_by_the_next_init(home: Path) -> None:
    home.mkdir()
    (home / "secret").touch()
    assert run("init", home=home).code == 0
    assert len((home / "secret").read_bytes()) == 32
    assert [path.name for path in home.glob(".secret*")] == []
