"""The weekly report: its calendar, who counts at the cut-off, C1-C7 of ours and other platforms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.calendar.weeks import week_of
from service.models import (
    OperatorRole,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    RollAct,
    SchoolMembership,
    SchoolType,
)
from service.problems import AskError
from service.reports import REPORTS
from service.reports.definition import usual_options
from service.reports.export import to_csv
from service.reports.publishing import publish
from service.reports.report import Report
from service.reports.weekly.columns import Threshold
from service.settings import ReportSettings
from service.words.problems import sentence
from tests.service.factories import (
    LOADED_AT,
    add,
    add_operator,
    add_person,
    add_school,
    put_on_roll,
    sign_in,
)
from tests.service.report_questions import (
    MOSCOW,
    add_people,
    add_schools,
    built,
    figures,
    line,
    moved,
    of_district,
    question,
)

pytestmark = pytest.mark.usefixtures("english")

WEEKLY = REPORTS["weekly"]
WEEK = week_of(date(2027, 1, 1))
"""From Saturday to Friday across the year's end."""
FRIDAY_17, FRIDAY_24 = datetime(2027, 1, 1, 14, tzinfo=UTC), WEEK.bounds(MOSCOW)[1]
TUESDAY = datetime(2026, 12, 29, 9, tzinfo=UTC)
LATER = datetime(2027, 1, 5, 9, tzinfo=UTC)


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "weekly", **{"period": WEEK, "now": LATER} | overrides)


def general(session: Session, *codes: str, **fields: Any) -> None:
    add_schools(session, *codes, type=SchoolType.GENERAL, **fields)


def platform_week(
    session: Session, *rows: tuple[str | None, dict[str, Any]], first_day: date = WEEK.first,
    name: str = "Сферум", version: int = 1,
) -> None:  # fmt: skip
    which = {"platform": name, "first_day": first_day, "version": version}
    week = add(session, PlatformWeek, imported_at=FRIDAY_17, **which)
    for number, (code, cells) in enumerate(rows):
        label = f"{code} {number}"
        if session.get(PlatformSchool, (name, label)) is None:
            add(session, PlatformSchool, platform=name, label=label, school_code=code)
        add(session, PlatformFigure, week_id=week.id, row=number, label=label, **cells)


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
    add_people(session, "1", "t", signed_in=datetime.fromisoformat(moment), role="teacher")
    for stand, cut_off, counted in (
        ("preliminary", FRIDAY_17, preliminary), ("newest", FRIDAY_24, final),
    ):  # fmt: skip
        report = build(session, options={"stand": stand})
        assert report.cut_off == cut_off
        assert report.preliminary == (stand == "preliminary")
        assert report.preliminary == any("Preliminary" in note for note in report.notes)
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
    general(session, "1", "2")
    for role in ("teacher", "student", "administrator"):
        add_people(session, "1", role, signed_in=TUESDAY, role=role)
    both = add_person(session, "both", "1", role="teacher")
    put_on_roll(session, both, "2", role="administrator")
    report = build(session, by="district")
    names = "teachers active active_share c5"
    assert figures(report, "Невский|own", names) == (2, 1, 0.5, 4)


def test_the_role_is_that_of_the_cut_off_however_late_the_report_is_built(
    session: Session,
) -> None:
    general(session, "1")
    person = add_person(session, "t", "1", role="teacher")
    sign_in(session, "t", TUESDAY)
    before = build(session)
    row = session.get(SchoolMembership, ("1", "t"))
    assert row
    moved(session, RollAct.LEFT, "t", "1", LATER, "teacher")
    row.role = person.role = "administrator"
    moved(session, RollAct.JOINED, "t", "1", LATER, "administrator")
    after = build(session, now=LATER + timedelta(days=9))
    assert to_csv(after) == to_csv(before)
    assert line(after, "1|own")["teachers"] == 1
    next_week = build(session, period=week_of(date(2027, 1, 8)), now=LATER + timedelta(days=5))
    assert line(next_week, "1|own")["teachers"] == 0


def test_a_transfer_inside_the_week_counts_at_the_new_school_only(session: Session) -> None:
    general(session, "1", "2")
    add_person(session, "t", "2", role="teacher")
    moved(session, RollAct.LEFT, "t", "1", TUESDAY, "teacher")
    moved(session, RollAct.JOINED, "t", "2", TUESDAY, "teacher")
    sign_in(session, "t", TUESDAY - timedelta(days=1), school_code="1")
    report = build(session)
    assert [line(report, f"{code}|own")["active"] for code in "12"] == [0, 1]
    report = build(session, period=week_of(date(2026, 12, 25)))
    assert [line(report, f"{code}|own")["teachers"] for code in "12"] == [1, 0]


