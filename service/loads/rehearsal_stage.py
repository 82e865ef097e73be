"""The stage of a rehearsal: a copy of what we know, before a throw-away stand-in for Moodle.

The copy is a SQLite file in a folder of its own inside the data folder; both are deleted at the
end. Of history, sign-ins and reports nothing is copied.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Table, select, update
from sqlalchemy.orm import Session

from auth.models import Base as AuthBase
from provisioning.changes import Kind
from provisioning.drift import DriftKind
from provisioning.moodle import MoodleClient
from provisioning.quiet import QuietSettings
from service.application import Application, build
from service.db import Base, chunks, reading, transaction
from service.loads import claims
from service.models import (
    CohortMember,
    Drift,
    DriftState,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    PlannedChange,
    TakenLogin,
)

_LEFT_OUT = frozenset({
    "activity_bitmaps", "activity_counts", "activity_pending_events", "activity_people",
    "activity_sources", "adopted_objects", "adoption_runs", "adoptions", "audit_entries",
    "head_counts", "load_findings", "made_slips", "mark_bitmaps", "mark_changes", "milestones",
    "moodle_snapshots", "operator_sessions", "outgoing_mails", "outside_events",
    "phase_exemptions", "phase_rules", "platform_figures", "platform_schools", "platform_weeks",
    "published_reports", "reference_imports", "regional_totals", "rehearsals", "roll_changes",
    "roll_events", "roll_sheets", "writing_pauses",
})  # fmt: skip
"""Tables that no load reads, and the pauses: on the stage nobody is disturbed."""

_APART = 1_000_000_000
"""Added to Moodle's numbers: the accounts that a stand-in has of its own keep theirs."""

FOLDERS = "rehearsal-"
_OWNER = "owner"

_PIECE = 2_000
_EXECUTION = {"yield_per": _PIECE}


@contextmanager
def stage(
    application: Application,
    *,
    with_changes_of: Collection[int] = (),
    clock: Callable[[], datetime] | None = None,
) -> Iterator[Application]:
    """Give an application over a copy of what ``application`` knows; nothing of it ever comes back.

    ``with_changes_of``: numbers of the loads whose planned changes are copied too. ``clock``: the
    time on the stage.
    """
    # A rehearsal needs what only workers load.
    from service.moodle_standin import PasswordPolicy, SiteSettings, create_standin, running

    home = Path(tempfile.mkdtemp(prefix=FOLDERS, dir=application.settings.home))
    try:
        (home / _OWNER).write_text(claims.own_name(), "utf-8")
        roles = application.settings.moodle.role_ids
        site = SiteSettings(
            password_policy=PasswordPolicy(enabled=False), allow_accounts_same_email=True,
            extended_username_chars=True, assignable_roles=tuple(sorted(roles.values())),
        )  # fmt: skip
        standin = create_standin(home / "moodle.sqlite", settings=site)
        with running(standin) as url:
            copy = _application(application, home, url, clock or application.clock)
            try:
                _copy(application, copy, with_changes_of)
                store = standin.extensions["moodle_standin"].store
                with reading(copy.sessions) as session, store.transaction():
                    for table, rows in _site_rows(session, roles):
                        store.fill(table, rows)
                yield copy
            finally:
                copy.engine.dispose()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def clear_left(home: Path, now: datetime) -> int:
    """Delete the folders of stages whose process has ended without doing so; return how many."""
    left = 0
    for folder in home.glob(f"{FOLDERS}*"):
        owner = folder / _OWNER
        since = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        name = owner.read_text("utf-8") if owner.exists() else ""
        if name.startswith(f"{socket.gethostname()}/"):
            is_left = not claims.is_live(name, now, now)
        else:
            is_left = now - since > _LONGEST
        if is_left:
            shutil.rmtree(folder, ignore_errors=True)
            left += 1
    return left


_LONGEST = timedelta(days=1)
"""A stage of another machine is not in use any more after so long."""


