"""People whom an operator enters until the next export names them: today's pupil, the substitute.

They get identity, login and account through a plan like any other, which somebody approves.
Matching finds them when their row comes; without one they leave the roll when their day is over
(``due``).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from provisioning import roster as told
from provisioning.desired import DesiredRules, desired_state, desired_users
from provisioning.evidence import compare
from provisioning.matching import BY_HAND, Matching
from provisioning.person_states import PersonState, grade_in
from provisioning.plan import make_plan
from provisioning.questions import Answer, Decided, Decision, Question, QuestionKind
from provisioning.roll import next_roll
from provisioning.roster import Enrolment, Mode, Person, Role, Roster, SchoolClass
from provisioning.state import MoodleUser
from provisioning.validation import STAFF_AGES, STUDENT_AGES, age_on
from service import audit
from service.access import Scope, find_school, people_inside
from service.application import Application
from service.audit import AuditAction
from service.db import copied, transaction
from service.loads import asking, known_state, operations
from service.loads.candidates import known_alone
from service.loads.identities import recognise, usernames
from service.loads.left_alone import Hands
from service.loads.operations import LoadProblem
from service.loads.plan_storing import store_plan, store_roll
from service.models import (
    Identity,
    KnownUser,
    Load,
    LoadCause,
    LoadStatus,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
)

LONGEST = timedelta(days=120)
"""Somebody who stays longer stands in an export by then."""
LONGEST_NAME = 100
ROLES = (Role.STUDENT, Role.TEACHER, Role.ADMINISTRATOR)
NEW_YEAR_MONTH = 8
"""From August on the coming school year counts."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Entered:
    """What an operator types."""

    school_code: str
    family_name: str
    given_name: str
    middle_name: str = ""
    birth_date: date
    role: Role = Role.STUDENT
    class_id: str = ""
    until: date
    """The last day on the roll, unless an export lists the person by then."""
    same_as: str = ""
    """The login of the person of this name and birth date whom we know: it is the same human."""
    is_another: bool = False
    """It is none of the people of this name and birth date whom we know."""


def add(application: Application, entered: Entered, *, scope: Scope) -> int:
    """Plan a person's account; return the number of the load, which waits for its yes.

    Raises ``Forbidden``, and ``LoadProblem``: ``by_hand.name``, ``by_hand.birth_date``,
    ``by_hand.until``, ``by_hand.class``, ``by_hand.under_way`` (a load of the school is being
    applied), ``by_hand.known`` (say whether it is the same human), ``by_hand.not_known``,
    ``by_hand.listed`` (the person is on a roll). The last three tell of people inside the scope
    only: whether the row is somebody else whom we know is asked, and the city answers.
    """
    now = application.clock()
    today = now.astimezone(application.zone).date()
    with transaction(application.sessions) as session:
        roster = _as_roster(session, find_school(session, scope, entered.school_code), entered, now)
        _check(session, entered, roster, today)
        answers = _answers(session, entered, roster, scope)
    roster, found = recognise(
        application.sessions, roster, application.settings, now, answers=answers
    )
    asked: Sequence[Question] = ()
    if not found.matches:
        asked = found.questions
        maybe = {each.key for one in asked for each in one.candidates}
        with application.sessions() as session:
            if entered.same_as:
                raise LoadProblem("by_hand.not_known")
            if people_inside(session, scope, maybe) and not entered.is_another:
                raise LoadProblem("by_hand.known")
            others = _another(session, entered, roster, maybe)
        roster, found = recognise(
            application.sessions, roster, application.settings, now, answers=others
        )
    if not found.matches:
        raise LoadProblem("by_hand.known")
    with transaction(application.sessions) as session:
        load_id = _plan(session, application, entered, roster, found, scope=scope, now=now)
        if not entered.is_another:
            asking.keep_questions(session, load_id, asked, now)
        return load_id


