"""Nobody gets a figure or a name from outside their schools."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from service.access import Scope
from service.calendar.period import Period
from service.models import OperatorRole
from service.reports.coverage import COVERAGE
from service.reports.definition import make
from service.reports.export import to_csv, to_json, to_table
from service.reports.report import Report
from tests.service.coverage_city import (
    CITY,
    LOADED_AT,
    add_person,
    add_school,
    asking,
    sign_in,
    take_off_roll,
)

pytestmark = pytest.mark.usefixtures("english")

OCTOBER = Period(first=date(2026, 10, 1), last=date(2026, 10, 31))
FOREIGN = ("foreign", "Чужая", "Чужой", "7Ж", "05.10.2026")
"""What only the other school's and district's rows could bring in."""


@pytest.fixture
def city(session: Session) -> Session:
    """School "own" with 2 pupils; a sister in the district with 3; one of another district with 4.

    A teacher works in all three.
    """
    add_school(session, "own", short_name="Своя", district="Невский")
    later = datetime(2026, 10, 5, tzinfo=UTC)
    add_school(session, "foreign-1", short_name="Чужая 1", last_applied_at=later)
    add_school(session, "foreign-2", short_name="Чужая 2", district="Чужой", last_applied_at=later)
    for code, pupils in (("own", 2), ("foreign-1", 3), ("foreign-2", 4)):
        for number in range(pupils):
            own = code == "own"
            title = "8А" if own else "7Ж"
            person = add_person(session, f"{code}-{number}", code, class_title=title)
            sign_in(session, person.person_id)
        leaver = add_person(session, f"{code}-leaver", code)
        sign_in(session, leaver.person_id)
        take_off_roll(session, leaver)
    add_person(session, "teacher", "foreign-2", "foreign-1", "own", role="teacher")
    sign_in(session, "teacher", school_code="foreign-2")
    return session


def build(session: Session, by: str, role: OperatorRole, *items: str) -> Report:
    scope = Scope(actor="operator", role=role, items=frozenset(items))
    return make(session, COVERAGE, asking(scope=scope, by=by, period=OCTOBER))


def totals(report: Report) -> tuple[object, ...]:
    """Roll, signed in and left of everybody in the scope."""
    whole = dict(zip((column.key for column in report.columns), report.totals[0], strict=True))
    return whole["roll"], whole["ever"], whole["left"]


@pytest.mark.parametrize("by", ["school", "district", "class"])
def test_a_school_operator_gets_the_own_school_only(city: Session, by: str) -> None:
    report = build(city, by, OperatorRole.SCHOOL, "own")
    assert totals(report) == (3, 3, 1)
    text = to_json(report) + to_table(report) + to_csv(report).decode()
    assert [word for word in FOREIGN if word in text] == []
    assert (report.freshness.schools, report.freshness.newest) == (1, LOADED_AT)


@pytest.mark.parametrize("by", ["school", "district", "class"])
def test_a_district_operator_gets_the_own_district_only(city: Session, by: str) -> None:
    report = build(city, by, OperatorRole.DISTRICT, "Невский")
    assert totals(report) == (6, 6, 2)
    text = to_json(report) + to_table(report) + to_csv(report).decode()
    assert [word for word in ("foreign-2", "Чужая 2", "Чужой") if word in text] == []
    assert report.freshness.schools == 2


@pytest.mark.parametrize("by", ["school", "district", "class"])
def test_the_city_gets_everything_once(city: Session, by: str) -> None:
    assert totals(build(city, by, CITY.role)) == (10, 10, 3)


@pytest.mark.parametrize("role", [OperatorRole.SCHOOL, OperatorRole.DISTRICT])
def test_an_operator_of_nothing_gets_nothing(city: Session, role: OperatorRole) -> None:
    report = build(city, "school", role)
    assert report.rows == ()
    assert totals(report) == (None, None, None)
