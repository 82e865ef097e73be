"""Answers the provider's questions about people from our tables."""

from __future__ import annotations

import hmac

from sqlalchemy import Select, select

from auth.directory import Account
from service.application import Application
from service.models import Affiliation, Identity, KnownPerson, School
from service.passwords import first_password


class PeopleDirectory:
    """``auth.Directory`` over the known people: only who has an account in Moodle."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def by_username(self, username: str) -> Account | None:
        return self._find(select(KnownPerson).where(KnownPerson.username == username))

    def by_person_id(self, person_id: str) -> Account | None:
        return self._find(select(KnownPerson).where(KnownPerson.person_id == person_id))

    def _find(self, query: Select[KnownPerson]) -> Account | None:
        with self._application.sessions() as session:
            person = session.scalar(query.where(KnownPerson.moodle_id.is_not(None)))
            if person is None:
                return None
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
            school_code=person.school_code,
            school_name=school.short_name if school else "",
            district=school.district if school else "",
            class_title=person.class_title,
            roles=tuple(dict.fromkeys([*roles, person.role])),
            suspended=person.suspended,
        )

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
