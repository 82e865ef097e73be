"""The weekly report: its calendar, the role «Учитель» at the cut-off, who counts once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.models import (
    RollAct,
    RollEvent,
    SchoolMembership,
)
from service.problems import AskError
from service.reports import REPORTS
from service.reports.definition import usual_options
from service.reports.export import to_csv
from service.reports.weekly.columns import Threshold
from service.settings import ReportSettings
from service.words.problems import sentence
from tests.service.coverage_city import (
    add_person,
    put_on_roll,
    sign_in,
)
from tests.service.report_questions import line
from tests.service.week_factories import (
    FRIDAY_17,
    FRIDAY_24,
    LATER,
    TUESDAY,
    WEEK,
    WEEKLY,
    build,
    general,
    moved,
)

pytestmark = pytest.mark.usefixtures("english")


@pytest.mark.parametrize(
    ("moment", "preliminary", "final"),
    [
        ("2026-12-25T20:59:59.999999+00:00", 0, 0),
        ("2026-12-25T21:00:00+00:00", 1, 1),
        ("2027-01-01T14:00:00+00:00", 1, 1),
        ("2027-01-01T14:00:00.000001+00:00", 0, 1),
        ("2027-01-01T20:59:59.999999+00:00", 0, 1),
        ("2027-01-01T21:00:00+00:00", 0, 0),
    ],
)
def test_a_week_across_the_years_end_is_cut_on_friday_at_17_and_at_24_in_moscow(
    session: Session, moment: str, preliminary: int, final: int
) -> None:
    general(session, "1")
    add_person(session, "t", "1", role="teacher")
    sign_in(session, "t", datetime.fromisoformat(moment))
    for stand, cut_off, counted in (
        ("preliminary", FRIDAY_17, preliminary), ("newest", FRIDAY_24, final),
    ):  # fmt: skip
        report = build(session, options={"stand": stand})
        assert report.cut_off == cut_off
        assert report.preliminary == (stand == "preliminary")
        assert any(stand == "preliminary" for _ in report.notes if "Preliminary" in _) == (
            stand == "preliminary"
        )
        assert line(report, "1|own")["active"] == counted


def test_a_report_is_of_one_week_and_says_which_one_is_meant(session: Session) -> None:
    for wrong in (
        Period(first=date(2026, 12, 28), last=date(2027, 1, 3)),
        Period(first=date(2026, 12, 19), last=WEEK.last),
    ):
        with pytest.raises(AskError) as refused:
            build(session, period=wrong)
        assert "Saturday to Friday, such as" in sentence(refused.value)


def test_on_friday_the_week_that_ends_is_shown_and_else_the_last_one() -> None:
    shown = WEEKLY.default_period
    assert shown
    assert shown(date(2027, 1, 1)) == WEEK
    assert shown(date(2027, 1, 2)) == shown(date(2027, 1, 7)) == WEEK
    assert shown(date(2027, 1, 8)).first == date(2027, 1, 2)


def test_only_teachers_count_and_a_teacher_who_administers_is_a_teacher(session: Session) -> None:
    general(session, "1")
    general(session, "2")
    for name, role in (("t", "teacher"), ("p", "student"), ("a", "administrator")):
        add_person(session, name, "1", role=role)
        sign_in(session, name, TUESDAY)
    both = add_person(session, "both", "1", role="teacher")
    put_on_roll(session, both, "2", role="administrator")
    report = build(session, by="district")
    district = line(report, "Невский|own")
    assert (district["teachers"], district["active"], district["active_share"]) == (2, 1, 0.5)
    assert district["c5"] == 4


def test_a_teacher_of_two_schools_counts_once_in_each_in_the_district_and_in_the_total(
    session: Session,
) -> None:
    general(session, "1")
    general(session, "2")
    general(session, "3", district="Выборгский")
    add_person(session, "t", "1", "2", "3", role="teacher")
    sign_in(session, "t", TUESDAY)
    schools = build(session)
    assert [line(schools, f"{code}|own")["active"] for code in "123"] == [1, 1, 1]
    assert line(schools, "total|own")["teachers"] == 1
    districts = build(session, by="district")
    assert line(districts, "Невский|own")["teachers"] == 1
    assert line(districts, "total|own")["active"] == 1


def test_the_role_is_that_of_the_cut_off_however_late_the_report_is_built(
    session: Session,
) -> None:
    general(session, "1")
    person = add_person(session, "t", "1", role="teacher")
    sign_in(session, "t", TUESDAY)
    before = build(session)
    row = session.get(SchoolMembership, ("1", "t"))
    assert row
    moved(session, RollAct.LEFT, person, "1", LATER)
    row.role = person.role = "administrator"
    moved(session, RollAct.JOINED, person, "1", LATER)
    after = build(session, now=LATER + timedelta(days=9))
    assert to_csv(after) == to_csv(before)
    assert line(after, "1|own")["teachers"] == 1
    next_week = Period(first=date(2027, 1, 2), last=date(2027, 1, 8))
    assert line(build(session, period=next_week, now=FRIDAY_24 + timedelta(days=9)), "1|own")[
        "teachers"
    ] == 0  # fmt: skip


def test_a_transfer_inside_the_week_counts_at_the_new_school_only(session: Session) -> None:
    general(session, "1")
    general(session, "2")
    person = add_person(session, "t", "2", role="teacher")
    moved(session, RollAct.LEFT, person, "1", TUESDAY)
    moved(session, RollAct.JOINED, person, "2", TUESDAY)
    sign_in(session, "t", TUESDAY - timedelta(days=1), school_code="1")
    report = build(session)
    assert [line(report, f"{code}|own")["active"] for code in "12"] == [0, 1]
    earlier = Period(first=date(2026, 12, 19), last=date(2026, 12, 25))
    report = build(session, period=earlier)
    assert [line(report, f"{code}|own")["teachers"] for code in "12"] == [1, 0]


def test_a_suspended_teacher_is_outside_and_one_suspended_later_is_not(session: Session) -> None:
    general(session, "1")
    for name, at in (("earlier", TUESDAY), ("later", LATER)):
        person = add_person(session, name, "1", role="teacher", suspended=True)
        moved(session, RollAct.SUSPENDED, person, "1", at)
    report = build(session, now=LATER + timedelta(days=1))
    assert line(report, "1|own")["teachers"] == 1


def test_a_school_loaded_after_the_cut_off_was_not_loaded_then(session: Session) -> None:
    general(session, "1", last_applied_at=LATER)
    add_person(session, "t", "1", role="teacher")
    session.add(RollEvent(at=LATER, act=RollAct.BEGUN, school_code="1"))
    session.flush()
    row = line(build(session, now=LATER + timedelta(days=1)), "1|own")
    assert (row["loaded"], row["teachers"], row["c4"]) == (None, None, "no")


def test_more_than_three_and_at_least_three_are_two_thresholds() -> None:
    assert Threshold(operator="more", number=3).least == 4
    assert Threshold(operator="at_least", number=3).least == 3
    assert REPORTS["weekly"].options
    usual = usual_options(WEEKLY, ReportSettings())
    assert (usual["chat_operator"], usual["group_chat_operator"]) == ("more", "at_least")
    changed = usual_options(WEEKLY, ReportSettings(chat_operator="at_least", chat_threshold=4))
    assert (changed["chat_operator"], changed["chat_threshold"]) == ("at_least", 4)
