"""Drifts are repaired, kept or excluded, one by one or all of a kind, by whoever may see them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from provisioning.exclusions import Excluded
from service.access import Forbidden, Scope
from service.models import Drift, DriftState, Exclusion, OperatorRole, StickyField
from service.portal import asking, deciding
from service.portal.deciding import Decided, Deciding
from service.portal.excluding import Excluding
from tests.service.factories import CITY
from tests.service.portal.conftest import Portal
from tests.service.portal.meddling import MEDDLING
from tests.service.trial import A, B, on_both_databases

SCHOOL_B = Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset({B}))
STAYS = [name for name, (_do, kind, field) in MEDDLING.items()
         if not kind.endswith("_deleted") and field not in ("person_id", "idnumber")]  # fmt: skip


def decide(portal: Portal, how: str, scope: Scope = CITY, **given: Any) -> Decided:
    application = portal.trial.application
    with portal.trial.rows() as session:
        use_cases = Deciding(
            session=session, settings=application.settings, scope=scope, now=application.clock()
        )
        numbers = [row.id for row in portal.drifts()]
        decided: Decided = getattr(use_cases, how)(numbers, **given)
        return decided


def meddled(portal: Portal, what: str) -> None:
    MEDDLING[what][0](portal)
    portal.look()


@pytest.mark.parametrize("what", STAYS)
def test_what_is_kept_stays_through_the_next_load_and_look(portal: Portal, what: str) -> None:
    meddled(portal, what)
    assert decide(portal, "keep").refused == {}
    assert portal.drifts() == []
    before = portal.trial.moodle()
    portal.trial.settled(*portal.files)
    assert portal.trial.moodle() == before
    portal.look()
    assert portal.drifts() == []


@pytest.mark.parametrize("what", sorted(MEDDLING.keys() - set(STAYS)))
def test_what_cannot_stay_is_refused_and_waits_on(portal: Portal, what: str) -> None:
    meddled(portal, what)
    waiting = len(portal.drifts())
    assert {one.code for one in decide(portal, "keep").refused.values()} == {"keep.no_field"}
    assert len(portal.drifts()) == waiting


@on_both_databases
def test_a_kept_field_that_is_changed_once_more_is_told_again(portal: Portal) -> None:
    meddled(portal, "rename")
    decide(portal, "keep")
    portal.update_user(portal.number(A, "p-1"), lastname="Ещёиначева")
    portal.look()
    (again,) = portal.drifts()
    assert (again.ours, again.theirs) == ("Иначева", "Ещёиначева")
    decide(portal, "keep")
    (row,) = portal.trial.stored(select(StickyField))
    assert (row.value, row.source_value) == ("Ещёиначева", portal.trial.known(A, "p-1").family_name)


@on_both_databases
def test_a_deleted_person_who_is_excluded_is_not_made_again(portal: Portal) -> None:
    meddled(portal, "delete an account")
    decide(portal, "exclude", reason="уехал")
    assert portal.kinds("excluded") == ["account_deleted"]
    load = portal.trial.sync(*portal.files)
    assert portal.trial.plans(load.id)[A].left_out == {"people": 1}
    person = portal.trial.person_id(A, "p-1")
    assert all(one["idnumber"] != person for one in portal.trial.moodle()["users"])
    portal.look()
    assert portal.drifts() == []


def test_an_exclusion_that_ends_lets_the_drift_wait_again(portal: Portal) -> None:
    meddled(portal, "rename a cohort")
    decide(portal, "exclude", reason="свой")
    (row,) = portal.trial.stored(select(Exclusion))
    assert row.what == Excluded.CLASS
    application = portal.trial.application
    with portal.trial.rows() as session:
        Excluding(
            session=session, settings=application.settings, scope=CITY, now=application.clock()
        ).end(row.id)
    assert portal.kinds() == ["object_renamed"]


def test_what_is_excluded_before_the_look_waits_for_nobody(portal: Portal) -> None:
    login = portal.trial.known(A, "p-1").username
    portal.trial.configure("moodle", untouched_logins=(login,))
    meddled(portal, "suspend")
    assert (portal.kinds(), portal.kinds("excluded")) == ([], ["account_suspended"])


def test_a_kind_that_is_kept_by_rule_is_noted_as_if_a_person_had(portal: Portal) -> None:
    portal.trial.configure("reconcile", keep=("account_renamed",))
    meddled(portal, "rename")
    assert portal.kinds() == []
    portal.trial.settled(*portal.files)
    assert portal.trial.account(A, "p-1")["lastname"] == "Иначева"
    meddled(portal, "no idnumber")
    assert [one.field for one in portal.drifts()] == ["person_id"]


def test_an_operator_answers_only_for_the_own_school(portal: Portal) -> None:
    meddled(portal, "rename")
    for how, given in (("keep", {}), ("exclude", {"reason": "так"}), ("repair", {})):
        with pytest.raises(Forbidden):
            decide(portal, how, SCHOOL_B, **given)
    with portal.trial.rows() as session:
        assert deciding.count_open(session, SCHOOL_B) == 0
        assert deciding.counted(session, SCHOOL_B) == {}
        assert deciding.counted(session, CITY) == {A: {"account_renamed": 1}}


def test_a_repair_plans_a_load_that_waits_for_a_yes(portal: Portal) -> None:
    meddled(portal, "rename")
    application = portal.trial.application
    with portal.trial.rows() as session:
        use_cases = Deciding(
            session=session, settings=application.settings, scope=CITY, now=application.clock()
        )
        load_id = use_cases.repair([row.id for row in portal.drifts()]).id
    assert portal.trial.run(load_id).status == "planned"
    portal.trial.carry_out(load_id)
    assert portal.trial.account(A, "p-1")["lastname"] != "Иначева"


def test_a_look_that_was_asked_for_is_taken_by_a_worker(portal: Portal) -> None:
    MEDDLING["rename"][0](portal)
    application = portal.trial.application
    with portal.trial.rows() as session:
        asking.ask(session, CITY, A, application.clock())
        asking.ask(session, CITY, A, application.clock())
        with pytest.raises(Forbidden):
            asking.ask(session, SCHOOL_B, A, application.clock())
        with pytest.raises(Forbidden):
            asking.ask(session, SCHOOL_B, "", application.clock())
    assert asking.take_asked(application, should_stop=lambda: False) == 1
    assert portal.kinds() == ["account_renamed"]
    with portal.trial.rows() as session:
        (done,) = asking.last_looks(session, CITY)
        assert (done.school_code, done.problem) == (A, "")
        assert done.ended_at is not None


def test_answers_are_kept_with_who_and_why(portal: Portal) -> None:
    meddled(portal, "rename")
    decide(portal, "keep", reason="просила мама")
    (row,) = portal.trial.stored(select(Drift))
    assert (row.state, row.decided_by, row.reason) == (
        DriftState.KEPT, CITY.actor, "просила мама",
    )  # fmt: skip
