"""Record outcomes: each one becomes state rows and a mark on its planned change, in one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from provisioning.changes import ACCOUNT_GONE, Action, Change, Kind, Outcome, Result
from provisioning.matching import normalised_name
from service.db import chunks, upsert
from service.loads import taken_logins
from service.loads.known_state import USER_FIELDS
from service.loads.roll_history import note_accounts
from service.models import (
    CohortMember,
    Identity,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    PlannedChange,
)


def record(
    session: Session,
    outcomes: Sequence[Outcome],
    *,
    rows: Sequence[int],
    school_code: str,
    shared: frozenset[str],
    now: datetime,
) -> None:
    """Write what became of some changes.

    ``rows``: the ids of their ``PlannedChange`` rows, in the same order. ``shared``: idnumbers of
    the categories above the school.
    """
    session.execute(
        update(PlannedChange),
        [
            {
                "id": row,
                "result": outcome.result.value,
                "code": outcome.code,
                "detail": outcome.detail,
                "tried_at": now,
            }
            for row, outcome in zip(rows, outcomes, strict=True)
        ],
    )
    by_kind: dict[Kind, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.change.kind].append(outcome)
    for kind, group in by_kind.items():
        if kind == Kind.USER:
            _record_users(session, group, now)
        elif kind == Kind.MEMBER:
            _record_links(session, CohortMember, group, school_code)
        elif kind == Kind.ENROLMENT:
            _record_links(session, KnownEnrolment, group, school_code)
        else:
            _record_objects(session, group, school_code, shared)
    _forget_accounts(session, outcomes)


def _forget_accounts(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Of people whose account somebody deleted in Moodle: its places went with it.

    The next plan of a school that lists them makes the account and the places again.
    """
    gone = {
        outcome.change.key
        if outcome.change.kind == Kind.USER
        else outcome.change.after["person_id"]
        for outcome in outcomes
        if outcome.code == ACCOUNT_GONE
    }
    for people in chunks(sorted(gone)):
        session.execute(
            update(KnownUser)
            .where(KnownUser.person_id.in_(people))
            .values(moodle_id=None, problem=ACCOUNT_GONE)
        )
        for table in (CohortMember, KnownEnrolment):
            session.execute(delete(table).where(table.person_id.in_(people)))


def _done(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.result == Result.DONE]


def _record_objects(
    session: Session, outcomes: Sequence[Outcome], school_code: str, shared: frozenset[str]
) -> None:
    upsert(
        session,
        KnownObject,
        [
            {
                "kind": outcome.change.kind.value,
                "key": outcome.change.key,
                "school_code": "" if outcome.change.key in shared else school_code,
                "moodle_id": outcome.moodle_id,
                "fields": dict(outcome.change.after),
            }
            for outcome in _done(outcomes)
        ],
    )


def _record_users(session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
    """A person whose account could not be made is kept too: in the roll, without an account."""
    creations = [outcome for outcome in outcomes if outcome.change.action == Action.CREATE]
    taken_logins.remember(session, creations, now)
    not_made = [one.change.key for one in creations if one.result != Result.DONE]
    # Another school of the upload may have made the account a moment ago.
    made = set(
        session.scalars(
            select(KnownUser.person_id).where(
                KnownUser.person_id.in_(not_made), KnownUser.moodle_id.is_not(None)
            )
        )
    )
    creations = [
        one for one in creations if one.result == Result.DONE or one.change.key not in made
    ]
    upsert(
        session,
        KnownUser,
        [
            _person(outcome.change, now)
            | {
                "moodle_id": outcome.moodle_id if outcome.result == Result.DONE else None,
                "problem": "" if outcome.result == Result.DONE else outcome.code,
                "created_at": now,
            }
            for outcome in creations
        ],
    )
    done = _done(outcomes)
    changed = [
        _person(outcome.change, now) for outcome in done if outcome.change.action != Action.CREATE
    ]
    if changed:
        session.execute(update(KnownUser), changed)
    _update_identities(session, [outcome.change for outcome in done])
    note_accounts(session, [outcome.change for outcome in done], now)


def _person(change: Change, now: datetime) -> dict[str, Any]:
    values = {name: change.after[name] for name in USER_FIELDS}
    values["birth_date"] = _date(values["birth_date"])
    return values | {"updated_at": now}


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _update_identities(session: Session, changes: Sequence[Change]) -> None:
    names = ("family_name", "given_name", "middle_name")
    rows = [
        {
            "person_id": change.key,
            "name_key": normalised_name(*(change.after[name] for name in names)),
            "birth_date": _date(change.after["birth_date"]),
            **{name: change.after[name] for name in (*names, "username", "snils", "school_code")},
        }
        for change in changes
    ]
    if rows:
        session.execute(update(Identity), rows)


def _record_links(
    session: Session,
    table: type[CohortMember | KnownEnrolment],
    outcomes: Sequence[Outcome],
    school_code: str,
) -> None:
    done = [outcome.change for outcome in _done(outcomes)]
    upsert(
        session,
        table,
        [
            dict(change.after) | {"school_code": school_code}
            for change in done
            if change.action == Action.ADD
        ],
    )
    gone = [change.before for change in done if change.action == Action.REMOVE]
    for some in chunks(gone, 100):
        session.execute(
            delete(table).where(
                or_(
                    *(
                        and_(*(getattr(table, name) == value for name, value in row.items()))
                        for row in some
                    )
                )
            )
        )
