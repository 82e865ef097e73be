"""Phases as stored: what the sign-in is told, who would be locked out, and at what cost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.directory import Account
from auth.signin.phases import CITY, Exemptions, Phase, Target, Who
from service.application import Application
from service.db import transaction
from service.models import KnownUser, PhaseExemption, PhaseRule, School
from service.people.directory import PeopleDirectory
from service.signin.phases import (
    StoredPhases,
    as_exemption,
    locked_out,
    locked_out_by_school,
    read_schedule,
)
from tests.service.factories import add, add_person, add_school, link
from tests.service.installation import installation, make_application
from tests.service.report_questions import counted_queries
from tests.soak import SOAK, soak

DAY = date(2026, 10, 6)
SEED = 20261006


def rule(session: Session, target: Target, phase: Phase, starts_on: date = DAY) -> None:
    add(session, PhaseRule, **asdict(target), phase=phase, starts_on=starts_on)


def exemption(session: Session, target: Target = CITY, **fields: Any) -> None:
    add(session, PhaseExemption, **asdict(target), **{"who": Who.ALL} | fields)


def account_of(session: Session, person: KnownUser) -> Account:
    """As the sign-in sees somebody who is on the roll of one school."""
    return Account(
        person_id=person.person_id, username=person.username, email=person.email,
        given_name=person.given_name, family_name=person.family_name,
        birth_date=person.birth_date, school_code=person.school_code,
        district=session.get_one(School, person.school_code).district,
        class_id=person.class_id, roles=(person.role,),
    )  # fmt: skip


@pytest.fixture
def application(session: Session, tmp_path: Path) -> Application:
    return make_application(session.get_bind(), tmp_path)  # type: ignore[arg-type]


@pytest.fixture
def city(session: Session) -> None:
    """Two schools of one district and one of another, with pupils of three ages and staff."""
    for code, district in (("1", "Невский"), ("2", "Невский"), ("3", "Другой")):
        add_school(session, code, district=district)
        for letter in "аб":
            for born in (date(2010, 1, 1), DAY.replace(year=2012), date(2012, 10, 7)):
                name = f"{code}-{letter}-{born:%d%m%y}"
                add_person(session, name, code, birth_date=born, class_id=f"8{letter}")
        for role in ("teacher", "administrator"):
            add_person(session, f"{code}-{role}", code, role=role)


TARGETS = [
    CITY,
    Target(role="student"),
    Target(role="teacher"),
    Target(district="Невский"),
    Target(district="Невский", role="administrator"),
    Target(school_code="1"),
    Target(school_code="1", role="student"),
    Target(school_code="2", role="teacher"),
    Target(school_code="1", class_id="8а"),
    Target(school_code="3", class_id="8б"),
]


@soak
@pytest.mark.parametrize("seed", range(SEED, SEED + 4 * SOAK))
def test_the_question_to_the_database_and_the_decision_at_the_sign_in_agree(
    session: Session, application: Application, city: None, seed: int
) -> None:
    dice = random.Random(seed)
    people = session.scalars(select(KnownUser)).all()
    taken = {(dice.choice(TARGETS), DAY + timedelta(days=dice.randint(-2, 2))) for _ in range(9)}
    for target, day in taken:
        rule(session, target, dice.choice(list(Phase)), day)
    rule(session, CITY, Phase.ESIA_ONLY, DAY - timedelta(days=9))
    for _ in range(3):
        until = dice.choice([None, DAY - timedelta(days=1), DAY])
        exemption(session, dice.choice(TARGETS), who=dice.choice(list(Who)), until=until)
    one, other = dice.sample(people, 2)
    exemption(session, person_id=one.person_id)
    link(session, other.person_id)

    schedule = read_schedule(session, application)
    items = [as_exemption(row) for row in session.scalars(select(PhaseExemption))]
    expected = {
        person.person_id
        for person in people
        if (account := account_of(session, person))
        and schedule.phase(account, DAY) is Phase.ESIA_ONLY
        and person is not other
        and not Exemptions(items=items).cover(account, DAY)
    }
    found = session.execute(locked_out(DAY, schedule.default)).all()
    assert {person.person_id for person, _school in found} == expected
    counted = session.execute(locked_out_by_school(DAY, schedule.default)).all()
    assert sum(count for _school, count in counted) == len(expected)


def test_who_has_no_open_account_is_not_locked_out(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "here", "1")
    add_person(session, "left", "1", suspended=True)
    add_person(session, "not-made", "1", moodle_id=None)
    rule(session, CITY, Phase.ESIA_ONLY)
    found = session.execute(locked_out(DAY, Phase.BOTH)).all()
    assert [person.person_id for person, _school in found] == ["here"]
    assert session.execute(locked_out(DAY - timedelta(days=1), Phase.BOTH)).all() == []
    assert len(session.execute(locked_out(DAY, Phase.BOTH).where(KnownUser.role == "x")).all()) == 0


def test_the_default_of_the_settings_rules_where_nobody_ruled(session: Session) -> None:
    add_school(session, "1")
    add_person(session, "here", "1")
    assert len(session.execute(locked_out(DAY, Phase.ESIA_ONLY)).all()) == 1
    assert session.execute(locked_out(DAY, Phase.PASSWORD_ONLY)).all() == []


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Application]:
    """An installation with a pupil of 13 and a teacher who has an ЕСИА identity."""
    with installation(tmp_path) as application:
        with transaction(application.sessions) as session:
            add_school(session, "1", district="Невский")
            add_person(session, "child", "1", birth_date=date(2013, 5, 1))
            add_person(session, "teacher", "1", role="teacher")
            link(session, "teacher")
        yield application


def test_the_sign_in_is_told_what_is_stored(running: Application) -> None:
    with transaction(running.sessions) as session:
        rule(session, Target(school_code="1", class_id="c-8a"), Phase.ESIA_ONLY)
        exemption(session, who=Who.UNDER_14)
        exemption(session, Target(school_code="other", class_id="c-8a"))
        exemption(session, person_id="somebody else")
    stored, directory = StoredPhases(running), PeopleDirectory(running)
    child, teacher = (directory.by_person_id(one) for one in ("child", "teacher"))
    assert child
    assert teacher
    schedule = stored.schedule()
    assert schedule.phase(child, DAY) is Phase.ESIA_ONLY
    assert schedule.phase(teacher, DAY) is Phase.PASSWORD_ONLY
    assert schedule.zone == running.zone
    assert schedule.has_exemptions
    exemptions = stored.exemptions(child)
    assert [item.who for item in exemptions.items] == [Who.UNDER_14]
    assert exemptions.cover(child, DAY)
    assert not exemptions.linked
    assert stored.exemptions(teacher).linked


def test_sign_ins_ask_once_for_the_rules_and_once_for_exemptions(running: Application) -> None:
    """However many rules, exemptions and people there are."""
    with transaction(running.sessions) as session:
        for number in range(50):
            rule(session, Target(school_code=str(number)), Phase.ESIA_ONLY)
            exemption(session, person_id=f"p-{number}")
        exemption(session, who=Who.STAFF_WITHOUT_ESIA)
    stored, directory = StoredPhases(running), PeopleDirectory(running)
    teacher = directory.by_person_id("teacher")
    assert teacher is not None
    with counted_queries(running.engine) as asked:
        stored.schedule()
        first = len(asked)
        stored.schedule()
        assert first == len(asked) == 2
        stored.exemptions(teacher)
        assert len(asked) == first + 1
