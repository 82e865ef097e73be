"""People of the stand-in: the provisioned ones, made-up ones, and the public test accounts."""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.stored import from_json
from auth.directory import Account, Directory
from auth.esia.models import EsiaPerson
from auth.signin.phases import ESIA_AGE, PUPIL, is_under

TEST_PASSWORD = "11111111"  # noqa: S105 - public: of the test accounts of the real stand
SNILS_DIGITS = 11

_FIRST_PROVISIONED = 1_100_000_000
_PROVISIONED_OIDS = 800_000_000


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Profile:
    """What ЕСИА knows about one person. Its text form shows the oid only."""

    oid: int
    level: str
    """``simplified``, ``standard``, ``confirmed`` or ``child``."""
    last_name: str
    first_name: str
    middle_name: str = ""
    key: str = ""
    """The key of a made-up person on the sign-in page; empty for everybody else."""
    title: str = ""
    gender: str = ""
    birth_date: date | None = None
    birth_place: str = ""
    snils: str = ""
    inn: str = ""
    citizenship: str = ""
    self_employed: bool = False
    contacts: tuple[Mapping[str, Any], ...] = ()
    documents: tuple[Mapping[str, Any], ...] = ()
    addresses: tuple[Mapping[str, Any], ...] = ()
    vehicles: tuple[Mapping[str, Any], ...] = ()
    kids: tuple[str, ...] = ()
    """СНИЛС of the children: nothing else joins them to a login of their own."""
    organisations: tuple[int, ...] = ()
    """Oids of the organisations where the person works."""
    chief_of: tuple[int, ...] = ()
    admin_of: tuple[int, ...] = ()
    person_id: str = ""
    """The person id of a provisioned person; empty for made-up ones."""

    def __repr__(self) -> str:
        return f"Profile(oid={self.oid})"

    @property
    def confirmed(self) -> bool:
        return self.level == "confirmed"

    @property
    def shown_birth_date(self) -> str:
        return f"{self.birth_date:%d.%m.%Y}" if self.birth_date else ""

    @property
    def has_second_factor(self) -> bool:
        """Tell whether the person has a confirmed mobile phone, which can take a code."""
        return any(one["type"] == "MBT" and one["verified"] for one in self.contacts)

    @property
    def level_code(self) -> str:
        """Return the value of ``urn:esia:sbj:lvl`` (docs/facts/esia.md 8.1)."""
        return {"confirmed": "PR", "child": "KD"}.get(self.level, "P")


@dataclass(frozen=True, kw_only=True, slots=True)
class Organisation:
    oid: int
    short_name: str
    full_name: str
    type: str
    ogrn: str
    inn: str
    kpp: str
    phone: str = ""
    email: str = ""