def _application(
    application: Application, home: Path, url: str, clock: Callable[[], datetime]
) -> Application:
    settings = application.settings
    copy = build(
        replace(
            settings,
            home=home,
            database=replace(settings.database, url=""),
            moodle=replace(settings.moodle, url=url, token=_token()),
            quiet=QuietSettings(),
        )
    )
    copy.clock = clock
    # The secret stays where it is: what is encrypted on the stage is read nowhere else.
    vars(copy)["secret"] = application.secret
    copy.connect_moodle = partial(MoodleClient, sleep=lambda _seconds: None)
    Base.metadata.create_all(copy.engine)
    AuthBase.metadata.create_all(copy.engine)
    return copy


def _token() -> str:
    from service.moodle_standin import DEFAULT_TOKEN

    return DEFAULT_TOKEN


def _copy(application: Application, copy: Application, loads: Collection[int]) -> None:
    """Copy the tables in one state of the database, those that others refer to first."""
    plans = select(_plans_of(loads))
    only: Mapping[str, ColumnElement[bool]] = {
        "planned_changes": PlannedChange.plan_id.in_(plans),
        "drifts": Drift.state == DriftState.OPEN,
    }
    with reading(application.sessions) as session, transaction(copy.sessions) as target:
        for table in Base.metadata.sorted_tables:
            if table.name not in _LEFT_OUT:
                _copy_table(session, target, table, only.get(table.name))
        for known in (KnownUser, KnownObject):
            target.execute(update(known).values(moodle_id=known.moodle_id + _APART))


def _plans_of(loads: Collection[int]) -> Any:
    plans = Base.metadata.tables["school_plans"]
    return select(plans.c.id).where(plans.c.load_id.in_(sorted(loads))).subquery()


def _copy_table(
    session: Session, target: Session, table: Table, condition: ColumnElement[bool] | None
) -> None:
    query = select(table) if condition is None else select(table).where(condition)
    rows = session.execute(query, execution_options=_EXECUTION).mappings()
    for some in chunks(rows, _PIECE):
        target.execute(table.insert(), [dict(row) for row in some])


def _site_rows(
    session: Session, role_ids: Mapping[str, int]
) -> Iterator[tuple[str, Iterable[Mapping[str, Any]]]]:
    """Yield the rows of the stand-in by table: what we know of Moodle, without the categories,
    cohorts and courses that a look has found deleted. Deleted accounts are known by none any more.
    """
    deleted = select(Drift.subject, Drift.key).where(Drift.kind == DriftKind.OBJECT_DELETED)
    gone = {(subject, key) for subject, key in session.execute(deleted)}
    numbers = _Numbers(session, gone)
    yield "user", numbers.users()
    yield "user", numbers.strangers()
    yield "category", numbers.categories()
    yield "cohort", numbers.cohorts()
    yield "course", numbers.courses()
    yield "cohort_member", numbers.members()
    yield "enrolment", numbers.enrolments()
    yield "role_assignment", numbers.roles(role_ids)


