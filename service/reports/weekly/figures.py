"""What the weekly report counts: teachers in our Moodle as sets, other platforms as they report.

The definitions are those of docs/facts/indicators.md C; where a letter is silent, the convention is
written at the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioning.roster import Role
from service.access import Scope
from service.activity.bitmaps import PeopleSet
from service.activity.figures import Activity, until
from service.activity.rolls import Members
from service.calendar.period import Period
from service.calendar.weeks import weeks_until
from service.i18n import gettext as _
from service.models import (
    Operator,
    OperatorRole,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    SchoolType,
)
from service.registry.lookup import PlatformFigures, RegistrySchool
from service.reports.listing import Schools
from service.reports.question import Question
from service.reports.report import Chart, share, trend
from service.reports.roll_at import first_loads_of, loads_at, rolls_at

LEAST_C1, LEAST_C2 = 4, 3
"""Messages in the week that other platforms' figures begin at: more than three of any kind, and at
least three in group chats (L3, L4)."""

COUNTS = ("teachers", "active", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
PEOPLE = ("teachers", "active", "c5")
"""Of our Moodle, those that are sets of people."""

SHARES: Mapping[str, str] = {
    "active": "teachers", "c1": "teachers", "c2": "teachers", "c3": "teachers",
    "c4": "schools", "c7": "general",
}  # fmt: skip
"""Numerator -> denominator."""

Numbers = dict[str, int | None]
"""By the names of ``COUNTS`` and the denominators; None is not known, which is not zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The cells of one line."""

    numbers: Numbers
    shares: Mapping[str, float | None]
    """By the names of ``SHARES``; of nothing None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnWeek:
    """Our Moodle, school by school, at the cut-off of a week. Keys are codes of schools."""

    cut_off: datetime
    schools: Mapping[str, RegistrySchool]
    rolls: Mapping[str, Mapping[str, Members]]
    """The people by role; of loaded schools only."""
    loads: Mapping[str, datetime]
    """The last load."""
    first_loads: Mapping[str, datetime]
    operated: Mapping[str, datetime]
    """Since when the school has an open operator account of its own."""
    in_week: PeopleSet
    """Who was let in during the week."""
    lately: PeopleSet
    """The same of the days of C6."""
    ever: PeopleSet

    def people(self, codes: Iterable[str], name: str) -> PeopleSet:
        """Distinct persons behind a number. Raises ``KeyError`` for what is no set of people.

        ``teachers``: with the role «Учитель» on the roll, whatever else they are at another school.
        ``active``: of these, those let in during the week. ``c5``: everybody on the roll whose
        account exists.
        """
        if name not in PEOPLE:
            raise KeyError(name)
        if name == "c5":
            return PeopleSet.joined(one.account for code in codes for one in self._roles(code))
        teachers = PeopleSet.joined(self._of_role(code, Role.TEACHER) for code in codes)
        return teachers & self.in_week if name == "active" else teachers

    def connected(self, code: str, moment: datetime, ever: PeopleSet) -> bool:
        """C4: loaded by then, and somebody administers it: an open operator account of the school,
        or an administrator of its roll among who had signed in ``ever`` until then (convention)."""
        first, operated = self.first_loads.get(code), self.operated.get(code)
        if code not in self.loads or first is None or first > moment:
            return False
        administrators = self._of_role(code, Role.ADMINISTRATOR)
        return (operated is not None and operated <= moment) or bool(administrators & ever)

    def figures(self, codes: Sequence[str]) -> Figures:
        """Of these schools together. People of schools without any load are not known."""
        loaded = [code for code in codes if code in self.loads]
        people = {name: len(self.people(loaded, name)) if loaded else None for name in PEOPLE}
        general = [code for code in codes if is_general(self.schools[code])]
        numbers: Numbers = {
            **people,
            "c1": None,
            "c2": None,
            "c3": None,
            "c4": sum(self.connected(code, self.cut_off, self.ever) for code in codes),
            # C6: never loaded, or nobody of the roll signed in for so many days (convention).
            "c6": sum(not self._any_of(code, self.lately) for code in codes),
            # C7: somebody of the roll signed in during the week (convention).
            "c7": sum(self._any_of(code, self.in_week) for code in general),
            "schools": len(codes),
            "general": len(general),
        }
        shares = {name: share(numbers[name], numbers[whole]) for name, whole in SHARES.items()}
        return Figures(numbers=numbers, shares=shares)

    def _roles(self, code: str) -> Iterable[Members]:
        return self.rolls.get(code, {}).values()

    def _of_role(self, code: str, role: str) -> PeopleSet:
        return self.rolls.get(code, {}).get(role, Members()).roll

    def _any_of(self, code: str, people: PeopleSet) -> bool:
        return any(one.roll.intersection_cardinality(people) for one in self._roles(code))


def own_week(activity: Activity, question: Question, schools: Schools) -> OwnWeek:
    """Our figures of a week; ``question.now`` is its cut-off. The number of queries does not depend
    on schools."""
    cut_off, scope, session = question.now, question.scope, activity.session
    begin, end = question.bounds()
    inactive = timedelta(days=int(question.number("inactive_days") or 1))
    loads = {code: at for code, at in loads_at(session, scope, cut_off).items() if at is not None}
    rolls = rolls_at(activity, scope, cut_off)
    return OwnWeek(
        cut_off=cut_off,
        schools={school.code: school for school in schools},
        rolls={code: roles for code, roles in rolls.items() if code in loads},
        loads=loads,
        first_loads=first_loads_of(session, scope),
        operated=_operated(session),
        in_week=activity.active(begin, end),
        lately=activity.active(cut_off - inactive, end),
        ever=activity.active(None, end),
    )


