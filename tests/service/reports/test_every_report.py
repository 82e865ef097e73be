"""What holds for the answers of all reports (docs/facts/indicators.md F)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from auth.models import Method
from auth.signin.phases import Phase, Who
from service.activity.rolls import bring_up_to_date
from service.models import (
    MadeSlip,
    PhaseExemption,
    PhaseRule,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    SchoolType,
)
from service.reports import REPORTS
from service.reports.question import Compare
from service.reports.stored import from_data, to_data
from tests.service.factories import (
    add,
    add_person,
    add_school,
    choose_own_password,
    put_on_roll,
    sign_in,
)
from tests.service.report_questions import (
    FITTING,
    IN_OCTOBER,
    add_people,
    built,
    check_people,
    counted_queries,
    figures,
    line,
    link,
    make_city,
    people,
    question,
    shown,
)

LEVELS = [(name, by) for name, each in REPORTS.items() for by in each.levels or [""]]


PEOPLE = {
    "coverage": "account ever in_period left linked own_password roll",
    "activity": "active left moved provisioned",
    "low-activity": "active left moved provisioned",
    "other-systems": "active",
    "freshness": "",
    "funnel": "account first_login linked own_password roll slip",
    "movement": "arrived came_over left revived suspended went_over",
    "weekly": "active c1 c2 c3 c5 teachers",
    "indicators": "loaded numerator",
    "transition": "accounts exempt linked locked_out",
}
"""Columns that count people: small numbers of them are hidden, and names stand behind them."""


def rule_and_import(session: Session) -> None:
    """A switch to ЕСИА to come, somebody exempt from it, and a week of another platform."""
    for phase, day in ((Phase.BOTH, date(2026, 9, 1)), (Phase.ESIA_ONLY, date(2027, 1, 8))):
        add(session, PhaseRule, phase=phase, starts_on=day)
    add(session, PhaseExemption, person_id="p1", who=Who.ALL)
    week = add(session, PlatformWeek, first_day=FITTING["weekly"].first, imported_at=IN_OCTOBER)
    add(session, PlatformSchool, platform=week.platform, label="школа", school_code="1")
    add(session, PlatformFigure, week_id=week.id, row=0, label="школа", teachers=9)


@pytest.mark.parametrize("name", [name for name, each in REPORTS.items() if each.people])
def test_as_many_people_are_behind_each_number_as_it_says(session: Session, name: str) -> None:
    make_city(session, 7)
    rule_and_import(session)
    add_people(session, "1", "exempt")
    add(session, PhaseExemption, person_id="exempt", who=Who.ALL)
    assert line(built(session, "transition"), "total")["exempt"]
    for by in set(REPORTS[name].levels) - {"phases", "steps"} or {""}:
        assert check_people(session, name, by=by) > 5, by
    if name == "low-activity":
        assert check_people(session, name, options={"below": 12}) > 5


@pytest.mark.parametrize(("name", "by"), LEVELS)
def test_columns_that_count_people_say_so(session: Session, name: str, by: str) -> None:
    add_school(session, "1")
    rule_and_import(session)
    columns = {
        one.key for one in built(session, name, by=by).columns if one.people and not one.nameless
    }
    assert columns == (set() if by in ("phases", "steps") else {*PEOPLE[name].split()})


def test_nobody_is_known_behind_organisations_and_behind_figures_of_others() -> None:
    assert not REPORTS["indicators"].knows_people_of("E4.05")
    assert not REPORTS["weekly"].knows_people_of("1|Сферум")


def test_a_report_survives_being_stored(session: Session) -> None:
    make_city(session, 3)
    rule_and_import(session)
    for name, by in LEVELS:
        report = built(session, name, by=by)
        assert from_data(to_data(report)) == report, (name, by)


@pytest.mark.parametrize(("name", "by"), LEVELS)
def test_queries_do_not_grow_with_schools(
    session: Session, engine: Engine, name: str, by: str
) -> None:
    """Asked twice, the second time with four times as many schools, each with people."""
    add_school(session, "1", district="Район 1")
    rule_and_import(session)
    at = question(name).bounds()[0] + timedelta(hours=1)
    counts = []
    for size in (range(5), range(5, 20)):
        for number in size:
            add_school(session, f"q{number}", district=f"Район {number % 3}", type="general")
            for role in ("student", "teacher"):
                person_id = f"q-{number}-{role}"
                add_person(session, person_id, f"q{number}", role=role)
                sign_in(session, person_id, at, school_code=f"q{number}")
        bring_up_to_date(session)
        with counted_queries(engine) as statements:
            built(session, name, by=by)
        counts.append(len(statements))
    most = {("coverage", "school"): 20}.get((name, by), 99 if name == "weekly" else 39)
    assert counts[0] == counts[1] <= most, counts


@pytest.mark.parametrize(
    ("name", "key", "column", "first", "last", "count"),
    [
        ("activity", "1", "active", "2026-10-01", "2026-10-31", 2),
        ("coverage", "1|all", "in_period", "2026-10-01", "2026-10-31", 2),
        ("transition", "1", "esia_sign_ins", "2026-10-10", "2026-10-16", 2 + 4),
    ],
)
def test_both_days_of_the_period_count_and_end_at_midnight_in_moscow(
    session: Session, name: str, key: str, column: str, first: str, last: str, count: int
) -> None:
    begin, moment = datetime.fromisoformat(f"{first}T00:00+03:00"), timedelta(microseconds=1)
    after = datetime.fromisoformat(f"{last}T00:00+03:00") + timedelta(days=1)
    add_school(session, "1")
    for who, at, times in (
        ("eve", begin - moment, 1), ("first", begin, 2), ("last", after - moment, 4),
        ("after", after, 8),
    ):  # fmt: skip
        add_person(session, who, "1")
        for _ in range(times):
            sign_in(session, who, at, method=Method.ESIA, school_code="1")
    assert line(built(session, name), key)[column] == count
    if name != "transition":
        assert people(session, name, key, column) == ["first", "last"]


def test_what_happened_after_the_cut_off_is_not_counted(session: Session) -> None:
    for name, at in (("now", IN_OCTOBER), ("later", IN_OCTOBER + timedelta(microseconds=1))):
        add_people(session, "1", name, signed_in=at)
    for name, key, column in (
        ("activity", "total", "active"), ("coverage", "all", "ever"),
        ("coverage", "all", "in_period"),
    ):  # fmt: skip
        report = built(session, name, now=IN_OCTOBER)
        assert line(report, key)[column] == 1
        assert report.preliminary
        assert not built(session, name).preliminary


@pytest.mark.parametrize(
    ("name", "by", "columns", "once", "never"),
    [
        ("activity", "", "provisioned active",
         "1 2 3 district|Невский district|Выборгский total", ""),
        ("coverage", "school", "roll account in_period",
         "1|teacher 2|administrator 3|teacher teacher", "2|teacher administrator"),
        ("coverage", "district", "roll account ever in_period",
         "Невский|teacher Невский|all Выборгский|teacher teacher all", "Невский|administrator"),
        ("funnel", "district", "roll account slip first_login own_password linked",
         "Невский|all Невский|teacher teacher", "Невский|administrator"),
        ("weekly", "school", "teachers active", "1|own 3|own total|own", "2|own"),
        ("weekly", "district", "teachers active", "Невский|own Выборгский|own total|own", ""),
    ],
)  # fmt: skip
def test_a_teacher_of_three_schools_counts_once_in_each_line(
    session: Session, name: str, by: str, columns: str, once: str, never: str
) -> None:
    """As an administrator at the second school, where nothing else is known of the teacher."""
    for code, district in (("1", "Невский"), ("2", "Невский"), ("3", "Выборгский")):
        add_school(session, code, district=district, type=SchoolType.GENERAL)
    person = add_person(session, "t", "1", "3", role="teacher")
    put_on_roll(session, person, "2", role="administrator")
    sign_in(session, "t", IN_OCTOBER)
    add(session, MadeSlip, person_id="t", first_at=IN_OCTOBER)
    choose_own_password(session, "t", changed_at=IN_OCTOBER)
    link(session, "t", IN_OCTOBER)
    report = built(session, name, by=by)
    for keys, count in ((once, 1), (never, 0)):
        for key in keys.split():
            assert set(figures(report, key, columns)) == {count}, key


@pytest.mark.parametrize(
    ("name", "by", "key", "columns", "said"),
    [
        ("activity", "", "2", "active", "не загружено"),
        ("coverage", "school", "2|all", "loaded roll ever left", "не загружено"),
        ("coverage", "class", "2||all", "loaded roll ever left", "не загружено"),
        ("freshness", "school", "2", "days last", "не загружено"),
        ("funnel", "school", "2|all", "linked linked_share", "нет данных"),
        ("low-activity", "", "2", "active", "не загружено"),
        ("movement", "", "2", "arrived at_begin came_over left went_over at_end", "не загружено"),
        ("transition", "school", "2", "accounts linked locked_out esia_share", "нет данных"),
    ],
)
def test_a_school_without_a_load_stays_and_has_no_figures(
    session: Session, name: str, by: str, key: str, columns: str, said: str
) -> None:
    add_school(session, "1")
    add_school(session, "2", last_applied_at=None)
    rule_and_import(session)
    report = built(session, name, by=by)
    assert set(figures(report, key, columns)) == {None}
    assert shown(report, key, columns.split()[0]) == said
    assert [one for one in report.keys if one.split("|")[0] == "2"] == [key]


@pytest.mark.parametrize("name", ["activity", "low-activity", "other-systems", "movement"])
def test_a_comparison_is_of_figures_and_not_of_line_numbers(session: Session, name: str) -> None:
    add_school(session, "1", state_system=False)
    report = built(session, name, compare=Compare.PREVIOUS)
    changes = [column.key for column in report.columns if column.key.endswith("_change")]
    assert changes
    assert "number_change" not in changes
