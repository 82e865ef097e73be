"""Plan the undoing of loads: a plan for each school, and findings about what has changed since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.changes import Change, Kind, Result
from provisioning.findings import Finding, rules
from provisioning.limits import Circumstances
from provisioning.plan import make_plan
from provisioning.roll import Membership
from provisioning.several_schools import Elsewhere, Place
from provisioning.state import State
from provisioning.undoing import Conflict, Since, Undoing, entry_back, undo
from service.application import Application
from service.db import insert_rows, rows_among, transaction
from service.loads import claims, keeping, known_state
from service.loads.other_rolls import place_of
from service.loads.plan_storing import store_findings, store_plan
from service.loads.plan_work import as_change
from service.loads.undo import later_plans, plans_of
from service.loads.undo_settling import is_in_doubt, settle
from service.loads.undo_taking_over import done_changes, kept_rows
from service.models import (
    KeptWhat,
    Load,
    PlannedChange,
    PlannedMembership,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
)
from service.registry.closing import is_open

_RULES: Mapping[Since, str] = {
    Since.PLACE: "undo.place",
    Since.NAMES: "undo.names",
    Since.LOGIN: "undo.login",
    Since.BIRTH_DATE: "undo.birth_date",
    Since.SNILS: "undo.snils",
    Since.AUTH: "undo.auth",
    Since.GONE: "undo.gone",
    Since.LEFT: "undo.left",
    Since.RENAMED: "undo.renamed",
    Since.IN_USE: "undo.in_use",
    Since.STAYS: "undo.stays",
}
_LINKS = (Kind.MEMBER, Kind.ENROLMENT)


@dataclass(kw_only=True)
class _Rolls:
    """The rolls of the schools once all is undone."""

    entries: dict[str, dict[str, Membership | None]] = field(default_factory=dict)
    """School code -> person id -> the place of before, for those who had another one."""
    held: set[str] = field(default_factory=set)
    """Person ids: somebody has changed their places since."""


def plan_all(application: Application, load: Load) -> None:
    """Store a plan for each school of such a load, one school in memory at a time.

    A plan that was broken off in the middle of a call is settled with Moodle before. Raises
    ``MoodleError`` when Moodle cannot be asked.
    """
    told = load.undoes or {}
    codes, also_changed = sorted(load.only_schools or ()), bool(told["also_changed"])
    plans: dict[str, list[int]] = {}
    rolls = _Rolls()
    for code in codes:
        with application.sessions() as session:
            mine = plans_of(session, told["loads"], code)
            broken_off = [one.id for one in mine if is_in_doubt(session, one)]
        for number in broken_off:
            settle(application, number)
        with application.sessions() as session:
            mine = plans_of(session, told["loads"], code)
            plans[code] = [one.id for one in mine]
            _bring_back_roll(session, code, mine, rolls, also_changed=also_changed)
    for code in codes:
        with transaction(application.sessions) as session:
            work = _School(application, session, load.id, code, plans, rolls, also_changed)
            work.plan()
            claims.renew(session, load.id, application.clock())


def _bring_back_roll(
    session: Session,
    code: str,
    plans: Sequence[SchoolPlan],
    rolls: _Rolls,
    *,
    also_changed: bool,
) -> None:
    steps = kept_rows(session, plans, KeptWhat.PLACE)
    here = SchoolMembership.school_code == code
    rows = rows_among(
        session, select(SchoolMembership).where(here), SchoolMembership.person_id, steps
    )
    now = {one.person_id: keeping.place(one.person_id, keeping.as_place(one)) for (one,) in rows}
    entries = rolls.entries[code] = {}
    for person_id, kept in steps.items():
        both = [
            (keeping.place(person_id, before), keeping.place(person_id, after))
            for before, after in kept
        ]
        back, is_held = entry_back(now.get(person_id), both, also_changed=also_changed)
        if is_held:
            rolls.held.add(person_id)
        elif back != now.get(person_id):
            entries[person_id] = back


class _School:
    """One school of an undoing while it is planned."""

    def __init__(
        self,
        application: Application,
        session: Session,
        load_id: int,
        code: str,
        plans: Mapping[str, Sequence[int]],
        rolls: _Rolls,
        also_changed: bool,
    ) -> None:
        self._settings, self._session = application.settings, session
        self._today = application.clock().astimezone(application.zone).date()
        self._load_id, self._code, self._rolls = load_id, code, rolls
        self._own = [session.get_one(SchoolPlan, number) for number in plans[code]]
        self._all = [number for numbers in plans.values() for number in numbers]
        self._also_changed = also_changed

    def plan(self) -> None:
        if not self._own:
            return  # somebody else has undone it meanwhile
        session, code = self._session, self._code
        school = session.get_one(School, code)
        users, objects, links = self._changes()
        people = users.keys() | {(one.after or one.before)["person_id"] for one in links}
        came = {one for one, place in self._rolls.entries[code].items() if place is None}
        people |= came
        elsewhere = _elsewhere(session, code, people, self._rolls, self._today)
        known = known_state.known_state(session, code)
        others = known_state.accounts_of(session, people - known.users.keys())
        known = replace(known, users={**known.users, **others})
        done = undo(
            Undoing(
                known=known, user_changes=users, object_changes=objects, link_changes=links,
                elsewhere=elsewhere, left=came - elsewhere.keys(),
                held=self._rolls.held, also_changed=self._also_changed, is_newest=not self._later(),
            )
        )  # fmt: skip
        before = known_state.roll_before(session, code)
        after = dict(before)
        for person_id, entry in self._rolls.entries[code].items():
            if person_id in done.held:
                continue
            if entry is None:
                after.pop(person_id, None)
            else:
                after[person_id] = entry
        stored = SchoolPlan(
            load_id=self._load_id, school_code=code, status=PlanStatus.PLANNED, keeps_roll=True,
            known_version=school.known_version, people=len(after),
            undoes={str(one.id): done_changes(session, one.id) for one in self._own},
        )  # fmt: skip
        session.add(stored)
        session.flush()
        insert_rows(session, PlannedMembership, _roll_rows(stored.id, after))
        leave = before.keys() - after.keys()
        about = Circumstances(
            turned_up=_elsewhere(session, code, leave, self._rolls, self._today).keys()
        )
        store_plan(session, stored, make_plan(known, done.desired, self._settings.limits, about))
        self._store_findings(known, done.conflicts, before.keys() & done.held)

    def _later(self) -> list[SchoolPlan]:
        """Return what came after the oldest of the plans, and is not undone with them."""
        undone = {one.id for one in self._own}
        return [one for one in later_plans(self._session, self._own[-1]) if one.id not in undone]

    def _changes(self) -> tuple[dict[str, list[Change]], list[Change], list[Change]]:
        """Return what was done: of accounts by person, of objects, of links; the newest first."""
        objects: list[Change] = []
        links: list[Change] = []
        people: dict[str, None] = {}
        for plan in self._own:
            done = (
                select(PlannedChange)
                .where(PlannedChange.plan_id == plan.id, PlannedChange.result == Result.DONE)
                .order_by(PlannedChange.position.desc())
            )
            for row in self._session.scalars(done.execution_options(yield_per=1000)):
                change = as_change(row)
                if change.kind is Kind.USER:
                    people[change.key] = None
                else:
                    (links if change.kind in _LINKS else objects).append(change)
        return self._user_changes(people), objects, links

    def _user_changes(self, people: Iterable[str]) -> dict[str, list[Change]]:
        """Return what all undone plans did with these people: two schools may list one person."""
        of_people = (
            select(PlannedChange, SchoolPlan.counted_at)
            .join(SchoolPlan)
            .where(
                PlannedChange.plan_id.in_(self._all), PlannedChange.kind == Kind.USER,
                PlannedChange.result == Result.DONE,
            )
        )  # fmt: skip
        found = defaultdict(list)
        for row, at in rows_among(self._session, of_people, PlannedChange.key, people):
            found[row.key].append(((at, row.plan_id, row.position), as_change(row)))
        return {
            person_id: [change for _when, change in sorted(some, key=lambda one: one[0])[::-1]]
            for person_id, some in found.items()
        }

    def _store_findings(self, known: State, conflicts: Sequence[Conflict], held: Set[str]) -> None:
        told = {one.key for one in conflicts if one.since is Since.PLACE}
        only_places = (
            Conflict(kind=Kind.USER, key=person_id, since=Since.PLACE)
            for person_id in sorted(held - told)
        )
        findings = [self._finding(known, one) for one in (*conflicts, *only_places)]
        if later := self._later():
            numbers = ", ".join(str(number) for number in sorted({one.load_id for one in later}))
            rule = "undo.later_loads"
            findings.append(
                Finding(
                    rule=rule, severity=rules()[rule], file="", school_code=self._code,
                    details={"loads": numbers},
                )
            )  # fmt: skip
        store_findings(self._session, self._load_id, findings)

    def _finding(self, known: State, one: Conflict) -> Finding:
        rule, about = _RULES[one.since], dict[str, Any]()
        if one.kind is Kind.USER:
            if user := known.users.get(one.key):
                names = (user.family_name, user.given_name, user.middle_name)
                about = {"person": " ".join(filter(None, names)), "sourced_id": user.sourced_id}
        elif one.kind is Kind.COURSE:
            about = {"value": known.courses[one.key].fullname}
        elif one.kind is Kind.COHORT:
            about = {"value": known.cohorts[one.key].name}
        elif one.key in known.categories:
            about = {"value": known.categories[one.key].name}
        return Finding(rule=rule, severity=rules()[rule], file="", school_code=self._code, **about)


def _roll_rows(plan_id: int, roll: Mapping[str, Membership]) -> Iterable[dict[str, Any]]:
    fields = ("person_id", "role", "class_id", "class_title", "confirmed", "until")
    for entry in roll.values():
        yield {"plan_id": plan_id, **{name: getattr(entry, name) for name in fields}}


def _elsewhere(
    session: Session, code: str, people: Collection[str], rolls: _Rolls, today: date
) -> Elsewhere:
    """Return the other schools that list people once all is undone."""
    listed: dict[str, dict[str, Place]] = defaultdict(dict)
    places = (
        select(SchoolMembership, School)
        .join(School, School.code == SchoolMembership.school_code)
        .where(
            School.code != code, is_open(today),
            SchoolMembership.until.is_(None) | (SchoolMembership.until >= today),
        )
    )  # fmt: skip
    for one, school in rows_among(session, places, SchoolMembership.person_id, people):
        listed[one.person_id][school.code] = _place(one, school)
    for other, entries in rolls.entries.items():
        if other == code:
            continue
        school = session.get_one(School, other)
        for person_id in entries.keys() & set(people):
            entry = entries[person_id]
            if entry is None:
                listed[person_id].pop(other, None)
            else:
                listed[person_id][other] = _place(entry, school)
    return {person_id: others for person_id, others in listed.items() if others}


def _place(one: SchoolMembership | Membership, school: School) -> Place:
    said = (one.role, one.class_id, one.class_title, one.confirmed)
    return place_of(*said, school, school.last_exported_at)
