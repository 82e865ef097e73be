"""An answer of Moodle about one record is that record's outcome; everybody else goes on."""

from __future__ import annotations

from pathlib import Path

import requests

from service.doctor import Verdict, examine
from service.models import LoadStatus
from service.moodle_standin import SiteSettings
from service.sample.rows import Row
from tests.language import in_language
from tests.service.trial import (
    A,
    B,
    Trial,
    make_class,
    make_trial,
    on_both_databases,
    pupil,
    pupils,
    teacher,
)

ROWS_A, ROWS_B = [*pupils("a", 5), teacher("a-t")], [*pupils("b", 3), teacher("b-t")]


COURSE = "8А, Школа № 1, 2026/2027"


def moved(class_id: str) -> list[Row]:
    """School A a month later: everybody changes class."""
    return [pupil(f"a-{number}", class_id) for number in range(1, 6)] + [teacher("a-t")]


def delete_account(trial: Trial, code: str, sourced_id: str) -> None:
    """By hand, in Moodle, by its administrator."""
    number = trial.account(code, sourced_id)["id"]
    trial.ask_moodle("core_user_delete_users", **{"userids[0]": number})


def results(trial: Trial, load_id: int, person_id: str) -> set[tuple[str, str, str, str]]:
    """(Kind, action, result, code) of every change about a person."""
    return {
        (change.kind, change.action, change.result, change.code)
        for kind in ("user", "member", "enrolment")
        for change in trial.changes(load_id, kind)
        if person_id in change.key
    }


@on_both_databases
def test_an_account_deleted_by_hand_stops_nobody_else(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A), trial.write(B, ROWS_B))
    person_id = trial.person_id(A, "a-3")
    delete_account(trial, A, "a-3")
    load_id = trial.load(
        trial.write(A, moved("c-2"), day=30),
        trial.write(B, [*ROWS_B, pupil("b-9")], day=30),
    )
    run = trial.carry_out(load_id, over_limits=True)
    assert run.status != LoadStatus.STOPPED
    assert run.problem == ""
    assert ("user", "update", "failed", "account_gone") in results(trial, load_id, person_id)
    for sourced_id in ("a-1", "a-2", "a-4", "a-5"):
        ended = results(trial, load_id, trial.person_id(A, sourced_id))
        assert {result for _, _, result, _ in ended} == {"done"}
        assert trial.account(A, sourced_id)["department"] == "8Б"
    assert trial.account(B, "b-9")["department"] == "8А"
    assert [plan.status for plan in trial.plans(load_id).values()] == ["applied", "applied"]
    known = trial.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (None, "account_gone")


@on_both_databases
def test_a_deleted_teacher_who_is_to_lead_a_class_stops_nobody_and_comes_back(
    trial: Trial,
) -> None:
    """Nothing about the account itself changes, so its new course is what Moodle refuses."""
    led = [make_class(teacher_id="a-t")]
    trial.sync(trial.write(A, ROWS_A, classes=[make_class()]), trial.write(B, ROWS_B))
    login, person_id = trial.account(A, "a-t")["username"], trial.person_id(A, "a-t")
    delete_account(trial, A, "a-t")
    month = (
        trial.write(A, [*ROWS_A, pupil("a-9")], day=30, classes=led),
        trial.write(B, [*ROWS_B, pupil("b-9")], day=30),
    )
    load_id = trial.load(*month)
    run = trial.carry_out(load_id)
    assert run.status != LoadStatus.STOPPED
    assert run.problem == ""
    assert results(trial, load_id, person_id) == {("enrolment", "add", "failed", "account_gone")}
    assert trial.courses_of(A, "a-9") == {(COURSE, "student")}
    assert trial.account(B, "b-9")["department"] == "8А"

    again = trial.load(*month)
    assert trial.counts(again, A) == {"user.create": 1, "member.add": 1, "enrolment.add": 1}
    assert trial.counts(again, B) == {}
    trial.carry_out(again)
    assert trial.account(A, "a-t")["username"] == login
    assert trial.courses_of(A, "a-t") == {(COURSE, "editingteacher")}
    assert trial.cohorts_of(A, "a-t") == {"Учителя · Школа № 1"}
    assert trial.known(A, "a-t").moodle_id == trial.account(A, "a-t")["id"]


def test_the_doctor_sees_an_account_that_was_deleted_by_hand(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    assert accounts_check(trial) == [(Verdict.OK, "просмотрено 6, все есть в Moodle")]
    delete_account(trial, A, "a-3")
    assert accounts_check(trial) == [(Verdict.WARNING, "из 6 просмотренных в Moodle удалено: 1")]


def accounts_check(trial: Trial) -> list[tuple[Verdict, str]]:
    with in_language("ru"):
        return [
            (check.verdict, check.message)
            for check in examine(trial.application)
            if check.subject == "Учётные записи наших людей"
        ]


def test_one_deleted_course_stops_no_other_school(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A), trial.write(B, ROWS_B))
    (course,) = (one for one in trial.moodle()["courses"] if one["fullname"] == COURSE)
    trial.ask_moodle("core_course_delete_courses", **{"courseids[0]": course["id"]})
    load_id = trial.load(
        trial.write(A, [*ROWS_A, pupil("a-9")], day=30),
        trial.write(B, [*ROWS_B, pupil("b-9")], day=30),
    )
    assert trial.carry_out(load_id).status != LoadStatus.STOPPED
    assert ("enrolment", "add", "failed", "invalidparameter") in results(
        trial, load_id, trial.person_id(A, "a-9")
    )
    assert trial.account(B, "b-9")["department"] == "8А"


def test_what_our_account_may_do_nowhere_stops_the_run_and_it_goes_on_later(
    tmp_path: Path,
) -> None:
    """The setting is really wrong: Moodle refuses the same with data that is in order."""
    with make_trial(tmp_path, settings=SiteSettings(assignable_roles=(3,))) as trial:
        load_id = trial.load(trial.write(A, ROWS_A))
        run = trial.carry_out(load_id)
        assert run.status == LoadStatus.STOPPED
        assert run.problem == (
            "moodle.MoodleMisconfigured: enrol_manual_enrol_users: wsusercannotassign"
        )
        assert {change.result for change in trial.changes(load_id, "enrolment")} == {""}
        requests.post(
            f"{trial.moodle_url}/standin/settings", json={"assignable_roles": [3, 5]}, timeout=60
        ).raise_for_status()
        assert trial.apply(load_id).status == LoadStatus.APPLIED
        assert trial.courses_of(A, "a-1") == {(COURSE, "student")}
