"""The first page: what needs the operator's attention now."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from sqlalchemy import func, select

from service.console.context import scope, the_console
from service.console.health import queue_answers
from service.console.loads import with_counts
from service.loads import failures
from service.models import OperatorRole, PlanStatus, RunStatus, School, SchoolPlan, SyncRun

blueprint = Blueprint("home", __name__)

LAST_RUNS = 5
LISTED_SCHOOLS = 10
STALE_AFTER = timedelta(days=30)
"""A roll older than a month is worth a reminder: the rolls change monthly."""


@blueprint.get("/")
def index() -> str:
    mine = scope()
    console = the_console()
    with console.transaction() as db:
        waiting = db.scalars(
            select(SyncRun)
            .where(
                SyncRun.id.in_(
                    select(SchoolPlan.run_id).where(
                        SchoolPlan.status == PlanStatus.PLANNED,
                        SchoolPlan.school_code.in_(mine.codes()),
                    )
                ),
                SyncRun.status.in_([RunStatus.PLANNED, RunStatus.APPROVED]),
            )
            .order_by(SyncRun.id.desc())
        ).all()
        unfinished = db.scalars(
            select(SyncRun)
            .where(mine.runs(), SyncRun.status.in_([RunStatus.STOPPED, RunStatus.APPROVED]))
            .order_by(SyncRun.id.desc())
        ).all()
        last = db.scalars(
            select(SyncRun).where(mine.runs()).order_by(SyncRun.id.desc()).limit(LAST_RUNS)
        ).all()
        failed = with_counts(db, failures.unsettled(db, mine), mine)
        today = console.now().astimezone(console.application.zone).date()
        is_open = School.closed_on.is_(None) | (School.closed_on >= today)
        old = School.last_applied_at.is_(None) | (
            School.last_applied_at < console.now() - STALE_AFTER
        )
        stale = db.scalars(
            select(School)
            .where(mine.schools(), is_open, old)
            .order_by(School.last_applied_at.is_not(None), School.last_applied_at, School.code)
            .limit(LISTED_SCHOOLS)
        ).all()
        counted = select(func.count()).select_from(School).where(mine.schools(), is_open)
        return render_template(
            "console/home.html",
            waiting=waiting,
            unfinished=unfinished,
            failed=failed,
            last=with_counts(db, last, mine),
            stale=stale,
            stale_count=db.scalars(counted.where(old)).one(),
            school_count=db.scalars(counted).one(),
            stale_days=STALE_AFTER.days,
            nobody_works=mine.role == OperatorRole.CITY and not queue_answers()["worker"],
        )
