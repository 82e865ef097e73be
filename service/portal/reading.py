"""Reads from Moodle what a look compares: gently, and so that one bad record hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from provisioning.changes import Kind
from provisioning.drift import FoundAccount, HeldObject, HeldUser, Visible, found_account
from provisioning.moodle import (
    Function,
    MoodleClient,
    MoodleMisconfigured,
    MoodleRefused,
    MoodleUncertain,
)

GUEST = 1
"""Moodle's number of the guest, who is on every site."""

Row = Mapping[str, Any]
Answer = TypeVar("Answer")
Call = Callable[[Callable[[], Any]], Any]

_GONE = "invalidrecord"

_REMEMBERED = 3
"""Categories whose courses are kept in memory."""


@dataclass(kw_only=True)
class Reader:
    """One Moodle, for one look. Methods raise ``MoodleError`` when Moodle does not answer."""

    moodle: MoodleClient
    ask: Call
    """Makes a call when it is time for it, and again when Moodle does not answer."""
    role_names: Mapping[int, str]
    """Moodle's numbers of the roles that are ours."""
    unread: int = 0
    """People and objects that Moodle showed nothing of."""
    _courses: dict[int, list[Row]] = field(default_factory=dict)
    _members_known: bool | None = None
    _size: int | None = None
    _unreadable: set[Any] = field(default_factory=set)

    def users(
        self, held: Mapping[str, HeldUser]
    ) -> tuple[dict[str, FoundAccount], dict[str, list[FoundAccount]]]:
        """Return the accounts of these people, and every account with one of their idnumbers."""
        numbers = {one.number: person_id for person_id, one in held.items() if one.number}
        rows = {row["id"]: row for row in self._rows_of_users("id", [GUEST, *numbers])}
        visible = Visible.of(rows.get(GUEST))
        if visible is None:
            self.unread += len(held)
            return {}, {}
        found = {}
        for number, person_id in numbers.items():
            if number in rows:
                found[person_id] = found_account(rows[number], visible)
            elif number not in self._unreadable:
                # Not even what is left of a deleted account.
                found[person_id] = FoundAccount(number=number, deleted=True, fields={})
        for person_id, one in held.items():
            if one.number is None:
                found[person_id] = FoundAccount(number=0, deleted=True, fields={})
        self.unread += len(held) - len(found)
        same: dict[str, list[FoundAccount]] = {}
        if visible.details:
            for row in self._rows_of_users("idnumber", list(held)):
                same.setdefault(row["idnumber"], []).append(found_account(row, visible))
        return found, same

    def _rows_of_users(self, name: Any, values: Sequence[Any]) -> list[Row]:
        """Read accounts; one whose user name breaks Moodle's rules makes the whole call fail, so
        the rest is read without it."""
        self._unreadable = set()
        if self._size is None:
            # The first time the client asks Moodle what it can do.
            self._size = int(self.ask(lambda: self.moodle.batch_size))
        size = self._size
        pieces = [values[start : start + size] for start in range(0, len(values), size)]
        return [
            row
            for piece in pieces
            for row in self._halving(
                piece, lambda some: self.moodle.users_by_field(name, some), self._unreadable.update
            )
        ]

    def _halving(
        self,
        values: Sequence[Any],
        read: Callable[[Sequence[Any]], Iterable[Answer]],
        give_up: Callable[[Sequence[Any]], object],
    ) -> list[Answer]:
        if not values:
            return []
        try:
            return list(self.ask(lambda: read(values)))
        except (MoodleRefused, MoodleUncertain):
            if len(values) == 1:
                give_up(values)
                return []
        half = len(values) // 2
        return [
            *self._halving(values[:half], read, give_up),
            *self._halving(values[half:], read, give_up),
        ]

    def objects(self, kind: Kind, held: Mapping[str, HeldObject]) -> dict[str, list[Row]]:
        """Return the rows of each object and of its doubles; nothing for one that was deleted.

        An object of which nothing is known, because it is hidden from us, is left out.
        """
        by_number = {one.number: key for key, one in held.items()}
        rows: dict[str, dict[int, Row]] = {key: {} for key in held}
        for row in self._by_idnumber(kind, list(held)):
            rows[row["idnumber"]][row["id"]] = row
        missing = [number for number, key in by_number.items() if number not in rows[key]]
        for row in self._elsewhere(kind, missing, [held[by_number[one]] for one in missing]):
            rows[by_number[row["id"]]][row["id"]] = row
        for number in missing:
            key = by_number[number]
            if number not in rows[key] and self._is_hidden(kind, number):
                del rows[key]
                self.unread += 1
        return {key: list(found.values()) for key, found in rows.items()}

    def _by_idnumber(self, kind: Kind, keys: Sequence[str]) -> Sequence[Row]:
        read: Callable[[Sequence[str]], Sequence[Row]] = {
            Kind.CATEGORY: self.moodle.categories_by_idnumber,
            Kind.COHORT: self.moodle.cohorts_among,
            Kind.COURSE: self.moodle.courses_by_idnumber,
        }[kind]
        # MariaDB also finds idnumbers that only look alike.
        wanted = set(keys)
        found: Sequence[Row] = self.ask(lambda: read(keys))
        return [row for row in found if row.get("idnumber") in wanted]

    def _elsewhere(
        self, kind: Kind, numbers: Sequence[int], held: Sequence[HeldObject]
    ) -> list[Row]:
        """Read objects that have another idnumber now, by Moodle's number or by the name."""
        if not numbers:
            return []
        if kind is Kind.CATEGORY:
            return list(self.ask(lambda: self.moodle.categories_by_id(numbers)))
        if kind is Kind.COURSE:
            return list(self.ask(lambda: self.moodle.courses_by_id(numbers)))
        names = [one.record.name for one in held if hasattr(one.record, "name")]
        found = self.ask(lambda: self.moodle.cohorts_by_name(names))
        return [row for row in found if row["id"] in set(numbers)]

    def _is_hidden(self, kind: Kind, number: int) -> bool:
        """Tell whether an object that was not found is there all the same."""
        if kind is Kind.CATEGORY or (kind is Kind.COHORT and not self._shows_members()):
            return False
        try:
            if kind is Kind.COHORT:
                self.ask(lambda: self.moodle.cohort_members([number]))
            else:
                self.ask(lambda: self.moodle.roles_in_courses([number]))
        except (MoodleRefused, MoodleMisconfigured) as error:
            return error.code != _GONE
        return True

    def doubles(
        self, kind: Kind, held: Mapping[str, HeldObject], parents: Mapping[str, int]
    ) -> dict[str, list[Row]]:
        """Return rows with the name of an object of ours in the same place, whatever their
        idnumber.

        ``parents`` are Moodle's numbers of our categories by idnumber. Of cohorts, which lie in
        one place all, those with the same name.
        """
        places: dict[tuple[int, str], str] = {}
        for key, one in held.items():
            record = one.record
            if kind is Kind.CATEGORY:
                place = parents.get(getattr(record, "parent", ""), 0)
            else:
                place = parents.get(getattr(record, "category", ""), 0)
            name = getattr(record, "fullname", "") or getattr(record, "name", "")
            places[place, name] = key
        if kind is Kind.COHORT:
            rows = self.ask(lambda: self.moodle.cohorts_by_name([name for _place, name in places]))
            found = [((0, row["name"]), row) for row in rows]
        elif kind is Kind.CATEGORY:
            above = sorted({place for place, _name in places})
            rows = self.ask(lambda: self.moodle.categories_below(above))
            found = [((row["parent"], row["name"]), row) for row in rows]
        else:
            rows = [row for place, _name in places if place for row in self._courses_in(place)]
            found = [((row["categoryid"], row["fullname"]), row) for row in rows]
        result: dict[str, list[Row]] = {}
        seen = set()
        for where, row in found:
            if where not in places or row["id"] in seen:
                continue
            seen.add(row["id"])
            if row["id"] != held[places[where]].number:
                result.setdefault(places[where], []).append(row)
        return result

    def _courses_in(self, category: int) -> list[Row]:
        """Read a category once for all its courses that come one after another."""
        if category not in self._courses:
            while len(self._courses) > _REMEMBERED:
                self._courses.pop(next(iter(self._courses)))
            names = ("id", "categoryid", "fullname", "shortname", "idnumber", "visible")
            rows = self.ask(lambda: self.moodle.courses_in(category))
            self._courses[category] = [
                {name: row[name] for name in names if name in row} for row in rows
            ]
        return self._courses[category]

    def members(self, cohorts: Mapping[str, int]) -> dict[str, frozenset[int]]:
        """Return who is in each cohort, by Moodle's numbers; nothing of what cannot be read."""
        if not self._shows_members():
            return {}
        keys = {number: key for key, number in cohorts.items()}
        found = self._halving(
            list(keys),
            lambda some: self.moodle.cohort_members(some).items(),
            lambda some: None,
        )
        return {keys[number]: there for number, there in found if number in keys}

    def _shows_members(self) -> bool:
        if self._members_known is None:
            info = self.ask(self.moodle.site_info)
            names = {one["name"] for one in info["functions"]}
            self._members_known = Function.GET_COHORT_MEMBERS in names
        return self._members_known

    def roles(self, courses: Mapping[str, int]) -> dict[str, dict[int, frozenset[str]]]:
        """Return who is in each course with which roles; nothing of what cannot be read."""
        keys = {number: key for key, number in courses.items()}
        found = self._halving(
            list(keys),
            lambda some: self.moodle.roles_in_courses(some).items(),
            lambda some: None,
        )
        return {
            keys[number]: {
                user: frozenset(self.role_names.get(one, str(one)) for one in roles)
                for user, roles in people.items()
            }
            for number, people in found
        }
