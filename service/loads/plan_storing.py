"""What planning stores: the school, its plan, the roll, files and findings."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, String, delete, select
from sqlalchemy.orm import Session

from provisioning.findings import Finding
from provisioning.formats import ReadFile
from provisioning.plan import Plan
from provisioning.roll import Roll
from provisioning.roster import Roster
from service.db import insert_rows, upsert
from service.models import (
    LoadFile,
    LoadFinding,
    PlannedChange,
    PlannedClass,
    PlannedClassTeacher,
    PlannedMembership,
    PlannedRoster,
    PlannedSticky,
    School,
    SchoolPlan,
)
from service.registry.loads import COMPARED, type_after_load

_FINDING_TEXTS = {
    column.name: column.type.length
    for column in LoadFinding.__table__.columns
    if isinstance(column.type, String) and column.name != "severity"
}
"""Texts of a finding, with their longest in the database."""


def store_school(session: Session, roster: Roster) -> School:
    """Store the school, known from its first readable file on; its names follow the newest.

    Unless the registry tells of it: then the roster comes under the registry's names.
    """
    told = roster.school
    kind, unknown = type_after_load(session.get(School, told.code), told.kind)
    names = {name: getattr(told, name) for name in ("code", *COMPARED)}
    upsert(session, School, [names | {"type": kind, "unknown_type": unknown}])
    return session.get_one(School, told.code, populate_existing=True)


def store_roll(session: Session, stored: SchoolPlan, roster: Roster, roll: Roll) -> None:
    """Store who will be on the roll, and where the file says so."""
    rows = {person_id: roster.persons[key] for key, person_id in roll.first_rows}
    roll_rows = (
        {
            "plan_id": stored.id,
            "person_id": entry.person_id,
            "role": entry.role,
            "class_id": entry.class_id,
            "class_title": entry.class_title,
            "confirmed": entry.confirmed,
            "until": entry.until,
            "file": row.file if row else "",
            "line": row.line if row else 0,
        }
        for entry in roll.after.values()
        for row in (rows.get(entry.person_id),)
    )
    insert_rows(session, PlannedMembership, roll_rows)


def store_plan(session: Session, stored: SchoolPlan, plan: Plan) -> None:
    stored.digest = plan.digest
    stored.counts = {f"{kind}.{action}": n for (kind, action), n in plan.counts.items()}
    stored.breaches = [one.facts for one in plan.breaches]
    stored.losses = {kind.value: count for kind, count in plan.losses.items()}
    change_rows = (
        {
            "plan_id": stored.id,
            "position": position,
            "kind": change.kind.value,
            "action": change.action.value,
            "key": change.key,
            "before": dict(change.before),
            "after": dict(change.after),
        }
        for position, change in enumerate(plan.changes)
    )
    insert_rows(session, PlannedChange, change_rows)


def store_class_teachers(session: Session, stored: SchoolPlan, roster: Roster, roll: Roll) -> None:
    """Store who leads each class of the file."""
    rows = (
        {
            "plan_id": stored.id,
            "class_id": one.sourced_id,
            "person_id": roll.present.get(one.teacher_id or "", ""),
        }
        for one in roster.classes.values()
    )
    insert_rows(session, PlannedClassTeacher, rows)


def store_files(session: Session, load_id: int, files: Sequence[ReadFile]) -> None:
    same = ("name", "sha256", "school_code", "layout", "records", "exported_at")
    for file in files:
        values = {name: getattr(file, name) for name in same}
        session.add(LoadFile(load_id=load_id, parts=sorted(file.parts), **values))


def store_findings(session: Session, load_id: int, findings: Sequence[Finding]) -> None:
    """Store findings; a text that is longer than its column is cut."""
    rows = (
        {
            "load_id": load_id,
            "severity": finding.severity.value,
            "line": finding.line,
            "details": dict(finding.details),
            **{name: getattr(finding, name)[:length] for name, length in _FINDING_TEXTS.items()},
        }
        for finding in findings
    )
    insert_rows(session, LoadFinding, rows)


def forget(session: Session, load_id: int, school_code: str | None = None) -> None:
    """Remove what an earlier attempt to plan the load, or one school of it, has left."""

    def ours(table: type[SchoolPlan | LoadFile | LoadFinding]) -> ColumnElement[bool]:
        of_load = table.load_id == load_id
        return of_load if school_code is None else of_load & (table.school_code == school_code)

    plans = select(SchoolPlan.id).where(ours(SchoolPlan))
    parts = (
        PlannedChange, PlannedMembership, PlannedClassTeacher, PlannedClass, PlannedRoster,
        PlannedSticky,
    )  # fmt: skip
    for part in parts:
        session.execute(delete(part).where(part.plan_id.in_(plans)))
    for table in (SchoolPlan, LoadFile, LoadFinding):
        session.execute(delete(table).where(ours(table)))
