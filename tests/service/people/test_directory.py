"""What the sign-in learns about a person: who has an account, the first password, the roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from provisioning.passwords import birth_date_password
from service.db import transaction
from service.models import Identity, KnownUser
from service.people.directory import PeopleDirectory
from service.people.passwords import first_password
from tests.service.trial import A, B, Trial, make_trial, pupil, pupils, teacher, with_settings

ROWS_A = [*pupils("a", 3), teacher("a-t", who="t"), teacher("a-u")]
ROWS_B = [*pupils("b", 2), teacher("b-t", who="t"), teacher("b-u")]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Two schools that share a teacher; a pupil and a teacher of A have left. Tests only look."""
    with make_trial(tmp_path_factory.mktemp("city")) as trial:
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


def test_nobody_is_found_who_is_not_there(city: Trial) -> None:
    directory = PeopleDirectory(city.application)
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
    with transaction(city.application.sessions) as session:
        identity = session.get(Identity, person_id)
        assert identity
        identity.snils = "00000060099"
    assert [one.person_id for one in directory.by_snils("00000060099")] == [person_id]
    assert directory.by_snils("00000060098") == directory.by_snils("") == []


def test_a_leaver_is_found_and_flagged(city: Trial) -> None:
    found = PeopleDirectory(city.application).by_person_id(city.person_id(A, "a-9"))
    assert found is not None
    assert found.suspended


def test_a_person_of_two_schools_has_each_role_once(city: Trial) -> None:
    found = PeopleDirectory(city.application).by_person_id(city.person_id(A, "a-t"))
    assert found is not None
    assert found.roles == ("teacher",)


def test_a_person_who_is_only_planned_cannot_sign_in(trial: Trial) -> None:
    trial.load(trial.write(A, ROWS_A))
    person_id = trial.person_id(A, "a-1")
    assert PeopleDirectory(trial.application).by_person_id(person_id) is None


def test_a_person_without_an_account_in_moodle_cannot_sign_in(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    known = trial.known(A, "a-1")
    with transaction(trial.application.sessions) as session:
        session.get_one(KnownUser, known.person_id).moodle_id = None
    directory = PeopleDirectory(trial.application)
    assert directory.by_username(known.username) is None
    assert directory.by_person_id(known.person_id) is None


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


def test_a_random_first_password_is_another_one_for_everybody(tmp_path: Path) -> None:
    with make_trial(tmp_path, configure=with_settings("passwords", first="random")) as trial:
        trial.sync(trial.write(A, ROWS_A))
        directory, person_id = PeopleDirectory(trial.application), trial.person_id(A, "a-1")
        born = ROWS_A[0].person.birth_date
        assert not directory.check_first_password(person_id, birth_date_password(born))
        words = {
            first_password(trial.application, one, born, 0)
            for one in (person_id, trial.person_id(A, "a-2"))
        }
        assert len(words) == 2
        assert [directory.check_first_password(person_id, word) for word in words].count(True) == 1
