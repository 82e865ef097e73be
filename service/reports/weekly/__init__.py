"""Weekly: C1-C7 of the Saturday-Friday week, ours and other platforms'
(docs/facts/indicators.md C)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.calendar.period import Period
from service.calendar.weeks import final_cut_off, last_week, preliminary_cut_off, week_of
from service.i18n import gettext as _
from service.registry.lookup import (
    PlatformFigures,
    RegistrySchool,
    platform_figures,
    platforms,
    registry_schools,
)
from service.reports.definition import Cell, Definition, PeriodUse, Rhythm
from service.reports.id_sets import with_ordinals
from service.reports.listing import TOTAL, by_district, rolls_source
from service.reports.question import Asked, AskError, Choice, Number
from service.reports.report import (
    Freshness,
    Report,
    Row,
    Source,
    Sum,
    Target,
    Value,
)
from service.reports.weekly.columns import (
    MESSAGES,
    NO,
    NOT_GENERAL,
    NOT_MEASURED,
    OPERATORS,
    OWN,
    SCHOOLS,
    YES,
    Threshold,
    figure_columns,
    unit_columns,
)
from service.reports.weekly.figures import (
    SHARES,
    Figures,
    OwnWeek,
    is_general,
    own_week,
    platform_week,
)
from service.reports.weekly.trend import trend

VERSION = "weekly-1"
"""Of the method, written into every report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Week:
    """All that the lines are made of."""

    period: Period
    cut_off: datetime
    schools: Sequence[RegistrySchool]
    own: OwnWeek
    platforms: Mapping[str, PlatformFigures | None]
    """By name; None when nothing of this week was imported."""
    c1: Threshold
    c2: Threshold

    def figures(self, platform: str, schools: Sequence[RegistrySchool]) -> Figures:
        if platform == OWN:
            return self.own.figures([school.code for school in schools])
        least = {"least_c1": self.c1.least, "least_c2": self.c2.least}
        return platform_week(self.platforms[platform], schools, **least)

    def load_of(self, school: RegistrySchool) -> datetime | None:
        return self.own.schools[school.code].loaded_at


def weekly(session: Session, asked: Asked) -> Report:
    """The figures of one week at its cut-off. Raises ``AskError`` for any other period."""
    activity = Activity(session)
    week = _week(session, activity, asked)
    names = [OWN, *week.platforms]
    left = unit_columns(asked.by)
    lines = [
        (f"{key}|{name}", (*cells, name, *_cells(week.figures(name, schools), name, alone)))
        for key, cells, schools, alone in _units(asked.by, week)
        for name in names
    ]
    total = _left_of_total(asked.by, week)
    loads = Freshness.of([week.load_of(school) for school in week.schools])
    return Report(
        name="weekly",
        title=_title(),
        definition=_definition(asked),
        version=VERSION,
        **asked.facts_at(week.cut_off),
        freshness=loads,
        columns=(*left, *figure_columns(week.c1, week.c2)),
        rows=tuple(row for _key, row in lines),
        keys=tuple(key for key, _row in lines),
        totals=tuple(
            (*total, name, *_cells(week.figures(name, week.schools), name, None)) for name in names
        ),
        total_keys=tuple(f"{TOTAL}|{name}" for name in names),
        merged=len(left),
        sources=(
            rolls_source(loads),
            Source(name=_("Sign-ins through our page"), as_of=week.cut_off),
            *_platform_sources(week),
        ),
        notes=tuple(_notes(week, asked)),
        target=Target(column="c4_share", value=1.0),
        chart=trend(
            session, activity, asked,
            week=week.period, cut_off=week.cut_off, own=week.own, platforms=list(week.platforms),
        ),
        sums=tuple(
            Sum(whole=f"{TOTAL}|{name}",
                parts=tuple(key for key, _row in lines if key.endswith(f"|{name}")))
            for name in names
        ),
    )  # fmt: skip


def weekly_people(session: Session, asked: Asked, cell: Cell) -> Select[str]:
    """The people of our Moodle behind a number. Raises ``KeyError`` for any other line."""
    week = _week(session, Activity(session), asked)
    keys = {f"{key}|{OWN}": schools for key, _cells, schools, _alone in _units(asked.by, week)}
    keys[f"{TOTAL}|{OWN}"] = list(week.schools)
    codes = [school.code for school in keys[cell.row]]
    return with_ordinals(session, week.own.people(codes, cell.column))


