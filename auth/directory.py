"""Directory and OwnClass: what auth asks about people, answered by the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Account:
    """One human as the sign-in sees them. Its text form shows the identifier only."""

    person_id: str
    """The UUID that is Moodle's ``idnumber`` and our ``sub``."""
    username: str
    """The login, exactly as in Moodle: lower case."""
    email: str
    """Exactly the address Moodle holds: it is how Moodle finds the account
    (docs/facts/moodle.md 7.7)."""
    given_name: str
    family_name: str
    middle_name: str = ""
    birth_date: date | None = None
    """Compared with what a typed password or an outside identity says."""
    snils: str = ""
    """Eleven digits, or empty. Only to compare with an outside identity; never shown, never a
    key between systems."""
    school_code: str = ""
    school_name: str = ""
    district: str = ""
    class_id: str = ""
    """The school's identifier of the home class; the title may be another class's next year."""
    class_title: str = ""
    roles: tuple[str, ...] = ()
    """OneRoster words; the first one is the main role, kept in login events."""
    suspended: bool = False
    closes_on: date | None = None
    """While no school lists the person: the first day on which the account is closed."""
    password_resets: int = 0
    """The number of times the school let the first password count again."""

    def __repr__(self) -> str:
        return f"Account(person_id={self.person_id!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class School:
    """A school that somebody may say they belong to."""

    code: str
    name: str
    district: str


class Directory(Protocol):
    """The people who may sign in. Promises of an implementer: no writing, no personal data in
    exceptions, suspended people are returned as such."""

    def by_username(self, username: str) -> Account | None:
        """Return the person with this login; it comes normalised (``normalise_username``)."""

    def by_person_id(self, person_id: str) -> Account | None: ...

    def by_snils(self, snils: str) -> list[Account]:
        """Return everybody with these eleven digits: several only when a school mistyped."""

    def by_name(
        self, family_name: str, given_name: str, middle_name: str, birth_date: date
    ) -> list[Account]:
        """Return everybody in the city with this full name, written in any case and with «е» or
        «ё», and this birth date."""

    def schools(self) -> list[School]:
        """Return every school of the city, in the order people look for them."""

    def check_first_password(self, person_id: str, typed: str) -> bool:
        """Tell whether ``typed`` is the person's first password, compared in constant time.

        False when the person never had one. Not asked once a person has an own password.
        """


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Student:
    name: str
    username: str
    class_title: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Slip:
    """What one person is handed. It has no text form: nothing of it belongs into a log."""

    name: str
    group: str
    """Title of the class; for staff, the word for it."""
    school: str
    login: str
    login_advice: str
    """Advice on how to type the login."""
    password: str
    """The first password; empty once the person has set an own one."""
    password_advice: str
    """Advice on what becomes of the password, and where."""
    address: str
    """Where to sign in."""


class OwnClass(Protocol):
    """The classes that people lead. Promises of an implementer: each look at a slip and each reset
    is written down with its actor."""

    def students(self, person_id: str) -> Sequence[Student]:
        """Return those of the classes that this person leads now."""

    def reset(self, person_id: str, username: str) -> Slip | None:
        """Let the first password of one of these students count again. None, and nothing is done,
        for the login of anybody else."""
