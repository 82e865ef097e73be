"""Weekly figures of other platforms: which school a row means, versions of a week, matching."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope, need_city
from service.audit import AuditAction
from service.models import PlatformFigure, PlatformSchool, PlatformWeek, ReferenceImport, School
from service.registry import Refusal
from service.registry.columns import Problem, Row, plain, repeated
from service.registry.mappings import FIGURES, FLAGS
from service.registry.preview import Entry, Preview
from service.registry.schools import open_without


def check(rows: Sequence[Row]) -> list[Problem]:
    """Give rows their label; a row that names no school, or one named before, is a problem."""
    for row in rows:
        row["label"] = label(row)
    nameless = [row["row"] for row in rows if not row["label"]]
    problems = [Problem(code="school.not_named", row=number) for number in nameless]
    return problems + repeated([row for row in rows if row["label"]], ["label"])


def label(row: Row) -> str:
    """Name the school in the platform's words, which are remembered with a person's match."""
    number = f"№{row['number']}" if "number" in row else ""
    parts = (row.get("code"), row.get("district"), number, row.get("name"))
    return ", ".join(part for part in parts if part)


class Matcher:
    """Finds the school of a row: by code, else number and district, else name; never a guess."""

    def __init__(self, session: Session, platform: str) -> None:
        schools = session.scalars(select(School)).all()
        self._codes = {school.code for school in schools}
        self._by_number: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
        for school in schools:
            district = plain(school.district)
            self._by_number[district, plain(school.number)].add(school.code)
            for name in {plain(school.name), plain(school.short_name)}:
                self._by_name[district, name].add(school.code)
                self._by_name["", name].add(school.code)
        self._said = {
            one.label: one
            for one in session.scalars(
                select(PlatformSchool).where(PlatformSchool.platform == platform)
            )
            if one.matched_by
        }

    def find(self, row: Row) -> str | None:
        """Return the code; None when none or several fit, or a person said that none is ours."""
        said = self._said.get(row["label"])
        if said is not None:
            return said.school_code
        if "code" in row:
            return row["code"] if row["code"] in self._codes else None
        district = plain(row.get("district", ""))
        for index, key in ((self._by_number, "number"), (self._by_name, "name")):
            if key in row and (district or key == "name"):
                fits = index.get((district, plain(row[key])), set())
                if len(fits) == 1:
                    return next(iter(fits))
        return None

    def is_ignored(self, row: Row) -> bool:
        said = self._said.get(row["label"])
        return said is not None and said.ignored


def preview(session: Session, rows: Sequence[Row], options: Mapping[str, Any]) -> Preview:
    """Add every row, as a new version of the week; two rows of one school are a problem."""
    matcher = Matcher(session, options["platform"])
    found = {row["row"]: matcher.find(row) for row in rows}
    times = Counter(code for code in found.values() if code)
    added, unmatched, problems = [], [], []
    for row in rows:
        code = found[row["row"]]
        if code and times[code] > 1:
            problems.append(
                Problem(code="school.two_rows", row=row["row"], value=row["label"],
                        details={"code": code})
            )  # fmt: skip
        if code is None and not matcher.is_ignored(row):
            unmatched.append(row["label"])
        changes = {name: (None, row[name]) for name in (*FIGURES, *FLAGS) if name in row}
        added.append(Entry(key=row["label"], title=code or "", changes=changes))
    missing = open_without(session.scalars(select(School)), set(found.values()))
    return Preview(added=added, missing=missing, unmatched=unmatched, problems=problems)


def apply(session: Session, received: ReferenceImport, *, actor: str, now: datetime) -> None:
    """Store the rows as the next version of the week; earlier versions stay as they are."""
    platform, first_day = received.options["platform"], received.options["first_day"]
    begins = date.fromisoformat(first_day)
    newest = session.scalar(
        select(func.max(PlatformWeek.version)).where(
            PlatformWeek.platform == platform, PlatformWeek.first_day == begins
        )
    )
    week = PlatformWeek(
        platform=platform, first_day=begins, version=(newest or 0) + 1, imported_at=now,
        imported_by=actor, file_name=received.file_name, sha256=received.sha256,
        mapping=received.options["mapping"],
    )  # fmt: skip
    session.add(week)
    session.flush()
    matcher = Matcher(session, platform)
    for row in received.rows:
        values = {name: row.get(name) for name in (*FIGURES, *FLAGS)}
        session.add(PlatformFigure(week_id=week.id, row=row["row"], label=row["label"], **values))
        known = session.get(PlatformSchool, (platform, row["label"]))
        if known is None:
            known = PlatformSchool(platform=platform, label=row["label"])
            session.add(known)
        if not known.matched_by:
            known.school_code, known.matched_at = matcher.find(row), now
    audit.record(
        session, AuditAction.PLATFORM_IMPORT, at=now, actor=actor, platform=platform,
        first_day=first_day, version=week.version,
    )  # fmt: skip


def match(
    session: Session, scope: Scope, platform: str, name: str, code: str | None, now: datetime
) -> None:
    """Remember which school a person says that ``name`` is, or with None that it is none.

    It counts for every week, stored and to come. Only the city may say it. Raises ``Forbidden``
    for others, and for a name or school that is not known; ``Refusal("platform.two_rows")`` when
    another row of a stored week is this school already.
    """
    need_city(scope)
    known = session.get(PlatformSchool, (platform, name))
    if known is None or (code is not None and session.get(School, code) is None):
        raise Forbidden("school")
    if code is not None and _shares_a_week(session, platform, name, code):
        raise Refusal("platform.two_rows", code=code)
    before = known.school_code
    known.school_code, known.ignored = code, code is None
    known.matched_at, known.matched_by = now, scope.actor
    audit.record(
        session, AuditAction.PLATFORM_MATCH, at=now, actor=scope.actor, school_code=code or "",
        platform=platform, label=name, before=before,
    )  # fmt: skip


def _shares_a_week(session: Session, platform: str, name: str, code: str) -> bool:
    weeks = select(PlatformFigure.week_id).where(PlatformFigure.label == name)
    same = (
        select(PlatformFigure.label)
        .join(PlatformSchool, PlatformSchool.label == PlatformFigure.label)
        .where(
            PlatformFigure.week_id.in_(weeks),
            PlatformSchool.platform == platform,
            PlatformSchool.school_code == code,
            PlatformSchool.label != name,
        )
        .limit(1)
    )
    return session.scalar(same) is not None