def test_a_suspended_teacher_is_outside_and_one_suspended_later_is_not(session: Session) -> None:
    general(session, "1")
    for name, at in (("earlier", TUESDAY), ("later", LATER)):
        add_person(session, name, "1", role="teacher", suspended=True)
        moved(session, RollAct.SUSPENDED, name, "1", at, "teacher")
    report = build(session, now=LATER + timedelta(days=1))
    assert line(report, "1|own")["teachers"] == 1


def test_a_school_loaded_after_the_cut_off_was_not_loaded_then(session: Session) -> None:
    general(session, "1", last_applied_at=LATER)
    add_person(session, "t", "1", role="teacher")
    moved(session, RollAct.BEGUN, "", "1", LATER)
    report = build(session, now=LATER + timedelta(days=1))
    assert figures(report, "1|own", "loaded teachers c4") == (None, None, "no")


def test_more_than_three_and_at_least_three_are_two_thresholds() -> None:
    assert Threshold(operator="more", number=3).least == 4
    assert Threshold(operator="at_least", number=3).least == 3
    usual = usual_options(WEEKLY, ReportSettings())
    assert (usual["chat_operator"], usual["group_chat_operator"]) == ("more", "at_least")
    changed = usual_options(WEEKLY, ReportSettings(chat_operator="at_least", chat_threshold=4))
    assert (changed["chat_operator"], changed["chat_threshold"]) == ("at_least", 4)


@pytest.mark.parametrize(
    ("options", "c1", "c2"),
    [
        ({}, 6, 7),
        ({"chat_operator": "at_least", "chat_threshold": 4.0}, 6, 7),
        ({"chat_operator": "at_least"}, None, 7),
        ({"group_chat_operator": "more"}, 6, None),
        ({"group_chat_operator": "more", "group_chat_threshold": 2.0}, 6, 7),
    ],
)
def test_another_platforms_figures_count_for_their_own_threshold_only(
    session: Session, options: dict[str, Any], c1: int | None, c2: int | None
) -> None:
    general(session, "1")
    given = {"teachers": 10, "teachers_with_messages": 6, "teachers_with_group_messages": 7}
    platform_week(session, ("1", given))
    report = build(session, options=options)
    found = (c1, c2, None if c1 is None else 0.6)
    assert figures(report, "1|Сферум", "c1 c2 c1_share") == found


def test_messages_in_our_moodle_are_not_measured_here_and_the_reason_is_told(
    session: Session,
) -> None:
    general(session, "1")
    report = build(session)
    assert figures(report, "1|own", "c1 c2 c3 c1_share") == (*["not_measured"] * 3, "")
    assert "not measured here" in to_csv(report).decode()
    assert any("no standard web service" in note for note in report.notes)


def test_another_platform_stands_beside_ours_with_its_source_and_adds_up(session: Session) -> None:
    general(session, "1", "2", "3")
    platform_week(
        session,
        ("1", {"teachers": 10, "teachers_with_messages": 4, "users": 100, "registered": True,
               "active": True}),
        ("2", {"teachers": None, "teachers_with_messages": 5, "users": 50, "registered": True,
               "active": False}),
        (None, {"teachers": 7}),
    )  # fmt: skip
    report = build(session, by="district")
    key = "Невский|Сферум"
    assert figures(report, key, "active teachers c1 c5") == ("not_measured", 10, 9, 150)
    assert line(report, key)["c1_share"] == 0.4, "of the school that has both figures"
    assert figures(report, key, "c4 c4_share c6 c7 c7_share") == (2, 2 / 3, 1, 1, 1 / 3)
    (source,) = [each for each in report.sources if each.name == "Сферум"]
    assert (source.as_of, source.note) == (FRIDAY_17, "file неделя.csv, version 1")
    assert any("1 lines" in note for note in report.notes)


def test_a_week_nobody_imported_is_missing_and_not_zero(session: Session) -> None:
    general(session, "1")
    platform_week(session, ("1", {"teachers": 10}), first_day=WEEK.first - timedelta(days=7))
    report = build(session)
    assert set(figures(report, "1|Сферум", "teachers c1 c4 c5 c6 c7")) == {None}
    assert line(report, "total|Сферум")["c4"] is None
    assert [each.as_of for each in report.sources if each.name == "Сферум"] == [None]


def test_an_empty_denominator_gives_no_data(session: Session) -> None:
    add_school(session, "1", type=SchoolType.ADDITIONAL)
    platform_week(session, ("1", {"teachers": 0, "teachers_with_messages": 0}))
    report = build(session, by="district")
    assert figures(report, "Невский|own", "teachers active_share c7_share") == (0, None, None)
    assert figures(report, "Невский|Сферум", "c1 c1_share") == (0, None)
    assert "no data" in to_csv(report).decode()


