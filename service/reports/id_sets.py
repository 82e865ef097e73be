"""People of a set as a query, however many they are: one value of the statement, not one each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Integer, Select, column, func, literal, select
from sqlalchemy.orm import Session

from service.models import ActivityPerson


def with_ordinals(session: Session, ordinals: Iterable[int]) -> Select[str]:
    """The person ids of main ordinals (``service.activity.bitmaps``)."""
    values, kind = list(ordinals), Integer()
    rows: Select[Any]
    if session.get_bind().dialect.name == "postgresql":
        rows = select(func.unnest(literal(values, ARRAY(kind))))
    else:
        each = func.json_each(json.dumps(values)).table_valued(column("value", kind))
        rows = select(each.c.value)
    return select(ActivityPerson.person_id).where(ActivityPerson.ordinal.in_(rows))
