"""An installation to try loads at, the Moodle that it fills, and small schools made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from provisioning.moodle import MoodleClient
from provisioning.plan import plan_digest
from provisioning.roster import Enrolment, PersonStatus, Role, School, SchoolClass
from service.application import Application
from service.db import transaction
from service.loads import operations
from service.loads.applying import apply_load
from service.loads.plan_work import as_change
from service.models import Identity, KnownUser, Load, PlannedChange, SchoolPlan, SourceKey
from service.moodle_standin import DEFAULT_TOKEN, Fault, Snapshot
from service.sample.layouts import roster_1
from service.sample.people import draw, make_human, snils
from service.sample.rows import Row, SampleSchool, person_of
from tests.service.installation import SCOPE, Value, ask, find_run, installation, load_paths
from tests.service.standin import running_standin

on_both_databases = pytest.mark.parametrize("trial", ["sqlite", "postgresql"], indirect=True)
"""For tests that take the fixture ``trial``."""

A, B, C = "SB0001", "SB0002", "SB0003"
"""Codes of small schools."""

NOW = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)
EXPORTED = datetime(2026, 9, 5, 7, 0, tzinfo=UTC)
"""The first export of a small school; ``later`` ones follow day by day."""


def later(days: int) -> datetime:
    return EXPORTED + timedelta(days=days)


def pupil(sourced_id: str, class_id: str = "c-1", *, who: str = "", **overrides: Any) -> Row:
    """A row of a pupil; rows with the same ``who`` are the same human in any school."""
    return _row(sourced_id, Role.STUDENT, class_id, who, date(2012, 1, 15), overrides)


def teacher(sourced_id: str, *, who: str = "", **overrides: Any) -> Row:
    return _row(sourced_id, Role.TEACHER, "", who, date(1980, 1, 15), overrides)


def pupils(prefix: str, number: int, class_id: str = "c-1") -> list[Row]:
    return [pupil(f"{prefix}-{each}", class_id) for each in range(1, number + 1)]


def _row(
    sourced_id: str, role: Role, class_id: str, who: str, born: date, overrides: dict[str, Any]
) -> Row:
    key = who or sourced_id
    human = make_human(
        key,
        seed=1,
        birth_date=born + timedelta(days=draw(300, key)),
        snils=snils(draw(50_000_000, key), seed=1),
    )
    person = person_of(human, sourced_id=sourced_id, role=role, begin_date=date(2026, 9, 1))
    return Row(human=key, person=replace(person, **overrides), class_id=class_id)


def left(row: Row) -> Row:
    """The same row as a school marks who has left."""
    return replace(row, person=replace(row.person, status=PersonStatus.LEFT))


def make_class(sourced_id: str = "c-1", title: str = "8А", **overrides: Any) -> SchoolClass:
    return SchoolClass(**{"sourced_id": sourced_id, "title": title, "grade": 8} | overrides)


CLASSES = (make_class(), make_class("c-2", "8Б"))


@dataclass(kw_only=True)
class Trial:
    """What a test does to an installation and asks of its Moodle."""

    application: Application
    moodle_url: str
    folder: Path
    _number: Iterator[int] = field(default_factory=itertools.count)

    def write(
        self,
        code: str,
        rows: Iterable[Row],
        *,
        day: int = 0,
        classes: Sequence[SchoolClass] | None = None,
        teaching: Sequence[Enrolment] = (),
        **overrides: Any,
    ) -> Path:
        """A file of a small school, exported so many days after the first."""
        rows = tuple(rows)
        used = {row.class_id for row in rows}
        number = code.removeprefix("SB").lstrip("0")
        school = School(
            code=code,
            name=f"Государственное учреждение школа № {number}",
            short_name=f"Школа № {number}",
            district="Невский" if int(number) % 2 else "Кировский",
            number=number,
        )
        fields: dict[str, Any] = {
            "school": school,
            "school_year": "2026/2027",
            "exported_at": later(day),
            "classes": tuple(
                [one for one in CLASSES if one.sourced_id in used] if classes is None else classes
            ),
            "rows": rows,
            "teaching": tuple(teaching),
            "guardians": (),
        }
        folder = self.folder / f"{next(self._number):03d}"
        folder.mkdir(parents=True)
        roster_1.write(folder, SampleSchool(**fields | overrides), "utf-8")
        return folder / f"{code}.xml"

    def small_batches(self, size: int) -> None:
        """Make many calls of few records."""
        with_settings("moodle", batch_size=size)(self.application)

    def load(self, *paths: Path, expected_school: str = "") -> int:
        return load_paths(self.application, *paths, expected_school=expected_school)

    def ask(self, use_case: Callable[..., Value], load_id: int, **given: Any) -> Value:
        return ask(self.application, use_case, load_id, **given)

    def approve(self, load_id: int, **given: Any) -> None:
        self.ask(operations.approve, load_id, **given)

    def apply(self, load_id: int, **options: Any) -> Load:
        """Apply, or go on, as the command does it; nobody waits for Moodle here."""
        self.ask(operations.ready_to_apply, load_id)
        apply_load(self.application, load_id, **{"sleep": _no_wait} | options)
        return self.run(load_id)

    def carry_out(self, load_id: int, **options: Any) -> Load:
        """Say yes and apply."""
        self.approve(load_id, **options)
        return self.apply(load_id)

    def sync(self, *paths: Path) -> Load:
        """Load, say yes to everything and apply."""
        run = self.carry_out(self.load(*paths), over_limits=True)
        assert (run.status, run.problem) == ("applied", "")
        return run

    def settled(self, *paths: Path) -> None:
        """Load the files again: nothing may be left to do."""
        self.writes()
        self.sync(*paths)
        assert self.writes() == {}

    def ask_moodle(self, function: str, **fields: Any) -> Any:
        """Call a function as the administrator of Moodle does, not as we do."""
        answer = requests.post(
            f"{self.moodle_url}/webservice/rest/server.php",
            data={
                "wstoken": DEFAULT_TOKEN, "wsfunction": function, "moodlewsrestformat": "json",
                **fields,
            },
            timeout=60,
        ).json()  # fmt: skip
        assert not (isinstance(answer, dict) and "exception" in answer), answer
        return answer

    def make_stranger(self, username: str, **fields: str) -> int:
        """An account in Moodle of somebody who is none of ours."""
        values = {
            "username": username, "email": "x@other.invalid", "firstname": "Чужая",
            "lastname": "Запись", "auth": "oauth2", **fields,
        }  # fmt: skip
        asked = {f"users[0][{name}]": value for name, value in values.items()}
        (made,) = self.ask_moodle("core_user_create_users", **asked)
        return int(made["id"])

    def rename(self, number: int, username: str) -> None:
        """Give an account in Moodle another login."""
        fields = {"users[0][id]": number, "users[0][username]": username}
        self.ask_moodle("core_user_update_users", **fields)

    # What came of it

    def run(self, load_id: int) -> Load:
        return find_run(self.application, load_id)

    def plans(self, load_id: int) -> dict[str, SchoolPlan]:
        with self.application.sessions() as session:
            run = operations.find(session, load_id, SCOPE)
            return {plan.school_code: plan for plan in operations.plans(session, run, SCOPE)}

    def counts(self, load_id: int, code: str) -> dict[str, int]:
        return self.plans(load_id)[code].counts

    def changes(self, load_id: int, kind: str = "user") -> list[PlannedChange]:
        with self.application.sessions() as session:
            run = operations.find(session, load_id, SCOPE)
            found = [change for _, change in operations.changes(session, run, SCOPE)]
        return [change for change in found if change.kind == kind]

    def plan_otherwise(self, change: PlannedChange, **after: Any) -> None:
        """As if the planning had made this change so."""
        with transaction(self.application.sessions) as session:
            stored = session.get_one(PlannedChange, change.id)
            stored.after = stored.after | after
            plan = session.get_one(SchoolPlan, stored.plan_id)
            rows = session.scalars(
                select(PlannedChange)
                .where(PlannedChange.plan_id == plan.id)
                .order_by(PlannedChange.position)
            )
            plan.digest = plan_digest(plan.school_code, plan.breaches, map(as_change, rows))

    def rules(self, load_id: int) -> dict[str, str]:
        """Rule of a finding -> the school that it is about."""
        with self.application.sessions() as session:
            run = operations.find(session, load_id, SCOPE)
            return {one.rule: one.school_code for one in operations.findings(session, run, SCOPE)}

    def person_id(self, code: str, sourced_id: str) -> str:
        with self.application.sessions() as session:
            return session.scalars(
                select(SourceKey.person_id).where(
                    SourceKey.school_code == code, SourceKey.sourced_id == sourced_id
                )
            ).one()

    def identity(self, code: str, sourced_id: str) -> Identity:
        with self.application.sessions() as session:
            return session.get_one(Identity, self.person_id(code, sourced_id))

    def known(self, code: str, sourced_id: str) -> KnownUser:
        with self.application.sessions() as session:
            return session.get_one(KnownUser, self.person_id(code, sourced_id))

    # The Moodle

    def moodle(self) -> Snapshot:
        state: Snapshot = requests.get(f"{self.moodle_url}/standin/state", timeout=60).json()
        return state

    def account(self, code: str, sourced_id: str) -> dict[str, Any]:
        """The only account in Moodle of this person."""
        person_id = self.person_id(code, sourced_id)
        (found,) = (user for user in self.moodle()["users"] if user["idnumber"] == person_id)
        return found

    def cohorts_of(self, code: str, sourced_id: str) -> set[str]:
        """Names of the cohorts that the person is in."""
        state, user_id = self.moodle(), self.account(code, sourced_id)["id"]
        names = {cohort["id"]: cohort["name"] for cohort in state["cohorts"]}
        return {names[one["cohortid"]] for one in state["members"] if one["userid"] == user_id}

    def courses_of(self, code: str, sourced_id: str) -> set[tuple[str, str]]:
        """Full names of the courses that the person is in, with the role."""
        state, user_id = self.moodle(), self.account(code, sourced_id)["id"]
        names = {course["id"]: course["fullname"] for course in state["courses"]}
        return {
            (names[one["courseid"]], one["role"])
            for one in state["enrolments"]
            if one["userid"] == user_id
        }

    def writes(self) -> dict[str, int]:
        """Calls that wrote since the last time this was asked, by function."""
        counts = requests.get(f"{self.moodle_url}/standin/counts", timeout=60).json()
        requests.delete(f"{self.moodle_url}/standin/counts", timeout=60).raise_for_status()
        writes: dict[str, int] = counts["writes"]
        return writes

    def fault(self, fault: Fault) -> None:
        given = asdict(fault)
        requests.post(
            f"{self.moodle_url}/standin/faults", json=given, timeout=60
        ).raise_for_status()

    def no_faults(self) -> None:
        requests.delete(f"{self.moodle_url}/standin/faults", timeout=60).raise_for_status()


@contextmanager
def make_trial(
    folder: Path,
    *,
    database_url: str = "",
    configure: Callable[[Application], None] = lambda _application: None,
    **site: Any,
) -> Iterator[Trial]:
    """An empty installation before a stand-in in memory; ``site`` are options of the latter."""
    ticks = itertools.count()
    with (
        running_standin(control=True, **site) as url,
        installation(folder / "home", moodle_url=url, database_url=database_url) as application,
    ):
        application.clock = lambda: NOW + timedelta(seconds=next(ticks))
        application.connect_moodle = partial(MoodleClient, sleep=_no_wait)
        configure(application)
        yield Trial(application=application, moodle_url=url, folder=folder / "files")


def with_settings(section: str, **values: Any) -> Callable[[Application], None]:
    """For ``make_trial(configure=...)``: other values in one section of the settings."""

    def configure(application: Application) -> None:
        changed = replace(getattr(application.settings, section), **values)
        application.settings = replace(application.settings, **{section: changed})

    return configure


def _no_wait(_seconds: float) -> None:
    return
