"""Makes the accounts ours to which somebody said yes: our id number in Moodle, our rows here.

The login, the password and what the settings keep stay. Each batch is sent, then recorded in one
transaction; a killed run sends the batch again, which changes nothing in Moodle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from provisioning.adoption import Account, ProfileFields, account_of, left_alone
from provisioning.changes import Action, Change, Kind, Outcome, Result
from provisioning.exclusions import Exclusions
from provisioning.logins import placeholder_email
from provisioning.moodle import MoodleClient
from service.application import Application
from service.db import chunks, lock, rows_among, transaction, upsert
from service.loads.identities import LOCK, give_way
from service.loads.left_alone import exclusions
from service.loads.recording import record_accounts
from service.models import (
    Adoption,
    Identity,
    KnownUser,
    PlannedChange,
    StickyField,
    TakenLogin,
)
from service.portal import adopt_in_charge
from service.portal.adopt_people import without_account
from service.portal.adopt_reading import as_told, left_alone_now
from service.portal.adopt_rows import Shown, unpacked

_SAME = ("username", "firstname", "lastname")
"""What must be as it was looked at."""


Planned = Mapping[str, Mapping[str, Any]]
"""``PlannedChange.after`` of the account that a plan would make, by person id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    number: int
    person_id: str
    account: Account
    """As Moodle has it now."""


class Adopting:
    """The carrying out of one list."""

    def __init__(self, application: Application, moodle: MoodleClient) -> None:
        self._application = application
        self._settings = application.settings
        self._sessions = application.sessions
        self._moodle = moodle

    def adopt(
        self, plans: Mapping[str, int], *, should_stop: Callable[[], bool] = lambda: False
    ) -> bool:
        """Adopt what is agreed and not done yet; False when it was stopped on the way.

        ``plans``: those that would make accounts for the people, by school code. Raises
        ``MoodleError`` when Moodle does not answer; what was answered is recorded.
        """
        for plan_id in plans.values():
            if not self._adopt_of_plan(plan_id, should_stop):
                return False
        with transaction(self._sessions) as session:
            # Nobody makes an account for them any more: the next look will tell.
            left = update(Adoption).where(Adoption.outcome == Shown.AGREED)
            session.execute(
                left.values(outcome=Shown.CHANGED, person_id="", why="person.not_planned")
            )
            _keep_logins_of_others(session, self._application.clock())
        return True

    def _adopt_of_plan(self, plan_id: int, should_stop: Callable[[], bool]) -> bool:
        with self._sessions() as session:
            planned = _planned(session, plan_id)
            agreed = select(Adoption.moodle_id).where(Adoption.outcome == Shown.AGREED)
            numbers = [
                row[0] for row in rows_among(session, agreed, Adoption.person_id, sorted(planned))
            ]
        # Somebody may have got rights, or have been listed, since the look.
        in_charge = adopt_in_charge.in_charge(self._moodle)[0] if numbers else frozenset()
        for some in chunks(sorted(numbers), self._moodle.batch_size):
            if should_stop():
                return False
            with self._sessions() as session:
                steps, refused, untouched = self._checked(session, some, planned, in_charge)
            refused |= self._send(steps)
            done = [one for one in steps if one.number not in refused]
            with transaction(self._sessions) as session:
                self._record(session, done, refused, planned)
                if untouched:
                    session.execute(update(Adoption), untouched)
        return True

    def _checked(
        self, session: Session, numbers: Sequence[int], planned: Planned, in_charge: frozenset[int]
    ) -> tuple[list[_Step], dict[int, str], list[dict[str, Any]]]:
        """Look once more: what is not as it was looked at stays as it is, with its reason; so does
        what is never touched, as rows."""
        rows = session.scalars(select(Adoption).where(Adoption.moodle_id.in_(numbers))).all()
        accounts = [
            account
            for one in self._moodle.users_by_field("id", numbers)
            if (account := account_of(one, ProfileFields()))
        ]
        found = {one.moodle_id: one for one in accounts}
        told = as_told(session, accounts, self._settings.adoption)
        excluded = exclusions(session, self._settings.moodle)
        people = [row.person_id for row in rows]
        known = select(KnownUser.person_id, KnownUser.moodle_id)
        owners = {row[0]: row[1] for row in rows_among(session, known, KnownUser.person_id, people)}
        steps, refused, untouched = [], {}, []
        for row in rows:
            now, before = found.get(row.moodle_id), unpacked(row)
            if now is None:
                refused[row.moodle_id] = "account.gone"
            elif why := self._left_alone(now, excluded, in_charge, planned[row.person_id], row):
                untouched.append(left_alone_now(row.moodle_id, why))
            elif any(getattr(now, name) != getattr(before, name) for name in _SAME):
                refused[row.moodle_id] = "account.renamed"
            elif told[row.moodle_id].idnumber not in (before.idnumber, row.person_id):
                refused[row.moodle_id] = "idnumber.changed"
            elif owners.get(row.person_id) is not None:
                refused[row.moodle_id] = "account.second"
            else:
                steps.append(_Step(number=row.moodle_id, person_id=row.person_id, account=now))
        # A login that one of our accounts has by our record is not another's by Moodle's.
        logins = {one.account.username: one for one in steps}
        taken = select(KnownUser.username).where(KnownUser.moodle_id.is_not(None))
        for row_ in rows_among(session, taken, KnownUser.username, sorted(logins)):
            refused[logins[row_[0]].number] = "login.of_another"
        return [one for one in steps if one.number not in refused], refused, untouched

    def _left_alone(
        self,
        account: Account,
        excluded: Exclusions,
        in_charge: frozenset[int],
        after: Mapping[str, Any],
        row: Adoption,
    ) -> str:
        """Return why the account, or its person, may not be touched by now; else empty."""
        settings = self._settings.adoption
        if why := left_alone(account, settings, excluded=excluded, in_charge=in_charge):
            return why
        here = excluded.at(after["school_code"])
        is_listed = here.names_person(idnumber=row.person_id, roles=[after["role"]])
        return "listed" if is_listed else ""

    def _send(self, steps: Sequence[_Step]) -> dict[int, str]:
        """Give the accounts our id number; return the code of each that Moodle refused."""
        records = [
            {"id": one.number, "idnumber": one.person_id}
            for one in steps
            if one.account.idnumber != one.person_id
        ]
        return dict(self._moodle.update_users(records)) if records else {}

    def _record(
        self,
        session: Session,
        done: Sequence[_Step],
        refused: Mapping[int, str],
        planned: Planned,
    ) -> None:
        lock(session, LOCK)
        now = self._application.clock()
        self._reserve_logins(session, done)
        outcomes = [_outcome(one, planned[one.person_id]) for one in done]
        record_accounts(session, outcomes, outcomes, now)
        upsert(session, StickyField, self._kept(done, planned, now))
        rows: list[dict[str, Any]] = [
            {"moodle_id": one.number, "outcome": Shown.ADOPTED.value, "adopted_at": now}
            for one in done
        ]
        if rows:
            session.execute(update(Adoption), rows)
        failed = [
            {"moodle_id": number, "outcome": Shown.CHANGED.value, "why": why, "person_id": ""}
            for number, why in refused.items()
        ]
        if failed:
            session.execute(update(Adoption), failed)

    def _reserve_logins(self, session: Session, done: Sequence[_Step]) -> None:
        """Let each person have the login that the account has; who had it reserved gets another."""
        wanted = {one.person_id: one.account.username for one in done}
        give_way(session, set(wanted.values()), besides=wanted.keys(), logins=self._settings.logins)
        for some in chunks(sorted(wanted.values())):
            session.execute(delete(TakenLogin).where(TakenLogin.username.in_(some)))
        # Two steps: two people may have each other's.
        for each in ({one: f"~{one}" for one in wanted}, wanted):
            rows = [{"person_id": one, "username": username} for one, username in each.items()]
            if rows:
                session.execute(update(Identity), rows)

    def _kept(self, done: Sequence[_Step], planned: Planned, now: datetime) -> list[dict[str, Any]]:
        """Return the fields that stay as Moodle has them, with what we would have there."""
        found = []
        for one in done:
            domain = self._settings.logins.email_domain
            ours = {
                "auth": planned[one.person_id]["auth"],
                "email": placeholder_email(one.account.username, domain),
            }
            for name in self._settings.adoption.keep:
                value = getattr(one.account, name)
                if value != ours[name]:
                    found.append(
                        {
                            "subject": Kind.USER.value,
                            "key": one.person_id,
                            "field": name,
                            "value": value,
                            "source_value": ours[name],
                            "since": now,
                        }
                    )
        return found


