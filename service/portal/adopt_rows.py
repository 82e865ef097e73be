"""Stored accounts of others: their states, and how a row and what is compared become each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from provisioning.adoption import Account
from provisioning.evidence import letters
from service.application import Application
from service.models import Adoption


class Shown(StrEnum):
    """What is so of an account (``Adoption.outcome``)."""

    READ = "read"
    """Not compared yet."""
    CERTAIN = "certain"
    """It is this person's; adopted with the yes to the list."""
    AGREED = "agreed"
    """The same, and somebody said yes."""
    QUESTION = "question"
    """Only a person can say."""
    NOBODY = "nobody"
    """None of the people without an account. It stays as it is."""
    LEFT_ALONE = "left_alone"
    """Of an administrator, a guest, a web service, or listed: never touched."""
    OURS = "ours"
    """It has been ours before."""
    ADOPTED = "adopted"
    """It is ours since the yes."""
    CHANGED = "changed"
    """Moodle or our side has changed since the look, so nothing was written; ``why`` says what."""


OPEN = (Shown.READ, Shown.CERTAIN, Shown.QUESTION, Shown.NOBODY)
"""What a comparison may still change, unless somebody has answered."""


class Hashes:
    """Keyed hashes, by which people and accounts find each other without their names."""

    def __init__(self, application: Application) -> None:
        self._key = application.derived_secret(b"adoption look-ups")

    def of(self, kind: str, text: str) -> str:
        """Return the hash of a text; empty for an empty one."""
        if not text:
            return ""
        return blake2b(f"{kind} {text}".encode(), key=self._key, digest_size=8).hexdigest()

    def name(self, family_name: str, other_names: str) -> str:
        """Return the hash of a full name by its letters."""
        return self.of("name", f"{letters(family_name)}|{letters(other_names)}")

    def columns(self, account: Account) -> dict[str, str]:
        """Return the columns by which an account is found."""
        return {
            "name_hash": self.name(account.lastname, account.firstname),
            "snils_hash": self.of("snils", account.snils),
            "idnumber_hash": self.of("idnumber", account.idnumber),
            "login_hash": self.of("login", account.username),
        }


def packed(account: Account) -> str:
    """Return an account as it is stored, encrypted."""
    values = {name: value for name, value in asdict(account).items() if value}
    born = values.pop("birth_date", None)
    if born:
        values["birth_date"] = born.isoformat()
    return json.dumps(values, ensure_ascii=False)


def unpacked(row: Adoption) -> Account:
    values: dict[str, Any] = json.loads(row.account)
    if "birth_date" in values:
        values["birth_date"] = date.fromisoformat(values["birth_date"])
    values["cohorts"] = tuple(values.get("cohorts", ()))
    return Account(**{"username": "", **values})


def candidates_of(row: Adoption) -> list[str]:
    """Return the person ids of a question, likeliest first."""
    return list(json.loads(row.candidates).get("people", ())) if row.candidates else []


def refused_of(row: Adoption) -> list[str]:
    """Return of whom a person said that the account is not theirs."""
    return list(json.loads(row.candidates).get("refused", ())) if row.candidates else []


def with_candidates(people: Iterable[str], refused: Sequence[str] = ()) -> str:
    values = {"people": list(people), "refused": list(refused)}
    return json.dumps({name: value for name, value in values.items() if value} or {})
