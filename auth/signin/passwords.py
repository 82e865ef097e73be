"""A person's own password: the rules children can meet, its hash, and where it is kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Credential, SignIn, table_of
from auth.signin.end_sign_ins import end_people

MAX_LENGTH = 200
"""Longer ones are refused before hashing, which would take long."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with the first parameter set of the OWASP password storage sheet: 19 MiB, 2 passes."""


class Problem(StrEnum):
    """Why a new password is refused; the page has a sentence for each."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    ONLY_DIGITS = "only_digits"
    BIRTH_DATE = "birth_date"
    LOGIN = "login"
    COMMON = "common"
    FIRST_PASSWORD = "first_password"  # noqa: S105 - the name of a problem
    DIFFERENT = "different"
    """The two typings differ."""
    STALE_FORM = "stale_form"
    """The form was made for another sign-in, or another site sent it."""


def find_problem(password: str, repeated: str, account: Account, min_length: int) -> Problem | None:
    """Return the first rule the new password breaks, or None. Length counts characters."""
    password, repeated = _normalise(password), _normalise(repeated)
    plain = password.casefold().strip()
    rules = (
        (Problem.TOO_SHORT, len(password) < min_length),
        (Problem.TOO_LONG, len(password) > MAX_LENGTH),
        (Problem.BIRTH_DATE, _is_birth_date(plain, account)),
        (Problem.ONLY_DIGITS, plain.isdigit()),
        (Problem.LOGIN, account.username.casefold() in plain),
        (Problem.COMMON, plain in _common_passwords() or len(set(plain)) < 4),
        (Problem.DIFFERENT, password != repeated),
    )
    return next((problem for problem, broken in rules if broken), None)


def _is_birth_date(plain: str, account: Account) -> bool:
    if account.birth_date is None:
        return False
    digits = "".join(character for character in plain if character.isdigit())
    forms = {account.birth_date.strftime(form) for form in ("%d%m%Y", "%Y%m%d")}
    return digits in forms and not any(character.isalpha() for character in plain)


@cache
def _common_passwords() -> frozenset[str]:
    """Read the passwords that children choose first, Russian words by either layout."""
    text = resources.files("auth.signin").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.split())


def hash_password(password: str) -> str:
    return _HASHER.hash(_normalise(password))


def verify_password(password_hash: str | None, typed: str) -> bool:
    """Tell whether ``typed`` fits. An empty hash takes as long as a real one and never fits."""
    if len(typed) > MAX_LENGTH:
        typed = ""
    try:
        _HASHER.verify(password_hash or _nobodys_hash(), _normalise(typed))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return bool(password_hash)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash("nobody")


def _normalise(password: str) -> str:
    """Return one text for one look: letters come composed or not, by keyboard (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


_HASH_OF = select(table_of(Credential).c.password_hash).where(
    table_of(Credential).c.person_id == bindparam("person_id")
)


def own_password_hash(session_factory: sessionmaker[Session], person_id: str) -> str | None:
    """Return the hash of the own password; None while the first password still counts."""
    with session_factory.kw["bind"].connect() as db:
        found: str | None = db.scalar(_HASH_OF, {"person_id": person_id})
    return found


def set_first_own_password(
    session_factory: sessionmaker[Session], person_id: str, password: str, now: datetime
) -> bool:
    """Store the person's own password and end all their sign-ins.

    False when one exists already: of two browsers with the first password, one wins.
    """
    hashed = hash_password(password)
    try:
        with session_factory.begin() as db:
            db.add(Credential(person_id=person_id, password_hash=hashed, changed_at=now))
            db.flush()
            db.execute(delete(SignIn).where(SignIn.person_id == person_id))
    except IntegrityError:
        return False
    return True


def forget_own_password(
    db: Session, person_id: str, clients: Mapping[str, Client], now: datetime
) -> None:
    """Let the first password count again (a school's reset), end all sign-ins, codes under way and
    tokens of the person, and note whom to tell."""
    db.execute(delete(Credential).where(Credential.person_id == person_id))
    end_people(db, [person_id], clients, now)
