"""Questions as plans store them: once each, superseded by what comes after, not asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, text

from provisioning.questions import Answer, QuestionKind
from provisioning.roster import Mode, Part, Roster
from service.db import transaction
from service.loads import asking, rosters
from service.models import StoredQuestion
from tests.service.questions.asked import (
    answer,
    ask_by_hand,
    make_question,
    open_questions,
    states,
    undo,
)
from tests.service.trial import A, B, Trial, on_both_databases, pupil, teacher


@pytest.fixture
def two_schools(trial: Trial) -> Trial:
    trial.sync(trial.write(A, [pupil("a-1"), pupil("a-2")]))
    trial.sync(trial.write(B, [pupil("b-1"), pupil("b-2"), teacher("t-1")]))
    return trial


def _roster(trial: Trial) -> Roster:
    with trial.application.sessions() as session:
        found = rosters.accepted_roster(session, B)
    assert found is not None
    return found


@on_both_databases
def test_the_same_question_is_updated_and_not_doubled(two_schools: Trial) -> None:
    (first,) = ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    (second,) = ask_by_hand(two_schools, 2, make_question("b-1", "p-1", "p-2"))
    assert first == second
    (seen,) = open_questions(two_schools)
    assert [one.key for one in seen.question.candidates] == ["p-1", "p-2"]
    assert seen.load_id == 2


@on_both_databases
def test_rows_and_evidence_are_not_readable_in_the_database(two_schools: Trial) -> None:
    ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    with two_schools.application.engine.connect() as connection:
        told = str(connection.execute(text("SELECT * FROM questions")).all())
        told += str(connection.execute(text("SELECT rows FROM planned_rosters")).all())
    assert "Пётр" not in told
    assert "birth_date" not in told


@on_both_databases
def test_a_full_file_supersedes_what_it_does_not_ask_any_more(two_schools: Trial) -> None:
    ask_by_hand(two_schools, 1, make_question("b-1", "p-1"), make_question("gone", "p-1"))
    again = make_question("b-1", "p-1")
    ask_by_hand(two_schools, 2, again, roster=_roster(two_schools))
    assert states(two_schools) == {"b-1": "open", "gone": "superseded"}


@on_both_databases
def test_changes_settle_only_the_rows_that_they_name(two_schools: Trial) -> None:
    ask_by_hand(two_schools, 1, make_question("b-1", "p-1"), make_question("other", "p-1"))
    roster = replace(_roster(two_schools), mode=Mode.CHANGES)
    ask_by_hand(two_schools, 2, roster=roster)
    assert states(two_schools) == {"b-1": "superseded", "other": "open"}


@on_both_databases
def test_a_file_of_pupils_leaves_questions_about_staff(two_schools: Trial) -> None:
    whole = _roster(two_schools)
    ask_by_hand(two_schools, 1, make_question("t-1", "p-1"), roster=whole)
    pupils = {key: one for key, one in whole.persons.items() if key != "t-1"}
    ask_by_hand(
        two_schools, 2, roster=replace(whole, persons=pupils, parts=frozenset({Part.STUDENTS}))
    )
    assert states(two_schools) == {"t-1": "open"}


@on_both_databases
def test_a_file_that_was_stopped_supersedes_nothing(two_schools: Trial) -> None:
    ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    ask_by_hand(two_schools, 2, roster=None)
    assert states(two_schools) == {"b-1": "open"}


@on_both_databases
def test_what_was_answered_is_asked_again_only_with_another_candidate(two_schools: Trial) -> None:
    (question,) = ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    answer(two_schools, question, "different")
    assert ask_by_hand(two_schools, 1, make_question("b-1", "p-1")) == []
    (anew,) = ask_by_hand(two_schools, 1, make_question("b-1", "p-2"))
    assert anew != question


@on_both_databases
def test_a_row_that_says_something_else_by_now_is_asked_about_again(two_schools: Trial) -> None:
    """What speaks for and against is the same; matching does not take the answer for this row."""
    (asked,) = ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    answer(two_schools, asked, "different")
    asked_then = make_question("b-1", "p-1")
    (candidate,) = asked_then.candidates
    evidence = (replace(candidate.evidence[0], ours="Петровна"), *candidate.evidence[1:])
    now = replace(asked_then, candidates=(replace(candidate, evidence=evidence),))
    assert ask_by_hand(two_schools, 1, asked_then) == []
    (anew,) = ask_by_hand(two_schools, 1, now)
    assert anew != asked


@on_both_databases
def test_an_answer_that_was_taken_back_is_asked_again(two_schools: Trial) -> None:
    (question,) = ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    answer(two_schools, question, "different")
    undo(two_schools, question)
    assert states(two_schools) == {"b-1": "open"}
    assert ask_by_hand(two_schools, 1, make_question("b-1", "p-1")) == [question]


@on_both_databases
def test_decision_makers_get_what_was_answered(two_schools: Trial) -> None:
    (question,) = ask_by_hand(two_schools, 1, make_question("b-1", "p-1", "p-2"))
    answer(two_schools, question, "different")
    with transaction(two_schools.application.sessions) as session:
        decided = asking.decided(session, B)
        assert asking.decided(session, A).decisions == {}
    last = decided.last(QuestionKind.MATCH, "b-1")
    assert last is not None
    assert last.answer == Answer.DIFFERENT
    assert decided.refused(QuestionKind.MATCH, "b-1") == {"p-1", "p-2"}


@on_both_databases
def test_planning_again_after_a_crash_leaves_the_question_that_is_there(two_schools: Trial) -> None:
    ids = ask_by_hand(two_schools, 1, make_question("b-1", "p-1"))
    assert ask_by_hand(two_schools, 1, make_question("b-1", "p-1")) == ids
    assert two_schools.stored(select(StoredQuestion.asked_at)) != []
