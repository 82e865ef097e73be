"""What the settings change in Moodle: who keeps the password, and which courses there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from provisioning.passwords import birth_date_password
from provisioning.roster import Enrolment, Role
from service.models import LoadStatus
from service.moodle_standin import PasswordPolicy, SiteSettings
from service.people.directory import PeopleDirectory
from tests.service.trial import (
    CLASSES,
    A,
    Trial,
    make_class,
    make_trial,
    on_both_databases,
    pupil,
    pupils,
    teacher,
    with_settings,
)

ROWS = [*pupils("a", 2), pupil("a-9", "c-2"), teacher("a-t"), teacher("a-u")]
DIGITS_ARE_ENOUGH = PasswordPolicy(min_lower=0, min_upper=0, min_other=0)


@contextmanager
def moodle_keeps_passwords(tmp_path: Path, policy: PasswordPolicy, **more: Any) -> Iterator[Trial]:
    with make_trial(
        tmp_path,
        configure=with_settings("passwords", kept_in="moodle", **more),
        settings=SiteSettings(password_policy=policy),
    ) as trial:
        yield trial


def test_accounts_whose_password_moodle_keeps_must_change_it(tmp_path: Path) -> None:
    with moodle_keeps_passwords(tmp_path, DIGITS_ARE_ENOUGH) as trial:
        file = trial.write(A, ROWS)
        trial.sync(file)
        users = trial.moodle()["users"]
        assert len(users) == 5
        assert {(u["auth"], u["has_password"], u["must_change_password"]) for u in users} == {
            ("manual", 1, 1)
        }
        trial.settled(file)


def test_a_password_that_moodle_refuses_is_said_for_each_person(tmp_path: Path) -> None:
    with moodle_keeps_passwords(tmp_path, PasswordPolicy()) as trial:
        load_id = trial.load(trial.write(A, ROWS))
        assert trial.carry_out(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
        assert {(one.result, one.code) for one in trial.changes(load_id)} == {
            ("failed", "weak_password")
        }
        requests.post(
            f"{trial.moodle_url}/standin/settings",
            json={"password_policy": {"min_lower": 0, "min_upper": 0, "min_other": 0}},
            timeout=60,
        ).raise_for_status()
        assert trial.apply(load_id).status == LoadStatus.APPLIED
        assert len(trial.moodle()["users"]) == 5


def test_random_first_passwords_satisfy_moodle_s_own_policy(tmp_path: Path) -> None:
    with moodle_keeps_passwords(tmp_path, PasswordPolicy(), first="random") as trial:
        trial.sync(trial.write(A, ROWS))
        assert len(trial.moodle()["users"]) == 5


def test_passwords_are_neither_stored_with_a_plan_nor_with_a_person(tmp_path: Path) -> None:
    with moodle_keeps_passwords(tmp_path, DIGITS_ARE_ENOUGH) as trial:
        run = trial.sync(trial.write(A, ROWS))
        first = birth_date_password(ROWS[0].person.birth_date)
        assert PeopleDirectory(trial.application).check_first_password(
            trial.person_id(A, "a-1"), first
        )
        for change in trial.changes(run.id):
            assert first not in str(change.after)


def test_moving_the_passwords_to_our_page_changes_the_accounts_once(tmp_path: Path) -> None:
    with moodle_keeps_passwords(tmp_path, DIGITS_ARE_ENOUGH) as trial:
        file = trial.write(A, ROWS)
        trial.sync(file)
        with_settings("passwords", kept_in="provider")(trial.application)
        run = trial.sync(file)
        assert trial.counts(run.id, A) == {"user.update": 5}
        assert {user["auth"] for user in trial.moodle()["users"]} == {"oauth2"}
        trial.settled(file)


TEACHING = [
    Enrolment(person_id="a-t", class_id="c-1", role=Role.TEACHER, subject="Алгебра"),
    Enrolment(person_id="a-u", class_id="c-1", role=Role.TEACHER, subject="Химия"),
    Enrolment(person_id="a-u", class_id="c-2", role=Role.TEACHER, subject="Химия"),
]


def test_a_course_for_each_class_and_subject(tmp_path: Path) -> None:
    with make_trial(tmp_path, configure=with_settings("courses", create="per_subject")) as trial:
        file = trial.write(A, ROWS, teaching=TEACHING)
        trial.sync(file)
        algebra, chemistry, other = (
            f"{name}, Школа № 1, 2026/2027" for name in ("Алгебра, 8А", "Химия, 8А", "Химия, 8Б")
        )
        assert {course["fullname"] for course in trial.moodle()["courses"]} == {
            algebra, chemistry, other,
        }  # fmt: skip
        assert trial.courses_of(A, "a-1") == {(algebra, "student"), (chemistry, "student")}
        assert trial.courses_of(A, "a-9") == {(other, "student")}
        assert trial.courses_of(A, "a-t") == {(algebra, "editingteacher")}
        assert trial.courses_of(A, "a-u") == {
            (chemistry, "editingteacher"), (other, "editingteacher"),
        }  # fmt: skip
        trial.settled(file)


def test_a_teacher_who_gives_a_subject_up_leaves_its_course(tmp_path: Path) -> None:
    with make_trial(tmp_path, configure=with_settings("courses", create="per_subject")) as trial:
        trial.sync(trial.write(A, ROWS, teaching=TEACHING))
        trial.sync(trial.write(A, ROWS, day=1, teaching=TEACHING[:2]))
        assert trial.courses_of(A, "a-u") == {("Химия, 8А, Школа № 1, 2026/2027", "editingteacher")}
        assert len(trial.moodle()["courses"]) == 3


def test_no_courses_where_none_are_wanted(tmp_path: Path) -> None:
    with make_trial(tmp_path, configure=with_settings("courses", create="none")) as trial:
        file = trial.write(A, ROWS, teaching=TEACHING)
        trial.sync(file)
        state = trial.moodle()
        assert (state["courses"], state["enrolments"]) == ([], [])
        assert len(state["users"]) == 5
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


def test_another_batch_size_makes_the_same(trial: Trial) -> None:
    trial.small_batches(1)
    trial.sync(trial.write(A, ROWS))
    assert len(trial.moodle()["users"]) == 5
    assert trial.cohorts_of(A, "a-9") == {"Ученики · Школа № 1", "8Б · Школа № 1 · 2026/2027"}


def test_a_plan_without_changes_needs_no_moodle(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 2)))
    load_id = trial.load(trial.write(A, pupils("a", 2), day=1))
    with_settings("moodle", url="http://127.0.0.1:9")(trial.application)
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED
