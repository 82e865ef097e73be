"""The schema of the database: its revision, and the one way to bring it up to date.

An upgrade is one transaction on PostgreSQL and on SQLite, so that a process killed in the middle of
it has changed nothing. A SQLite file is copied beside itself first.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from service.data_folder import StartError
from service.db import make_engine
from service.i18n import gettext as _

MIGRATIONS = Path(__file__).parent / "migrations"
COPIES_KEPT = 3
"""Copies of a SQLite file from before the last upgrades; older ones are deleted."""
_LOCK = 7_265_400  # any number of our own: two processes must not migrate at once
_WAIT_SECONDS = 600
"""How long an upgrade of a SQLite file waits for another writer."""


@cache
def revisions() -> tuple[str, ...]:
    """Return all revisions this program knows, oldest first, by the names of their files.

    Alembic would say the same, and takes 11 MB to do it; most processes find the schema ready.
    """
    return tuple(sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def revision_of(connection: Connection) -> str:
    """Return the revision of the database; empty when no upgrade was ever finished here."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def check_revision(engine: Engine) -> None:
    """Raises ``StartError`` when the tables are of another version than this program."""
    with engine.connect() as connection:
        found = revision_of(connection)
    _refuse_newer(found)
    if found and found != revisions()[-1]:
        raise StartError(_("the database is of an older version; run: schoolbridge init"))


def is_newer(found: str) -> bool:
    """Tell whether a newer version of this program made the revision."""
    return bool(found) and found not in revisions()


def _refuse_newer(found: str) -> None:
    if is_newer(found):
        raise StartError(
            _("the database is of a newer version of schoolbridge ({found}; this one knows up to "
              "{known}); install that version again, or restore the copy from before the upgrade",
              found=found, known=revisions()[-1])
        )  # fmt: skip


def migrate(url: str, target: str = "head") -> None:
    """Bring the schema to the newest revision; safe to repeat and to run twice at once.

    ``target`` is an earlier revision where an upgrade is tested. Raises ``StartError`` when the
    upgrade fails or the database is of a newer version; then nothing has changed.
    """
    with _upgrading(url) as engine, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = revision_of(connection)
        _refuse_newer(found)
        if found == revisions()[-1]:
            return
        if found and engine.url.database and connection.dialect.name == "sqlite":
            keep_copy(Path(engine.url.database), found)
        dangling = _dangling(connection)
        try:
            _upgrade(connection, target)
        except SQLAlchemyError as error:
            # The driver's own text may quote what a row holds.
            raise StartError(
                _("the tables could not be brought from version {found} to {known} ({what}); "
                  "nothing was changed. An upgrade that broke off under an earlier version "
                  "leaves this: restore the last copy of the database", found=found or "0",
                  known=revisions()[-1], what=type(error.__cause__ or error).__name__)
            ) from error  # fmt: skip
        if _dangling(connection) > dangling:
            raise StartError(_("the upgrade of the database would lose rows; nothing was changed"))


@contextmanager
def _upgrading(url: str) -> Iterator[Engine]:
    """An engine whose transactions hold changes of tables too, and that is gone afterwards."""
    engine = make_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _no_hidden_commits)
        event.listen(engine, "begin", _begin_to_write)
    try:
        yield engine
    finally:
        engine.dispose()


def _no_hidden_commits(connection: Any, _record: Any) -> None:
    # Python's driver begins a transaction before rows change, never before tables do.
    connection.isolation_level = None
    # To change a column SQLite needs the table made anew: rows that name it must not go with it.
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute(f"PRAGMA busy_timeout={_WAIT_SECONDS * 1000}")


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _dangling(connection: Connection) -> int:
    """Return the number of rows of SQLite that name a missing row; PostgreSQL never has any."""
    if connection.dialect.name != "sqlite":
        return 0
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def copies(database: Path) -> list[Path]:
    """Return the copies from before upgrades, oldest first."""
    found = database.parent.glob(f"{database.stem}-before-upgrade-from-*{database.suffix}")
    return sorted(found, key=lambda copy: (copy.stat().st_mtime, copy.name))


def keep_copy(database: Path, revision: str) -> Path:
    """Copy a SQLite file as it is now, whole or not at all; the oldest copies go.

    Raises ``StartError`` when there is no room for it.
    """
    name = f"{database.stem}-before-upgrade-from-{revision}{database.suffix}"
    copy, unfinished = database.with_name(name), database.with_name(f"{name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with (
            closing(sqlite3.connect(database)) as source,
            closing(sqlite3.connect(unfinished)) as target,
        ):
            source.backup(target)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.rename(copy)
    except (OSError, sqlite3.Error) as error:
        raise StartError(
            _("the database cannot be copied to {copy} before its upgrade ({what}); make room "
              "there. Nothing was changed", copy=copy, what=error)
        ) from error  # fmt: skip
    for old in copies(database)[:-COPIES_KEPT]:
        old.unlink(missing_ok=True)
    return copy
