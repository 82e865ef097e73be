"""Accounts of operators: listing, adding and closing them, passwords and scopes.

Each act is in the audit. Whatever changes what an operator may do ends the operator's sessions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import audit
from service.audit import AuditAction
from service.models import Operator, OperatorRole, School
from service.operators import sessions as operator_sessions
from service.operators.sessions import Lifetime
from service.problems import Problem

MIN_PASSWORD_LENGTH = 12
MAX_NAME_LENGTH = 100
SHOWN_CHOICES = 5
"""The number of codes that are offered in place of an unknown one."""
MOST_DISTRICTS = 30
"""The same for districts: as good as all of a city."""


class OperatorProblem(Problem):
    """An account cannot be made or changed so."""

    status = 400
    exit_code = 2


def everybody(session: Session, lifetime: Lifetime, now: datetime) -> list[tuple[Operator, int]]:
    """Return all operators by name, those with closed accounts too; with each the number of
    sessions that have not ended."""
    live = operator_sessions.count_live(session, lifetime, now)
    found = session.scalars(select(Operator).order_by(Operator.username))
    return [(operator, live.get(operator.id, 0)) for operator in found]


def add(
    session: Session,
    *,
    actor: str,
    username: str,
    password: str,
    role: OperatorRole,
    scope: Sequence[str],
    now: datetime,
) -> Operator:
    """Add an operator.

    Raises ``OperatorProblem`` for a short password, a name that is taken or no name, and for a
    school or district that the registry does not have.
    """
    _check_name(username)
    _check_password(password)
    if session.scalar(select(Operator.id).where(Operator.username == username)):
        raise OperatorProblem("operator.exists")
    operator = Operator(
        username=username,
        password_hash=PasswordHasher().hash(password),
        role=role,
        scope=_checked_scope(session, role, scope),
        created_at=now,
    )
    session.add(operator)
    session.flush()
    audit.record(
        session, AuditAction.OPERATOR_ADD, at=now, actor=actor, operator=operator.id, role=role,
        scope=operator.scope,
    )  # fmt: skip
    return operator


def find(session: Session, username: str) -> Operator:
    """Return the operator of this name. Raises ``OperatorProblem`` when there is none."""
    operator = session.scalar(select(Operator).where(Operator.username == username))
    if operator is None:
        raise OperatorProblem("operator.unknown")
    return operator


def set_active(
    session: Session, operator: Operator, active: bool, *, actor: str, now: datetime
) -> None:
    """Close or reopen an account; closing it ends the operator's sessions."""
    operator.active = active
    if not active:
        operator_sessions.end_all(session, operator)
    action = AuditAction.OPERATOR_ENABLE if active else AuditAction.OPERATOR_DISABLE
    audit.record(session, action, at=now, actor=actor, operator=operator.id)


def set_password(
    session: Session, operator: Operator, password: str, *, actor: str, now: datetime
) -> None:
    """Replace the password and end the operator's sessions. Raises ``OperatorProblem``."""
    _check_password(password)
    operator.password_hash = PasswordHasher().hash(password)
    operator_sessions.end_all(session, operator)
    audit.record(
        session, AuditAction.OPERATOR_SET_PASSWORD, at=now, actor=actor, operator=operator.id
    )


def set_scope(
    session: Session,
    operator: Operator,
    role: OperatorRole,
    scope: Sequence[str],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Let the operator see another part of the city; ends the operator's sessions.

    Raises ``OperatorProblem`` for a school or district that the registry does not have.
    """
    items = _checked_scope(session, role, scope)
    before = {"role": operator.role, "scope": operator.scope}
    operator.role, operator.scope = role, items
    operator_sessions.end_all(session, operator)
    audit.record(
        session, AuditAction.OPERATOR_SET_SCOPE, at=now, actor=actor, operator=operator.id,
        before=before, role=role, scope=items,
    )  # fmt: skip


def _check_name(username: str) -> None:
    """The audit holds it beside ``cli:...``, the name of whoever is at the command line."""
    fits = 0 < len(username) <= MAX_NAME_LENGTH and username.isprintable()
    if not fits or ":" in username or username != username.strip():
        raise OperatorProblem("operator.name", n=MAX_NAME_LENGTH)


def _check_password(password: str) -> None:
    if len(password) < MIN_PASSWORD_LENGTH:
        raise OperatorProblem("operator.password", n=MIN_PASSWORD_LENGTH)


def _checked_scope(session: Session, role: OperatorRole, scope: Iterable[str]) -> list[str]:
    """``scope`` without repetitions, if the registry has each of it."""
    items = list(dict.fromkeys(scope))
    if (role == OperatorRole.CITY) == bool(items):
        raise OperatorProblem("operator.scope")
    if role == OperatorRole.CITY:
        return []
    schools = session.execute(select(School.code, School.short_name, School.district)).all()
    if role == OperatorRole.DISTRICT:
        known = {district: district for _code, _name, district in schools if district}
    else:
        known = {code: f"{code} ({name})" if name else code for code, name, _district in schools}
    for item in items:
        if item not in known:
            raise _unknown(role, item, known)
    return items


def _unknown(role: OperatorRole, item: str, known: dict[str, str]) -> OperatorProblem:
    """Return the problem that there is no such school or district, and which may be meant."""
    if not known:
        return OperatorProblem("operator.no_schools")
    by_folded = {code.casefold(): code for code in known} | {
        title.casefold(): code for code, title in known.items()
    }
    near = [
        by_folded[one]
        for one in difflib.get_close_matches(item.casefold(), by_folded, SHOWN_CHOICES, 0.5)
    ]
    if role == OperatorRole.DISTRICT or not near:
        near += sorted(known)[: MOST_DISTRICTS if role == OperatorRole.DISTRICT else SHOWN_CHOICES]
    fitting = dict.fromkeys(near)
    offered = ", ".join(known[code] for code in fitting)
    return OperatorProblem(f"operator.no_{role}", item=item, offered=offered)
