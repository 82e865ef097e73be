"""What the settings change in Moodle: who keeps the password, and which courses there are."""

from __future__ import annotations

from typing import Any

from provisioning.passwords import birth_date_password
from provisioning.roster import Enrolment, Role
from service.models import LoadStatus
from service.people.directory import PeopleDirectory
from tests.service.trial import CLASSES, A, Trial, make_class, on_both_databases, pupil, teacher

ROWS = [pupil("a-1"), pupil("a-2"), pupil("a-9", "c-2"), teacher("a-t"), teacher("a-u")]
DIGITS_ARE_ENOUGH = {"password_policy": {"min_lower": 0, "min_upper": 0, "min_other": 0}}


def accounts(trial: Trial, *fields: str) -> set[tuple[Any, ...]]:
    users = trial.moodle()["users"]
    assert len(users) == 5
    return {tuple(user[name] for name in fields) for user in users}


def test_passwords_that_moodle_keeps_are_to_be_changed_and_stored_nowhere(trial: Trial) -> None:
    trial.configure("passwords", kept_in="moodle")
    trial.set_moodle(**DIGITS_ARE_ENOUGH)
    file = trial.write(A, ROWS)
    run = trial.sync(file)
    fields = ("auth", "has_password", "must_change_password")
    assert accounts(trial, *fields) == {("manual", 1, 1)}
    trial.settled(file)
    first = birth_date_password(ROWS[0].person.birth_date)
    directory = PeopleDirectory(trial.application)
    assert directory.check_first_password(trial.person_id(A, "a-1"), first)
    assert [one.key for one in trial.changes(run.id) if first in str(one.after)] == []
    # Moving the passwords to our page changes the accounts once.
    trial.configure("passwords", kept_in="provider")
    run = trial.sync(file)
    assert trial.counts(run.id, A) == {"user.update": 5}
    assert accounts(trial, "auth") == {("oauth2",)}
    trial.settled(file)


def test_a_password_that_moodle_refuses_is_said_for_each_person(trial: Trial) -> None:
    trial.configure("passwords", kept_in="moodle")
    load_id = trial.load(trial.write(A, ROWS))
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
    ended = {(one.result, one.code) for one in trial.changes(load_id)}
    assert ended == {("failed", "weak_password")}
    trial.set_moodle(**DIGITS_ARE_ENOUGH)
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert len(trial.moodle()["users"]) == 5


def test_random_first_passwords_satisfy_moodle_s_own_policy(trial: Trial) -> None:
    trial.configure("passwords", kept_in="moodle", first="random")
    trial.sync(trial.write(A, ROWS))
    assert len(trial.moodle()["users"]) == 5


TEACHING = [
    Enrolment(person_id="a-t", class_id="c-1", role=Role.TEACHER, subject="Алгебра"),
    Enrolment(person_id="a-u", class_id="c-1", role=Role.TEACHER, subject="Химия"),
    Enrolment(person_id="a-u", class_id="c-2", role=Role.TEACHER, subject="Химия"),
]


def test_a_course_for_each_class_and_subject(trial: Trial) -> None:
    trial.configure("courses", create="per_subject")
    file = trial.write(A, ROWS, teaching=TEACHING)
    trial.sync(file)
    algebra, chemistry, other = (
        f"{name}, Школа № 1, 2026/2027" for name in ("Алгебра, 8А", "Химия, 8А", "Химия, 8Б")
    )
    courses = {course["fullname"] for course in trial.moodle()["courses"]}
    assert courses == {algebra, chemistry, other}
    assert {one: trial.courses_of(A, one) for one in ("a-1", "a-9", "a-t", "a-u")} == {
        "a-1": {(algebra, "student"), (chemistry, "student")},
        "a-9": {(other, "student")},
        "a-t": {(algebra, "editingteacher")},
        "a-u": {(chemistry, "editingteacher"), (other, "editingteacher")},
    }
    trial.settled(file)
    # A teacher who gives a subject up leaves its course.
    trial.sync(trial.write(A, ROWS, day=1, teaching=TEACHING[:2]))
    assert trial.courses_of(A, "a-u") == {(chemistry, "editingteacher")}
    assert len(trial.moodle()["courses"]) == 3


def test_no_courses_where_none_are_wanted(trial: Trial) -> None:
    trial.configure("courses", create="none")
    file = trial.write(A, ROWS, teaching=TEACHING)
    trial.sync(file)
    state = trial.moodle()
    assert (state["courses"], state["enrolments"], len(state["users"])) == ([], [], 5)
    trial.settled(file)


@on_both_databases
def test_a_class_teacher_teaches_the_course_of_the_class(trial: Trial) -> None:
    classes = [make_class(teacher_id="a-t"), CLASSES[1]]
    trial.sync(trial.write(A, ROWS, classes=classes))
    course = "8А, Школа № 1, 2026/2027"
    assert trial.courses_of(A, "a-t") == {(course, "editingteacher")}
    assert trial.courses_of(A, "a-1") == {(course, "student")}
    trial.sync(trial.write(A, ROWS, day=1, classes=[make_class(teacher_id="a-u"), CLASSES[1]]))
    assert trial.courses_of(A, "a-t") == set()
    assert trial.courses_of(A, "a-u") == {(course, "editingteacher")}


def test_a_plan_without_changes_needs_no_moodle(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS))
    load_id = trial.load(trial.write(A, ROWS, day=1))
    trial.configure("moodle", url="http://127.0.0.1:9")
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED
