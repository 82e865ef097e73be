"""Logins issued and used, step by step (docs/facts/indicators.md A5)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from auth.linking.models import Link
from auth.models import Credential
from service.activity.marks import MANY
from service.activity.upkeep import roll_up
from service.db import transaction
from service.models import KnownUser, MadeSlip, MarkChange
from service.people.passwords import find_person
from service.people.slips import slip_of, slips
from service.reports.report import Report
from tests.service.factories import (
    CITY,
    LOADED_AT,
    add,
    add_known_person,
    add_person,
    add_school,
    choose_own_password,
    sign_in,
    take_off_roll,
)
from tests.service.installation import make_application
from tests.service.report_questions import (
    IN_OCTOBER,
    NOW,
    add_people,
    add_schools,
    built,
    figures,
    line,
    link,
)
from tests.service.trial import A, Trial, pupils


def come(session: Session, person_id: str, steps: int, at: datetime = IN_OCTOBER) -> None:
    """Take so many steps after the account."""
    if steps > 0:
        add(session, MadeSlip, person_id=person_id, first_at=at)
    if steps > 1:
        sign_in(session, person_id, at)
    if steps > 2:
        choose_own_password(session, person_id, changed_at=at)
    if steps > 3:
        link(session, person_id, at)


def numbers(report: Report, key: str) -> list[int]:
    return [*figures(report, key, "roll account slip first_login own_password linked")]


def test_each_step_is_counted_among_the_people_of_the_roll(session: Session) -> None:
    add_people(session, "1", "no-account", moodle_id=None)
    for steps in range(5):
        add_person(session, f"p{steps}", "1")
        come(session, f"p{steps}", steps)
    report = built(session, "funnel")
    assert numbers(report, "1|all") == [6, 5, 4, 3, 2, 1]
    assert line(report, "1|all")["linked_share"] == 1 / 6
    titles = {column.key: column.title for column in report.columns}
    assert titles["linked_share"] == "Привязана ЕСИА, % от контингента"


def test_pupils_and_teachers_stand_apart_and_classes_too(session: Session) -> None:
    add_people(session, "1", "a")
    add_person(session, "b", "1", class_id="c-8b", class_title="8Б")
    add_person(session, "t", "1", role="teacher")
    for person, steps in (("a", 4), ("b", 1), ("t", 2)):
        come(session, person, steps)
    report = built(session, "funnel")
    assert numbers(report, "1|student") == [2, 2, 2, 1, 1, 1]
    assert numbers(report, "1|teacher") == [1, 1, 1, 1, 0, 0]
    report = built(session, "funnel", by="class")
    assert numbers(report, "1|c-8a|student") == [1, 1, 1, 1, 1, 1]
    assert numbers(report, "1|c-8b|student") == [1, 1, 1, 0, 0, 0]


def test_steps_after_the_cut_off_and_of_suspended_people_are_not_counted(session: Session) -> None:
    add_people(session, "1", "p")
    gone = add_person(session, "gone", "1")
    come(session, "p", 4)
    come(session, "gone", 4)
    take_off_roll(session, gone)
    assert numbers(built(session, "funnel"), "1|all") == [1] * 6
    assert numbers(built(session, "funnel", now=LOADED_AT), "1|all") == [1, 1, 0, 0, 0, 0]


def test_who_loses_a_password_or_a_link_is_counted_no_more(session: Session) -> None:
    add_people(session, "1", "a", "b")
    for name in ("a", "b"):
        come(session, name, 4)
    assert numbers(built(session, "funnel"), "1|all") == [2] * 6
    session.query(Credential).filter_by(person_id="a").delete()
    session.query(Link).filter_by(person_id="b").delete()
    assert numbers(built(session, "funnel"), "1|all") == [2, 2, 2, 2, 1, 1]
    choose_own_password(session, "a", changed_at=IN_OCTOBER)
    assert line(built(session, "funnel"), "1|all")["own_password"] == 2


def test_many_at_once_are_counted_as_one_by_one(session: Session) -> None:
    add_people(session, "1", "p0", "p1", "p2")
    come(session, "p0", 1)
    assert line(built(session, "funnel"), "1|all")["slip"] == 1
    known = session.get_one(KnownUser, "p1")
    like_them = {column.name: getattr(known, column.name) for column in KnownUser.__table__.columns}
    names = [f"s{number}" for number in range(MANY)]
    session.execute(
        insert(KnownUser), [{**like_them, "person_id": name, "username": name} for name in names]
    )
    session.execute(
        insert(MadeSlip), [{"person_id": name, "first_at": IN_OCTOBER} for name in names]
    )
    come(session, "p2", 1)
    assert line(built(session, "funnel"), "1|all")["slip"] == 2


def test_steps_taken_before_the_first_roll_count_once_it_is_there(session: Session) -> None:
    add_schools(session, "1", "2")
    add(session, MadeSlip, person_id="p", first_at=IN_OCTOBER)
    assert line(built(session, "funnel"), "all")["slip"] == 0
    add_person(session, "p", "1")
    assert line(built(session, "funnel"), "all")["slip"] == 1


def test_a_slip_is_remembered_for_each_person_from_its_first_making(
    session: Session, tmp_path: Path
) -> None:
    add_school(session, "1")
    application = make_application(session.get_bind(), tmp_path)  # type: ignore[arg-type]
    for name, title in (("a", "8А"), ("b", "8А"), ("c", "8А"), ("other", "9А")):
        add_known_person(session, name, class_id=f"c-{title}", class_title=title)
    application.clock = lambda: IN_OCTOBER
    slips(session, application, CITY, "1", "c-8А")
    application.clock = lambda: NOW
    slips(session, application, CITY, "1", "c-8А")
    assert set(session.scalars(select(MadeSlip.first_at))) == {IN_OCTOBER}
    assert line(built(session, "funnel"), "1|student")["slip"] == 3
    assert "other" not in session.scalars(select(MadeSlip.person_id)).all()
    slip_of(session, application, CITY, find_person(session, CITY, "48pother"))
    assert line(built(session, "funnel"), "1|student")["slip"] == 4


def test_the_worker_keeps_the_steps_up_to_date(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("p", 3)))
    with transaction(trial.application.sessions) as session:
        add(session, MadeSlip, person_id=trial.person_id(A, "p-1"), first_at=IN_OCTOBER)
    roll_up(trial.application)
    with transaction(trial.application.sessions) as session:
        assert session.scalars(select(MarkChange)).all() == []
        assert line(built(session, "funnel"), "all")["slip"] == 1
