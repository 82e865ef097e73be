"""Who gets mail: the address of an operator, and their own yes to it."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy.orm import Session

from service import audit
from service.audit import AuditAction
from service.models import Operator
from service.problems import Problem

MAX_ADDRESS_LENGTH = 320

_ADDRESS = re.compile(r"[^\s@<>,;:\"\\]+@[^\s@<>,;:\"\\]+\.[^\s@<>,;:\"\\]+")
"""Enough to find slips of the finger; the server knows the rest."""


class AddressProblem(Problem):
    """No mail can be sent there."""

    status = 400
    exit_code = 2


def set_mail(
    session: Session, operator: Operator, *, email: str, wanted: bool, actor: str, now: datetime
) -> None:
    """Store address and wish. Raises ``AddressProblem``; the address itself is not audited."""
    email = email.strip()
    if email and (len(email) > MAX_ADDRESS_LENGTH or not _ADDRESS.fullmatch(email)):
        raise AddressProblem("mail.no_address")
    if wanted and not email:
        raise AddressProblem("mail.address_needed")
    operator.email, operator.wants_mail = email, wanted
    audit.record(
        session, AuditAction.OPERATOR_SET_MAIL, at=now, actor=actor, operator=operator.id,
        wanted=wanted,
    )  # fmt: skip
