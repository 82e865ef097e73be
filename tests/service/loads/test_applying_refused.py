"""What Moodle refuses about one record is that record's outcome; the rest goes on.

The outcome says why, and it can be tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.doctor import Verdict, examine
from service.models import LoadStatus, PlannedChange, SchoolMembership
from service.sample.rows import Row
from tests.service.installation import SCOPE
from tests.service.report_questions import built, figures
from tests.service.trial import A, B, Trial, make_class, on_both_databases, pupil, pupils, teacher

ROWS, ROWS_B = [*pupils("a", 5), teacher("a-t")], [*pupils("b", 3), teacher("b-t")]
COURSE = "8А, Школа № 1, 2026/2027"


def outcomes(trial: Trial, load_id: int, sourced_id: str) -> set[tuple[str, str, str, str]]:
    """(Kind, action, result, code) of every change about a person of school A."""
    person_id = trial.person_id(A, sourced_id)
    return {
        (change.kind, change.action, change.result, change.code)
        for kind in ("user", "member", "enrolment")
        for change in trial.changes(load_id, kind)
        if person_id in change.key
    }


def results(trial: Trial, load_id: int, *sourced_ids: str) -> set[str]:
    return {result for one in sourced_ids for _, _, result, _ in outcomes(trial, load_id, one)}


def refused(trial: Trial, taken: str = "username") -> tuple[int, int]:
    """A load applied but for the pupil a-3; and the stranger in Moodle with the same login."""
    load_id = trial.load(trial.write(A, ROWS))
    login = trial.identity(A, "a-3").username
    name, fields = (
        (login, {}) if taken == "username" else ("x", {"email": f"{login}@school.invalid"})
    )
    stranger = trial.make_stranger(name, idnumber="of-another-system", **fields)
    run = trial.carry_out(load_id)
    assert (run.status, run.problem) == (LoadStatus.APPLIED_WITH_FAILURES, "")
    return load_id, stranger


@on_both_databases
@pytest.mark.parametrize("taken", ["username", "email"])
def test_one_refused_person_is_said_and_the_rest_is_done(trial: Trial, taken: str) -> None:
    load_id, stranger = refused(trial, taken)
    assert outcomes(trial, load_id, "a-3") == {
        ("user", "create", "failed", f"{taken}_taken"),
        ("member", "add", "skipped", "dependency_failed"),
        ("enrolment", "add", "skipped", "dependency_failed"),
    }
    assert results(trial, load_id, "a-1", "a-2", "a-4", "a-5", "a-t") == {"done"}
    found = {user["id"]: user["idnumber"] for user in trial.moodle()["users"]}
    assert (len(found), found[stranger]) == (6, "of-another-system")


def test_a_refused_person_is_in_the_roll_without_an_account(trial: Trial) -> None:
    refused(trial)
    known = trial.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (None, "username_taken")
    assert known.person_id in trial.stored(select(SchoolMembership.person_id))
    with trial.rows() as session:
        report = built(session, "coverage", scope=SCOPE, now=trial.application.clock())
    assert figures(report, f"{A}|all", "roll account") == (6, 5)
    # No name is in what is said.
    said = trial.stored(select(PlannedChange.code, PlannedChange.detail))
    words = str([*said, known.problem])
    for row in ROWS:
        assert row.person.family_name not in words
        assert row.person.snils not in words


@on_both_databases
def test_applying_again_tries_only_what_failed(trial: Trial) -> None:
    load_id, stranger = refused(trial)
    tried = {change.key: change.tried_at for change in trial.changes(load_id)}
    trial.rename(stranger, "renamed")
    trial.writes()
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert trial.writes() == {
        "core_user_create_users": 1,
        "core_cohort_add_cohort_members": 1,
        "enrol_manual_enrol_users": 1,
    }
    again = [one.key for one in trial.changes(load_id) if one.tried_at != tried[one.key]]
    assert again == [trial.person_id(A, "a-3")]
    assert results(trial, load_id, "a-3") == {"done"}
    known = trial.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (trial.account(A, "a-3")["id"], "")
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert trial.writes() == {}, "nothing is left to repair"


def test_the_next_load_tries_a_refused_person_again(trial: Trial) -> None:
    _load_id, stranger = refused(trial)
    trial.rename(stranger, "renamed")
    repair = trial.sync(trial.write(A, ROWS))
    assert trial.counts(repair.id, A) == {"user.create": 1, "member.add": 2, "enrolment.add": 1}
    assert trial.account(A, "a-3")["username"] == trial.identity(A, "a-3").username


def test_a_value_that_moodle_cannot_hold_is_found_before_it_is_sent(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS))
    trial.plan_otherwise(trial.changes(load_id)[2], lastname="Я" * 101)
    trial.writes()
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
    failed = [one for one in trial.changes(load_id) if one.result == "failed"]
    assert [(one.code, one.detail) for one in failed] == [("too_long", "lastname: too_long")]
    assert trial.writes()["core_user_create_users"] == 1
    assert len(trial.moodle()["users"]) == 5


def test_an_account_made_by_one_school_is_not_forgotten_when_another_fails(trial: Trial) -> None:
    load_id = trial.load(
        trial.write(A, [*ROWS, teacher("a-x", who="x")]),
        trial.write(B, [*ROWS_B, teacher("b-x", who="x")]),
    )
    person_id = trial.person_id(A, "a-x")
    (_, of_b) = (change for change in trial.changes(load_id) if change.key == person_id)
    trial.plan_otherwise(of_b, lastname="Я" * 101)
    trial.carry_out(load_id)
    assert trial.known(A, "a-x").moodle_id == trial.account(A, "a-x")["id"]


# What somebody has deleted in Moodle by hand


def delete_account(trial: Trial, sourced_id: str) -> None:
    number = trial.account(A, sourced_id)["id"]
    trial.ask_moodle("core_user_delete_users", **{"userids[0]": number})


def load_next_month(trial: Trial, rows: Sequence[Row], **options: Any) -> tuple[int, list[Path]]:
    """These rows of A, and a new pupil at B, who gets an account whatever happens to A."""
    files = [
        trial.write(A, rows, day=30, **options),
        trial.write(B, [*ROWS_B, pupil("b-9")], day=30),
    ]
    load_id = trial.load(*files)
    run = trial.carry_out(load_id, over_limits=True)
    assert run.status != LoadStatus.STOPPED
    assert run.problem == ""
    assert trial.account(B, "b-9")["department"] == "8А"
    return load_id, files


def test_an_account_deleted_in_moodle_does_not_stop_its_suspension(trial: Trial) -> None:
    trial.configure("people", transit_days=0)
    trial.sync(trial.write(A, [*ROWS, pupil("a-6")]))
    delete_account(trial, "a-6")
    run = trial.sync(trial.write(A, ROWS, day=1))
    gone = "done", "already_gone"
    assert outcomes(trial, run.id, "a-6") == {
        ("user", "suspend", *gone), ("member", "remove", *gone), ("enrolment", "remove", *gone),
    }  # fmt: skip


@on_both_databases
def test_an_account_deleted_by_hand_stops_nobody_else(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS), trial.write(B, ROWS_B))
    delete_account(trial, "a-3")
    moved = [pupil(f"a-{number}", "c-2") for number in range(1, 6)]
    load_id, _files = load_next_month(trial, [*moved, teacher("a-t")])
    assert ("user", "update", "failed", "account_gone") in outcomes(trial, load_id, "a-3")
    others = ("a-1", "a-2", "a-4", "a-5")
    assert results(trial, load_id, *others) == {"done"}
    assert {trial.account(A, one)["department"] for one in others} == {"8Б"}
    assert [plan.status for plan in trial.plans(load_id).values()] == ["applied", "applied"]
    known = trial.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (None, "account_gone")


@on_both_databases
def test_a_deleted_teacher_who_is_to_lead_a_class_stops_nobody_and_comes_back(trial: Trial) -> None:
    """Nothing about the account itself changes, so its new course is what Moodle refuses."""
    trial.sync(trial.write(A, ROWS), trial.write(B, ROWS_B))
    login = trial.account(A, "a-t")["username"]
    delete_account(trial, "a-t")
    led = [make_class(teacher_id="a-t")]
    load_id, month = load_next_month(trial, [*ROWS, pupil("a-9")], classes=led)
    assert outcomes(trial, load_id, "a-t") == {("enrolment", "add", "failed", "account_gone")}
    assert trial.courses_of(A, "a-9") == {(COURSE, "student")}

    again = trial.load(*month)
    assert trial.counts(again, A) == {"user.create": 1, "member.add": 1, "enrolment.add": 1}
    assert trial.counts(again, B) == {}
    trial.carry_out(again)
    assert trial.account(A, "a-t")["username"] == login
    assert trial.courses_of(A, "a-t") == {(COURSE, "editingteacher")}
    assert trial.cohorts_of(A, "a-t") == {"Учителя · Школа № 1"}
    assert trial.known(A, "a-t").moodle_id == trial.account(A, "a-t")["id"]


def test_the_doctor_sees_an_account_that_was_deleted_by_hand(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS))

    def checks() -> list[tuple[Verdict, str]]:
        subject = "Учётные записи наших людей"
        found = [one for one in examine(trial.application) if one.subject == subject]
        return [(check.verdict, check.message) for check in found]

    assert checks() == [(Verdict.OK, "просмотрено 6, все есть в Moodle")]
    delete_account(trial, "a-3")
    assert checks() == [(Verdict.WARNING, "из 6 просмотренных в Moodle удалено: 1")]


def test_one_deleted_course_stops_no_other_school(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS), trial.write(B, ROWS_B))
    (course,) = (one for one in trial.moodle()["courses"] if one["fullname"] == COURSE)
    trial.ask_moodle("core_course_delete_courses", **{"courseids[0]": course["id"]})
    load_id, _files = load_next_month(trial, [*ROWS, pupil("a-9")])
    assert ("enrolment", "add", "failed", "invalidparameter") in outcomes(trial, load_id, "a-9")


def test_what_our_account_may_do_nowhere_stops_the_run_and_it_goes_on_later(trial: Trial) -> None:
    """The setting is really wrong: Moodle refuses the same with data that is in order."""
    trial.set_moodle(assignable_roles=[3])
    load_id = trial.load(trial.write(A, ROWS))
    run = trial.carry_out(load_id)
    assert (run.status, run.problem) == (
        LoadStatus.STOPPED,
        "moodle.MoodleMisconfigured: enrol_manual_enrol_users: wsusercannotassign",
    )
    assert {change.result for change in trial.changes(load_id, "enrolment")} == {""}
    trial.set_moodle(assignable_roles=[3, 5])
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert trial.courses_of(A, "a-1") == {(COURSE, "student")}
