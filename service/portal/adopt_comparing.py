"""Compares the accounts that were read with the people who have none, school by school.

A school is one transaction: a killed comparison goes on with the next. Never more than one school,
and the accounts that its people could have, are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from provisioning.adoption import (
    Account,
    Outcome,
    Rank,
    SchoolWords,
    Surroundings,
    Verdict,
    Wanted,
    compare_account,
    decide,
)
from service.application import Application
from service.db import chunks, rows_among, transaction
from service.models import Adoption, AdoptionRun, AdoptionState, Identity, PlannedChange
from service.portal.adopt_people import newest_plans, wanted_of
from service.portal.adopt_reading import known_schools
from service.portal.adopt_rows import (
    OPEN,
    Hashes,
    Shown,
    candidates_of,
    refused_of,
    unpacked,
    with_candidates,
)

_COMMON_SHARE = 0.0001
"""A given name that this share of the people has is a name, and no typing error of another."""
_LEAST_BEARERS = 3
_MOST_CANDIDATES = 5


class Comparison:
    """One comparison of a run."""

    def __init__(self, application: Application, run_id: int) -> None:
        self._application = application
        self._sessions = application.sessions
        self._run_id = run_id
        self._hashes = Hashes(application)
        self._today = application.clock().astimezone(application.zone).date()

    def compare(self, *, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Compare what is not compared yet; False when it was stopped on the way."""
        with self._sessions() as session:
            done = session.get_one(AdoptionRun, self._run_id).compared_up_to
            plans = newest_plans(session)
        for code, plan_id in plans.items():
            if code <= done:
                continue
            if should_stop():
                return False
            with transaction(self._sessions) as session:
                self._compare_school(session, code, plan_id)
                session.get_one(AdoptionRun, self._run_id).compared_up_to = code
        for code, plan_id in plans.items():
            if should_stop():
                return False
            with transaction(self._sessions) as session:
                self._look_elsewhere(session, code, plan_id)
        with transaction(self._sessions) as session:
            left = Adoption.outcome == Shown.READ
            session.execute(update(Adoption).where(left).values(outcome=Shown.NOBODY))
            run = session.get_one(AdoptionRun, self._run_id)
            run.state, run.ended_at = AdoptionState.PLANNED, self._application.clock()
        return True

    def _compare_school(self, session: Session, code: str, plan_id: int) -> None:
        people = list(wanted_of(session, plan_id, code))
        rows = {one.moodle_id: one for one in self._accounts(session, code, people)}
        if not people and not rows:
            return
        accounts = {number: unpacked(row) for number, row in rows.items()}
        verdicts = decide(
            list(accounts.values()), people, self._around(session, rows, accounts.values()),
            refused={number: refused_of(row) for number, row in rows.items() if row.candidates},
        )  # fmt: skip
        self._keep(session, code, rows, verdicts)

    def _accounts(
        self, session: Session, code: str, people: Sequence[Wanted]
    ) -> Iterator[Adoption]:
        """Yield the accounts whose words name the school, and those that its people's numbers,
        ids, logins and, where no school is named, names lead to."""
        may_change: tuple[ColumnElement[bool], ...] = (
            Adoption.outcome.in_(OPEN), Adoption.decided_by == "",
        )  # fmt: skip
        query = select(Adoption).where(*may_change)
        yield from session.scalars(query.where(Adoption.school_code == code))
        near = query.where(Adoption.school_code.in_(["", code]))
        hashes = self._hashes
        keys: tuple[tuple[Any, Any, Iterable[str]], ...] = (
            (query, Adoption.snils_hash, (hashes.of("snils", one.snils) for one in people)),
            (query, Adoption.idnumber_hash,
             (hashes.of("idnumber", one.person_id) for one in people)),
            (near, Adoption.idnumber_hash,
             (hashes.of("idnumber", one.sourced_id) for one in people)),
            (near, Adoption.login_hash, (hashes.of("login", one.login) for one in people)),
            (query.where(Adoption.school_code == ""), Adoption.name_hash, self._names(people)),
        )  # fmt: skip
        for asked, column, values in keys:
            for (row,) in rows_among(session, asked, column, sorted(set(values) - {""})):
                yield row

    def _names(self, people: Iterable[Wanted]) -> Iterator[str]:
        for one in people:
            yield self._hashes.name(one.family_name, one.given_name + one.middle_name)
            yield self._hashes.name(one.family_name, one.given_name)

    def _around(
        self, session: Session, rows: Mapping[int, Adoption], accounts: Iterable[Account]
    ) -> Surroundings:
        settings = self._application.settings
        ending = f"@{settings.logins.email_domain}"
        logins = {
            one.email.lower().removesuffix(ending)
            for one in accounts
            if one.email.lower().endswith(ending)
        }
        query = select(Identity.username, Identity.person_id)
        owners = {
            f"{login}{ending}": person_id
            for login, person_id in rows_among(session, query, Identity.username, sorted(logins))
        }
        return Surroundings(
            school_of={number: row.school_code for number, row in rows.items()},
            one_of={
                one.moodle_id: self._words.one_of(one)
                for one in accounts
                if not rows[one.moodle_id].school_code
            },
            given_names=self._given_names,
            addresses=lambda address: owners.get(address, ""),
            today=self._today,
            digits_only_logins=settings.logins.scheme == "portal",
        )

    @cached_property
    def _words(self) -> SchoolWords:
        with self._sessions() as session:
            return SchoolWords(known_schools(session))

    @cached_property
    def _given_names(self) -> frozenset[str]:
        """Letters of the given names that several people have."""
        with self._sessions() as session:
            everybody = session.scalar(select(func.count()).select_from(Identity)) or 0
            least = max(_LEAST_BEARERS, everybody * _COMMON_SHARE)
            query = select(Identity.given_key).group_by(Identity.given_key)
            return frozenset(session.scalars(query.having(func.count() >= least)))

    def _keep(
        self,
        session: Session,
        code: str,
        rows: Mapping[int, Adoption],
        verdicts: Mapping[int, Verdict],
    ) -> None:
        """Store what was found, beside what the people of other schools have shown."""
        certain = {
            one.people[0]: number
            for number, one in verdicts.items()
            if one.outcome is Outcome.CERTAIN
        }
        elsewhere = {
            person_id: row
            for some in chunks(sorted(certain))
            for row in session.scalars(select(Adoption).where(Adoption.person_id.in_(some)))
            for person_id in [row.person_id]
            if row.moodle_id != certain[row.person_id]
        }
        for person_id, other in elsewhere.items():
            # A second account of one human: nobody but a person says which one is used.
            if other.outcome in OPEN:
                _ask(other, [person_id], "several")
            number = certain[person_id]
            verdicts = {**verdicts, number: _asked(verdicts[number])}
        session.flush()
        changed = []
        for number, verdict in verdicts.items():
            row = rows[number]
            found = _together(row, verdict)
            if found is None:
                continue
            is_certain = found.outcome is Outcome.CERTAIN
            people = () if is_certain else found.people
            named = row.school_code or (code if found.people else "")
            changed.append(
                {
                    "moodle_id": number,
                    "outcome": found.outcome.value,
                    "person_id": found.people[0] if is_certain else "",
                    "why": " ".join(found.why)[:300],
                    "school_code": named,
                    "candidates": with_candidates(people, refused_of(row)),
                }
            )
        for some in chunks(changed, 1000):
            session.execute(update(Adoption), some)

    def _look_elsewhere(self, session: Session, code: str, plan_id: int) -> None:
        """Ask about people left over whose full name an account of another school has: they may
        have moved since it was made."""
        with_one = set(session.scalars(_people_of_accounts(plan_id)))
        people = [one for one in wanted_of(session, plan_id, code) if one.person_id not in with_one]
        by_name: dict[str, list[Wanted]] = {}
        for one in people:
            if one.middle_name:
                key = self._hashes.name(one.family_name, one.given_name + one.middle_name)
                by_name.setdefault(key, []).append(one)
        query = select(Adoption).where(
            Adoption.outcome.in_([Shown.READ, Shown.NOBODY, Shown.QUESTION]),
            Adoption.decided_by == "", Adoption.school_code.not_in(["", code]),
        )  # fmt: skip
        for (row,) in list(rows_among(session, query, Adoption.name_hash, sorted(by_name))):
            account = unpacked(row)
            around = self._around(session, {row.moodle_id: row}, [account])
            known = candidates_of(row)
            for wanted in by_name[row.name_hash]:
                fit = compare_account(account, wanted, around)
                is_new = wanted.person_id not in (*known, *refused_of(row))
                if fit.rank is not Rank.NOTHING and is_new and len(known) < _MOST_CANDIDATES:
                    known.append(wanted.person_id)
                    _ask(row, known, *(() if row.why else fit.why))


