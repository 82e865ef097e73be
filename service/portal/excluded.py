"""Drifts about what is excluded: they wait for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.exclusions import Exclusions
from service.db import rows_among
from service.models import Drift, DriftState, KnownUser


def excluded_among(session: Session, exclusions: Exclusions, rows: Sequence[Drift]) -> list[Drift]:
    """Return those drifts of ``rows`` that are about something excluded."""
    people = sorted({row.person_id for row in rows} - {""})
    query = select(KnownUser.person_id, KnownUser.username, KnownUser.role)
    who = {
        person_id: (login, role)
        for person_id, login, role in rows_among(session, query, KnownUser.person_id, people)
    }
    schools = {row.school_code for row in rows}
    at = {code: exclusions.at(code) for code in schools}
    return [row for row in rows if _is_excluded(row, at[row.school_code], who)]


def _is_excluded(row: Drift, here: Exclusions, who: dict[str, tuple[str, str]]) -> bool:
    login, role = who.get(row.person_id, ("", ""))
    if here.names_person(idnumber=row.person_id, login=login, roles=[role]):
        return True
    place = row.key.partition("|")[0]
    if row.subject in (Kind.COHORT, Kind.MEMBER):
        return here.names_class(place)
    if row.subject in (Kind.COURSE, Kind.ENROLMENT):
        return here.names_course(place)
    return False


def settle_excluded(
    session: Session, exclusions: Exclusions, rows: Sequence[Drift], *, by: str, now: datetime
) -> None:
    """Mark the drifts among ``rows`` that nobody has to decide about."""
    for row in excluded_among(session, exclusions, rows):
        row.state, row.decided_by, row.decided_at = DriftState.EXCLUDED, by, now
    session.flush()


def open_again(session: Session, *, ended: Exclusions, still: Exclusions, now: datetime) -> None:
    """Let drifts wait for a decision again whose exclusion has ended, unless another one stands."""
    every = session.scalars(select(Drift).where(Drift.state == DriftState.EXCLUDED)).all()
    rows = excluded_among(session, ended, every)
    others = {row.id for row in excluded_among(session, still, rows)}
    for row in rows:
        if row.id not in others:
            row.state, row.decided_by, row.decided_at = DriftState.OPEN, "", None
            row.seen_at = now
    session.flush()
