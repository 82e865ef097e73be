"""The answer that an unknown code is that of a new school, taken back once the school is loaded."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from provisioning.person_states import PersonState
from service.loads.planning import plan_load
from service.models import SchoolMembership
from tests.service.questions.asked import answer, open_questions, undo
from tests.service.questions.test_undo_restores import carried_out, everybody, held, rolls
from tests.service.trial import A, C, Trial, on_both_databases, pupil, pupils, teacher


@pytest.fixture
def said_new(trial: Trial) -> tuple[Trial, int]:
    """The people of A turned up under the code of C, with others whom nobody knew; C is loaded."""
    trial.sync(trial.write(A, [*pupils("a", 12), teacher("a-head")]))
    moved = [pupil(f"a-{n}", "c-2") for n in range(2, 13)]
    trial.load(trial.write(C, [*moved, *pupils("n", 11, "c-2"), teacher("a-head")], day=1))
    (question,) = open_questions(trial)
    answer(trial, question.id, "different")
    carried_out(trial)
    return trial, question.id


def _roll(trial: Trial, code: str) -> int:
    return len(trial.stored(select(SchoolMembership).where(SchoolMembership.school_code == code)))


@on_both_databases
def test_the_roll_of_the_school_ends_by_a_plan_with_limits(said_new: tuple[Trial, int]) -> None:
    trial, question = said_new
    users = everybody(trial)
    again = undo(trial, question).load_id
    assert again
    plan_load(trial.application, again)
    assert trial.decisions(again) == {A: "planned", C: "planned"}
    assert trial.plans(again)[C].breaches
    assert trial.findings(again, "school.withdrawn")
    assert _roll(trial, C) == 23
    trial.carry_out(again, over_limits=True)
    assert (_roll(trial, C), _roll(trial, A)) == (0, 13)
    newcomer = trial.known(C, "n-1")
    assert (newcomer.state, newcomer.suspended) == (PersonState.IN_TRANSIT, False)
    assert everybody(trial) == users
    assert trial.cohorts_of(A, "a-2") == trial.cohorts_of(A, "a-1")


@on_both_databases
def test_files_under_the_code_wait_until_somebody_answers_again(
    said_new: tuple[Trial, int],
) -> None:
    trial, question = said_new
    undo(trial, question)
    carried_out(trial)
    load_id = trial.load(trial.write(C, [*pupils("a", 11, "c-2"), teacher("a-head")], day=2))
    assert (trial.run(load_id).status, trial.findings(load_id)[0].rule) == (
        "rejected", "school.unknown_code",
    )  # fmt: skip
    (asked,) = (one for one in open_questions(trial) if one.question.kind == "school")
    answer(trial, asked.id, "different")
    carried_out(trial)
    assert _roll(trial, C) == 12
    undo(trial, asked.id)
    carried_out(trial)
    assert _roll(trial, C) == 0


@on_both_databases
def test_the_same_answer_again_gives_the_same(said_new: tuple[Trial, int]) -> None:
    trial, question = said_new
    people = everybody(trial)
    first = held(trial, people), rolls(trial)
    undo(trial, question)
    carried_out(trial)
    answer(trial, question, "different")
    carried_out(trial)
    assert (held(trial, people), rolls(trial), everybody(trial)) == (*first, people)


@on_both_databases
def test_the_other_answer_at_once_ends_the_roll_too(said_new: tuple[Trial, int]) -> None:
    trial, question = said_new
    undo(trial, question)
    answer(trial, question, "same", candidate=A)
    carried_out(trial)
    assert (_roll(trial, C), _roll(trial, A)) == (0, 23)
    cohorts = {one["id"]: one["idnumber"] for one in trial.moodle()["cohorts"]}
    assert [one for one in trial.moodle()["members"] if C in cohorts[one["cohortid"]]] == []
