"""People for the provider's tests: a dict that keeps the promises of ``auth.Directory``."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from auth.directory import Account, School

PUPIL = "6f2f2f4e-0000-4000-8000-000000000001"
TEACHER = "6f2f2f4e-0000-4000-8000-000000000002"


def make_account(**changes: Any) -> Account:
    values: dict[str, Any] = {
        "person_id": PUPIL,
        "username": "1234p5678",
        "email": "1234p5678@school.invalid",
        "given_name": "Ученик",
        "family_name": "Проверочный",
        "middle_name": "Образцович",
        "birth_date": date(2014, 3, 5),
        "school_code": "1001",
        "school_name": "Школа № 1",
        "district": "Учебный",
        "class_title": "5А",
        "roles": ("student",),
    }
    return Account(**values | changes)


def make_teacher(**changes: Any) -> Account:
    return make_account(
        **{
            "person_id": TEACHER,
            "username": "8765p4321",
            "email": "8765p4321@school.invalid",
            "middle_name": "",
            "birth_date": date(1980, 12, 31),
            "class_title": "",
            "roles": ("teacher", "administrator"),
        }
        | changes
    )


@dataclass
class People:
    """First passwords are birth dates, ``ДДММГГГГ``."""

    accounts: dict[str, Account] = field(default_factory=dict)
    """By person id."""

    @classmethod
    def of(cls, *accounts: Account) -> People:
        return cls({one.person_id: one for one in accounts})

    def add(self, account: Account) -> None:
        self.accounts[account.person_id] = account

    def by_username(self, username: str) -> Account | None:
        return next((a for a in self.accounts.values() if a.username == username), None)

    def by_person_id(self, person_id: str) -> Account | None:
        return self.accounts.get(person_id)

    def by_snils(self, snils: str) -> list[Account]:
        return [a for a in self.accounts.values() if snils and a.snils == snils]

    def by_name(
        self, family_name: str, given_name: str, middle_name: str, birth_date: date
    ) -> list[Account]:
        name = [one.casefold() for one in (family_name, given_name, middle_name)]
        return [
            a
            for a in self.accounts.values()
            if a.birth_date == birth_date
            and [one.casefold() for one in (a.family_name, a.given_name, a.middle_name)] == name
        ]

    def schools(self) -> list[School]:
        return [
            School(code="1001", name="Школа № 1", district="Учебный"),
            School(code="1002", name="Школа № 2", district="Учебный"),
            School(code="2001", name="Лицей № 3", district="Соседний"),
        ]

    def check_first_password(self, person_id: str, typed: str) -> bool:
        account = self.accounts.get(person_id)
        if account is None or account.birth_date is None:
            return False
        return hmac.compare_digest(f"{account.birth_date:%d%m%Y}".encode(), typed.encode())
