"""Regional totals: dated figures of official statistics, the denominators of
docs/facts/indicators.md D."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.audit import AuditAction
from service.models import RegionalTotal, TotalKey
from service.registry.columns import Column, Kind, Problem, Row
from service.registry.preview import Entry, Preview

KEYS = {
    "Обучающихся по программам общего образования": TotalKey.LEARNERS_GENERAL,
    "Обучающихся по дополнительным программам": TotalKey.LEARNERS_ADDITIONAL,
    "Обучающихся по программам СПО": TotalKey.LEARNERS_VOCATIONAL,
    "Педагогических работников общего образования": TotalKey.STAFF_GENERAL,
    "Организаций общего образования": TotalKey.ORGANISATIONS_GENERAL,
    "Организаций дополнительного образования": TotalKey.ORGANISATIONS_ADDITIONAL,
    "Организаций СПО": TotalKey.ORGANISATIONS_VOCATIONAL,
    **{key.value: key for key in TotalKey},
}

COLUMNS = (
    Column(key="key", titles=("Показатель", "Наименование показателя"), kind=Kind.CHOICE,
           choices=KEYS, required=True, example="Обучающихся по программам СПО"),
    Column(key="value", titles=("Значение", "Количество", "Всего"), kind=Kind.INTEGER,
           required=True, example="98000"),
    Column(key="as_of", titles=("На дату", "Дата", "По состоянию на"), kind=Kind.DAY,
           required=True, example="01.10.2026"),
    Column(key="document", titles=("Источник", "Документ"), required=True, example="СПО-1"),
    Column(key="document_number", titles=("Номер документа", "№ документа"), kind=Kind.NUMBER,
           length=100, example="01-16/219"),
)  # fmt: skip


def cleaned(rows: Sequence[Row]) -> tuple[list[Row], list[Problem]]:
    """Two figures of one indicator and day in one file contradict each other."""
    first: dict[tuple[str, str], int] = {}
    problems = []
    for row in rows:
        key = (row["key"], row["as_of"])
        if key in first:
            problems.append(
                Problem(code="row.twice", row=row["row"], column=COLUMNS[0].title,
                        value=row["key"], details={"first": str(first[key])})
            )  # fmt: skip
        first.setdefault(key, row["row"])
    return list(rows), problems


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    """A figure that stands already is the same; any other is added, also for the same day."""
    newest = {
        (one.key, one.as_of.isoformat()): [one.value, one.document, one.document_number]
        for one in session.scalars(select(RegionalTotal).order_by(RegionalTotal.id))
    }
    added, same = [], 0
    for row in rows:
        before = newest.get((row["key"], row["as_of"]))
        after = [row["value"], row["document"], row.get("document_number", "")]
        if before == after:
            same += 1
            continue
        changes = {
            "value": (before[0] if before else None, row["value"]),
            "as_of": (None, row["as_of"]),
            "document": (None, row["document"]),
            "document_number": (None, row.get("document_number", "")),
        }
        added.append(Entry(key=row["key"], title="", changes=changes))
    return Preview(added=added, same=same)


def apply(session: Session, found: Preview, *, actor: str, now: datetime) -> None:
    """Add the rows; what stood before stays, for reports of earlier days."""
    for entry in found.added:
        values = {name: after for name, (_before, after) in entry.changes.items()}
        session.add(
            RegionalTotal(
                key=TotalKey(entry.key), value=values["value"],
                as_of=date.fromisoformat(values["as_of"]), document=values["document"],
                document_number=values["document_number"], recorded_at=now, recorded_by=actor,
            )
        )  # fmt: skip
        details: dict[str, Any] = {name: list(one) for name, one in entry.changes.items()}
        audit.record(session, AuditAction.TOTAL_ADD, at=now, actor=actor, key=entry.key, **details)