def classes_of(session: Session, school_code: str) -> dict[str, str]:
    """Return the titles of the classes on a school's roll by their keys."""
    rows = session.execute(
        select(SchoolMembership.class_id, SchoolMembership.class_title)
        .where(SchoolMembership.school_code == school_code, SchoolMembership.class_id != "")
        .distinct()
    )
    return dict(rows.all())


def entered_people(scope: Scope) -> Select[KnownUser, SchoolMembership]:
    """Return the query of the people entered by hand in the schools inside, soonest end first."""
    return (
        select(KnownUser, SchoolMembership)
        .join(SchoolMembership, SchoolMembership.person_id == KnownUser.person_id)
        .where(
            SchoolMembership.until.is_not(None),
            SchoolMembership.school_code.in_(scope.codes()),
            scope.people(),
        )
        .order_by(SchoolMembership.until, KnownUser.family_name, KnownUser.person_id)
    )


def _check(session: Session, entered: Entered, roster: Roster, today: date) -> None:
    longest = max(len(entered.family_name), len(entered.given_name), len(entered.middle_name))
    if not (entered.family_name.strip() and entered.given_name.strip()) or longest > LONGEST_NAME:
        raise LoadProblem("by_hand.name")
    ages = STUDENT_AGES if entered.role is Role.STUDENT else STAFF_AGES
    if age_on(entered.birth_date, today) not in ages:
        raise LoadProblem("by_hand.birth_date")
    if not today <= entered.until <= today + LONGEST:
        last = (today + LONGEST).strftime("%d.%m.%Y")
        raise LoadProblem("by_hand.until", last=last)
    if entered.class_id and entered.class_id not in roster.classes:
        known = classes_of(session, entered.school_code)
        raise LoadProblem("by_hand.class", known=", ".join(sorted(known)))
    under_way = select(SchoolPlan.id).join(School, School.code == SchoolPlan.school_code).where(
        SchoolPlan.school_code == entered.school_code,
        SchoolPlan.status == PlanStatus.APPROVED,
        SchoolPlan.known_version == School.known_version,
    )  # fmt: skip
    if session.scalar(under_way.limit(1)) is not None:
        raise LoadProblem("by_hand.under_way")


def _answers(session: Session, entered: Entered, roster: Roster, scope: Scope) -> Decided:
    """Return what the operator says about people of the same name, as an answer to a question.

    A row is typed by anybody: that it is somebody outside the scope says nobody but the city, and
    nobody learns from a refusal whose logins there are.
    """
    (key,) = roster.persons
    if entered.same_as:
        same = session.scalar(select(Identity).where(Identity.username == entered.same_as))
        if same is None or not people_inside(session, scope, [same.person_id]):
            raise LoadProblem("by_hand.not_known")
        _check_unlisted(session, scope, same.person_id)
        if not compare(roster.persons[key], known_alone(same)).is_exact:
            raise LoadProblem("by_hand.not_known")
        said = Decision(answer=Answer.SAME, candidate=same.person_id)
        return Decided(decisions={(QuestionKind.MATCH, key): [said]})
    if entered.is_another:
        return _another(session, entered, roster, ())
    return Decided()


def _another(
    session: Session, entered: Entered, roster: Roster, others: Collection[str]
) -> Decided:
    """Return that the person is none of these, and nobody of this birth date whom we know."""
    (key,) = roster.persons
    born = select(Identity.person_id).where(Identity.birth_date == entered.birth_date)
    refused = frozenset(session.scalars(born)) | frozenset(others)
    said = Decision(answer=Answer.DIFFERENT, refused=refused)
    return Decided(decisions={(QuestionKind.MATCH, key): [said]})


def _check_unlisted(session: Session, scope: Scope, person_id: str) -> None:
    """Check that no school lists the person; of people outside the scope nothing is told."""
    places = select(SchoolMembership.person_id).where(SchoolMembership.person_id == person_id)
    if session.scalar(places.limit(1)) is not None:
        is_inside = people_inside(session, scope, [person_id])
        raise LoadProblem("by_hand.listed" if is_inside else "by_hand.not_known")


