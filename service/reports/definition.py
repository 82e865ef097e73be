"""The definition of a report; ``ask`` reads a question to it, ``make`` answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.access import Scope
from service.calendar.period import Period, parse_period
from service.calendar.weeks import period_before
from service.i18n import gettext as _
from service.models import OperatorRole, School
from service.problems import AskError
from service.reports.comparing import with_around, with_earlier
from service.reports.question import Answer, Compare, Option, Question, Text, narrow
from service.reports.report import Body, Report
from service.reports.suppression import hide_small
from service.settings import ReportSettings

RESERVED = frozenset(
    {"by", "compare", "district", "form", "from", "json", "kind", "lang", "live", "name", "out",
     "page", "publish", "reason", "school", "search", "sort", "to", "with"}
)  # fmt: skip
"""Names in addresses and on the command line that the framework itself uses."""


class Level(StrEnum):
    """What one row, or the group of its lines by role, stands for."""

    CITY = "city"
    """Everything the reader may see, in one row."""
    DISTRICT = "district"
    SCHOOL = "school"
    CLASS = "class"


LEVELS: Mapping[str, Text] = {
    Level.CITY: lambda: _("in all"),
    Level.DISTRICT: lambda: _("by district"),
    Level.SCHOOL: lambda: _("by school"),
    Level.CLASS: lambda: _("by class"),
}


class PeriodUse(StrEnum):
    NONE = "none"
    """The report is of one moment: there are no dates to ask for."""
    OPTIONAL = "optional"
    REQUIRED = "required"
    """Without dates the definition's ``default_period`` counts."""


