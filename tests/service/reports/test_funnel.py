"""Logins issued and used, step by step (docs/facts/indicators.md A5)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from auth.linking.links import add_link
from auth.linking.models import Evidence, Link
from auth.models import Credential
from service.activity.marks import MANY
from service.activity.upkeep import roll_up
from service.db import transaction
from service.models import KnownUser, MadeSlip, MarkChange
from service.people.passwords import find_person
from service.people.slips import slip_of, slips
from tests.service.coverage_city import (
    CITY,
    LOADED_AT,
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
)
from tests.service.slip_factories import add_person as add_person_with_slip
from tests.service.slip_factories import make_application
from tests.service.trial import A, Trial, pupils

PERSON = [column.name for column in KnownUser.__table__.columns]
STEPS = ["roll", "account", "slip", "first_login", "own_password", "linked"]


def come(session: Session, person_id: str, steps: int, at: datetime = IN_OCTOBER) -> None:
    """Take so many steps after the account."""
    if steps > 0:
        session.add(MadeSlip(person_id=person_id, first_at=at))
    if steps > 1:
        sign_in(session, person_id, at)
    if steps > 2:
        session.add(Credential(person_id=person_id, password_hash="x", changed_at=at))
    if steps > 3:
        add_link(
            session, provider="esia", subject=person_id, person_id=person_id, school_code="1",
            evidence=Evidence.SNILS, now=at,
        )  # fmt: skip
    session.flush()


def numbers(line: dict[str, Any]) -> list[Any]:
    return [line[name] for name in STEPS]


def test_each_step_is_counted_among_the_people_of_the_roll(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "no-account", "1", moodle_id=None)
    for steps in range(5):
        add_person(session, f"p{steps}", "1")
        come(session, f"p{steps}", steps)
    report = built(session, "funnel")
    line = by_key(report)["1|all"]
    assert numbers(line) == [6, 5, 4, 3, 2, 1]
    assert line["linked_share"] == 1 / 6
    titles = {column.key: column.title for column in report.columns}
    assert titles["linked_share"] == "Привязана ЕСИА, % от контингента"


def test_pupils_and_teachers_stand_apart_and_classes_too(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "a", "1")
    add_person(session, "b", "1", class_id="c-8b", class_title="8Б")
    add_person(session, "t", "1", role="teacher")
    for person, steps in (("a", 4), ("b", 1), ("t", 2)):
        come(session, person, steps)
    lines = by_key(built(session, "funnel"))
    assert numbers(lines["1|student"]) == [2, 2, 2, 1, 1, 1]
    assert numbers(lines["1|teacher"]) == [1, 1, 1, 1, 0, 0]
    lines = by_key(built(session, "funnel", by="class"))
    assert numbers(lines["1|c-8a|student"]) == [1, 1, 1, 1, 1, 1]
    assert numbers(lines["1|c-8b|student"]) == [1, 1, 1, 0, 0, 0]


def test_somebody_of_two_schools_counts_once_in_the_district(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2")
    person = add_person(session, "t", "1", role="teacher")
    put_on_roll(session, person, "2", role="administrator")
    come(session, "t", 4)
    lines = by_key(built(session, "funnel", by="district"))
    assert numbers(lines["Невский|all"]) == [1] * 6
    assert numbers(lines["Невский|administrator"]) == [0] * 6
    assert numbers(lines["teacher"]) == [1] * 6


def test_steps_after_the_cut_off_and_of_suspended_people_are_not_counted(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "p", "1")
    gone = add_person(session, "gone", "1")
    come(session, "p", 4)
    come(session, "gone", 4)
    take_off_roll(session, gone)
    assert numbers(by_key(built(session, "funnel"))["1|all"]) == [1] * 6
    earlier = built(session, "funnel", now=LOADED_AT)
    assert numbers(by_key(earlier)["1|all"]) == [1, 1, 0, 0, 0, 0]


def test_who_loses_a_password_or_a_link_is_counted_no_more(session: Session) -> None:
    add_school(session, "1")
    for name in ("a", "b"):
        add_person(session, name, "1")
        come(session, name, 4)
    assert numbers(by_key(built(session, "funnel"))["1|all"]) == [2] * 6
    session.query(Credential).filter_by(person_id="a").delete()
    session.query(Link).filter_by(person_id="b").delete()
    assert numbers(by_key(built(session, "funnel"))["1|all"]) == [2, 2, 2, 2, 1, 1]
    come_again = Credential(person_id="a", password_hash="x", changed_at=IN_OCTOBER)
    session.add(come_again)
    session.flush()
    assert by_key(built(session, "funnel"))["1|all"]["own_password"] == 2


def test_many_at_once_are_counted_as_one_by_one(session: Session) -> None:
    add_school(session, "1")
    for number in range(3):
        add_person(session, f"p{number}", "1")
    come(session, "p0", 1)
    assert by_key(built(session, "funnel"))["1|all"]["slip"] == 1
    strangers = [{"person_id": f"s{n}", "first_at": IN_OCTOBER} for n in range(MANY)]
    session.execute(insert(KnownUser), [
        {column: getattr(session.get(KnownUser, "p1"), column) for column in PERSON}
        | {"person_id": one["person_id"], "username": one["person_id"]}
        for one in strangers
    ])  # fmt: skip
    session.execute(insert(MadeSlip), strangers)
    come(session, "p2", 1)
    assert by_key(built(session, "funnel"))["1|all"]["slip"] == 2


def test_steps_taken_before_the_first_roll_count_once_it_is_there(session: Session) -> None:
    add_school(session, "1")
    add_school(session, "2")
    session.add(MadeSlip(person_id="p", first_at=IN_OCTOBER))
    session.flush()
    assert by_key(built(session, "funnel"))["all"]["slip"] == 0
    add_person(session, "p", "1")
    assert by_key(built(session, "funnel"))["all"]["slip"] == 1


def test_nothing_known_is_no_zero(session: Session) -> None:
    add_school(session, "empty")
    add_school(session, "none", last_applied_at=None)
    report = built(session, "funnel")
    lines = by_key(report)
    assert (lines["empty|all"]["linked"], lines["empty|all"]["linked_share"]) == (0, None)
    assert lines["none|all"]["linked"] is None
    assert "none|student" not in lines


@pytest.mark.parametrize("by", ["district", "school", "class"])
def test_as_many_people_are_behind_each_number_as_it_says(session: Session, by: str) -> None:
    for number in range(3):
        add_school(session, str(number), district=f"Район {number % 2}")
        for steps in range(5):
            role = "teacher" if steps == 2 else "student"
            add_person(session, f"p{number}-{steps}", str(number), role=role)
            come(session, f"p{number}-{steps}", steps)
    assert check_people(session, "funnel", by=by) > 20


@pytest.mark.parametrize("by", ["district", "school", "class"])
def test_queries_do_not_grow_with_schools(session: Session, engine: Engine, by: str) -> None:
    check_queries(session, engine, "funnel", by=by)


def test_a_slip_is_remembered_for_each_person_from_its_first_making(
    session: Session, tmp_path: Path
) -> None:
    add_school(session, "1")
    application = make_application(session.get_bind(), tmp_path)  # type: ignore[arg-type]
    for name in ("a", "b", "c"):
        add_person_with_slip(session, name)
    add_person_with_slip(session, "other", class_id="c-9", class_title="9А")
    application.clock = lambda: IN_OCTOBER
    slips(session, application, CITY, "1", "c-8a")
    application.clock = lambda: NOW
    slips(session, application, CITY, "1", "c-8a")
    assert set(session.scalars(select(MadeSlip.first_at))) == {IN_OCTOBER}
    assert by_key(built(session, "funnel"))["1|student"]["slip"] == 3
    username = session.scalars(select(MadeSlip.person_id)).all()
    assert "other" not in username
    person = find_person(session, CITY, "48pother")
    slip_of(session, application, CITY, person)
    assert by_key(built(session, "funnel"))["1|student"]["slip"] == 4


def test_the_worker_keeps_the_steps_up_to_date(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("p", 3)))
    with transaction(trial.application.sessions) as session:
        session.add(MadeSlip(person_id=trial.person_id(A, "p-1"), first_at=IN_OCTOBER))
    roll_up(trial.application)
    with transaction(trial.application.sessions) as session:
        assert session.scalars(select(MarkChange)).all() == []
        assert by_key(built(session, "funnel"))["all"]["slip"] == 1
