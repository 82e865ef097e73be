"""What stands in our own tables before a plan begins is kept with it, so that it can be undone.

Only what the plan replaces, makes or takes away. What Moodle held is told by the planned changes.
Rows of the newest plans of each school are kept (``forget_old``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from provisioning.changes import Action, Change, Kind
from provisioning.person_states import LISTED, PersonState
from provisioning.roll import Membership
from service.db import chunks, insert_rows, rows_among
from service.models import (
    ClassKey,
    ClassTeacher,
    KeptBefore,
    KeptWhat,
    KnownUser,
    LoadCause,
    PlannedChange,
    PlannedClass,
    PlannedClassTeacher,
    PlannedMembership,
    School,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
)

LOADS = 30
"""So many of the newest plans of a school can be undone."""

OF_PLACE = ("role", "class_id", "class_title", "confirmed", "until")
OF_CLASS_KEY = ("class_key", "title", "grade", "is_group", "answered")
_GIVE_KEYS = (LoadCause.FILE, LoadCause.ROWS, LoadCause.YEAR, LoadCause.BY_HAND)
_DATES = ("last_exported_at", "last_applied_at")

Kept = tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]
"""A key, what was there before the plan, and what the plan left there."""


def dates_of(school: School) -> dict[str, str | None]:
    """Return the dates of a school that a plan moves on, as JSON values."""
    values = {name: getattr(school, name) for name in _DATES}
    return {name: value.isoformat() if value else None for name, value in values.items()}


def keep_dates(
    session: Session, plan: SchoolPlan, school: School, before: Mapping[str, Any]
) -> None:
    """Keep the dates of before; it also says that all else was kept."""
    keep(session, plan.id, KeptWhat.SCHOOL, [("", before, dates_of(school))])


def keep_roll(session: Session, plan: SchoolPlan) -> None:
    """Keep what is about to be replaced by the plan's roll, class teachers, and keys of classes."""
    keep_places(session, plan, whole=not plan.keeps_roll)
    keep(session, plan.id, KeptWhat.CLASS_TEACHER, _class_teachers(session, plan))
    keep(session, plan.id, KeptWhat.CLASS_KEY, _class_keys(session, plan))
    keep(session, plan.id, KeptWhat.SOURCE_KEY, _source_keys(session, plan))


def keep_places(session: Session, plan: SchoolPlan, *, whole: bool) -> None:
    """Keep the places on the roll that the plan changes; ``whole``: its roll is all there is."""
    here, planned = SchoolMembership, PlannedMembership
    of_plan = planned.plan_id == plan.id
    same = and_(of_plan, planned.person_id == here.person_id)
    old, new = ([getattr(table, name) for name in OF_PLACE] for table in (here, planned))
    differs = or_(
        planned.person_id.is_(None),
        *(one.is_distinct_from(other) for one, other in zip(old, new, strict=True)),
    )
    # Columns, not objects: the rows themselves are about to be replaced.
    before = (
        select(here.person_id, planned.person_id, *old, *new)
        .join(planned, same, isouter=whole)
        .where(here.school_code == plan.school_code, differs)
    )
    rows: list[Kept] = [
        (key, _place(values[: len(old)]), _place(values[len(old) :]) if stays else None)
        for key, stays, *values in session.execute(before)
    ]
    keep(session, plan.id, KeptWhat.PLACE, rows)
    there = exists().where(
        here.school_code == plan.school_code, here.person_id == planned.person_id
    )
    joined = session.execute(select(planned.person_id, *new).where(of_plan, ~there))
    keep(session, plan.id, KeptWhat.PLACE, ((key, None, _place(one)) for key, *one in joined))


def keep_ended(session: Session, plan_id: int, places: Iterable[SchoolMembership]) -> None:
    """Keep places at the plan's school that end while the plan is applied."""
    code = session.get_one(SchoolPlan, plan_id).school_code
    here = (one for one in places if one.school_code == code)
    rows: list[Kept] = [(one.person_id, as_place(one), None) for one in here]
    _keep_first(session, plan_id, KeptWhat.PLACE, rows)


def keep_moments(session: Session, plan_id: int, changes: Iterable[Change]) -> None:
    """Keep since when people were away who are listed again by these changes."""
    back = [
        change.key
        for change in changes
        if change.kind is Kind.USER
        and change.before
        and change.before.get("state", PersonState.ON_ROLL) not in LISTED
        and change.after.get("state", PersonState.ON_ROLL) in LISTED
    ]
    moments = select(KnownUser.person_id, KnownUser.away_since).where(
        KnownUser.away_since.is_not(None)
    )
    rows: list[Kept] = [
        (person_id, {"away_since": away.isoformat()}, None)
        for person_id, away in rows_among(session, moments, KnownUser.person_id, back)
        if away
    ]
    _keep_first(session, plan_id, KeptWhat.AWAY, rows)