def _as_roster(session: Session, school: School, entered: Entered, now: datetime) -> Roster:
    """Return what was typed as a file of changes with one row would say it."""
    newest = (
        select(SchoolPlan.school_year)
        .where(
            SchoolPlan.school_code == school.code, SchoolPlan.status == PlanStatus.APPLIED,
            SchoolPlan.school_year != "",
        )
        .order_by(SchoolPlan.applied_at.desc())
    )  # fmt: skip
    first = now.year if now.month >= NEW_YEAR_MONTH else now.year - 1
    titles = classes_of(session, school.code)
    title = titles.get(entered.class_id)
    classes = {}
    if title is not None:
        grade = grade_in(title) or 0
        classes = {
            entered.class_id: SchoolClass(sourced_id=entered.class_id, title=title, grade=grade)
        }
    key = f"{BY_HAND}{uuid.uuid4().hex[:12]}"
    person = Person(
        sourced_id=key,
        role=entered.role,
        family_name=entered.family_name.strip(),
        given_name=entered.given_name.strip(),
        middle_name=entered.middle_name.strip(),
        birth_date=entered.birth_date,
    )
    link = Enrolment(person_id=key, class_id=entered.class_id, role=entered.role)
    return Roster(
        source=BY_HAND.rstrip("-"),
        school=copied(told.School, school, kind=""),
        school_year=session.scalar(newest.limit(1)) or f"{first}/{first + 1}",
        exported_at=now,
        mode=Mode.CHANGES,
        parts=frozenset(),
        classes=classes,
        persons={key: person},
        enrolments=(link,) if classes else (),
    )


def _plan(
    session: Session,
    application: Application,
    entered: Entered,
    roster: Roster,
    found: Matching,
    *,
    scope: Scope,
    now: datetime,
) -> int:
    settings = application.settings
    today = now.astimezone(application.zone).date()
    school = session.get_one(School, entered.school_code)
    before = known_state.roll_before(session, school.code)
    ((key, match),) = found.matches.items()
    _check_unlisted(session, scope, match.person_id)
    roll = next_roll(roster, found, before, today=today)
    entry = replace(roll.after[match.person_id], until=entered.until)
    roll = replace(roll, after={match.person_id: entry})
    known = known_state.known_state(session, school.code)
    hands = Hands(session, settings, known)
    rules = copied(DesiredRules, settings)
    users = desired_users(
        roster, replace(roll, before={}), hands.told,
        usernames=usernames(session, [match.person_id]), elsewhere={}, rules=rules, today=today,
    )  # fmt: skip
    users[match.person_id] = _entered(users[match.person_id], key)
    desired = desired_state(roster, replace(roll, before={}), hands.told, users, rules=rules)
    load, _folder = operations.new_load(
        session, home=settings.home, scope=scope, now=now, cause=LoadCause.BY_HAND
    )
    load.status, load.planned_at = LoadStatus.PLANNED, now
    stored = SchoolPlan(
        load_id=load.id, school_code=school.code, status=PlanStatus.PLANNED, keeps_roll=True,
        known_version=school.known_version, school_year=roster.school_year, people=1,
    )  # fmt: skip
    session.add(stored)
    session.flush()
    store_roll(session, stored, roster, roll)
    known, desired = hands.respected(stored, known, desired)
    store_plan(session, stored, make_plan(known, desired, settings.limits))
    audit.record(
        session, AuditAction.PERSON_ENTER, at=now, actor=scope.actor, load_id=load.id,
        school_code=school.code, person=match.person_id, until=entered.until.isoformat(),
    )  # fmt: skip
    return load.id


def _entered(user: MoodleUser, key: str) -> MoodleUser:
    return replace(user, state=PersonState.BY_HAND, sourced_id=key, source=BY_HAND.rstrip("-"))


def loads_of(session: Session, scope: Scope) -> Sequence[Load]:
    """Return the loads by which people were entered and which wait for a yes, newest first."""
    waits = Load.cause == LoadCause.BY_HAND, Load.status == LoadStatus.PLANNED
    return session.scalars(select(Load).where(*waits, scope.loads()).order_by(Load.id.desc())).all()