class Rhythm(StrEnum):
    """When a report is published by itself."""

    WEEK = "week"
    """Preliminary on Friday at 17:00, final after Friday 24:00."""
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One number of a report: which row, which column. The row of a total is a total's key."""

    row: str
    column: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One report: what may be asked, and what answers."""

    name: str
    """What people type: small Latin letters and hyphens."""
    title: Text
    purpose: Text
    """One sentence: which question this report answers."""
    version: str
    """Of the method, such as ``coverage-4``; grows when the same data would give other figures."""
    counted: Callable[[Question], str]
    """What is counted and what is not, for the reader."""
    build: Callable[[Session, Question], Body]
    levels: Mapping[str, Text] = field(default_factory=dict)
    """What a row may stand for, in the order of the choice; empty: no choice."""
    default_level: str = ""
    options: tuple[Option, ...] = ()
    period: PeriodUse = PeriodUse.OPTIONAL
    default_period: Callable[[date], Period] | None = None
    """From today's day to the period meant when none is asked for (``service.calendar.weeks``)."""
    people: Callable[[Session, Question, Cell], Select[str]] | None = None
    """The identifiers of the people behind a cell whose column says ``people``: each once, in no
    order. It may trust ``question.scope``. Raises ``KeyError`` for a row or column it does not
    have."""
    knows_people_of: Callable[[str], bool] = lambda _row: True
    """Whether the people behind a row are known to us: of another platform's figures they are not.
    """
    rhythms: frozenset[Rhythm] = frozenset()

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a definition that contradicts itself."""
        clash = RESERVED & {option.name for option in self.options}
        if clash:
            raise ValueError(f"{self.name}: names of the framework: {', '.join(sorted(clash))}")
        if (self.default_level or self.levels) and self.default_level not in self.levels:
            raise ValueError(f"{self.name}: default_level is none of the levels")
        if self.period is PeriodUse.REQUIRED and self.default_period is None:
            raise ValueError(f"{self.name}: a required period needs default_period")


def ask(
    session: Session,
    definition: Definition,
    given: Mapping[str, str],
    *,
    scope: Scope,
    zone: ZoneInfo,
    now: datetime,
    settings: ReportSettings,
) -> Question:
    """Read a question from texts by name: ``from``, ``to``, ``by``, ``district``, ``school``,
    ``publish`` and the definition's options. What is empty or left out has its default.

    Raises ``AskError`` for what makes no sense, ``Forbidden`` for what is outside ``scope``.
    """
    texts = {name: text.strip() for name, text in given.items() if text.strip()}
    by = texts.get("by", definition.default_level)
    if by != definition.default_level and by not in definition.levels:
        known = ", ".join(definition.levels) or "—"
        raise AskError("question.level", known=known)
    options = usual_options(definition, settings)
    options |= {
        option.name: option.read(texts[option.name])
        for option in definition.options
        if option.name in texts
    }
    district, school = texts.get("district", ""), texts.get("school", "")
    question = Question(
        scope=narrow(session, scope, district=district, school=school),
        zone=zone,
        now=now,
        period=None
        if definition.period is PeriodUse.NONE
        else parse_period(texts.get("from"), texts.get("to")),
        by=by,
        options=options,
        settings=settings,
        district=district,
        school=school,
        publish=texts.get("publish") == "1",
        compare=_read_compare(definition, texts.get("compare", "")),
        around=scope,
    )
    if question.period is None and definition.default_period:
        return replace(question, period=definition.default_period(question.today))
    return question


def usual_options(definition: Definition, settings: ReportSettings) -> dict[str, Answer]:
    """What the options are when nobody chooses."""
    return {option.name: option.usual(settings) for option in definition.options}


def make(session: Session, definition: Definition, question: Question) -> Report:
    """Build the report, write into its head what was asked, hide small numbers where wanted."""
    report = _plain(session, definition, question)
    if question.compare is Compare.PREVIOUS and question.period:
        before = period_before(question.period)
        end = before.bounds(question.zone)[1]
        earlier = replace(question, period=before, now=min(question.now, end))
        return with_earlier(report, _plain(session, definition, earlier))
    if question.compare is Compare.AROUND and question.around:
        wider = [
            (name, _plain(session, definition, replace(question, scope=part)))
            for name, part in _around(session, question, question.around)
        ]
        return with_around(report, wider)
    return report


def _plain(session: Session, definition: Definition, question: Question) -> Report:
    body = definition.build(session, question)
    report = Report(
        name=definition.name,
        title=definition.title(),
        definition=definition.counted(question),
        version=definition.version,
        period=question.period,
        zone=question.zone,
        cut_off=body.cut_off or question.now,
        built_at=question.now,
        built_by=question.scope.actor,
        conditions=_conditions(definition, question),
        freshness=body.freshness,
        columns=tuple(body.columns),
        rows=tuple(body.lines.values()),
        keys=tuple(body.lines),
        totals=tuple(body.totals.values()),
        total_keys=tuple(body.totals),
        merged=body.merged,
        sources=body.sources,
        notes=body.notes,
        target=body.target,
        chart=body.chart,
        sums=body.sums,
    )
    return hide_small(report, question.settings.smallest_count) if question.publish else report


def _around(session: Session, question: Question, whole: Scope) -> Iterator[tuple[str, Scope]]:
    """The district of what is asked, and everything the operator sees, where these are more."""
    districts = session.scalars(
        select(School.district).where(question.scope.schools()).distinct()
    ).all()
    if question.school and len(districts) == 1 and whole.role != OperatorRole.SCHOOL:
        district = narrow(session, whole, district=districts[0], school="")
        yield _("District: {name}", name=districts[0]), district
    if whole != question.scope:
        yield _("Everything you may see"), whole


def _read_compare(definition: Definition, text: str) -> Compare:
    try:
        compare = Compare(text)
    except ValueError as error:
        raise AskError("question.compare", known="previous, around") from error
    if compare is Compare.PREVIOUS and definition.period is PeriodUse.NONE:
        raise AskError("question.one_moment")
    return compare


def _conditions(definition: Definition, question: Question) -> tuple[tuple[str, str], ...]:
    """The filters and options in words."""
    said = []
    if definition.levels:
        said.append((_("Rows"), definition.levels[question.by]()))
    if question.district:
        said.append((_("District"), question.district))
    if question.school:
        said.append((_("School code"), question.school))
    said += [(each.label(), each.say(question.options[each.name])) for each in definition.options]
    return tuple(said)
