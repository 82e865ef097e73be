"""People of a set as a query, however many they are: one value of the statement, not one each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, Integer, Select, String, column, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from service.models import ActivityPerson


def with_ids(session: Session, ids: Iterable[str]) -> Select[str]:
    """The person ids themselves, as rows."""
    return _rows(session, list(ids), String())


def with_ordinals(session: Session, ordinals: Iterable[int]) -> Select[str]:
    """The person ids of main ordinals (``service.activity.bitmaps``)."""
    rows = _rows(session, list(ordinals), Integer())
    return select(ActivityPerson.person_id).where(ActivityPerson.ordinal.in_(rows))


def _rows(session: Session, values: Sequence[Any], kind: TypeEngine[Any]) -> Select[Any]:
    if session.get_bind().dialect.name == "postgresql":
        return select(func.unnest(literal(values, ARRAY(kind))))
    each = func.json_each(json.dumps(values)).table_valued(column("value", kind))
    return select(each.c.value)
