"""What coverage counts, once each, at every level, for whom; a plain recount of random cities."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from string import ascii_letters
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Result
from service.access import Scope
from service.models import KnownUser, OperatorRole, School, SchoolMembership
from service.reports.export import to_csv, to_json, to_table
from service.reports.report import Report
from tests.language import in_language
from tests.service.factories import (
    CITY,
    LOADED_AT,
    add_person,
    add_school,
    choose_own_password,
    sign_in,
    take_off_roll,
)
from tests.service.report_questions import (
    MAIN_ROLE_FIRST,
    MOSCOW,
    NOW,
    OCTOBER,
    add_people,
    built,
    by_key,
    figures,
    line,
    link,
    make_city,
    of_district,
    of_school,
    shown,
)
from tests.soak import SOAK, soak

pytestmark = pytest.mark.usefixtures("english")


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "coverage", **overrides)


def test_each_step_of_the_way_is_counted_for_school_and_role(session: Session) -> None:
    add_people(session, "1", "no-account", moodle_id=None)
    for name in ("never", "earlier", "october"):
        add_person(session, name, "1")
    add_person(session, "teacher", "1", role="teacher")
    for name, month, day in (
        ("earlier", 9, 5), ("october", 10, 5), ("october", 10, 6), ("teacher", 10, 7)
    ):  # fmt: skip
        sign_in(session, name, datetime(2026, month, day, tzinfo=UTC))
    report = build(session)
    names = "roll account account_share ever ever_share in_period in_period_share left"
    assert figures(report, "1|student", names) == (4, 3, 0.75, 2, 0.5, 1, 0.25, 0)
    assert figures(report, "1|all", "roll account in_period") == (5, 4, 2)
    assert figures(report, "all", "roll ever left") == (5, 3, 0)


def test_an_account_that_was_never_recorded_is_in_the_roll_without_account(
    session: Session,
) -> None:
    add_school(session, "1")
    session.delete(add_person(session, "p", "1"))
    session.flush()
    assert figures(build(session), "1|student", "roll account") == (1, 0)


@pytest.mark.parametrize(
    "no_sign_in",
    [
        {"result": Result.REFUSED, "reason": "wrong_password"},
        # A visit to a system under test.
        {"client_id": "esia:SCHOOL01"},
    ],
)
def test_what_is_no_sign_in_never_counts(session: Session, no_sign_in: dict[str, Any]) -> None:
    add_people(session, "1", "p")
    sign_in(session, "p", **no_sign_in)
    assert figures(build(session), "1|all", "ever in_period") == (0, 0)


def test_an_empty_denominator_is_absent_neither_zero_nor_all(session: Session) -> None:
    add_school(session, "1")
    report = build(session)
    names = "roll account_share in_period_share"
    assert figures(report, "1|teacher", names) == (0, None, None)
    shares = [column for column in report.columns if column.kind == "share"]
    assert {column.text(None, report.zone) for column in shares} == {"no data"}


def test_schools_without_a_load_are_counted_beside_the_loaded_ones(session: Session) -> None:
    add_school(session, "2", last_applied_at=None)
    assert line(build(session), "all")["roll"] is None
    assert shown(build(session), "2|all", "loaded") == "not loaded"
    add_school(session, "1")
    names = "schools schools_loaded roll"
    assert figures(build(session, by="district"), "Невский|all", names) == (2, 1, 0)


def test_suspended_and_left_people_are_outside_the_shares_and_shown_apart(
    session: Session,
) -> None:
    add_people(session, "1", "here")
    gone = add_person(session, "gone", "1")
    add_person(session, "suspended-on-the-roll", "1", suspended=True)
    never_came = add_person(session, "never-came", "1")
    for person_id in ("gone", "suspended-on-the-roll"):
        sign_in(session, person_id)
    take_off_roll(session, gone)
    take_off_roll(session, never_came)
    for by, key in (("school", "1|student"), ("district", "Невский|student"),
                    ("class", "1|c-8a|student")):  # fmt: skip
        report = build(session, by=by)
        assert figures(report, key, "roll ever ever_share left") == (1, 0, 0.0, 2)
        assert line(report, "all")["left"] == 2


def test_classes_are_rows_in_natural_order_and_staff_stand_apart(session: Session) -> None:
    add_school(session, "1")
    for person_id, class_id, title in (("a", "c1", "10А"), ("b", "c2", "9Б"), ("c", "c3", "9Б")):
        add_person(session, person_id, "1", class_id=class_id, class_title=title)
    add_person(session, "t", "1", role="teacher")
    report = build(session, by="class")
    assert [figures(report, key, "class role") for key in report.keys] == [
        ("", "teacher"), ("9Б", "student"), ("9Б", "student"), ("10А", "student"),
    ]  # fmt: skip
    assert line(report, "all")["roll"] == 4


def test_leavers_of_a_class_that_is_no_more_make_no_row_of_it(session: Session) -> None:
    add_school(session, "1")
    graduate = add_person(session, "g", "1", class_id="c-11a", class_title="11А")
    sign_in(session, "g")
    take_off_roll(session, graduate)
    report = build(session, by="class")
    (key,) = [key for key in report.keys if key.endswith("|student")]
    assert figures(report, key, "class roll left") == ("", 0, 1)


def test_schools_stand_by_district_then_number(session: Session) -> None:
    for code, district, number in (
        ("c", "Невский", "10"), ("b", "Невский", "9"), ("a", "Ёлкинский", "153"),
        ("d", "Жуковский", "153"),
    ):  # fmt: skip
        add_school(session, code, district=district, number=number)
    assert [key[0] for key in build(session).keys[::4]] == ["a", "d", "b", "c"]


def test_without_a_period_its_columns_are_left_out(session: Session) -> None:
    add_school(session, "1")
    report = build(session, period=None)
    assert "in_period" not in {column.key for column in report.columns}
    assert {len(row) for row in (*report.rows, *report.totals)} == {len(report.columns)}


def test_freshness_names_the_oldest_and_newest_load(session: Session) -> None:
    later = LOADED_AT + timedelta(days=3)
    for code, at in (("1", LOADED_AT), ("2", later), ("3", None)):
        add_school(session, code, last_applied_at=at)
    report = build(session)
    fresh = report.freshness
    assert (fresh.schools, fresh.loaded, fresh.oldest, fresh.newest) == (3, 2, LOADED_AT, later)
    told = "2 of 3 schools loaded; oldest load 01.10.2026 12:00, newest 04.10.2026 12:00"
    assert told in dict(report.header()).values()


def test_the_report_speaks_russian(session: Session) -> None:
    add_school(session, "1", last_applied_at=None)
    with in_language("ru"):
        report = build(session)
        table = to_table(report)
    assert "не загружено" in table
    assert "нет данных" in table
    texts = [report.title, report.definition, *(column.title for column in report.columns)]
    words = "".join(texts).replace("Moodle", "")
    assert set(words).isdisjoint(ascii_letters)


@pytest.fixture
def city(session: Session) -> None:
    """Two districts; a pupil with an own password, a linked one, a teacher of both schools."""
    add_school(session, "1")
    add_school(session, "2", district="Выборгский")
    add_school(session, "never", last_applied_at=None)
    add_people(session, "1", "own", "linked")
    add_person(session, "late", "2")
    add_person(session, "teacher", "1", "2", role="teacher")
    for name in ("own", "teacher"):
        choose_own_password(session, name, changed_at=LOADED_AT)
        sign_in(session, name)
    choose_own_password(session, "late", changed_at=NOW + timedelta(seconds=1))
    link(session, "linked", LOADED_AT + timedelta(days=1))


@pytest.mark.usefixtures("city")
def test_own_passwords_and_links_are_counted_of_the_roll_until_the_cut_off(
    session: Session,
) -> None:
    report = build(session)
    names = "roll own_password linked own_password_share linked_share"
    assert figures(report, "1|all", names) == (3, 2, 1, 2 / 3, 1 / 3)
    assert line(report, "2|student")["own_password"] == 0
    assert line(report, "never|all")["linked"] is None
    assert line(build(session, now=LOADED_AT), "1|all")["linked"] == 0


@pytest.mark.usefixtures("city")
def test_the_whole_city_is_one_row_of_distinct_persons(session: Session) -> None:
    report = build(session, by="city")
    assert report.keys == ("city|all", "city|student", "city|teacher", "city|administrator")
    assert figures(report, "city|all", "schools schools_loaded roll") == (3, 2, 4)
    assert line(report, "city|teacher")["own_password"] == 1
    assert [row[1:] for row in report.rows] == [row[1:] for row in report.totals]


@pytest.mark.usefixtures("city")
def test_the_row_of_everything_ends_where_the_readers_part_ends(session: Session) -> None:
    report = build(session, by="city", scope=of_school("2"))
    assert figures(report, "city|all", "schools roll own_password") == (1, 2, 1)


LATER = datetime(2026, 10, 5, tzinfo=UTC)
FOREIGN = ("foreign", "Чужая", "Чужой", "7Ж", "05.10.2026")
"""What only the other school's and district's rows could bring in."""


@pytest.fixture
def three_schools(session: Session) -> None:
    """Two pupils in "own", 3 in a sister of the district, 4 far away; a teacher of all three."""
    for code, name, district, loaded_at, pupils in (
        ("own", "Своя", "Невский", LOADED_AT, 2), ("foreign-1", "Чужая 1", "Невский", LATER, 3),
        ("foreign-2", "Чужая 2", "Чужой", LATER, 4),
    ):  # fmt: skip
        add_school(session, code, short_name=name, district=district, last_applied_at=loaded_at)
        title = "8А" if code == "own" else "7Ж"
        names = [f"{code}-{number}" for number in range(pupils)]
        add_people(session, code, *names, signed_in=LOADED_AT, class_title=title)
        leaver = add_person(session, f"{code}-leaver", code)
        sign_in(session, leaver.person_id)
        take_off_roll(session, leaver)
    add_person(session, "teacher", "foreign-2", "foreign-1", "own", role="teacher")
    sign_in(session, "teacher", school_code="foreign-2")


@pytest.mark.usefixtures("three_schools")
@pytest.mark.parametrize("by", ["school", "district", "class"])
@pytest.mark.parametrize(
    ("scope", "total", "foreign", "schools", "newest"),
    [
        (of_school("own"), (3, 3, 1), FOREIGN, 1, LOADED_AT),
        (of_district("Невский"), (6, 6, 2), ("foreign-2", "Чужая 2", "Чужой"), 2, LATER),
        (CITY, (10, 10, 3), (), 3, LATER),
    ],
)
def test_operators_get_their_own_part_only(
    session: Session, scope: Scope, total: tuple[int, ...], foreign: tuple[str, ...],
    schools: int, newest: datetime, by: str,
) -> None:  # fmt: skip
    report = build(session, by=by, scope=scope)
    assert figures(report, "all", "roll ever left") == total
    text = to_json(report) + to_table(report) + to_csv(report).decode()
    assert [word for word in foreign if word in text] == []
    assert (report.freshness.schools, report.freshness.newest) == (schools, newest)


@pytest.mark.usefixtures("three_schools")
@pytest.mark.parametrize("role", [OperatorRole.SCHOOL, OperatorRole.DISTRICT])
def test_an_operator_of_nothing_gets_nothing(session: Session, role: OperatorRole) -> None:
    report = build(session, scope=Scope(actor="x", role=role))
    assert report.rows == ()
    assert figures(report, "all", "roll ever left") == (None, None, None)


def recount(session: Session, schools: set[str], role: str) -> Counter[str]:
    """The figures of one line, person by person: a person belongs to the rolls of today, wherever
    they signed in, and has left who is on none or suspended."""
    begin, end = OCTOBER.bounds(MOSCOW)
    lines = session.scalars(select(SchoolMembership)).all()
    events = session.scalars(select(LoginEvent).where(LoginEvent.result == "allowed")).all()
    counts = Counter[str]()
    for person in session.scalars(select(KnownUser)):
        times = [e.at for e in events if e.person_id == person.person_id and e.at <= NOW]
        own = [line for line in lines if line.person_id == person.person_id]
        here = {line.role for line in own if line.school_code in schools}
        if (person.suspended or not own) and times and person.school_code in schools:
            counts["left"] += role in ("all", person.role)
        main = next((name for name in MAIN_ROLE_FIRST if name in here), None)
        if person.suspended or main is None or role not in ("all", main):
            continue
        counts["roll"] += 1
        counts["account"] += person.moodle_id is not None
        counts["ever"] += bool(times)
        counts["in_period"] += any(begin <= at < end for at in times)
    return counts


@soak
@pytest.mark.parametrize("seed", range(2 * SOAK))
def test_every_line_equals_a_plain_recount(session: Session, seed: int) -> None:
    make_city(session, seed)
    schools = session.scalars(select(School)).all()
    for by in ("school", "district"):
        for key, cells in by_key(built(session, "coverage", by=by)).items():
            unit, _bar, role = key.rpartition("|")
            codes = {one.code for one in schools if unit in ("", one.code, one.district)}
            expected = recount(session, codes, role)
            for name in ("roll", "account", "ever", "in_period", "left"):
                assert cells[name] == expected[name], (key, name)
