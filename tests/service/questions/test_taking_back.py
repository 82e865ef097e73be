"""Answers that are taken back: what was planned by them, what both schools have afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from provisioning.questions import Answer, QuestionKind
from service.access import Forbidden, Scope
from service.loads import operations, planning, replanning
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import Identity, KnownUser, Load, OperatorRole, PlanStatus, SchoolMembership
from service.questions import answering
from service.questions.answering import QuestionProblem
from service.questions.listing import SeenCandidate, SeenQuestion
from tests.service.installation import SCOPE
from tests.service.questions.asked import answer, make_question, open_questions, school_scope, undo
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, refusal


@pytest.fixture
def moving(trial: Trial) -> tuple[Trial, int]:
    """A pupil of A whom B lists too; B is asked whether the pupil has come from A."""
    trial.sync(trial.write(A, [*pupils("a", 8), pupil("a-9", who="h", snils="")]))
    trial.sync(
        trial.write(B, [*pupils("b", 8, "c-2"), pupil("b-9", "c-2", who="h", snils="")], day=1)
    )
    (question,) = open_questions(trial)
    return trial, question.id


def _places(trial: Trial) -> set[tuple[str, bool]]:
    places = select(SchoolMembership.school_code, SchoolMembership.confirmed)
    return set(trial.stored(places.where(SchoolMembership.person_id == trial.person_id(A, "a-9"))))


@on_both_databases
def test_what_was_approved_by_an_answer_that_was_taken_back_is_not_applied(
    moving: tuple[Trial, int],
) -> None:
    trial, question = moving
    courses = trial.courses_of(A, "a-9")
    load = answer(trial, question, "confirm").load_id
    assert load
    plan_load(trial.application, load)
    trial.approve(load, over_limits=True)
    trial.ask(operations.ready_to_apply, load)
    again = undo(trial, question).load_id
    assert trial.decisions(load) == {B: PlanStatus.SUPERSEDED}
    apply_load(trial.application, load)
    assert (trial.decisions(load), _places(trial)) == ({B: PlanStatus.SUPERSEDED}, {(A, True)})
    assert again
    plan_load(trial.application, again)
    assert trial.carry_out(again, over_limits=True).status == "applied"
    assert trial.courses_of(A, "a-9") == courses


@on_both_databases
def test_what_waited_when_it_was_answered_is_held_back_and_planned_again(
    moving: tuple[Trial, int],
) -> None:
    trial, _question = moving
    rows = [*pupils("b", 8, "c-2"), pupil("b-10"), pupil("b-9", "c-2", who="h", snils="")]
    waiting = trial.load(trial.write(B, rows, day=2))
    trial.approve(waiting, over_limits=True)
    (seen,) = open_questions(trial)
    load = answer(trial, seen.id, "refuse").load_id
    assert trial.decisions(waiting) == {B: PlanStatus.SUPERSEDED}
    assert load
    plan_load(trial.application, load)
    trial.carry_out(load, over_limits=True)
    assert trial.person_id(B, "b-9") != trial.person_id(A, "a-9")
    assert trial.person_id(B, "b-10")  # the rows that waited are those that were planned


@on_both_databases
def test_a_plan_that_somebody_held_when_it_was_answered_is_stopped_when_it_is_applied(
    moving: tuple[Trial, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, question = moving
    load = answer(trial, question, "confirm").load_id
    assert load
    plan_load(trial.application, load)
    trial.approve(load, over_limits=True)
    monkeypatch.setattr("service.questions.plans.hold_back", lambda *_given: None)
    undo(trial, question)
    trial.apply(load)
    assert (trial.decisions(load), _places(trial)) == ({B: PlanStatus.SUPERSEDED}, {(A, True)})


@on_both_databases
def test_a_place_that_no_row_of_the_school_gives_any_more_proves_nothing(
    moving: tuple[Trial, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, question = moving
    load = answer(trial, question, "confirm").load_id
    assert load
    plan_load(trial.application, load)
    trial.approve(load, over_limits=True)
    monkeypatch.setattr("service.questions.plans.hold_back", lambda *_given: None)
    monkeypatch.setattr(replanning, "is_awaited", lambda *_given: False)
    undo(trial, question)
    trial.apply(load)
    assert _places(trial) == {(A, True), (B, False)}


def test_a_candidate_is_found_by_its_key_before_its_number() -> None:
    seen = SeenQuestion(
        id=1, state="open",  # type: ignore[arg-type]
        question=make_question("2026/2027 c", "2", "1", kind=QuestionKind.CLASS),
        candidates=(SeenCandidate(number=1, key="2"), SeenCandidate(number=2, key="1")),
    )  # fmt: skip
    assert answering._meant(seen, Answer.SAME, "1") == "1"
    assert answering._meant(seen, Answer.SAME, "2") == "2"


@on_both_databases
def test_taking_back_a_no_leaves_what_a_newer_file_said_of_the_human(
    moving: tuple[Trial, int],
) -> None:
    trial, question = moving
    _carried_out(trial, answer(trial, question, "refuse", school_scope(B)).load_id)
    _rename(trial)
    undo(trial, question, school_scope(B))
    assert _names(trial) == [("Новофамильный", "11223344595")]


@on_both_databases
def test_taking_back_a_yes_restores_what_it_led_to_and_no_more(moving: tuple[Trial, int]) -> None:
    trial, question = moving
    _carried_out(trial, answer(trial, question, "confirm").load_id)
    _rename(trial)
    undo(trial, question)
    assert _names(trial) == [("Новофамильный", "11223344595")]


@on_both_databases
@pytest.mark.parametrize("given", ["confirm", "refuse"])
def test_only_the_city_takes_back_what_the_city_has_said(
    moving: tuple[Trial, int], given: str
) -> None:
    trial, question = moving
    answer(trial, question, given)
    district = Scope(actor="district", role=OperatorRole.DISTRICT, items=frozenset({"Приморский"}))
    for scope in (school_scope(A, B), district):
        with pytest.raises((QuestionProblem, Forbidden)):
            undo(trial, question, scope)
    assert refusal(undo, trial, question, school_scope(A, B)) == "asked.not_yours"
    undo(trial, question)


@on_both_databases
def test_a_plan_of_older_rows_gives_way_to_a_file_that_came_while_it_was_made(
    moving: tuple[Trial, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, question = moving
    load = answer(trial, question, "confirm").load_id
    assert load
    real, newer = planning.recognise, []

    def meanwhile(*given: Any, **named: Any) -> Any:
        if not newer:
            newer.append(0)
            rows = [*pupils("b", 8, "c-2"), pupil("b-10"), pupil("b-9", "c-2", who="h", snils="")]
            newer[0] = trial.load(trial.write(B, rows, day=5))
        return real(*given, **named)

    monkeypatch.setattr(planning, "recognise", meanwhile)
    plan_load(trial.application, load)
    assert trial.decisions(load) == {B: PlanStatus.SUPERSEDED}
    assert trial.decisions(newer[0]) == {B: PlanStatus.PLANNED}


@on_both_databases
@pytest.mark.parametrize("scope", [SCOPE, school_scope(B)], ids=["city", "school"])
def test_the_old_school_has_the_pupil_again_once_a_move_is_taken_back(
    moving: tuple[Trial, int], scope: Scope
) -> None:
    trial, question = moving
    courses, cohorts = trial.courses_of(A, "a-9"), trial.cohorts_of(A, "a-9")
    _carried_out(trial, answer(trial, question, "confirm", scope).load_id)
    assert trial.courses_of(A, "a-9") != courses
    undo(trial, question, scope)
    waiting = select(Load.id).where(Load.status == "received").order_by(Load.id)
    for load_id in trial.stored(waiting):
        _carried_out(trial, load_id)
    assert (trial.courses_of(A, "a-9"), trial.cohorts_of(A, "a-9")) == (courses, cohorts)
    assert trial.account(A, "a-9")["department"] == "8А"
    assert _places(trial) == {(A, True)}


def _carried_out(trial: Trial, load_id: int | None) -> None:
    assert load_id is not None
    plan_load(trial.application, load_id)
    assert trial.carry_out(load_id, over_limits=True).status == "applied"


def _rename(trial: Trial) -> None:
    """Let the first school tell a new family name and a number."""
    row = pupil("a-9", who="h", family_name="Новофамильный", snils="11223344595")
    trial.sync(trial.write(A, [*pupils("a", 8), row], day=2))


def _names(trial: Trial) -> list[tuple[str, str]]:
    names = select(Identity.family_name, Identity.snils)
    return trial.stored(names.where(Identity.person_id == trial.person_id(A, "a-9")))


@on_both_databases
def test_a_second_account_that_an_answer_has_made_is_told_and_in_transit(
    moving: tuple[Trial, int],
) -> None:
    trial, question = moving
    load = answer(trial, question, "refuse").load_id
    assert load
    plan_load(trial.application, load)
    trial.carry_out(load, over_limits=True)
    second = trial.person_id(B, "b-9")
    assert second != trial.person_id(A, "a-9")
    again = undo(trial, question).load_id
    assert again
    plan_load(trial.application, again)
    (finding,) = trial.findings(again, "match.second_account")
    assert (finding.school_code, finding.sourced_id) == (B, "b-9")
    trial.carry_out(again, over_limits=True)
    with trial.application.sessions() as session:
        known = session.get_one(KnownUser, second)
        assert (known.state, known.in_roll, known.suspended) == ("in_transit", False, False)
    later = trial.load(
        trial.write(B, [*pupils("b", 8, "c-2"), pupil("b-9", "c-2", who="h", snils="")], day=2)
    )
    assert trial.findings(later, "match.second_account") == []
