"""The ЦОС indicators: numerators, three denominators, what is not measured, quarters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.linking.links import end_link
from auth.linking.models import Link
from auth.models import Method
from service.calendar.period import Period
from service.models import KnownEnrolment, RegionalTotal, SchoolType, TotalKey
from service.problems import AskError
from service.reports import REPORTS
from service.reports.export import to_csv
from service.reports.report import Report
from service.reports.suppression import hide_small
from service.settings import ReportSettings
from service.words.problems import sentence
from tests.service.factories import add, add_person, add_school, sign_in
from tests.service.report_questions import (
    FITTING,
    MOSCOW,
    add_people,
    built,
    figures,
    line,
    link,
    of_school,
)

pytestmark = pytest.mark.usefixtures("english")

QUARTER = FITTING["indicators"]
BEGIN, END = QUARTER.bounds(MOSCOW)
NOW = datetime(2027, 1, 11, 9, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 10, 9, tzinfo=UTC)
TOTALS = {
    TotalKey.LEARNERS_GENERAL: 100,
    TotalKey.LEARNERS_ADDITIONAL: 60,
    TotalKey.LEARNERS_VOCATIONAL: 40,
    TotalKey.STAFF_GENERAL: 9,
    TotalKey.ORGANISATIONS_GENERAL: 5,
    TotalKey.ORGANISATIONS_ADDITIONAL: 3,
    TotalKey.ORGANISATIONS_VOCATIONAL: 2,
}


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "indicators", **{"now": NOW} | overrides)


def add_totals(session: Session, **overrides: Any) -> None:
    for key, value in TOTALS.items():
        fields = {"as_of": QUARTER.first, "recorded_at": NOVEMBER, "value": value} | overrides
        add(session, RegionalTotal, key=key, document="ОО-1", recorded_by="city", **fields)


def add_city(session: Session) -> None:
    """A school of each kind with a pupil and a teacher; a kindergarten; one of no known kind."""
    for code, kind in (
        ("school", SchoolType.GENERAL), ("music", SchoolType.ADDITIONAL),
        ("college", SchoolType.VOCATIONAL), ("kindergarten", SchoolType.PRESCHOOL),
        ("unknown", None),
    ):  # fmt: skip
        add_school(session, code, type=kind)
        add_person(session, f"p-{code}", code)
        add_person(session, f"t-{code}", code, role="teacher")


def enrol(session: Session, person_id: str, school: str, course: str = "c-8a") -> None:
    who = {"person_id": person_id, "role": "student", "school_code": school}
    add(session, KnownEnrolment, course=course, **who)


def test_three_denominators_differ_and_the_loaded_schools_stand_beside(session: Session) -> None:
    add_city(session)
    add_totals(session)
    report = build(session, settings=ReportSettings(horizontal_courses=("olymp-",)))
    found = {key: line(report, key) for key in report.keys}
    assert {key: (row["denominator"], row["loaded"]) for key, row in found.items()} == {
        "E4.01.05": ("", ""), "E4.01.07": ("", ""), "E4.01.11": ("", ""),
        "E4.03": (200, 3), "E4.04": (200, 3), "E4.04|linked": (200, 3), "E4.04|used": (200, 3),
        "E4.05": (10, 3), "E4.07": (140, 2), "E4.08": (9, 1),
    }  # fmt: skip
    assert "ОО-1, 01.10.2026" in found["E4.07"]["denominator_source"]
    assert "additional" not in found["E4.07"]["denominator_source"]


def test_the_form_is_complete_and_its_identifiers_are_latin(session: Session) -> None:
    report = build(session)
    assert [row[0] for row in report.rows] == [
        "E4.01.05", "E4.01.07", "E4.01.11", "E4.03", "E4.04", "E4.04", "E4.04", "E4.05", "E4.07",
        "E4.08",
    ]  # fmt: skip
    assert all(key.isascii() for key in report.keys)
    for key in ("E4.01.05", "E4.01.07", "E4.01.11", "E4.08"):
        assert (line(report, key)["numerator"], line(report, key)["share"]) == ("not_measured", "")
    assert {row[-2] for row in report.rows} == {"ГД-1452/04, 11.09.2020"}
    assert all(line(report, key)[name] for key in report.keys for name in ("counted", "left_out"))


def test_a_profile_is_a_live_account_with_a_course(session: Session) -> None:
    add_school(session, "1", type=SchoolType.GENERAL)
    for name, moodle_id, suspended in (
        ("enrolled", 1, False), ("idle", 2, False), ("no-account", None, False), ("gone", 3, True),
    ):  # fmt: skip
        add_person(session, name, "1", moodle_id=moodle_id, suspended=suspended)
        if name != "idle":
            enrol(session, name, "1")
    enrol(session, "enrolled", "1", "c-math")
    found = figures(build(session), "E4.03", "numerator loaded loaded_share")
    assert found == (1, 3, 1 / 3)


def test_possibility_linked_and_used_are_three_figures(session: Session) -> None:
    add_city(session)
    add_person(session, "no-account", "school", moodle_id=None)
    for name in ("p-school", "p-music", "t-school"):
        link(session, name, NOVEMBER)
    for name, at, method in (
        ("p-school", NOVEMBER, Method.ESIA), ("p-music", NOVEMBER, Method.PASSWORD),
        ("p-music", NOVEMBER, Method.SESSION), ("p-college", END, Method.ESIA),
    ):  # fmt: skip
        sign_in(session, name, at, method=method)
    report = build(session)
    numbers = [line(report, key)["numerator"] for key in ("E4.04", "E4.04|linked", "E4.04|used")]
    assert numbers == [3, 2, 1]


def test_a_link_of_the_quarter_counts_though_it_ended_later(session: Session) -> None:
    add_city(session)
    link(session, "p-school", NOVEMBER)
    link(session, "p-music", END + timedelta(hours=1))
    before = to_csv(build(session))
    found = session.scalars(select(Link).where(Link.person_id == "p-school")).one()
    ended = {"school_code": "school", "actor": "city", "reason": "проба"}
    end_link(session, found, **ended, clients={}, now=NOW)
    after = build(session, now=NOW + timedelta(days=1))
    assert line(after, "E4.04|linked")["numerator"] == 1
    assert to_csv(after) == before


def test_an_organisation_counts_when_somebody_signed_in_during_the_quarter(
    session: Session,
) -> None:
    add_city(session)
    add_school(session, "never", type=SchoolType.GENERAL, last_applied_at=None)
    sign_in(session, "t-school", BEGIN)
    sign_in(session, "p-music", BEGIN - timedelta(microseconds=1))
    sign_in(session, "p-college", END)
    sign_in(session, "p-kindergarten", NOVEMBER)
    assert figures(build(session), "E4.05", "numerator loaded") == (1, 3)


def test_horizontal_learning_needs_marked_courses_and_leaves_additional_education_out(
    session: Session,
) -> None:
    add_city(session)
    for name, course in (
        ("school", "olymp-1"), ("music", "olymp-1"), ("college", "xolymp-1"),
        ("unknown", "olymp-1"),
    ):  # fmt: skip
        enrol(session, f"p-{name}", name, course)
    assert line(build(session), "E4.07")["numerator"] == "not_measured"
    assert any("E4.07 is not measured" in note for note in build(session).notes)
    marked = build(session, settings=ReportSettings(horizontal_courses=("olymp-", "a%")))
    assert figures(marked, "E4.07", "numerator loaded loaded_share") == (1, 2, 0.5)


def test_a_total_in_part_or_nobody_at_all_gives_no_data(session: Session) -> None:
    report = build(session)
    names = "numerator denominator share loaded loaded_share"
    assert figures(report, "E4.03", names) == (0, None, None, 0, None)
    assert line(report, "E4.03")["denominator_source"].startswith("not recorded: ")
    assert "no data" in to_csv(report).decode()


def test_totals_are_those_in_force_on_the_last_day_and_known_at_the_cut_off(
    session: Session,
) -> None:
    add_totals(session)
    add_totals(session, value=1, as_of=date(2027, 1, 1))
    assert line(build(session), "E4.05")["denominator"] == 10
    early = build(session, now=NOVEMBER - timedelta(days=1))
    assert early.preliminary
    assert line(early, "E4.05")["denominator"] is None


def test_only_the_city_is_compared_with_the_totals_of_the_region(session: Session) -> None:
    add_city(session)
    add_totals(session)
    report = build(session, scope=of_school("school"))
    assert figures(report, "E4.04", "numerator denominator loaded") == (1, None, 1)


def test_the_form_is_of_one_quarter(session: Session) -> None:
    with pytest.raises(AskError) as refused:
        build(session, period=Period(first=date(2026, 10, 1), last=date(2026, 11, 30)))
    assert "one quarter" in sentence(refused.value)
    usual = REPORTS["indicators"].default_period
    assert usual
    assert usual(date(2027, 1, 1)) == QUARTER


def test_a_child_of_two_schools_is_one_person(session: Session) -> None:
    add_school(session, "1", type=SchoolType.GENERAL)
    add_school(session, "2", type=SchoolType.ADDITIONAL)
    add_person(session, "p", "1", "2")
    assert figures(build(session), "E4.04", "numerator loaded") == (1, 1)


def test_hiding_small_numbers_hides_no_more_lines_than_that(session: Session) -> None:
    add_school(session, "1", type=SchoolType.GENERAL)
    add_people(session, "1", *(f"p{number}" for number in range(6)))
    enrol(session, "p0", "1")
    hidden = hide_small(build(session), 5)
    assert line(hidden, "E4.03")["numerator"] == "<5"
    assert line(hidden, "E4.04")["numerator"] == 6
