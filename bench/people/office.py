"""The office that loads every file: receive, plan, say yes, apply; and time that passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from bench.people.standin import URL, Moodle
from bench.place import SCOPE, installation, load
from service.application import Application
from service.db import transaction
from service.loads import due, operations, school_changes
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import Load, LoadFinding, LoadStatus, PlanStatus, SchoolPlan
from service.sample.layouts import LAYOUTS
from service.sample.rows import SampleSchool

LAYOUT = LAYOUTS["roster-1"]


@dataclass(kw_only=True)
class Office:
    """One installation, its Moodle, and a clock that goes on as the office works."""

    application: Application
    moodle: Moodle
    files: Path
    now: datetime
    loads: int = 0
    over_limits: int = 0
    """Loads that needed the second yes."""
    stopped: list[str] = field(default_factory=list)
    """Files that were not applied in their month: school, month, and why."""

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def load(self, school: SampleSchool, month: int) -> tuple[int, Path]:
        """Load one school's file of a month, and apply what may be; the load and the file."""
        folder = self.files / f"month-{month:02d}"
        LAYOUT.write(folder, school, LAYOUT.encoding)
        path = folder / f"{school.school.code}.xml"
        self.now = max(self.now, school.exported_at + timedelta(minutes=30))
        load_id = load(self.application, path)
        self.loads += 1
        self.carry_out(load_id)
        return load_id, path

    def merge(self, school: str, into: str) -> None:
        """Order at the registry that a school becomes a part of another, and carry it out."""
        with transaction(self.application.sessions) as session:
            merger = school_changes.plan_merger(
                session, self.application.settings, SCOPE, school, into, self.application.clock()
            )
        self.carry_out(merger.id)

    def close(self, school: str) -> None:
        """Order at the registry that a school ends, and carry it out."""
        now = self.application.clock()
        with transaction(self.application.sessions) as session:
            closing = school_changes.plan_closing(
                session, self.application.settings, SCOPE, school, now, now.date()
            )
        self.carry_out(closing.id)

    def carry_out(self, load_id: int) -> bool:
        """Say yes to a planned load, twice where that is asked for, and apply it."""
        with transaction(self.application.sessions) as session:
            found = operations.find(session, load_id, SCOPE)
            plans = [one for one in found.plans if one.status == PlanStatus.PLANNED]
            if not plans:
                return False
            self.over_limits += any(one.breaches for one in plans)
            now = self.application.clock()
            operations.approve(session, load_id, scope=SCOPE, now=now, over_limits=True)
            operations.ready_to_apply(session, load_id, scope=SCOPE, now=now)
        apply_load(self.application, load_id, sleep=lambda _seconds: None)
        with self.application.sessions() as session:
            return session.get_one(Load, load_id).status == LoadStatus.APPLIED

    def carry_out_what_waits(self) -> None:
        """Say yes to what answers have planned, and apply it."""
        waiting = (
            select(SchoolPlan.load_id)
            .join(Load)
            .where(SchoolPlan.status == PlanStatus.PLANNED, Load.status == LoadStatus.PLANNED)
            .order_by(SchoolPlan.load_id)
            .distinct()
        )
        with self.application.sessions() as session:
            ids = session.scalars(waiting).all()
        for load_id in ids:
            self.carry_out(load_id)

    def wait(self, days: int) -> None:
        """Let days pass, and do each fifth day what time alone changes."""
        for day in range(1, days + 1):
            self.now += timedelta(days=1)
            if day % 5 == 0:
                self.do_what_is_due()

    def do_what_is_due(self) -> None:
        """What workers do each hour about people whom no school lists; all of it gets its yes."""
        load_id = due.begin(self.application)
        if load_id is not None:
            plan_load(self.application, load_id)
            self.carry_out(load_id)
        self.carry_out_what_waits()

    def why(self, load_id: int) -> str:
        """Why a load was not applied: the rules of findings, or its problem."""
        with self.application.sessions() as session:
            rules = session.scalars(
                select(LoadFinding.rule)
                .where(LoadFinding.load_id == load_id, LoadFinding.severity == "fatal")
                .distinct()
                .order_by(LoadFinding.rule)
            ).all()
            found = session.get_one(Load, load_id)
            return ", ".join(rules) or found.problem or found.status


def open_office(home: Path, moodle: Moodle, *, now: datetime, database_url: str = "") -> Office:
    """A new, empty installation over the data folder ``home`` and this Moodle."""
    application = installation(home, moodle_url=URL, database_url=database_url)
    office = Office(application=application, moodle=moodle, files=home / "exports", now=now)
    application.clock = office.tick
    application.connect_moodle = moodle.client
    return office
