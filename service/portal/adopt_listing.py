"""What a look at the accounts of others found, as it is shown: counts, the list, its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from provisioning.adoption import Account, Surroundings, Wanted, evidence
from provisioning.questions import Evidence
from service.access import Forbidden, Scope, need_city
from service.db import LARGEST, chunks, rows_among
from service.models import (
    AdoptedObject,
    Adoption,
    AdoptionRun,
    AdoptionState,
    Identity,
    PlannedChange,
)
from service.portal.adopt_people import as_wanted, newest_plans, without_account
from service.portal.adopt_rows import Shown, candidates_of, unpacked

_STREAM = {"yield_per": 1000}


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenHuman:
    """A human whose the account may be."""

    number: int
    """From 1, in the order of the question."""
    person_id: str
    name: str = field(repr=False)
    login: str
    school_code: str
    class_title: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenAccount:
    """An account of others with whose it may be."""

    outcome: Shown
    account: Account
    school_code: str
    why: tuple[str, ...]
    people: tuple[SeenHuman, ...] = ()
    decided_by: str = ""

    @property
    def id(self) -> int:
        return self.account.moodle_id


def newest_run(session: Session) -> AdoptionRun | None:
    return session.scalar(select(AdoptionRun).order_by(AdoptionRun.id.desc()).limit(1))


def counts(session: Session, school_code: str = "") -> dict[str, int]:
    """Return how many accounts there are of each outcome, of all or of one school."""
    query = select(Adoption.outcome, func.count()).group_by(Adoption.outcome)
    if school_code:
        query = query.where(Adoption.school_code == school_code)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {one.value: found[one.value] for one in Shown if one.value in found}


def object_counts(session: Session, school_code: str = "") -> dict[tuple[str, str], int]:
    """Return how many categories, cohorts and courses there are of each kind and outcome."""
    columns = (AdoptedObject.kind, AdoptedObject.outcome)
    query = select(*columns, func.count()).group_by(*columns)
    if school_code:
        query = query.where(AdoptedObject.school_code == school_code)
    return {(row[0], row[1]): row[2] for row in session.execute(query)}


def people_left(session: Session) -> int:
    """Return how many people have no account, and none that is certainly theirs."""
    with_one = select(Adoption.person_id).where(Adoption.person_id != "")
    plans = newest_plans(session).values()
    planned = without_account().where(PlannedChange.plan_id.in_(plans)).subquery()
    query = select(func.count(func.distinct(planned.c.person_id)))
    return session.scalar(query.where(planned.c.person_id.not_in(with_one))) or 0


def query(
    *, outcome: Shown | None = None, school_code: str = "", after: int = 0
) -> Select[Adoption]:
    """Return the accounts in the order of Moodle's numbers, those after one of them."""
    found = select(Adoption).where(Adoption.moodle_id > after).order_by(Adoption.moodle_id)
    if outcome is not None:
        found = found.where(Adoption.outcome == outcome)
    if school_code:
        found = found.where(Adoption.school_code == school_code)
    return found


def find(session: Session, scope: Scope, number: int) -> Adoption:
    """Return the account with this number of Moodle. Raises ``Forbidden`` when it is unknown."""
    need_city(scope)
    row = session.get(Adoption, number) if 0 < number <= LARGEST else None
    if row is None:
        raise Forbidden("adoption")
    return row


def seen(session: Session, rows: Sequence[Adoption]) -> list[SeenAccount]:
    """Return accounts as they are shown, each with whom it may be of, and why."""
    ids = {one for row in rows for one in (row.person_id, *candidates_of(row)) if one}
    people = _people(session, ids)
    found = []
    for row in rows:
        account = unpacked(row)
        around = Surroundings(school_of={row.moodle_id: row.school_code})
        named = [row.person_id] if row.person_id else candidates_of(row)
        found.append(
            SeenAccount(
                outcome=Shown(row.outcome),
                account=account,
                school_code=row.school_code,
                why=tuple(row.why.split()),
                decided_by=row.decided_by,
                people=tuple(
                    _seen_human(number, people[one], account, around)
                    for number, one in enumerate(named, 1)
                    if one in people
                ),
            )
        )
    return found


def _seen_human(number: int, wanted: Wanted, account: Account, around: Surroundings) -> SeenHuman:
    names = (wanted.family_name, wanted.given_name, wanted.middle_name)
    return SeenHuman(
        number=number,
        person_id=wanted.person_id,
        name=" ".join(filter(None, names)),
        login=wanted.login,
        school_code=wanted.school_code,
        class_title=wanted.class_title,
        evidence=evidence(account, wanted, around),
    )


def _people(session: Session, ids: set[str]) -> dict[str, Wanted]:
    """Return these people as the newest plan of their school has them, else as we know them."""
    plans = newest_plans(session)
    humans = select(Identity.school_code).distinct()
    codes = {row[0] for row in rows_among(session, humans, Identity.person_id, sorted(ids))}
    of_schools = without_account().where(
        PlannedChange.plan_id.in_({plans[code] for code in codes if code in plans})
    )
    found = {
        row[1].person_id: as_wanted(row[0], row[1], row[0]["school_code"])
        for row in rows_among(session, of_schools, PlannedChange.key, sorted(ids))
    }
    others = (
        one
        for some in chunks(sorted(ids - found.keys()))
        for one in session.scalars(select(Identity).where(Identity.person_id.in_(some)))
    )
    for one in others:
        found[one.person_id] = Wanted(
            person_id=one.person_id, login=one.username, family_name=one.family_name,
            given_name=one.given_name, middle_name=one.middle_name, birth_date=one.birth_date,
            sex=one.sex, snils=one.snils, school_code=one.school_code,
        )  # fmt: skip
    return found


def digest(session: Session) -> str:
    """Return the digest of the list: which account becomes whose, and which object which.

    A yes names it, so what was looked at is what is carried out. While that goes on it is the
    digest of the yes.
    """
    run = newest_run(session)
    if run is not None and run.state == AdoptionState.APPROVED:
        return run.digest
    found = hashlib.sha256()
    accounts = (
        select(Adoption.moodle_id, Adoption.person_id)
        .where(Adoption.outcome == Shown.CERTAIN)
        .order_by(Adoption.moodle_id)
    )
    for number, person_id in session.execute(accounts, execution_options=_STREAM):
        found.update(f"{number} {person_id}\n".encode())
    objects = (
        select(AdoptedObject.kind, AdoptedObject.moodle_id, AdoptedObject.key)
        .where(AdoptedObject.outcome == Shown.CERTAIN)
        .order_by(AdoptedObject.kind, AdoptedObject.moodle_id)
    )
    for kind, number, key in session.execute(objects, execution_options=_STREAM):
        found.update(f"{kind} {number} {key}\n".encode())
    return found.hexdigest()
