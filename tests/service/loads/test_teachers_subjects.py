"""A teacher's subject speaks for and against, from file to Moodle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioning.roster import Enrolment, Role
from tests.service.questions.asked import open_questions
from tests.service.trial import A, B, Trial, on_both_databases, pupils, teacher

pytestmark = on_both_databases

PUPILS = pupils("a", 4)


def write(
    trial: Trial, sourced_id: str, subject: str, *, code: str = A, day: int = 0, **row: Any
) -> Path:
    """A file with one teacher, always the same human, under this id and with this subject."""
    teaching = [
        Enrolment(person_id=sourced_id, class_id="c-1", role=Role.TEACHER, subject=subject)
    ] * bool(subject)
    people = [*PUPILS, teacher(sourced_id, who="t", snils="", **row)]
    if code != A:
        people = [*pupils("b", 4), people[-1]]
    return trial.write(code, people, teaching=teaching, day=day)


@pytest.mark.parametrize("subject", ["Физика", "ФИЗИКА ", "Физикa", ""])
def test_a_new_id_of_a_teacher_who_keeps_the_subject_is_the_same_account(
    trial: Trial, subject: str
) -> None:
    trial.sync(write(trial, "t-1", "Физика"))
    before = trial.account(A, "t-1")
    trial.sync(write(trial, "t-2", subject, day=1))
    assert trial.account(A, "t-2")["id"] == before["id"]
    assert open_questions(trial) == []


def test_a_new_id_with_another_subject_is_a_question_with_both_subjects(trial: Trial) -> None:
    trial.sync(write(trial, "t-1", "Физика"))
    before = trial.moodle()["users"]
    trial.sync(write(trial, "t-2", "Музыка", day=1))
    (asked,) = open_questions(trial)
    (candidate,) = asked.candidates
    (subject,) = (one for one in candidate.evidence if one.code.startswith("subject."))
    assert (subject.code, subject.speaks) == ("subject.other", "against")
    assert (subject.ours, subject.theirs) == ("Музыка", "Физика")
    assert trial.moodle()["users"] == before


@pytest.mark.parametrize(
    ("subject", "code"), [("Физика", "subject.equal"), ("Музыка", "subject.other")]
)
def test_a_teacher_of_another_school_is_asked_about_with_the_subject(
    trial: Trial, subject: str, code: str
) -> None:
    trial.sync(write(trial, "t-1", "Физика"))
    trial.sync(write(trial, "t-9", subject, code=B, day=1))
    (asked,) = open_questions(trial)
    (candidate,) = asked.candidates
    assert code in {one.code for one in candidate.evidence}


def test_two_teachers_of_one_name_and_subject_who_are_both_new_are_not_told_apart_by_it(
    trial: Trial,
) -> None:
    """One old id is gone and two rows may be its teacher: that is no one-to-one."""
    trial.sync(write(trial, "t-1", "Физика"))
    teaching = [
        Enrolment(person_id=one, class_id="c-1", role=Role.TEACHER, subject="Физика")
        for one in ("t-2", "t-3")
    ]
    rows = [
        *PUPILS,
        teacher("t-2", who="t", snils="", middle_name=""),
        teacher("t-3", who="t", snils="", middle_name=""),
    ]
    trial.sync(trial.write(A, rows, teaching=teaching, day=1))
    assert len(open_questions(trial)) == 2