def _people_of_accounts(plan_id: int) -> Any:
    return (
        select(Adoption.person_id)
        .join(PlannedChange, PlannedChange.key == Adoption.person_id)
        .where(PlannedChange.plan_id == plan_id, Adoption.person_id != "")
    )


def _ask(row: Adoption, people: Sequence[str], *why: str) -> None:
    """Make a question of an account."""
    row.outcome, row.person_id = Shown.QUESTION, ""
    row.candidates = with_candidates(people, refused_of(row))
    row.why = " ".join(filter(None, (*why, row.why)))[:300]


def _asked(verdict: Verdict) -> Verdict:
    return Verdict(outcome=Outcome.QUESTION, people=verdict.people, why=("several", *verdict.why))


def _together(row: Adoption, verdict: Verdict) -> Verdict | None:
    """Return what is so of an account that the people of another school were compared with too;
    None when nothing is new."""
    before = [row.person_id] if row.person_id else candidates_of(row)
    if row.outcome == Shown.READ or not before:
        return verdict if verdict.people or row.outcome == Shown.READ else None
    if not verdict.people or set(verdict.people) <= set(before):
        return None
    proven = verdict.outcome is Outcome.CERTAIN and verdict.why[:1] == ("snils.equal",)
    if proven and row.outcome == Shown.QUESTION:
        return verdict
    people = tuple(dict.fromkeys((*before, *verdict.people)))[:_MOST_CANDIDATES]
    why = tuple(dict.fromkeys(("several", *row.why.split(), *verdict.why)))
    return Verdict(outcome=Outcome.QUESTION, people=people, why=why)
