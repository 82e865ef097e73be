"""People of a school that the registry has closed, and last days that a merger keeps."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from service.db import transaction
from service.loads import by_hand, due, school_changes
from service.models import SchoolMembership
from service.registry import editing
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils


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
