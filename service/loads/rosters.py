"""The rows that plans were made from, kept encrypted apart from uploads and their retention.

They are kept as they were read, before anybody decided who they are: planning them again decides
anew. A file that tells only a part of a school is kept with what was accepted before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn
from cattrs.preconf.json import make_converter
from sqlalchemy import ColumnElement, and_, delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from provisioning.findings import Finding
from provisioning.overlay import is_whole, laid_over
from provisioning.questions import QuestionKind
from provisioning.roster import Enrolment, Person, Roster, SchoolClass
from service.db import chunks, insert_rows
from service.models import (
    Load,
    LoadCause,
    PlannedClassTeacher,
    PlannedMembership,
    PlannedRoster,
    PlanStatus,
    School,
    SchoolCode,
    SchoolPlan,
    StoredDecision,
)

KEPT_AFTER = timedelta(days=1)
"""So long what a plan was made from stays at least, whatever became of the plan."""


_LAST_KEPT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRows:
    """What a file said of a school, and what reading it found wrong."""

    roster: Roster
    findings: Sequence[Finding] = ()
    told_code: str = ""
    """The code of the school in the files; kept in a column of its own."""


@cache
def _converter() -> Converter:
    """JSON that names only what differs from the default: a row is short, and new fields are
    missing in old rows."""
    converter = make_converter()
    for kind in (Person, SchoolClass, Enrolment, Finding):
        short = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True)
        converter.register_unstructure_hook(kind, short)
    return converter


def as_json(rows: KeptRows) -> str:
    """Return the rows as JSON text."""
    return json.dumps(
        _converter().unstructure(rows, KeptRows), ensure_ascii=False, separators=(",", ":")
    )


def from_json(text: str) -> KeptRows:
    """Return what ``as_json`` made the text of."""
    return _converter().structure(json.loads(text), KeptRows)


def keep_roster(session: Session, plan: SchoolPlan, rows: KeptRows, now: datetime) -> None:
    """Keep the rows of a plan, so that the school can be planned again without a file."""
    if not is_whole(rows.roster):
        base = accepted_rows(session, plan.school_code)
        if base is not None:
            rows = replace(
                rows,
                roster=laid_over(base.roster, rows.roster),
                findings=(*base.findings, *rows.findings),
            )
    # As one statement, so that the text is not held by the session's object too.
    row = {
        "plan_id": plan.id, "school_code": plan.school_code, "source": rows.roster.source,
        "told_code": rows.told_code, "rows": as_json(rows), "stored_at": now,
    }  # fmt: skip
    insert_rows(session, PlannedRoster, [row])


def accepted_roster(session: Session, school_code: str) -> Roster | None:
    """Return the rows of the school's last applied plan; None when none were kept."""
    rows = accepted_rows(session, school_code)
    return rows.roster if rows else None


def accepted_rows(session: Session, school_code: str) -> KeptRows | None:
    """As ``accepted_roster``, with the findings of reading them."""
    return _newest(session, school_code, _was_accepted())


def newest_rows(session: Session, school_code: str, load_id: int | None = None) -> KeptRows | None:
    """Return the rows of the newest file that stands: it waits for a yes, or was applied.

    Those of load ``load_id`` count too when a finding has stopped it: it was asked about.
    """
    stopped = (SchoolPlan.status == PlanStatus.BLOCKED) & (SchoolPlan.load_id == load_id)
    return _newest(session, school_code, or_(_stands(), stopped))


def waiting_rows(session: Session, school_code: str) -> KeptRows | None:
    """Return the rows of the next school year that wait for the day when the school turns."""
    return _newest(session, school_code, SchoolPlan.status == PlanStatus.PENDING)


