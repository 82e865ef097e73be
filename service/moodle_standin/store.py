"""The stand-in's own database: one SQLite file, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.moodle_standin.schema import SCHEMA

Row = sqlite3.Row


class Store:
    """Tables, transactions and id sequences.

    A sequence never goes back: an id handed out in a transaction that failed is lost, as it is in
    the PostgreSQL behind the recorded site.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._sequences: dict[str, int] = {}
        self._connection = sqlite3.connect(
            str(path) if path else ":memory:",
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
        )
        self._connection.row_factory = sqlite3.Row
        # SQLite folds the case of Latin letters only; names here are Cyrillic.
        self._connection.create_function("fold", 1, str.casefold, deterministic=True)
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)
        self._sequences.update(
            {row["name"]: row["last"] for row in self.rows("SELECT name, last FROM sequence")}
        )

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction: all of it or nothing; other callers wait."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._save_sequences()
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a part of the running transaction that may fail alone."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO part")
            self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    def next_id(self, table: str) -> int:
        number = self._sequences.get(table, 0) + 1
        self._sequences[table] = number
        return number

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, values: Sequence[object] = ()) -> Row | None:
        with self._lock:
            found: Row | None = self._connection.execute(query, values).fetchone()
        return found

    def number(self, query: str, values: Sequence[object] = ()) -> int:
        """Return the single number that a query gives, 0 when there is none."""
        row = self.row(query, values)
        return int(row[0] or 0) if row is not None else 0

    def run(self, query: str, values: Sequence[object] = ()) -> int:
        """Execute one statement and say how many rows it touched."""
        with self._lock:
            return self._connection.execute(query, values).rowcount

    def insert(self, table: str, values: Mapping[str, Any]) -> None:
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))

    def update(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        if values:
            assignments = ", ".join(f"{column} = ?" for column in values)
            self.run(
                f"UPDATE {table} SET {assignments} WHERE id = ?",
                (*values.values(), row_id),
            )

    def _save_sequences(self) -> None:
        self._connection.executemany(
            "INSERT INTO sequence (name, last) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET last = excluded.last WHERE last < excluded.last",
            list(self._sequences.items()),
        )


def marks(values: Sequence[object]) -> str:
    """Return the placeholders of an IN list."""
    return ", ".join("?" * len(values))
