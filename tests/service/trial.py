"""An installation to try loads at, the Moodle that it fills, and small schools made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from provisioning.moodle import MoodleClient
from provisioning.plan import plan_digest
from provisioning.roster import Enrolment, PersonStatus, Role, School, SchoolClass
from service.access import Scope
from service.application import Application
from service.db import transaction
from service.loads import operations
from service.loads.applying import apply_load
from service.loads.plan_work import as_change
from service.models import (
    Identity,
    KnownUser,
    Load,
    LoadFinding,
    PlannedChange,
    SchoolPlan,
    SourceKey,
)
from service.moodle_standin import Fault, Snapshot
from service.problems import Problem
from service.sample.layouts import roster_1
from service.sample.people import draw, make_human, snils
from service.sample.rows import Row, SampleSchool, person_of
from tests.service.installation import NOW, SCOPE, Value, ask, find_run, installation, load_paths
from tests.service.standin import call_form, running_standin

OfPerson = TypeVar("OfPerson", Identity, KnownUser)

on_both_databases = pytest.mark.parametrize("trial", ["sqlite", "postgresql"], indirect=True)
"""For tests that take the fixture ``trial``."""

A, B, C = "SB0001", "SB0002", "SB0003"
"""Codes of small schools."""

EXPORTED = datetime(2026, 9, 5, 7, 0, tzinfo=UTC)
"""The first export of a small school; later ones follow day by day."""


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


def refusal(act: Callable[..., object], *given: Any, **named: Any) -> str:
    """The code of the problem for which this act is refused."""
    with pytest.raises(Problem) as refused:
        act(*given, **named)
    return refused.value.code


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
        kind: str = "",
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
            kind=kind,
        )
        if classes is None:
            classes = [one for one in CLASSES if one.sourced_id in used]
        fields: dict[str, Any] = {
            "school": school, "school_year": "2026/2027", "rows": rows, "guardians": (),
            "exported_at": EXPORTED + timedelta(days=day), "classes": tuple(classes),
            "teaching": tuple(teaching),
        }  # fmt: skip
        folder = self.folder / f"{next(self._number):03d}"
        folder.mkdir(parents=True)
        roster_1.write(folder, SampleSchool(**fields | overrides), "utf-8")
        return folder / f"{code}.xml"

    def configure(self, section: str, **values: Any) -> None:
        """Other values in one section of the settings."""
        application = self.application
        changed = replace(getattr(application.settings, section), **values)
        application.settings = replace(application.settings, **{section: changed})

    def set_moodle(self, **settings: Any) -> None:
        """Other settings of the stand-in (``SiteSettings``), as its administrator makes them."""
        self._control("POST", "settings", json=settings)

    def load(self, *paths: Path, expected_school: str = "") -> int:
        return load_paths(self.application, *paths, expected_school=expected_school)

    def ask(self, use_case: Callable[..., Value], load_id: int, **given: Any) -> Value:
        return ask(self.application, use_case, load_id, **given)

    def approve(self, load_id: int, **given: Any) -> None:
        self.ask(operations.approve, load_id, **given)

    def approved(self, *paths: Path, **given: Any) -> int:
        """Load and say yes; the number of the load."""
        load_id = self.load(*paths)
        self.approve(load_id, **given)
        return load_id

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
        address = f"{self.moodle_url}/webservice/rest/server.php"
        answer = requests.post(address, data=call_form(function, **fields), timeout=60).json()
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

    def rows(self) -> AbstractContextManager[Session]:
        """A transaction on the database of the installation."""
        return transaction(self.application.sessions)

    # What came of it

    def stored(self, query: Select[*tuple[Any, ...]]) -> list[Any]:
        """What a query finds: the objects, or the rows of several columns."""
        with self.application.sessions() as session:
            rows = session.execute(query).all()
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]

    def run(self, load_id: int) -> Load:
        return find_run(self.application, load_id)

    def _of(
        self, load_id: int, find: Callable[[Session, Load, Scope], Iterable[Value]]
    ) -> list[Value]:
        with self.application.sessions() as session:
            return list(find(session, operations.find(session, load_id, SCOPE), SCOPE))

    def plans(self, load_id: int) -> dict[str, SchoolPlan]:
        return {plan.school_code: plan for plan in self._of(load_id, operations.plans)}

    def decisions(self, load_id: int) -> dict[str, str]:
        """Status of the plan of each school."""
        return {code: plan.status for code, plan in self.plans(load_id).items()}

    def counts(self, load_id: int, code: str) -> dict[str, int]:
        return self.plans(load_id)[code].counts

    def changes(self, load_id: int, kind: str = "user") -> list[PlannedChange]:
        return [one for _, one in self._of(load_id, operations.changes) if one.kind == kind]

    def plan_otherwise(self, change: PlannedChange, **after: Any) -> None:
        """As if the planning had made this change so."""
        with self.rows() as session:
            stored = session.get_one(PlannedChange, change.id)
            stored.after = stored.after | after
            plan = session.get_one(SchoolPlan, stored.plan_id)
            rows = session.scalars(
                select(PlannedChange)
                .where(PlannedChange.plan_id == plan.id)
                .order_by(PlannedChange.position)
            )
            plan.digest = plan_digest(plan.school_code, plan.breaches, map(as_change, rows))

    def findings(self, load_id: int, rule: str = "") -> list[LoadFinding]:
        found = self._of(load_id, operations.findings)
        return [one for one in found if not rule or one.rule == rule]

    def rules(self, load_id: int) -> dict[str, str]:
        """Rule of a finding -> the school that it is about."""
        return {one.rule: one.school_code for one in self.findings(load_id)}

    def person_id(self, code: str, sourced_id: str) -> str:
        key = SourceKey.school_code == code, SourceKey.sourced_id == sourced_id
        (found,) = self.stored(select(SourceKey.person_id).where(*key))
        return str(found)

    def identity(self, code: str, sourced_id: str) -> Identity:
        return self._row(Identity, code, sourced_id)

    def known(self, code: str, sourced_id: str) -> KnownUser:
        return self._row(KnownUser, code, sourced_id)

    def _row(self, table: type[OfPerson], code: str, sourced_id: str) -> OfPerson:
        with self.application.sessions() as session:
            return session.get_one(table, self.person_id(code, sourced_id))

    # The Moodle

    def _control(self, method: str, what: str, **options: Any) -> Any:
        """Ask the page of the stand-in that changes it, or tells what it holds."""
        address = f"{self.moodle_url}/standin/{what}"
        answer = requests.request(method, address, timeout=60, **options)
        answer.raise_for_status()
        return answer.json() if method == "GET" else None

    def moodle(self) -> Snapshot:
        return self._control("GET", "state")

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
        mine = (one for one in state["enrolments"] if one["userid"] == user_id)
        return {(names[one["courseid"]], one["role"]) for one in mine}

    def writes(self) -> dict[str, int]:
        """Calls that wrote since the last time this was asked, by function."""
        writes: dict[str, int] = self._control("GET", "counts")["writes"]
        self._control("DELETE", "counts")
        return writes

    def fault(self, fault: Fault) -> None:
        self._control("POST", "faults", json=asdict(fault))

    def struck(self) -> int:
        """How often the faults have struck."""
        return sum(fault["struck"] for fault in self._control("GET", "faults"))

    def no_faults(self) -> None:
        self._control("DELETE", "faults")


@contextmanager
def make_trial(folder: Path, *, database_url: str = "", **site: Any) -> Iterator[Trial]:
    """An empty installation before a stand-in in memory; ``site`` are options of the latter."""
    ticks = itertools.count()
    with (
        running_standin(control=True, **site) as url,
        installation(folder / "home", moodle_url=url, database_url=database_url) as application,
    ):
        application.clock = lambda: NOW + timedelta(seconds=next(ticks))
        application.connect_moodle = partial(MoodleClient, sleep=_no_wait)
        yield Trial(application=application, moodle_url=url, folder=folder / "files")


def _no_wait(_seconds: float) -> None:
    return
