"""What coverage counts, once each, at every level."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from string import ascii_letters
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from auth.models import Result
from service.calendar.period import Period
from service.reports.export import to_table
from service.reports.report import Report
from tests.language import in_language
from tests.service.coverage_city import (
    LOADED_AT,
    add_person,
    add_school,
    put_on_roll,
    sign_in,
    take_off_roll,
)
from tests.service.report_questions import NOW, built, check_queries

pytestmark = pytest.mark.usefixtures("english")

MOSCOW = ZoneInfo("Europe/Moscow")


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "coverage", **overrides)


def line(report: Report, role: str = "all", total: bool = False, **match: str) -> dict[str, Any]:
    """The one row (or total) with these cells, as a dict."""
    keys = [column.key for column in report.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in (report.totals if total else report.rows)]
    wanted = {"role": role, **match}
    (found,) = [row for row in rows if wanted.items() <= row.items()]
    return found


def test_each_step_of_the_way_is_counted_for_school_and_role(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "no-account", "1", moodle_id=None)
    add_person(session, "never", "1")
    add_person(session, "earlier", "1")
    add_person(session, "october", "1")
    add_person(session, "teacher", "1", role="teacher")
    sign_in(session, "earlier", datetime(2026, 9, 5, tzinfo=UTC))
    sign_in(session, "october", datetime(2026, 10, 5, tzinfo=UTC))
    sign_in(session, "october", datetime(2026, 10, 6, tzinfo=UTC))
    sign_in(session, "teacher", datetime(2026, 10, 7, tzinfo=UTC))

    report = build(session)

    pupils = line(report, "student", school_code="1")
    assert pupils | {
        "roll": 4, "account": 3, "account_share": 0.75, "ever": 2, "ever_share": 0.5,
        "in_period": 1, "in_period_share": 0.25, "left": 0,
    } == pupils  # fmt: skip
    everybody = line(report, school_code="1")
    assert (everybody["roll"], everybody["account"], everybody["in_period"]) == (5, 4, 2)
    total = line(report, total=True)
    assert (total["roll"], total["ever"], total["left"]) == (5, 3, 0)


def test_an_account_that_was_never_recorded_is_in_the_roll_without_account(
    session: Session,
) -> None:
    add_school(session, "1")
    person = add_person(session, "p", "1")
    session.delete(person)
    session.flush()
    row = line(build(session), "student", school_code="1")
    assert (row["roll"], row["account"]) == (1, 0)


@pytest.mark.parametrize(
    ("moment", "counted"),
    [
        ("2026-09-30T20:59:59.999999+00:00", 0),
        ("2026-09-30T21:00:00+00:00", 1),
        ("2026-10-31T20:59:59.999999+00:00", 1),
        ("2026-10-31T21:00:00+00:00", 0),
    ],
)
def test_both_days_of_the_period_count_and_end_at_midnight_in_moscow(
    session: Session, moment: str, counted: int
) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", datetime.fromisoformat(moment))
    row = line(build(session), school_code="1")
    assert (row["ever"], row["in_period"]) == (1, counted)


def test_nothing_after_the_cut_off_counts_and_an_open_period_is_preliminary(
    session: Session,
) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", NOW + timedelta(seconds=1))
    november = Period(first=date(2026, 11, 1), last=date(2026, 11, 30))
    report = build(session, period=november)
    assert line(report, school_code="1")["ever"] == 0
    assert line(report, school_code="1")["in_period"] == 0
    assert report.preliminary
    assert not build(session).preliminary


def test_refused_attempts_never_count(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", result=Result.REFUSED, reason="wrong_password")
    row = line(build(session), school_code="1")
    assert (row["ever"], row["in_period"]) == (0, 0)


def test_a_visit_to_a_system_under_test_is_no_sign_in(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", client_id="esia:SCHOOL01")
    assert line(build(session), school_code="1")["ever"] == 0


def test_a_teacher_of_two_schools_counts_once_at_each_level(session: Session) -> None:
    add_school(session, "1", district="Невский")
    add_school(session, "2", district="Невский")
    add_school(session, "3", district="Выборгский")
    add_person(session, "t", "1", "2", "3", role="teacher")
    sign_in(session, "t")
    by_school, by_district = build(session), build(session, by="district")
    assert [line(by_school, "teacher", school_code=code)["roll"] for code in "123"] == [1, 1, 1]
    for district in ("Невский", "Выборгский"):
        row = line(by_district, "teacher", district=district)
        assert (row["roll"], row["ever"]) == (1, 1)
    for report in (by_school, by_district):
        total = line(report, "teacher", total=True)
        assert (total["roll"], total["account"], total["in_period"]) == (1, 1, 1)


def test_an_administrator_who_also_teaches_counts_as_teacher(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2")
    person = add_person(session, "t", "1", role="administrator")
    put_on_roll(session, person, "2", role="teacher")
    report = build(session, by="district")
    assert line(report, "teacher", district="Невский")["roll"] == 1
    assert line(report, "administrator", district="Невский")["roll"] == 0
    assert line(report, district="Невский")["roll"] == 1
    assert line(build(session), "administrator", school_code="1")["roll"] == 1


def test_an_empty_denominator_is_absent_neither_zero_nor_all(session: Session) -> None:
    add_school(session, "1")
    report = build(session)
    row = line(report, "teacher", school_code="1")
    assert (row["roll"], row["account_share"], row["in_period_share"]) == (0, None, None)
    shares = [column for column in report.columns if column.kind == "share"]
    assert {column.text(None, MOSCOW) for column in shares} == {"no data"}


def test_a_school_without_a_load_stays_and_has_no_figures(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2", last_applied_at=None)
    for by in ("school", "class"):
        report = build(session, by=by)
        row = line(report, school_code="2")
        assert (row["loaded"], row["roll"], row["ever"], row["left"]) == (None, None, None, None)
        assert sum("2" in row for row in report.rows) == 1
        loaded = next(column for column in report.columns if column.key == "loaded")
        assert loaded.text(row["loaded"], MOSCOW) == "not loaded"
    district = line(build(session, by="district"), district="Невский")
    assert (district["schools"], district["schools_loaded"], district["roll"]) == (2, 1, 0)


def test_a_city_without_any_load_has_no_totals(session: Session) -> None:
    add_school(session, "1", last_applied_at=None)
    assert line(build(session), total=True)["roll"] is None


def test_suspended_and_left_people_are_outside_the_shares_and_shown_apart(
    session: Session,
) -> None:
    add_school(session, "1")
    add_person(session, "here", "1")
    gone = add_person(session, "gone", "1")
    add_person(session, "suspended-on-the-roll", "1", suspended=True)
    never_came = add_person(session, "never-came", "1")
    for person_id in ("gone", "suspended-on-the-roll"):
        sign_in(session, person_id)
    take_off_roll(session, gone)
    take_off_roll(session, never_came)
    for by, match in (("school", {"school_code": "1"}), ("district", {}), ("class", {})):
        row = line(build(session, by=by), "student", **{"district": "Невский", **match})
        assert (row["roll"], row["ever"], row["ever_share"], row["left"]) == (1, 0, 0.0, 2)
    assert line(build(session), total=True)["left"] == 2


def test_who_is_on_no_roll_has_left_even_while_the_account_is_not_yet_suspended(
    session: Session,
) -> None:
    add_school(session, "1")
    person = add_person(session, "p", "1")
    sign_in(session, "p")
    take_off_roll(session, person, suspended=False)
    row = line(build(session), school_code="1")
    assert (row["roll"], row["ever"], row["left"]) == (0, 0, 1)


def test_a_transfer_takes_its_sign_ins_to_the_new_school(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2")
    person = add_person(session, "p", "2")
    sign_in(session, person.person_id, school_code="1")
    report = build(session)
    assert (line(report, school_code="2")["ever"], line(report, school_code="2")["left"]) == (1, 0)
    assert (line(report, school_code="1")["ever"], line(report, school_code="1")["left"]) == (0, 0)


def test_classes_are_rows_in_natural_order_and_staff_stand_apart(session: Session) -> None:
    add_school(session, "1")
    for person_id, class_id, title in (("a", "c1", "10А"), ("b", "c2", "9Б"), ("c", "c3", "9Б")):
        add_person(session, person_id, "1", class_id=class_id, class_title=title)
    add_person(session, "t", "1", role="teacher")
    report = build(session, by="class")
    keys = [column.key for column in report.columns]
    shown = [(row[keys.index("class")], row[keys.index("role")]) for row in report.rows]
    assert shown == [("", "teacher"), ("9Б", "student"), ("9Б", "student"), ("10А", "student")]
    assert line(report, total=True)["roll"] == 4


def test_leavers_of_a_class_that_is_no_more_make_no_row_of_it(session: Session) -> None:
    add_school(session, "1")
    graduate = add_person(session, "g", "1", class_id="c-11a", class_title="11А")
    sign_in(session, "g")
    take_off_roll(session, graduate)
    report = build(session, by="class")
    row = line(report, "student", school_code="1")
    assert (row["class"], row["roll"], row["left"]) == ("", 0, 1)


def test_schools_stand_by_district_then_number(session: Session) -> None:
    for code, district, number in (
        ("c", "Невский", "10"), ("b", "Невский", "9"), ("a", "Ёлкинский", "153"),
        ("d", "Жуковский", "153"),
    ):  # fmt: skip
        add_school(session, code, district=district, number=number)
    rows = build(session).rows
    assert [row[1] for row in rows[::4]] == ["a", "d", "b", "c"]


def test_without_a_period_its_columns_are_left_out(session: Session) -> None:
    add_school(session, "1")
    report = build(session, period=None)
    assert "in_period" not in {column.key for column in report.columns}
    assert {len(row) for row in (*report.rows, *report.totals)} == {len(report.columns)}


def test_freshness_names_the_oldest_and_newest_load(session: Session) -> None:
    later = LOADED_AT + timedelta(days=3)
    add_school(session, "1")
    add_school(session, "2", last_applied_at=later)
    add_school(session, "3", last_applied_at=None)
    report = build(session)
    assert (report.freshness.schools, report.freshness.loaded) == (3, 2)
    assert (report.freshness.oldest, report.freshness.newest) == (LOADED_AT, later)
    assert (
        "2 of 3 schools loaded; oldest load 01.10.2026 12:00, newest 04.10.2026 12:00"
        in dict(report.header()).values()
    )


def test_queries_do_not_grow_with_schools(session: Session, engine: Engine) -> None:
    check_queries(session, engine, "coverage", most=17)


def test_the_report_speaks_russian(session: Session) -> None:
    add_school(session, "1", last_applied_at=None)
    with in_language("ru"):
        report = build(session)
        shown = to_table(report)
    assert "не загружено" in shown
    assert "нет данных" in shown
    texts = [report.title, report.definition, *(column.title for column in report.columns)]
    words = "".join(texts).replace("Moodle", "")
    assert set(words).isdisjoint(ascii_letters)
