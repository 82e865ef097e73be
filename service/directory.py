"""Answers the provider's questions about people from our tables."""

from __future__ import annotations

import hmac
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from auth.directory import Account
from auth.directory import School as SchoolToChoose
from provisioning.matching import normalised_name
from service.application import Application
from service.models import Affiliation, Identity, KnownPerson, School
from service.ordering import natural
from service.passwords import first_password


class PeopleDirectory:
    """``auth.Directory`` over the known people: only who has an account in Moodle."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def by_username(self, username: str) -> Account | None:
        return self._find(select(KnownPerson).where(KnownPerson.username == username))

    def by_person_id(self, person_id: str) -> Account | None:
        return self._find(select(KnownPerson).where(KnownPerson.person_id == person_id))

    def by_snils(self, snils: str) -> list[Account]:
        if not snils:
            return []
        return self._find_all(
            select(KnownPerson)
            .join(Identity, Identity.person_id == KnownPerson.person_id)
            .where(Identity.snils == snils)
        )

    def by_name(
        self, family_name: str, given_name: str, middle_name: str, birth_date: date
    ) -> list[Account]:
        return self._find_all(
            select(KnownPerson)
            .join(Identity, Identity.person_id == KnownPerson.person_id)
            .where(
                Identity.name_key == normalised_name(family_name, given_name, middle_name),
                Identity.birth_date == birth_date,
            )
        )

    def _find(self, query: Select[KnownPerson]) -> Account | None:
        found = self._find_all(query)
        return found[0] if found else None

    def _find_all(self, query: Select[KnownPerson]) -> list[Account]:
        with self._application.sessions() as session:
            people = session.scalars(
                query.where(KnownPerson.moodle_id.is_not(None)).order_by(KnownPerson.person_id)
            )
            return [_account(session, person) for person in people.all()]

    def schools(self) -> list[SchoolToChoose]:
        with self._application.sessions() as session:
            schools = session.scalars(select(School)).all()
        return [
            SchoolToChoose(code=school.code, name=school.short_name, district=school.district)
            for school in sorted(schools, key=lambda school: natural(school.short_name))
        ]

    def check_first_password(self, person_id: str, typed: str) -> bool:
        """Compared with the password on the person's slip, in constant time."""
        with self._application.sessions() as session:
            person = session.get(KnownPerson, person_id)
            identity = session.get(Identity, person_id)
        if person is None or identity is None or person.birth_date is None:
            return False
        expected = first_password(
            self._application,
            person_id=person_id,
            birth_date=person.birth_date,
            generation=identity.password_generation,
        )
        return hmac.compare_digest(expected.encode(), typed.strip().encode())


def _account(session: Session, person: KnownPerson) -> Account:
    school = session.get(School, person.school_code)
    roles = session.scalars(
        select(Affiliation.role)
        .where(Affiliation.person_id == person.person_id)
        .order_by(Affiliation.school_code != person.school_code)
    ).all()
    return Account(
        person_id=person.person_id,
        username=person.username,
        email=person.email,
        given_name=person.given_name,
        family_name=person.family_name,
        middle_name=person.middle_name,
        birth_date=person.birth_date,
        snils=person.snils,
        school_code=person.school_code,
        school_name=school.short_name if school else "",
        district=school.district if school else "",
        class_id=person.class_id,
        class_title=person.class_title,
        roles=tuple(dict.fromkeys([*roles, person.role])),
        suspended=person.suspended,
    )
