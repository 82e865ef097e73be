"""Weekly: C1-C7 of the Saturday-Friday week, ours and other platforms'
(docs/facts/indicators.md C)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.calendar.period import Period
from service.calendar.weeks import final_cut_off, last_week, preliminary_cut_off, week_of
from service.i18n import gettext as _
from service.problems import AskError
from service.registry.lookup import PlatformFigures, RegistrySchool, platform_figures, platforms
from service.reports.definition import LEVELS, Cell, Definition, Level, PeriodUse, Rhythm
from service.reports.listing import (
    TOTAL,
    Schools,
    cells_of_school,
    rolls_source,
    schools_of,
    sign_ins_source,
    units,
)
from service.reports.question import Choice, Number, Question, Text
from service.reports.report import Body, Freshness, Row, Source, Sum, Target, Value, coded
from service.reports.weekly.columns import (
    MESSAGES,
    NOT_GENERAL,
    NOT_MEASURED,
    OPERATORS,
    OWN,
    SCHOOLS,
    Threshold,
    figure_columns,
    unit_columns,
)
from service.reports.weekly.figures import (
    COUNTS,
    SHARES,
    Figures,
    OwnWeek,
    is_general,
    own_week,
    platform_week,
    trend_of,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Week:
    """All that the lines are made of."""

    period: Period
    cut_off: datetime
    schools: Schools
    own: OwnWeek
    platforms: Mapping[str, PlatformFigures | None]
    """By name; None when nothing of this week was imported."""
    c1: Threshold
    c2: Threshold

    def figures(self, platform: str, schools: Schools) -> Figures:
        if platform == OWN:
            return self.own.figures([school.code for school in schools])
        return platform_week(self.platforms[platform], schools, self.c1.least, self.c2.least)

    def load_of(self, school: RegistrySchool) -> datetime | None:
        return self.own.loads.get(school.code)

    def loads_of(self, schools: Schools) -> Freshness:
        return Freshness.of([self.load_of(school) for school in schools])


def weekly(session: Session, question: Question) -> Body:
    """The figures of one week at its cut-off. Raises ``AskError`` for any other period."""
    activity = Activity(session)
    week, by = _week(activity, question), question.by
    names = [OWN, *week.platforms]
    left = unit_columns(by)
    lines = {
        f"{key}|{name}": (*_leading(week, by, key, some), name, *_cells(week, name, some, by))
        for key, some in units(by, week.schools).items()
        for name in names
    }
    whole = ("", "", "") if by == Level.SCHOOL else _of_schools(week, week.schools)
    loads = week.loads_of(week.schools)
    return Body(
        cut_off=week.cut_off,
        freshness=loads,
        columns=(*left, *figure_columns(week.c1, week.c2)),
        lines=lines,
        totals={
            f"{TOTAL}|{name}": (
                _("Total, distinct persons"), *whole, name, *_cells(week, name, week.schools, TOTAL)
            )
            for name in names
        },
        merged=len(left),
        sources=(rolls_source(loads), sign_ins_source(week.cut_off), *_platform_sources(week)),
        notes=tuple(_notes(week, question)),
        target=Target(column="c4_share", value=1.0),
        chart=trend_of(activity, question, week.period, week.own, list(week.platforms)),
        sums=tuple(
            Sum(whole=f"{TOTAL}|{name}",
                parts=tuple(key for key in lines if key.endswith(f"|{name}")))
            for name in names
        ),
    )  # fmt: skip


def weekly_people(session: Session, question: Question, cell: Cell) -> Select[str]:
    """The people of our Moodle behind a number. Raises ``KeyError`` for any other line."""
    activity = Activity(session)
    week = _week(activity, question)
    keys = {**units(question.by, week.schools), TOTAL: week.schools}
    schools = {f"{key}|{OWN}": some for key, some in keys.items()}[cell.row]
    return activity.ids(week.own.people([school.code for school in schools], cell.column))


def _week(activity: Activity, question: Question) -> _Week:
    period, session = question.period, activity.session
    if period is None or period != week_of(period.last):
        fitting = week_of(period.last if period else question.today)
        raise AskError("question.week", week=fitting)
    preliminary = question.choice("stand") == "preliminary"
    of = preliminary_cut_off if preliminary else final_cut_off
    cut_off = min(question.now, of(period, question.zone))
    schools = schools_of(session, question)
    return _Week(
        period=period,
        cut_off=cut_off,
        schools=schools,
        own=own_week(activity, replace(question, now=cut_off), schools),
        platforms={
            name: platform_figures(
                session, question.scope, name, period.last, known_at=question.now
            )
            for name in platforms(session)
        },
        c1=_threshold(question, "chat"),
        c2=_threshold(question, "group_chat"),
    )


def _threshold(question: Question, name: str) -> Threshold:
    return Threshold(
        operator=question.choice(f"{name}_operator"),
        number=int(question.number(f"{name}_threshold") or 0),
    )


def _leading(week: _Week, by: str, key: str, schools: Schools) -> Row:
    """The cells of ``unit_columns``."""
    if by == Level.SCHOOL:
        return cells_of_school(schools[0], week.load_of(schools[0]))
    return key, *_of_schools(week, schools)


def _of_schools(week: _Week, schools: Schools) -> Row:
    fresh = week.loads_of(schools)
    return fresh.schools, sum(map(is_general, schools)), fresh.loaded


def _cells(week: _Week, platform: str, schools: Schools, by: str) -> Row:
    """Right of the platform's name; a school alone is connected or not, rather than 1 or 0."""
    figures = week.figures(platform, schools)
    cells: list[Value] = []
    for name in COUNTS:
        number = figures.numbers[name]
        value: Value = number
        share: Value = figures.shares.get(name)
        if name in (MESSAGES if platform == OWN else ("active",)):
            value, share = NOT_MEASURED, ""
        if by == Level.SCHOOL and name in SCHOOLS:
            share = ""
            general = name != "c7" or is_general(schools[0])
            value = coded(None if number is None else bool(number)) if general else NOT_GENERAL
        cells.append(value)
        if name in SHARES:
            cells.append(share)
    return tuple(cells)


