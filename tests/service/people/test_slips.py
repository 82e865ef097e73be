"""Who gets which slip, what stands on it, who may look; and the reset of a password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.directory import Slip
from auth.models import Credential, SignIn
from service.access import Forbidden, Scope
from service.application import Application
from service.models import AuditEntry, KnownUser, OperatorRole
from service.people.passwords import KeptInMoodle, find_person, reset_password
from service.people.slips import STAFF, Group, groups, slip_of, slips
from tests.service.factories import (
    CITY,
    Row,
    add,
    add_known_person,
    add_school,
    choose_own_password,
    put_on_roll,
    take_off_roll,
)
from tests.service.installation import MOODLE, NOW, make_application

OF_SCHOOL = Scope(actor="anna", role=OperatorRole.SCHOOL, items=frozenset({"1"}))
OF_OTHER_SCHOOL = Scope(actor="boris", role=OperatorRole.SCHOOL, items=frozenset({"2"}))
OF_DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Невский"}))
OF_OTHER_DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset({"Курортный"}))


@dataclass(kw_only=True)
class Office:
    """Where slips of school 1 are asked for."""

    session: Session
    application: Application

    def keep_passwords(self, **values: Any) -> None:
        settings = self.application.settings
        changed = replace(settings.passwords, **values)
        self.application.settings = replace(settings, passwords=changed)

    def add(self, person_id: str, **fields: Any) -> KnownUser:
        return add_known_person(self.session, person_id, **fields)

    def add_with_own_password(self) -> KnownUser:
        choose_own_password(self.session, "a")
        return self.add("a")

    def slips(self, group: str | None = None, scope: Scope = CITY, school: str = "1") -> list[Slip]:
        return slips(self.session, self.application, scope, school, group)

    def logins(self, group: str | None = None) -> list[str]:
        return [slip.login for slip in self.slips(group)]

    def slip(self, login: str, scope: Scope = CITY) -> Slip:
        person = find_person(self.session, scope, login)
        found = slip_of(self.session, self.application, scope, person)
        assert found is not None
        return found

    def reset(self, scope: Scope = OF_SCHOOL) -> str:
        """The first password after it."""
        reset_password(self.session, self.application.settings, scope, "48pa", NOW)
        return self.slip("48pa").password

    def all(self, table: type[Row]) -> Sequence[Row]:
        return self.session.scalars(select(table)).all()

    def audited(self) -> list[tuple[Any, ...]]:
        entries = self.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(one.actor, one.action, one.school_code, one.details) for one in entries]


@pytest.fixture
def office(session: Session, tmp_path: Path) -> Office:
    add_school(session, "1")
    add_school(session, "2", district="Курортный")
    application = make_application(session.get_bind(), tmp_path)  # type: ignore[arg-type]
    return Office(session=session, application=application)


def test_a_slip_has_all_that_a_pupil_needs(office: Office) -> None:
    office.add("a", middle_name="Примерович")
    (slip,) = office.slips("c-8a")
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


def test_classes_come_in_their_order_and_staff_last(office: Office) -> None:
    office.add("t", role="teacher")
    office.add("z", role="administrator")
    office.add("x", class_id="c-10b", class_title="10Б")
    office.add("b", family_name="Ёлкин")
    office.add("a", family_name="Жуков")
    office.add("n", class_id="", class_title="")
    assert groups(office.session, CITY, "1") == [
        Group(key="c-8a", title="8А", people=2),
        Group(key="c-10b", title="10Б", people=1),
        Group(key="", title="без класса", people=1),
        Group(key=STAFF, title="сотрудники", people=2),
    ]
    assert office.logins() == ["48pb", "48pa", "48px", "48pn", "48pt", "48pz"]
    assert office.logins("c-8a") == ["48pb", "48pa"]
    assert office.logins("") == ["48pn"]
    assert office.logins(STAFF) == ["48pt", "48pz"]


def test_an_own_password_takes_the_place_of_the_first(office: Office) -> None:
    office.add_with_own_password()
    (slip,) = office.slips()
    assert slip.password == ""
    assert slip.password_advice.startswith("Ваш собственный пароль")


def test_the_suspended_those_without_an_account_and_leavers_get_none(office: Office) -> None:
    office.add("a", suspended=True)
    office.add("b", moodle_id=None)
    take_off_roll(office.session, office.add("c"), suspended=False)
    office.add("d", role="guardian")
    assert office.slips() == []
    assert groups(office.session, CITY, "1") == []


def test_where_moodle_holds_the_passwords_the_slip_and_a_reset_say_so(office: Office) -> None:
    office.keep_passwords(kept_in="moodle")
    # Its own password is left from the time when the passwords were with us.
    office.add_with_own_password()
    (slip,) = office.slips()
    assert (slip.password, slip.address) == ("01092012", MOODLE)
    assert "Moodle" in slip.password_advice
    with pytest.raises(KeptInMoodle) as refused:
        office.reset()
    assert refused.value.values["address"] == f"{MOODLE}/user/editadvanced.php?id=1"
    assert len(office.all(Credential)) == 1


def test_a_random_password_is_the_same_on_each_print(office: Office) -> None:
    office.keep_passwords(first="random")
    office.add("a")
    (slip,) = office.slips()
    assert len(slip.password) == 14
    assert office.slips() == [slip]


@pytest.mark.parametrize("scope", [OF_OTHER_SCHOOL, OF_OTHER_DISTRICT])
def test_others_may_neither_look_nor_reset(office: Office, scope: Scope) -> None:
    office.add_with_own_password()
    for act in (lambda: groups(office.session, scope, "1"), lambda: office.slips(scope=scope)):
        with pytest.raises(Forbidden):
            act()
    with pytest.raises(Forbidden):
        office.reset(scope)
    assert len(office.all(Credential)) == 1
    assert office.audited() == []


def test_the_district_and_the_school_may_look_where_there_is_a_school(office: Office) -> None:
    office.add("a")
    (slip,) = office.slips(scope=OF_DISTRICT)
    assert office.slips(scope=OF_SCHOOL) == [slip]
    with pytest.raises(Forbidden):
        office.slips(school="nothing")


def test_each_look_is_written_down_without_names(office: Office) -> None:
    office.add("a")
    office.slips("c-8a", OF_SCHOOL)
    office.slips(None, OF_SCHOOL)
    office.slip("48pa", OF_SCHOOL)
    assert office.audited() == [
        ("anna", "slip.show", "1", {"class": "c-8a", "count": 1}),
        ("anna", "slip.show", "1", {"class": "all", "count": 1}),
        ("anna", "slip.show", "1", {"person_id": "a", "count": 1}),
    ]


def test_the_slip_of_a_teacher_of_two_schools_names_the_school_in_view(office: Office) -> None:
    put_on_roll(office.session, office.add("t", role="teacher"), "2")
    assert office.slip("48pt", OF_OTHER_SCHOOL).school == "Школа № 2"
    assert office.slip("48pt").school == "Школа № 1"


def test_each_reset_ends_password_and_sign_ins_and_gives_another_word(office: Office) -> None:
    office.keep_passwords(first="random")
    office.add_with_own_password()
    add(office.session, SignIn, cookie_hash="c")
    assert office.slip("48pa").password == ""
    seen = {office.reset() for _ in range(3)}
    assert (office.all(Credential), office.all(SignIn)) == ([], [])
    assert len(seen - {""}) == 3


def test_a_birth_date_stays_the_first_password(office: Office) -> None:
    office.add_with_own_password()
    assert office.reset() == "01092012"
    assert office.audited()[0] == ("anna", "password.reset", "1", {"person_id": "a"})


@pytest.mark.parametrize("typed", ["48pa", " 48PA ", "48рa"])
def test_a_person_is_found_by_the_login_as_people_type_it(office: Office, typed: str) -> None:
    person = office.add("a")
    assert find_person(office.session, OF_SCHOOL, typed) is person


@pytest.mark.parametrize("typed", ["", "48p", "48pa\x00", "%"])
def test_nobody_is_found_by_anything_else(office: Office, typed: str) -> None:
    office.add("a")
    with pytest.raises(Forbidden):
        find_person(office.session, CITY, typed)
