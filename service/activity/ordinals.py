"""Ordinals of people: the places of their bits. Given once, never changed, never given again.

A person has one for each school that a roll or a sign-in named, so that a bitmap also says where
somebody was as of then. The first of them, the main one, stands for the person.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SelectBase,
    Subquery,
    cast,
    exists,
    func,
    insert,
    null,
    select,
    text,
)
from sqlalchemy.orm import Session, aliased

from service.models import ActivityPerson, RollChange

MANY = 1_000
"""New people after which PostgreSQL has to look at the table again."""


def add_people(session: Session, people: SelectBase) -> None:
    """Give the people of a query an ordinal; it selects ``person_id`` and ``school_code``.

    Whoever has one keeps it. People of a school get theirs beside each other. The caller holds
    ``rollups.lock``.
    """
    wanted = people.subquery()
    new = (
        select(wanted.c.person_id, func.max(wanted.c.school_code).label("school_code"))
        .where(~exists().where(ActivityPerson.person_id == wanted.c.person_id))
        .group_by(wanted.c.person_id)
        .subquery()
    )
    _insert(session, new, cast(null(), Integer))


def add_people_at_schools(session: Session, events: Select[Any]) -> None:
    """The same, and a further ordinal for each further school as of then."""
    last = _last(session)
    add_people(session, events)
    wanted, main = events.subquery(), aliased(ActivityPerson)
    new = (
        select(wanted.c.person_id, wanted.c.school_code, main.ordinal.label("main"))
        .join(main, (main.person_id == wanted.c.person_id) & main.main.is_(None))
        .where(
            wanted.c.school_code != "",
            ~exists().where(
                ActivityPerson.person_id == wanted.c.person_id,
                ActivityPerson.school_code == wanted.c.school_code,
            ),
        )
        .distinct()
        .subquery()
    )
    _insert(session, new, new.c.main)
    # Whoever was at a school and is not on its roll stands in the school's sheet.
    schools = (
        select(ActivityPerson.school_code)
        .where(ActivityPerson.ordinal > last, ActivityPerson.school_code != "")
        .distinct()
    )
    session.execute(insert(RollChange).from_select(["school_code"], schools))


def _insert(session: Session, new: Subquery, main: ColumnElement[Any]) -> None:
    number = func.row_number().over(order_by=(new.c.school_code, new.c.person_id))
    last = _last(session)
    rows = select(last + number, new.c.person_id, new.c.school_code, main)
    columns = ["ordinal", "person_id", "school_code", "main"]
    session.execute(insert(ActivityPerson).from_select(columns, rows))
    if _last(session) - last >= MANY and session.get_bind().dialect.name == "postgresql":
        # What follows in this transaction would be planned for the table as it was.
        session.execute(text("ANALYZE activity_people"))


def _last(session: Session) -> int:
    return session.scalar(select(func.max(ActivityPerson.ordinal))) or 0
