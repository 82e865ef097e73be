"""Moodle holds a stranger's account with the login that one of our people would get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.models import LoadStatus
from service.sample.rows import Row
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, teacher

pytestmark = on_both_databases


@pytest.fixture(autouse=True)
def _names_make_logins(trial: Trial) -> None:
    """As in many portals that were there before us."""
    trial.configure("logins", scheme="transliterated")


def ivanov(sourced_id: str, given_name: str = "Илья") -> Row:
    return pupil(sourced_id, family_name="Иванов", given_name=given_name, middle_name="Игоревич")


ROWS = [ivanov("a-1"), *pupils("b", 3), teacher("a-t")]


def make_stranger(trial: Trial, username: str = "ivanov.ii", **fields: str) -> int:
    values = {"email": "zavuch@other.invalid", "auth": "manual", "password": "Ab-12345678"}
    return trial.make_stranger(username, **values | fields)


def user(trial: Trial, number: int) -> dict[str, Any]:
    (found,) = (one for one in trial.moodle()["users"] if one["id"] == number)
    return found


def load(trial: Trial, *files: Path) -> int:
    load_id = trial.load(*files)
    assert trial.carry_out(load_id, over_limits=True).status != LoadStatus.STOPPED
    return load_id


@pytest.mark.parametrize("auth", ["manual", "oauth2"])
def test_a_stranger_keeps_the_login_and_our_pupil_gets_another(trial: Trial, auth: str) -> None:
    number = make_stranger(trial, auth=auth)
    before = user(trial, number)
    file = trial.write(A, ROWS)
    first = load(trial, file)
    assert user(trial, number) == before
    (refused,) = (one for one in trial.changes(first) if one.result == "failed")
    assert (refused.code, refused.detail) == ("username_taken", f"Moodle id {number}")
    assert len(trial.moodle()["users"]) == 5

    second = load(trial, file)
    assert user(trial, number) == before
    assert trial.counts(second, A) == {"user.create": 1, "member.add": 2, "enrolment.add": 1}
    account = trial.account(A, "a-1")
    assert (account["username"], account["email"]) == ("ivanov.ii2", "ivanov.ii2@school.invalid")
    assert trial.identity(A, "a-1").username == trial.known(A, "a-1").username == "ivanov.ii2"
    assert {result.result for result in trial.changes(second)} == {"done"}
    trial.writes()
    load(trial, file)
    assert trial.writes() == {}


def test_an_approved_plan_never_gives_another_login_than_it_said(trial: Trial) -> None:
    number = make_stranger(trial)
    file = trial.write(A, ROWS)
    first = load(trial, file)
    replanned = trial.load(file)
    assert trial.apply(first).status != LoadStatus.STOPPED
    users = trial.moodle()["users"]
    assert {one["username"] for one in users if one["idnumber"] == ""} == {"ivanov.ii"}
    assert len(users) == 5
    # The stranger goes: what was approved may be done now, and the later plan is overtaken.
    trial.rename(number, "another")
    trial.apply(first)
    assert trial.account(A, "a-1")["username"] == trial.identity(A, "a-1").username == "ivanov.ii"
    trial.carry_out(replanned)
    assert len(trial.moodle()["users"]) == 6


def test_two_people_of_one_name_and_two_strangers_all_end_with_an_account(trial: Trial) -> None:
    other = {"email": "x2@other.invalid", "idnumber": "of-another"}
    strangers = [make_stranger(trial), make_stranger(trial, "ivanov.ii2", **other)]
    before = [user(trial, number) for number in strangers]
    file = trial.write(A, [*ROWS, ivanov("a-2", "Иван")])
    for _month in range(2):
        load(trial, file)
    assert [user(trial, number) for number in strangers] == before
    logins = {trial.account(A, one)["username"] for one in ("a-1", "a-2")}
    assert logins == {"ivanov.ii3", "ivanov.ii4"}


def test_an_address_that_a_stranger_has_leads_to_another_login_too(trial: Trial) -> None:
    make_stranger(trial, "somebody", email="ivanov.ii@school.invalid")
    file = trial.write(A, ROWS)
    first = load(trial, file)
    assert {one.code for one in trial.changes(first) if one.result == "failed"} == {"email_taken"}
    load(trial, file)
    assert trial.account(A, "a-1")["username"] == "ivanov.ii2"


def test_our_own_account_from_an_interrupted_run_is_still_ours(trial: Trial) -> None:
    """The account is there, its number was never recorded: the identifier says whose it is."""
    load_id = trial.load(trial.write(A, ROWS))
    person_id = trial.person_id(A, "a-1")
    number = make_stranger(trial, idnumber=person_id, email="ivanov.ii@school.invalid")
    trial.carry_out(load_id)
    assert {one.result for one in trial.changes(load_id)} == {"done"}
    account = trial.account(A, "a-1")
    assert (account["id"], account["lastname"], account["auth"]) == (number, "Иванов", "oauth2")
