"""The first page: what needs the operator's attention now."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from sqlalchemy import func, select

from service.console.context import scope, the_console
from service.console.health import queue_answers
from service.console.loads import with_counts
from service.loads import failures
from service.models import Load, LoadStatus, OperatorRole, PlanStatus, School, SchoolPlan

blueprint = Blueprint("home", __name__)

LAST_LOADS = 5
LISTED_SCHOOLS = 10
STALE_AFTER = timedelta(days=30)
"""A roll older than a month is worth a reminder: the rolls change monthly."""


@blueprint.get("/")
def index() -> str:
    mine = scope()
    console = the_console()
    with console.transaction() as db:
        waiting = db.scalars(
            select(Load)
            .where(
                Load.id.in_(
                    select(SchoolPlan.load_id).where(
                        SchoolPlan.status == PlanStatus.PLANNED,
                        SchoolPlan.school_code.in_(mine.codes()),
                    )
                ),
                Load.status.in_([LoadStatus.PLANNED, LoadStatus.APPROVED]),
            )
            .order_by(Load.id.desc())
        ).all()
        unfinished = db.scalars(
            select(Load)
            .where(mine.loads(), Load.status.in_([LoadStatus.STOPPED, LoadStatus.APPROVED]))
            .order_by(Load.id.desc())
        ).all()
        last = db.scalars(
            select(Load).where(mine.loads()).order_by(Load.id.desc()).limit(LAST_LOADS)
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
