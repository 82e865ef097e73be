"""People whom Moodle refuses: the outcome says why, the rest goes on, and it can be tried again."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from sqlalchemy import select

from service.models import Identity, KnownUser, LoadStatus, PlannedChange, SchoolMembership
from service.moodle_standin import DEFAULT_TOKEN
from service.reports.coverage import coverage
from tests.service.coverage_city import asking
from tests.service.installation import SCOPE
from tests.service.place import A, B, Place, on_both_databases, pupil, pupils, teacher

ROWS = [*pupils("a", 5), teacher("a-t")]


def ask_moodle(place: Place, function: str, **fields: Any) -> Any:
    """A call by the administrator of Moodle and not by us."""
    answer = requests.post(
        f"{place.moodle_url}/webservice/rest/server.php",
        data={
            "wstoken": DEFAULT_TOKEN, "wsfunction": function, "moodlewsrestformat": "json", **fields
        },
        timeout=60,
    ).json()  # fmt: skip
    assert not (isinstance(answer, dict) and "exception" in answer), answer
    return answer


def make_foreign_account(place: Place, username: str, email: str = "x@other.invalid") -> int:
    fields = {
        "username": username,
        "email": email,
        "firstname": "Чужая",
        "lastname": "Запись",
        "auth": "oauth2",
        "idnumber": "of-another-system",
    }
    (made,) = ask_moodle(
        place,
        "core_user_create_users",
        **{f"users[0][{name}]": value for name, value in fields.items()},
    )
    return int(made["id"])


def login(place: Place, code: str, sourced_id: str) -> str:
    with place.application.sessions() as session:
        return session.get_one(Identity, place.person_id(code, sourced_id)).username


def outcomes(place: Place, load_id: int, sourced_id: str) -> set[tuple[str, str, str]]:
    """(Kind, result, code) of every change about a person of school A."""
    person_id = place.person_id(A, sourced_id)
    return {
        (change.kind, change.result, change.code)
        for kind in ("user", "member", "enrolment")
        for change in place.changes(load_id, kind)
        if person_id in change.key
    }


def figures(place: Place) -> dict[str, Any]:
    """The line of school A in the coverage."""
    with place.application.sessions() as session:
        report = coverage(session, asking(scope=SCOPE, now=place.application.clock()))
    keys = [column.key for column in report.columns]
    return dict(zip(keys, report.rows[0], strict=True))


@on_both_databases
@pytest.mark.parametrize("taken", ["username", "email"])
def test_one_refused_person_is_said_and_the_rest_is_done(place: Place, taken: str) -> None:
    load_id = place.load(place.write(A, ROWS))
    name = login(place, A, "a-3")
    if taken == "username":
        foreign = make_foreign_account(place, name)
    else:
        foreign = make_foreign_account(place, "somebody", f"{name}@school.invalid")
    place.approve(load_id)
    run = place.apply(load_id)
    assert (run.status, run.problem) == (LoadStatus.APPLIED_WITH_FAILURES, "")
    assert outcomes(place, load_id, "a-3") == {
        ("user", "failed", f"{taken}_taken"),
        ("member", "skipped", "dependency_failed"),
        ("enrolment", "skipped", "dependency_failed"),
    }
    for other in ("a-1", "a-2", "a-4", "a-5", "a-t"):
        assert {result for _, result, _ in outcomes(place, load_id, other)} == {"done"}
    found = {user["id"]: user["idnumber"] for user in place.moodle()["users"]}
    assert len(found) == 6
    assert found[foreign] == "of-another-system"


def test_a_refused_person_is_in_the_roll_without_an_account(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS))
    make_foreign_account(place, login(place, A, "a-3"))
    place.approve(load_id)
    place.apply(load_id)
    known = place.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (None, "username_taken")
    with place.application.sessions() as session:
        on_roll = session.scalars(select(SchoolMembership.person_id)).all()
    assert known.person_id in on_roll
    line = figures(place)
    assert (line["roll"], line["account"]) == (6, 5)


@on_both_databases
def test_applying_again_tries_only_what_failed(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS))
    foreign = make_foreign_account(place, login(place, A, "a-3"))
    place.approve(load_id)
    place.apply(load_id)
    tried = {change.key: change.tried_at for change in place.changes(load_id)}
    ask_moodle(
        place, "core_user_update_users",
        **{"users[0][id]": foreign, "users[0][username]": "renamed"},
    )  # fmt: skip
    place.writes()
    run = place.apply(load_id)
    assert run.status == LoadStatus.APPLIED
    assert place.writes() == {
        "core_user_create_users": 1,
        "core_cohort_add_cohort_members": 1,
        "enrol_manual_enrol_users": 1,
    }
    again = {
        change.key for change in place.changes(load_id) if change.tried_at != tried[change.key]
    }
    assert again == {place.person_id(A, "a-3")}
    assert {result for _, result, _ in outcomes(place, load_id, "a-3")} == {"done"}
    known = place.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (place.account(A, "a-3")["id"], "")


def test_applying_again_with_nothing_to_repair_writes_nothing(place: Place) -> None:
    run = place.sync(place.write(A, ROWS))
    place.writes()
    assert place.apply(run.id).status == LoadStatus.APPLIED
    assert place.writes() == {}


def test_the_next_load_tries_a_refused_person_again(place: Place) -> None:
    file = place.write(A, ROWS)
    load_id = place.load(file)
    foreign = make_foreign_account(place, login(place, A, "a-3"))
    place.approve(load_id)
    place.apply(load_id)
    ask_moodle(
        place, "core_user_update_users",
        **{"users[0][id]": foreign, "users[0][username]": "renamed"},
    )  # fmt: skip
    repair = place.sync(file)
    assert place.counts(repair.id, A) == {
        "user.create": 1, "member.add": 2, "enrolment.add": 1,
    }  # fmt: skip
    assert place.account(A, "a-3")["username"] == login(place, A, "a-3")


def test_a_value_that_moodle_cannot_hold_is_found_before_it_is_sent(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS))
    with place.application.sessions() as session, session.begin():
        change = session.get_one(PlannedChange, place.changes(load_id)[2].id)
        change.after = change.after | {"lastname": "Я" * 101}
    place.approve(load_id)
    place.writes()
    assert place.apply(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
    failed = [one for one in place.changes(load_id) if one.result == "failed"]
    assert [(one.code, one.detail) for one in failed] == [("too_long", "lastname: too_long")]
    assert place.writes()["core_user_create_users"] == 1
    assert len(place.moodle()["users"]) == 5


def test_an_account_made_by_one_school_is_not_forgotten_when_another_fails(place: Place) -> None:
    load_id = place.load(
        place.write(A, [*ROWS, teacher("a-x", who="x")]),
        place.write(B, [*pupils("b", 2), teacher("b-x", who="x"), teacher("b-t")]),
    )
    person_id = place.person_id(A, "a-x")
    with place.application.sessions() as session, session.begin():
        (_, of_b) = (change for change in place.changes(load_id) if change.key == person_id)
        change = session.get_one(PlannedChange, of_b.id)
        change.after = change.after | {"lastname": "Я" * 101}
    place.approve(load_id)
    place.apply(load_id)
    assert place.known(A, "a-x").moodle_id == place.account(A, "a-x")["id"]


def test_an_account_deleted_in_moodle_does_not_stop_its_suspension(place: Place) -> None:
    place.sync(place.write(A, [*ROWS, pupil("a-6")]))
    gone = place.account(A, "a-6")["id"]
    ask_moodle(place, "core_user_delete_users", **{"userids[0]": gone})
    run = place.sync(place.write(A, ROWS, day=1))
    (change,) = place.changes(run.id)
    assert (change.action, change.result, change.code) == ("suspend", "done", "already_gone")


def test_outcomes_and_problems_hold_no_names(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS))
    make_foreign_account(place, login(place, A, "a-3"))
    place.approve(load_id)
    place.apply(load_id)
    with place.application.sessions() as session:
        words = " ".join(
            f"{change.code} {change.detail}" for change in session.scalars(select(PlannedChange))
        ) + " ".join(session.scalars(select(KnownUser.problem)))
    for row in ROWS:
        assert row.person.family_name not in words
        assert row.person.snils not in words