def keep(session: Session, plan_id: int, what: KeptWhat, rows: Iterable[Kept]) -> None:
    insert_rows(
        session,
        KeptBefore,
        (
            {"plan_id": plan_id, "what": what, "key": key, "before": before, "after": after}
            for key, before, after in rows
        ),
    )


def _keep_first(session: Session, plan_id: int, what: KeptWhat, rows: Collection[Kept]) -> None:
    """Keep rows of which some may have been kept before: those of then count."""
    of_plan = KeptBefore.plan_id == plan_id, KeptBefore.what == what
    there = select(KeptBefore.key).where(*of_plan)
    keys = {key for (key,) in rows_among(session, there, KeptBefore.key, [row[0] for row in rows])}
    keep(session, plan_id, what, (row for row in rows if row[0] not in keys))


def _class_teachers(session: Session, plan: SchoolPlan) -> list[Kept]:
    planned = PlannedClassTeacher
    now = (
        select(planned.class_id, planned.person_id, ClassTeacher.person_id)
        .join(
            ClassTeacher,
            (ClassTeacher.school_code == plan.school_code)
            & (ClassTeacher.class_id == planned.class_id),
            isouter=True,
        )
        .where(planned.plan_id == plan.id)
    )
    return [
        (class_id, as_teacher(before), as_teacher(after))
        for class_id, after, before in session.execute(now)
        if (before or "") != after
    ]


def _class_keys(session: Session, plan: SchoolPlan) -> list[Kept]:
    rows = session.scalars(
        select(ClassKey).where(
            ClassKey.school_code == plan.school_code, ClassKey.school_year == plan.school_year
        )
    )
    known = {one.class_id: as_class_key(one) for one in rows}
    planned = session.scalars(select(PlannedClass).where(PlannedClass.plan_id == plan.id))
    return [
        (f"{plan.school_year}|{one.class_id}", known.get(one.class_id), after)
        for one in planned
        if (after := as_class_key(one)) != known.get(one.class_id)
    ]


def _source_keys(session: Session, plan: SchoolPlan) -> list[Kept]:
    """The keys that the planning of this load gave, and all of people who are new with it."""
    if plan.load.cause not in _GIVE_KEYS:
        return []
    made = select(PlannedChange.key).where(
        PlannedChange.plan_id == plan.id,
        PlannedChange.kind == Kind.USER,
        PlannedChange.action == Action.CREATE,
    )
    on_roll = exists().where(
        SchoolMembership.school_code == plan.school_code,
        SchoolMembership.person_id == SourceKey.person_id,
    )
    given = or_(
        SourceKey.since >= plan.load.created_at, and_(SourceKey.person_id.in_(made), ~on_roll)
    )
    rows = session.scalars(
        select(SourceKey).where(SourceKey.school_code == plan.school_code, given)
    )
    return [(f"{one.source}|{one.sourced_id}", None, as_source_key(one)) for one in rows]


# Rows as JSON values


def as_place(row: SchoolMembership) -> dict[str, Any]:
    return _place([getattr(row, name) for name in OF_PLACE])


def _place(values: Sequence[Any]) -> dict[str, Any]:
    named = dict(zip(OF_PLACE, values, strict=True))
    return named | {"until": named["until"].isoformat() if named["until"] else None}


def place(person_id: str, values: Mapping[str, Any] | None) -> Membership | None:
    """Return what ``as_place`` made the values of."""
    if values is None:
        return None
    until = date.fromisoformat(values["until"]) if values["until"] else None
    return Membership(**{"person_id": person_id, **values, "until": until})


def as_teacher(person_id: str | None) -> dict[str, Any] | None:
    return {"person_id": person_id} if person_id else None


def as_class_key(row: ClassKey | PlannedClass) -> dict[str, Any]:
    return {name: getattr(row, name) for name in OF_CLASS_KEY}


def as_source_key(row: SourceKey) -> dict[str, Any]:
    since = row.since.isoformat() if row.since else None
    return {"person_id": row.person_id, "since": since}


def moment(value: str | None) -> datetime | None:
    """Return the moment that a JSON value names."""
    return datetime.fromisoformat(value) if value else None


def forget_old(session: Session, *, at_most: int) -> int:
    """Delete what was kept of plans that are older than the newest ``LOADS`` of their school."""
    turn = func.row_number().over(
        partition_by=SchoolPlan.school_code,
        order_by=[SchoolPlan.counted_at.desc(), SchoolPlan.id.desc()],
    )
    kept = (
        select(SchoolPlan.id, turn.label("turn"))
        .join(KeptBefore, KeptBefore.plan_id == SchoolPlan.id)
        .where(KeptBefore.what == KeptWhat.SCHOOL)
        .subquery()
    )
    old = session.scalars(select(kept.c.id).where(kept.c.turn > LOADS).limit(at_most)).all()
    for some in chunks(old):
        session.execute(delete(KeptBefore).where(KeptBefore.plan_id.in_(some)))
    return len(old)
