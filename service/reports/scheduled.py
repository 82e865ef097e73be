"""Publishing on schedule: what is due and not yet published, for the city and each district."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.access import Scope
from service.application import Application
from service.calendar.weeks import Due, Occasion, due
from service.db import transaction
from service.i18n import set_language
from service.models import Operator, OperatorRole, School
from service.ordering import natural
from service.reports import REPORTS
from service.reports.definition import Definition, Rhythm, usual_options
from service.reports.publishing import PublishProblem, newest, publish, question_of
from service.reports.question import Question

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
