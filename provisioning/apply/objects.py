"""Target, the Moodle that changes go to, and how a category, cohort, course or user reads there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from provisioning.apply.letting_go import NOT_GIVEN_BACK, let_go
from provisioning.apply.lost import LostAnswers
from provisioning.changes import Change, Kind
from provisioning.foreign_accounts import ADOPTS
from provisioning.moodle import (
    Function,
    MoodleClient,
    MoodleRefused,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.state import MOODLE_FIELDS

Record = Mapping[str, Any]
Row = Mapping[str, Any]


class MoodleIds(Protocol):
    """Moodle's numbers of what is there, as recorded from outcomes."""

    def get(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, int]:
        """The numbers of those ``keys`` that have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    moodle: MoodleClient
    ids: MoodleIds
    role_ids: Mapping[str, int]
    """By ``CourseRole`` value."""
    first_password: Callable[[str], str] | None
    """By person id; for ``manual`` accounts only."""
    lost: LostAnswers
    look_first: bool = False
    """A run before this one may have made things whose answers were lost."""
    note_doubt: Callable[[Sequence[Change]], None] = lambda _changes: None
    """Is told of creations whose answer was lost: Moodle may do them yet."""
    doubted: set[tuple[Kind, str]] = field(default_factory=set)
    """Kind and key of what an answer was lost about, in this run or one before."""
    _deleted: dict[int, bool] = field(default_factory=dict)

    def doubt(self, changes: Sequence[Change]) -> None:
        """Note that the answer about these creations was lost."""
        self.doubted.update((change.kind, change.key) for change in changes)
        self.note_doubt(changes)

    def is_deleted(self, user: int) -> bool:
        """Tell whether somebody deleted this account; Moodle is asked once for each. No where
        Moodle does not say."""
        if user not in self._deleted:
            try:
                self._deleted[user] = bool(self.moodle.deleted([user]))
            except (MoodleRefused, MoodleUnavailable):
                return False
        return self._deleted[user]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clash:
    """The reason why an object cannot be created."""

    code: str
    detail: str = ""
    account: Row | None = field(default=None, repr=False)
    """The account of somebody else that stands in the way."""


@dataclass(frozen=True, slots=True)
class _Calls:
    """What a client does with one kind of object."""

    create: Callable[[MoodleClient, Sequence[Record]], list[int]]
    update: Callable[[MoodleClient, Sequence[Record]], Mapping[int, str] | None]
    by_idnumber: Callable[[MoodleClient, Sequence[str]], Sequence[Row]]


class Objects:
    """One kind of object at one Moodle, for one batch of changes."""

    kind: ClassVar[Kind]
    calls: ClassVar[_Calls]
    words: ClassVar[Mapping[str, str]]
    """Moodle's word for each of our fields that Moodle knows."""
    reference: ClassVar[str] = ""
    """The field that names a category by its idnumber; Moodle wants its number."""

    def __init__(self, target: Target, changes: Sequence[Change]) -> None:
        self.moodle = target.moodle
        self.lost, self.doubt, self._doubted = target.lost, target.doubt, target.doubted
        self.look_first = target.look_first
        self.first_password = target.first_password
        self._numbers = target.ids.get(self.kind, [change.key for change in changes])
        referred = {change.after[self.reference] for change in changes if self.reference} - {""}
        self._categories = {"": 0, **target.ids.get(Kind.CATEGORY, sorted(referred))}

    def create(self, records: Sequence[Record]) -> list[int]:
        """Create the objects, all or none of them; return Moodle's numbers."""
        return self.calls.create(self.moodle, records)

    def update(self, records: Sequence[Record]) -> Mapping[int, str] | None:
        """Update the objects; return Moodle's code for each id refused, or None where it names
        none."""
        return self.calls.update(self.moodle, records)

    def number(self, change: Change) -> int | None:
        return self._numbers.get(change.key)

    def lacks_category(self, change: Change, names: Iterable[str]) -> bool:
        """Tell whether the change names a category that is missing, as its own change failed."""
        return self.reference in names and change.after[self.reference] not in self._categories

    def record(self, change: Change, names: Iterable[str]) -> dict[str, Any]:
        """The named fields of ``after`` in Moodle's words."""
        after = dict(change.after)
        if self.reference:
            after[self.reference] = self._categories.get(after[self.reference])
        # A change that an earlier version stored has no fields that are new since.
        return {self.words[name]: after[name] for name in names if name in after}

    def existing(self, changes: Sequence[Change]) -> dict[str, Row | Clash]:
        """What to adopt before a creation is even tried, as in ``find``.

        Nothing where Moodle refuses a second object with the same idnumber, unless one may be on
        its way: of two at the same moment Moodle refuses neither.
        """
        return self.find(changes) if self.look_first else {}

    def find(self, changes: Sequence[Change]) -> dict[str, Row | Clash]:
        """By key: the row that a creation is about, or why there cannot be one."""
        found = defaultdict(list)
        for row in self.calls.by_idnumber(self.moodle, [change.key for change in changes]):
            found[row["idnumber"]].append(row)
        return {key: self._only(key, rows) for key, rows in found.items()}

    def _only(self, key: str, rows: Sequence[Row]) -> Row | Clash:
        if len(rows) > 1 and (self.kind, key) not in self._doubted:
            return Clash(code="ambiguous_idnumber", detail=_ids(rows))
        # Of two that we made ourselves, the first; what comes of the other: ``doubles.py``.
        return min(rows, key=lambda row: int(row["id"]))

    def differences(self, change: Change, row: Row) -> dict[str, Any]:
        """The record, without ``id``, that makes ``row`` what the change wants; may be empty.

        Moodle leaves empty and hidden fields out of a row, so absent is taken for empty: a hidden
        field is written again rather than left wrong.
        """
        wanted = Objects.record(self, change, self.words)
        names = [
            name
            for name, word in self.words.items()
            if word in wanted and wanted[word] != row.get(word, "")
        ]
        return self.record(change, names) if names else {}

    def reason(self, change: Change, code: str) -> Clash:
        """Return why Moodle refused this one record: its ``code``, or a closer reason."""
        return Clash(code=code)


