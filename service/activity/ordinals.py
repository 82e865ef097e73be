"""Ordinals of people: the places of their bits. Given once, never changed, never given again.

A person has one for each school that a roll or a sign-in named, so that a bitmap also says where
somebody was as of then. The first of them, the main one, stands for the person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db import chunks, insert_rows
from service.models import ActivityPerson, RollChange

Key = tuple[str, str]
"""Person id and school code; no school code where nobody knows the school as of then."""


def ordinals_of(session: Session, keys: Iterable[Key]) -> dict[Key, int]:
    """The ordinal of each key of a sign-in; new ones are added. The caller holds ``lock``."""
    found, added = _ordinals(session, set(keys))
    # Whoever was at a school and is not on its roll stands in the school's sheet.
    schools = sorted({school_code for _person_id, school_code in added} - {""})
    insert_rows(session, RollChange, ({"school_code": code} for code in schools))
    return found


def mains_of(session: Session, people: Iterable[Key]) -> dict[str, int]:
    """The main ordinal of each person; who has none yet gets one at the school of the key."""
    wanted = dict(people)
    found = {
        person_id: main
        for person_id, schools in _known(session, wanted).items()
        for main in _main(schools)
    }
    new = {(person_id, school) for person_id, school in wanted.items() if person_id not in found}
    made, _added = _ordinals(session, new)
    return found | {person_id: ordinal for (person_id, _school), ordinal in made.items()}


def _ordinals(session: Session, keys: set[Key]) -> tuple[dict[Key, int], list[Key]]:
    """The ordinal of each key, and which of them are new; those of a school beside each other."""
    known = _known(session, {person_id for person_id, _school in keys})
    mains = {person_id: main for person_id, schools in known.items() for main in _main(schools)}
    following = (session.scalar(select(func.max(ActivityPerson.ordinal))) or 0) + 1
    found: dict[Key, int] = {}
    added: dict[Key, dict[str, Any]] = {}
    for person_id, school_code in sorted(keys, key=lambda key: (key[1], key[0])):
        ordinal = known.get(person_id, {}).get(school_code, (None, None))[0]
        if ordinal is None and not school_code:
            ordinal = mains.get(person_id)
        if ordinal is None:
            ordinal, following = following, following + 1
            added[person_id, school_code] = {
                "ordinal": ordinal, "person_id": person_id, "school_code": school_code,
                "main": mains.get(person_id),
            }  # fmt: skip
            mains.setdefault(person_id, ordinal)
        found[person_id, school_code] = ordinal
    insert_rows(session, ActivityPerson, added.values())
    return found, list(added)


def _known(
    session: Session, person_ids: Iterable[str]
) -> dict[str, dict[str, tuple[int, int | None]]]:
    """Person id -> school code -> ordinal and main."""
    known: dict[str, dict[str, tuple[int, int | None]]] = defaultdict(dict)
    for some in chunks(sorted(person_ids)):
        rows = session.execute(
            select(
                ActivityPerson.person_id,
                ActivityPerson.school_code,
                ActivityPerson.ordinal,
                ActivityPerson.main,
            ).where(ActivityPerson.person_id.in_(some))
        )
        for person_id, school_code, ordinal, main in rows:
            known[person_id][school_code] = ordinal, main
    return known


def _main(schools: dict[str, tuple[int, int | None]]) -> list[int]:
    return [ordinal for ordinal, main in schools.values() if main is None]
