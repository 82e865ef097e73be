"""Answers of long ago: what they say of people is cleared, what was answered counts on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from provisioning.questions import RowRef
from service.housekeeping import clear_away
from service.loads.identities import identity_values
from service.models import Identity, SourceKey, StoredDecision, StoredQuestion
from service.questions.listing import Shown
from service.sample.rows import Row
from tests.service.questions.asked import answer, open_questions, undo
from tests.service.questions.test_separating import carried_out, split
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, refusal

ROW_OF_B = RowRef(school_code=B, sourced_id="b-9")


def rows_of_b() -> list[Row]:
    return [*pupils("b", 8, "c-2"), pupil("b-9", "c-2", who="h", snils="")]


def said_to_be_one(trial: Trial, days: int = 30) -> int:
    """Somebody said that a row of B is the pupil of A; the number of the question."""
    trial.configure("people", keep_answers_days=days)
    trial.sync(trial.write(A, [*pupils("a", 8), pupil("a-9", who="h", snils="")]))
    trial.sync(trial.write(B, rows_of_b(), day=1))
    (asked,) = open_questions(trial)
    carried_out(trial, answer(trial, asked.id, "confirm", reason="Справка").load_id)
    return asked.id


def let_days_pass(trial: Trial, days: int) -> None:
    clock = trial.application.clock
    trial.application.clock = lambda: clock() + timedelta(days=days)
    clear_away(trial.application)
    clear_away(trial.application)


@on_both_databases
def test_what_old_answers_say_of_people_is_cleared_and_the_answer_counts_on(trial: Trial) -> None:
    asked = said_to_be_one(trial)
    let_days_pass(trial, 29)
    (kept,) = trial.stored(select(StoredDecision.reason))
    assert kept == "Справка"

    let_days_pass(trial, 2)
    (question,) = trial.stored(select(StoredQuestion))
    assert (question.rows, question.candidates, question.evidence) == ("[]", "[]", "[]")
    (decision,) = trial.stored(select(StoredDecision))
    assert (decision.reason, decision.evidence, decision.before) == ("", "[]", "{}")
    assert (decision.answer, decision.candidate) == ("confirm", trial.person_id(A, "a-9"))
    assert refusal(undo, trial, asked) == "asked.cleared"
    (seen,) = open_questions(trial, shown=Shown.ANSWERED)
    assert (seen.id, seen.candidates) == (asked, ())

    trial.sync(trial.write(B, rows_of_b(), day=20))
    assert open_questions(trial) == []
    assert trial.person_id(B, "b-9") == trial.person_id(A, "a-9")


@on_both_databases
def test_whom_an_old_answer_joined_wrongly_can_be_split(trial: Trial) -> None:
    said_to_be_one(trial)
    person_id = trial.person_id(A, "a-9")
    assert refusal(split, trial, person_id, ROW_OF_B) == "separate.answered"
    let_days_pass(trial, 31)
    carried_out(trial, split(trial, person_id, ROW_OF_B).load_id)
    trial.sync(trial.write(B, rows_of_b(), day=20))
    assert open_questions(trial) == []
    assert trial.person_id(B, "b-9") != person_id
    assert trial.person_id(A, "a-9") == person_id


def test_no_days_keep_answers_for_ever(trial: Trial) -> None:
    said_to_be_one(trial, days=0)
    let_days_pass(trial, 3000)
    (kept,) = trial.stored(select(StoredDecision.reason))
    assert kept == "Справка"


@on_both_databases
@pytest.mark.parametrize("is_other", [False, True], ids=["same child", "another child"])
def test_an_old_no_is_about_the_child_that_the_row_named_then(trial: Trial, is_other: bool) -> None:
    """The id of somebody who has left is given to a child whom another school has as well."""
    trial.configure("people", keep_answers_days=30)
    first, second = pupil("a-9", who="h", snils=""), pupil("a-10", who="k", snils="")
    alike = replace(second.person, sourced_id="a-9")
    trial.sync(trial.write(A, [*pupils("a", 8), first]))
    trial.sync(trial.write(B, rows_of_b(), day=1))
    (asked,) = open_questions(trial)
    carried_out(trial, answer(trial, asked.id, "refuse").load_id)
    let_days_pass(trial, 31)
    person_id = trial.person_id(A, "a-9")
    other = trial.person_id(B, "b-9")
    with trial.rows() as session:
        # The key leads nowhere any more, as after a file that gave the id to somebody else.
        session.execute(delete(SourceKey).where(SourceKey.person_id == other))
        human = session.get_one(Identity, person_id)
        if is_other:
            for name, value in identity_values(alike).items():
                setattr(human, name, value)
    row = replace(second, person=replace(second.person, sourced_id="b-9"), class_id="c-2")
    rows = [*pupils("b", 8, "c-2"), row] if is_other else rows_of_b()
    trial.sync(trial.write(B, rows, day=40))
    found = [each.key for one in open_questions(trial) for each in one.question.candidates]
    assert (person_id in found) is is_other