def _week(session: Session, activity: Activity, asked: Asked) -> _Week:
    period = asked.period
    if period is None or period != week_of(period.last):
        raise AskError(
            _(
                "The weekly report is of one week from Saturday to Friday, such as {week}.",
                week=week_of(period.last if period else asked.today),
            )
        )
    cut_off = _cut_off(asked, period)
    schools = [
        school
        for school in registry_schools(
            session, asked.scope, at=min(period.last, asked.today), known_at=asked.now
        )
        if school.closed_on is None or school.closed_on >= period.first
    ]
    own = own_week(
        session, activity, asked.scope, schools,
        bounds=period.bounds(asked.zone), cut_off=cut_off,
        inactive_days=int(asked.number("inactive_days") or 1),
    )  # fmt: skip
    return _Week(
        period=period,
        cut_off=cut_off,
        schools=schools,
        own=own,
        platforms={
            name: platform_figures(session, asked.scope, name, period.last, known_at=asked.now)
            for name in platforms(session)
        },
        c1=_threshold(asked, "chat"),
        c2=_threshold(asked, "group_chat"),
    )


def _cut_off(asked: Asked, week: Period) -> datetime:
    """Friday 24:00 for final figures; 17:00 where the preliminary ones are asked for."""
    preliminary = asked.choice("stand") == "preliminary"
    of = preliminary_cut_off if preliminary else final_cut_off
    return min(asked.now, of(week, asked.zone))


def _threshold(asked: Asked, name: str) -> Threshold:
    return Threshold(
        operator=asked.choice(f"{name}_operator"),
        number=int(asked.number(f"{name}_threshold") or 0),
    )


def _units(
    by: str, week: _Week
) -> Iterator[tuple[str, Row, list[RegistrySchool], RegistrySchool | None]]:
    """Key, leading cells, the schools, and the school where it is one alone."""
    if by == "school":
        for school in week.schools:
            name = school.short_name or school.name
            cells: Row = (school.district, school.code, name, week.load_of(school))
            yield school.code, cells, [school], school
        return
    for district, schools in by_district(week.schools).items():
        yield district, (district, *_of_schools(week, schools)), schools, None


def _of_schools(week: _Week, schools: Sequence[RegistrySchool]) -> Row:
    fresh = Freshness.of([week.load_of(school) for school in schools])
    return fresh.schools, sum(map(is_general, schools)), fresh.loaded


def _left_of_total(by: str, week: _Week) -> Row:
    if by == "school":
        return (_("Total, distinct persons"), "", "", "")
    return (_("Total, distinct persons"), *_of_schools(week, week.schools))


def _cells(figures: Figures, platform: str, alone: RegistrySchool | None) -> Row:
    """Right of the platform's name; a school alone is connected or not, rather than 1 or 0."""
    cells: list[Value] = []
    for name in ("teachers", "active", "c1", "c2", "c3", "c4", "c5", "c6", "c7"):
        value: Value = figures.numbers[name]
        share: Value = figures.shares.get(name)
        unmeasured = MESSAGES if platform == OWN else ("active",)
        if name in unmeasured:
            value, share = NOT_MEASURED, ""
        if alone is not None and name in SCHOOLS:
            share = ""
            if name == "c7" and not is_general(alone):
                value = NOT_GENERAL
            elif value is not None:
                value = YES if value else NO
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


def _notes(week: _Week, asked: Asked) -> Iterator[str]:
    if week.cut_off < final_cut_off(week.period, asked.zone):
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


def _title() -> str:
    return _("Weekly monitoring of teachers and schools")


def _definition(asked: Asked) -> str:
    return _(
        "The week from Saturday to Friday. Only the role «Учитель» counts, as of the cut-off, "
        "except in C5. A line for each platform: ours from rolls and sign-ins, others as their "
        "files say. Inactive: no sign-in for {days} days. The trend is counted on the rolls of "
        "this cut-off.",
        days=int(asked.number("inactive_days") or 1),
    )


def _shown_week(today: date) -> Period:
    """On its Friday the week that ends, on other days the last one that is over."""
    week = week_of(today)
    return week if week.last == today else last_week(today)


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
    Choice(
        name="chat_operator",
        label=lambda: _("C1: messages"),
        choices=OPERATORS,
        default=lambda settings: settings.chat_operator,
    ),
    Number(
        name="chat_threshold",
        label=lambda: _("C1: threshold"),
        default=lambda settings: settings.chat_threshold,
    ),
    Choice(
        name="group_chat_operator",
        label=lambda: _("C2: in group chats"),
        choices=OPERATORS,
        default=lambda settings: settings.group_chat_operator,
    ),
    Number(
        name="group_chat_threshold",
        label=lambda: _("C2: threshold"),
        default=lambda settings: settings.group_chat_threshold,
    ),
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
    title=_title,
    purpose=lambda: _("How teachers and schools use the platforms, week by week (C1-C7)."),
    build=weekly,
    levels={"district": lambda: _("by district"), "school": lambda: _("by school")},
    default_level="school",
    options=_OPTIONS,
    period=PeriodUse.REQUIRED,
    default_period=_shown_week,
    people=weekly_people,
    knows_people_of=lambda row: row.endswith(f"|{OWN}"),
    rhythms=frozenset({Rhythm.WEEK}),
)
