"""What somebody asks of a report, read from an address or a command line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope
from service.activity.figures import until
from service.calendar.period import Period
from service.i18n import gettext as _
from service.models import OperatorRole, School
from service.problems import AskError
from service.settings import ReportSettings

Text = Callable[[], str]
"""Says a text in the language of whoever reads it now: ``lambda: _("Threshold")``."""

Answer = str | float | bool | None
"""The value of an option."""


class Compare(StrEnum):
    """What stands beside the figures."""

    NOTHING = ""
    PREVIOUS = "previous"
    """The period before, as a change of each figure."""
    AROUND = "around"
    """The totals of the district and of the city, as far as the operator may see them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Option:
    """What every option has."""

    name: str
    label: Text
    default: Answer | Callable[[ReportSettings], Answer] = None

    def usual(self, settings: ReportSettings) -> Answer:
        """The value when nobody chooses."""
        return self.default(settings) if callable(self.default) else self.default


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice(_Option):
    """An option with a few named values."""

    choices: Mapping[str, Text]

    def read(self, text: str) -> str:
        """Raises ``AskError`` for what is none of the choices."""
        if text not in self.choices:
            known = ", ".join(self.choices)
            raise AskError("question.choice", label=self.label(), known=known)
        return text

    def say(self, value: Answer) -> str:
        return self.choices[str(value)]()


@dataclass(frozen=True, kw_only=True, slots=True)
class Number(_Option):
    """An option that is a number; without a default it may stay empty, which is None."""

    minimum: float = 0
    maximum: float = 1_000_000
    whole: bool = True
    """False takes a decimal fraction, with a point or a comma."""

    def read(self, text: str) -> float:
        """Raises ``AskError`` for what is no number or outside the limits."""
        try:
            value = int(text) if self.whole else float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        if not self.minimum <= value <= self.maximum:
            raise AskError(
                "question.number",
                label=self.label(),
                minimum=f"{self.minimum:g}",
                maximum=f"{self.maximum:g}",
            )
        return value

    def say(self, value: Answer) -> str:
        return "—" if value is None else f"{value:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag(_Option):
    """An option that is on or off."""

    default: Answer | Callable[[ReportSettings], Answer] = False

    def read(self, text: str) -> bool:
        """Raises ``AskError`` for anything but ``1`` and ``0``."""
        if text not in ("0", "1"):
            raise AskError("question.flag", label=self.label())
        return text == "1"

    def say(self, value: Answer) -> str:
        return _("yes") if value else _("no")


Option = Choice | Number | Flag


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked of one report."""

    scope: Scope
    """Whose figures: what the operator may see, narrowed to the district or school asked for."""
    zone: ZoneInfo
    now: datetime
    """The cut-off: nothing later is counted."""
    period: Period | None = None
    by: str = ""
    """The level a row stands for; one of the definition's ``levels``."""
    options: Mapping[str, Answer] = field(default_factory=dict)
    settings: ReportSettings = field(default_factory=ReportSettings)
    district: str = ""
    """Asked for by name; ``scope`` is narrowed to it already."""
    school: str = ""
    """The same by school code."""
    publish: bool = False
    """For readers outside: small numbers are hidden."""
    compare: Compare = Compare.NOTHING
    around: Scope | None = None
    """All that the operator may see, of which ``scope`` is a part."""
    shown: Scope | None = None
    """The part of ``scope`` whose rows a page shows; None: all. Totals are of all of ``scope``.
    Only rows by class are so many that reports leave out the others."""

    @property
    def today(self) -> date:
        """The day of the cut-off by the clock of the zone."""
        return self.now.astimezone(self.zone).date()

    def with_rows(self, schools: Iterable[School]) -> list[School]:
        """Those of the schools that have rows (``shown``)."""
        return [school for school in schools if self.shown is None or self.shown.sees(school)]

    def bounds(self) -> tuple[datetime, datetime]:
        """The first moment of the period and the first after what counts of it, in UTC: the moment
        of the cut-off counts. Raises ``ValueError`` without a period."""
        if self.period is None:
            raise ValueError("the report needs a period")
        begin, end = self.period.bounds(self.zone)
        return begin, max(begin, min(end, until(self.now)))

    def number(self, name: str) -> float | None:
        """The value of a ``Number``."""
        value = self.options[name]
        return None if value is None else float(value)

    def flag(self, name: str) -> bool:
        """The value of a ``Flag``."""
        return bool(self.options[name])

    def choice(self, name: str) -> str:
        """The value of a ``Choice``."""
        return str(self.options[name])


def narrow(session: Session, scope: Scope, *, district: str, school: str) -> Scope:
    """``scope`` cut down to one district, one school, or both.

    Raises ``Forbidden`` when it is outside, or is not there at all: nobody learns which.
    """
    if school:
        found = session.get(School, school)
        if found is None or not scope.sees(found) or (district and found.district != district):
            raise Forbidden("school")
        return scope.of_schools([school])
    if not district:
        return scope
    codes = session.scalars(
        select(School.code).where(scope.schools(), School.district == district)
    ).all()
    if not codes:
        raise Forbidden("school")
    if scope.role == OperatorRole.SCHOOL:
        return scope.of_schools(codes)
    return Scope(actor=scope.actor, role=OperatorRole.DISTRICT, items=frozenset({district}))
