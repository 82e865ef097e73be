"""An application over a test's database, and people with identities to hand slips out to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from provisioning.settings import MoodleSettings, PasswordSettings
from service.access import Scope
from service.application import Application, make_secret
from service.db import make_session_factory
from service.models import OperatorRole
from service.settings import Settings
from tests.service.factories import add_known_person as add_person
from tests.service.factories import choose_own_password

__all__ = ["add_person", "choose_own_password"]

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
