"""Deletion of archived people: the only thing that ever deletes an account, and never by itself.

A person names a list, looks at it, and says yes to its digest. The account goes in Moodle; of ours
stay the person id and the login, which are given to nobody else, and history without names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from auth.linking.models import Link
from auth.models import Credential
from provisioning.changes import Kind
from provisioning.moodle import MoodleClient, MoodleRefused
from provisioning.person_states import PersonState
from service import audit, moodle_gate
from service.access import Scope, need_city
from service.application import Application
from service.audit import AuditAction
from service.db import chunks, rows_among, transaction
from service.loads.clearing_questions import clear
from service.loads.left_alone import exclusions
from service.models import (
    Adoption,
    CohortMember,
    Drift,
    ForeignAccount,
    Identity,
    KnownEnrolment,
    KnownUser,
    PlannedChange,
    PlannedSticky,
    PlanStatus,
    QuestionState,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
    StickyField,
    StoredDecision,
    StoredQuestion,
)
from service.problems import Problem

_SHOWN = 20
"""So many of those who cannot be deleted are named."""


CAME_BACK = "came_back"
"""Code of those who are archived no more, or whom a plan that was approved brings back."""


class DeletionProblem(Problem):
    """Codes: ``delete.none``, ``delete.unknown``, ``delete.not_archived``, ``delete.digest``,
    ``delete.closed``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletable:
    """An archived person with an account."""

    person_id: str
    username: str
    moodle_id: int
    school_code: str
    away_since: datetime | None


def listed(session: Session, scope: Scope, names: Collection[str]) -> list[Deletable]:
    """Return the archived people of these logins or person ids.

    Raises ``Forbidden`` for all but the city, ``DeletionProblem`` when anybody of them is not known
    or not archived: then nobody is deleted.
    """
    need_city(scope)
    wanted = sorted(set(names))
    found: dict[str, KnownUser] = {}
    for some in chunks(wanted):
        named = or_(KnownUser.person_id.in_(some), KnownUser.username.in_(some))
        for user in session.scalars(select(KnownUser).where(named)):
            found |= {user.person_id: user, user.username: user}
    if unknown := [name for name in wanted if name not in found]:
        raise DeletionProblem("delete.unknown", who=", ".join(unknown[:_SHOWN]))
    people = {found[name].person_id: found[name] for name in wanted}
    on_rolls = {
        person_id
        for (person_id,) in rows_among(
            session, select(SchoolMembership.person_id), SchoolMembership.person_id, people
        )
    }
    others = [
        one.username
        for one in people.values()
        if one.state != PersonState.ARCHIVED or not one.suspended or one.person_id in on_rolls
    ]
    if others:
        raise DeletionProblem("delete.not_archived", who=", ".join(sorted(others)[:_SHOWN]))
    return _deletable(people.values())


def archived_before(session: Session, scope: Scope, moment: datetime) -> list[Deletable]:
    """Return the archived people who were on no roll since before a moment."""
    need_city(scope)
    on_roll = exists().where(SchoolMembership.person_id == KnownUser.person_id)
    archived = select(KnownUser).where(
        KnownUser.state == PersonState.ARCHIVED, KnownUser.suspended.is_(True),
        KnownUser.away_since < moment, KnownUser.moodle_id.is_not(None), ~on_roll,
    )  # fmt: skip
    return _deletable(session.scalars(archived).all())


def _deletable(people: Collection[KnownUser]) -> list[Deletable]:
    return sorted(
        (
            Deletable(
                person_id=one.person_id, username=one.username, moodle_id=one.moodle_id,
                school_code=one.school_code, away_since=one.away_since,
            )
            for one in people
            if one.moodle_id is not None
        ),
        key=lambda one: one.person_id,
    )  # fmt: skip


def digest(people: Sequence[Deletable]) -> str:
    """Return the digest of a list, which the second yes names."""
    text = "".join(f"{one.person_id} {one.moodle_id} {one.username}\n" for one in people)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def carry_out(
    application: Application, people: Sequence[Deletable], said: str, *, scope: Scope
) -> tuple[int, list[tuple[Deletable, str]]]:
    """Delete the accounts; return how many are deleted, and those that Moodle kept, with its code.

    ``said`` is the digest of the list that somebody has looked at. Who is excluded stays, and who
    has come back, or is about to, since it was made (code ``came_back``).

    Each batch is recorded when Moodle has answered; what it has deleted already is recorded too, so
    that a second call goes on where the first broke off. Raises ``DeletionProblem``,
    ``MoodleError``.
    """
    need_city(scope)
    if not people:
        raise DeletionProblem("delete.none")
    if not said or said != digest(people):
        raise DeletionProblem("delete.digest")
    settings, deleted = application.settings, 0
    kept: list[tuple[Deletable, str]] = []
    with application.sessions() as session:
        excluded = exclusions(session, settings.moodle)
    left = []
    for one in people:
        if excluded.names_person(idnumber=one.person_id, login=one.username):
            kept.append((one, "excluded"))
        else:
            left.append(one)
    with application.moodle() as moodle:
        for some in chunks(left, moodle.batch_size):
            now = application.clock()
            with application.sessions() as session:
                if moodle_gate.closed(session, settings.quiet, application.zone, now):
                    raise DeletionProblem("delete.closed")
                away = _still_away(session, some)
            kept += [(one, CAME_BACK) for one in some if one not in away]
            gone, refused = _delete(moodle, away) if away else ([], [])
            kept += refused
            with transaction(application.sessions) as session:
                for one in gone:
                    _forget(session, one, now, actor=scope.actor)
            deleted += len(gone)
    return deleted, kept


