"""Ordinals of people: the places of their bits. Given once, never changed, never given again.

A person has one for each school that a roll or a sign-in named, so that a bitmap also says where
somebody was as of then. The first of them, the main one, stands for the person.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy
from sqlalchemy import (
    ARRAY,
    FromClause,
    Integer,
    Select,
    SelectBase,
    String,
    Subquery,
    Table,
    column,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from service.models import ActivityPerson, RollChange

NUMBERED = cast(Table, ActivityPerson.__table__)
"""Where ordinals are kept."""

TEMPORARY = 2**30
"""Ordinals above it are of one question only and never stored."""

MANY = 1_000
"""New people after which PostgreSQL has to look at the table again."""

_Rows = Sequence[Sequence[Any]]


def new_people(people: SelectBase, numbered: FromClause = NUMBERED) -> Select[Any]:
    """The people of a query (``person_id``, ``school_code``) who have no ordinal yet."""
    wanted = people.subquery()
    return (
        select(
            wanted.c.person_id,
            func.max(wanted.c.school_code).label("school_code"),
            sqlalchemy.cast(null(), Integer).label("main"),
        )
        .where(~exists().where(numbered.c.person_id == wanted.c.person_id))
        .group_by(wanted.c.person_id)
    )


def new_places(events: SelectBase, numbered: FromClause = NUMBERED) -> Select[Any]:
    """The people with a main ordinal at further schools, as of the events of a query."""
    wanted, main = events.subquery(), numbered.alias()
    return (
        select(wanted.c.person_id, wanted.c.school_code, main.c.ordinal.label("main"))
        .join(main, (main.c.person_id == wanted.c.person_id) & main.c.main.is_(None))
        .where(
            wanted.c.school_code != "",
            ~exists().where(
                numbered.c.person_id == wanted.c.person_id,
                numbered.c.school_code == wanted.c.school_code,
            ),
        )
        .distinct()
    )


def numbering(new: Select[Any], last: int) -> Select[Any]:
    """Rows of ``ActivityPerson``, numbered from after ``last``; people of a school stand together.

    ``new``: what ``new_people`` or ``new_places`` gives.
    """
    found = new.subquery()
    number = func.row_number().over(order_by=(found.c.school_code, found.c.person_id))
    return select(last + number, found.c.person_id, found.c.school_code, found.c.main)


def add_people(session: Session, people: SelectBase) -> None:
    """Give the people of a query an ordinal; it selects ``person_id`` and ``school_code``.

    Whoever has one keeps it. The caller holds ``rollups.lock``.
    """
    _insert(session, new_people(people))


def add_people_at_schools(session: Session, events: SelectBase) -> None:
    """The same, and a further ordinal for each further school as of then."""
    last = _last(session)
    add_people(session, events)
    _insert(session, new_places(events))
    # Whoever was at a school and is not on its roll stands in the school's sheet.
    schools = (
        select(ActivityPerson.school_code)
        .where(ActivityPerson.ordinal > last, ActivityPerson.school_code != "")
        .distinct()
    )
    session.execute(insert(RollChange).from_select(["school_code"], schools))


def _insert(session: Session, new: Select[Any]) -> None:
    last = _last(session)
    columns = ["ordinal", "person_id", "school_code", "main"]
    session.execute(insert(ActivityPerson).from_select(columns, numbering(new, last)))
    if _last(session) - last >= MANY and session.get_bind().dialect.name == "postgresql":
        # What follows in this transaction would be planned for the table as it was.
        session.execute(text("ANALYZE activity_people"))


def _last(session: Session) -> int:
    return session.scalar(select(func.max(ActivityPerson.ordinal))) or 0


def numbered_with(session: Session, rows: _Rows) -> FromClause:
    """The kept ordinals, and ``rows`` of the same columns as if they were kept too."""
    if not rows:
        return NUMBERED
    more = as_table(
        session, rows, ordinal=Integer(), person_id=String(), school_code=String(), main=Integer()
    )
    return union_all(select(NUMBERED), select(more)).subquery()


def as_table(session: Session, rows: _Rows, **columns: TypeEngine[Any]) -> Subquery:
    """``rows`` as a table of a statement, however many they are: one value of it, or one a column.

    PostgreSQL gets arrays, because it knows how long an array is: it takes JSON for a hundred rows
    and would compare each of thousands with each.
    """
    given: Any
    if session.get_bind().dialect.name == "postgresql":
        arrays = [
            literal([row[place] for row in rows], ARRAY(kind))
            for place, kind in enumerate(columns.values())
        ]
        names = [column(name, kind) for name, kind in columns.items()]
        given = func.unnest(*arrays).table_valued(*names, name="given").render_derived()
        return select(*given.c).subquery()
    data = literal(json.dumps([list(row) for row in rows]))
    value = func.json_each(data).table_valued("value").c.value
    cells = [
        func.json_extract(value, f"$[{place}]", type_=kind).label(name)
        for place, (name, kind) in enumerate(columns.items())
    ]
    return select(*cells).subquery()
