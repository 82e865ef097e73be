"""Changing the registry by hand: fields of one school, its closing and merging, a district's name.

The city changes everything. A district changes what it is asked to plan and report about its own
schools (``OF_THE_DISTRICT``), not what identifies them. A school reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope, find_school, need_city
from service.audit import AuditAction
from service.models import AuditEntry, Load, LoadStatus, Operator, OperatorRole, School
from service.registry import Refusal
from service.registry.columns import Problem, is_empty, read_values
from service.registry.preview import changed_fields
from service.registry.schools import (
    COLUMNS,
    FIELDS,
    GROUPS,
    TITLES,
    changes_of,
    head_counts,
    no_successor,
    uncertain_counts,
    write,
)

OF_THE_DISTRICT = ("source_system", "state_system", "esia_plan_on", *GROUPS)
"""What a district operator may change, of its own schools."""

EMPTY: Mapping[str, Any] = dict.fromkeys(("type", "state_system", "esia_plan_on", "closed_on"))
"""What an emptied field holds where that is not the empty text."""

HISTORY = 50
"""Changes of a school that are shown."""

Form = Mapping[str, str]
"""Fields as typed, by column; those that were not on the form are absent."""


def may_change(scope: Scope) -> tuple[str, ...]:
    """Return the columns that this operator changes, of the schools that they see."""
    return {
        OperatorRole.CITY: (*FIELDS, *GROUPS),
        OperatorRole.DISTRICT: OF_THE_DISTRICT,
        OperatorRole.SCHOOL: (),
    }[scope.role]


def history(session: Session, scope: Scope, code: str) -> Sequence[AuditEntry]:
    """Return what was changed in the registry about a school inside, the newest first."""
    find_school(session, scope, code)
    query = (
        select(AuditEntry)
        .where(AuditEntry.school_code == code, AuditEntry.action == AuditAction.SCHOOL_WRITE)
        .order_by(AuditEntry.id.desc())
        .limit(HISTORY)
    )
    return session.scalars(query).all()


def edit(
    session: Session, scope: Scope, code: str, form: Form, now: datetime
) -> tuple[Problem, ...]:
    """Change the fields that differ, or nothing and what is wrong with the form.

    Raises ``Forbidden`` for a school outside, and for a field that the operator may not change.
    """
    school = find_school(session, scope, code)
    allowed = may_change(scope)
    given = {name for name in form if name in (*FIELDS, *GROUPS)}
    if not allowed or given - set(allowed):
        raise Forbidden("school")
    values, problems = _read({name: form[name] for name in form if name != "code"})
    problems += [
        Problem(code="cell.empty", column=TITLES[name])
        for name in ("name", "short_name", "district")
        if name in values and not values[name]
    ]
    problems += _refused(session, code, values)
    if problems:
        return tuple(problems)
    changes = changes_of(values, school, head_counts(session, code).get(code, {}))
    if changes:
        write(session, school, changes, actor=scope.actor, now=now, registers=scope.is_city)
    return ()


def add(session: Session, scope: Scope, form: Form, now: datetime) -> tuple[Problem, ...]:
    """Add a school that has no load yet. Raises ``Forbidden`` for all but the city."""
    need_city(scope)
    values, problems = _read({"code": "", **form})
    problems += [
        Problem(code="cell.empty", column=TITLES[name])
        for name in ("district", "name")
        if not values.get(name)
    ]
    code = values.pop("code", "")
    if code and session.get(School, code):
        problems.append(Problem(code="school.exists", column=TITLES["code"], value=code))
    problems += _refused(session, code, values)
    if problems:
        return tuple(problems)
    school = School(code=code, name="", short_name="", district="", registered_at=now)
    session.add(school)
    session.flush()
    write(session, school, changes_of(values, school, {}), actor=scope.actor, now=now)
    return ()


def _read(form: Form) -> tuple[dict[str, Any], list[Problem]]:
    """Read the fields of the form by column; an emptied one only where a school has it itself."""
    values, problems = read_values(form, COLUMNS)
    emptied = [name for name in FIELDS if name in form and is_empty(form[name])]
    return values | {name: EMPTY.get(name, "") for name in emptied}, problems


def _refused(session: Session, code: str, values: Mapping[str, Any]) -> list[Problem]:
    found = uncertain_counts(values)
    return found + no_successor(values, code, session.scalars(select(School.code)).all())


def close(
    session: Session,
    scope: Scope,
    code: str,
    *,
    on: date,
    merged_into: str = "",
    now: datetime,
) -> None:
    """Close a school, or merge it into another: it stays in the registry and in past figures.

    Its people move when the successor loads them, or are suspended by the school's last load.
    Raises ``Forbidden`` for all but the city, ``Refusal("school.no_successor")``.
    """
    need_city(scope)
    school = find_school(session, scope, code)
    values = {"closed_on": on.isoformat(), "merged_into": merged_into}
    if _refused(session, code, values):
        raise Refusal("school.no_successor", code=merged_into)
    write(session, school, changed_fields(school, FIELDS, values), actor=scope.actor, now=now)


def rename_district(
    session: Session, scope: Scope, old: str, new: str, now: datetime
) -> tuple[int, int]:
    """Give a district another name, in its schools and in its operators' rights.

    Returns how many schools and operators. Raises ``Forbidden`` for all but the city,
    ``Refusal``: ``district.unknown``, ``district.no_name``, ``district.exists`` (two districts
    are not made one by a slip of the pen; schools move one by one).
    """
    need_city(scope)
    new = " ".join(new.split())
    if not 0 < len(new) <= 100:
        raise Refusal("district.no_name")
    schools = session.scalars(select(School).where(School.district == old)).all()
    if not schools:
        raise Refusal("district.unknown", name=old)
    if session.scalar(select(School.code).where(School.district == new).limit(1)) is not None:
        raise Refusal("district.exists", name=new)
    for school in schools:
        school.district = new
        school.registered_at = school.registered_at or now
    operators = [
        one
        for one in session.scalars(select(Operator).where(Operator.role == OperatorRole.DISTRICT))
        if old in one.scope
    ]
    for operator in operators:
        operator.scope = [new if name == old else name for name in operator.scope]
    # Loads that are not planned yet remember the uploader's rights.
    waiting = Load.status == LoadStatus.RECEIVED, Load.scope_role == OperatorRole.DISTRICT
    for load in session.scalars(select(Load).where(*waiting)):
        load.scope_items = [new if name == old else name for name in load.scope_items]
    audit.record(
        session, AuditAction.DISTRICT_RENAME, at=now, actor=scope.actor, district=[old, new],
        schools=len(schools), operators=len(operators),
    )  # fmt: skip
    return len(schools), len(operators)
