"""An application over a test's database, and people with identities to hand slips out to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from auth.models import Credential
from provisioning.settings import MoodleSettings, PasswordSettings
from service.access import Scope
from service.application import Application, make_secret
from service.db import make_session_factory
from service.models import Identity, KnownUser, OperatorRole
from service.settings import Settings
from tests.service import coverage_city

NOW = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)
MOODLE = "https://moodle.example.org"
OF_SCHOOL = Scope(actor="anna", role=OperatorRole.SCHOOL, items=frozenset({"1"}))
OF_OTHER_SCHOOL = Scope(actor="boris", role=OperatorRole.SCHOOL, items=frozenset({"2"}))


def make_application(engine: Engine, home: Path, **passwords: Any) -> Application:
    make_secret(home)
    settings = Settings(
        home=home,
        moodle=MoodleSettings(url=MOODLE),
        passwords=replace(PasswordSettings(), **passwords),
    )
    return Application(
        settings=settings, engine=engine, sessions=make_session_factory(engine), clock=lambda: NOW
    )


def add_person(session: Session, person_id: str, school: str = "1", **over: Any) -> KnownUser:
    """Somebody born on 1 September 2012, with an account, an identity and a place on the roll."""
    known = {"birth_date": date(2012, 9, 1), "username": f"48p{person_id}"} | over
    person = coverage_city.add_person(session, person_id, school, **known)
    session.add(
        Identity(
            person_id=person_id,
            username=person.username,
            family_name=person.family_name,
            given_name=person.given_name,
            name_key=person.family_name.lower(),
            birth_date=person.birth_date,
            school_code=school,
            reserved_at=NOW,
        )
    )
    session.flush()
    return person


def choose_own_password(session: Session, person_id: str) -> None:
    session.add(Credential(person_id=person_id, password_hash="argon2", changed_at=NOW))
    session.flush()
