"""Which schools have ended: closed, or merged into another. They speak for nobody any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select
from sqlalchemy.orm import Session

from service.models import School


def has_ended(school: School, today: date) -> bool:
    """Tell whether the school's last day has passed, or its successor has taken over."""
    if school.merged_into:
        return school.closed_on is None or school.closed_on <= today
    return school.closed_on is not None and school.closed_on < today


def _ended(today: date) -> ColumnElement[bool]:
    """``has_ended`` as a condition on ``School``."""
    merged = and_(
        School.merged_into != "", or_(School.closed_on.is_(None), School.closed_on <= today)
    )
    closed = and_(School.closed_on.is_not(None), School.closed_on < today)
    return or_(merged, closed)


def is_open(today: date) -> ColumnElement[bool]:
    """A condition on ``School``: it has not ended, so its roll says who is there."""
    return not_(_ended(today))


def ended_schools(today: date) -> Select[str]:
    """Return the codes of the schools that have ended, as a subquery for ``not_in(...)``."""
    return select(School.code).where(_ended(today))


def successor_of(session: Session, school: School) -> School | None:
    """Return the school that this one was merged into, or the last of a row of mergers."""
    into = dict(session.execute(select(School.code, School.merged_into)).all())
    last = last_successor(into, school.code)
    return session.get_one(School, last) if last else None


def last_successor(into: Mapping[str, str], code: str) -> str:
    """Follow mergers to their end; empty when the school was merged into none that we know."""
    seen = [code]
    while (following := into.get(seen[-1], "")) in into and following not in seen:
        seen.append(following)
    return seen[-1] if len(seen) > 1 else ""
