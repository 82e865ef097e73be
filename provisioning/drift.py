"""Drift: what differs between what we hold and what a look into Moodle found.

``compare`` looks at what was read only: what Moodle hides, or never shows, is unknown and no drift.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as kept
from enum import StrEnum
from typing import Any

from provisioning.changes import Kind
from provisioning.state import (
    MOODLE_FIELDS,
    CourseRole,
    MoodleCategory,
    MoodleCohort,
    MoodleCourse,
    MoodleUser,
)


class DriftKind(StrEnum):
    """What somebody did in Moodle by hand, or what a late answer of Moodle left behind."""

    ACCOUNT_DELETED = "account_deleted"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_REOPENED = "account_reopened"
    """We hold it suspended, and it is open."""
    ACCOUNT_RENAMED = "account_renamed"
    """One of its fields is another; ``Drift.field`` says which."""
    SECOND_ACCOUNT = "second_account"
    """Another account has the idnumber too."""
    OBJECT_DELETED = "object_deleted"
    """Objects are categories, cohorts and courses."""
    OBJECT_RENAMED = "object_renamed"
    OBJECT_MOVED = "object_moved"
    OBJECT_HIDDEN = "object_hidden"
    """It is hidden and should be seen, or the other way round."""
    OBJECT_DOUBLED = "object_doubled"
    """Another object has the idnumber, or the name in the same place, too."""
    MEMBER_GONE = "member_gone"
    MEMBER_ADDED = "member_added"
    ENROLMENT_GONE = "enrolment_gone"
    ENROLMENT_ADDED = "enrolment_added"
    ROLE_CHANGED = "role_changed"


UNKNOWN_FIELDS = ("middle_name", "birth_date", "snils", "role")
"""What we hold of a person and Moodle never tells (docs/facts/moodle.md 6.9)."""

BY_REMEDY = frozenset({DriftKind.SECOND_ACCOUNT, DriftKind.OBJECT_DOUBLED})
"""Kinds that no plan can repair: an administrator of Moodle has to."""

ADDED = frozenset({DriftKind.MEMBER_ADDED, DriftKind.ENROLMENT_ADDED})

PROPERTIES: Mapping[Kind, Mapping[str, DriftKind]] = {
    Kind.CATEGORY: {
        "name": DriftKind.OBJECT_RENAMED,
        "idnumber": DriftKind.OBJECT_RENAMED,
        "parent": DriftKind.OBJECT_MOVED,
    },
    Kind.COHORT: {
        "name": DriftKind.OBJECT_RENAMED,
        "idnumber": DriftKind.OBJECT_RENAMED,
        "visible": DriftKind.OBJECT_HIDDEN,
    },
    Kind.COURSE: {
        "fullname": DriftKind.OBJECT_RENAMED,
        "shortname": DriftKind.OBJECT_RENAMED,
        "idnumber": DriftKind.OBJECT_RENAMED,
        "category": DriftKind.OBJECT_MOVED,
        "visible": DriftKind.OBJECT_HIDDEN,
    },
}
"""The fields of an object that are compared, and what a difference is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    kind: DriftKind
    subject: Kind
    key: str
    """As ``Change.key``. Of somebody who is none of our people, ``moodle:NUMBER`` stands for the
    person id."""
    person_id: str = ""
    moodle_id: int | None = None
    """Moodle's number of what differs; of a double, that of the one which we do not use."""
    field: str = ""
    """The field that differs; of doubles and second accounts, Moodle's number of it."""
    ours: str = kept(default="", repr=False)
    theirs: str = kept(default="", repr=False)

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Return what names a drift among those that are open."""
        return (self.subject, self.key, self.kind, self.field)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldUser:
    number: int | None
    """Moodle's; None when the account is known to be gone."""
    user: MoodleUser


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldObject:
    number: int
    record: MoodleCategory | MoodleCohort | MoodleCourse


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What we hold of one part of a look."""

    users: Mapping[str, HeldUser] = kept(default_factory=dict)
    objects: Mapping[tuple[Kind, str], HeldObject] = kept(default_factory=dict)
    members: Mapping[str, frozenset[str]] = kept(default_factory=dict)
    """Cohort -> person ids."""
    roles: Mapping[str, Mapping[str, frozenset[str]]] = kept(default_factory=dict)
    """Course -> person id -> roles."""
    accounts: Mapping[int, str] = kept(default_factory=dict)
    """Moodle's number -> person id, of everybody who is named in the above or was found there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundAccount:
    number: int
    deleted: bool
    fields: Mapping[str, Any] = kept(repr=False)
    """By our names, ``person_id`` for the idnumber; what Moodle hides from us is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundObject:
    number: int
    fields: Mapping[str, Any]
    """By our names; a category that is none of ours is ``moodle:NUMBER``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What Moodle has of the same part. What is not in here was not read."""

    users: Mapping[str, FoundAccount] = kept(default_factory=dict)
    """By person id."""
    same_idnumber: Mapping[str, Sequence[FoundAccount]] = kept(default_factory=dict)
    """Person id -> every account that has it for its idnumber."""
    objects: Mapping[tuple[Kind, str], Sequence[FoundObject]] = kept(default_factory=dict)
    """The object itself and its doubles; nothing in the list: it was deleted."""
    members: Mapping[str, frozenset[int]] = kept(default_factory=dict)
    """Cohort -> Moodle's numbers."""
    roles: Mapping[str, Mapping[int, frozenset[str]]] = kept(default_factory=dict)
    """Course -> Moodle's number -> roles; a role that is none of ours by Moodle's number of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visible:
    """What our account sees of others, as the row of the guest tells, who is on every site."""

    details: bool
    addresses: bool
    names: bool = True
    """First and last name, and not only both in the one text that Moodle shows to people
    (docs/facts/moodle.md 6.10)."""

    @classmethod
    def of(cls, guest: Mapping[str, Any] | None) -> Visible | None:
        """Return it, or None when we do not even see the guest: then nothing is known of anybody.

        Empty fields are left out of an answer, so a field that is not there is empty or hidden
        (docs/facts/moodle.md 6.9).
        """
        if guest is None:
            return None
        return cls(
            details="username" in guest, addresses="email" in guest, names="firstname" in guest
        )

    def fields(self) -> tuple[str, ...]:
        """Return the fields that are empty where they are left out."""
        of_names = ["firstname", "lastname"]
        others = [one for one in MOODLE_FIELDS if one not in (*of_names, "email", "suspended")]
        return (
            *(of_names if self.names else []),
            *(others if self.details else []),
            *(["email"] if self.addresses else []),
        )


_HUSK = re.compile(r".+@.+\.\d{9,}")


def found_account(row: Mapping[str, Any], visible: Visible) -> FoundAccount:
    """Return an account of an answer. What is left of a deleted one has no address and no idnumber
    (docs/facts/moodle.md 5.8)."""
    fields: dict[str, Any] = {name: row.get(name, "") for name in visible.fields()}
    if "suspended" in row:
        fields["suspended"] = bool(row["suspended"])
    if not visible.names and "fullname" in row:
        fields[FULL_NAME] = row["fullname"]
    if visible.details:
        fields["person_id"] = row.get("idnumber", "")
    if visible.addresses:
        deleted = "@" not in row.get("email", "@")
    else:
        without = visible.details and not row.get("idnumber")
        deleted = without and bool(_HUSK.fullmatch(row.get("username", "")))
    return FoundAccount(number=int(row["id"]), deleted=deleted, fields=fields)


def compare(known: Known, found: Found) -> list[Drift]:
    """Return every difference between what we hold and what was found."""
    return [
        *(each for person_id in found.users for each in _of_user(known, found, person_id)),
        *(each for place in found.objects for each in _of_object(known, found, place)),
        *(each for cohort in found.members for each in _of_members(known, found, cohort)),
        *(each for course in found.roles for each in _of_roles(known, found, course)),
    ]


def _of_user(known: Known, found: Found, person_id: str) -> Iterator[Drift]:
    held, there = known.users[person_id], found.users[person_id]

    def drift(kind: DriftKind, **more: Any) -> Drift:
        about = {"moodle_id": held.number} | more
        return Drift(kind=kind, subject=Kind.USER, key=person_id, person_id=person_id, **about)

    for other in found.same_idnumber.get(person_id, ()):
        if other.number != held.number:
            yield drift(
                DriftKind.SECOND_ACCOUNT, moodle_id=other.number, field=str(other.number),
                theirs=other.fields.get("username", ""),
            )  # fmt: skip
    if there.deleted or held.number is None:
        yield drift(DriftKind.ACCOUNT_DELETED)
        return
    for name, theirs in there.fields.items():
        if name == FULL_NAME:
            ours = f"{held.user.firstname} {held.user.lastname}"
            if _is_other_name(ours, theirs):
                yield drift(DriftKind.ACCOUNT_RENAMED, field=name, ours=ours, theirs=theirs)
            continue
        ours = getattr(held.user, name)
        if name == "suspended":
            if theirs != ours:
                closed = DriftKind.ACCOUNT_SUSPENDED if theirs else DriftKind.ACCOUNT_REOPENED
                yield drift(closed)
        elif not _is_same(name, ours, theirs):
            yield drift(DriftKind.ACCOUNT_RENAMED, field=name, ours=ours, theirs=str(theirs))


FULL_NAME = "fullname"
"""Both names in one text, where Moodle shows our account no more than that."""


def _is_other_name(ours: str, theirs: str) -> bool:
    """Tell whether the shown name has a word that is not ours. Sites show names in any order, and
    some show only one."""
    return bool(set(theirs.split()) - set(ours.split()))


def _is_same(name: str, ours: str, theirs: str) -> bool:
    if name in ("username", "email"):
        return ours.lower() == theirs.lower()
    return ours == theirs


def _of_object(known: Known, found: Found, place: tuple[Kind, str]) -> Iterator[Drift]:
    kind, key = place
    held = known.objects[place]
    rows = {row.number: row for row in found.objects[place]}
    itself = rows.pop(held.number, None)
    if itself is None:
        yield Drift(
            kind=DriftKind.OBJECT_DELETED, subject=kind, key=key, moodle_id=held.number,
            ours=_name_of(kind, held.record),
        )  # fmt: skip
    else:
        for name, what in PROPERTIES[kind].items():
            ours = getattr(held.record, name)
            if name in itself.fields and itself.fields[name] != ours:
                yield Drift(
                    kind=what, subject=kind, key=key, moodle_id=held.number, field=name,
                    ours=_text(ours), theirs=_text(itself.fields[name]),
                )  # fmt: skip
    for number, row in rows.items():
        yield Drift(
            kind=DriftKind.OBJECT_DOUBLED, subject=kind, key=key, moodle_id=number,
            field=str(number), ours=_name_of(kind, held.record),
            theirs=row.fields[_NAMES[kind]],
        )  # fmt: skip


_NAMES = {Kind.CATEGORY: "name", Kind.COHORT: "name", Kind.COURSE: "fullname"}


def _name_of(kind: Kind, record: MoodleCategory | MoodleCohort | MoodleCourse) -> str:
    return str(getattr(record, _NAMES[kind]))


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _of_members(known: Known, found: Found, cohort: str) -> Iterator[Drift]:
    there = {_who(known, number): number for number in found.members[cohort]}
    numbers = _numbers(known)
    # Whose account is gone is told of the account, and not once more of each place.
    ours = {one for one in known.members.get(cohort, ()) if one in numbers}

    def drift(kind: DriftKind, who: str, number: int | None) -> Drift:
        return Drift(
            kind=kind, subject=Kind.MEMBER, key=f"{cohort}|{who}",
            person_id="" if who.startswith(STRANGER) else who, moodle_id=number,
        )  # fmt: skip

    for who in sorted(ours - there.keys()):
        yield drift(DriftKind.MEMBER_GONE, who, numbers[who])
    for who in sorted(there.keys() - ours):
        yield drift(DriftKind.MEMBER_ADDED, who, there[who])


STRANGER = "moodle:"


def _who(known: Known, number: int) -> str:
    return known.accounts.get(number) or f"{STRANGER}{number}"


def _numbers(known: Known) -> dict[str, int]:
    return {person_id: number for number, person_id in known.accounts.items()}


def _of_roles(known: Known, found: Found, course: str) -> Iterator[Drift]:
    there = {_who(known, number): roles for number, roles in found.roles[course].items()}
    numbers = _numbers(known)
    held = known.roles.get(course, {})
    ours = {who: roles for who, roles in held.items() if who in numbers}

    def drift(kind: DriftKind, who: str, role: str, **more: Any) -> Drift:
        stranger = who.startswith(STRANGER)
        return Drift(
            kind=kind, subject=Kind.ENROLMENT, key=f"{course}|{who}|{role}",
            person_id="" if stranger else who,
            moodle_id=int(who.removeprefix(STRANGER)) if stranger else numbers[who], **more,
        )  # fmt: skip

    for who in sorted(ours.keys() | there.keys()):
        # Somebody may be in a course without any role.
        has = there[who] or {""} if who in there else frozenset()
        gone, added = sorted(ours.get(who, frozenset()) - has), sorted(has - ours.get(who, set()))
        if gone and added and added != [""]:
            for role in gone:
                yield drift(
                    DriftKind.ROLE_CHANGED, who, role, field="role", ours=role,
                    theirs=", ".join(added),
                )  # fmt: skip
            continue
        for role in gone:
            yield drift(DriftKind.ENROLMENT_GONE, who, role, ours=role)
        for role in added:
            if not gone:
                yield drift(DriftKind.ENROLMENT_ADDED, who, role, theirs=role)


ROLES = frozenset(role.value for role in CourseRole)


def by_plan(kind: DriftKind, key: str, theirs: str = "") -> bool:
    """Tell whether a plan can bring Moodle back; else an administrator of Moodle has to.

    Strangers, and roles that are none of ours, are nothing that our plans speak of.
    """
    if kind in BY_REMEDY or f"|{STRANGER}" in key:
        return False
    if kind is DriftKind.ENROLMENT_ADDED:
        return theirs in ROLES
    return True