class _Numbers:
    """What we know of Moodle as rows of the stand-in, with Moodle's numbers for our keys."""

    def __init__(self, session: Session, gone: set[tuple[str, str]]) -> None:
        self._session = session
        query = select(KnownUser.person_id, KnownUser.moodle_id)
        self._users = {
            person_id: number for person_id, number in session.execute(query) if number is not None
        }
        self._objects = {
            (one.kind, one.key): one
            for one in session.scalars(select(KnownObject))
            if (one.kind, one.key) not in gone
        }

    def users(self) -> Iterator[Mapping[str, Any]]:
        query = select(KnownUser).where(KnownUser.moodle_id.is_not(None))
        for one in self._session.scalars(query.execution_options(**_EXECUTION)):
            yield {
                    "id": one.moodle_id, "username": one.username, "auth": one.auth,
                    "has_password": int(one.auth == "manual"), "firstname": one.firstname,
                    "lastname": one.lastname, "email": one.email, "email_lower": one.email.lower(),
                    "idnumber": one.person_id, "institution": one.institution,
                    "department": one.department, "suspended": int(one.suspended),
                }  # fmt: skip

    def strangers(self) -> Iterator[Mapping[str, Any]]:
        """Yield the accounts of which only the login is known: it is taken."""
        logins = self._session.scalars(select(TakenLogin.username).order_by(TakenLogin.username))
        for number, username in enumerate(logins, start=_APART // 2):
            yield {"id": number, "username": username, "auth": "manual", "lastname": "?",
                   "firstname": "?"}  # fmt: skip

    def categories(self) -> Iterator[Mapping[str, Any]]:
        for one in self._of(Kind.CATEGORY):
            above = self._above(one)
            path = "/".join(str(number) for number in (*above, one.moodle_id))
            yield {
                "id": one.moodle_id, "name": one.fields["name"], "idnumber": one.key,
                "parent": above[-1] if above else 0, "timemodified": 0, "depth": len(above) + 1,
                "path": f"/{path}",
            }  # fmt: skip

    def _above(self, category: KnownObject) -> list[int]:
        above: list[int] = []
        while parent := self._objects.get((Kind.CATEGORY, category.fields["parent"])):
            if parent.moodle_id in above:
                break
            above.insert(0, parent.moodle_id)
            category = parent
        return above

    def cohorts(self) -> Iterator[Mapping[str, Any]]:
        for one in self._of(Kind.COHORT):
            yield {
                "id": one.moodle_id, "category": 0, "name": one.fields["name"],
                "idnumber": one.key, "visible": int(one.fields.get("visible", True)),
                "timecreated": 0, "timemodified": 0,
            }  # fmt: skip

    def courses(self) -> Iterator[Mapping[str, Any]]:
        for one in self._of(Kind.COURSE):
            category = self._objects.get((Kind.CATEGORY, one.fields["category"]))
            yield {
                "id": one.moodle_id, "category": category.moodle_id if category else 1,
                "fullname": one.fields["fullname"], "shortname": one.fields["shortname"],
                "idnumber": one.key, "format": "topics", "startdate": 0, "enddate": 0,
                "visible": int(one.fields.get("visible", True)),
                "timecreated": 0, "timemodified": 0,
            }  # fmt: skip

    def _of(self, kind: Kind) -> list[KnownObject]:
        found = [one for (of, _key), one in self._objects.items() if of == kind]
        return sorted(found, key=lambda one: one.moodle_id)

    def members(self) -> Iterator[Mapping[str, Any]]:
        query = select(CohortMember.cohort, CohortMember.person_id)
        for cohort, person_id in self._session.execute(query, execution_options=_EXECUTION):
            there = self._objects.get((Kind.COHORT, cohort))
            if there and person_id in self._users:
                yield {"cohortid": there.moodle_id, "userid": self._users[person_id]}

    def _places(self) -> Iterator[tuple[int, int, str]]:
        columns = KnownEnrolment.course, KnownEnrolment.person_id, KnownEnrolment.role
        for course, person_id, role in self._session.execute(
            select(*columns).order_by(*columns), execution_options=_EXECUTION
        ):
            there = self._objects.get((Kind.COURSE, course))
            number = self._users.get(person_id)
            if there and number:
                yield there.moodle_id, number, role

    def enrolments(self) -> Iterator[Mapping[str, Any]]:
        last = (0, 0)
        for course, user, _role in self._places():
            if (course, user) != last:
                yield {"courseid": course, "userid": user}
            last = course, user

    def roles(self, role_ids: Mapping[str, int]) -> Iterator[Mapping[str, Any]]:
        for course, user, role in self._places():
            yield {"contextlevel": "course", "instanceid": course, "userid": user,
                   "roleid": role_ids[role]}  # fmt: skip