def _platform_sources(week: _Week) -> Iterator[Source]:
    for name, figures in week.platforms.items():
        if figures is None:
            yield Source(name=name, as_of=None)
            continue
        source = figures.source
        yield Source(
            name=name,
            as_of=source.imported_at,
            note=_("file {file}, version {n}", file=source.file_name, n=source.version),
        )


def _notes(week: _Week, question: Question) -> Iterator[str]:
    if week.cut_off < final_cut_off(week.period, question.zone):
        yield _("Preliminary figures: the week is over on Friday at 24:00.")
    else:
        yield _("Final figures: everything until Friday 24:00 is in them.")
    yield _(
        "C1, C2 and C3 of our Moodle are not measured here: no standard web service of Moodle "
        "counts the messages of all people."
    )
    if week.platforms:
        yield _(
            "Another platform reports numbers, not persons: somebody who works in two schools may "
            "be in its totals twice."
        )
    for name, figures in week.platforms.items():
        if figures and figures.unmatched:
            yield _(
                "{platform}: {n} lines of its file belong to no known school and are left out.",
                platform=name, n=len(figures.unmatched),
            )  # fmt: skip
    unknown = sum(school.type is None for school in week.schools)
    if unknown:
        yield _(
            "The kind of {n} organisations is not known; they are outside C7. "
            "Choose their types in the registry.",
            n=unknown,
        )


def _shown_week(today: date) -> Period:
    """On its Friday the week that ends, on other days the last one that is over."""
    week = week_of(today)
    return week if week.last == today else last_week(today)


def _threshold_options(name: str, operator: Text, number: Text) -> tuple[Choice, Number]:
    """Both with the default of the settings."""
    return (
        Choice(
            name=f"{name}_operator",
            label=operator,
            choices=OPERATORS,
            default=lambda settings: str(getattr(settings, f"{name}_operator")),
        ),
        Number(
            name=f"{name}_threshold",
            label=number,
            default=lambda settings: int(getattr(settings, f"{name}_threshold")),
        ),
    )


_OPTIONS = (
    Choice(
        name="stand",
        label=lambda: _("Figures"),
        choices={
            "newest": lambda: _("the newest: final once the week is over"),
            "preliminary": lambda: _("preliminary, as of Friday 17:00"),
        },
        default="newest",
    ),
    *_threshold_options("chat", lambda: _("C1: messages"), lambda: _("C1: threshold")),
    *_threshold_options("group_chat", lambda: _("C2: in group chats"), lambda: _("C2: threshold")),
    Number(
        name="inactive_days",
        label=lambda: _("C6: days without a sign-in"),
        default=lambda settings: settings.inactive_days,
        minimum=1,
        maximum=3660,
    ),
)

WEEKLY = Definition(
    name="weekly",
    title=lambda: _("Weekly monitoring of teachers and schools"),
    purpose=lambda: _("How teachers and schools use the platforms, week by week (C1-C7)."),
    version="weekly-1",
    counted=lambda question: _(
        "The week from Saturday to Friday. Only the role «Учитель» counts, as of the cut-off, "
        "except in C5. A line for each platform: ours from rolls and sign-ins, others as their "
        "files say. Inactive: no sign-in for {days} days. The trend is counted on the rolls of "
        "this cut-off.",
        days=int(question.number("inactive_days") or 1),
    ),
    build=weekly,
    levels={each: LEVELS[each] for each in (Level.DISTRICT, Level.SCHOOL)},
    default_level=Level.SCHOOL,
    options=_OPTIONS,
    period=PeriodUse.REQUIRED,
    default_period=_shown_week,
    people=weekly_people,
    knows_people_of=lambda row: row.endswith(f"|{OWN}"),
    rhythms=frozenset({Rhythm.WEEK}),
)
