"""Changing the registry by hand: fields of one school, its closing and merging, a district's name.

The city changes everything. A district changes what it is asked to plan and report about its own
schools (``OF_THE_DISTRICT``), not what identifies them. A school reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.models import AuditEntry, Load, LoadStatus, Operator, OperatorRole, School
from service.registry.columns import BadValue, Problem, bad_value, is_empty, read_cell
from service.registry.platforms import require_city
from service.registry.preview import Change
from service.registry.refusals import Refusal
from service.registry.schools import COLUMNS, FIELDS, GROUPS, head_counts, plain_value, write

OF_THE_DISTRICT = ("source_system", "state_system", "esia_plan_on", *GROUPS)
"""What a district operator may change, of its own schools."""

EMPTY: Mapping[str, Any] = dict.fromkeys(("type", "state_system", "esia_plan_on", "closed_on"))
"""What an emptied field holds where that is not the empty text."""

HISTORY = 50
"""Changes of a school that are shown."""

Form = Mapping[str, str]
"""Fields as typed, by column; those that were not on the form are absent."""


def may_change(scope: Scope) -> tuple[str, ...]:
    """The columns that this operator changes, of the schools that they see."""
    return {
        OperatorRole.CITY: (*FIELDS, *GROUPS),
        OperatorRole.DISTRICT: OF_THE_DISTRICT,
        OperatorRole.SCHOOL: (),
    }[scope.role]


def school_of(session: Session, scope: Scope, code: str) -> School:
    """Raises ``Forbidden`` when unknown or outside."""
    school = session.get(School, code)
    if school is None or not scope.sees(school):
        raise Forbidden("school")
    return school


def history(session: Session, scope: Scope, code: str) -> Sequence[AuditEntry]:
    """What was changed in the registry about a school inside, the newest first."""
    school_of(session, scope, code)
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
    school = school_of(session, scope, code)
    allowed = may_change(scope)
    given = {name for name in form if name in (*FIELDS, *GROUPS)}
    if not allowed or given - set(allowed):
        raise Forbidden("school")
    values, problems = _read(form)
    problems += _refused(session, code, values)
    if problems:
        return tuple(problems)
    changes = _changes(session, school, values)
    if changes:
        write(session, school, changes, actor=scope.actor, now=now)
        if scope.role == OperatorRole.CITY:
            school.registered_at = school.registered_at or now
    return ()


def add(session: Session, scope: Scope, form: Form, now: datetime) -> tuple[Problem, ...]:
    """A school that has no load yet. Only the city; raises ``Forbidden`` for others."""
    require_city(scope)
    values, problems = _read(form)
    code = values.pop("code", "")
    by_key = {column.key: column.title for column in COLUMNS}
    problems += [
        Problem(code="cell.empty", column=by_key[name])
        for name, value in (("code", code), *((n, values.get(n)) for n in ("district", "name")))
        if not value
    ]
    if code and session.get(School, code):
        problems.append(Problem(code="school.exists", column=by_key["code"], value=code))
    problems += _refused(session, code, values)
    if problems:
        return tuple(problems)
    school = School(code=code, name="", short_name="", district="", registered_at=now)
    session.add(school)
    session.flush()
    write(session, school, _changes(session, school, values), actor=scope.actor, now=now)
    return ()


def _read(form: Form) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {}
    problems = []
    for column in COLUMNS:
        if column.key not in form:
            continue
        if is_empty(form[column.key]):
            values[column.key] = EMPTY.get(column.key, "")
            continue
        try:
            values[column.key] = read_cell(form[column.key], column)
        except BadValue as error:
            problems.append(bad_value(error, column, form[column.key]))
    return values, problems


def _refused(session: Session, code: str, values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    by_key = {column.key: column.title for column in COLUMNS}
    known = session.get(School, code) is not None
    for name in ("name", "short_name", "district"):
        if name in values and not values[name] and known:
            problems.append(Problem(code="cell.empty", column=by_key[name]))
    if any(values.get(group, "") != "" for group in GROUPS):
        problems += [
            Problem(code="cell.empty", column=by_key[name])
            for name in ("counted_on", "count_source")
            if not values.get(name)
        ]
    successor = values.get("merged_into")
    if successor and (successor == code or session.get(School, successor) is None):
        problems.append(
            Problem(code="school.no_successor", column=by_key["merged_into"], value=successor)
        )
    return problems


def _changes(session: Session, school: School, values: Mapping[str, Any]) -> dict[str, Change]:
    changes: dict[str, Change] = {}
    for name in FIELDS:
        before = plain_value(getattr(school, name))
        if name in values and before != values[name]:
            changes[name] = (before, values[name])
    known = head_counts(session, school.code).get(school.code, {})
    for group in GROUPS:
        if values.get(group, "") == "":
            continue
        after = [values[group], values["counted_on"], values["count_source"]]
        newest = known[group][-1] if group in known else None
        before_count = [newest[0], newest[1].isoformat(), newest[2]] if newest else None
        if before_count != after:
            changes[group] = (before_count, after)
    return changes


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
    require_city(scope)
    school = school_of(session, scope, code)
    if merged_into and (merged_into == code or session.get(School, merged_into) is None):
        raise Refusal("school.no_successor", code=merged_into)
    values = {"closed_on": on.isoformat(), "merged_into": merged_into}
    write(session, school, _changes(session, school, values), actor=scope.actor, now=now)
    school.registered_at = school.registered_at or now


def rename_district(
    session: Session, scope: Scope, old: str, new: str, now: datetime
) -> tuple[int, int]:
    """Give a district another name, in its schools and in its operators' rights.

    Returns how many schools and operators. Raises ``Forbidden`` for all but the city,
    ``Refusal``: ``district.unknown``, ``district.no_name``, ``district.exists`` (two districts
    are not made one by a slip of the pen; schools move one by one).
    """
    require_city(scope)
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
    _rename_in_waiting_loads(session, old, new)
    audit.record(
        session, AuditAction.DISTRICT_RENAME, at=now, actor=scope.actor, district=[old, new],
        schools=len(schools), operators=len(operators),
    )  # fmt: skip
    return len(schools), len(operators)


def _rename_in_waiting_loads(session: Session, old: str, new: str) -> None:
    """A load that is not planned yet remembers the uploader's rights by the old name."""
    waiting = session.scalars(
        select(Load).where(
            Load.status == LoadStatus.RECEIVED, Load.scope_role == OperatorRole.DISTRICT
        )
    )
    for load in waiting:
        items = [new if name == old else name for name in load.scope_items]
        session.execute(update(Load).where(Load.id == load.id).values(scope_items=items))