def test_connected_needs_a_load_and_an_administrator_and_counts_of_all_schools(
    session: Session,
) -> None:
    general(session, "operated", "administered", "silent", "nobody")
    general(session, "never", last_applied_at=None)
    for code in ("administered", "silent"):
        add_person(session, f"a-{code}", code, role="administrator")
    sign_in(session, "a-administered", LOADED_AT)
    for code in ("operated", "never"):
        add_operator(session, code, OperatorRole.SCHOOL, [code])
    report = build(session)
    connected = {row[1]: line(report, f"{row[1]}|own")["c4"] for row in report.rows}
    assert connected == {
        "operated": "yes", "administered": "yes", "silent": "no", "nobody": "no", "never": "no",
    }  # fmt: skip
    assert figures(report, "total|own", "c4 c4_share") == (2, 0.4)
    assert report.target
    assert (report.target.column, report.target.value) == ("c4_share", 1.0)


def test_inactive_is_a_school_without_load_or_without_sign_ins_for_so_many_days(
    session: Session,
) -> None:
    for code in ("1", "2"):
        general(session, code)
        add_person(session, f"p-{code}", code)
    general(session, "never", last_applied_at=None)
    sign_in(session, "p-1", FRIDAY_24 - timedelta(days=10))
    sign_in(session, "p-2", FRIDAY_24 - timedelta(days=10, seconds=1))
    for days, inactive in ((10, 2), (11, 1), (30, 1)):
        report = build(session, options={"inactive_days": float(days)})
        assert line(report, "total|own")["c6"] == inactive
    assert line(report, "never|own")["c6"] == "yes"


def test_using_is_of_general_education_only(session: Session) -> None:
    general(session, "1", "2")
    add_school(session, "music", type=SchoolType.ADDITIONAL)
    add_school(session, "unknown")
    for code in ("1", "music", "unknown"):
        add_people(session, code, f"p-{code}", signed_in=TUESDAY)
    report = build(session)
    assert figures(report, "total|own", "c7 c7_share") == (1, 0.5)
    assert line(report, "music|own")["c7"] == "not_general"
    assert any("kind of 1 organisations is not known" in note for note in report.notes)


def test_registered_users_are_accounts_as_of_the_cut_off(session: Session) -> None:
    general(session, "1")
    add_person(session, "with", "1")
    add_person(session, "without", "1", moodle_id=None)
    add_person(session, "new", "1")
    moved(session, RollAct.JOINED, "new", "1", LATER)
    assert line(build(session, now=LATER + timedelta(days=1)), "1|own")["c5"] == 1


def test_the_trend_has_twelve_weeks_and_the_target(session: Session) -> None:
    general(session, "1", last_applied_at=WEEK.bounds(MOSCOW)[0] - timedelta(days=8))
    add_people(session, "1", "t", "idle", role="teacher")
    add_people(session, "1", "a", signed_in=LOADED_AT, role="administrator")
    sign_in(session, "t", TUESDAY)
    sign_in(session, "t", TUESDAY - timedelta(days=77))
    platform_week(session, ("1", {"teachers": 4, "teachers_with_messages": 1}))
    platform_week(session, ("1", {"teachers": 4, "teachers_with_messages": 3}), version=2)
    chart = build(session).chart
    assert chart
    assert (chart.target, chart.labels[0], chart.labels[-1]) == (1.0, "16.10.26", "01.01.27")
    active, connected, sferum = (series.values for series in chart.series)
    assert active == (0.5, *[0.0] * 10, 0.5)
    assert connected == (*[0.0] * 9, 1.0, 1.0, 1.0)
    assert sferum == (*[None] * 11, 0.75)


def test_a_district_sees_its_schools_only_on_every_platform(session: Session) -> None:
    general(session, "1")
    general(session, "2", district="Выборгский")
    add_person(session, "t", "2", role="teacher")
    platform_week(session, ("1", {"teachers": 1}), ("2", {"teachers": 5}), (None, {"teachers": 7}))
    report = build(session, scope=of_district("Невский"))
    assert report.keys == ("1|own", "1|Сферум")
    totals = [line(report, f"total|{name}")["teachers"] for name in ("own", "Сферум")]
    assert totals == [0, 1]
    assert not any("known school" in note for note in report.notes)


def test_published_figures_of_a_week_are_those_of_a_later_rebuild(session: Session) -> None:
    general(session, "1")
    add_people(session, "1", "t", signed_in=TUESDAY, role="teacher")
    published, preliminary = (
        publish(session, WEEKLY, question("weekly", period=WEEK, now=at), now=at, by="schedule")
        for at in (FRIDAY_24, FRIDAY_17)
    )
    assert (published.preliminary, preliminary.preliminary) == (False, True)
    moved(session, RollAct.LEFT, "t", "1", LATER, "teacher")
    session.query(SchoolMembership).delete()
    sign_in(session, "t", LATER)
    assert to_csv(build(session, now=LATER + timedelta(days=30))) == published.csv
