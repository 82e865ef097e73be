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
from service.registry.columns import Column, Kind, Problem, Row, repeated
from service.registry.preview import Change, Entry, Preview, as_details, changed_fields

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

COLUMNS: tuple[Column, ...] = (
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

FIELDS = tuple(column.key for column in COLUMNS if column.key != "key")


def check(rows: Sequence[Row]) -> list[Problem]:
    """Find figures of one indicator and day that contradict each other."""
    return repeated(rows, ("key", "as_of"), COLUMNS[0].title)


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    """Add each figure that does not stand already, also for the same day."""
    newest = {
        (one.key, one.as_of.isoformat()): one
        for one in session.scalars(select(RegionalTotal).order_by(RegionalTotal.id))
    }
    added = []
    for row in rows:
        values = {name: row.get(name, "") for name in FIELDS}
        known = newest.get((row["key"], row["as_of"]))
        if changed_fields(known, FIELDS, values):
            changes: dict[str, Change] = {name: (None, value) for name, value in values.items()}
            changes["value"] = (known and known.value, row["value"])
            added.append(Entry(key=row["key"], title="", changes=changes))
    return Preview(added=added, same=len(rows) - len(added))


def apply(session: Session, found: Preview, *, actor: str, now: datetime) -> None:
    """Add the rows; what stood before stays, for reports of earlier days."""
    for entry in found.added:
        values: dict[str, Any] = {name: after for name, (_before, after) in entry.changes.items()}
        values["as_of"] = date.fromisoformat(values["as_of"])
        session.add(
            RegionalTotal(key=TotalKey(entry.key), recorded_at=now, recorded_by=actor, **values)
        )
        audit.record(
            session, AuditAction.TOTAL_ADD, at=now, actor=actor, key=entry.key,
            **as_details(entry.changes),
        )  # fmt: skip
