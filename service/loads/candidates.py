"""Whom the rows of a roster may be: people found by key, СНИЛС, name and birth date.

Rows whose id says who they are, nearly all of a usual file, cost one look-up by key. Each other
look-up is by an index, also among the people of a whole city.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import chain
from typing import Any

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session

from provisioning import matching
from provisioning.evidence import compare, given_letters, letters
from provisioning.matching import KnownIdentities, KnownIdentity
from provisioning.questions import Decided, RowRef
from provisioning.roster import Person, Roster
from service.db import copied, rows_among
from service.loads.handed_over import given_by, is_only_handed_over
from service.loads.known_state import with_shared_texts
from service.loads.teaching import with_subjects
from service.models import (
    Identity,
    KnownUser,
    PlannedMembership,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
    StoredDecision,
)

NAMES = ("family_name", "given_name", "middle_name")

_COLUMNS = {
    field.name: getattr(Identity, field.name)
    for field in fields(KnownIdentity)
    if hasattr(Identity, field.name)
}
_LISTED = exists().where(SchoolMembership.person_id == Identity.person_id).correlate(Identity)


def name_keys(family_name: str, given_name: str, middle_name: str) -> dict[str, str]:
    """Return the columns of ``Identity`` by which people are found, of one name."""
    return {
        "name_key": matching.normalised_name(family_name, given_name, middle_name),
        "given_key": given_letters(given_name),
        "family_key": letters(family_name),
    }


def known_identities(session: Session, roster: Roster, decided: Decided) -> KnownIdentities:
    """Read what matching needs to know about the people in one roster."""
    by_key: dict[str, KnownIdentity] = {}
    of_school = (
        select(SourceKey.sourced_id, *_COLUMNS.values())
        .join(Identity)
        .where(SourceKey.source == roster.source, SourceKey.school_code == roster.school.code)
    )
    ids = chain(roster.persons, roster.set_aside)
    for sourced_id, *known in rows_among(session, of_school, SourceKey.sourced_id, ids):
        by_key[sourced_id] = _known(known)
    by_snils = _by_snils(session, roster, by_key)
    doubtful = matching.doubtful(roster, by_key)
    if not doubtful:
        return KnownIdentities(by_key=by_key, by_snils=by_snils)
    own = {one.person_id: one for one in _of_school(session, roster.school.code)}
    rows = [roster.persons[key] for key in sorted(doubtful)]
    mistakes = _made_by_mistake(session, roster.school.code)
    by_snils = {
        number: [one for one in people if one.person_id not in mistakes]
        for number, people in by_snils.items()
    }
    elsewhere = _elsewhere(session, rows, own.keys() | mistakes, decided)
    details = _Details(session, roster.school.code)
    own = details.complete(own.values())
    others = details.complete(chain.from_iterable((*by_snils.values(), *elsewhere.values())))
    everybody = others | own

    def completed(people: Iterable[KnownIdentity]) -> tuple[KnownIdentity, ...]:
        return tuple(everybody[one.person_id] for one in people)

    found = KnownIdentities(
        by_key={key: own.get(one.person_id, one) for key, one in by_key.items()},
        by_snils={
            # As they were found: with the place in the newest export.
            number: tuple(others[one.person_id] for one in people)
            for number, people in by_snils.items()
        },
        own=own,
        elsewhere={key: completed(people) for key, people in elsewhere.items()},
    )
    return with_subjects(session, roster, found, doubtful)


def _of_school(session: Session, code: str) -> Iterator[KnownIdentity]:
    """Yield everybody with a key in the school or a place on its roll."""
    keys = select(SourceKey.person_id).where(SourceKey.school_code == code)
    # Not a place under a row of which somebody has said that it is not this human.
    places = select(SchoolMembership.person_id).where(
        SchoolMembership.school_code == code, SchoolMembership.confirmed
    )
    here = Identity.person_id.in_(keys) | Identity.person_id.in_(places)
    for row in session.execute(select(*_COLUMNS.values()).where(here)):
        yield _known(row)


def _made_by_mistake(session: Session, code: str) -> set[str]:
    """Return who was made of a row of the school by an answer that was taken back, and whom no key
    names since: the same answer makes the row theirs again, and nobody else is meant by them."""
    undone = select(StoredDecision.effects).where(
        StoredDecision.school_code == code, StoredDecision.undone_at.is_not(None)
    )
    made = {
        one["made"]
        for effects in session.scalars(undone)
        for one in effects.get("source_keys", ())
        if one.get("made")
    }
    keys = rows_among(session, select(SourceKey.person_id), SourceKey.person_id, sorted(made))
    return made.difference(person_id for (person_id,) in keys)


def _elsewhere(
    session: Session, rows: Sequence[Person], own: Collection[str], decided: Decided
) -> dict[str, list[KnownIdentity]]:
    """Return the people without a key in the school whom each row resembles, by sourced id.

    Whom a row names exactly or but for one letter; and of those whom no school lists, as movers
    are, everybody who is near in any way.
    """
    found: dict[str, dict[str, KnownIdentity]] = defaultdict(dict)
    for look_up in _LOOK_UPS:
        wanted: dict[Any, list[Person]] = defaultdict(list)
        for row in rows:
            wanted[look_up.key(row)].append(row)
        for *values, is_listed in look_up.people(session, wanted):
            human = _known(values)
            if human.person_id in own:
                continue
            for row in wanted.get(look_up.key(human), ()):
                compared = compare(row, human)
                near = compared.is_very_near or (compared.is_near and not is_listed)
                if compared.is_exact or compared.is_namesake or near:
                    found[row.sourced_id][human.person_id] = human
    named = _decided_about(rows, decided)
    others = sorted(set(named.values()).difference(own))
    people = rows_among(session, select(*_COLUMNS.values()), Identity.person_id, others)
    chosen = {one.person_id: one for one in map(_known, people)}
    for sourced_id, person_id in named.items():
        if person_id in chosen:
            found[sourced_id][person_id] = chosen[person_id]
    return {key: [humans[one] for one in sorted(humans)] for key, humans in found.items()}


def _decided_about(rows: Sequence[Person], decided: Decided) -> dict[str, str]:
    """Return whom people said some of these rows to be, by sourced id."""
    ids = {row.sourced_id for row in rows}
    found = {}
    for (_kind, key), decisions in decided.decisions.items():
        sourced_id = key if key in ids else key.rpartition(" ")[0]
        if sourced_id in ids and decisions and decisions[-1].candidate:
            found[sourced_id] = decisions[-1].candidate
    return found


class _LookUp:
    """One way of finding people: equal columns, and the same of a row."""

    def __init__(self, *columns: str, only_away: bool) -> None:
        self._columns = columns
        self._only_away = only_away

    def key(self, one: Person | KnownIdentity) -> tuple[Any, ...]:
        keys = name_keys(one.family_name, one.given_name, one.middle_name)
        values: dict[str, Any] = {**keys, "birth_date": one.birth_date}
        return tuple(values[name] for name in self._columns)

    def people(self, session: Session, keys: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield the columns of the identities found, and whether a school lists them."""
        query = select(*_COLUMNS.values(), _LISTED)
        if self._only_away:
            query = query.where(~_LISTED)
        columns = [getattr(Identity, name) for name in self._columns]
        if len(columns) == 1:
            yield from rows_among(session, query, columns[0], (key for (key,) in keys))
        else:
            yield from rows_among(session, query, tuple_(*columns), keys)


