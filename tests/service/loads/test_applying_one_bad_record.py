"""An answer of Moodle about one record is that record's outcome; everybody else goes on."""

from __future__ import annotations

from pathlib import Path

import requests

from service.doctor import Verdict, examine
from service.models import LoadStatus
from service.moodle_standin import SiteSettings
from service.sample.rows import Row
from tests.language import in_language
from tests.service.loads.test_applying_refused import ask_moodle
from tests.service.place import (
    A,
    B,
    Place,
    make_class,
    make_place,
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


def delete_account(place: Place, code: str, sourced_id: str) -> None:
    """By hand, in Moodle, by its administrator."""
    number = place.account(code, sourced_id)["id"]
    ask_moodle(place, "core_user_delete_users", **{"userids[0]": number})


def results(place: Place, load_id: int, person_id: str) -> set[tuple[str, str, str, str]]:
    """(Kind, action, result, code) of every change about a person."""
    return {
        (change.kind, change.action, change.result, change.code)
        for kind in ("user", "member", "enrolment")
        for change in place.changes(load_id, kind)
        if person_id in change.key
    }


@on_both_databases
def test_an_account_deleted_by_hand_stops_nobody_else(place: Place) -> None:
    place.sync(place.write(A, ROWS_A), place.write(B, ROWS_B))
    person_id = place.person_id(A, "a-3")
    delete_account(place, A, "a-3")
    load_id = place.load(
        place.write(A, moved("c-2"), day=30),
        place.write(B, [*ROWS_B, pupil("b-9")], day=30),
    )
    place.approve(load_id, over_limits=True)
    run = place.apply(load_id)
    assert run.status != LoadStatus.STOPPED
    assert run.problem == ""
    assert ("user", "update", "failed", "account_gone") in results(place, load_id, person_id)
    for sourced_id in ("a-1", "a-2", "a-4", "a-5"):
        ended = results(place, load_id, place.person_id(A, sourced_id))
        assert {result for _, _, result, _ in ended} == {"done"}
        assert place.account(A, sourced_id)["department"] == "8Б"
    assert place.account(B, "b-9")["department"] == "8А"
    assert [plan.status for plan in place.plans(load_id).values()] == ["applied", "applied"]
    known = place.known(A, "a-3")
    assert (known.moodle_id, known.problem) == (None, "account_gone")


@on_both_databases
def test_a_deleted_teacher_who_is_to_lead_a_class_stops_nobody_and_comes_back(
    place: Place,
) -> None:
    """Nothing about the account itself changes, so its new course is what Moodle refuses."""
    led = [make_class(teacher_id="a-t")]
    place.sync(place.write(A, ROWS_A, classes=[make_class()]), place.write(B, ROWS_B))
    login, person_id = place.account(A, "a-t")["username"], place.person_id(A, "a-t")
    delete_account(place, A, "a-t")
    month = (
        place.write(A, [*ROWS_A, pupil("a-9")], day=30, classes=led),
        place.write(B, [*ROWS_B, pupil("b-9")], day=30),
    )
    load_id = place.load(*month)
    place.approve(load_id)
    run = place.apply(load_id)
    assert run.status != LoadStatus.STOPPED
    assert run.problem == ""
    assert results(place, load_id, person_id) == {("enrolment", "add", "failed", "account_gone")}
    assert place.courses_of(A, "a-9") == {(COURSE, "student")}
    assert place.account(B, "b-9")["department"] == "8А"

    again = place.load(*month)
    assert place.counts(again, A) == {"user.create": 1, "member.add": 1, "enrolment.add": 1}
    assert place.counts(again, B) == {}
    place.approve(again)
    place.apply(again)
    assert place.account(A, "a-t")["username"] == login
    assert place.courses_of(A, "a-t") == {(COURSE, "editingteacher")}
    assert place.cohorts_of(A, "a-t") == {"Учителя · Школа № 1"}
    assert place.known(A, "a-t").moodle_id == place.account(A, "a-t")["id"]


def test_the_doctor_sees_an_account_that_was_deleted_by_hand(place: Place) -> None:
    place.sync(place.write(A, ROWS_A))
    assert accounts_check(place) == [(Verdict.OK, "просмотрено 6, все есть в Moodle")]
    delete_account(place, A, "a-3")
    assert accounts_check(place) == [(Verdict.WARNING, "из 6 просмотренных в Moodle удалено: 1")]


def accounts_check(place: Place) -> list[tuple[Verdict, str]]:
    with in_language("ru"):
        return [
            (check.verdict, check.message)
            for check in examine(place.application)
            if check.subject == "Учётные записи наших людей"
        ]


def test_one_deleted_course_stops_no_other_school(place: Place) -> None:
    place.sync(place.write(A, ROWS_A), place.write(B, ROWS_B))
    (course,) = (one for one in place.moodle()["courses"] if one["fullname"] == COURSE)
    ask_moodle(place, "core_course_delete_courses", **{"courseids[0]": course["id"]})
    load_id = place.load(
        place.write(A, [*ROWS_A, pupil("a-9")], day=30),
        place.write(B, [*ROWS_B, pupil("b-9")], day=30),
    )
    place.approve(load_id)
    assert place.apply(load_id).status != LoadStatus.STOPPED
    assert ("enrolment", "add", "failed", "invalidparameter") in results(
        place, load_id, place.person_id(A, "a-9")
    )
    assert place.account(B, "b-9")["department"] == "8А"


def test_what_our_account_may_do_nowhere_stops_the_run_and_it_goes_on_later(
    tmp_path: Path,
) -> None:
    """The setting is really wrong: Moodle refuses the same with data that is in order."""
    with make_place(tmp_path, settings=SiteSettings(assignable_roles=(3,))) as place:
        load_id = place.load(place.write(A, ROWS_A))
        place.approve(load_id)
        run = place.apply(load_id)
        assert run.status == LoadStatus.STOPPED
        assert run.problem == (
            "moodle.MoodleMisconfigured: enrol_manual_enrol_users: wsusercannotassign"
        )
        assert {change.result for change in place.changes(load_id, "enrolment")} == {""}
        requests.post(
            f"{place.moodle_url}/standin/settings", json={"assignable_roles": [3, 5]}, timeout=60
        ).raise_for_status()
        assert place.apply(load_id).status == LoadStatus.APPLIED
        assert place.courses_of(A, "a-1") == {(COURSE, "student")}
