"""One plan while it is applied: its open changes, Moodle's numbers, the outcomes of each batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from auth.clients.registered import read_clients
from auth.signin.end_sign_ins import end_people
from provisioning import roster
from provisioning.apply import find_doubles, set_aside
from provisioning.changes import CLOSING, Action, Change, Kind, Outcome, Result
from provisioning.moodle import MoodleClient
from provisioning.naming import Names
from service.application import Application
from service.db import chunks, copied, rows_among, transaction
from service.loads import claims, foreign_accounts, keeping, undo_taking_over
from service.loads.left_alone import exclusions, touches
from service.loads.recording import record
from service.loads.repaired import note_repairs
from service.loads.roll_history import end_entered
from service.models import (
    Identity,
    KnownObject,
    KnownUser,
    Load,
    PlannedChange,
    School,
    SchoolMembership,
    SchoolPlan,
)
from service.people.passwords import first_password
from service.registry.closing import ended_schools

ANSWER_LOST = "answer_lost"
"""Code of a change without a result: Moodle may have made it, or may make it yet."""
AFTER_LOST_ANSWER = "after_lost_answer"
"""Code of one that is made, while another of its kind may come yet."""

LOST = (
    "answer_too_large", "connection_broken", "invalidresponse", "not_json", "not_suspended",
    "short_answer", "timeout",
)  # fmt: skip
"""Codes of failures after which nobody knows what Moodle has done, beside those of HTTP."""

PAGE = 500
"""Planned changes read at once; far more than a batch, far less than a plan."""


def answer_was_lost() -> ColumnElement[bool]:
    """A condition on changes: nobody knows whether Moodle has made them."""
    failed = PlannedChange.result == Result.FAILED
    lost = PlannedChange.code.in_(LOST) | PlannedChange.code.startswith("http_")
    return (failed & lost) | ((PlannedChange.result == "") & (PlannedChange.code == ANSWER_LOST))


def as_change(row: PlannedChange) -> Change:
    return Change(
        kind=Kind(row.kind), action=Action(row.action), key=row.key,
        before=row.before, after=row.after,
    )  # fmt: skip


class PlanWork:
    """One plan being applied: hands out its open changes, knows Moodle's numbers, records."""

    def __init__(self, application: Application, plan: SchoolPlan, school: School) -> None:
        self._application = application
        self._plan_id, self._load_id, self._school_code = plan.id, plan.load_id, school.code
        self._today = application.clock().astimezone(application.zone).date()
        self._rows: dict[tuple[Kind, str], int] = {}
        """Ids of the planned changes that are on their way."""
        self._birth_dates: dict[str, date] = {}
        self._unneeded: list[Outcome] = []
        """Skipped without asking Moodle, so they come back in no batch."""
        as_told = copied(roster.School, school, kind="")
        with application.sessions() as session:
            lost = select(PlannedChange.kind, PlannedChange.key).where(
                PlannedChange.plan_id == plan.id, PlannedChange.code == ANSWER_LOST
            )
            self.doubted = {(Kind(kind), key) for kind, key in session.execute(lost)}
        """Kind and key of creations whose answer was lost."""
        names = Names(application.settings.naming, as_told, plan.school_year)
        # The last two levels, school and school year, are the school's own.
        self._shared = frozenset(category.idnumber for category in names.categories()[:-2])

    def changes(self) -> Iterator[Change]:
        """Yield the changes that are not done, in their order, read page by page."""
        position = -1
        while page := self._page(position):
            position = page[-1].position
            yield from self._hand_out(page)

    def in_doubt(self, untried: int) -> list[Change]:
        """Return the changes that Moodle may have made without our knowing: those whose answers
        were lost, and the first that were not tried, which the last call may have sent: so many,
        none when no call was broken off."""
        of_plan = select(PlannedChange).where(PlannedChange.plan_id == self._plan_id)
        in_order = of_plan.order_by(PlannedChange.position)
        new = PlannedChange.result == "", PlannedChange.code != ANSWER_LOST
        with self._application.sessions() as session:
            rows = list(session.scalars(in_order.where(answer_was_lost())))
            next_ = session.scalars(in_order.where(*new).limit(untried)).all() if untried else ()
        rows += [row for row in next_ if (row.kind, row.action) == (next_[0].kind, next_[0].action)]
        return list(self._hand_out(sorted(rows, key=lambda row: row.position)))

    def _hand_out(self, page: Sequence[PlannedChange]) -> Iterator[Change]:
        for row, change in self._needed(page):
            self._rows[change.kind, change.key] = row
            if change.kind == Kind.USER and change.after["birth_date"]:
                self._birth_dates[change.key] = date.fromisoformat(change.after["birth_date"])
            yield change

    def _page(self, position: int) -> Sequence[PlannedChange]:
        with self._application.sessions() as session:
            return session.scalars(
                select(PlannedChange)
                .where(
                    PlannedChange.plan_id == self._plan_id,
                    PlannedChange.result != Result.DONE,
                    PlannedChange.position > position,
                )
                .order_by(PlannedChange.position)
                .limit(PAGE)
            ).all()

    def _needed(self, page: Sequence[PlannedChange]) -> Iterator[tuple[int, Change]]:
        """Leave out letting go of somebody who is on another school's roll by now, and what was
        excluded since the plan was made.

        Who was suspended since the plan was made is opened with a change that lists them.
        """
        leavers = [row.key for row in page if row.action in CLOSING]
        others = select(SchoolMembership.person_id).where(
            SchoolMembership.school_code != self._school_code,
            SchoolMembership.school_code.not_in(ended_schools(self._today)),
            # Who was entered by hand is there until the last day.
            SchoolMembership.until.is_(None) | (SchoolMembership.until >= self._today),
        )
        closed = select(KnownUser.person_id).where(KnownUser.suspended.is_(True))
        people = [row.key for row in page if row.kind == Kind.USER]
        with self._application.sessions() as session:
            found = rows_among(session, others, SchoolMembership.person_id, leavers)
            elsewhere = {person_id for (person_id,) in found}
            found = rows_among(session, closed, KnownUser.person_id, people)
            suspended = {person_id for (person_id,) in found}
            excluded = exclusions(session, self._application.settings.moodle, self._school_code)
        for row in page:
            change = as_change(row)
            is_closed = change.kind == Kind.USER and change.key in suspended
            if is_closed and change.before and not change.after["suspended"]:
                # Suspended since the plan was made, perhaps: opening it is part of the change.
                change = replace(change, before={**change.before, "suspended": True})
            code = ""
            if change.action in CLOSING and change.key in elsewhere:
                code = "on_another_roll"
            elif touches(change, excluded):
                code = "excluded"
            if code:
                self._rows[change.kind, change.key] = row.id
                self._unneeded.append(Outcome(change=change, result=Result.SKIPPED, code=code))
            else:
                yield row.id, change

    def flush(self) -> None:
        """Record what was skipped on the way."""
        if self._unneeded:
            self.record(self._unneeded)
            self._unneeded = []

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes in one short transaction. Raises ``ClaimLost``: nothing is written."""
        outcomes = [self._doubtful(outcome) for outcome in outcomes]
        now = self._application.clock()
        with transaction(self._application.sessions) as session:
            claims.renew(session, self._load_id, now)
            outcomes = foreign_accounts.ask(
                session, outcomes, load_id=self._load_id,
                days=self._application.settings.people.ask_accounts_days, now=now,
            )  # fmt: skip
            changed = [one.change for one in outcomes if one.result == Result.DONE]
            keeping.keep_moments(session, self._plan_id, changed)
            record(
                session,
                outcomes,
                rows=[self._rows[o.change.kind, o.change.key] for o in outcomes],
                school_code=self._school_code,
                shared=self._shared,
                now=now,
            )
            note_repairs(session, outcomes, self._load_id, now)
            undo_taking_over.after_outcomes(session, self._plan_id, self._school_code, outcomes)
            self._end_entered(session, outcomes, now)
            self._end_sign_ins(session, outcomes, now)
            # Moodle answers: what kept the load waiting is over.
            session.execute(
                update(Load)
                .where(Load.id == self._load_id, Load.problem != "")
                .values(problem="", waits_until=None)
            )
        for outcome in outcomes:
            del self._rows[outcome.change.kind, outcome.change.key]
            self._birth_dates.pop(outcome.change.key, None)

    def _doubtful(self, outcome: Outcome) -> Outcome:
        """What is there after an answer was lost is looked at again at the end."""
        change = outcome.change
        is_doubtful = (change.kind, change.key) in self.doubted and change.kind != Kind.USER
        if not is_doubtful or outcome.result is not Result.DONE:
            return outcome
        return replace(outcome, code=AFTER_LOST_ANSWER)

    def doubt(self, changes: Sequence[Change]) -> None:
        """Note creations whose answer was lost: they are looked up before anything is made again,
        and at the end it is looked whether Moodle has made one twice."""
        self.doubted.update((change.kind, change.key) for change in changes)
        rows = [self._rows[change.kind, change.key] for change in changes]
        with transaction(self._application.sessions) as session:
            lost = update(PlannedChange).where(PlannedChange.id.in_(rows))
            session.execute(lost.values(code=ANSWER_LOST))

    def settle_doubts(self, moodle: MoodleClient) -> None:
        """Look for what Moodle has made twice, as answers about it were lost: the second one is
        set aside, and the change says so."""
        doubtful = select(PlannedChange).where(
            PlannedChange.plan_id == self._plan_id,
            PlannedChange.code == AFTER_LOST_ANSWER,
            PlannedChange.kind.in_([Kind.CATEGORY, Kind.COHORT, Kind.COURSE]),
        )
        with self._application.sessions() as session:
            rows = session.scalars(doubtful).all()
        for kind in {Kind(row.kind) for row in rows}:
            ids = {row.key: row.id for row in rows if row.kind == kind}
            for double in find_doubles(moodle, kind, self.get(kind, sorted(ids))):
                is_aside = set_aside(moodle, double)
                values = {
                    "code": "doubled_set_aside" if is_aside else "doubled",
                    "result": Result.DONE if is_aside else Result.FAILED,
                    "detail": double.detail,
                }
                with transaction(self._application.sessions) as session:
                    change = update(PlannedChange).where(PlannedChange.id == ids[double.key])
                    session.execute(change.values(**values))

    def _end_entered(self, session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Take people off the roll whose time of being entered by hand has ended with this."""
        gone = [one.change.key for one in outcomes if one.change.action in CLOSING]
        today = now.astimezone(self._application.zone).date()
        for people in chunks(gone):
            end_entered(session, people, now, today, plan=self._plan_id)

    def _end_sign_ins(self, session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
        """End the sign-ins of suspended people; their applications hear it like a sign-out."""
        suspended = [
            outcome.change.key
            for outcome in outcomes
            if outcome.change.suspends and outcome.result == Result.DONE
        ]
        if suspended:
            configured = self._application.settings.auth.clients
            end_people(session, suspended, read_clients(session, configured, now).clients, now)

    def get(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, int]:
        """Return Moodle's numbers, as recorded (the protocol ``MoodleIds``)."""
        is_user = kind == Kind.USER
        column = KnownUser.person_id if is_user else KnownObject.key
        number = KnownUser.moodle_id if is_user else KnownObject.moodle_id
        query = select(column, number).where(number.is_not(None))
        if not is_user:
            query = query.where(KnownObject.kind == kind)
        with self._application.sessions() as session:
            return {key: n for key, n in rows_among(session, query, column, keys) if n}

    def first_password(self, person_id: str) -> str:
        """Return the first password of an account whose password Moodle keeps."""
        with self._application.sessions() as session:
            identity = session.get_one(Identity, person_id)
        born, generation = self._birth_dates[person_id], identity.password_generation
        return first_password(self._application, person_id, born, generation)
