"""The client and apply against a real Moodle, where one is given by its address and token.

Leaves the site as it was, but for the husks that Moodle keeps of deleted users.
"""

from __future__ import annotations

import os
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest

from provisioning.changes import Action, Kind
from provisioning.moodle import Function, MoodleClient, MoodleMisconfigured
from provisioning.settings import MoodleSettings
from tests.provisioning.apply_city import (
    Ledger,
    Site,
    new_enrolment,
    new_user,
    removed,
    small_city,
    take_out,
    updated,
)

URL = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_URL", "")
TOKEN = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_TOKEN", "")

pytestmark = pytest.mark.skipif(
    not (URL and TOKEN),
    reason="SCHOOLBRIDGE_TEST_MOODLE_URL and SCHOOLBRIDGE_TEST_MOODLE_TOKEN name no Moodle",
)


@pytest.fixture
def site() -> Iterator[Site]:
    settings = MoodleSettings(url=URL, token=TOKEN, batch_size=5)
    with MoodleClient(settings) as moodle:
        site = Site(settings=settings, moodle=moodle)
        yield site
    numbers: dict[str, list[int]] = defaultdict(list)
    for (kind, _), number in site.ledger.numbers.items():
        numbers[kind].append(number)
    take_out(settings, numbers)


@pytest.fixture
def prefix() -> str:
    return f"sb{uuid.uuid4().hex[:8]}"


def test_the_service_has_every_function_that_the_client_calls(site: Site) -> None:
    names = {function["name"] for function in site.moodle.site_info()["functions"]}
    assert set(Function) <= names


def test_a_wrong_token_is_a_matter_of_setup() -> None:
    wrong = MoodleSettings(url=URL, token="0" * 32)
    with MoodleClient(wrong) as client, pytest.raises(MoodleMisconfigured) as caught:
        client.site_info()
    assert caught.value.code == "invalidtoken"


def test_a_city_arrives_whole_and_changes_later(site: Site, prefix: str) -> None:
    city = small_city(prefix, people=12)
    site.run(city)
    assert site.codes() == {}
    pupils = [site.number(Kind.USER, f"{prefix}-p{number}") for number in range(12)]
    assert site.members_of(f"{prefix}-class") == set(pupils)
    assert site.roles_in(f"{prefix}-course") == {
        **{pupil: {"student"} for pupil in pupils},
        site.number(Kind.USER, f"{prefix}-t0"): {"editingteacher"},
    }
    [row] = site.users_with("username", f"{prefix}-p0")
    assert (row["idnumber"], row["auth"], row["department"]) == (f"{prefix}-p0", "oauth2", "8А")

    by_key = {change.key.removeprefix(f"{prefix}-"): change for change in city}
    later = [
        updated(by_key["city"], name="Город & область"),
        updated(by_key["class"], name="9А"),
        updated(by_key["course"], fullname="9А, Школа № 243"),
        updated(by_key["p0"], department="9А"),
        new_enrolment(f"{prefix}-course", f"{prefix}-p2", role="editingteacher"),
        removed(by_key[f"class|{prefix}-p1"]),
        removed(by_key[f"course|{prefix}-p1|student"]),
        removed(by_key[f"course|{prefix}-p2|student"]),
        updated(by_key["p1"], Action.SUSPEND, suspended=True),
    ]
    site.run(later)
    assert site.codes() == {}
    rows = site.users_with("username", f"{prefix}-p0", f"{prefix}-p1")
    assert [(row["department"], row["suspended"]) for row in rows] == [("9А", False), ("8А", True)]
    assert site.members_of(f"{prefix}-class") == set(pupils) - {pupils[1]}
    roles = site.roles_in(f"{prefix}-course")
    assert pupils[1] not in roles
    assert roles[pupils[2]] == {"editingteacher"}
    [cohort_row] = site.moodle.cohorts_by_idnumber([f"{prefix}-class"])
    assert cohort_row["name"] == "9А"


def test_what_a_killed_run_made_is_adopted_and_not_made_twice(site: Site, prefix: str) -> None:
    city = small_city(prefix, people=7)
    replace(site, ledger=Ledger()).run(city)
    site.run(city)
    assert set(site.codes().values()) == {"done: adopted"}
    keys = [f"{prefix}-p{number}" for number in range(7)]
    assert len(site.users_with("idnumber", *keys)) == 7
    assert len(site.moodle.categories_by_idnumber([f"{prefix}-city", f"{prefix}-school"])) == 2
    assert len(site.moodle.cohorts_by_idnumber([f"{prefix}-class"])) == 1


def test_a_batch_beyond_the_form_fields_arrives_whole(site: Site, prefix: str) -> None:
    people = [new_user(f"{prefix}-{number}") for number in range(115)]
    with MoodleClient(replace(site.settings, batch_size=len(people))) as moodle:
        replace(site, moodle=moodle).run(people)
    assert site.codes() == {}
    rows = site.users_with("idnumber", *(person.key for person in people))
    assert [row["department"] for row in rows] == ["8А"] * len(people)


def test_one_taken_address_does_not_stop_the_others(site: Site, prefix: str) -> None:
    first = new_user(f"{prefix}-a")
    others = [new_user(f"{prefix}-b{number}") for number in range(4)]
    site.run([first, *others, new_user(f"{prefix}-c", email=first.after["email"])])
    assert site.codes() == {f"{prefix}-c": "failed: email_taken"}


def test_a_weak_first_password_is_named(site: Site, prefix: str) -> None:
    good, weak = f"{prefix}-good", f"{prefix}-weak"
    passwords = {good: "Abcd-12345", weak: "01092015"}
    changes = [new_user(person, auth="manual") for person in passwords]
    site.run(changes, first_password=passwords.__getitem__)
    assert site.codes() == {weak: "failed: weak_password"}


def test_an_administrator_is_never_adopted(site: Site) -> None:
    site.run([new_user("not-an-administrator", username="admin")])
    assert site.codes() == {"not-an-administrator": "failed: username_taken"}
