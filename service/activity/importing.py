"""History of an earlier portal: a CSV file with one sign-in a line (docs/activity.md)."""

from __future__ import annotations

import csv
import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.models import Method, Result
from service.activity.outside import ROWS, store
from service.db import SessionFactory, chunks, transaction
from service.models import EventSource, Identity, School, SourceKey
from service.problems import Problem

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "время"),
    "login": ("login", "логин"),
    "source_id": ("source_id", "идентификатор"),
    "school_code": ("school_code", "код школы"),
    "method": ("method", "способ входа"),
    "result": ("result", "результат"),
}
"""Names that the first line may give to a column, in any case."""

REQUIRED = ("time", "school_code", "method", "result")

METHODS = {
    "password": Method.PASSWORD, "пароль": Method.PASSWORD,
    "esia": Method.ESIA, "есиа": Method.ESIA,
    "session": Method.SESSION, "сеанс": Method.SESSION,
}  # fmt: skip
RESULTS = {
    "allowed": Result.ALLOWED, "вход": Result.ALLOWED,
    "refused": Result.REFUSED, "отказ": Result.REFUSED,
}  # fmt: skip

_DELIMITERS = ";,\t"
_FIRST_YEAR = 1990
"""No portal is older: an empty date of 1C is the year 1."""
_RUSSIAN_TIMES = (
    "%d.%m.%Y %H:%M:%S %z", "%d.%m.%Y %H:%M %z", "%d.%m.%Y %H:%M:%S%z",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
)  # fmt: skip
_SLACK = timedelta(minutes=5)
"""Clocks differ; what is further in the future is a mistake."""


class FileProblem(Problem):
    """The whole file cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadLine:
    """A line that cannot be used. The value is for the person at the screen, not for logs."""

    line: int
    column: str
    value: str
    code: str
    """``time``, ``no_zone``, ``future``, ``nobody``, ``school``, ``method``, ``result``."""


@dataclass(kw_only=True, slots=True)
class Imported:
    """What became of the lines of one file."""

    lines: int = 0
    new: int = 0
    known_before: int = 0
    """The same sign-in came earlier, in this or another file."""
    unmatched: int = 0
    """Of the new ones: of people whom we do not know; kept as a number only."""
    bad: list[BadLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    at: datetime
    login: str
    source_id: str
    school_code: str
    method: str
    result: str

    def key(self, secret: bytes) -> str:
        """The same for the same sign-in; without the secret nobody finds a login from it."""
        parts = (self.at.isoformat(), self.login, self.source_id, self.school_code,
                 self.method, self.result)  # fmt: skip
        return hmac.new(secret, "\0".join(parts).encode(), "sha256").hexdigest()


def import_events(
    sessions: SessionFactory, path: Path, *, secret: bytes, now: datetime
) -> Imported:
    """Keep and roll up the sign-ins of a file; importing it again changes nothing.

    Raises ``FileProblem``. Lines are read in pieces; each piece is a transaction.
    """
    done = Imported()
    with transaction(sessions) as session:
        schools = set(session.scalars(select(School.code)))
    for rows in chunks(_rows(path), ROWS):
        lines = []
        for number, row in rows:
            done.lines += 1
            found = _read(number, row, schools, now)
            if isinstance(found, BadLine):
                done.bad.append(found)
            else:
                lines.append(found)
        with transaction(sessions) as session:
            _store(session, lines, secret, done)
    return done


def _store(session: Session, lines: Sequence[_Line], secret: bytes, done: Imported) -> None:
    people = _people(session, lines)
    rows = [
        {
            "key": line.key(secret), "at": line.at, "person_id": person_id,
            "school_code": line.school_code, "method": line.method, "result": line.result,
        }
        for line, person_id in zip(lines, people, strict=True)
    ]  # fmt: skip
    new = store(session, EventSource.EARLIER_PORTAL, rows)
    done.new += len(new)
    done.known_before += len(lines) - len(new)
    strangers = {row["key"] for row in rows if row["person_id"] is None}
    done.unmatched += len(strangers & new)


def _people(session: Session, lines: Sequence[_Line]) -> list[str | None]:
    """The person of each line, by login or else by the school's own identifier."""
    logins: dict[str, str] = {}
    for some in chunks({line.login for line in lines if line.login}):
        found = select(Identity.username, Identity.person_id).where(Identity.username.in_(some))
        logins |= {row.username: row.person_id for row in session.execute(found)}
    keys: dict[tuple[str, str], set[str]] = {}
    for some in chunks({line.source_id for line in lines if line.source_id and not line.login}):
        rows = session.execute(
            select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id).where(
                SourceKey.sourced_id.in_(some)
            )
        )
        for school_code, sourced_id, person_id in rows:
            keys.setdefault((school_code, sourced_id), set()).add(person_id)
    # Two people behind one identifier: then it tells nobody.
    single = {key: people.pop() for key, people in keys.items() if len(people) == 1}
    return [
        logins.get(line.login) if line.login else single.get((line.school_code, line.source_id))
        for line in lines
    ]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers as an editor shows them, and the cells by our names of their columns."""
    with path.open(encoding=_encoding(path), newline="") as file:
        first = file.readline()
        if not first.strip():
            raise FileProblem("events.empty")
        delimiter = max(_DELIMITERS, key=first.count)
        names = _names(next(csv.reader([first], delimiter=delimiter)))
        reader = csv.reader(file, delimiter=delimiter)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                values = (cell.strip() for cell in cells)
                yield reader.line_num + 1, dict(zip(names, values, strict=False))


def _names(titles: Sequence[str]) -> list[str]:
    by_title = {title: name for name, titles_ in COLUMNS.items() for title in titles_}
    names = [by_title.get(title.strip().casefold(), "") for title in titles]
    missing = [name for name in REQUIRED if name not in names]
    if not {"login", "source_id"} & set(names):
        missing.append("login")
    if missing:
        raise FileProblem("events.columns", missing=", ".join(missing), names=", ".join(COLUMNS))
    return names


def _encoding(path: Path) -> str:
    """UTF-8 with or without its mark if the whole file is that, else Windows' Cyrillic."""
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            with path.open(encoding=encoding) as file:
                while file.read(2**20):
                    pass
        except UnicodeDecodeError:
            continue
        return encoding
    raise FileProblem("events.encoding")


def _read(number: int, row: Mapping[str, str], schools: set[str], now: datetime) -> _Line | BadLine:
    def bad(column: str, code: str) -> BadLine:
        return BadLine(line=number, column=column, value=row.get(column, "")[:80], code=code)

    at = _moment(row.get("time", ""))
    if at is None or at.year < _FIRST_YEAR:
        return bad("time", "time")
    if at.tzinfo is None:
        return bad("time", "no_zone")
    if at > now + _SLACK:
        return bad("time", "future")
    login, source_id, school = (row.get(name, "") for name in ("login", "source_id", "school_code"))
    if not login and not source_id:
        return bad("login", "nobody")
    if school not in schools:
        return bad("school_code", "school")
    method = METHODS.get(row.get("method", "").casefold())
    result = RESULTS.get(row.get("result", "").casefold())
    if method is None or result is None:
        wrong = "method" if method is None else "result"
        return bad(wrong, wrong)
    return _Line(at.astimezone(UTC), login, source_id, school, method, result)


def _moment(text: str) -> datetime | None:
    """ISO 8601, or the Russian order of a date; without a zone if the text has none."""
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    for form in _RUSSIAN_TIMES:
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - refused by the caller
    return None