def is_overtaken(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether the plan, made of kept rows, waits while that of a newer file stands.

    A file may be planned while a plan from older rows waits: the older rows must not win.
    """
    file = SchoolPlan.exported_at
    is_newer: ColumnElement[bool] = SchoolPlan.id > plan.id
    if plan.exported_at is not None:
        is_newer = or_(file > plan.exported_at, (file == plan.exported_at) & is_newer)
    newer = (
        select(SchoolPlan.id)
        .join(Load)
        .join(PlannedRoster)
        .where(
            SchoolPlan.school_code == plan.school_code,
            is_newer,
            SchoolPlan.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED]),
            SchoolPlan.known_version == plan.known_version,
            Load.cause == LoadCause.FILE,
        )
    )
    return session.scalar(newer.limit(1)) is not None


def _stands() -> ColumnElement[bool]:
    """A condition on plans: their rows are what is known last of the school.

    Also those of a plan that gave way to an answer: it is planned again from them. Not when
    somebody has said no to a plan of the school since.
    """
    later = aliased(SchoolPlan)
    refused_since = exists().where(
        later.school_code == SchoolPlan.school_code,
        later.id > SchoolPlan.id,
        later.status == PlanStatus.REJECTED,
    )
    waits = SchoolPlan.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED])
    gave_way = and_(SchoolPlan.status == PlanStatus.SUPERSEDED, ~refused_since)
    current = SchoolPlan.known_version == School.known_version
    return or_(_was_accepted(), and_(or_(waits, gave_way), current))


def _was_accepted() -> ColumnElement[bool]:
    return SchoolPlan.started & (SchoolPlan.status != PlanStatus.UNDONE)


def _newest(session: Session, school_code: str, condition: ColumnElement[bool]) -> KeptRows | None:
    known = select(SchoolCode.code).where(SchoolCode.school_code == school_code)
    # The files of another school that somebody took for this one, and has taken that back.
    never_ours = select(StoredDecision.key).where(
        StoredDecision.kind == QuestionKind.SCHOOL, StoredDecision.undone_at.is_not(None)
    )
    found = session.execute(
        select(PlannedRoster.rows, PlannedRoster.told_code)
        .join(SchoolPlan)
        .join(School, School.code == SchoolPlan.school_code)
        .where(
            PlannedRoster.school_code == school_code,
            or_(
                PlannedRoster.told_code == school_code,
                PlannedRoster.told_code.in_(known),
                PlannedRoster.told_code.not_in(never_ours),
            ),
            condition,
        )
        .order_by(SchoolPlan.exported_at.desc(), SchoolPlan.id.desc())
        .limit(1)
    ).first()
    return replace(from_json(found.rows), told_code=found.told_code) if found else None


def forget_old(session: Session, now: datetime, *, at_most: int) -> int:
    """Delete what plans were made from that nobody needs any more; how many plans it was.

    Kept: the two plans that were applied last, under each code by which exports name the school,
    as the last may be undone; plans that may still be applied, or wait for the year's turn; and
    what is younger than ``KEPT_AFTER``.
    """
    with_rows = (
        select(SchoolPlan.id, SchoolPlan.school_code, SchoolPlan.started, SchoolPlan.status,
               SchoolPlan.known_version == School.known_version, PlannedRoster.told_code)
        .join(School, School.code == SchoolPlan.school_code)
        .join(Load, Load.id == SchoolPlan.load_id)
        .outerjoin(PlannedRoster)
        .where(
            or_(
                PlannedRoster.plan_id.is_not(None),
                SchoolPlan.id.in_(select(PlannedMembership.plan_id)),
            )
        )
        .where(Load.planned_at < now - KEPT_AFTER)
        .order_by(SchoolPlan.exported_at.desc(), SchoolPlan.id.desc())
    )  # fmt: skip
    return _forget(session, _over(session.execute(with_rows)), at_most)


def _over(plans: Iterable[Sequence[Any]]) -> Iterable[int]:
    seen: Counter[tuple[str, str | None]] = Counter()
    for plan_id, school, started, status, current, told in plans:
        if started:
            last = (school, told)
            seen[last] += 1
            if seen[last] <= _LAST_KEPT:
                continue
        elif (
            current and status in (PlanStatus.PLANNED, PlanStatus.APPROVED)
        ) or status == PlanStatus.PENDING:
            continue
        yield plan_id


def _forget(session: Session, plans: Iterable[int], at_most: int) -> int:
    some = list(plans)[:at_most]
    for ids in chunks(some):
        for table in (PlannedRoster, PlannedMembership, PlannedClassTeacher):
            session.execute(delete(table).where(table.plan_id.in_(ids)))
    return len(some)