class Categories(Objects):
    kind = Kind.CATEGORY
    words: ClassVar = {"idnumber": "idnumber", "name": "name", "parent": "parent"}
    reference = "parent"
    calls = _Calls(
        MoodleClient.create_categories,
        MoodleClient.update_categories,
        MoodleClient.categories_by_idnumber,
    )


class Cohorts(Objects):
    kind = Kind.COHORT
    words: ClassVar = {"idnumber": "idnumber", "name": "name", "visible": "visible"}
    calls = _Calls(
        MoodleClient.create_cohorts, MoodleClient.update_cohorts, MoodleClient.cohorts_by_idnumber
    )

    def record(self, change: Change, names: Iterable[str]) -> dict[str, Any]:
        # Moodle wants every field to change one. Ours belong to the whole site, not to a category.
        system = {"type": "system", "value": ""}
        return {**super().record(change, self.words), "categorytype": system}


class Courses(Objects):
    kind = Kind.COURSE
    words: ClassVar = {
        "idnumber": "idnumber",
        "fullname": "fullname",
        "shortname": "shortname",
        "category": "categoryid",
        "visible": "visible",
    }
    reference = "category"
    calls = _Calls(
        MoodleClient.create_courses, MoodleClient.update_courses, MoodleClient.courses_by_idnumber
    )


class Users(Objects):
    kind = Kind.USER
    words: ClassVar = {"person_id": "idnumber", **{name: name for name in MOODLE_FIELDS}}
    calls = _Calls(
        MoodleClient.create_users,
        MoodleClient.update_users,
        lambda moodle, keys: moodle.users_by_field("idnumber", keys),
    )

    def create(self, records: Sequence[Record]) -> list[int]:
        """Create accounts, and then suspend: Moodle takes ``suspended`` in an update only."""
        numbers = self.moodle.create_users(
            [{word: record[word] for word in record if word != "suspended"} for record in records]
        )
        suspended = [
            {"id": number, "suspended": True}
            for number, record in zip(numbers, records, strict=True)
            if record["suspended"]
        ]
        if suspended and self.moodle.update_users(suspended):
            raise MoodleUncertain(Function.UPDATE_USERS, "not_suspended")
        return numbers

    def record(self, change: Change, names: Iterable[str]) -> dict[str, Any]:
        """Return the record, with the first password where Moodle keeps passwords."""
        record = super().record(change, names)
        if record.get("auth") == "manual":
            if self.first_password is None:
                raise ValueError("accounts with auth=manual need first_password")
            record["password"] = self.first_password(change.key)
            record["preferences"] = [{"type": "auth_forcepasswordchange", "value": 1}]
        return record

    def existing(self, changes: Sequence[Change]) -> dict[str, Row | Clash]:
        """Find accounts to adopt: Moodle would make a second one with the idnumber.

        And those that are people's by the word of a person, as far as nobody else has got them
        since. What was taken over and is not theirs after all is given back before.
        """
        kept = let_go(self.moodle, changes)
        found = super().find(changes)
        meant = {
            change.after[ADOPTS]["id"]: change
            for change in changes
            if change.after.get(ADOPTS) and change.key not in found
        }
        for row in self.moodle.users_by_field("id", list(meant)) if meant else ():
            change = meant.get(row["id"])
            if change and row.get("idnumber", "") == change.after[ADOPTS]["idnumber"]:
                found[change.key] = row
        for key, number in kept.items():  # it has our idnumber, and is somebody else's
            found[key] = Clash(code=NOT_GIVEN_BACK, detail=_ids([{"id": number}]))
        return found

    def differences(self, change: Change, row: Row) -> dict[str, Any]:
        """As for every object; who has an account by the word of a person keeps its password."""
        record = super().differences(change, row)
        if change.after.get(ADOPTS):
            record.pop("password", None)
            record.pop("preferences", None)
        return record

    def find(self, changes: Sequence[Change]) -> dict[str, Row | Clash]:
        """Find accounts by idnumber; one that only has our login is somebody else's.

        Whether that is the same human a person must decide, so the account is left as it is.
        """
        found = super().find(changes)
        missing = {
            change.after["username"]: change for change in changes if change.key not in found
        }
        if missing:
            for row in self.moodle.users_by_field("username", list(missing)):
                # MariaDB also finds names that only look alike.
                if change := missing.get(row["username"]):
                    found[change.key] = Clash(
                        code="username_taken", detail=_ids([row]), account=row
                    )
        return found

    def reason(self, change: Change, code: str) -> Clash:
        if rows := self.moodle.users_by_field("email", [change.after["email"]]):
            return Clash(
                code="email_taken", detail=_ids(rows), account=rows[0] if len(rows) == 1 else None
            )
        return Clash(code=code)


OBJECTS: Mapping[Kind, type[Objects]] = {
    objects.kind: objects for objects in (Categories, Cohorts, Courses, Users)
}


def _ids(rows: Sequence[Row]) -> str:
    """Moodle's numbers, by which its administrator finds the accounts."""
    return ", ".join(f"Moodle id {row['id']}" for row in rows)
