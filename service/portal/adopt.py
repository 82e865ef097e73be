"""Taking over a living portal: look at all accounts, show the list, carry it out after the yes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioning.changes import Action, Kind
from provisioning.moodle import MoodleClient, MoodleError
from service import audit, moodle_gate
from service.access import Scope, need_city
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.loads.replanning import plan_from_kept_rows, supersede
from service.models import (
    AdoptedObject,
    Adoption,
    AdoptionRun,
    AdoptionState,
    OperatorRole,
    PlannedChange,
)
from service.portal import adopt_in_charge
from service.portal.adopt_applying import Adopting
from service.portal.adopt_cohorts import read_cohorts
from service.portal.adopt_comparing import Comparison
from service.portal.adopt_listing import counts, digest, newest_run
from service.portal.adopt_objects import look_at_objects, take_over_objects
from service.portal.adopt_people import (
    AdoptionError,
    check_plans_agree,
    newest_plans,
    plans_with_accounts,
)
from service.portal.adopt_reading import Reading
from service.portal.adopt_rows import Shown

Stop = Callable[[], bool]


def _never() -> bool:
    return False


def begin(session: Session, *, scope: Scope, now: datetime, anew: bool = False) -> int:
    """Return the look that goes on, or a new one. Raises ``AdoptionError`` while a list to which
    somebody said yes is not carried out, where no school waits with people to compare, and where
    plans of a school wait for different people."""
    need_city(scope)
    run = newest_run(session)
    if run is not None and run.state == AdoptionState.APPROVED:
        raise AdoptionError("adoption.unfinished")
    goes_on = run is not None and run.state in (AdoptionState.READING, AdoptionState.COMPARING)
    if run is not None and goes_on and not anew:
        return run.id
    check_plans_agree(session)
    if not newest_plans(session):
        raise AdoptionError("adoption.nobody")
    run = AdoptionRun(state=AdoptionState.READING, began_at=now, actor=scope.actor)
    session.add(run)
    session.flush()
    audit.record(session, AuditAction.ADOPTION_LOOK, at=now, actor=scope.actor, run=run.id)
    return run.id


def look(
    application: Application, moodle: MoodleClient, run_id: int, *, should_stop: Stop = _never
) -> bool:
    """Read and compare what is left of a look; writes nothing to Moodle.

    False when it was stopped on the way. ``MoodleError`` when Moodle does not answer: beginning
    again goes on where it was.
    """
    with application.sessions() as session:
        state = session.get_one(AdoptionRun, run_id).state
    try:
        if state == AdoptionState.READING:
            in_charge, problem = adopt_in_charge.in_charge(moodle)
            with transaction(application.sessions) as session:
                session.get_one(AdoptionRun, run_id).problem = problem
            cohorts = read_cohorts(moodle)
            reading = Reading(application, moodle, cohorts=cohorts.of, in_charge=in_charge)
            if not reading.read(run_id, should_stop=should_stop):
                return False
            state = AdoptionState.COMPARING
        if state == AdoptionState.COMPARING:
            look_at_objects(application, moodle, run_id)
    except MoodleError as error:
        with transaction(application.sessions) as session:
            session.get_one(AdoptionRun, run_id).problem = str(error)[:200]
        raise
    if state == AdoptionState.COMPARING:
        return Comparison(application, run_id).compare(should_stop=should_stop)
    return True


def approve(
    session: Session,
    *,
    expected_digest: str,
    scope: Scope,
    now: datetime,
    despite_questions: bool = False,
) -> int:
    """Say yes to the list, which must have this digest; return the look.

    The same yes once more goes on with what is left of it. While there are questions only
    ``despite_questions``: the people who are asked about would get a second account with the next
    plan. Raises ``AdoptionError``.
    """
    need_city(scope)
    run = newest_run(session)
    if run is None or run.state in (AdoptionState.READING, AdoptionState.COMPARING):
        raise AdoptionError("adoption.no_list")
    if run.state == AdoptionState.APPROVED:
        if run.digest != expected_digest:
            raise AdoptionError("adoption.unfinished")
        return run.id
    if digest(session) != expected_digest:
        raise AdoptionError("adoption.other_list")
    found = counts(session)
    accounts, questions = found.get(Shown.CERTAIN.value, 0), found.get(Shown.QUESTION.value, 0)
    if questions and not despite_questions:
        raise AdoptionError("adoption.questions", n=questions)
    check_plans_agree(session)
    run.state, run.digest = AdoptionState.APPROVED, expected_digest
    run.approved_by, run.approved_at = scope.actor, now
    # They would make accounts that are there; the schools are planned again at the end.
    run.plans = newest_plans(session)
    others = (one for plans in plans_with_accounts(session).values() for one in plans)
    supersede(session, {*run.plans.values(), *others})
    certain = Adoption.outcome == Shown.CERTAIN
    session.execute(update(Adoption).where(certain).values(outcome=Shown.AGREED))
    named = AdoptedObject.outcome == Shown.CERTAIN
    session.execute(update(AdoptedObject).where(named).values(outcome=Shown.AGREED))
    audit.record(
        session, AuditAction.ADOPTION_APPROVE, at=now, actor=scope.actor, run=run.id,
        accounts=accounts, digest=expected_digest,
    )  # fmt: skip
    return run.id


def carry_out(
    application: Application,
    moodle: MoodleClient,
    run_id: int,
    *,
    scope: Scope,
    should_stop: Stop = _never,
) -> int | None:
    """Adopt what is agreed; return the load that plans the schools again, None where none is to be
    planned or it was stopped on the way. ``MoodleError`` when Moodle does not answer."""
    with application.sessions() as session:
        plans = session.get_one(AdoptionRun, run_id).plans

    def stops() -> bool:
        return should_stop() or _is_closed(application)

    if not Adopting(application, moodle).adopt(plans, should_stop=stops):
        return None
    take_over_objects(application, moodle)
    with transaction(application.sessions) as session:
        run = session.get_one(AdoptionRun, run_id)
        if run.state != AdoptionState.APPROVED:
            return None
        run.state = AdoptionState.APPLIED
        now = application.clock()
        touched = [*plans, *_planned_meanwhile(session)]
        load = plan_from_kept_rows(
            session, home=application.settings.home, schools=touched, scope=scope, now=now
        )
        audit.record(
            session, AuditAction.ADOPTION_APPLY, at=now, actor=scope.actor, run=run.id,
            accounts=counts(session).get(Shown.ADOPTED.value, 0),
        )  # fmt: skip
        return load.id if load else None


def _is_closed(application: Application) -> bool:
    """Tell whether nothing may be written to Moodle now: a pause, or a quiet time."""
    settings, now = application.settings, application.clock()
    with application.sessions() as session:
        return moodle_gate.closed(session, settings.quiet, application.zone, now) is not None


def _planned_meanwhile(session: Session) -> list[str]:
    """Return the schools whose newer plan would make an account that is ours by now, and let no
    such plan be applied."""
    found = {}
    for code, plans in plans_with_accounts(session).items():
        made = (
            select(Adoption.moodle_id)
            .join(PlannedChange, PlannedChange.key == Adoption.person_id)
            .where(
                PlannedChange.plan_id.in_(plans), PlannedChange.kind == Kind.USER,
                PlannedChange.action == Action.CREATE, Adoption.outcome == Shown.ADOPTED,
            )
            .limit(1)
        )  # fmt: skip
        if session.scalar(made) is not None:
            found[code] = plans
    supersede(session, [one for plans in found.values() for one in plans])
    return list(found)


def go_on(application: Application, run_id: int, *, should_stop: Stop = _never) -> int | None:
    """Do what is next of a look: read and compare, or carry out what somebody agreed to; the load
    that plans the schools again, if any. What Moodle refuses stands in ``AdoptionRun.problem``."""
    with application.sessions() as session:
        run = session.get_one(AdoptionRun, run_id)
        state, scope = run.state, Scope(actor=run.approved_by, role=OperatorRole.CITY)
    with application.moodle() as moodle:
        if state in (AdoptionState.READING, AdoptionState.COMPARING):
            look(application, moodle, run_id, should_stop=should_stop)
        elif state == AdoptionState.APPROVED:
            return carry_out(application, moodle, run_id, scope=scope, should_stop=should_stop)
    return None
