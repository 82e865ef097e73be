"""Coverage: own passwords, links to ЕСИА, and the whole city in one row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from auth.linking.links import add_link
from auth.linking.models import Evidence
from auth.models import Credential
from service.access import Scope
from service.models import OperatorRole
from service.reports.report import Report
from tests.service.coverage_city import LOADED_AT, add_person, add_school, sign_in
from tests.service.report_questions import built, check_people, line

pytestmark = pytest.mark.usefixtures("english")

NOW = LOADED_AT + timedelta(days=30)


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "coverage", **{"period": None, "now": NOW} | overrides)


def set_password(session: Session, person_id: str, at: Any = LOADED_AT) -> None:
    session.add(Credential(person_id=person_id, password_hash="", changed_at=at))
    session.flush()


def add_city(session: Session) -> None:
    """Two districts; a pupil with an own password, a linked one, a teacher of both schools."""
    add_school(session, "1")
    add_school(session, "2", district="Выборгский")
    add_school(session, "never", last_applied_at=None)
    add_person(session, "own", "1")
    add_person(session, "linked", "1")
    add_person(session, "late", "2")
    add_person(session, "teacher", "1", "2", role="teacher")
    for name in ("own", "teacher"):
        set_password(session, name)
        sign_in(session, name)
    set_password(session, "late", NOW + timedelta(seconds=1))
    add_link(
        session, provider="esia", subject="1", person_id="linked", school_code="1",
        evidence=Evidence.SNILS, now=LOADED_AT + timedelta(days=1),
    )  # fmt: skip


def test_own_passwords_and_links_are_counted_of_the_roll_until_the_cut_off(
    session: Session,
) -> None:
    add_city(session)
    row = line(build(session), "1|all")
    assert (row["roll"], row["own_password"], row["linked"]) == (3, 2, 1)
    assert (row["own_password_share"], row["linked_share"]) == (2 / 3, 1 / 3)
    assert line(build(session), "2|student")["own_password"] == 0
    assert line(build(session, now=LOADED_AT), "1|all")["linked"] == 0
    assert line(build(session), "never|all")["linked"] is None


def test_the_whole_city_is_one_row_of_distinct_persons(session: Session) -> None:
    add_city(session)
    report = build(session, by="city")
    assert report.keys == ("city|all", "city|student", "city|teacher", "city|administrator")
    everybody = line(report, "city|all")
    assert (everybody["schools"], everybody["schools_loaded"], everybody["roll"]) == (3, 2, 4)
    assert line(report, "city|teacher")["own_password"] == 1
    assert [row[1:] for row in report.rows] == [row[1:] for row in report.totals]


def test_the_row_of_everything_ends_where_the_readers_part_ends(session: Session) -> None:
    add_city(session)
    scope = Scope(actor="s", role=OperatorRole.SCHOOL, items=frozenset({"2"}))
    row = line(build(session, by="city", scope=scope), "city|all")
    assert (row["schools"], row["roll"], row["own_password"]) == (1, 2, 1)


@pytest.mark.parametrize("by", ["city", "school"])
def test_as_many_people_are_behind_each_new_number_as_it_says(session: Session, by: str) -> None:
    add_city(session)
    assert check_people(session, "coverage", by=by, period=None, now=NOW) > 20