_LOOK_UPS = (
    _LookUp("birth_date", "given_key", only_away=False),
    _LookUp("birth_date", "family_key", only_away=True),
    _LookUp("name_key", only_away=True),
)


class _Details:
    """Where people are and were: rolls, keys, roles and classes."""

    def __init__(self, session: Session, code: str) -> None:
        self._session = session
        self._code = code
        self._givers = given_by(session, code)

    def complete(self, people: Iterable[KnownIdentity]) -> dict[str, KnownIdentity]:
        """Return the people, by person id, with all that is known of their places."""
        given = {one.person_id: one for one in people}
        listed: dict[str, dict[str, Sequence[str]]] = defaultdict(dict)
        unproven: set[str] = set()
        for person_id, school, confirmed, *place in self._among(
            SchoolMembership, "school_code", "confirmed", "role", "class_id", "class_title",
            people=given,
        ):  # fmt: skip
            listed[person_id][school] = place
            if school == self._code and not confirmed:
                unproven.add(person_id)
        keys: dict[str, list[RowRef]] = defaultdict(list)
        for person_id, school, sourced_id in self._among(
            SourceKey, "school_code", "sourced_id", people=given
        ):
            keys[person_id].append(RowRef(school_code=school, sourced_id=sourced_id))
        for person_id in unproven:
            if all(key.school_code != self._code for key in keys.get(person_id, ())):
                del listed[person_id][self._code]
        accounts = {
            person_id: place
            for person_id, *place in self._among(
                KnownUser, "role", "class_id", "class_title", people=given
            )
        }
        found = {}
        for person_id, one in given.items():
            places = listed.get(person_id, {})
            place = places.get(self._code) or places.get(one.school_code)
            role, class_id, class_title = place or accounts.get(person_id) or ("", "", "")
            own = sorted(keys.get(person_id, ()), key=lambda key: (key.school_code, key.sourced_id))
            found[person_id] = replace(
                one, role=role, class_id=class_id, class_title=class_title,
                listed=frozenset(places), keys=tuple(own),
                handed_over=is_only_handed_over(own, self._code, self._givers),
            )  # fmt: skip
        return found

    def _among(self, table: Any, *columns: str, people: Iterable[str]) -> Iterator[Any]:
        query = select(table.person_id, *(getattr(table, name) for name in columns))
        return rows_among(self._session, query, table.person_id, people)


