"""The first page: what needs the operator's attention now."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from sqlalchemy import and_, func, or_, select

from service.console.context import now, scope, today, transaction
from service.console.health import queue_answers
from service.console.loads import with_counts
from service.console.navigation import Part
from service.i18n import N_
from service.loads import failures
from service.models import Load, LoadStatus, PlanStatus, School, SchoolPlan
from service.portal import deciding
from service.questions import listing

blueprint = Blueprint("home", __name__)
PARTS = (Part(N_("Overview"), "console.home.index"),)

LAST_LOADS = 5
LISTED_SCHOOLS = 10
STALE_AFTER = timedelta(days=30)
"""A roll older than a month is worth a reminder: the rolls change monthly."""


@blueprint.get("/")
def index() -> str:
    mine = scope()
    newest = select(Load).order_by(Load.id.desc())
    waits_for_day = SchoolPlan.status == PlanStatus.PENDING, SchoolPlan.year_confirmed.is_(False)
    to_decide = select(SchoolPlan.load_id).where(
        or_(SchoolPlan.status == PlanStatus.PLANNED, and_(*waits_for_day)),
        SchoolPlan.school_code.in_(mine.codes()),
    )
    is_open = School.closed_on.is_(None) | (School.closed_on >= today())
    loaded = School.last_applied_at
    old = loaded.is_(None) | (loaded < now() - STALE_AFTER)
    counted = select(func.count()).select_from(School).where(mine.schools(), is_open)
    with transaction() as db:
        waiting = db.scalars(
            newest.where(
                Load.id.in_(to_decide), Load.status.in_([LoadStatus.PLANNED, LoadStatus.APPROVED])
            )
        ).all()
        unfinished = db.scalars(
            newest.where(mine.loads(), Load.status.in_([LoadStatus.STOPPED, LoadStatus.APPROVED]))
        ).all()
        last = db.scalars(newest.where(mine.loads()).limit(LAST_LOADS)).all()
        stale = db.scalars(
            select(School)
            .where(mine.schools(), is_open, old)
            .order_by(loaded.is_not(None), loaded, School.code)
            .limit(LISTED_SCHOOLS)
        ).all()
        return render_template(
            "console/home.html",
            waiting=waiting,
            questions=listing.count_open(db, mine),
            drifts=deciding.count_open(db, mine),
            unfinished=unfinished,
            failed=with_counts(db, failures.unsettled(db, mine), mine),
            last=with_counts(db, last, mine),
            stale=stale,
            stale_count=db.scalars(counted.where(old)).one(),
            school_count=db.scalars(counted).one(),
            stale_days=STALE_AFTER.days,
            nobody_works=scope().is_city and not queue_answers()["worker"],
        )
