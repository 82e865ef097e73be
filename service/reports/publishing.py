"""Publishing: a report is stored as it was, and from then on that is what its question gives.

A correction is a new version with a reason; the old one stays readable. Nothing is overwritten. On
schedule, what is due and not yet published is, for the city and each district.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope
from service.activity.rolls import bring_up_to_date
from service.activity.rollups import lock
from service.application import Application
from service.audit import AuditAction
from service.calendar.weeks import Due, Occasion, due
from service.db import transaction
from service.i18n import gettext as _
from service.i18n import set_language
from service.models import Operator, OperatorRole, PublishedReport, School
from service.ordering import natural
from service.problems import Problem
from service.reports import REPORTS
from service.reports.definition import Definition, Rhythm, make, usual_options
from service.reports.export import to_csv
from service.reports.question import Compare, Question
from service.reports.report import Report, show_moment
from service.reports.stored import from_data, to_data

LATE = timedelta(hours=1)
"""Built so long after the cut-off, a report says that its rolls are of a later moment."""

MAX_REASON_LENGTH = 500

ACTOR = "schedule"

CATCH_UP = timedelta(days=100)
"""After a longer standstill somebody decides by hand what is still to be published."""

_OCCASIONS: Mapping[Occasion, Rhythm] = {
    Occasion.WEEK_PRELIMINARY: Rhythm.WEEK,
    Occasion.WEEK: Rhythm.WEEK,
    Occasion.MONTH: Rhythm.MONTH,
    Occasion.QUARTER: Rhythm.QUARTER,
}

log = logging.getLogger(__name__)


class PublishProblem(Problem):
    """It cannot be published so."""


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
    question: Question,
    *,
    live: bool = False,
    shown: Scope | None = None,
) -> Answer:
    """The newest final publication of this question; without one or with ``live``, counted now.

    What is not published yet may be counted for the rows of ``shown`` only (``Question.shown``).
    """
    published = newest(session, question_of(definition, question)) if question.period else None
    if published and not live:
        return Answer(report=from_data(published.data), published=published)
    if published is None:
        question = replace(question, shown=shown)
    report = make(session, definition, question)
    differs = published is not None and to_csv(report) != published.csv
    return Answer(report=report, published=published, differs=differs)


def hold_figures(session: Session) -> None:
    """Roll up what is new, and let nobody else roll up until the caller's transaction ends.

    Between two questions of a report that is stored, what is rolled up would count twice.
    """
    lock(session)
    bring_up_to_date(session)


def publish(
    session: Session,
    definition: Definition,
    question: Question,
    *,
    now: datetime,
    by: str,
    reason: str = "",
) -> PublishedReport:
    """Build and store; ``question.now`` is the cut-off, ``now`` the moment of building.

    Raises ``PublishProblem`` when this was published already and no ``reason`` is given.
    """
    reason = " ".join(reason.split())[:MAX_REASON_LENGTH]
    hold_figures(session)
    report = make(session, definition, question)
    notes = report.notes
    if now - question.now > LATE:
        notes += (
            _(
                "Published late, {moment}: sign-ins count up to the cut-off, the rolls are of that "
                "moment.",
                moment=show_moment(now, report.zone),
            ),
        )
    report = replace(report, built_at=now, built_by=by, notes=notes)
    digest, whole = question_of(definition, question), _whole(question)
    before = newest(session, digest, preliminary=report.preliminary)
    version = before.version + 1 if before else 1
    if version > 1 and not reason:
        raise PublishProblem("publish.no_reason")
    published = PublishedReport(
        report=definition.name,
        question=digest,
        preliminary=report.preliminary,
        version=version,
        first_day=question.period.first if question.period else None,
        last_day=question.period.last if question.period else None,
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
        raise PublishProblem("publish.same_moment") from error
    audit.record(
        session, AuditAction.REPORT_PUBLISH, at=now, actor=by, report=definition.name,
        published=published.id, version=version,
    )  # fmt: skip
    return published


def question_of(definition: Definition, question: Question) -> str:
    """Digest of everything that decides the figures but the data and the cut-off.

    A report without a period is of one day: that of its cut-off.
    """
    period = question.period
    days = [period.first, period.last] if period else [question.today]
    said = [
        definition.name,
        [day.isoformat() for day in days],
        str(question.scope.role),
        sorted(question.scope.items),
        str(question.by),
        sorted(question.options.items()),
        question.publish,
        question.compare.value,
    ]
    if (whole := _whole(question)) != question.scope:
        said += [str(whole.role), sorted(whole.items)]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _whole(question: Question) -> Scope:
    """Whose figures the answer holds: with a comparison also those of the schools around."""
    around = question.around if question.compare is Compare.AROUND else None
    return around or question.scope


def preliminary_report(session: Session, definition: Definition, question: Question) -> Report:
    """The newest published preliminary figures of this question; without them, counted now."""
    published = newest(session, question_of(definition, question), preliminary=True)
    return from_data(published.data) if published else make(session, definition, question)


def newest(session: Session, digest: str, *, preliminary: bool = False) -> PublishedReport | None:
    """The newest version of what a question gives, final or preliminary."""
    return session.scalars(
        select(PublishedReport)
        .where(
            PublishedReport.question == digest,
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
    return list(islice((row for row in rows if _inside(session, scope, row)), limit))


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
    if scope.is_city:
        return True
    if not items or published.part_role == OperatorRole.CITY:
        return False
    if published.part_role == scope.role:
        return items <= scope.items
    if published.part_role == OperatorRole.DISTRICT:
        return False
    inside = select(School.code).where(scope.schools(), School.code.in_(items))
    return set(session.scalars(inside)) == items


def publish_due(application: Application) -> int:
    """Publish what is due, each in a transaction of its own; how many. Twice does no harm."""
    now = application.clock()
    set_language(application.settings.server.language)
    with application.sessions() as session:
        begun = session.scalar(select(func.min(Operator.created_at)))
        parts = list(_parts(session))
    if begun is None:
        return 0
    count = 0
    for each in due(now, after=max(begun, now - CATCH_UP), zone=application.zone):
        rhythm = _OCCASIONS.get(each.occasion)
        for definition in REPORTS.values():
            if rhythm in definition.rhythms:
                count += sum(_publish_once(application, definition, each, part) for part in parts)
    return count


def _parts(session: Session) -> Iterator[Scope]:
    """The city and each of its districts."""
    yield Scope(actor=ACTOR, role=OperatorRole.CITY)
    for district in sorted(session.scalars(select(School.district).distinct()), key=natural):
        yield Scope(actor=ACTOR, role=OperatorRole.DISTRICT, items=frozenset({district}))


def scheduled_question(
    application: Application, definition: Definition, each: Due, part: Scope
) -> Question:
    """What is asked when nobody asks."""
    settings = application.settings.reports
    return Question(
        scope=part,
        zone=application.zone,
        now=each.at,
        period=each.period,
        by=definition.default_level,
        options=usual_options(definition, settings),
        settings=settings,
    )


def _publish_once(application: Application, definition: Definition, each: Due, part: Scope) -> bool:
    question = scheduled_question(application, definition, each, part)
    preliminary = each.occasion is Occasion.WEEK_PRELIMINARY
    with transaction(application.sessions) as session:
        if newest(session, question_of(definition, question), preliminary=preliminary):
            return False
        try:
            published = publish(session, definition, question, now=application.clock(), by=ACTOR)
        except PublishProblem:
            # Another worker was quicker.
            return False
    log.info("report published", extra={"report": definition.name, "published": published.id})
    return True
