"""Traces in the audit of who took figures out, and who looked at the people behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from service import audit
from service.access import Scope
from service.audit import AuditAction
from service.models import PublishedReport
from service.reports.definition import Cell
from service.reports.question import Asked
from service.reports.report import Report


def note_export(session: Session, asked: Asked, report: Report, form: str, *, at: datetime) -> None:
    """Somebody took ``report`` as a file."""
    _note(
        session, asked, AuditAction.REPORT_EXPORT, at, report.name, form=form, rows=len(report.rows)
    )


def note_published_export(
    session: Session, scope: Scope, published: PublishedReport, form: str, *, at: datetime
) -> None:
    """Somebody took a published report as a file."""
    audit.record(
        session, AuditAction.REPORT_EXPORT, at=at, actor=scope.actor, report=published.report,
        published=published.id, form=form,
    )  # fmt: skip


def note_people(
    session: Session, asked: Asked, name: str, cell: Cell, shown: int, *, at: datetime
) -> None:
    """Somebody was shown the names of ``shown`` people behind one number."""
    _note(
        session, asked, AuditAction.REPORT_SHOW_PEOPLE, at, name,
        row=cell.row, column=cell.column, people=shown,
    )  # fmt: skip


def _note(
    session: Session, asked: Asked, action: AuditAction, at: datetime, name: str, **details: Any
) -> None:
    period = asked.period
    question = {
        "report": name,
        "by": asked.by,
        "from": period.first.isoformat() if period else None,
        "to": period.last.isoformat() if period else None,
        "district": asked.district,
        "options": dict(asked.options),
        "publish": asked.publish,
    }
    said = {key: value for key, value in question.items() if value}
    audit.record(
        session, action, at=at, actor=asked.scope.actor, school_code=asked.school, **said | details
    )
