"""The plan of moving to sign-in through ЕСИА: its steps, dates, who answers, what is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope, need_city
from service.audit import AuditAction
from service.models import Milestone
from service.ordering import natural
from service.registry.columns import Column, Kind, Problem, Row, repeated
from service.registry.preview import Change, Entry, Preview, as_details, changed_fields, plain_value

COLUMNS: tuple[Column, ...] = (
    Column(key="number", titles=("№", "№ п/п", "Номер", "Пункт"), kind=Kind.NUMBER, length=20,
           required=True),
    Column(key="title", titles=("Мероприятие", "Наименование мероприятия", "Этап"), required=True),
    Column(key="begins_on", titles=("Начало", "Дата начала", "С"), kind=Kind.DAY),
    Column(key="due_on", titles=("Срок", "Срок исполнения", "Окончание", "По", "До"),
           kind=Kind.DAY),
    Column(key="responsible", titles=("Ответственные", "Ответственный", "Исполнители",
           "Ответственные исполнители"), kind=Kind.LIST),
    Column(key="done_on", titles=("Исполнено", "Дата исполнения", "Выполнено"), kind=Kind.DAY),
)  # fmt: skip

FIELDS = tuple(column.key for column in COLUMNS if column.key != "number")
DAYS = ("begins_on", "due_on", "done_on")

STARTING_SET = (
    ("1.1", "Размещение объявлений на портале", "КО"),
    ("1.2", "Направление писем в администрации районов", "КО"),
    ("1.3", "Размещение информации на сайтах образовательных организаций", "КО, АР, ОО"),
    ("1.4.1", "Подготовка инфографики о регистрации в ЕСИА", "КИС, КО"),
    ("1.4.2", "Подготовка материалов для родительских собраний", "КО, АР"),
    ("1.4.3", "Проведение разъяснительной работы с родителями", "ОО"),
    ("2.1", "Вход через ЕСИА добавлен, действующий вход сохранён", "КИС"),
    ("2.2", "Вход только через ЕСИА", "КИС"),
    ("3.1.1", "Промежуточный отчёт об исполнении плана", "КИС, КО"),
    ("3.1.2", "Итоговый отчёт об исполнении плана", "КИС, КО"),
)
"""The steps of the letter of 2017 without its dates: those of today are the city's to set."""


def check(rows: Sequence[Row]) -> list[Problem]:
    problems = repeated(rows, ["number"], COLUMNS[0].title)
    for row in rows:
        if row.get("begins_on", "") > row.get("due_on", "9999"):
            problems.append(
                Problem(code="milestone.period", row=row["row"], column="Срок", value=row["due_on"])
            )
    return problems


def preview(session: Session, rows: Sequence[Row]) -> Preview:
    known = {one.number: one for one in session.scalars(select(Milestone))}
    added, changed = [], []
    for row in rows:
        step = known.get(row["number"])
        changes = changed_fields(step, FIELDS, row)
        entry = Entry(key=row["number"], title=row["title"], changes=changes)
        if step is None:
            added.append(entry)
        elif changes:
            changed.append(entry)
    told = {row["number"] for row in rows}
    missing = [
        Entry(key=number, title=known[number].title)
        for number in sorted(known, key=natural)
        if number not in told
    ]
    same = len(rows) - len(added) - len(changed)
    return Preview(added=added, changed=changed, same=same, missing=missing)


def apply(session: Session, found: Preview, *, actor: str, now: datetime) -> None:
    for entry in (*found.added, *found.changed):
        _write(session, entry.key, entry.changes, actor=actor, now=now)


def save(
    session: Session, scope: Scope, number: str, values: Mapping[str, Any], now: datetime
) -> None:
    """Add or change one step. Raises ``Forbidden`` for all but the city."""
    need_city(scope)
    step = _step(session, number)
    changes = changed_fields(step, FIELDS, values)
    if changes or step is None:
        _write(session, number, changes, actor=scope.actor, now=now)


def mark(session: Session, scope: Scope, number: str, done_on: str | None, now: datetime) -> None:
    """Mark a step done on a day (ISO 8601), or with None not done.

    Raises ``Forbidden`` for all but the city and for an unknown number.
    """
    _known_step(session, scope, number)
    save(session, scope, number, {"done_on": done_on}, now)


def remove(session: Session, scope: Scope, number: str, now: datetime) -> None:
    """Take a step out of the plan. Raises ``Forbidden`` as ``mark`` does."""
    step = _known_step(session, scope, number)
    before = {name: plain_value(getattr(step, name)) for name in FIELDS}
    session.delete(step)
    audit.record(
        session, AuditAction.MILESTONE_REMOVE, at=now, actor=scope.actor, number=number, **before
    )


def _step(session: Session, number: str) -> Milestone | None:
    return session.scalar(select(Milestone).where(Milestone.number == number))


def _known_step(session: Session, scope: Scope, number: str) -> Milestone:
    need_city(scope)
    step = _step(session, number)
    if step is None:
        raise Forbidden("school")
    return step


def _write(
    session: Session, number: str, changes: Mapping[str, Change], *, actor: str, now: datetime
) -> None:
    step = _step(session, number)
    if step is None:
        step = Milestone(number=number, title="", responsible=[])
        session.add(step)
    for name, (_before, after) in changes.items():
        setattr(step, name, date.fromisoformat(after) if name in DAYS and after else after)
    if "done_on" in changes:
        step.done_by = actor if step.done_on else ""
    audit.record(
        session, AuditAction.MILESTONE_WRITE, at=now, actor=actor, number=number,
        **as_details(changes),
    )  # fmt: skip


def offer_starting_set(session: Session, scope: Scope, now: datetime) -> int:
    """Add the steps of the letter that the plan has not; returns how many. Dates stay open."""
    need_city(scope)
    known = set(session.scalars(select(Milestone.number)))
    missing = [step for step in STARTING_SET if step[0] not in known]
    for number, title, responsible in missing:
        values = {"title": title, "responsible": responsible.split(", ")}
        save(session, scope, number, values, now)
    return len(missing)
