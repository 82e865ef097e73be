"""Which drifts still stand against what we hold now.

A load may have changed our record since the look: what was wrong then may be right by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.drift import FULL_NAME, DriftKind, HeldObject, HeldUser
from service.access import Scope
from service.db import rows_among
from service.models import Drift, KnownUser, StickyField
from service.portal import held

_OBJECTS = (Kind.CATEGORY, Kind.COHORT, Kind.COURSE)


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return a condition on ``Drift``: of a school inside; the shared levels are the city's.

    A drift of an account is of the school that speaks for the person now, whichever it was when
    the drift was found.
    """
    if scope.is_city:
        return Drift.id.is_not(None)
    people = select(KnownUser.person_id).where(KnownUser.school_code.in_(scope.codes()))
    of_account = Drift.subject == Kind.USER.value
    return (of_account & Drift.key.in_(people)) | (
        ~of_account & Drift.school_code.in_(scope.codes())
    )


def follow(session: Session, rows: Sequence[Drift]) -> None:
    """Give the drifts of accounts to the schools that speak for their people now."""
    about = {row.key for row in rows if row.subject == Kind.USER}
    query = select(KnownUser.person_id, KnownUser.school_code)
    schools = dict(rows_among(session, query, KnownUser.person_id, about))
    for row in rows:
        if row.subject == Kind.USER and row.key in schools:
            row.school_code = schools[row.key]


def apart(session: Session, rows: Sequence[Drift]) -> tuple[list[Drift], list[Drift]]:
    """Return the drifts that stand, and those that what we hold now has overtaken.

    Of what was kept our record says what Moodle has, by that very answer: it stands.
    """
    query = select(StickyField.drift_id)
    kept = {one for (one,) in rows_among(session, query, StickyField.drift_id, _ids(rows))}
    now = _Held.of(session, rows)
    stands = [row for row in rows if row.id in kept or now.speaks_against(row)]
    standing = _ids(stands)
    return stands, [row for row in rows if row.id not in standing]


def _ids(rows: Sequence[Drift]) -> set[int]:
    return {row.id for row in rows}


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What we hold now of everything that some drifts are about."""

    users: Mapping[str, HeldUser]
    objects: Mapping[tuple[Kind, str], HeldObject]
    members: Mapping[str, frozenset[str]]
    roles: Mapping[str, Mapping[str, frozenset[str]]]

    @classmethod
    def of(cls, session: Session, rows: Sequence[Drift]) -> _Held:
        def keys(kind: Kind) -> set[str]:
            return {row.key for row in rows if row.subject == kind}

        def places(kind: Kind) -> set[str]:
            return {row.place for row in rows if row.subject == kind}

        return cls(
            users=held.people(session, keys(Kind.USER)),
            objects={
                (kind, key): one
                for kind in _OBJECTS
                for key, one in held.objects(session, kind, keys(kind)).items()
            },
            members=held.members(session, places(Kind.MEMBER)),
            roles=held.roles(session, places(Kind.ENROLMENT)),
        )

    def speaks_against(self, row: Drift) -> bool:
        """Tell whether what we hold is still what a drift was told against."""
        kind, subject = DriftKind(row.kind), Kind(row.subject)
        if subject is Kind.USER:
            return self._of_user(row, kind)
        if subject in _OBJECTS:
            return self._of_object(row, kind, self.objects.get((subject, row.key)))
        if subject is Kind.MEMBER:
            is_held = row.person_id in self.members.get(row.place, ())
            return is_held is not (kind is DriftKind.MEMBER_ADDED)
        has = self.roles.get(row.place, {}).get(row.person_id, frozenset())
        is_held = row.key.rpartition("|")[2] in has
        return is_held is not (kind is DriftKind.ENROLMENT_ADDED)

    def _of_user(self, row: Drift, kind: DriftKind) -> bool:
        there = self.users.get(row.key)
        if there is None:
            return False
        if kind is DriftKind.ACCOUNT_DELETED:
            return there.number is None
        if row.moodle_id not in (None, there.number):
            return False
        if kind is DriftKind.ACCOUNT_SUSPENDED:
            return not there.user.suspended
        if kind is DriftKind.ACCOUNT_REOPENED:
            return there.user.suspended
        if row.field == FULL_NAME:
            return row.ours == f"{there.user.firstname} {there.user.lastname}"
        return row.ours == str(getattr(there.user, row.field))

    def _of_object(self, row: Drift, kind: DriftKind, there: HeldObject | None) -> bool:
        if there is None or row.moodle_id not in (None, there.number):
            return False
        if kind is DriftKind.OBJECT_DELETED:
            return True
        value = getattr(there.record, row.field)
        return row.ours == (str(int(value)) if isinstance(value, bool) else str(value))
