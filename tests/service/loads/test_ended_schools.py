"""People of a school that the registry has closed, and last days that a merger keeps."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from service.db import transaction
from service.loads import by_hand, closings, due, operations, school_changes
from service.loads.applying import apply_load
from service.models import Load, SchoolMembership
from service.registry import editing
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher


@on_both_databases
def test_a_school_closed_in_the_registry_lets_its_people_go(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 8)))
    now = trial.application.clock()
    with transaction(trial.application.sessions) as session:
        editing.close(session, SCOPE, A, on=now.date() - timedelta(days=1), now=now)
    assert due.schools_with_due(trial.application) == {A: 8}
    with transaction(trial.application.sessions) as session:
        settings = trial.application.settings
        load = school_changes.plan_closing(session, settings, SCOPE, A, now, now.date())
        assert load.plans


def _ended(trial: Trial, code: str) -> None:
    now = trial.application.clock()
    with transaction(trial.application.sessions) as session:
        editing.close(session, SCOPE, code, on=now.date() - timedelta(days=1), now=now)


@on_both_databases
def test_the_closing_of_a_school_is_planned_when_its_day_has_come(trial: Trial) -> None:
    both = teacher("t", who="t")
    trial.sync(
        trial.write(A, [*pupils("a", 30), both]),
        trial.write(B, [*pupils("b", 8), teacher("t2", who="t")]),
    )
    now = trial.application.clock()
    with transaction(trial.application.sessions) as session:
        editing.close(session, SCOPE, A, on=now.date(), now=now)
    assert closings.begin(trial.application) == []  # today is the last day
    _ended(trial, A)
    assert closings.begin(trial.application) == []  # all leave: a person says yes
    (load,) = trial.stored(select(Load).where(Load.operation.is_not(None)))
    assert (load.status, load.operation["kind"], trial.plans(load.id)[A].people) == (
        "planned", "close", 0,
    )  # fmt: skip
    assert closings.begin(trial.application) == []
    assert len(trial.stored(select(Load.id))) == 2  # it is planned once
    assert due.begin(trial.application) is None
    trial.carry_out(load.id, over_limits=True)
    assert trial.known(A, "a-1").state == "in_transit"
    assert trial.cohorts_of(A, "t") == {"Учителя · Школа № 2"}
    assert closings.begin(trial.application) == []


@on_both_databases
def test_a_closing_within_the_limits_needs_nobody(trial: Trial) -> None:
    """A club whose people are all on the rolls of their schools."""
    members = [pupil(f"d-{n}", who=f"h-{n}") for n in range(6)]
    trial.sync(
        trial.write(A, [pupil(f"a-{n}", who=f"h-{n}") for n in range(6)]),
        trial.write(B, members, kind="ДДТ"),
    )
    _ended(trial, B)
    (load_id,) = closings.begin(trial.application)
    apply_load(trial.application, load_id)
    assert trial.run(load_id).status == "applied"
    assert not [name for name in trial.cohorts_of(A, "a-1") if "№ 2" in name]
    assert trial.account(A, "a-1")["institution"] == "Школа № 1"


@on_both_databases
def test_a_closing_that_somebody_refused_is_not_planned_again(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 8)))
    _ended(trial, A)
    closings.begin(trial.application)
    (load_id,) = trial.stored(select(Load.id).where(Load.operation.is_not(None)))
    trial.ask(operations.reject, load_id)
    assert closings.begin(trial.application) == []
    assert len(trial.stored(select(Load.id).where(Load.operation.is_not(None)))) == 1


@on_both_databases
def test_a_merger_keeps_the_last_day_of_who_was_entered_by_hand(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 8)), trial.write(B, pupils("b", 8)))
    now, person = trial.application.clock(), pupil("x", who="new").person
    assert person.birth_date
    entered = by_hand.Entered(
        school_code=A, family_name=person.family_name, given_name=person.given_name,
        birth_date=person.birth_date, class_id="c-1", until=now.date() + timedelta(days=20),
    )  # fmt: skip
    trial.carry_out(by_hand.add(trial.application, entered, scope=SCOPE), over_limits=True)
    with transaction(trial.application.sessions) as session:
        settings = trial.application.settings
        load_id = school_changes.plan_merger(session, settings, SCOPE, A, B, now).id
    trial.carry_out(load_id, over_limits=True)
    places = select(SchoolMembership.school_code, SchoolMembership.until)
    assert trial.stored(places.where(SchoolMembership.until.is_not(None))) == [(B, entered.until)]
