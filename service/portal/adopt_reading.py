"""Reads every account of Moodle, in ranges of its numbers, into rows that are compared later.

Moodle lists its accounts in no web service page by page; asked for numbers, it answers with those
that exist (docs/facts/moodle.md). Each range is one transaction: a killed reading goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from provisioning.adoption import (
    Account,
    KnownSchool,
    ProfileFields,
    SchoolWords,
    account_of,
    left_alone,
)
from provisioning.moodle import MoodleClient, MoodleRefused, MoodleUncertain
from provisioning.settings import AdoptionSettings
from service.application import Application
from service.db import rows_among, transaction, upsert
from service.loads.left_alone import exclusions
from service.models import Adoption, AdoptionRun, AdoptionState, Identity, KnownUser, School
from service.portal.adopt_rows import Hashes, Shown, packed

READ_AT_ONCE = 500
"""Numbers in one question; a Moodle on two cores answers 500 in three seconds."""

Cohorts = Callable[[int], Sequence[str]]
"""Names of the cohorts of an account, by Moodle's number."""


class Reading:
    """One reading of a Moodle."""

    def __init__(
        self,
        application: Application,
        moodle: MoodleClient,
        *,
        cohorts: Cohorts = lambda _number: (),
        in_charge: frozenset[int] = frozenset(),
    ) -> None:
        """``in_charge``: Moodle's numbers of accounts with rights over the whole site."""
        self._application = application
        self._settings = application.settings.adoption
        self._moodle = moodle
        self._cohorts = cohorts
        self._in_charge = in_charge
        self._hashes = Hashes(application)
        self._fields = ProfileFields(
            snils=self._settings.snils_field, birth_date=self._settings.birth_date_field,
            reads_idnumber=self._settings.idnumber != "none",
        )  # fmt: skip

    def read(self, run_id: int, *, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Read what is not read yet; False when it was stopped on the way."""
        with self._application.sessions() as session:
            run = session.get_one(AdoptionRun, run_id)
            read_up_to, last_seen = run.read_up_to, run.last_seen
            self._words = SchoolWords(known_schools(session))
            self._excluded = exclusions(session, self._application.settings.moodle)
        while read_up_to - last_seen < self._settings.unused_ids:
            if should_stop():
                return False
            numbers = range(read_up_to + 1, read_up_to + READ_AT_ONCE + 1)
            accounts = self._accounts(numbers)
            read_up_to = numbers[-1]
            last_seen = max([last_seen, *(one.moodle_id for one in accounts)])
            with transaction(self._application.sessions) as session:
                self._keep(session, run_id, accounts)
                run = session.get_one(AdoptionRun, run_id)
                run.read_up_to, run.last_seen = read_up_to, last_seen
        with transaction(self._application.sessions) as session:
            # Accounts that are not there any more; what was adopted is looked after elsewhere.
            gone = Adoption.run_id != run_id, Adoption.outcome.not_in([Shown.ADOPTED, Shown.AGREED])
            session.execute(delete(Adoption).where(*gone))
            session.get_one(AdoptionRun, run_id).state = AdoptionState.COMPARING
        return True

    def _accounts(self, numbers: Sequence[int]) -> list[Account]:
        found = []
        for record in self._records(numbers):
            account = account_of(record, self._fields, self._cohorts(int(record["id"])))
            if account is not None:
                found.append(account)
        return found

    def _records(self, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
        """Ask for accounts; one that Moodle cannot tell makes a whole answer fail, so the rest is
        asked for without it."""
        try:
            return list(self._moodle.users_by_field("id", numbers))
        except (MoodleRefused, MoodleUncertain):
            if len(numbers) == 1:
                return []
        half = len(numbers) // 2
        return [*self._records(numbers[:half]), *self._records(numbers[half:])]

    def _keep(self, session: Session, run_id: int, accounts: Sequence[Account]) -> None:
        numbers = [one.moodle_id for one in accounts]
        settled = {
            number: outcome
            for number, outcome, decided_by in session.execute(
                select(Adoption.moodle_id, Adoption.outcome, Adoption.decided_by).where(
                    Adoption.moodle_id.in_(numbers)
                )
            )
            if outcome in (Shown.ADOPTED, Shown.AGREED) or decided_by
        }
        ours = set(
            session.scalars(select(KnownUser.moodle_id).where(KnownUser.moodle_id.in_(numbers)))
        )
        new, again, untouched = [], [], []
        told = as_told(session, accounts, self._settings)
        for account in accounts:
            # What is left alone is known by the account as it is.
            why = left_alone(
                account, self._settings, excluded=self._excluded, in_charge=self._in_charge
            )
            one = told[account.moodle_id]
            row = {
                "moodle_id": one.moodle_id, "run_id": run_id, "account": packed(one),
                **self._hashes.columns(one),
            }  # fmt: skip
            if one.moodle_id in settled:
                again.append(row)
                if why and settled[one.moodle_id] in (Shown.CERTAIN, Shown.AGREED):
                    untouched.append(left_alone_now(one.moodle_id, why))
                continue
            outcome = Shown.LEFT_ALONE if why else Shown.READ
            if one.moodle_id in ours:
                outcome, why = Shown.OURS, ""
            new.append(
                row
                | {
                    "school_code": self._words.school_of(one),
                    "outcome": outcome.value,
                    "person_id": "",
                    "why": why,
                    "candidates": "",
                }
            )
        upsert(session, Adoption, new)
        if again:
            session.execute(update(Adoption), again)
        if untouched:
            session.execute(update(Adoption), untouched)


def as_told(
    session: Session, accounts: Sequence[Account], settings: AdoptionSettings
) -> dict[int, Account]:
    """Return the accounts with what their id numbers tell, by Moodle's number.

    Where the settings say that they tell nothing, only our own person ids are left.
    """
    if settings.idnumber != "none":
        return {one.moodle_id: one for one in accounts}
    query = select(Identity.person_id)
    numbers = sorted({one.idnumber for one in accounts} - {""})
    ours = {row[0] for row in rows_among(session, query, Identity.person_id, numbers)}
    return {
        one.moodle_id: one if one.idnumber in ours else replace(one, idnumber="")
        for one in accounts
    }


def left_alone_now(number: int, why: str) -> dict[str, Any]:
    """Return what becomes of an account that was somebody's already and may not be touched."""
    return {
        "moodle_id": number, "outcome": Shown.LEFT_ALONE.value, "why": why, "person_id": "",
        "decided_by": "", "decided_at": None,
    }  # fmt: skip


def known_schools(session: Session) -> list[KnownSchool]:
    """Return our schools with the words that could name them."""
    query = select(School.code, School.name, School.short_name, School.number)
    return [
        KnownSchool(code=code, name=name, short_name=short_name, number=number)
        for code, name, short_name, number in session.execute(query.order_by(School.code))
    ]