def _by_snils(
    session: Session, roster: Roster, by_key: Mapping[str, KnownIdentity]
) -> dict[str, list[KnownIdentity]]:
    """Return whom we know by the roster's numbers, with places of those whom another row names."""
    keys_by_number: dict[str, set[str]] = defaultdict(set)
    for key, person in roster.persons.items():
        if person.snils:
            keys_by_number[person.snils].add(by_key[key].person_id if key in by_key else "")
    everybody = select(*_COLUMNS.values())
    known = [
        _known(row)
        for row in rows_among(session, everybody, Identity.snils, sorted(keys_by_number))
    ]
    others = {one.person_id for one in known if keys_by_number[one.snils] != {one.person_id}}
    places = _places(session, others)
    found: dict[str, list[KnownIdentity]] = {}
    for one in known:
        named = replace(one, **places[one.person_id]) if one.person_id in places else one
        found.setdefault(one.snils, []).append(named)
    return found


def _places(session: Session, people: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return where the newest export of each person's own school names them."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    keys = (
        select(SourceKey.person_id, SourceKey.sourced_id)
        .join(Identity)
        .where(Identity.school_code == SourceKey.school_code)
    )
    rows = (
        select(PlannedMembership.person_id, PlannedMembership.file, PlannedMembership.line)
        .join(SchoolPlan)
        .join(Identity, Identity.person_id == PlannedMembership.person_id)
        .where(Identity.school_code == SchoolPlan.school_code)
        .order_by(SchoolPlan.id)
    )
    ids = sorted(people)
    for person_id, sourced_id in rows_among(session, keys, SourceKey.person_id, ids):
        found[person_id]["sourced_id"] = sourced_id
    for person_id, file, line in rows_among(session, rows, PlannedMembership.person_id, ids):
        found[person_id] |= {"file": file, "line": line}
    return found


def _known(values: Sequence[Any]) -> KnownIdentity:
    return KnownIdentity(**with_shared_texts(tuple(_COLUMNS), values))


def known_alone(human: Identity) -> KnownIdentity:
    """Return what the identity itself says of a human, without where anybody names them."""
    unsaid: Mapping[str, str] = dict.fromkeys(
        ("sourced_id", "file", "role", "class_id", "class_title"), ""
    )
    return copied(
        KnownIdentity,
        human,
        line=0,
        listed=frozenset(),
        keys=(),
        handed_over=False,
        subjects=frozenset(),
        **unsaid,
    )
