"""The stand-in's own database: one SQLite file, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.moodle_standin.schema import SCHEMA

Row = sqlite3.Row
Values = Sequence[object] | Mapping[str, object]
"""The values of a query by their places, or by their names."""


class Store:
    """Tables, transactions and id sequences.

    A sequence never goes back: an id handed out in a transaction that failed is lost, as it is in
    the PostgreSQL behind the recorded site.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._sequences: dict[str, int] = {}
        self._has_looked = False
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
    def having_looked(self) -> Iterator[None]:
        """As of a call that found nothing taken when it began, and writes only now."""
        with self._lock:
            self._has_looked = True
            try:
                yield
            finally:
                self._has_looked = False

    def rows(self, query: str, values: Values = ()) -> list[Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, values: Values = ()) -> Row | None:
        with self._lock:
            found: Row | None = self._connection.execute(query, values).fetchone()
        return found

    def number(self, query: str, values: Values = ()) -> int:
        """Return the single number that a query gives, 0 when there is none."""
        row = self.row(query, values)
        return int(row[0] or 0) if row is not None else 0

    def run(self, query: str, values: Values = ()) -> int:
        """Execute one statement and say how many rows it touched."""
        with self._lock:
            return self._connection.execute(query, values).rowcount

    def find(self, table: str, **known: object) -> Row | None:
        """Return the first row of the table that has these values."""
        return self.row(f"SELECT * FROM {table} WHERE {_where(known)}", tuple(known.values()))

    def is_taken(self, table: str, but_for: int, **known: object) -> bool:
        """Tell whether a row other than the one with the id `but_for` has these values."""
        if self._has_looked and table != "user":
            return False  # only the names of users are kept apart by Moodle's database itself
        query = f"SELECT 1 FROM {table} WHERE {_where(known)} AND id <> ?"
        return self.row(query, (*known.values(), but_for)) is not None

    def add(self, table: str, values: Mapping[str, Any]) -> int:
        """Insert a row under the next id of its table and return that id."""
        row_id = self._sequences[table] = self._sequences.get(table, 0) + 1
        self.insert(table, {"id": row_id, **values})
        return row_id

    def insert(self, table: str, values: Mapping[str, Any], *, or_else: str = "ABORT") -> int:
        """Insert a row and return 1. For one whose key is taken `or_else` says what to do: ABORT,
        REPLACE it, or IGNORE the new one and return 0."""
        columns = ", ".join(values)
        query = f"INSERT OR {or_else} INTO {table} ({columns}) VALUES ({marks(values)})"
        return self.run(query, tuple(values.values()))

    def fill(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows that all have the same columns, with ids of their own if they have any; the
        next id of the table is larger than all of them."""
        for row in rows:
            self.insert(table, row)
            if "id" in row:
                self._sequences[table] = max(self._sequences.get(table, 0), int(row["id"]))

    def update(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        self.run(f"UPDATE {table} SET {assignments} WHERE id = ?", (*values.values(), row_id))

    def remove(self, table: str, **known: object) -> int:
        """Delete the rows that have these values and return how many there were."""
        return self.run(f"DELETE FROM {table} WHERE {_where(known)}", tuple(known.values()))

    def _save_sequences(self) -> None:
        self._connection.executemany(
            "INSERT INTO sequence (name, last) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET last = excluded.last WHERE last < excluded.last",
            list(self._sequences.items()),
        )


def _where(known: Collection[str]) -> str:
    return " AND ".join(f"{column} = ?" for column in known)


def marks(values: Collection[object]) -> str:
    """Return a placeholder for each value."""
    return ", ".join("?" * len(values))
