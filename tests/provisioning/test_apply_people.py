"""Accounts: created, adopted, changed, and refused one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioning.changes import Action, Change, Kind, Result
from service.moodle_standin import snapshot
from tests.provisioning.apply_city import Site, new_user, updated
from tests.provisioning.scripted_moodle import data, scripted_moodle

STRONG = "Abcd-12345"


def given(site: Site, person_id: str, **fields: Any) -> int:
    """An account that somebody else made."""
    account = {
        "username": person_id,
        "firstname": "Кто",
        "lastname": "Нибудь",
        "email": f"{person_id}@elsewhere.invalid",
        "idnumber": "",
        "auth": "oauth2",
    }
    [row] = site.ask("core_user_create_users", users=[account | fields])
    return row["id"]


def account(site: Site, person_id: str) -> dict[str, Any]:
    [row] = site.users_with("id", str(site.number(Kind.USER, person_id)))
    return row


def test_an_account_gets_the_fields_that_moodle_knows(site: Site) -> None:
    site.run([new_user("p-1", username="4821p0573"), new_user("p-2", suspended=True)])
    expected = {
        "username": "4821p0573",
        "idnumber": "p-1",
        "email": "4821p0573@school.invalid",
        "auth": "oauth2",
        "fullname": "Пример Примерович Примеров",
        "department": "8А",
        "suspended": False,
    }
    assert account(site, "p-1").items() >= expected.items()
    assert account(site, "p-2")["suspended"] is True


def test_a_password_goes_to_moodle_only_where_moodle_keeps_it(tmp_path: Path, site: Site) -> None:
    changes = [new_user("p-1", auth="manual"), new_user("p-2", auth="oauth2")]
    site.run(changes, first_password={"p-1": STRONG}.__getitem__)
    rows = snapshot(tmp_path / "moodle.sqlite")["users"]
    assert [(row["has_password"], row["must_change_password"]) for row in rows] == [(1, 1), (0, 0)]


def test_an_account_with_a_password_is_not_made_without_one(site: Site) -> None:
    with pytest.raises(ValueError, match="first_password"):
        site.run([new_user("p-1", auth="manual")])


def test_a_weak_password_fails_its_person_only(site: Site) -> None:
    passwords = {"p-1": STRONG, "p-2": "01092015", "p-3": STRONG}
    changes = [new_user(person_id, auth="manual") for person_id in passwords]
    site.run(changes, first_password=passwords.__getitem__)
    assert site.codes() == {"p-2": "failed: weak_password"}


def test_a_person_whom_moodle_would_refuse_is_not_sent(site: Site) -> None:
    bad = new_user("p-2", lastname="Ж" * 101, firstname=" Пример")
    site.run([new_user("p-1"), bad, new_user("p-3")])
    assert site.codes() == {"p-2": "failed: surrounding_blanks"}
    assert site.ledger.of(bad).detail == "firstname: surrounding_blanks, lastname: too_long"
    assert len(site.users_with("idnumber", "p-1", "p-2", "p-3")) == 2


@pytest.mark.parametrize("position", [0, 3, 6])
def test_one_taken_address_is_found_and_the_others_are_created(position: int, site: Site) -> None:
    given(site, "somebody", email="taken@school.invalid")
    changes = [new_user(f"p-{number}") for number in range(7)]
    changes[position] = new_user(f"p-{position}", email="taken@school.invalid")
    site.run(changes)
    assert site.codes() == {f"p-{position}": "failed: email_taken"}
    assert len(site.users_with("idnumber", *(c.key for c in changes))) == 6


def test_an_account_with_our_idnumber_is_adopted_and_put_right(site: Site) -> None:
    number = given(site, "old.name", idnumber="p-1")
    site.ask("core_user_update_users", users=[{"id": number, "suspended": 1}])
    site.run([new_user("p-1", username="new.name"), new_user("p-2")])
    assert site.codes() == {"p-1": "done: adopted"}
    [row] = site.users_with("idnumber", "p-1")
    assert (row["id"], row["username"], row["suspended"]) == (number, "new.name", False)


def test_two_accounts_with_our_idnumber_and_one_with_our_address_are_no_such_account(
    site: Site,
) -> None:
    given(site, "p-1", idnumber="p-1")
    given(site, "p-1-again", idnumber="p-1")
    given(site, "somebody", email="p-2@school.invalid")
    site.run([new_user("p-1"), new_user("p-2"), new_user("p-3")])
    assert site.codes() == {"p-1": "failed: ambiguous_idnumber", "p-2": "failed: email_taken"}


@pytest.mark.parametrize(
    "fields", [{"auth": "manual"}, {"auth": "oauth2"}, {"auth": "ldap"}, {"idnumber": "another"}]
)
def test_an_account_that_only_has_our_login_is_left_alone(
    fields: dict[str, str], site: Site
) -> None:
    number = given(site, "p-1", password=STRONG, **fields)
    before = site.users_with("id", str(number))
    refused = new_user("p-1")
    site.run([refused, new_user("p-2")])
    assert site.codes() == {"p-1": "failed: username_taken"}
    assert site.ledger.of(refused).detail == f"Moodle id {number}"
    assert site.users_with("id", str(number)) == before


@pytest.mark.parametrize("username", ["admin", "guest"])
def test_the_accounts_of_the_site_itself_are_never_adopted(username: str, site: Site) -> None:
    before = site.users_with("username", username)
    site.run([new_user("p-1", username=username)])
    assert site.codes() == {"p-1": "failed: username_taken"}
    assert site.users_with("username", username) == before


# Changes of known people


@pytest.fixture
def known(site: Site) -> list[Change]:
    changes = [new_user(f"p-{number}") for number in range(5)]
    site.run(changes)
    site.ledger.outcomes.clear()
    return changes


def test_only_what_differs_is_sent(known: list[Change], site: Site) -> None:
    users = [{"id": site.number(Kind.USER, "p-0"), "email": "own@elsewhere.invalid"}]
    site.ask("core_user_update_users", users=users)
    site.run([updated(known[0], department="9А")])
    row = account(site, "p-0")
    assert (row["department"], row["email"]) == ("9А", "own@elsewhere.invalid")


def test_a_change_that_moodle_does_not_know_makes_no_call() -> None:
    change = updated(new_user("p-1"), class_id="c-9a", snils="")
    moved = updated(new_user("p-2"), birth_date="2012-09-02")
    with scripted_moodle(data({"functions": []})) as script:
        site = Site(settings=script.settings, moodle=script.moodle)
        site.run([change, moved])
    assert script.functions == ["core_webservice_get_site_info"]
    assert site.ledger.of(moved).result is Result.DONE


def test_a_password_is_sent_only_when_moodle_begins_to_keep_it(
    known: list[Change], site: Site
) -> None:
    begins = updated(known[0], auth="manual")
    passwords = {"p-0": STRONG}
    site.run([begins], first_password=passwords.pop)
    assert not passwords
    site.run([updated(begins, Action.RESTORE, lastname="Образцов")], first_password=passwords.pop)


def test_suspension_and_return(known: list[Change], site: Site) -> None:
    suspension = updated(known[0], Action.SUSPEND, suspended=True, in_roll=False)
    site.run([suspension])
    assert account(site, "p-0")["suspended"] is True
    site.run([updated(suspension, Action.RESTORE, suspended=False, department="9А")])
    row = account(site, "p-0")
    assert (row["suspended"], row["department"]) == (False, "9А")


def test_who_is_gone_from_moodle_needs_no_suspension(known: list[Change], site: Site) -> None:
    gone = [site.number(Kind.USER, person_id) for person_id in ("p-0", "p-1")]
    site.ask("core_user_delete_users", userids=gone)
    changes = [
        updated(known[0], department="9А"),
        updated(known[1], Action.SUSPEND, suspended=True),
        updated(known[2], Action.SUSPEND, suspended=True),
    ]
    site.run(changes)
    assert site.codes() == {"p-0": "failed: account_gone", "p-1": "done: already_gone"}


def test_one_change_that_is_not_sent_or_is_refused_stops_no_other(
    known: list[Change], site: Site
) -> None:
    changes = [
        updated(known[0], email="nobody"),
        updated(known[1], email=known[2].after["email"]),
        updated(known[3], department="9А"),
        updated(new_user("p-9"), department="9А"),
    ]
    site.run(changes)
    assert site.codes() == {
        "p-0": "failed: bad_email",
        "p-1": "failed: email_taken",
        "p-9": "skipped: dependency_failed",
    }
    assert account(site, "p-3")["department"] == "9А"


def test_a_weak_password_behind_an_invalid_answer_is_found(known: list[Change], site: Site) -> None:
    passwords = {"p-0": STRONG, "p-1": "01092015", "p-2": STRONG}
    changes = [updated(known[n], auth="manual") for n in range(3)]
    site.run(changes, first_password=passwords.__getitem__)
    assert site.codes() == {"p-1": "failed: invalidresponse"}
    rows = site.users_with("idnumber", *passwords)
    assert [row["auth"] for row in rows] == ["manual", "oauth2", "manual"]
