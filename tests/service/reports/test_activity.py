"""Activity of schools: the annex of the letter of 2017, and what counts and what does not (A1)."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Result
from service.activity.outside import store
from service.calendar.period import Period
from service.models import (
    EventSource,
    KnownUser,
    MoodleSnapshot,
    RollAct,
    School,
    SchoolMembership,
    SnapshotKind,
    SnapshotStatus,
)
from service.ordering import natural
from service.reports.export import to_csv
from tests.service.factories import (
    DEFAULTS,
    add,
    add_person,
    add_school,
    put_on_roll,
    sign_in,
    take_off_roll,
)
from tests.service.report_questions import (
    IN_OCTOBER,
    MOSCOW,
    NOW,
    add_people,
    add_schools,
    built,
    figures,
    line,
    moved,
    of_district,
    of_school,
    people,
    shown,
)

PERIOD = Period(first=date(2017, 4, 1), last=date(2017, 5, 18))
BEGIN, AFTER = PERIOD.bounds(MOSCOW)
NOW_2017 = datetime(2017, 5, 20, 12, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)
_FILE = Path(__file__).parents[2] / "data" / "annex2-2017.csv"


class Organisation(NamedTuple):
    """Of the annex."""

    code: str
    """Of our own: the annex has none, and its numbers and names repeat."""
    district: str
    name: str
    active: int


def annex() -> list[Organisation]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return [
            Organisation(f"78-{int(row['n']):04}", row["district"], row["name"], int(row["active"]))
            for row in csv.DictReader(file)
        ]


def make_annex_city(session: Session) -> None:
    """The schools with as many active people, and beside them people who must not count."""
    schools, known, rolls, events = [], [], [], []
    for one in annex():
        schools.append({
            "code": one.code, "name": one.name, "short_name": one.name, "number": "",
            "district": one.district, "last_applied_at": NOW_2017 - timedelta(days=3),
        })  # fmt: skip
        for name, moments, suspended in _people(one):
            place = {
                "person_id": name, "school_code": one.code, "role": "student", "class_id": "c-1",
                "class_title": "8А",
            }  # fmt: skip
            known.append({
                **DEFAULTS[KnownUser], **place, "username": name, "email": f"{name}@school.invalid",
                "suspended": suspended, "in_roll": not suspended,
            })  # fmt: skip
            rolls += [] if suspended else [place]
            events += [
                {**DEFAULTS[LoginEvent], "at": at, "person_id": name, "result": result,
                 "school_code": one.code}
                for at, result in moments
            ]  # fmt: skip
    for table, rows in (
        (School, schools), (KnownUser, known), (SchoolMembership, rolls), (LoginEvent, events)
    ):  # fmt: skip
        session.execute(insert(table), rows)


def _people(one: Organisation) -> Iterator[tuple[str, list[tuple[datetime, Result]], bool]]:
    """Who, their sign-ins, and whether they are suspended."""
    allowed, refused, last = Result.ALLOWED, Result.REFUSED, AFTER - _MOMENT
    for number in range(one.active):
        some_time = BEGIN + (last - BEGIN) * (number / 100)
        moments = [BEGIN, last, some_time][number % 3 :][:1] * (1 + number % 3)
        yield f"{one.code}-{number}", [(at, allowed) for at in moments], False
    outside = [(BEGIN - _MOMENT, allowed), (AFTER, allowed)]
    yield f"{one.code}-outside", outside, False
    yield f"{one.code}-refused", [(BEGIN + timedelta(days=7), refused)], False
    yield f"{one.code}-suspended", [(BEGIN + timedelta(days=8), allowed)], True
    yield f"{one.code}-never", [], False


def test_the_annex_of_2017_comes_out_line_by_line(session: Session) -> None:
    make_annex_city(session)
    for name in ("activity", "low-activity"):
        report = built(session, name, period=PERIOD, now=NOW_2017, options={"extra": False})
        assert [column.title for column in report.columns] == [
            "№", "Район", "Наименование ОО", "Активные пользователи (01.04.2017–18.05.2017)",
        ]  # fmt: skip
        expected = sorted(annex(), key=lambda each: (natural(each.district), natural(each.name)))
        assert [row[1:] for row in report.rows] == [each[1:] for each in expected]
        assert [row[0] for row in report.rows] == list(range(1, 184))
        *districts, total = report.totals
        sums = Counter[str]()
        for each in annex():
            sums[each.district] += each.active
        assert [(row[1], row[3]) for row in districts] == list(sums.items())
        assert len(districts) == 18
        assert total == (None, "Итого", "ОО: 183", 7406)
        assert report.keys == tuple(each.code for each in expected)


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
    names = "active provisioned left active_share"
    assert figures(report, "78-0004", names) == (50, 53, 1, 50 / 53)
    titles = {column.key: column.title for column in report.columns}
    assert "% от пользователей с учётной записью" in titles["active_share"]


def test_a_transfer_shows_at_the_new_school_and_as_moved_at_the_old(session: Session) -> None:
    """docs/facts/indicators.md F3."""
    add_schools(session, "old", "new")
    person = add_person(session, "p", "old")
    sign_in(session, "p", IN_OCTOBER, school_code="old")
    built(session, "activity")
    session.query(SchoolMembership).delete()
    person.school_code = "new"
    put_on_roll(session, person, "new")
    report = built(session, "activity")
    found = {key: figures(report, key, "active moved") for key in ("old", "new", "total")}
    assert found == {"old": (0, 1), "new": (1, 0), "total": (1, 1)}


def test_suspended_people_are_in_no_share_but_shown(session: Session) -> None:
    """docs/facts/indicators.md F4."""
    add_people(session, "1", "here", "gone", signed_in=IN_OCTOBER)
    take_off_roll(session, session.get_one(KnownUser, "gone"))
    found = figures(built(session, "activity"), "1", "active provisioned left active_share")
    assert found == (1, 1, 1, 1.0)


@pytest.mark.parametrize(
    ("back_at", "counted"),
    [("1", (0, 1)), ("2", (0, 1)), ("outside", (0, 1)), ("other", (1, 0))],
)
def test_who_was_between_two_schools_then_has_left_though_they_are_back_now(
    session: Session, back_at: str, counted: tuple[int, int]
) -> None:
    """docs/facts/indicators.md F4. ``other``: the person had another school all the time."""
    add_schools(session, "1", "2", "outside")
    went, came = IN_OCTOBER + timedelta(days=2), IN_OCTOBER + timedelta(days=40)
    add_person(session, "p", "2" if back_at == "other" else back_at)
    moved(session, RollAct.JOINED, "p", "1", IN_OCTOBER)
    sign_in(session, "p", IN_OCTOBER + timedelta(days=1), school_code="1")
    moved(session, RollAct.LEFT, "p", "1", went)
    if back_at == "other":
        moved(session, RollAct.JOINED, "p", "2", went - timedelta(days=1))
    else:
        moved(session, RollAct.JOINED, "p", back_at, came)
    report = built(session, "activity", now=came - timedelta(days=1))
    found = [figures(report, code, "active left") for code in ("1", "2")]
    assert (sum(one[0] for one in found), sum(one[1] for one in found)) == counted


def test_an_empty_roll_has_a_number_and_no_share(session: Session) -> None:
    """docs/facts/indicators.md C, F5."""
    add_school(session, "empty")
    report = built(session, "activity")
    assert line(report, "empty")["active"] == 0
    assert shown(report, "empty", "active_share") == "нет данных"


def test_a_school_closed_before_the_period_is_not_listed(session: Session) -> None:
    add_school(session, "before", closed_on=date(2026, 9, 30))
    add_school(session, "within", closed_on=date(2026, 10, 1))
    assert built(session, "activity").keys == ("within",)


def test_sources_are_never_mixed(session: Session) -> None:
    add_people(session, "1", "ours", "portal")
    sign_in(session, "ours", IN_OCTOBER)
    store(session, EventSource.EARLIER_PORTAL, [
        {"key": "1", "at": IN_OCTOBER, "person_id": "portal", "school_code": "1",
         "method": "password", "result": "allowed"},
    ])  # fmt: skip
    for source, person, told in (
        ("provider", "ours", "Входы через нашу страницу"),
        ("earlier_portal", "portal", "Входы на прежнем портале"),
    ):
        options = {"source": source}
        report = built(session, "activity", options=options)
        assert line(report, "1")["active"] == 1
        assert told in [each.name for each in report.sources]
        assert people(session, "activity", "1", "active", options=options) == [person]


@pytest.mark.parametrize("source", ["moodle", "moodle_log", "earlier_portal"])
def test_a_source_without_data_gives_no_figures(session: Session, source: str) -> None:
    add_people(session, "1", "p", signed_in=IN_OCTOBER)
    report = built(session, "activity", options={"source": source})
    assert figures(report, "1", "active active_share provisioned") == (None, None, 1)
    assert report.sources[-1].as_of is None


def test_a_missing_snapshot_is_said(session: Session) -> None:
    add_school(session, "1")
    at = IN_OCTOBER.replace(hour=21)
    for due, status, taken in (
        (at, SnapshotStatus.TAKEN, at), (at + timedelta(days=1), SnapshotStatus.MISSED, None),
    ):  # fmt: skip
        add(session, MoodleSnapshot, kind=SnapshotKind.DAILY, due_at=due, status=status,
            since=at - timedelta(days=7), taken_at=taken)  # fmt: skip
    report = built(session, "activity", options={"source": "moodle"})
    assert report.sources[-1].as_of == at
    assert report.sources[-1].note == "снимков за период не хватает: 1"
    assert line(report, "1")["active"] == 0


def test_a_school_sees_itself_and_a_district_its_schools(session: Session) -> None:
    """docs/facts/indicators.md F7."""
    for code, district in (("1", "Невский"), ("2", "Невский"), ("3", "Выборгский")):
        add_school(session, code, district=district)
        add_people(session, code, f"p{code}", signed_in=IN_OCTOBER)
    for scope, keys in ((of_school("2"), ("2",)), (of_district("Невский"), ("1", "2"))):
        report = built(session, "activity", scope=scope)
        assert report.keys == keys
        assert line(report, "total")["active"] == report.freshness.schools == len(keys)


def test_the_same_figures_give_the_same_bytes(session: Session) -> None:
    """docs/facts/indicators.md F6."""
    add_people(session, "1", "p", signed_in=IN_OCTOBER)
    first = to_csv(built(session, "activity"))
    sign_in(session, "p", NOW)
    assert to_csv(built(session, "activity", now=NOW + timedelta(days=9))) == first
