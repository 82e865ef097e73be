"""Paging: the part of a long list that one page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    number: int
    """From 1."""
    size: int
    total: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first_shown(self) -> int:
        return (self.number - 1) * self.size + 1 if self.total else 0

    @property
    def last_shown(self) -> int:
        return min(self.number * self.size, self.total)


def page_of(db: Session, query: Select[T], *, size: int) -> Page[T]:
    """The page of ``query`` that the request's ``page`` asks for."""
    rows = page_of_rows(db, query, size=size)
    items = [row[0] for row in rows.items]
    return Page(items=items, number=rows.number, size=size, total=rows.total)


def page_of_rows(db: Session, query: Select[*tuple[Any, ...]], *, size: int) -> Page[Any]:
    """The same of a query of several things in a row."""
    counted: Select[Any] = select(func.count()).select_from(query.order_by(None).subquery())
    total = db.scalars(counted).one()
    number = _clamp(total, size)
    items = db.execute(query.offset((number - 1) * size).limit(size)).all()
    return Page(items=items, number=number, size=size, total=total)


def page_of_list(items: Sequence[T], *, size: int) -> Page[T]:
    """The same of a list in memory."""
    number = _clamp(len(items), size)
    shown = items[(number - 1) * size : number * size]
    return Page(items=shown, number=number, size=size, total=len(items))


def _clamp(total: int, size: int) -> int:
    asked = request.values.get("page", 1, type=int)
    return min(max(asked, 1), max(1, -(-total // size)))
