"""Plan schools again from the rows that were kept of them: after an answer, or as time passes.

Such a load has no files. Its plans take the place of those that wait, and give way to a newer file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from provisioning.formats import SchoolFiles, SchoolReading
from service import audit
from service.access import Scope
from service.audit import AuditAction
from service.loads import rosters
from service.loads.operations import new_load
from service.models import Load, LoadCause, LoadStatus, PlannedRoster, PlanStatus, SchoolPlan


@dataclass(kw_only=True, slots=True)
class KeptSchool:
    """A school that is planned from its kept rows; beside ``SchoolFiles``."""

    school_code: str
    load_id: int | None = None
    """The load that asked: its rows count also when a finding has stopped them."""
    of_next_year: bool = False
    """The rows are those that waited for the day when the school turns."""
    told_code: str = ""
    """The code of the school in the files that the rows came from, once they are read."""

    def read(self, session: Session) -> SchoolReading:
        """Return the rows as a reading of files would; without a roster when none are kept."""
        if self.of_next_year:
            rows = rosters.waiting_rows(session, self.school_code)
        else:
            rows = rosters.newest_rows(session, self.school_code, self.load_id)
        self.told_code = rows.told_code if rows else ""
        return SchoolReading(
            school_code=self.school_code,
            roster=rows.roster if rows else None,
            findings=tuple(rows.findings) if rows else (),
            files=(),
        )


def plan_from_kept_rows(
    session: Session,
    *,
    home: Path,
    schools: Collection[str],
    scope: Scope,
    now: datetime,
    again_of: int | None = None,
) -> Load | None:
    """Return a new load, status *received*, of these schools; None where no rows are kept.

    ``again_of``: the load that asked. The caller queues the load once its transaction is over.
    """
    kept = select(PlannedRoster.school_code).where(PlannedRoster.school_code.in_(schools))
    codes = sorted(set(session.scalars(kept)))
    if not codes:
        return None
    load, _folder = new_load(
        session, home=home, scope=scope, now=now, cause=LoadCause.ROWS, again_of=again_of,
        only_schools=codes,
    )  # fmt: skip
    audit.record(
        session, AuditAction.LOAD_PLAN_AGAIN, at=now, actor=scope.actor, load_id=load.id,
        again_of=again_of, schools=len(codes),
    )  # fmt: skip
    return load


def kept_schools(load: Load) -> list[KeptSchool]:
    """Return what a load without files is planned from."""
    return [
        KeptSchool(
            school_code=code, load_id=load.again_of, of_next_year=load.cause == LoadCause.YEAR
        )
        for code in sorted(load.only_schools or ())
    ]


def told_code(files: SchoolFiles | KeptSchool, school_code: str) -> str:
    """Return the code under which the files themselves name the school: another one, if any."""
    if isinstance(files, KeptSchool):
        return files.told_code
    others = sorted({one.header.school_code for one in files.files} - {school_code})
    return others[0] if others else school_code


def take_the_place_of_others(session: Session, load: Load, plan: SchoolPlan) -> None:
    """Supersede the plans of the school that wait and that this one overtakes.

    One from kept rows overtakes all but those of a newer file, as it was made of the same rows
    and newer answers; it gives way to a newer file itself. One from a file overtakes those from
    kept rows, which were older.
    """
    waiting = (
        select(SchoolPlan.id, SchoolPlan.exported_at, Load.cause)
        .join(Load)
        .where(
            SchoolPlan.school_code == plan.school_code,
            SchoolPlan.id < plan.id,
            SchoolPlan.status.in_([PlanStatus.PLANNED, PlanStatus.APPROVED]),
            SchoolPlan.started.is_(False),
        )
        .order_by(SchoolPlan.id)
        # A plan that is locked is just being decided about, or begun: that sorts itself out when
        # it is applied. To wait for it here might be to wait for each other.
        .with_for_update(skip_locked=True, of=SchoolPlan)
    )
    if load.cause == LoadCause.FILE:
        waiting = waiting.where(Load.cause == LoadCause.ROWS)
    overtaken = []
    for plan_id, exported_at, cause in session.execute(waiting):
        is_newer = exported_at and plan.exported_at and exported_at > plan.exported_at
        if not is_newer:
            overtaken.append(plan_id)
        elif load.cause == LoadCause.ROWS and cause == LoadCause.FILE:
            plan.status = PlanStatus.SUPERSEDED
    supersede(session, overtaken)


def is_awaited(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether the school is to be planned anew by a later load: somebody has answered since
    the plan was made."""
    if plan.load.cause not in (LoadCause.FILE, LoadCause.ROWS):
        return False
    later = select(Load.only_schools).where(
        Load.id > plan.load_id, Load.cause == LoadCause.ROWS, Load.status == LoadStatus.RECEIVED
    )
    return any(plan.school_code in (codes or ()) for codes in session.scalars(later))


def supersede(session: Session, plan_ids: Iterable[int]) -> None:
    """Let these plans, which nobody has begun, never be applied."""
    ids = list(plan_ids)
    if not ids:
        return
    session.execute(
        update(SchoolPlan)
        .where(SchoolPlan.id.in_(ids))
        .values(status=PlanStatus.SUPERSEDED)
        .execution_options(synchronize_session=False)
    )
    # A load of which nothing is left to apply does not wait for a worker.
    left = exists().where(
        SchoolPlan.load_id == Load.id,
        SchoolPlan.status.in_([PlanStatus.APPROVED, PlanStatus.APPLIED]),
    )
    session.execute(
        update(Load)
        .where(
            Load.id.in_(select(SchoolPlan.load_id).where(SchoolPlan.id.in_(ids))),
            Load.status == LoadStatus.APPROVED,
            ~left,
        )
        .values(status=LoadStatus.PLANNED, go_on_at=None)
        .execution_options(synchronize_session=False)
    )