def _planned(session: Session, plan_id: int) -> dict[str, dict[str, Any]]:
    """Return the accounts that a plan would make for people who have none, by person id."""
    query = without_account().where(PlannedChange.plan_id == plan_id)
    return {row[1].person_id: row[0] for row in session.execute(query)}


def _outcome(step: _Step, planned: Mapping[str, Any]) -> Outcome:
    """Return the account as if a plan had made it so: known with what Moodle really has."""
    account = step.account
    after = dict(planned) | {
        "username": account.username, "firstname": account.firstname,
        "lastname": account.lastname, "email": account.email, "auth": account.auth,
        "institution": account.institution, "department": account.department,
        "suspended": account.suspended,
    }  # fmt: skip
    change = Change(
        kind=Kind.USER, action=Action.CREATE, key=step.person_id, before={}, after=after
    )
    return Outcome(change=change, result=Result.DONE, moodle_id=step.number)


def _keep_logins_of_others(session: Session, now: datetime) -> None:
    """Give the logins of all other accounts to nobody: they are taken in Moodle."""
    others = Adoption.outcome.not_in([Shown.ADOPTED, Shown.OURS, Shown.AGREED])
    total = session.scalar(select(func.count()).where(others)) or 0
    if not total:
        return
    rows = session.scalars(select(Adoption).where(others), execution_options={"yield_per": 1000})
    for some in chunks((unpacked(row).username for row in rows), 1000):
        upsert(session, TakenLogin, [{"username": one, "seen_at": now} for one in set(some)])
