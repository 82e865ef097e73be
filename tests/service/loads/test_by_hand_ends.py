"""The last day of somebody entered by hand whom another school has listed since."""

from __future__ import annotations

from sqlalchemy import delete, select

from provisioning.person_states import PersonState
from service.loads import due
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import (
    CohortMember,
    KnownEnrolment,
    KnownUser,
    Load,
    RollAct,
    RollEvent,
    SchoolMembership,
)
from tests.service.loads.test_by_hand import UNTIL, add
from tests.service.loads.test_moves import days_later, let_time_work, state_of
from tests.service.trial import A, B, Trial, on_both_databases, pupils, teacher

SUBSTITUTE = teacher("b-t", who="substitute")
OTHERS = [*pupils("b", 8, "c-2"), teacher("b-head")]


def listed_by_both(trial: Trial) -> str:
    """A teacher of B who left, was entered by hand at A until a day, and whom B lists again."""
    trial.sync(trial.write(A, pupils("a", 8)), trial.write(B, [*OTHERS, SUBSTITUTE]))
    trial.sync(trial.write(B, OTHERS, day=1))
    same_as = trial.known(B, "b-t").username
    add(trial, SUBSTITUTE, class_id="", role=SUBSTITUTE.person.role, same_as=same_as)
    trial.sync(trial.write(B, [*OTHERS, SUBSTITUTE], day=2))
    person_id = trial.person_id(B, "b-t")
    assert places(trial, person_id) == {A, B}
    return person_id


def places(trial: Trial, person_id: str) -> set[str]:
    mine = SchoolMembership.person_id == person_id
    return set(trial.stored(select(SchoolMembership.school_code).where(mine)))


def time_works(trial: Trial) -> Load:
    load = let_time_work(trial)
    assert load
    assert (load.status, load.problem) == ("applied", "")
    return load


@on_both_databases
def test_a_place_by_hand_ends_though_another_school_lists_the_person(trial: Trial) -> None:
    person_id = listed_by_both(trial)
    account, cohorts = trial.account(B, "b-t"), trial.cohorts_of(B, "b-t")
    at_b = {name for name in cohorts if "№ 2" in name}
    assert cohorts > at_b
    assert at_b
    assert let_time_work(trial) is None
    days_later(trial, 15)
    assert due.schools_with_due(trial.application) == {A: 1}
    time_works(trial)
    assert places(trial, person_id) == {B}
    assert trial.cohorts_of(B, "b-t") == at_b
    assert trial.account(B, "b-t") == account
    left = RollEvent.act == RollAct.LEFT, RollEvent.person_id == person_id
    assert trial.stored(select(RollEvent.school_code).where(*left).order_by(RollEvent.id)) == [B, A]
    assert let_time_work(trial) is None
    trial.sync(trial.write(B, [*OTHERS, SUBSTITUTE], day=16))
    assert state_of(trial, B, "b-t") == (PersonState.ON_ROLL, 0)


@on_both_databases
def test_who_was_by_hand_is_the_other_school_s_from_then_on(trial: Trial) -> None:
    """The school where the person was entered by hand had the newer export, and spoke."""
    person_id = listed_by_both(trial)
    with trial.rows() as session:
        known = session.get_one(KnownUser, person_id)
        known.state, known.school_code = PersonState.BY_HAND, A
    days_later(trial, 15)
    time_works(trial)
    known = trial.known(B, "b-t")
    assert (known.state, known.school_code) == (PersonState.ON_ROLL, B)
    assert trial.account(B, "b-t")["institution"] == "Школа № 2"


@on_both_databases
def test_a_place_by_hand_of_which_moodle_holds_nothing_ends_too(trial: Trial) -> None:
    person_id = listed_by_both(trial)
    with trial.rows() as session:
        for table in (CohortMember, KnownEnrolment):
            session.execute(delete(table).where(table.school_code == A))
    days_later(trial, 15)
    time_works(trial)
    assert places(trial, person_id) == {B}
    assert let_time_work(trial) is None


@on_both_databases
def test_a_place_by_hand_that_is_over_keeps_nobody_from_being_let_go(trial: Trial) -> None:
    """B's plan was made while A had the person by hand, and is applied when that is over."""
    person_id = listed_by_both(trial)
    days_later(trial, 15)
    load_id = trial.load(trial.write(B, OTHERS, day=16))
    trial.approve(load_id, over_limits=True)
    with trial.rows() as session:
        own = SchoolMembership.person_id == person_id, SchoolMembership.school_code == A
        assert session.scalars(select(SchoolMembership).where(*own)).one().until == UNTIL
    trial.apply(load_id)
    (change,) = (one for one in trial.changes(load_id) if one.key == person_id)
    assert (change.result, change.code) == ("done", "")
    assert trial.known(B, "b-t").state == PersonState.IN_TRANSIT
    assert places(trial, person_id) == set()


def test_a_place_by_hand_whose_plan_waits_is_planned_once(trial: Trial) -> None:
    listed_by_both(trial)
    days_later(trial, 15)
    load_id = due.begin(trial.application)
    assert load_id
    plan_load(trial.application, load_id)
    assert due.schools_with_due(trial.application) == {}
    assert due.approve_within_limits(trial.application, load_id)
    apply_load(trial.application, load_id)
    assert due.schools_with_due(trial.application) == {}