def _still_away(session: Session, people: Sequence[Deletable]) -> list[Deletable]:
    """Return those who are archived as ever, on no roll, and in no plan that is to be applied."""
    ids = [one.person_id for one in people]
    archived = select(KnownUser.person_id, KnownUser.moodle_id).where(
        KnownUser.state == PersonState.ARCHIVED, KnownUser.suspended.is_(True)
    )
    there = {(row[0], row[1]) for row in rows_among(session, archived, KnownUser.person_id, ids)}
    planned = (
        select(PlannedChange.key)
        .join(SchoolPlan)
        .where(PlannedChange.kind == Kind.USER, SchoolPlan.status == PlanStatus.APPROVED)
    )
    back = {row[0] for row in rows_among(session, planned, PlannedChange.key, ids)}
    rolls = select(SchoolMembership.person_id)
    back |= {row[0] for row in rows_among(session, rolls, SchoolMembership.person_id, ids)}
    return [
        one
        for one in people
        if (one.person_id, one.moodle_id) in there and one.person_id not in back
    ]


def _delete(
    moodle: MoodleClient, people: Sequence[Deletable]
) -> tuple[list[Deletable], list[tuple[Deletable, str]]]:
    """Delete a batch, or find the account that Moodle refuses."""
    try:
        moodle.delete_users([one.moodle_id for one in people])
    except MoodleRefused as error:
        if len(people) == 1:
            if moodle.deleted([people[0].moodle_id]):
                return list(people), []
            return [], [(people[0], error.code)]
        half = len(people) // 2
        first, second = _delete(moodle, people[:half]), _delete(moodle, people[half:])
        return first[0] + second[0], first[1] + second[1]
    return list(people), []


def _forget(session: Session, one: Deletable, now: datetime, *, actor: str) -> None:
    """Erase what we know of a person but for the person id and the login, which stay taken."""
    nothing = dict.fromkeys(
        ("family_name", "given_name", "middle_name", "name_key", "given_key", "family_key", "sex",
         "snils"), "",
    )  # fmt: skip
    session.execute(
        update(Identity)
        .where(Identity.person_id == one.person_id)
        .values(**nothing, birth_date=None, erased_at=now)
    )
    _clear_questions(session, one.person_id, now)
    drifts = select(Drift.id).where(Drift.person_id == one.person_id)
    of_account = (StickyField.subject == Kind.USER) & (StickyField.key == one.person_id)
    session.execute(delete(StickyField).where(of_account | StickyField.drift_id.in_(drifts)))
    planned = (PlannedSticky.subject == Kind.USER) & (PlannedSticky.key == one.person_id)
    session.execute(delete(PlannedSticky).where(planned))
    for table in (
        SourceKey,
        KnownUser,
        CohortMember,
        KnownEnrolment,
        Credential,
        Link,
        Drift,
        ForeignAccount,
        Adoption,
    ):
        session.execute(delete(table).where(table.person_id == one.person_id))
    session.execute(delete(Adoption).where(Adoption.moodle_id == one.moodle_id))
    audit.record(
        session, AuditAction.PERSON_DELETE, at=now, actor=actor, school_code=one.school_code,
        person=one.person_id, moodle_id=one.moodle_id,
    )  # fmt: skip


def _clear_questions(session: Session, person_id: str, now: datetime) -> None:
    """Clear what settled questions about a person, and the answers, say of them."""
    mine = select(SourceKey.school_code, SourceKey.sourced_id).where(
        SourceKey.person_id == person_id
    )
    asked = select(StoredQuestion.id).where(StoredQuestion.state != QuestionState.OPEN)
    ids = set(
        session.scalars(
            asked.join(StoredDecision, StoredDecision.question_id == StoredQuestion.id).where(
                StoredDecision.candidate == person_id
            )
        )
    )
    for school_code, sourced_id in session.execute(mine).all():
        about = StoredQuestion.school_code == school_code, StoredQuestion.key == sourced_id
        ids.update(session.scalars(asked.where(*about)))
    if ids:
        clear(session, sorted(ids), now)
