"""People whom Moodle refuses: the outcome says why, the rest goes on, and it can be tried again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from service.models import KnownUser, LoadStatus, PlannedChange, SchoolMembership
from service.reports.coverage import COVERAGE
from service.reports.definition import make
from tests.service.coverage_city import asking
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher

ROWS = [*pupils("a", 5), teacher("a-t")]
FOREIGN = {"idnumber": "of-another-system"}


def outcomes(trial: Trial, load_id: int, sourced_id: str) -> set[tuple[str, str, str]]:
    """(Kind, result, code) of every change about a person of school A."""
    person_id = trial.person_id(A, sourced_id)
    return {
        (change.kind, change.result, change.code)
        for kind in ("user", "member", "enrolment")
        for change in trial.changes(load_id, kind)
        if person_id in change.key
    }


def figures(trial: Trial) -> dict[str, Any]:
    """The line of school A in the coverage."""
    with trial.application.sessions() as session:
        report = make(session, COVERAGE, asking(scope=SCOPE, now=trial.application.clock()))
    keys = [column.key for column in report.columns]
    return dict(zip(keys, report.rows[0], strict=True))


@on_both_databases
@pytest.mark.parametrize("taken", ["username", "email"])
def test_one_refused_person_is_said_and_the_rest_is_done(trial: Trial, taken: str) -> None:
    load_id = trial.load(trial.write(A, ROWS))
    name = trial.identity(A, "a-3").username
    if taken == "username":
        foreign = trial.make_stranger(name, **FOREIGN)
    else:
        foreign = trial.make_stranger("somebody", email=f"{name}@school.invalid", **FOREIGN)
    run = trial.carry_out(load_id)
    assert (run.status, run.problem) == (LoadStatus.APPLIED_WITH_FAILURES, "")
    assert outcomes(trial, load_id, "a-3") == {
        ("user", "failed", f"{taken}_taken"),
        ("member", "skipped", "dependency_failed"),
        ("enrolment", "skipped", "dependency_failed"),
    }
    for other in ("a-1", "a-2", "a-4", "a-5", "a-t"):
        assert {result for _, result, _ in outcomes(trial, load_id, other)} == {"done"}
    found = {user["id"]: user["idnumber"] for user in trial.moodle()["users"]}
    assert len(found) == 6
    assert found[foreign] == "of-another-system"


def test_a_refused_person_is_in_the_roll_without_an_account(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS))
    trial.make_stranger(trial.identity(A, "a-3").username, **FOREIGN)
    trial.carry_out(load_id)
    known = trial.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (None, "username_taken")
    with trial.application.sessions() as session:
        on_roll = session.scalars(select(SchoolMembership.person_id)).all()
    assert known.person_id in on_roll
    line = figures(trial)
    assert (line["roll"], line["account"]) == (6, 5)


@on_both_databases
def test_applying_again_tries_only_what_failed(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS))
    foreign = trial.make_stranger(trial.identity(A, "a-3").username, **FOREIGN)
    trial.carry_out(load_id)
    tried = {change.key: change.tried_at for change in trial.changes(load_id)}
    trial.rename(foreign, "renamed")
    trial.writes()
    run = trial.apply(load_id)
    assert run.status == LoadStatus.APPLIED
    assert trial.writes() == {
        "core_user_create_users": 1,
        "core_cohort_add_cohort_members": 1,
        "enrol_manual_enrol_users": 1,
    }
    again = {
        change.key for change in trial.changes(load_id) if change.tried_at != tried[change.key]
    }
    assert again == {trial.person_id(A, "a-3")}
    assert {result for _, result, _ in outcomes(trial, load_id, "a-3")} == {"done"}
    known = trial.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (trial.account(A, "a-3")["id"], "")


def test_applying_again_with_nothing_to_repair_writes_nothing(trial: Trial) -> None:
    run = trial.sync(trial.write(A, ROWS))
    trial.writes()
    assert trial.apply(run.id).status == LoadStatus.APPLIED
    assert trial.writes() == {}


def test_the_next_load_tries_a_refused_person_again(trial: Trial) -> None:
    file = trial.write(A, ROWS)
    load_id = trial.load(file)
    foreign = trial.make_stranger(trial.identity(A, "a-3").username, **FOREIGN)
    trial.carry_out(load_id)
    trial.rename(foreign, "renamed")
    repair = trial.sync(file)
    assert trial.counts(repair.id, A) == {
        "user.create": 1, "member.add": 2, "enrolment.add": 1,
    }  # fmt: skip
    assert trial.account(A, "a-3")["username"] == trial.identity(A, "a-3").username


def test_a_value_that_moodle_cannot_hold_is_found_before_it_is_sent(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS))
    trial.plan_otherwise(trial.changes(load_id)[2], lastname="Я" * 101)
    trial.approve(load_id)
    trial.writes()
    assert trial.apply(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
    failed = [one for one in trial.changes(load_id) if one.result == "failed"]
    assert [(one.code, one.detail) for one in failed] == [("too_long", "lastname: too_long")]
    assert trial.writes()["core_user_create_users"] == 1
    assert len(trial.moodle()["users"]) == 5


def test_an_account_made_by_one_school_is_not_forgotten_when_another_fails(trial: Trial) -> None:
    load_id = trial.load(
        trial.write(A, [*ROWS, teacher("a-x", who="x")]),
        trial.write(B, [*pupils("b", 2), teacher("b-x", who="x"), teacher("b-t")]),
    )
    person_id = trial.person_id(A, "a-x")
    (_, of_b) = (change for change in trial.changes(load_id) if change.key == person_id)
    trial.plan_otherwise(of_b, lastname="Я" * 101)
    trial.carry_out(load_id)
    assert trial.known(A, "a-x").moodle_id == trial.account(A, "a-x")["id"]


def test_an_account_deleted_in_moodle_does_not_stop_its_suspension(trial: Trial) -> None:
    trial.sync(trial.write(A, [*ROWS, pupil("a-6")]))
    gone = trial.account(A, "a-6")["id"]
    trial.ask_moodle("core_user_delete_users", **{"userids[0]": gone})
    run = trial.sync(trial.write(A, ROWS, day=1))
    (change,) = trial.changes(run.id)
    assert (change.action, change.result, change.code) == ("suspend", "done", "already_gone")


def test_outcomes_and_problems_hold_no_names(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS))
    trial.make_stranger(trial.identity(A, "a-3").username, **FOREIGN)
    trial.carry_out(load_id)
    with trial.application.sessions() as session:
        words = " ".join(
            f"{change.code} {change.detail}" for change in session.scalars(select(PlannedChange))
        ) + " ".join(session.scalars(select(KnownUser.problem)))
    for row in ROWS:
        assert row.person.family_name not in words
        assert row.person.snils not in words
