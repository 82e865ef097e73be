"""The client and apply against a real Moodle, where one is given by its address and token.

Leaves the site as it was, but for the husks that Moodle keeps of deleted users.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from provisioning.changes import Action, Kind
from provisioning.moodle import Function, MoodleClient, MoodleMisconfigured
from provisioning.settings import MoodleSettings
from tests.provisioning.apply_city import (
    Ledger,
    ask,
    changed_user,
    in_order,
    members_of,
    new_enrolment,
    new_user,
    removed,
    roles_in,
    run,
    small_city,
    updated,
    users_with,
)

URL = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_URL", "")
TOKEN = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_TOKEN", "")

pytestmark = pytest.mark.skipif(
    not (URL and TOKEN),
    reason="SCHOOLBRIDGE_TEST_MOODLE_URL and SCHOOLBRIDGE_TEST_MOODLE_TOKEN name no Moodle",
)


@pytest.fixture
def settings() -> MoodleSettings:
    return MoodleSettings(url=URL, token=TOKEN, batch_size=5)


@pytest.fixture
def moodle(settings: MoodleSettings) -> Iterator[MoodleClient]:
    with MoodleClient(settings) as client:
        yield client


@pytest.fixture
def ledger(settings: MoodleSettings) -> Iterator[Ledger]:
    kept = Ledger()
    yield kept
    numbers: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for (kind, _), number in kept.numbers.items():
        numbers[kind].append(number)
    ask(settings, "core_user_delete_users", userids=numbers[Kind.USER])
    ask(settings, "core_cohort_delete_cohorts", cohortids=numbers[Kind.COHORT])
    ask(settings, "core_course_delete_courses", courseids=numbers[Kind.COURSE])
    for number in reversed(numbers[Kind.CATEGORY]):
        categories = [{"id": number, "recursive": 1}]
        ask(settings, "core_course_delete_categories", categories=categories)


@pytest.fixture
def prefix() -> str:
    return f"sb{uuid.uuid4().hex[:8]}"


def test_the_service_has_every_function_that_the_client_calls(moodle: MoodleClient) -> None:
    names = {function["name"] for function in moodle.site_info()["functions"]}
    assert set(Function) <= names


def test_a_wrong_token_is_a_matter_of_setup(settings: MoodleSettings) -> None:
    wrong = MoodleSettings(url=settings.url, token="0" * 32)
    with MoodleClient(wrong) as client, pytest.raises(MoodleMisconfigured) as caught:
        client.site_info()
    assert caught.value.code == "invalidtoken"


def test_a_city_arrives_whole_and_changes_later(
    moodle: MoodleClient, settings: MoodleSettings, ledger: Ledger, prefix: str
) -> None:
    city = small_city(prefix, people=12)
    assert run(city, moodle, ledger)
    assert ledger.codes() == {}
    course = ledger.numbers[Kind.COURSE, f"{prefix}-course"]
    cohort = ledger.numbers[Kind.COHORT, f"{prefix}-class"]
    pupils = [ledger.numbers[Kind.USER, f"{prefix}-p{number}"] for number in range(12)]
    teacher = ledger.numbers[Kind.USER, f"{prefix}-t0"]
    assert members_of(settings, cohort) == set(pupils)
    assert roles_in(settings, course) == {
        **{pupil: {"student"} for pupil in pupils},
        teacher: {"editingteacher"},
    }
    [row] = users_with(settings, "username", [f"{prefix}-p0"])
    assert (row["idnumber"], row["auth"], row["department"]) == (f"{prefix}-p0", "oauth2", "8А")

    by_key = {change.key: change for change in city}
    second_role = new_enrolment(f"{prefix}-course", f"{prefix}-p2", role="editingteacher")
    later = in_order(
        [
            updated(by_key[f"{prefix}-city"], name="Город & область"),
            updated(by_key[f"{prefix}-class"], name="9А"),
            updated(by_key[f"{prefix}-course"], fullname="9А, Школа № 243"),
            changed_user(Action.UPDATE, by_key[f"{prefix}-p0"], department="9А"),
            changed_user(Action.SUSPEND, by_key[f"{prefix}-p1"], suspended=True),
            second_role,
            removed(by_key[f"{prefix}-class|{prefix}-p1"]),
            removed(by_key[f"{prefix}-course|{prefix}-p1|student"]),
            removed(by_key[f"{prefix}-course|{prefix}-p2|student"]),
        ]
    )
    assert run(later, moodle, ledger)
    assert ledger.codes() == {}
    rows = users_with(settings, "username", [f"{prefix}-p0", f"{prefix}-p1"])
    assert [(row["department"], row["suspended"]) for row in rows] == [("9А", False), ("8А", True)]
    assert members_of(settings, cohort) == set(pupils) - {pupils[1]}
    roles = roles_in(settings, course)
    assert pupils[1] not in roles
    assert roles[pupils[2]] == {"editingteacher"}
    [cohort_row] = moodle.cohorts_by_idnumber([f"{prefix}-class"])
    assert cohort_row["name"] == "9А"


def test_what_a_killed_run_made_is_adopted_and_not_made_twice(
    moodle: MoodleClient, settings: MoodleSettings, ledger: Ledger, prefix: str
) -> None:
    city = small_city(prefix, people=7)
    assert run(city, moodle, Ledger())
    assert run(city, moodle, ledger)
    assert {outcome.code for outcome in ledger.outcomes.values()} == {"adopted", ""}
    assert not [code for code in ledger.codes().values() if code != "done: adopted"]
    keys = [f"{prefix}-p{number}" for number in range(7)]
    assert len(users_with(settings, "idnumber", keys)) == 7
    assert len(moodle.categories_by_idnumber([f"{prefix}-city", f"{prefix}-school"])) == 2
    assert len(moodle.cohorts_by_idnumber([f"{prefix}-class"])) == 1


def test_a_batch_beyond_the_form_fields_arrives_whole(
    settings: MoodleSettings, ledger: Ledger, prefix: str
) -> None:
    people = [new_user(f"{prefix}-{number}") for number in range(115)]
    with MoodleClient(replace(settings, batch_size=len(people))) as moodle:
        assert run(people, moodle, ledger)
    assert ledger.codes() == {}
    rows = users_with(settings, "idnumber", [person.key for person in people])
    assert [row["department"] for row in rows] == ["8А"] * len(people)


def test_one_taken_address_does_not_stop_the_others(
    moodle: MoodleClient, ledger: Ledger, prefix: str
) -> None:
    first = new_user(f"{prefix}-a")
    others = [new_user(f"{prefix}-b{number}") for number in range(4)]
    same_address = new_user(f"{prefix}-c", email=first.after["email"])
    assert run([first, *others, same_address], moodle, ledger)
    assert ledger.codes() == {f"{prefix}-c": "failed: email_taken"}


def test_a_weak_first_password_is_named(moodle: MoodleClient, ledger: Ledger, prefix: str) -> None:
    good, weak = f"{prefix}-good", f"{prefix}-weak"
    changes = [new_user(good, auth="manual"), new_user(weak, auth="manual")]
    passwords = {good: "Abcd-12345", weak: "01092015"}
    assert run(changes, moodle, ledger, first_password=passwords.__getitem__)
    assert ledger.codes() == {weak: "failed: weak_password"}


def test_an_administrator_is_never_adopted(moodle: MoodleClient, ledger: Ledger) -> None:
    administrator = new_user("not-an-administrator", username="admin")
    assert run([administrator], moodle, ledger)
    assert ledger.codes() == {"not-an-administrator": "failed: usernotupdatedadmin"}
