"""Who gets which slip, what stands on it, and who may look."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.directory import Slip
from service.access import Forbidden, Scope
from service.application import Application
from service.models import AuditEntry, OperatorRole
from service.people.passwords import find_person
from service.people.slips import STAFF, Group, groups, slip_of, slips
from tests.service.coverage_city import CITY, add_school, put_on_roll, take_off_roll
from tests.service.slip_factories import (
    MOODLE,
    OF_OTHER_SCHOOL,
    OF_SCHOOL,
    add_person,
    choose_own_password,
    make_application,
)


@pytest.fixture
def application(session: Session, tmp_path: Path) -> Application:
    add_school(session, "1")
    add_school(session, "2", district="Адмиралтейский")
    return make_application(session.get_bind(), tmp_path)  # type: ignore[arg-type]


def logins(found: list[Slip]) -> list[str]:
    return [slip.login for slip in found]


def test_a_slip_has_all_that_a_pupil_needs(session: Session, application: Application) -> None:
    add_person(session, "a", middle_name="Примерович")
    (slip,) = slips(session, application, CITY, "1", "c-8a")
    assert slip == Slip(
        name="Примеров Пример Примерович",
        group="8А",
        school="Школа № 1",
        login="48pa",
        login_advice="Буква p — латинская (английская раскладка).",
        password="01092012",
        password_advice="При первом входе вы придумаете собственный пароль.",
        address=MOODLE,
    )
    assert "01092012" not in repr(slip)


def test_classes_come_in_their_order_and_staff_last(
    session: Session, application: Application
) -> None:
    add_person(session, "t", role="teacher")
    add_person(session, "z", role="administrator")
    add_person(session, "x", class_id="c-10b", class_title="10Б")
    add_person(session, "b", family_name="Ёлкин")
    add_person(session, "a", family_name="Жуков")
    add_person(session, "n", class_id="", class_title="")
    assert groups(session, CITY, "1") == [
        Group(key="c-8a", title="8А", people=2),
        Group(key="c-10b", title="10Б", people=1),
        Group(key="", title="без класса", people=1),
        Group(key=STAFF, title="сотрудники", people=2),
    ]
    everyone = logins(slips(session, application, CITY, "1"))
    assert everyone == ["48pb", "48pa", "48px", "48pn", "48pt", "48pz"]
    assert logins(slips(session, application, CITY, "1", "c-8a")) == ["48pb", "48pa"]
    assert logins(slips(session, application, CITY, "1", "")) == ["48pn"]
    assert logins(slips(session, application, CITY, "1", STAFF)) == ["48pt", "48pz"]


def test_an_own_password_takes_the_place_of_the_first(
    session: Session, application: Application
) -> None:
    add_person(session, "a")
    choose_own_password(session, "a")
    (slip,) = slips(session, application, CITY, "1")
    assert slip.password == ""
    assert slip.password_advice.startswith("Ваш собственный пароль")


def test_the_suspended_those_without_an_account_and_leavers_get_none(
    session: Session, application: Application
) -> None:
    add_person(session, "a", suspended=True)
    add_person(session, "b", moodle_id=None)
    take_off_roll(session, add_person(session, "c"), suspended=False)
    add_person(session, "d", role="guardian")
    assert slips(session, application, CITY, "1") == []
    assert groups(session, CITY, "1") == []


def test_where_moodle_holds_the_passwords_the_slip_says_so(
    session: Session, application: Application, tmp_path: Path
) -> None:
    in_moodle = make_application(application.engine, tmp_path, kept_in="moodle")
    add_person(session, "a")
    # Left from the time when the passwords were with us.
    choose_own_password(session, "a")
    (slip,) = slips(session, in_moodle, CITY, "1")
    assert slip.password == "01092012"
    assert "Moodle" in slip.password_advice
    assert slip.address == MOODLE


def test_a_random_password_is_the_same_on_each_print(
    session: Session, application: Application, tmp_path: Path
) -> None:
    random = make_application(application.engine, tmp_path, first="random")
    add_person(session, "a")
    (slip,) = slips(session, random, CITY, "1")
    assert len(slip.password) == 14
    assert slips(session, random, CITY, "1") == [slip]


@pytest.mark.parametrize(
    "scope",
    [
        OF_OTHER_SCHOOL,
        Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Адмиралтейский"})),
    ],
)
def test_others_may_not_look(session: Session, application: Application, scope: Scope) -> None:
    add_person(session, "a")
    for look in (groups, lambda *_: slips(session, application, scope, "1")):
        with pytest.raises(Forbidden):
            look(session, scope, "1")
    assert session.scalars(select(AuditEntry)).all() == []


def test_the_district_and_the_school_may(session: Session, application: Application) -> None:
    add_person(session, "a")
    district = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Невский"}))
    assert slips(session, application, district, "1") == slips(session, application, OF_SCHOOL, "1")


def test_a_school_that_does_not_exist_is_forbidden_to_the_city_too(
    session: Session, application: Application
) -> None:
    with pytest.raises(Forbidden):
        slips(session, application, CITY, "nothing")


def test_each_look_is_written_down_without_names(
    session: Session, application: Application
) -> None:
    person = add_person(session, "a")
    slips(session, application, OF_SCHOOL, "1", "c-8a")
    slips(session, application, OF_SCHOOL, "1")
    slip_of(session, application, OF_SCHOOL, person)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(one.actor, one.action, one.school_code, one.details) for one in entries] == [
        ("anna", "slip.show", "1", {"class": "c-8a", "count": 1}),
        ("anna", "slip.show", "1", {"class": "all", "count": 1}),
        ("anna", "slip.show", "1", {"person_id": "a", "count": 1}),
    ]


def test_the_slip_of_a_teacher_of_two_schools_names_the_school_in_view(
    session: Session, application: Application
) -> None:
    person = add_person(session, "t", role="teacher")
    put_on_roll(session, person, "2")
    found = find_person(session, OF_OTHER_SCHOOL, "48pt")
    slip = slip_of(session, application, OF_OTHER_SCHOOL, found)
    assert slip is not None
    assert slip.school == "Школа № 2"
    by_city = slip_of(session, application, CITY, found)
    assert by_city is not None
    assert by_city.school == "Школа № 1"
