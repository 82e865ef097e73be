"""An import of reference data: received, shown, then applied or rejected by a person.

Only the city imports: a file is about schools of all districts. The file is read once and its rows
are kept; what they would change is worked out anew each time it is shown, so that the yes is always
about the registry of now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope, need_city
from service.audit import AuditAction
from service.calendar.weeks import week_of
from service.db import LARGEST
from service.models import ImportStatus, ReferenceImport
from service.registry import Refusal, milestones, platforms, schools, totals
from service.registry.columns import Column, Problem, Row, read_rows
from service.registry.mappings import PlatformMapping
from service.registry.preview import Preview
from service.registry.tables import read_table
from service.settings import RegistrySettings

PLATFORM = "platform"
"""The subject of weekly figures of another platform."""

MAX_PLATFORM_NAME = 50


class Subject(Protocol):
    """A kind of file, which is a module."""

    COLUMNS: tuple[Column, ...]

    def check(self, rows: Sequence[Row]) -> list[Problem]: ...

    def preview(self, session: Session, rows: Sequence[Row]) -> Preview: ...

    def apply(self, session: Session, found: Preview, *, actor: str, now: datetime) -> None: ...


SUBJECTS: Mapping[str, Subject] = {
    "schools": schools, "totals": totals, "milestones": milestones,
}  # fmt: skip
"""What is imported besides a platform's week."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekOfPlatform:
    """What the person says about a platform's file."""

    platform: str
    day: date
    """Any day of the week that the figures are of."""
    mapping: PlatformMapping


def receive(
    session: Session,
    settings: RegistrySettings,
    *,
    scope: Scope,
    subject: str,
    file_name: str,
    data: bytes,
    now: datetime,
    week: WeekOfPlatform | None = None,
) -> ReferenceImport:
    """Read a file and keep its rows until a person decides; nothing else changes.

    Raises ``Forbidden`` for all but the city, ``Refusal`` when the file is no table with the
    columns of its subject, and ``Refusal("platform.no_name")`` for a week without a platform.
    """
    need_city(scope)
    options: dict[str, Any] = {}
    if week is not None:
        name = " ".join(week.platform.split())
        if not 0 < len(name) <= MAX_PLATFORM_NAME:
            raise Refusal("platform.no_name")
        first_day = week_of(week.day).first.isoformat()
        options = {"platform": name, "first_day": first_day, "mapping": week.mapping.name}
    columns = week.mapping.columns if week else SUBJECTS[subject].COLUMNS
    rows, problems = read_rows(read_table(file_name, data, settings), columns)
    problems += platforms.check(rows) if week else SUBJECTS[subject].check(rows)
    received = ReferenceImport(
        subject=subject,
        status=ImportStatus.PENDING,
        file_name=file_name[-255:],
        sha256=hashlib.sha256(data).hexdigest(),
        options=options,
        rows=rows,
        problems=[asdict(one) for one in problems],
        created_at=now,
        created_by=scope.actor,
    )
    session.add(received)
    session.flush()
    _record(session, received, AuditAction.REGISTRY_RECEIVE, scope, now)
    return received


def find(session: Session, import_id: int, scope: Scope, **options: Any) -> ReferenceImport:
    """Return an import. Raises ``Forbidden`` when it is unknown, and for all but the city."""
    need_city(scope)
    known = import_id <= LARGEST
    found = session.get(ReferenceImport, import_id, **options) if known else None
    if found is None:
        raise Forbidden("school")
    return found


def _undecided(session: Session, import_id: int, scope: Scope) -> ReferenceImport:
    """Find an import to decide about, locked so that two people's yes is not carried out twice."""
    received = find(session, import_id, scope, with_for_update=True)
    if received.status != ImportStatus.PENDING:
        raise Refusal("import.decided")
    return received


def latest(session: Session, scope: Scope, limit: int = 50) -> Sequence[ReferenceImport]:
    need_city(scope)
    newest = select(ReferenceImport).order_by(ReferenceImport.id.desc()).limit(limit)
    return session.scalars(newest).all()


def preview(session: Session, received: ReferenceImport) -> Preview:
    """Return what the import would change now, with all that is wrong in the file."""
    if received.subject == PLATFORM:
        found = platforms.preview(session, received.rows, received.options)
    else:
        found = SUBJECTS[received.subject].preview(session, received.rows)
    read = [Problem(**one) for one in received.problems]
    problems = sorted((*read, *found.problems), key=lambda one: (not one.stops, one.row))
    return replace(found, problems=problems)


def apply(session: Session, import_id: int, *, scope: Scope, digest: str, now: datetime) -> None:
    """Say yes to what was shown under ``digest``: all of it or nothing.

    Raises ``Refusal``: ``import.decided``, ``import.has_problems``, ``import.differs`` (the
    registry has changed since it was shown).
    """
    received = _undecided(session, import_id, scope)
    found = preview(session, received)
    if not found.can_apply:
        raise Refusal("import.has_problems")
    if found.digest != digest:
        raise Refusal("import.differs")
    if received.subject == PLATFORM:
        platforms.apply(session, received, actor=scope.actor, now=now)
    else:
        SUBJECTS[received.subject].apply(session, found, actor=scope.actor, now=now)
    _decide(session, received, ImportStatus.APPLIED, scope, now)


def reject(session: Session, import_id: int, *, scope: Scope, now: datetime) -> None:
    """Say no. Raises ``Refusal("import.decided")`` when it is too late."""
    received = _undecided(session, import_id, scope)
    _decide(session, received, ImportStatus.REJECTED, scope, now)


def _decide(
    session: Session, received: ReferenceImport, status: ImportStatus, scope: Scope, now: datetime
) -> None:
    received.status, received.decided_at, received.decided_by = status, now, scope.actor
    applied = status is ImportStatus.APPLIED
    action = AuditAction.REGISTRY_APPLY if applied else AuditAction.REGISTRY_REJECT
    _record(session, received, action, scope, now)


def _record(
    session: Session, received: ReferenceImport, action: AuditAction, scope: Scope, now: datetime
) -> None:
    details: dict[str, Any] = {"import": received.id}
    audit.record(
        session, action, at=now, actor=scope.actor, subject=received.subject,
        rows=len(received.rows), sha256=received.sha256, **details,
    )  # fmt: skip
