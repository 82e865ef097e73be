"""Activity of schools: the annex of the letter of 2017, and what counts and what does not (A1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.activity.outside import store
from service.models import (
    EventSource,
    MoodleSnapshot,
    OperatorRole,
    School,
    SchoolMembership,
    SnapshotKind,
    SnapshotStatus,
)
from service.ordering import natural
from service.reports import REPORTS
from service.reports.definition import Cell, make
from service.reports.export import to_csv
from service.reports.people import people_behind
from service.reports.question import Compare
from tests.service.annex_2017 import NOW as NOW_2017
from tests.service.annex_2017 import PERIOD, annex, make_annex_city
from tests.service.coverage_city import (
    add_person,
    add_school,
    put_on_roll,
    sign_in,
    take_off_roll,
)
from tests.service.report_questions import (
    IN_OCTOBER,
    NOW,
    built,
    by_key,
    check_people,
    check_queries,
    question,
)


def test_the_annex_of_2017_comes_out_line_by_line(session: Session) -> None:
    make_annex_city(session)
    for name in ("activity", "low-activity"):
        report = built(session, name, period=PERIOD, now=NOW_2017, options={"extra": False})
        assert [column.title for column in report.columns] == [
            "№", "Район", "Наименование ОО", "Активные пользователи (01.04.2017–18.05.2017)",
        ]  # fmt: skip
        expected = sorted(annex(), key=lambda each: (natural(each.district), natural(each.name)))
        assert [row[1:] for row in report.rows] == [
            (each.district, each.name, each.active) for each in expected
        ]
        assert [row[0] for row in report.rows] == list(range(1, 184))
        *districts, total = report.totals
        sums = Counter[str]()
        for each in annex():
            sums[each.district] += each.active
        assert [(row[1], row[3]) for row in districts] == list(sums.items())
        assert len(districts) == 18
        assert total == (None, "Итого", "ОО: 183", 7406)
        assert sorted(key for key in report.keys) == [each.code for each in annex()]


def test_schools_of_one_number_do_not_merge(session: Session) -> None:
    """№153 stands in two districts, №4 twice in one (docs/facts/indicators.md F9)."""
    make_annex_city(session)
    for school in session.scalars(select(School)):
        school.number = {"№4": "4", "№153": "153"}.get(school.name.split()[-1], school.number)
        school.number = "4" if school.name.endswith("№4 Кусто") else school.number
    report = built(session, "activity", period=PERIOD, now=NOW_2017)
    same = [row[1:4] for row in report.rows if "№153" in str(row[2]) or "№4 " in f"{row[2]} "]
    assert same == [
        ("Василеостровский", "ГБОУ №4", 3),
        ("Василеостровский", "ГБОУ СОШ №4 Кусто", 2),
        ("Фрунзенский", "ГБОУ СОШ №153", 23),
        ("Центральный", "ГБОУ СОШ №153", 11),
    ]


def test_accounts_and_shares_stand_beside_the_number(session: Session) -> None:
    make_annex_city(session)
    report = built(session, "activity", period=PERIOD, now=NOW_2017)
    line = by_key(report)["78-0004"]
    assert (line["active"], line["provisioned"], line["left"]) == (50, 53, 1)
    assert line["active_share"] == 50 / 53
    assert (
        "% от пользователей с учётной записью"
        in {c.key: c.title for c in report.columns}["active_share"]
    )


def test_both_days_of_the_period_are_inside_by_the_clock_of_moscow(session: Session) -> None:
    add_school(session, "1")
    moments = {
        "eve": datetime(2026, 9, 30, 20, 59, 59, 999_999, tzinfo=UTC),
        "first": datetime(2026, 9, 30, 21, tzinfo=UTC),
        "last": datetime(2026, 10, 31, 20, 59, 59, 999_999, tzinfo=UTC),
        "after": datetime(2026, 10, 31, 21, tzinfo=UTC),
    }
    for name, at in moments.items():
        add_person(session, name, "1")
        sign_in(session, name, at)
    asked = question("activity")
    query = people_behind(session, REPORTS["activity"], asked, Cell(row="1", column="active"))
    assert {person.person_id for person in session.scalars(query)} == {"first", "last"}


def test_what_happened_after_the_cut_off_is_not_counted(session: Session) -> None:
    add_school(session, "1")
    for name, at in (("now", IN_OCTOBER), ("later", IN_OCTOBER + timedelta(microseconds=1))):
        add_person(session, name, "1")
        sign_in(session, name, at)
    report = built(session, "activity", now=IN_OCTOBER)
    assert by_key(report)["total"]["active"] == 1
    assert report.preliminary


def test_somebody_of_two_schools_counts_once_in_each_and_once_in_the_total(
    session: Session,
) -> None:
    for code in ("1", "2"):
        add_school(session, code)
    add_school(session, "3", district="Выборгский")
    add_person(session, "both", "1", "2", "3", role="teacher")
    sign_in(session, "both", IN_OCTOBER)
    lines = by_key(built(session, "activity"))
    assert {key: cells["active"] for key, cells in lines.items()} == {
        "1": 1, "2": 1, "3": 1, "district|Невский": 1, "district|Выборгский": 1, "total": 1,
    }  # fmt: skip


def test_a_transfer_shows_at_the_new_school_and_as_moved_at_the_old(session: Session) -> None:
    """docs/facts/indicators.md F3."""
    for code in ("old", "new"):
        add_school(session, code)
    person = add_person(session, "p", "old")
    sign_in(session, "p", IN_OCTOBER, school_code="old")
    built(session, "activity")
    session.query(SchoolMembership).delete()
    person.school_code = "new"
    put_on_roll(session, person, "new")
    lines = by_key(built(session, "activity"))
    assert (lines["old"]["active"], lines["old"]["moved"]) == (0, 1)
    assert (lines["new"]["active"], lines["new"]["moved"]) == (1, 0)
    assert (lines["total"]["active"], lines["total"]["moved"]) == (1, 1)


def test_suspended_people_are_in_no_share_but_shown(session: Session) -> None:
    """docs/facts/indicators.md F4."""
    add_school(session, "1")
    for name in ("here", "gone"):
        person = add_person(session, name, "1")
        sign_in(session, name, IN_OCTOBER)
    take_off_roll(session, person)
    line = by_key(built(session, "activity"))["1"]
    assert (line["active"], line["provisioned"], line["left"]) == (1, 1, 1)
    assert line["active_share"] == 1.0


def test_nothing_known_is_no_zero(session: Session) -> None:
    """A school without a load, and one whose roll is empty (docs/facts/indicators.md C, F5)."""
    add_school(session, "empty")
    add_school(session, "none", last_applied_at=None)
    report = built(session, "activity")
    lines = by_key(report)
    columns = {column.key: column for column in report.columns}
    assert lines["empty"]["active"] == 0
    assert columns["active_share"].text(lines["empty"]["active_share"], report.zone) == "нет данных"
    assert lines["none"]["active"] is None
    assert columns["active"].text(lines["none"]["active"], report.zone) == "не загружено"
    assert len(report.rows) == 2


def test_a_school_closed_before_the_period_is_not_listed(session: Session) -> None:
    add_school(session, "before", closed_on=date(2026, 9, 30))
    add_school(session, "within", closed_on=date(2026, 10, 1))
    assert built(session, "activity").keys == ("within",)


def test_sources_are_never_mixed(session: Session) -> None:
    add_school(session, "1")
    for name in ("ours", "portal"):
        add_person(session, name, "1")
    sign_in(session, "ours", IN_OCTOBER)
    store(session, EventSource.EARLIER_PORTAL, [
        {"key": "1", "at": IN_OCTOBER, "person_id": "portal", "school_code": "1",
         "method": "password", "result": "allowed"},
    ])  # fmt: skip
    for source, person, told in (
        ("provider", "ours", "Входы через нашу страницу"),
        ("earlier_portal", "portal", "Входы на прежнем портале"),
    ):
        report = built(session, "activity", options={"source": source})
        assert by_key(report)["1"]["active"] == 1
        assert told in [each.name for each in report.sources]
        query = people_behind(
            session, REPORTS["activity"], question("activity", options={"source": source}),
            Cell(row="1", column="active"),
        )  # fmt: skip
        assert [one.person_id for one in session.scalars(query)] == [person]


@pytest.mark.parametrize("source", ["moodle", "moodle_log", "earlier_portal"])
def test_a_source_without_data_gives_no_figures(session: Session, source: str) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", IN_OCTOBER)
    report = built(session, "activity", options={"source": source})
    line = by_key(report)["1"]
    assert (line["active"], line["active_share"], line["provisioned"]) == (None, None, 1)
    assert report.sources[-1].as_of is None


def test_a_missing_snapshot_is_said(session: Session) -> None:
    add_school(session, "1")
    at = IN_OCTOBER.replace(hour=21)
    for day, status in ((0, SnapshotStatus.TAKEN), (1, SnapshotStatus.MISSED)):
        taken = at + timedelta(days=day)
        session.add(MoodleSnapshot(
            kind=SnapshotKind.DAILY, due_at=taken, since=at - timedelta(days=7), status=status,
            taken_at=taken if status is SnapshotStatus.TAKEN else None,
        ))  # fmt: skip
    session.flush()
    report = built(session, "activity", options={"source": "moodle"})
    assert report.sources[-1].as_of == at
    assert report.sources[-1].note == "снимков за период не хватает: 1"
    assert by_key(report)["1"]["active"] == 0


def test_as_many_people_are_behind_each_number_as_it_says(session: Session) -> None:
    for number in range(4):
        add_school(session, str(number), district=f"Район {number % 2}")
        for each in range(number + 1):
            person = add_person(session, f"p{number}-{each}", str(number))
            if each % 2:
                sign_in(session, person.person_id, IN_OCTOBER, school_code=str(number))
            if each == 3:
                take_off_roll(session, person)
    assert check_people(session, "activity") > 12
    assert check_people(session, "low-activity", options={"below": 2}) > 8


@pytest.mark.parametrize("name", ["activity", "low-activity", "other-systems"])
def test_queries_do_not_grow_with_schools(session: Session, engine: Engine, name: str) -> None:
    check_queries(session, engine, name)


def test_a_school_sees_itself_and_a_district_its_schools(session: Session) -> None:
    """docs/facts/indicators.md F7."""
    for code, district in (("1", "Невский"), ("2", "Невский"), ("3", "Выборгский")):
        add_school(session, code, district=district)
        add_person(session, f"p{code}", code)
        sign_in(session, f"p{code}", IN_OCTOBER)
    for role, items, keys in (
        (OperatorRole.SCHOOL, {"2"}, ("2",)),
        (OperatorRole.DISTRICT, {"Невский"}, ("1", "2")),
    ):
        scope = replace(question("activity").scope, role=role, items=frozenset(items))
        report = built(session, "activity", scope=scope)
        assert report.keys == keys
        assert by_key(report)["total"]["active"] == len(keys)
        assert report.freshness.schools == len(keys)


def test_the_same_figures_give_the_same_bytes(session: Session) -> None:
    """docs/facts/indicators.md F6."""
    add_school(session, "1")
    add_person(session, "p", "1")
    sign_in(session, "p", IN_OCTOBER)
    first = to_csv(built(session, "activity"))
    sign_in(session, "p", NOW)
    assert to_csv(built(session, "activity", now=NOW + timedelta(days=9))) == first


@pytest.mark.parametrize("name", ["activity", "low-activity", "other-systems", "movement"])
def test_a_comparison_is_of_figures_and_not_of_line_numbers(session: Session, name: str) -> None:
    add_school(session, "1", state_system=False)
    report = make(session, REPORTS[name], question(name, compare=Compare.PREVIOUS))
    changes = [column.key for column in report.columns if column.key.endswith("_change")]
    assert changes
    assert "number_change" not in changes
