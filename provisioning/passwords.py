"""First passwords, and what Moodle's password policy would say to them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date

from provisioning.settings import PasswordSettings

# Without letters and digits that are mistaken for each other on paper, and without Latin letters
# that a Cyrillic keyboard offers too (docs/facts/paragraf.md D1 tells of people who type the
# Cyrillic one).
_CAPITALS = "DFGJLNQRSVWZ"
_DIGITS = "23456789"
_LETTERS = "dfghjqrstvwz"
_SIGNS = _LETTERS + _DIGITS


def birth_date_password(birth_date: date) -> str:
    """Return the date as ``ДДММГГГГ``: leading zeros, no separators (docs/facts/paragraf.md D3)."""
    return f"{birth_date.day:02d}{birth_date.month:02d}{birth_date.year:04d}"


def random_password(secret: bytes, person_id: str, generation: int) -> str:
    """Return twelve readable characters in groups, e.g. ``Rdfg-7hts-z2vw``, with about 49 bits.

    Derived from ``secret``, so a slip can be printed again without the password being stored;
    the next ``generation`` is a new password. Moodle's default policy accepts every one of them.
    """
    message = f"first-password:{person_id}:{generation}".encode()
    rest = int.from_bytes(hmac.new(secret, message, hashlib.sha256).digest())
    password = ""
    for alphabet in (_CAPITALS, _LETTERS, *[_SIGNS] * 2, _DIGITS, *[_SIGNS] * 7):
        rest, index = divmod(rest, len(alphabet))
        password += alphabet[index]
    return f"{password[:4]}-{password[4:8]}-{password[8:]}"


def first_password(
    settings: PasswordSettings, *, person_id: str, birth_date: date, secret: bytes, generation: int
) -> str:
    """The password that goes onto the hand-out slip of a new account."""
    if settings.first == "birth_date":
        return birth_date_password(birth_date)
    return random_password(secret, person_id, generation)


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordPolicy:
    """Moodle's site policy, named and preset as Moodle does (docs/facts/moodle.md 5.10)."""

    minpasswordlength: int = 8
    minpassworddigits: int = 1
    minpasswordlower: int = 1
    minpasswordupper: int = 1
    minpasswordnonalphanum: int = 1


def moodle_policy_refusals(password: str, policy: PasswordPolicy) -> tuple[str, ...]:
    """The names of the policy settings that would refuse the password; empty if it is accepted."""
    found = {
        "minpasswordlength": len(password),
        "minpassworddigits": sum(sign.isdigit() for sign in password),
        "minpasswordlower": sum(sign.islower() for sign in password),
        "minpasswordupper": sum(sign.isupper() for sign in password),
        "minpasswordnonalphanum": sum(not sign.isalnum() for sign in password),
    }
    return tuple(name for name, count in found.items() if count < getattr(policy, name))
