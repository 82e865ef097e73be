"""Rows that are kept: read as they were written, laid over each other, forgotten when over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import func, select

from provisioning.findings import Finding, Severity
from provisioning.overlay import laid_over
from provisioning.roster import Mode, Part, Role
from service.db import transaction
from service.housekeeping import clear_away
from service.loads import rosters
from service.models import PlannedMembership, PlannedRoster, SchoolPlan
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, teacher


@on_both_databases
def test_rows_come_back_as_they_were(trial: Trial) -> None:
    trial.sync(trial.write(A, [pupil("a-1", begin_date=date(2026, 9, 1)), teacher("t-1")]))
    with trial.application.sessions() as session:
        found = rosters.accepted_rows(session, A)
    assert found is not None
    assert set(found.roster.persons) == {"a-1", "t-1"}
    assert found.roster.persons["t-1"].role is Role.TEACHER
    finding = Finding(rule="x.y", severity=Severity.ERROR, file="f", line=3, value="Ы")
    kept = replace(found, findings=(finding,))
    again = rosters.from_json(rosters.as_json(kept))
    assert (again.roster, tuple(again.findings)) == (kept.roster, (finding,))


def test_changes_lie_over_what_was_accepted(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("a", 2), teacher("t-1")]))
    with trial.application.sessions() as session:
        base = rosters.accepted_roster(session, A)
    assert base is not None
    changed = replace(base.persons["a-1"], family_name="Новая")
    told = replace(base, mode=Mode.CHANGES, persons={"a-1": changed}, classes={}, enrolments=())
    found = laid_over(base, told)
    assert (found.mode, found.parts) == (Mode.FULL, base.parts)
    assert found.persons["a-1"] == changed
    assert set(found.persons) == {"a-1", "a-2", "t-1"}
    of_staff = replace(base, parts=frozenset({Part.STAFF}), persons={}, classes={}, enrolments=())
    assert set(laid_over(base, of_staff).persons) == {"a-1", "a-2"}


@on_both_databases
def test_only_the_rows_of_the_last_two_applied_and_of_waiting_plans_stay(trial: Trial) -> None:
    applied = [trial.sync(trial.write(A, pupils("a", 3 + day), day=day)).id for day in range(3)]
    waiting = trial.load(trial.write(A, pupils("a", 7), day=4))
    clear_away(trial.application)
    assert len(trial.stored(select(PlannedRoster.plan_id))) == 4  # all are younger than a day
    earlier = trial.application.clock
    trial.application.clock = lambda: earlier() + timedelta(days=2)
    clear_away(trial.application)
    loads = select(SchoolPlan.load_id).join(PlannedRoster)
    assert sorted(trial.stored(loads)) == [*applied[1:], waiting]  # the last may be undone
    with_people = select(func.count(PlannedMembership.plan_id.distinct()))
    assert trial.stored(with_people) == [3]
    with transaction(trial.application.sessions) as session:
        found = rosters.accepted_roster(session, A)
    assert found is not None
    assert len(found.persons) == 5
