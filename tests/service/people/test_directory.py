"""What the sign-in learns about a person, the first password, and what ends all sign-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from auth.clients.client import Client
from auth.models import AuthorizationCode, Grant, LogoutNotice, SignIn
from provisioning.passwords import birth_date_password
from service.models import Identity, KnownUser
from service.people.directory import PeopleDirectory
from service.people.passwords import first_password, reset_password
from tests.service.factories import add
from tests.service.installation import SCOPE
from tests.service.trial import NOW, A, B, Trial, make_trial, pupil, pupils, teacher

ROWS_A = [*pupils("a", 3), teacher("a-t", who="t"), teacher("a-u")]
ROWS_B = [*pupils("b", 2), teacher("b-t", who="t"), teacher("b-u")]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Two schools that share a teacher; a pupil and a teacher of A have left. Tests only look."""
    with make_trial(tmp_path_factory.mktemp("city")) as trial:
        trial.configure("people", transit_days=0)
        trial.sync(trial.write(A, [*ROWS_A, pupil("a-9")]), trial.write(B, ROWS_B))
        trial.sync(trial.write(A, ROWS_A, day=1))
        yield trial


def test_a_person_is_found_by_login_and_by_id(city: Trial) -> None:
    directory, person_id = PeopleDirectory(city.application), city.person_id(A, "a-1")
    found = directory.by_person_id(person_id)
    assert found is not None
    assert directory.by_username(found.username) == found
    moodle, person = city.account(A, "a-1"), ROWS_A[0].person
    assert (found.username, found.email) == (moodle["username"], moodle["email"])
    assert (found.family_name, found.birth_date) == (person.family_name, person.birth_date)
    assert (found.school_code, found.school_name, found.district) == (A, "Школа № 1", "Невский")
    assert (found.class_title, found.roles, found.suspended) == ("8А", ("student",), False)
    # Nobody is found who is not there.
    assert directory.by_username("1234p5678") is None
    assert directory.by_username("") is None
    assert directory.by_person_id("no-such-person") is None
    assert not directory.check_first_password("no-such-person", "01012012")


def test_a_person_is_found_by_what_an_outside_identity_says(city: Trial) -> None:
    directory, person_id = PeopleDirectory(city.application), city.person_id(A, "a-1")
    person = ROWS_A[0].person
    assert person.birth_date
    name = (person.family_name.upper(), person.given_name, person.middle_name)
    assert [one.person_id for one in directory.by_name(*name, person.birth_date)] == [person_id]
    assert directory.by_name(*name, date(1999, 1, 1)) == []
    assert directory.by_name("", "", "", person.birth_date) == []
    with city.rows() as session:
        session.get_one(Identity, person_id).snils = "00000060099"
    assert [one.person_id for one in directory.by_snils("00000060099")] == [person_id]
    assert directory.by_snils("00000060098") == directory.by_snils("") == []


def test_a_leaver_is_flagged_and_each_role_of_two_schools_is_there_once(city: Trial) -> None:
    directory = PeopleDirectory(city.application)
    people = [directory.by_person_id(city.person_id(A, key)) for key in ("a-9", "a-t")]
    found = [(one.roles, one.suspended) for one in people if one]
    assert found == [(("student",), True), (("teacher",), False)]


def test_who_is_in_transit_is_told_until_when_the_account_is_open(trial: Trial) -> None:
    trial.sync(trial.write(A, [*ROWS_A, pupil("a-9")]))
    directory = PeopleDirectory(trial.application)
    person_id = trial.person_id(A, "a-9")
    listed = directory.by_person_id(person_id)
    assert listed is not None
    assert listed.closes_on is None
    trial.sync(trial.write(A, ROWS_A, day=1))
    in_transit = directory.by_person_id(person_id)
    assert in_transit is not None
    assert (in_transit.suspended, in_transit.closes_on) == (False, date(2026, 11, 5))


def test_a_person_without_an_account_in_moodle_cannot_sign_in(trial: Trial) -> None:
    file = trial.write(A, ROWS_A)
    trial.load(file)
    person_id = trial.person_id(A, "a-1")
    directory = PeopleDirectory(trial.application)
    assert directory.by_person_id(person_id) is None, "only planned"
    trial.sync(file)
    with trial.rows() as session:
        session.get_one(KnownUser, person_id).moodle_id = None
    assert directory.by_username(trial.known(A, "a-1").username) is None
    assert directory.by_person_id(person_id) is None


