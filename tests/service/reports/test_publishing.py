"""Published reports: frozen figures, versions, access, the schedule."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.calendar.weeks import Due, Occasion, due
from service.models import AuditEntry, OperatorRole, PublishedReport, School
from service.reports import REPORTS
from service.reports.definition import make
from service.reports.export import to_csv
from service.reports.publishing import PublishProblem, answer, publish
from service.reports.stored import from_data, to_data
from tests.service.console_factories import (
    NOW,
    ConsoleUnderTest,
    add_operator,
    add_school,
    make_console,
)
from tests.service.coverage_city import add_person, asking, sign_in
from tests.service.reports.test_coverage_recount import OCTOBER, make_city

MOSCOW = ZoneInfo("Europe/Moscow")
COVERAGE = REPORTS["coverage"]
LATER = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SEPTEMBER = {"from": "2026-09-01", "to": "2026-09-30"}


@pytest.mark.parametrize("by", ["district", "school"])
def test_a_report_survives_being_stored(session: Session, by: str) -> None:
    make_city(session, random.Random(3))
    report = make(session, COVERAGE, asking(by=by, period=OCTOBER, now=LATER))
    assert from_data(to_data(report)) == report


def test_a_published_question_gives_its_figures_byte_for_byte(session: Session) -> None:
    make_city(session, random.Random(3))
    asked = asking(period=OCTOBER, now=LATER)
    first = publish(session, COVERAGE, asked, now=LATER, by="city")
    add_person(session, "new", session.scalars(select(School.code)).first() or "")
    again = answer(session, COVERAGE, asking(period=OCTOBER, now=LATER + timedelta(days=99)))
    assert (again.published, to_csv(again.report)) == (first, first.csv)
    live = answer(session, COVERAGE, asked, live=True)
    assert live.differs
    assert to_csv(live.report) != first.csv


def test_a_correction_needs_a_reason_and_leaves_the_old_version(session: Session) -> None:
    make_city(session, random.Random(3))
    asked = asking(period=OCTOBER, now=LATER)
    first = publish(session, COVERAGE, asked, now=LATER, by="city")
    old = first.csv
    add_person(session, "new", session.scalars(select(School.code)).first() or "")
    with pytest.raises(PublishProblem):
        publish(session, COVERAGE, asked, now=LATER, by="city", reason="  ")
    second = publish(session, COVERAGE, asked, now=LATER, by="city", reason="late load")
    assert (second.version, second.reason) == (2, "late load")
    assert answer(session, COVERAGE, asked).published == second
    session.expire_all()
    assert (first.csv, first.version) == (old, 1)


def test_preliminary_figures_are_another_publication(session: Session) -> None:
    make_city(session, random.Random(3))
    inside = datetime(2026, 10, 31, 14, tzinfo=UTC)
    early = publish(session, COVERAGE, asking(period=OCTOBER, now=inside), now=inside, by="city")
    assert early.preliminary
    assert answer(session, COVERAGE, asking(period=OCTOBER, now=inside)).published is None
    final = publish(session, COVERAGE, asking(period=OCTOBER, now=LATER), now=LATER, by="city")
    assert (final.preliminary, final.version) == (False, 1)


def test_what_is_built_late_says_so(session: Session) -> None:
    make_city(session, random.Random(3))
    asked = asking(period=OCTOBER, now=LATER)
    on_time = publish(session, COVERAGE, asked, now=LATER + timedelta(minutes=10), by="schedule")
    late = publish(
        session, COVERAGE, asked, now=LATER + timedelta(days=2), by="schedule", reason="x"
    )
    assert on_time.data["notes"] == ()
    assert "22.11.2026 15:00" in late.data["notes"][0]
    assert from_data(late.data).cut_off == LATER


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path)
    with console.rows() as rows:
        for code, district in (("own", "Невский"), ("sister", "Невский"), ("far", "Выборгский")):
            add_school(rows, code, district=district, last_applied_at=NOW)
            add_person(rows, f"p-{code}", code)
            sign_in(rows, f"p-{code}", datetime(2026, 9, 5, tzinfo=UTC))
        add_operator(rows, "city")
        add_operator(rows, "school", role=OperatorRole.SCHOOL, scope=["own"])
        add_operator(rows, "district", role=OperatorRole.DISTRICT, scope=["Невский"])
    return console


def publish_as(console: ConsoleUnderTest, operator: str, **more: str) -> int:
    answered = console.client(operator).post(
        "/console/reports/published", name="coverage", **SEPTEMBER | more
    )
    assert answered.status_code == 302, answered.text
    return int(answered.headers["Location"].rpartition("/")[2])


def test_the_console_publishes_and_shows_versions(console: ConsoleUnderTest) -> None:
    number = publish_as(console, "city")
    browser = console.client("city")
    page = browser.get("/console/reports/coverage", **SEPTEMBER).text
    assert "Показатели опубликованы" in page
    refused = browser.post("/console/reports/published", name="coverage", **SEPTEMBER)
    assert (refused.status_code, "нужна причина" in refused.text) == (409, True)
    publish_as(console, "city", reason="опоздала загрузка")
    assert "опоздала загрузка" in browser.get(f"/console/reports/published/{number}").text
    assert "совпадают" in browser.get("/console/reports/coverage", live="1", **SEPTEMBER).text


def test_every_file_of_a_published_report_is_the_stored_one(console: ConsoleUnderTest) -> None:
    number = publish_as(console, "city")
    with console.rows() as rows:
        add_person(rows, "new", "own")
        stored = rows.get_one(PublishedReport, number).csv
    browser = console.client("city")
    assert browser.get(f"/console/reports/published/{number}.csv").data == stored
    assert browser.get("/console/reports/coverage.csv", **SEPTEMBER).data == stored
    assert browser.get("/console/reports/coverage.csv", live="1", **SEPTEMBER).data != stored
    assert browser.get(f"/console/reports/published/{number}.xlsx").status_code == 200
    with console.rows() as rows:
        forms = rows.scalars(
            select(AuditEntry.details).where(AuditEntry.action == "report.export")
        ).all()
        assert [each["form"] for each in forms] == ["csv", "csv", "csv", "xlsx"]


@pytest.mark.parametrize(
    ("operator", "seen"),
    [
        ("city", {"city", "district", "school", "sister"}),
        ("district", {"district", "school", "sister"}),
        ("school", {"school"}),
    ],
)
def test_operators_see_what_is_published_of_their_schools(
    console: ConsoleUnderTest, operator: str, seen: set[str]
) -> None:
    numbers = {who: publish_as(console, who) for who in ("city", "district", "school")}
    numbers["sister"] = publish_as(console, "city", school="sister")
    browser = console.client(operator)
    for name, number in numbers.items():
        expected = 200 if name in seen else 404
        for address in ("", ".csv", ".json"):
            got = browser.get(f"/console/reports/published/{number}{address}").status_code
            assert got == expected, (name, address)
    listed = browser.get("/console/reports/published").text
    assert {name for name, n in numbers.items() if f'published/{n}"' in listed} == seen


def test_the_frozen_figures_of_the_city_answer_nobody_else(console: ConsoleUnderTest) -> None:
    publish_as(console, "city")
    page = console.client("school").get("/console/reports/coverage", **SEPTEMBER).text
    assert "Показатели опубликованы" not in page
    assert "far" not in page


def dues(first: str, last: str, *occasions: Occasion) -> list[tuple[str, str, str]]:
    found = due(datetime.fromisoformat(last), after=datetime.fromisoformat(first), zone=MOSCOW)
    return [
        (each.occasion, str(each.period), f"{each.at.astimezone(MOSCOW):%d.%m %H:%M}")
        for each in found
        if each.occasion in occasions
    ]


def test_weeks_months_and_quarters_are_due_at_their_ends_across_the_year() -> None:
    ends = dues("2026-12-31T12:00+03:00", "2027-01-02T00:00+03:00",
                *(set(Occasion) - {Occasion.DAY}))  # fmt: skip
    assert ends == [
        ("month", "01.12.2026–31.12.2026", "01.01 00:00"),
        ("quarter", "01.10.2026–31.12.2026", "01.01 00:00"),
        ("week-preliminary", "26.12.2026–01.01.2027", "01.01 17:00"),
        ("week", "26.12.2026–01.01.2027", "02.01 00:00"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2026-11-20T16:59:59+03:00", "2026-11-20T17:00:00+03:00", 1),
        ("2026-11-20T17:00:00+03:00", "2026-11-20T23:59:59+03:00", 0),
        ("2026-11-20T16:59:59+03:00", "2026-11-20T16:59:59+03:00", 0),
        ("2026-11-01T00:00:00+03:00", "2026-11-20T18:00:00+03:00", 3),
    ],
)
def test_everything_is_due_once_however_late(first: str, last: str, found: int) -> None:
    assert len(dues(first, last, Occasion.WEEK_PRELIMINARY)) == found


def test_days_are_due_each() -> None:
    assert len(dues("2026-11-01T00:00+03:00", "2026-11-08T00:00+03:00", Occasion.DAY)) == 7
    day = Period(first=date(2026, 11, 1), last=date(2026, 11, 1))
    at = datetime(2026, 11, 1, 21, tzinfo=UTC)
    assert Due(occasion=Occasion.DAY, period=day, at=at) in due(
        at, after=at - timedelta(seconds=1), zone=MOSCOW
    )