def is_general(school: RegistrySchool) -> bool:
    return school.type is SchoolType.GENERAL


def _operated(session: Session) -> dict[str, datetime]:
    """School code -> since when there is an open operator account of its own."""
    found: dict[str, datetime] = {}
    operators = session.execute(
        select(Operator.scope, Operator.created_at).where(
            Operator.role == OperatorRole.SCHOOL, Operator.active.is_(True)
        )
    )
    for codes, created_at in operators:
        for code in codes:
            found[code] = min(created_at, found.get(code, created_at))
    return found


def platform_week(
    figures: PlatformFigures | None, schools: Schools, least_c1: int, least_c2: int
) -> Figures:
    """Another platform's figures of these schools, added up: it tells numbers, not persons.

    A figure by another threshold than asked for is not known. A school that the platform does not
    name adds nothing, and stays in the denominator of C4 and C7. A share of teachers is that of
    the schools with both figures.
    """
    known = figures.schools if figures else {}
    named = [(school, known[school.code]) for school in schools if school.code in known]
    rows = [row for _school, row in named]
    parts = {
        "c1": [row.teachers_with_messages if least_c1 == LEAST_C1 else None for row in rows],
        "c2": [row.teachers_with_group_messages if least_c2 == LEAST_C2 else None for row in rows],
        "c3": [row.teachers_with_group_chats for row in rows],
    }
    teachers = [row.teachers for row in rows]
    numbers: Numbers = {
        "teachers": _sum(teachers),
        "active": None,
        **{name: _sum(values) for name, values in parts.items()},
        "c4": _sum(row.registered for row in rows),
        "c5": _sum(row.users for row in rows),
        "c6": _sum(None if row.active is None else not row.active for row in rows),
        # A platform is used by an organisation whose profile there is active (convention).
        "c7": _sum(row.active for school, row in named if is_general(school)),
        "schools": len(schools),
        "general": sum(map(is_general, schools)),
    }
    shares = {name: _share_of_pairs(values, teachers) for name, values in parts.items()}
    shares |= {name: share(numbers[name], numbers[SHARES[name]]) for name in ("c4", "c7")}
    return Figures(numbers=numbers, shares={"active": None, **shares})


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _share_of_pairs(parts: Sequence[int | None], wholes: Sequence[int | None]) -> float | None:
    pairs = [
        (part, whole)
        for part, whole in zip(parts, wholes, strict=True)
        if part is not None and whole is not None
    ]
    return share(sum(part for part, _whole in pairs), sum(whole for _part, whole in pairs))


WEEKS = 12

PLATFORMS_DRAWN = 2
"""More lines nobody tells apart."""


def trend_of(
    activity: Activity, question: Question, week: Period, own: OwnWeek, platforms: Sequence[str]
) -> Chart:
    """Shares of the last twelve weeks, on the rolls of the cut-off of ``own``."""
    weeks = weeks_until(week, WEEKS)
    drawn = platforms[:PLATFORMS_DRAWN]
    shares = _platform_shares(activity.session, question.scope, weeks, question.now, drawn)
    active, connected = _own_shares(activity, question, weeks, own)
    series: dict[str, list[float | None]] = {
        _("Teachers who signed in, %"): active,
        _("C4, % of schools"): connected,
    }
    for name in drawn:
        title = _("{platform}: C1, %", platform=name)
        series[title] = [shares.get((name, each.first)) for each in weeks]
    days = [f"{each.last:%d.%m.%y}" for each in weeks]
    return trend(_("Twelve weeks, by their last day"), days, series)


def _own_shares(
    activity: Activity, question: Question, weeks: Sequence[Period], own: OwnWeek
) -> tuple[list[float | None], list[float | None]]:
    """Teachers who signed in, and C4, week by week."""
    teachers = own.people(own.schools, "teachers")
    ever = activity.active(None, weeks[0].bounds(question.zone)[0])
    active, connected = [], []
    for week in weeks:
        begin, after = week.bounds(question.zone)
        in_week = activity.active(begin, min(after, until(own.cut_off)))
        ever |= in_week
        active.append(share(teachers.intersection_cardinality(in_week), len(teachers)))
        done = sum(own.connected(code, min(after, own.cut_off), ever) for code in own.schools)
        connected.append(share(done, len(own.schools)))
    return active, connected


def _platform_shares(
    session: Session,
    scope: Scope,
    weeks: Sequence[Period],
    known_at: datetime,
    platforms: Sequence[str],
) -> Mapping[tuple[str, date], float | None]:
    """C1 of each platform and week, by the newest version known, of schools with both figures."""
    week, figure, school = PlatformWeek, PlatformFigure, PlatformSchool
    newest = (
        select(week.platform, week.first_day, func.max(week.version).label("version"))
        .where(
            week.platform.in_(platforms),
            week.first_day.in_([each.first for each in weeks]),
            week.imported_at <= known_at,
        )
        .group_by(week.platform, week.first_day)
        .subquery()
    )
    rows = session.execute(
        select(
            week.platform,
            week.first_day,
            func.sum(figure.teachers_with_messages),
            func.sum(figure.teachers),
        )
        .join(
            newest,
            (newest.c.platform == week.platform)
            & (newest.c.first_day == week.first_day)
            & (newest.c.version == week.version),
        )
        .join(figure, figure.week_id == week.id)
        .join(school, (school.platform == week.platform) & (school.label == figure.label))
        .where(
            school.school_code.in_(scope.codes()),
            figure.teachers.is_not(None),
            figure.teachers_with_messages.is_not(None),
        )
        .group_by(week.platform, week.first_day)
    )
    return {
        (name, first): share(int(some or 0), int(all_ or 0)) for name, first, some, all_ in rows
    }
