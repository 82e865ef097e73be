"""The registry of schools: columns of its file, what a file would change, and changing it.

The key is the code. Numbers and names repeat: №153 stands in two districts, №4 twice in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.audit import AuditAction
from service.models import HeadCount, HeadCountGroup, School
from service.registry.columns import NO, YES, Column, Kind, Problem, Row, repeated
from service.registry.preview import Change, Entry, Preview
from service.registry.types import TYPES

_STATE = {"государственная": YES, "негосударственная": NO}

COLUMNS = (
    Column(key="code", titles=("Код ОО", "Код", "Код школы", "Код организации"), required=True,
           length=64, example="78-0153-1"),
    Column(key="number", titles=("Номер ОО", "№ ОО", "Номер", "№ школы", "Номер школы"),
           kind=Kind.NUMBER, length=20, example="153"),
    Column(key="short_name", titles=("Наименование ОО", "Краткое наименование",
           "Сокращённое наименование", "Наименование", "Школа", "ОО"), length=255,
           example="ГБОУ СОШ №153"),
    Column(key="name", titles=("Полное наименование", "Полное наименование ОО",
           "Наименование полное"), example="ГБОУ средняя общеобразовательная школа № 153"),
    Column(key="type", titles=("Тип", "Тип ОО", "Тип организации", "Вид ОО"), kind=Kind.CHOICE,
           choices=TYPES, example="общеобразовательная"),
    Column(key="district", titles=("Район", "Район города", "Муниципальный район"), length=100,
           example="Центральный"),
    Column(key="source_system", titles=("Учётная система", "Система", "Система учёта", "ИС",
           "Информационная система"), length=100, example="Параграф"),
    Column(key="state_system", titles=("Система государственная", "Государственная система",
           "Государственная"), kind=Kind.YES_NO, choices=_STATE, example="да"),
    Column(key="esia_plan_on", titles=("Плановая дата перехода на ЕСИА", "Дата перехода на ЕСИА",
           "План перехода на ЕСИА"), kind=Kind.DAY, example="01.09.2027"),
    Column(key="learners", titles=("Обучающихся", "Количество обучающихся", "Число обучающихся",
           "Учащихся"), kind=Kind.INTEGER, example="812"),
    Column(key="teachers", titles=("Учителей", "Количество учителей", "Число учителей"),
           kind=Kind.INTEGER, example="54"),
    Column(key="staff", titles=("Работников", "Количество работников", "Число работников",
           "Сотрудников"), kind=Kind.INTEGER, example="83"),
    Column(key="counted_on", titles=("Численность на дату", "Дата численности"), kind=Kind.DAY,
           example="01.09.2026"),
    Column(key="count_source", titles=("Источник численности", "Источник"), example="ОО-1"),
    Column(key="closed_on", titles=("Дата закрытия", "Закрыта"), kind=Kind.DAY),
    Column(key="merged_into", titles=("Код правопреемника", "Присоединена к"), length=64),
)  # fmt: skip

FIELDS = (
    "number", "short_name", "name", "type", "district", "source_system", "state_system",
    "esia_plan_on", "closed_on", "merged_into",
)  # fmt: skip
"""Columns that are attributes of ``School``."""

DAYS = ("esia_plan_on", "closed_on")
GROUPS = tuple(group.value for group in HeadCountGroup)

Counted = tuple[int, date, str]
"""A head count: people, as of, source."""

Counts = Mapping[str, Sequence[Counted]]
"""By group, the newest last."""


def cleaned(rows: Sequence[Row]) -> tuple[list[Row], list[Problem]]:
    """What one file can be blamed for alone: codes twice, head counts without date or source."""
    problems = repeated(rows, "code", COLUMNS[0].title)
    for row in rows:
        if any(group in row for group in GROUPS):
            problems += [
                Problem(code="cell.empty", row=row["row"], column=column.title)
                for column in COLUMNS
                if column.key in ("counted_on", "count_source") and column.key not in row
            ]
    return list(rows), problems


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    """What the rows would change in the registry of now."""
    schools = {school.code: school for school in session.scalars(select(School))}
    counts = head_counts(session)
    codes = schools.keys() | {row["code"] for row in rows}
    added, changed, problems, same = [], [], [], 0
    for row in rows:
        school = schools.get(row["code"])
        problems += _problems(row, school, codes)
        changes = _changes(row, school, counts.get(row["code"], {}))
        entry = Entry(key=row["code"], title=_title(row, school), changes=changes)
        if school is None:
            added.append(entry)
        elif changes or school.registered_at is None:
            changed.append(entry)
        else:
            same += 1
    told = {row["code"] for row in rows}
    missing = [
        Entry(key=school.code, title=school.short_name or school.name, changes={})
        for school in schools.values()
        if school.code not in told and school.closed_on is None
    ]
    return Preview(added=added, changed=changed, same=same, missing=missing, problems=problems)


def _title(row: Row, school: School | None) -> str:
    known = (school.short_name or school.name) if school else ""
    return str(row.get("short_name") or row.get("name") or known)


def _problems(row: Row, school: School | None, codes: Iterable[str]) -> list[Problem]:
    problems = []
    if school is None:
        by_key = {column.key: column.title for column in COLUMNS}
        lacks = [key for key in ("short_name", "district") if key not in row]
        if "name" in row:
            lacks = [key for key in lacks if key != "short_name"]
        problems += [
            Problem(code="school.new_lacks", row=row["row"], column=by_key[key], value=row["code"])
            for key in lacks
        ]
    successor = row.get("merged_into")
    if successor and (successor not in codes or successor == row["code"]):
        problems.append(
            Problem(code="school.no_successor", row=row["row"], column=COLUMNS[-1].title,
                    value=successor)
        )  # fmt: skip
    return problems


def _changes(row: Row, school: School | None, counts: Counts) -> dict[str, Change]:
    changes: dict[str, Change] = {}
    for name in FIELDS:
        if name in row:
            before = plain_value(getattr(school, name)) if school else None
            if before != row[name]:
                changes[name] = (before, row[name])
    for group in GROUPS:
        if group in row:
            after = [row[group], row.get("counted_on"), row.get("count_source")]
            known = [[people, day.isoformat(), of] for people, day, of in counts.get(group, ())]
            # A count of an earlier day is no change when that day has it already.
            same_day = [one for one in known if one[1] == after[1]]
            if not same_day or same_day[-1] != after:
                changes[group] = (known[-1] if known else None, after)
    return changes


def plain_value(value: Any) -> Any:
    """An attribute as it is compared, shown and audited: JSON, dates in ISO 8601."""
    return value.isoformat() if isinstance(value, date) else value


def head_counts(session: Session, code: str = "") -> dict[str, dict[str, list[Counted]]]:
    """Head counts by school and group, the newest last; of one day the later recorded.

    Of the school ``code``, or of all.
    """
    query = select(HeadCount).order_by(HeadCount.as_of, HeadCount.id)
    if code:
        query = query.where(HeadCount.school_code == code)
    found: dict[str, dict[str, list[Counted]]] = {}
    for row in session.scalars(query):
        by_group = found.setdefault(row.school_code, {})
        by_group.setdefault(row.group, []).append((row.people, row.as_of, row.source))
    return found


def apply(session: Session, found: Preview, *, actor: str, now: datetime) -> None:
    """Write what the preview says, with an audit entry for each school."""
    for entry in found.added:
        session.add(School(code=entry.key, name="", short_name="", district=""))
    session.flush()
    for entry in (*found.added, *found.changed):
        school = session.get_one(School, entry.key)
        write(session, school, entry.changes, actor=actor, now=now)
        school.registered_at = school.registered_at or now


def write(
    session: Session, school: School, changes: Mapping[str, Change], *, actor: str, now: datetime
) -> None:
    """Set fields and add head counts of one school; audited with before and after."""
    for name, (_before, after) in changes.items():
        if name in GROUPS:
            session.add(
                HeadCount(
                    school_code=school.code, group=HeadCountGroup(name), people=after[0],
                    as_of=date.fromisoformat(after[1]), source=after[2], recorded_at=now,
                    recorded_by=actor,
                )
            )  # fmt: skip
        else:
            setattr(school, name, as_attribute(name, after))
    if school.type:
        school.unknown_type = ""
    # A list of schools shows the short name, plans of Moodle use both.
    school.name = school.name or school.short_name
    school.short_name = school.short_name or school.name[:255]
    details: dict[str, Any] = {name: list(change) for name, change in changes.items()}
    audit.record(
        session, AuditAction.SCHOOL_WRITE, at=now, actor=actor, school_code=school.code, **details
    )


def as_attribute(name: str, value: Any) -> Any:
    """The other way round from ``plain_value``."""
    return date.fromisoformat(value) if name in DAYS and value else value
