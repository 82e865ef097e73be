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
from service.reports.question import Question
from service.reports.report import Report


def note_export(
    session: Session, question: Question, report: Report, form: str, *, at: datetime
) -> None:
    """Somebody took ``report`` as a file."""
    _note(
        session, AuditAction.REPORT_EXPORT, question, at,
        report=report.name, form=form, rows=len(report.rows),
    )  # fmt: skip


def note_published_export(
    session: Session, scope: Scope, published: PublishedReport, form: str, *, at: datetime
) -> None:
    """Somebody took a published report as a file."""
    audit.record(
        session, AuditAction.REPORT_EXPORT, at=at, actor=scope.actor, report=published.report,
        published=published.id, form=form,
    )  # fmt: skip


def note_people(
    session: Session, question: Question, name: str, cell: Cell, shown: int, *, at: datetime
) -> None:
    """Somebody was shown the names of ``shown`` people behind one number."""
    _note(
        session, AuditAction.REPORT_SHOW_PEOPLE, question, at,
        report=name, row=cell.row, column=cell.column, people=shown,
    )  # fmt: skip


def _note(
    session: Session, action: AuditAction, question: Question, at: datetime, **details: Any
) -> None:
    period = question.period
    asked = {
        "by": question.by,
        "from": period.first.isoformat() if period else None,
        "to": period.last.isoformat() if period else None,
        "district": question.district,
        "options": dict(question.options),
        "publish": question.publish,
    }
    said = {key: value for key, value in asked.items() if value} | details
    audit.record(
        session, action, at=at, actor=question.scope.actor, school_code=question.school, **said
    )
