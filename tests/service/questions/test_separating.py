"""Two humans whom matching took for one: split by an operator, and joined again by undoing it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from provisioning.questions import RowRef
from service.access import Forbidden, Scope
from service.loads.planning import plan_load
from service.models import SourceKey, StoredDecision, StoredQuestion
from service.questions import separating
from service.questions.separating import Separated
from service.sample.rows import Row
from tests.service.installation import SCOPE
from tests.service.questions.asked import answer, open_questions, school_scope, undo
from tests.service.trial import A, B, Trial, left, on_both_databases, pupils, refusal, teacher

ELSEWHERE = RowRef(school_code=B, sourced_id="b-t")
SECOND = RowRef(school_code=A, sourced_id="a-t2")


def one_human(sourced_id: str) -> Row:
    """A row that nobody tells from the other ones: СНИЛС, names and birth date are equal."""
    return teacher(sourced_id, who="taught")


def split(trial: Trial, person: str, row: RowRef, scope: Scope = SCOPE, **given: Any) -> Separated:
    application = trial.application
    return separating.separate(
        application.sessions, person, row, home=application.settings.home, scope=scope,
        now=application.clock(), **given,
    )  # fmt: skip


def carried_out(trial: Trial, load_id: int | None) -> None:
    assert load_id is not None
    plan_load(trial.application, load_id)
    run = trial.carry_out(load_id, over_limits=True)
    assert (run.status, run.problem) == ("applied", "")


def keys(trial: Trial) -> dict[str, str]:
    return dict(trial.stored(select(SourceKey.sourced_id, SourceKey.person_id)))


def of_account(trial: Trial, number: int) -> dict[str, Any]:
    """What Moodle has of an account: its fields, cohorts and courses."""
    state = trial.moodle()
    (user,) = (one for one in state["users"] if one["id"] == number)
    members = {one["cohortid"] for one in state["members"] if one["userid"] == number}
    courses = {one["courseid"] for one in state["enrolments"] if one["userid"] == number}
    return {"user": user, "cohorts": members, "courses": courses}


@on_both_databases
def test_a_row_of_another_school_is_split_off_stays_so_and_comes_back(trial: Trial) -> None:
    rows_a, rows_b = [*pupils("a", 4), one_human("a-t")], [*pupils("b", 4), one_human("b-t")]
    trial.sync(trial.write(A, rows_a))
    alone = of_account(trial, trial.account(A, "a-t")["id"])
    trial.sync(trial.write(B, rows_b, day=1))
    joined, before = trial.account(A, "a-t"), keys(trial)
    assert trial.account(B, "b-t")["id"] == joined["id"]
    together = of_account(trial, joined["id"])

    done = split(trial, joined["idnumber"], ELSEWHERE, reason="Однофамильцы")
    carried_out(trial, done.load_id)
    other = trial.account(B, "b-t")
    assert (trial.account(A, "a-t")["id"], other["id"] != joined["id"]) == (joined["id"], True)
    assert other["username"] != joined["username"]
    assert of_account(trial, joined["id"]) == alone
    (decision,) = trial.stored(select(StoredDecision))
    assert (decision.kind, decision.answer, decision.key) == ("split", "different", "b-t")
    assert (decision.decided_by, decision.reason) == (SCOPE.actor, "Однофамильцы")
    assert "birth_date.equal" in decision.evidence

    trial.sync(trial.write(A, rows_a, day=2), trial.write(B, rows_b, day=3))
    assert trial.account(B, "b-t")["id"] == other["id"]
    assert of_account(trial, joined["id"]) == alone
    assert open_questions(trial) == []

    carried_out(trial, undo(trial, done.question_id).load_id)
    assert keys(trial) == before
    assert of_account(trial, joined["id"]) == together
    assert open_questions(trial) == []
    assert trial.stored(select(StoredQuestion.state)) == ["superseded"]
    again = split(trial, joined["username"], ELSEWHERE)
    carried_out(trial, again.load_id)
    assert trial.account(B, "b-t")["id"] == other["id"]
    assert of_account(trial, joined["id"]) == alone


@on_both_databases
def test_of_two_rows_of_one_school_one_is_split_off(trial: Trial) -> None:
    rows = [*pupils("a", 4), one_human("a-t"), one_human("a-t2")]
    trial.sync(trial.write(A, rows))
    joined, before = trial.account(A, "a-t"), keys(trial)
    assert trial.account(A, "a-t2")["id"] == joined["id"]
    done = split(trial, joined["username"], SECOND)
    carried_out(trial, done.load_id)
    other = trial.account(A, "a-t2")
    assert trial.account(A, "a-t")["id"] == joined["id"]
    assert other["id"] != joined["id"]
    trial.sync(trial.write(A, rows, day=1))
    assert trial.account(A, "a-t2")["id"] == other["id"]
    assert open_questions(trial) == []
    carried_out(trial, undo(trial, done.question_id).load_id)
    assert keys(trial) == before
    trial.sync(trial.write(A, rows, day=2))
    assert keys(trial) == before


@on_both_databases
def test_who_keeps_the_account_is_spoken_for_by_a_row_of_theirs(trial: Trial) -> None:
    trial.sync(trial.write(B, [*pupils("b", 4), one_human("b-t")]))
    trial.sync(trial.write(A, [*pupils("a", 4), one_human("a-t")], day=1))
    account = trial.account(A, "a-t")
    carried_out(trial, split(trial, account["idnumber"], ELSEWHERE).load_id)
    kept = trial.known(A, "a-t")
    assert (kept.school_code, kept.sourced_id) == (A, "a-t")
    trial.sync(trial.write(B, [*pupils("b", 4), left(one_human("b-t"))], day=2))
    assert not trial.account(A, "a-t")["suspended"]


@on_both_databases
def test_only_whoever_covers_the_row_and_the_human_splits_them(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("a", 4), one_human("a-t")]))
    trial.sync(trial.write(B, [*pupils("b", 4), one_human("b-t")], day=1))
    login = trial.account(A, "a-t")["username"]
    with pytest.raises(Forbidden):
        split(trial, login, ELSEWHERE, school_scope(A))
    with pytest.raises(Forbidden):
        split(trial, login, ELSEWHERE, school_scope("SB0003"))
    own = trial.account(A, "a-1")["username"]
    one = RowRef(school_code=A, sourced_id="a-1")
    assert refusal(split, trial, own, one) == "separate.only_row"
    assert refusal(split, trial, login, one) == "separate.row"
    done = split(trial, login, ELSEWHERE, school_scope(B))
    with pytest.raises(Forbidden):
        split(trial, login, ELSEWHERE, school_scope(B))
    other = Scope(actor="another", role=school_scope(B).role, items=frozenset([B]))
    assert refusal(undo, trial, done.question_id, other) == "asked.not_yours"
    undo(trial, done.question_id, school_scope(B))
    assert keys(trial)["b-t"] == keys(trial)["a-t"]


@on_both_databases
def test_what_an_answer_joined_is_taken_back_by_undoing_the_answer(trial: Trial) -> None:
    human = one_human("a-t")
    unnumbered = teacher("b-t", who="taught", snils="")
    trial.sync(trial.write(A, [*pupils("a", 4), human]))
    trial.sync(trial.write(B, [*pupils("b", 4), unnumbered], day=1))
    (question,) = open_questions(trial)
    carried_out(trial, answer(trial, question.id, "same").load_id)
    login = trial.account(A, "a-t")["username"]
    assert refusal(split, trial, login, ELSEWHERE) == "separate.answered"
