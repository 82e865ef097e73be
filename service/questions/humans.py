"""What is known of the humans whom an answer is about, before it and after: put back by an undo."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import Person
from service.db import rows_among
from service.loads import taken_back
from service.loads.identities import identity_values
from service.models import Identity, KnownUser

OF_IDENTITY = (
    "family_name", "given_name", "middle_name", "name_key", "given_key", "family_key",
    "birth_date", "sex", "snils", "school_code",
)  # fmt: skip
"""What matching compares: it follows what is applied, so a wrong merge writes over it."""
OF_USER = ("school_code", "source", "sourced_id")
"""Who speaks for the person. The rest of a known user is what Moodle has."""


def before(
    session: Session,
    will_be: Mapping[str, Person | None],
    people: Collection[str],
    school: str,
    source: str,
) -> str:
    """Return as JSON what is known of these humans, and what it becomes when the rows that they
    are from here on are applied. It is stored encrypted with the decision.

    ``will_be``: the row of each human; None when it is not kept any more. ``people``: everybody
    whom the rows might be; of them it is told what they have (``taken_back``).
    """
    after: dict[str, Any] = {}
    for person_id, row in will_be.items():
        of_identity, of_user = {"school_code": school}, {"school_code": school}
        if row is not None:
            of_identity |= identity_values(row)
            of_user |= {"source": source, "sourced_id": row.sourced_id}
        after[person_id] = {"identities": of_identity, "known_users": of_user}
    told = _differences(known(session, will_be), after)
    for person_id, had in taken_back.noted(session, people, school).items():
        told.setdefault(person_id, {})["had"] = had
    return json.dumps(told, ensure_ascii=False)


def known(session: Session, people: Iterable[str]) -> dict[str, Any]:
    """Return what is known of these humans: person id -> table -> column -> value."""
    found: dict[str, Any] = {}
    ids = sorted(set(people))
    for table, names in ((Identity, OF_IDENTITY), (KnownUser, OF_USER)):
        columns = select(table.person_id, *(getattr(table, name) for name in names))
        for person_id, *values in rows_among(session, columns, table.person_id, ids):
            told = dict(zip(names, map(_plain, values), strict=True))
            found.setdefault(person_id, {})[table.__tablename__] = told
    return found


def changed(session: Session, before: dict[str, Any]) -> str:
    """As ``before``, where the answer itself has changed what is known."""
    return json.dumps(_differences(before, known(session, before)), ensure_ascii=False)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {
        person_id: {
            table: {
                name: [was, _plain(after[person_id][table][name])]
                for name, was in columns.items()
                if name in after[person_id].get(table, {})
            }
            for table, columns in tables.items()
        }
        for person_id, tables in before.items()
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def restore(session: Session, person_id: str, tables: Mapping[str, Any]) -> None:
    """Put back what the answer has led to. What somebody has said since stays."""
    for table in (Identity, KnownUser):
        row = session.get(table, person_id, populate_existing=True)
        for name, (before, after) in tables.get(table.__tablename__, {}).items():
            if row is None or before == after or _plain(getattr(row, name)) != after:
                continue
            is_day = name == "birth_date" and before
            setattr(row, name, date.fromisoformat(before) if is_day else before)
    session.flush()
