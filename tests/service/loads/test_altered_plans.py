"""Plans whose stored rows are not what somebody approved: nothing of them reaches Moodle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from service.db import transaction
from service.models import LoadStatus, PlannedChange, SchoolPlan
from service.words import loads as wording
from tests.service.trial import A, B, Trial, on_both_databases, pupils, teacher

ROWS_A, ROWS_B = [*pupils("a", 30), teacher("a-t")], [*pupils("b", 4), teacher("b-t")]


def change_a_name(session: Session, plan: SchoolPlan) -> None:
    row = session.query(PlannedChange).filter_by(plan_id=plan.id, kind="user").first()
    assert row is not None
    row.after = dict(row.after) | {"family_name": "Чужая"}


def drop_a_change(session: Session, plan: SchoolPlan) -> None:
    session.execute(
        delete(PlannedChange).where(PlannedChange.plan_id == plan.id, PlannedChange.position == 0)
    )


def forget_the_breaches(_session: Session, plan: SchoolPlan) -> None:
    plan.breaches = []


def take_back_the_second_yes(_session: Session, plan: SchoolPlan) -> None:
    plan.limits_confirmed = False


@on_both_databases
@pytest.mark.parametrize(
    "alter", [change_a_name, drop_a_change, forget_the_breaches, take_back_the_second_yes]
)
def test_an_altered_plan_is_left_out_and_the_load_says_so(
    trial: Trial, alter: Callable[[Session, SchoolPlan], None]
) -> None:
    trial.sync(trial.write(A, ROWS_A), trial.write(B, ROWS_B))
    before = trial.account(A, "a-1")
    fewer = [*ROWS_A[:5], teacher("a-t")]
    load_id = trial.load(trial.write(A, fewer, day=1), trial.write(B, pupils("b", 5), day=1))
    trial.approve(load_id, over_limits=True)
    with transaction(trial.application.sessions) as session:
        alter(session, session.get_one(SchoolPlan, trial.plans(load_id)[A].id))

    load = trial.apply(load_id)
    assert (load.status, load.problem, load.go_on_at) == (
        LoadStatus.STOPPED, f"plan_altered: {A}", None,
    )  # fmt: skip
    assert A in wording.problem_in_words(load)
    assert "{" not in wording.problem_in_words(load)
    assert {code: plan.status for code, plan in trial.plans(load_id).items()} == {
        A: "approved", B: "applied",
    }  # fmt: skip
    assert not trial.plans(load_id)[A].started
    assert trial.account(A, "a-1") == before
    assert not trial.known(A, "a-30").suspended
    assert trial.known(B, "b-5").moodle_id is not None
    # Going on finds the same.
    assert trial.apply(load_id).problem == f"plan_altered: {A}"

    # What the text advises helps.
    trial.sync(trial.write(A, fewer, day=2))
    assert trial.known(A, "a-30").suspended
    load = trial.apply(load_id)
    assert (load.status, load.problem) == (LoadStatus.APPLIED, "")
    assert trial.plans(load_id)[A].status == "superseded"


def test_rows_that_a_killed_process_has_left_half_done_are_not_altered(trial: Trial) -> None:
    """Outcomes are written into the same rows; the digest is of what was planned."""
    load_id = trial.load(trial.write(A, ROWS_A))
    trial.approve(load_id)
    with transaction(trial.application.sessions) as session:
        session.execute(update(PlannedChange).values(result="failed", code="empty"))
    assert trial.apply(load_id).status == LoadStatus.APPLIED