@cache
def _made_up() -> dict[str, Any]:
    text = resources.files("auth.esia.people").joinpath("personas.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def personas() -> tuple[Profile, ...]:
    """Return the made-up people, in the order of the sign-in page."""
    return tuple(Profile(**from_json(Profile, person)) for person in _made_up()["people"])


@cache
def made_up_organisations() -> dict[int, Organisation]:
    return {one["oid"]: Organisation(**one) for one in _made_up()["organisations"]}


@cache
def test_accounts() -> dict[str, Profile]:
    """Return EsiaTest001@yandex.ru ... 016 by login, with the СНИЛС that integrators know.

    Their names and which of them has which level are ours (docs/facts/esia.md 9.2).
    """
    accounts = {}
    for number in range(1, 17):
        level = ("confirmed", "confirmed", "standard", "simplified")[number % 4]
        accounts[f"esiatest{number:03}@yandex.ru"] = Profile(
            oid=1_000_000_200 + number,
            level=level,
            last_name=f"Тестов{number:03}",
            first_name="Тест",
            middle_name="Тестович",
            gender="M",
            birth_date=date(1980, 1, number),
            snils=f"000-000-600 {number:02}",
            citizenship="RUS",
            contacts=(
                {"type": "EML", "value": f"EsiaTest{number:03}@yandex.ru", "verified": True},
            ),
        )
    return accounts


def check_test_account(username: str, password: str) -> Profile | None:
    """Return the public test account with this login, if the password is the public one."""
    profile = test_accounts().get(username.strip().lower())
    right = hmac.compare_digest(password.encode(), TEST_PASSWORD.encode())
    return profile if profile and right else None


class People:
    """Everybody the stand-in knows, by oid."""

    def __init__(
        self,
        directory: Directory,
        session_factory: sessionmaker[Session],
        *,
        test_people: bool,
    ) -> None:
        self._directory = directory
        self._session_factory = session_factory
        known = (*personas(), *test_accounts().values()) if test_people else ()
        self._made_up = {profile.oid: profile for profile in known}
        self._by_snils = {profile.snils: profile for profile in known if profile.snils}

    @property
    def choices(self) -> list[Profile]:
        """Return the people who can be picked on the sign-in page."""
        return [profile for profile in self._made_up.values() if profile.key]

    def by_key(self, key: str) -> Profile | None:
        return next((one for one in self.choices if one.key == key), None)

    def by_snils(self, snils: str, today: date) -> Profile | None:
        """Return the one provisioned person with this СНИЛС, else the made-up one.

        Of several provisioned people with one number none is returned: a school mistyped it.
        """
        digits = "".join(filter(str.isdigit, snils))
        found = [one for one in self._directory.by_snils(digits) if not one.suspended]
        if len(found) == 1:
            return self.of_account(found[0], today)
        return self._by_snils.get(snils)

    def employees(self, organisation: int) -> list[Profile]:
        """Return the made-up people who work at the organisation."""
        return [one for one in self._made_up.values() if organisation in one.organisations]

    def by_oid(self, oid: int, today: date) -> Profile | None:
        """Return the person; None when unknown, or when the account was suspended since."""
        if oid in self._made_up:
            return self._made_up[oid]
        with self._session_factory() as db:
            person_id = db.scalar(select(EsiaPerson.person_id).where(EsiaPerson.oid == oid))
        account = self._directory.by_person_id(person_id) if person_id else None
        if account is None or account.suspended:
            return None
        return _profile_of(account, oid, today)

    def of_account(self, account: Account, today: date) -> Profile:
        """Return the profile of a provisioned person, who gets an oid now if there was none."""
        return _profile_of(account, self._oid_of(account.person_id), today)

    def _oid_of(self, person_id: str) -> int:
        """Return an oid derived from the person's UUID; the next free one when two would be
        equal."""
        derived = int.from_bytes(hashlib.sha256(person_id.encode()).digest()[:8], "big")
        attempt = 0
        while True:
            with self._session_factory() as db:
                if person := db.get(EsiaPerson, person_id):
                    return person.oid
            oid = _FIRST_PROVISIONED + (derived + attempt) % _PROVISIONED_OIDS
            try:
                with self._session_factory.begin() as db:
                    db.add(EsiaPerson(person_id=person_id, oid=oid))
            except IntegrityError:
                attempt += 1  # somebody else's oid, or another process gave ours just now


def _profile_of(account: Account, oid: int, today: date) -> Profile:
    """Return a child's account for a student under fourteen, a confirmed one for all others."""
    is_child = PUPIL in account.roles and is_under(ESIA_AGE, account.birth_date, today)
    return Profile(
        oid=oid,
        level="child" if is_child else "confirmed",
        last_name=account.family_name,
        first_name=account.given_name,
        middle_name=account.middle_name,
        birth_date=account.birth_date,
        snils=_spelled(account.snils),
        person_id=account.person_id,
    )


def _spelled(digits: str) -> str:
    """Return a СНИЛС as ЕСИА writes it, ``000-000-600 06``; empty unless of eleven digits."""
    if len(digits) != SNILS_DIGITS:
        return ""
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:9]} {digits[9:]}"
