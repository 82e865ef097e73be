"""Which rows of one file are one human: an ended row and an active one, two posts of a teacher."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import combinations, pairwise

from provisioning.evidence import compare
from provisioning.matching.comparing import exact_key
from provisioning.roster import Person, PersonStatus, Role, Roster

_FEW = 8
_ROLES = (Role.ADMINISTRATOR, Role.TEACHER, Role.STUDENT, Role.GUARDIAN)


def rank(row: Person) -> tuple[bool, int, str]:
    """Order the rows of one human: the first one speaks for all; an active row before an ended
    one, in whatever order they stand in the file."""
    return has_ended(row), _ROLES.index(row.role), row.sourced_id


def has_ended(row: Person) -> bool:
    return row.status is PersonStatus.LEFT


def same_humans(roster: Roster, doubtful: Collection[str]) -> list[list[str]]:
    """Return the sourced ids of the rows of each human with several, in the order of ``rank``.

    ``doubtful`` rows belong to nobody yet: their id and their words disagree.
    """
    rows = [one for key, one in roster.persons.items() if key not in doubtful]
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while key in parents:
            key = parents[key]
        return key

    for one, other in _pairs(rows):
        ours, theirs = root(one), root(other)
        if ours != theirs:
            parents[max(ours, theirs)] = min(ours, theirs)
    groups: dict[str, list[str]] = defaultdict(list)
    for key in {*parents, *map(root, parents)}:
        groups[root(key)].append(key)
    ordered = (sorted(keys, key=lambda key: rank(roster.persons[key])) for keys in groups.values())
    return sorted(ordered)


def _pairs(rows: Sequence[Person]) -> Iterator[tuple[str, str]]:
    by_number: dict[tuple[str, date], list[Person]] = defaultdict(list)
    by_name: dict[object, list[Person]] = defaultdict(list)
    for row in rows:
        if row.snils:
            by_number[row.snils, row.birth_date].append(row)
        by_name[exact_key(row)].append(row)
    for some in by_number.values():
        for one, other in _each_two(some):
            if _is_staff(one) is _is_staff(other) and compare(one, other).names_agree:
                yield one.sourced_id, other.sourced_id
    for some in by_name.values():
        if len(some) > 1:
            yield from _of_one_name(some)


def _of_one_name(rows: Sequence[Person]) -> Iterator[tuple[str, str]]:
    """Yield pairs of rows of an equal full name and birth date that are one human.

    Two active pupils are not, unless their СНИЛС says so: two such children exist. All rows that
    have ended go with the only active one.
    """
    staff = [one for one in rows if _is_staff(one)]
    for one, other in _each_two(staff):
        if one.middle_name and compare(one, other).is_exact:
            yield one.sourced_id, other.sourced_id
    pupils = [one for one in rows if not _is_staff(one)]
    active = [one for one in pupils if not has_ended(one)]
    if len(active) == 1:
        for one in pupils:
            if one is not active[0] and compare(one, active[0]).is_exact:
                yield one.sourced_id, active[0].sourced_id


def _each_two(rows: Sequence[Person]) -> Iterator[tuple[Person, Person]]:
    """Yield the pairs; of many rows only neighbours in the order of ids, so that a number that
    stands in every row costs no more than another."""
    ordered = sorted(rows, key=lambda one: one.sourced_id)
    many = len(ordered) > _FEW
    yield from pairwise(ordered) if many else combinations(ordered, 2)


def _is_staff(row: Person) -> bool:
    return row.role is not Role.STUDENT
