"""Lists of schools as the letters have them: №, Район, Наименование ОО, then figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from service.i18n import gettext as _
from service.portal import both_ways
from service.registry.lookup import RegistrySchool, registry_schools
from service.reports.definition import Level
from service.reports.question import Question
from service.reports.report import Body, Column, Freshness, Kind, Row, Source, Sum

LEFT = 3
"""So many columns say which school a line is; the rest are figures."""

TOTAL = "total"
"""Key of the line of everything the reader may see."""

Schools = Sequence[RegistrySchool]


def schools_of(session: Session, question: Question) -> list[RegistrySchool]:
    """The schools that a report is about: all but those closed before the period.

    Schools of the registry without any load are among them (docs/facts/indicators.md F5).
    """
    today = question.today
    first = question.period.first if question.period else today
    schools = registry_schools(session, question.scope, at=today, known_at=question.now)
    return [one for one in schools if one.closed_on is None or one.closed_on >= first]


def by_district(schools: Schools) -> Mapping[str, list[RegistrySchool]]:
    """In the order of the list."""
    districts: dict[str, list[RegistrySchool]] = {}
    for school in schools:
        districts.setdefault(school.district, []).append(school)
    return districts


def units(by: str, schools: Schools) -> Mapping[str, Schools]:
    """The schools of each line, a district or one school, by the key of the line."""
    return (
        by_district(schools)
        if by == Level.DISTRICT
        else {school.code: [school] for school in schools}
    )


def name_of(school: RegistrySchool) -> str:
    return school.short_name or school.name


def list_body(
    schools: Schools,
    columns: Sequence[Column],
    cells: Callable[[Schools, str], Row],
    *,
    in_total: Callable[[Schools, str], Row] | None = None,
    **more: Any,
) -> Body:
    """The schools in the form of the annex, a total of each district and of all.

    ``cells``: those right of the school's name, of one school and its code, or of several together
    and an empty code; ``in_total`` where totals have others. ``more``: fields of ``Body``.
    """
    groups, in_total = total_groups(schools), in_total or cells
    parts = {key: tuple(one.code for one in found) for key, found in groups.items()}
    if districts := tuple(key for key in groups if key != TOTAL):
        parts[TOTAL] = districts
    fields: dict[str, Any] = {
        "freshness": loads_of(schools),
        "columns": (*school_columns(), *columns),
        "lines": {
            school.code: (number, school.district, name_of(school), *cells([school], school.code))
            for number, school in enumerate(schools, 1)
        },
        "totals": {
            key: (
                None,
                _("Total") if key == TOTAL else some[0].district,
                _("organisations: {n}", n=len(some)),
                *in_total(some, ""),
            )
            for key, some in groups.items()
        },
        "merged": LEFT,
        # The schools of a district add up to it, the districts to the total.
        "sums": tuple(Sum(whole=key, parts=some) for key, some in parts.items()),
    }
    return Body(**fields | more)


def total_groups(schools: Schools) -> Mapping[str, Schools]:
    """The schools of each total, by its key: each district where there are several, and all."""
    districts = by_district(schools)
    some = districts if len(districts) > 1 else {}
    return {**{f"district|{name}": found for name, found in some.items()}, TOTAL: schools}


def schools_behind(schools: Schools, key: str) -> list[str]:
    """The codes of the schools of a line of ``list_body``. Raises ``KeyError`` without one."""
    lines = {**units(Level.SCHOOL, schools), **total_groups(schools)}
    return [school.code for school in lines[key]]


def school_columns() -> tuple[Column, ...]:
    """The first three, in the order and with the titles of the annex
    (docs/facts/indicators.md A1)."""
    return (
        Column("number", _("No."), Kind.INTEGER, absent="—"),
        Column("district", _("District")),
        Column("school", _("Name of the organisation")),
    )


def code_column() -> Column:
    return Column("school_code", _("School code"))


def loaded_column() -> Column:
    return Column("loaded", _("Last load"), Kind.MOMENT, absent=_("not loaded"))


def columns_of_school() -> list[Column]:
    """Which school a line is, where no number stands before it."""
    name = Column("school", _("Name of the organisation"))
    return [Column("district", _("District")), code_column(), name, loaded_column()]


def cells_of_school(school: RegistrySchool, loaded_at: datetime | None) -> Row:
    """The cells of ``columns_of_school``."""
    return school.district, school.code, name_of(school), loaded_at


def loads_of(schools: Schools) -> Freshness:
    return Freshness.of([school.last_applied_at for school in schools])


def rolls_source(freshness: Freshness) -> Source:
    return Source(name=_("Rolls of the schools"), as_of=freshness.newest)


def accounts_source(session: Session, question: Question, loads: Freshness) -> Source:
    """As of when it is known who has an account: the newest whole look into Moodle by then."""
    look = both_ways.last_look(session, question.scope, by=question.now)
    name = _("Accounts in Moodle")
    if look is not None:
        return Source(name=name, as_of=look.ended_at, note=_("by a look into Moodle"))
    note = _("as we wrote them ourselves; nobody has looked into Moodle yet")
    return Source(name=name, as_of=loads.newest, note=note)


def sign_ins_source(as_of: datetime) -> Source:
    return Source(name=_("Sign-ins through our page"), as_of=as_of)
