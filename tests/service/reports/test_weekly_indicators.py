"""C1-C7 of the weekly report: our Moodle beside other platforms, empty denominators, the trend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.access import Scope
from service.models import (
    Operator,
    OperatorRole,
    RollAct,
    SchoolMembership,
    SchoolType,
)
from service.reports.export import to_csv
from service.reports.publishing import publish
from tests.service.coverage_city import (
    LOADED_AT,
    add_person,
    add_school,
    sign_in,
)
from tests.service.report_questions import check_people, check_queries, line, question
from tests.service.week_factories import (
    FRIDAY_17,
    FRIDAY_24,
    LATER,
    MOSCOW,
    TUESDAY,
    WEEK,
    WEEKLY,
    build,
    general,
    moved,
    platform_week,
)

pytestmark = pytest.mark.usefixtures("english")


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
    figures = {"teachers": 10, "teachers_with_messages": 6, "teachers_with_group_messages": 7}
    platform_week(session, ("1", figures))
    row = line(build(session, options=options), "1|Сферум")
    assert (row["c1"], row["c2"]) == (c1, c2)
    assert row["c1_share"] == (None if c1 is None else 0.6)


def test_messages_in_our_moodle_are_not_measured_here_and_the_reason_is_told(
    session: Session,
) -> None:
    general(session, "1")
    report = build(session)
    row = line(report, "1|own")
    assert {row[name] for name in ("c1", "c2", "c3")} == {"not_measured"}
    assert row["c1_share"] == ""
    assert "not measured here" in to_csv(report).decode()
    assert any("no standard web service" in note for note in report.notes)


def test_another_platform_stands_beside_ours_with_its_source_and_adds_up(session: Session) -> None:
    general(session, "1")
    general(session, "2")
    general(session, "3")
    platform_week(
        session,
        ("1", {"teachers": 10, "teachers_with_messages": 4, "users": 100, "registered": True,
               "active": True}),
        ("2", {"teachers": None, "teachers_with_messages": 5, "users": 50, "registered": True,
               "active": False}),
        (None, {"teachers": 7}),
    )  # fmt: skip
    report = build(session, by="district")
    row = line(report, "Невский|Сферум")
    assert (row["teachers"], row["c1"], row["c5"]) == (10, 9, 150)
    assert row["c1_share"] == 0.4, "of the school that has both figures"
    assert (row["c4"], row["c4_share"]) == (2, 2 / 3)
    assert (row["c6"], row["c7"], row["c7_share"]) == (1, 1, 1 / 3)
    assert row["active"] == "not_measured"
    (source,) = [each for each in report.sources if each.name == "Сферум"]
    assert (source.as_of, source.note) == (FRIDAY_17, "file неделя.csv, version 1")
    assert any("1 lines" in note for note in report.notes)


def test_a_week_nobody_imported_is_missing_and_not_zero(session: Session) -> None:
    general(session, "1")
    platform_week(session, ("1", {"teachers": 10}), first_day=WEEK.first - timedelta(days=7))
    report = build(session)
    row = line(report, "1|Сферум")
    assert [row[name] for name in ("teachers", "c1", "c4", "c5", "c6", "c7")] == [None] * 6
    assert line(report, "total|Сферум")["c4"] is None
    assert [each.as_of for each in report.sources if each.name == "Сферум"] == [None]


def test_an_empty_denominator_gives_no_data(session: Session) -> None:
    add_school(session, "1", type=SchoolType.ADDITIONAL)
    platform_week(session, ("1", {"teachers": 0, "teachers_with_messages": 0}))
    report = build(session, by="district")
    ours, theirs = line(report, "Невский|own"), line(report, "Невский|Сферум")
    assert (ours["teachers"], ours["active_share"], ours["c7_share"]) == (0, None, None)
    assert (theirs["c1"], theirs["c1_share"]) == (0, None)
    assert "no data" in to_csv(report).decode()


def test_connected_needs_a_load_and_an_administrator_and_counts_of_all_schools(
    session: Session,
) -> None:
    for code in ("operated", "administered", "silent", "nobody"):
        general(session, code)
    general(session, "never", last_applied_at=None)
    for code in ("administered", "silent"):
        add_person(session, f"a-{code}", code, role="administrator")
    sign_in(session, "a-administered", LOADED_AT)
    for code in ("operated", "never"):
        session.add(
            Operator(
                username=code, password_hash="", role=OperatorRole.SCHOOL, scope=[code],
                created_at=LOADED_AT,
            )
        )  # fmt: skip
    session.flush()
    report = build(session)
    connected = {row[1]: line(report, f"{row[1]}|own")["c4"] for row in report.rows}
    assert connected == {
        "operated": "yes", "administered": "yes", "silent": "no", "nobody": "no", "never": "no",
    }  # fmt: skip
    total = line(report, "total|own")
    assert (total["c4"], total["c4_share"]) == (2, 0.4)
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
    general(session, "1")
    general(session, "2")
    add_school(session, "music", type=SchoolType.ADDITIONAL)
    add_school(session, "unknown")
    for code in ("1", "music", "unknown"):
        add_person(session, f"p-{code}", code)
        sign_in(session, f"p-{code}", TUESDAY)
    report = build(session)
    total = line(report, "total|own")
    assert (total["c7"], total["c7_share"]) == (1, 0.5)
    assert line(report, "music|own")["c7"] == "not_general"
    assert any("kind of 1 organisations is not known" in note for note in report.notes)


def test_registered_users_are_accounts_as_of_the_cut_off(session: Session) -> None:
    general(session, "1")
    add_person(session, "with", "1")
    add_person(session, "without", "1", moodle_id=None)
    new = add_person(session, "new", "1")
    moved(session, RollAct.JOINED, new, "1", LATER)
    assert line(build(session, now=LATER + timedelta(days=1)), "1|own")["c5"] == 1


def test_the_trend_has_twelve_weeks_and_the_target(session: Session) -> None:
    general(session, "1", last_applied_at=WEEK.bounds(MOSCOW)[0] - timedelta(days=8))
    add_person(session, "t", "1", role="teacher")
    add_person(session, "idle", "1", role="teacher")
    add_person(session, "a", "1", role="administrator")
    sign_in(session, "a", LOADED_AT)
    sign_in(session, "t", TUESDAY)
    sign_in(session, "t", TUESDAY - timedelta(days=77))
    platform_week(session, ("1", {"teachers": 4, "teachers_with_messages": 1}))
    platform_week(session, ("1", {"teachers": 4, "teachers_with_messages": 3}), version=2)
    report = build(session)
    chart = report.chart
    assert chart
    assert chart.target == 1.0
    assert (chart.labels[0], chart.labels[-1]) == ("16.10.26", "01.01.27")
    active, connected, sferum = (series.values for series in chart.series)
    assert active == (0.5, *[0.0] * 10, 0.5)
    assert connected == (*[0.0] * 9, 1.0, 1.0, 1.0)
    assert sferum == (*[None] * 11, 0.75)


def test_as_many_people_are_behind_each_number_as_it_says(session: Session) -> None:
    general(session, "1")
    general(session, "2", district="Выборгский")
    add_person(session, "t", "1", "2", role="teacher")
    add_person(session, "u", "1", role="teacher")
    sign_in(session, "t", TUESDAY)
    platform_week(session, ("1", {"teachers": 9}))
    numbers = [
        check_people(session, "weekly", by=by, period=WEEK, now=LATER) for by in WEEKLY.levels
    ]
    assert numbers == [9, 9]
    assert not WEEKLY.knows_people_of("1|Сферум")


def test_a_district_sees_its_schools_only_on_every_platform(session: Session) -> None:
    general(session, "1")
    general(session, "2", district="Выборгский")
    add_person(session, "t", "2", role="teacher")
    platform_week(session, ("1", {"teachers": 1}), ("2", {"teachers": 5}), (None, {"teachers": 7}))
    scope = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Невский"}))
    report = build(session, scope=scope)
    assert report.keys == ("1|own", "1|Сферум")
    assert line(report, "total|own")["teachers"] == 0
    assert line(report, "total|Сферум")["teachers"] == 1
    assert not any("known school" in note for note in report.notes)


def test_published_figures_of_a_week_are_those_of_a_later_rebuild(session: Session) -> None:
    general(session, "1")
    person = add_person(session, "t", "1", role="teacher")
    sign_in(session, "t", TUESDAY)
    published, preliminary = (
        publish(session, WEEKLY, question("weekly", period=WEEK, now=at), now=at, by="schedule")
        for at in (FRIDAY_24, FRIDAY_17)
    )
    assert (published.preliminary, preliminary.preliminary) == (False, True)
    moved(session, RollAct.LEFT, person, "1", LATER)
    session.query(SchoolMembership).delete()
    sign_in(session, "t", LATER)
    session.flush()
    assert to_csv(build(session, now=LATER + timedelta(days=30))) == published.csv


def test_queries_do_not_grow_with_schools(session: Session, engine: Engine) -> None:
    general(session, "1")
    platform_week(session, ("1", {"teachers": 1}))
    check_queries(session, engine, "weekly", most=99, period=WEEK, now=LATER)
