"""Answers the provider's questions about people from our tables."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, bindparam, select

from auth.directory import Account
from auth.directory import School as SchoolToChoose
from provisioning.matching import normalised_name
from provisioning.person_states import LISTED
from service.application import Application
from service.models import Identity, KnownUser, School, SchoolMembership
from service.ordering import natural
from service.people.passwords import first_password

_PEOPLE, _IDENTITIES = KnownUser.__table__, Identity.__table__
_OWN_FIELDS = (
    "person_id", "username", "email", "given_name", "family_name", "middle_name", "birth_date",
    "snils", "school_code", "class_id", "class_title", "suspended",
)  # fmt: skip
"""Of ``KnownUser``, as ``Account`` has them."""

_WITH_ACCOUNT = (
    select(
        *(_PEOPLE.c[name] for name in _OWN_FIELDS),
        _PEOPLE.c.role,
        _PEOPLE.c.state,
        _PEOPLE.c.away_since,
        School.short_name,
        School.district,
        SchoolMembership.role.label("listed_role"),
        _IDENTITIES.c.password_generation,
    )
    .outerjoin(_IDENTITIES, _IDENTITIES.c.person_id == _PEOPLE.c.person_id)
    .outerjoin(School, School.code == _PEOPLE.c.school_code)
    .outerjoin(
        SchoolMembership,
        (SchoolMembership.person_id == _PEOPLE.c.person_id) & SchoolMembership.confirmed,
    )
    .where(_PEOPLE.c.moodle_id.is_not(None))
    .order_by(
        _PEOPLE.c.person_id,
        SchoolMembership.school_code != _PEOPLE.c.school_code,
        SchoolMembership.school_code,
    )
)
"""The person's own school comes first. Built once, since each sign-in asks several times."""

_BY_USERNAME = _WITH_ACCOUNT.where(_PEOPLE.c.username == bindparam("username"))
_BY_PERSON_ID = _WITH_ACCOUNT.where(_PEOPLE.c.person_id == bindparam("person_id"))
_BY_SNILS = _WITH_ACCOUNT.where(_IDENTITIES.c.snils == bindparam("snils"))
_BY_NAME = _WITH_ACCOUNT.where(
    _IDENTITIES.c.name_key == bindparam("name_key"),
    _IDENTITIES.c.birth_date == bindparam("birth_date"),
)


class PeopleDirectory:
    """``auth.Directory`` over the known people: only who has an account in Moodle."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def by_username(self, username: str) -> Account | None:
        return next(iter(self._find(_BY_USERNAME, username=username)), None)

    def by_person_id(self, person_id: str) -> Account | None:
        return next(iter(self._find(_BY_PERSON_ID, person_id=person_id)), None)

    def by_snils(self, snils: str) -> list[Account]:
        return self._find(_BY_SNILS, snils=snils) if snils else []

    def by_name(
        self, family_name: str, given_name: str, middle_name: str, birth_date: date
    ) -> list[Account]:
        name_key = normalised_name(family_name, given_name, middle_name)
        return self._find(_BY_NAME, name_key=name_key, birth_date=birth_date)

    def _find(self, query: Select[Any], **values: object) -> list[Account]:
        with self._application.engine.connect() as connection:
            rows = connection.execute(query, values).all()
        return [
            self._account(tuple(lines))
            for _, lines in groupby(rows, key=lambda row: str(row.person_id))
        ]

    def _account(self, rows: Sequence[Row[Any]]) -> Account:
        """Make an account of a person's rows, one for each school that lists them."""
        person = rows[0]
        roles = [row.listed_role for row in rows if row.listed_role]
        return Account(
            **dict(zip(_OWN_FIELDS, person, strict=False)),
            school_name=person.short_name or "",
            district=person.district or "",
            roles=tuple(dict.fromkeys([*roles, person.role])),
            closes_on=self._closes_on(person),
            password_resets=person.password_generation or 0,
        )

    def _closes_on(self, person: Row[Any]) -> date | None:
        if person.state in LISTED or person.suspended or person.away_since is None:
            return None
        days = timedelta(days=self._application.settings.people.transit_days)
        closes: datetime = person.away_since + days
        return closes.astimezone(self._application.zone).date()

    def schools(self) -> list[SchoolToChoose]:
        with self._application.sessions() as session:
            schools = session.scalars(select(School)).all()
        return [
            SchoolToChoose(code=school.code, name=school.short_name, district=school.district)
            for school in sorted(schools, key=lambda school: natural(school.short_name))
        ]

    def check_first_password(self, person_id: str, typed: str) -> bool:
        """Compare with the password on the person's slip, in constant time."""
        with self._application.sessions() as session:
            person = session.get(KnownUser, person_id)
            identity = session.get(Identity, person_id)
        if person is None or identity is None or person.birth_date is None:
            return False
        born, generation = person.birth_date, identity.password_generation
        expected = first_password(self._application, person_id, born, generation)
        return hmac.compare_digest(expected.encode(), typed.strip().encode())
