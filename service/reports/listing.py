"""Lists of schools as the letters have them: №, Район, Наименование ОО, then figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from service.i18n import gettext as _
from service.registry.lookup import RegistrySchool, registry_schools
from service.reports.question import Asked
from service.reports.report import Column, Freshness, Kind, Row, Source

LEFT = 3
"""So many columns say which school a line is; the rest are figures."""

TOTAL = "total"
"""Key of the line of everything the reader may see."""


def schools_of(session: Session, asked: Asked) -> list[RegistrySchool]:
    """The schools that a list is about: all but those closed before the period.

    Schools of the registry without any load are among them (docs/facts/indicators.md F5).
    """
    first = asked.period.first if asked.period else asked.today
    schools = registry_schools(session, asked.scope, at=asked.today, known_at=asked.now)
    return [one for one in schools if one.closed_on is None or one.closed_on >= first]


def end_of_period(asked: Asked) -> datetime:
    """The first moment after the period, or the cut-off when that comes before."""
    bounds = asked.bounds()
    return min(bounds[1], asked.now) if bounds else asked.now


def by_district(schools: Sequence[RegistrySchool]) -> Mapping[str, list[RegistrySchool]]:
    """In the order of the list."""
    districts: dict[str, list[RegistrySchool]] = {}
    for school in schools:
        districts.setdefault(school.district, []).append(school)
    return districts


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A school in its line."""

    number: int
    """Running, through the whole list."""
    school: RegistrySchool

    @property
    def key(self) -> str:
        """Numbers and names repeat; the code does not (docs/facts/indicators.md F9)."""
        return self.school.code

    def cells(self) -> Row:
        """The first three cells."""
        return self.number, self.school.district, self.school.short_name or self.school.name


def listed(schools: Sequence[RegistrySchool]) -> Iterator[Listed]:
    for number, school in enumerate(schools, 1):
        yield Listed(number=number, school=school)


def school_columns() -> tuple[Column, ...]:
    """The first three, in the order and with the titles of the annex
    (docs/facts/indicators.md A1)."""
    return (
        column("number", _("No."), Kind.INTEGER, absent="—"),
        column("district", _("District"), Kind.TEXT),
        column("school", _("Name of the organisation"), Kind.TEXT),
    )


def code_column() -> Column:
    return column("school_code", _("School code"), Kind.TEXT)


def loaded_column() -> Column:
    return column("loaded", _("Last load"), Kind.MOMENT, absent=_("not loaded"))


def column(key: str, title: str, kind: Kind, *, absent: str = "", definition: str = "") -> Column:
    return Column(
        key=key, title=title, kind=kind, absent=absent or _("no data"), definition=definition
    )


def people_column(key: str, title: str, definition: str, *, absent: str = "") -> Column:
    """A column that counts people; a school without a load says so."""
    return Column(
        key=key, title=title, kind=Kind.INTEGER, absent=absent or _("not loaded"),
        definition=definition, people=True,
    )  # fmt: skip


def share_column(key: str, title: str, of: tuple[str, str]) -> Column:
    """``of``: keys of numerator and denominator; the title names the latter."""
    return Column(key=key, title=title, kind=Kind.SHARE, absent=_("no data"), of=of)


def share(part: int | None, whole: int | None) -> float | None:
    """None for a share of nothing, which is neither 0 nor 1."""
    return part / whole if part is not None and whole else None


def loads_of(schools: Sequence[RegistrySchool]) -> Freshness:
    return Freshness.of([school.last_applied_at for school in schools])


def rolls_source(freshness: Freshness) -> Source:
    return Source(name=_("Rolls of the schools"), as_of=freshness.newest)
