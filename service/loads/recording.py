"""Record outcomes: each one becomes state rows and a mark on its planned change, in one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from provisioning.changes import ACCOUNT_GONE, LOGIN_TAKEN, Action, Change, Kind, Outcome, Result
from provisioning.person_states import LISTED, PersonState
from service.db import chunks, upsert
from service.loads.candidates import NAMES, name_keys
from service.loads.known_state import USER_FIELDS
from service.loads.left_alone import forget_sticky
from service.loads.roll_history import note_accounts
from service.models import (
    CohortMember,
    Identity,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    PlannedChange,
    StickyField,
    TakenLogin,
)

LINKS: dict[Kind, type[CohortMember | KnownEnrolment]] = {
    Kind.MEMBER: CohortMember,
    Kind.ENROLMENT: KnownEnrolment,
}
"""Where links to people are kept."""


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
        done = [one for one in group if one.result == Result.DONE]
        if kind == Kind.USER:
            record_accounts(session, group, done, now)
            # A new account has nothing that was changed by hand.
            made = [one.change.key for one in done if one.change.action == Action.CREATE]
            forget_sticky(session, Kind.USER, made)
        elif kind in LINKS:
            _record_links(session, LINKS[kind], [one.change for one in done], school_code)
        else:
            _record_objects(session, done, school_code, shared)
    gone = {
        outcome.change.key
        if outcome.change.kind == Kind.USER
        else outcome.change.after["person_id"]
        for outcome in outcomes
        if outcome.code == ACCOUNT_GONE
    }
    forget_accounts(session, gone)


def forget_accounts(session: Session, gone: Collection[str]) -> None:
    """Forget accounts that somebody deleted in Moodle, by person id, with their places.

    The next plan of a school that lists them makes the account and the places again.
    """
    for people in chunks(sorted(gone)):
        session.execute(
            update(KnownUser)
            .where(KnownUser.person_id.in_(people))
            .values(moodle_id=None, problem=ACCOUNT_GONE)
        )
        for table in LINKS.values():
            session.execute(delete(table).where(table.person_id.in_(people)))


def _record_objects(
    session: Session, done: Sequence[Outcome], school_code: str, shared: frozenset[str]
) -> None:
    for outcome in done:
        if outcome.change.key != outcome.change.after["idnumber"]:
            _follow_idnumber(session, outcome.change)
    rows = [
        {
            "kind": outcome.change.kind.value,
            "key": outcome.change.after["idnumber"],
            "school_code": "" if outcome.change.key in shared else school_code,
            "moodle_id": outcome.moodle_id,
            "fields": dict(outcome.change.after),
        }
        for outcome in done
    ]
    upsert(session, KnownObject, rows)


def _follow_idnumber(session: Session, change: Change) -> None:
    """Let what hangs on a cohort or course that has another idnumber now hang on that."""
    before, after = change.key, change.after["idnumber"]
    session.execute(
        delete(KnownObject).where(KnownObject.kind == change.kind, KnownObject.key == before)
    )
    sticky = StickyField.subject == change.kind, StickyField.key == before
    session.execute(update(StickyField).where(*sticky).values(key=after))
    if change.kind == Kind.COHORT:
        of_cohort = update(CohortMember).where(CohortMember.cohort == before)
        session.execute(of_cohort.values(cohort=after))
    if change.kind == Kind.COURSE:
        of_course = update(KnownEnrolment).where(KnownEnrolment.course == before)
        session.execute(of_course.values(course=after))


def record_accounts(
    session: Session, outcomes: Sequence[Outcome], done: Sequence[Outcome], now: datetime
) -> None:
    """Record accounts; a person whose account could not be made is kept without one."""
    creations = [outcome for outcome in outcomes if outcome.change.action == Action.CREATE]
    # Logins that Moodle holds for somebody else are given to nobody. A person whom one kept from
    # having an account is planned again under another: in a new plan, which somebody approves.
    taken = {one.change.after["username"] for one in creations if one.code in LOGIN_TAKEN}
    upsert(session, TakenLogin, [{"username": name, "seen_at": now} for name in sorted(taken)])
    not_made = [one.change.key for one in creations if one.result != Result.DONE]
    # Another school of the upload may have made the account a moment ago.
    made = select(KnownUser.person_id).where(
        KnownUser.person_id.in_(not_made), KnownUser.moodle_id.is_not(None)
    )
    made_before = set(session.scalars(made))
    accounts = []
    for one in creations:
        if one.result == Result.DONE:
            accounts.append(_person(one.change, now) | {"moodle_id": one.moodle_id, "problem": ""})
        elif one.change.key not in made_before:
            accounts.append(_person(one.change, now) | {"moodle_id": None, "problem": one.code})
    upsert(session, KnownUser, [account | {"created_at": now} for account in accounts])
    changes = [outcome.change for outcome in done]
    changed = [_changed(change, now) for change in changes if change.action != Action.CREATE]
    if changed:
        session.execute(update(KnownUser), changed)
    _keep_moments_of_leaving(session, changes, now)
    if changes:
        session.execute(update(Identity), [_identity(change) for change in changes])
    note_accounts(session, changes, now)


def _person(change: Change, now: datetime) -> dict[str, Any]:
    values = {name: change.after[name] for name in USER_FIELDS if name != "state"}
    values["birth_date"] = _date(values["birth_date"])
    # A plan that an earlier version made does not tell the state.
    gone = PersonState.SUSPENDED if values["suspended"] else PersonState.ON_ROLL
    return values | {"state": change.after.get("state", gone), "updated_at": now}


def _changed(change: Change, now: datetime) -> dict[str, Any]:
    """What an update has written: fields that it left alone may be others by now."""
    values = _person(change, now)
    names = {*change.changed, *({"state"} - change.after.keys()), "person_id", "updated_at"}
    return {name: value for name, value in values.items() if name in names}


def _keep_moments_of_leaving(session: Session, changes: Sequence[Change], now: datetime) -> None:
    """Keep since when people are on no roll, for what time alone does."""
    left: set[str] = set()
    back: set[str] = set()
    for change in changes:
        state = _person(change, now)["state"]
        (back if state in LISTED else left).add(change.key)
    for people in chunks(sorted(left)):
        away = KnownUser.person_id.in_(people), KnownUser.away_since.is_(None)
        session.execute(update(KnownUser).where(*away).values(away_since=now))
    for people in chunks(sorted(back)):
        away = KnownUser.person_id.in_(people), KnownUser.away_since.is_not(None)
        session.execute(update(KnownUser).where(*away).values(away_since=None))


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _identity(change: Change) -> dict[str, Any]:
    is_other_login = not change.before or "username" in change.changed
    told = (*NAMES, "snils", "school_code", *(["username"] if is_other_login else []))
    return {
        "person_id": change.key,
        **name_keys(*(change.after[name] for name in NAMES)),
        "birth_date": _date(change.after["birth_date"]),
        **{name: change.after[name] for name in told},
    }


def _record_links(
    session: Session,
    table: type[CohortMember | KnownEnrolment],
    changes: Sequence[Change],
    school_code: str,
) -> None:
    added = [change.after for change in changes if change.action == Action.ADD]
    upsert(session, table, [dict(link) | {"school_code": school_code} for link in added])
    gone = [change.before for change in changes if change.action == Action.REMOVE]
    for some in chunks(gone, 100):
        links = (
            and_(*(getattr(table, name) == value for name, value in link.items())) for link in some
        )
        session.execute(delete(table).where(or_(*links)))
