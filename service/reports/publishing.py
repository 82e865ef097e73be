"""Publishing: a report is stored as it was, and from then on that is what its question gives.

A correction is a new version with a reason; the old one stays readable. Nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.i18n import gettext as _
from service.models import OperatorRole, PublishedReport, School
from service.reports.definition import Definition, make
from service.reports.export import to_csv
from service.reports.question import Asked, Compare
from service.reports.report import Report, show_moment
from service.reports.stored import from_data, to_data

LATE = timedelta(hours=1)
"""Built so long after the cut-off, a report says that its rolls are of a later moment."""

MAX_REASON_LENGTH = 500


class PublishProblem(Exception):
    """It cannot be published so. The text says why, in the language of the reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a question gives: the published figures where there are such, else figures of now."""

    report: Report
    published: PublishedReport | None = None
    """The final version that answers, or would without ``live``."""
    differs: bool = False
    """Figures of now differ from the published ones. Known only when ``live`` was asked."""


def answer(
    session: Session,
    definition: Definition,
    asked: Asked,
    *,
    live: bool = False,
    shown: Scope | None = None,
) -> Answer:
    """The newest final publication of this question; without one or with ``live``, counted now.

    What is not published yet may be counted for the rows of ``shown`` only (``Asked.shown``).
    """
    published = _newest(session, question_of(definition, asked)) if asked.period else None
    if published and not live:
        return Answer(report=from_data(published.data), published=published)
    if published is None:
        asked = replace(asked, shown=shown)
    report = make(session, definition, asked)
    differs = published is not None and to_csv(report) != published.csv
    return Answer(report=report, published=published, differs=differs)


def publish(
    session: Session,
    definition: Definition,
    asked: Asked,
    *,
    now: datetime,
    by: str,
    reason: str = "",
) -> PublishedReport:
    """Build and store; ``asked.now`` is the cut-off, ``now`` the moment of building.

    Raises ``PublishProblem`` when this was published already and no ``reason`` is given.
    """
    reason = " ".join(reason.split())[:MAX_REASON_LENGTH]
    report = make(session, definition, asked)
    late = (_late_note(report, now),) if now - asked.now > LATE else ()
    report = replace(report, built_at=now, built_by=by, notes=(*report.notes, *late))
    question, whole = question_of(definition, asked), _whole(asked)
    version = 1 + (
        session.scalar(
            select(func.max(PublishedReport.version)).where(
                PublishedReport.question == question,
                PublishedReport.preliminary.is_(report.preliminary),
            )
        )
        or 0
    )
    if version > 1 and not reason:
        raise PublishProblem(_("This is published already; a correction needs a reason."))
    published = PublishedReport(
        report=definition.name,
        question=question,
        preliminary=report.preliminary,
        version=version,
        first_day=asked.period.first if asked.period else None,
        last_day=asked.period.last if asked.period else None,
        part_role=whole.role,
        part_items=sorted(whole.items),
        method=report.version,
        cut_off=report.cut_off,
        published_at=now,
        published_by=by,
        reason=reason,
        data=to_data(report),
        csv=to_csv(report),
    )
    try:
        with session.begin_nested():
            session.add(published)
    except IntegrityError as error:
        raise PublishProblem(_("Somebody published this in the same moment.")) from error
    audit.record(
        session, AuditAction.REPORT_PUBLISH, at=now, actor=by, report=definition.name,
        published=published.id, version=version,
    )  # fmt: skip
    return published


def question_of(definition: Definition, asked: Asked) -> str:
    """Digest of everything that decides the figures but the data and the cut-off.

    A report without a period is of one day: that of its cut-off.
    """
    period = asked.period
    days = [period.first, period.last] if period else [asked.today]
    said = [
        definition.name,
        [day.isoformat() for day in days],
        str(asked.scope.role),
        sorted(asked.scope.items),
        str(asked.by),
        sorted(asked.options.items()),
        asked.publish,
        asked.compare.value,
    ]
    if (whole := _whole(asked)) != asked.scope:
        said += [str(whole.role), sorted(whole.items)]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _whole(asked: Asked) -> Scope:
    """Whose figures the answer holds: with a comparison also those of the schools around."""
    return asked.around if asked.compare is Compare.AROUND and asked.around else asked.scope


def preliminary_report(session: Session, definition: Definition, asked: Asked) -> Report:
    """The newest published preliminary figures of this question; without them, counted now."""
    published = _newest(session, question_of(definition, asked), preliminary=True)
    return from_data(published.data) if published else make(session, definition, asked)


def _newest(
    session: Session, question: str, *, preliminary: bool = False
) -> PublishedReport | None:
    return session.scalars(
        select(PublishedReport)
        .where(
            PublishedReport.question == question,
            PublishedReport.preliminary.is_(preliminary),
        )
        .order_by(PublishedReport.version.desc())
        .limit(1)
    ).first()


def published_reports(session: Session, scope: Scope, *, limit: int) -> Sequence[PublishedReport]:
    """What was published about schools inside ``scope``, the newest first."""
    parts = {
        OperatorRole.CITY: tuple(OperatorRole),
        OperatorRole.DISTRICT: (OperatorRole.DISTRICT, OperatorRole.SCHOOL),
        OperatorRole.SCHOOL: (OperatorRole.SCHOOL,),
    }[scope.role]
    rows = session.scalars(
        select(PublishedReport)
        .where(PublishedReport.part_role.in_(parts))
        .order_by(PublishedReport.id.desc())
    )
    found = []
    for row in rows:
        if _inside(session, scope, row):
            found.append(row)
        if len(found) == limit:
            break
    return found


def versions(session: Session, published: PublishedReport) -> Sequence[PublishedReport]:
    """All versions of the same question, preliminary and final, the newest first."""
    return session.scalars(
        select(PublishedReport)
        .where(PublishedReport.question == published.question)
        .order_by(PublishedReport.id.desc())
    ).all()


def find_published(session: Session, scope: Scope, number: int) -> PublishedReport:
    """Raises ``Forbidden`` when it is not there or not of schools inside ``scope``."""
    published = session.get(PublishedReport, number)
    if published is None or not _inside(session, scope, published):
        raise Forbidden("report")
    return published


def _inside(session: Session, scope: Scope, published: PublishedReport) -> bool:
    items = set(published.part_items)
    if scope.role == OperatorRole.CITY:
        return True
    if not items or published.part_role == OperatorRole.CITY:
        return False
    if published.part_role == scope.role:
        return items <= scope.items
    if published.part_role == OperatorRole.DISTRICT:
        return False
    inside = select(School.code).where(scope.schools(), School.code.in_(items))
    return set(session.scalars(inside)) == items


def stored_report(published: PublishedReport) -> Report:
    """The figures as they were."""
    return from_data(published.data)


def _late_note(report: Report, now: datetime) -> str:
    return _(
        "Published late, {moment}: sign-ins count up to the cut-off, the rolls are of that moment.",
        moment=show_moment(now, report.zone),
    )
