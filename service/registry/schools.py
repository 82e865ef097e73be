"""The registry of schools: columns of its file, what a file would change, and changing it.

The key is the code. Numbers and names repeat: №153 stands in two districts, №4 twice in one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.audit import AuditAction
from service.models import HeadCount, HeadCountGroup, School, SchoolCode
from service.registry.columns import NO, YES, Column, Kind, Problem, Row, repeated
from service.registry.preview import Change, Entry, Preview, as_details, changed_fields
from service.registry.types import TYPES

_STATE = {"государственная": YES, "негосударственная": NO}

COLUMNS: tuple[Column, ...] = (
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

TITLES = {column.key: column.title for column in COLUMNS}


def check(rows: Sequence[Row]) -> list[Problem]:
    """Find what is wrong in a file alone: codes twice, head counts without date or source."""
    twice = repeated(rows, ["code"], TITLES["code"])
    return twice + [one for row in rows for one in uncertain_counts(row)]


def uncertain_counts(row: Mapping[str, Any]) -> list[Problem]:
    """Find head counts without date or source."""
    lacks = ("counted_on", "count_source") if any(group in row for group in GROUPS) else ()
    return [
        Problem(code="cell.empty", row=row.get("row", 0), column=TITLES[name])
        for name in lacks
        if name not in row
    ]


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    """Return what the rows would change in the registry of now.

    A row under another code of a school that we know is about that school.
    """
    known_as = dict(session.execute(select(SchoolCode.code, SchoolCode.school_code)).all())
    rows = [row | {"code": known_as.get(row["code"], row["code"])} for row in rows]
    schools = {school.code: school for school in session.scalars(select(School))}
    counts = head_counts(session)
    codes = schools.keys() | {row["code"] for row in rows}
    added, changed, problems = [], [], []
    for row in rows:
        code, school = row["code"], schools.get(row["code"])
        if school is None:
            problems += _lacking(row)
        problems += no_successor(row, code, codes)
        changes = changes_of(row, school, counts.get(code, {}))
        entry = Entry(key=code, title=_title(row, school), changes=changes)
        if school is None:
            added.append(entry)
        elif changes or school.registered_at is None:
            changed.append(entry)
    return Preview(
        added=added,
        changed=changed,
        same=len(rows) - len(added) - len(changed),
        missing=open_without(schools.values(), {row["code"] for row in rows}),
        problems=problems,
    )


def open_without(schools: Iterable[School], told: Container[str | None]) -> list[Entry]:
    """Return the open schools that a file does not tell of."""
    return [
        Entry(key=school.code, title=school.short_name or school.name)
        for school in schools
        if school.code not in told and school.closed_on is None
    ]


def _title(row: Row, school: School | None) -> str:
    known = (school.short_name or school.name) if school else ""
    return str(row.get("short_name") or row.get("name") or known)


def _lacking(row: Row) -> list[Problem]:
    lacks = [] if "short_name" in row or "name" in row else ["short_name"]
    lacks += [] if "district" in row else ["district"]
    return [
        Problem(code="school.new_lacks", row=row["row"], column=TITLES[key], value=row["code"])
        for key in lacks
    ]


def no_successor(row: Mapping[str, Any], code: str, codes: Container[str]) -> list[Problem]:
    """Find a successor of school ``code`` that is none of ``codes``, or the school itself."""
    successor = row.get("merged_into")
    if not successor or (successor in codes and successor != code):
        return []
    return [
        Problem(code="school.no_successor", row=row.get("row", 0), column=TITLES["merged_into"],
                value=successor)
    ]  # fmt: skip


def changes_of(row: Mapping[str, Any], school: School | None, counts: Counts) -> dict[str, Change]:
    """Return what the values of a row, or of a form, would change in a school."""
    changes = changed_fields(school, FIELDS, row)
    for group in GROUPS:
        if group in row:
            after = [row[group], row.get("counted_on"), row.get("count_source")]
            known = [[people, day.isoformat(), of] for people, day, of in counts.get(group, ())]
            # A count of an earlier day is no change when that day has it already.
            same_day = [one for one in known if one[1] == after[1]]
            if not same_day or same_day[-1] != after:
                changes[group] = (known[-1] if known else None, after)
    return changes


def head_counts(session: Session, code: str = "") -> dict[str, dict[str, list[Counted]]]:
    """Return head counts by school and group, the newest last; of one day the later recorded.

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


def write(
    session: Session,
    school: School,
    changes: Mapping[str, Change],
    *,
    actor: str,
    now: datetime,
    registers: bool = True,
) -> None:
    """Set fields and add head counts of one school; audited with before and after.

    With ``registers``, the registry is the authority for the school from now on.
    """
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
            setattr(school, name, date.fromisoformat(after) if name in DAYS and after else after)
    if school.type:
        school.unknown_type = ""
    # A list of schools shows the short name, plans of Moodle use both.
    school.name = school.name or school.short_name
    school.short_name = school.short_name or school.name[:255]
    audit.record(
        session, AuditAction.SCHOOL_WRITE, at=now, actor=actor, school_code=school.code,
        **as_details(changes),
    )  # fmt: skip
    if registers:
        school.registered_at = school.registered_at or now