def test_the_first_password_is_the_birth_date(city: Trial) -> None:
    directory, person_id = PeopleDirectory(city.application), city.person_id(A, "a-1")
    born = ROWS_A[0].person.birth_date
    assert directory.check_first_password(person_id, f"{born:%d%m%Y}")
    assert directory.check_first_password(person_id, f" {born:%d%m%Y}\n")
    for wrong in (f"{born:%Y%m%d}", f"{born:%d.%m.%Y}", "", "01011970"):
        assert not directory.check_first_password(person_id, wrong)


def test_a_corrected_birth_date_is_the_first_password_once_it_is_applied(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    person = ROWS_A[0].person
    corrected = replace(person, birth_date=person.birth_date.replace(year=2011))
    trial.sync(trial.write(A, [replace(ROWS_A[0], person=corrected), *ROWS_A[1:]], day=1))
    directory, person_id = PeopleDirectory(trial.application), trial.person_id(A, "a-1")
    assert directory.check_first_password(person_id, birth_date_password(corrected.birth_date))
    assert not directory.check_first_password(person_id, birth_date_password(person.birth_date))


def test_a_random_first_password_is_another_one_for_everybody(trial: Trial) -> None:
    trial.configure("passwords", first="random")
    trial.sync(trial.write(A, ROWS_A))
    directory, person_id = PeopleDirectory(trial.application), trial.person_id(A, "a-1")
    born = ROWS_A[0].person.birth_date
    assert not directory.check_first_password(person_id, birth_date_password(born))
    people = (person_id, trial.person_id(A, "a-2"))
    words = {first_password(trial.application, one, born, 0) for one in people}
    assert len(words) == 2
    assert [directory.check_first_password(person_id, word) for word in words].count(True) == 1


# A reset and a suspension end what the person has everywhere, and applications hear of it

CLIENTS = tuple(
    Client(
        client_id=name,
        client_secret="secret",
        redirect_uris=(f"https://{name}.example/callback",),
        backchannel_logout_uri=told,
    )
    for name, told in (("diary", "https://diary.example/signed-out"), ("moodle", ""))
)
PUPILS = pupils("a", 12)


@pytest.fixture
def school(trial: Trial) -> Trial:
    """A loaded school whose first two pupils are signed in to two applications."""
    trial.configure("auth", clients=CLIENTS)
    trial.sync(trial.write(A, PUPILS))
    people = {key: trial.person_id(A, key) for key in ("a-1", "a-2")}
    with trial.rows() as session:
        for key, person_id in people.items():
            common = {"person_id": person_id, "sid": key, "expires_at": NOW.replace(year=2099)}
            add(session, SignIn, cookie_hash=key, **common)
            for client in ("diary", "moodle"):
                grant = {"grant_id": f"{key} {client}", "client_id": client}
                add(session, Grant, scope="openid offline_access", **grant, **common)
            add(session, AuthorizationCode, code_hash=key, **common)
    return trial


def left(trial: Trial) -> dict[str, list[str]]:
    """Whose rows of each kind there are."""
    names = {trial.person_id(A, key): key for key in ("a-1", "a-2")}
    return {
        table.__tablename__: sorted(names[one] for one in trial.stored(select(table.person_id)))
        for table in (SignIn, AuthorizationCode, Grant)
    }


def notices(trial: Trial) -> list[Any]:
    told = LogoutNotice
    return trial.stored(select(told.client_id, told.person_id, told.sid))


def by_a_reset(school: Trial) -> None:
    login, settings = school.account(A, "a-1")["username"], school.application.settings
    with school.rows() as session:
        reset_password(session, settings, SCOPE, login, NOW)


def by_a_load(school: Trial) -> None:
    school.configure("people", transit_days=0)
    school.sync(school.write(A, PUPILS[1:], day=1))
    assert school.account(A, "a-1")["suspended"]


@pytest.mark.parametrize("end", [by_a_reset, by_a_load])
def test_the_end_is_told_to_applications(school: Trial, end: Callable[[Trial], None]) -> None:
    end(school)
    assert left(school) == {
        "auth_sign_ins": ["a-2"], "auth_codes": ["a-2"], "auth_grants": ["a-2", "a-2"],
    }  # fmt: skip
    assert notices(school) == [("diary", school.person_id(A, "a-1"), "a-1")]


def test_another_load_ends_nothing(school: Trial) -> None:
    school.sync(school.write(A, PUPILS, day=1))
    assert notices(school) == []
    assert left(school)["auth_sign_ins"] == ["a-1", "a-2"]
