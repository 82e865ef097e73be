"""The keys of people whom one school handed over to another, until its own export names them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.overlay import key_after
from provisioning.questions import RowRef
from service.models import Load, SchoolPlan


def given_by(session: Session, code: str) -> frozenset[str]:
    """Return the codes of the schools that a school took over, or of which it is a part."""
    operations = (
        select(Load.operation)
        .join(SchoolPlan)
        .where(SchoolPlan.school_code == code, SchoolPlan.started, Load.operation.is_not(None))
    )
    said = (one for one in session.scalars(operations) if one)
    return frozenset(one["school"] for one in said if one["into"] == code)


def is_only_handed_over(keys: Iterable[RowRef], code: str, givers: Collection[str]) -> bool:
    """Tell whether a school knows somebody only by keys that they had at the schools before it.

    As soon as a file of the school names them under an id of its own, they are as anybody there.
    """
    all_keys = list(keys)
    own = {one.sourced_id for one in all_keys if one.school_code == code}
    before = [one for one in all_keys if one.school_code in givers]
    same = {one.sourced_id for one in before}
    marked = {key_after(one.school_code, one.sourced_id) for one in before}
    return bool(own) and own <= same | marked
