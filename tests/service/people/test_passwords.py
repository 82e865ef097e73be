"""A reset lets the first password count again, and a random one is a new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.models import Credential, SignIn
from service.access import Forbidden, Scope
from service.application import Application
from service.models import AuditEntry
from service.people.passwords import KeptInMoodle, find_person, reset_password
from service.people.slips import slip_of
from tests.service.coverage_city import CITY, add_school
from tests.service.factories import add
from tests.service.slip_factories import (
    MOODLE,
    NOW,
    OF_OTHER_SCHOOL,
    OF_SCHOOL,
    add_person,
    choose_own_password,
    make_application,
)


@pytest.fixture
def application(session: Session, tmp_path: Path) -> Application:
    add_school(session, "1")
    add_school(session, "2")
    add_person(session, "a")
    choose_own_password(session, "a")
    return make_application(session.get_bind(), tmp_path, first="random")  # type: ignore[arg-type]


def reset(session: Session, application: Application, scope: Scope = OF_SCHOOL) -> None:
    reset_password(session, application.settings, scope, "48pa", NOW)


def first_password_of(session: Session, application: Application) -> str:
    slip = slip_of(session, application, CITY, find_person(session, CITY, "48pa"))
    assert slip is not None
    return slip.password


def test_a_reset_ends_the_own_password_and_every_sign_in(
    session: Session, application: Application
) -> None:
    add(session, SignIn, cookie_hash="c")
    assert first_password_of(session, application) == ""
    reset(session, application)
    assert session.scalars(select(Credential)).all() == []
    assert session.scalars(select(SignIn)).all() == []
    assert first_password_of(session, application) != ""


def test_each_reset_gives_another_random_password(
    session: Session, application: Application
) -> None:
    seen = set()
    for _ in range(3):
        reset(session, application)
        seen.add(first_password_of(session, application))
    assert len(seen) == 3


def test_a_birth_date_stays_the_first_password(
    session: Session, application: Application, tmp_path: Path
) -> None:
    by_birth_date = make_application(application.engine, tmp_path)
    reset(session, by_birth_date)
    assert first_password_of(session, by_birth_date) == "01092012"


def test_a_reset_is_written_down(session: Session, application: Application) -> None:
    reset(session, application)
    (entry,) = session.scalars(select(AuditEntry))
    assert (entry.actor, entry.action, entry.school_code) == ("anna", "password.reset", "1")
    assert entry.details == {"person_id": "a"}


def test_others_may_not_reset(session: Session, application: Application) -> None:
    with pytest.raises(Forbidden):
        reset(session, application, OF_OTHER_SCHOOL)
    assert len(session.scalars(select(Credential)).all()) == 1


@pytest.mark.parametrize("typed", ["48pa", " 48PA ", "48рa"])
def test_a_person_is_found_by_the_login_as_people_type_it(
    session: Session, application: Application, typed: str
) -> None:
    assert find_person(session, OF_SCHOOL, typed).person_id == "a"


@pytest.mark.parametrize("typed", ["", "48p", "48pa\x00", "%"])
def test_nobody_is_found_by_anything_else(
    session: Session, application: Application, typed: str
) -> None:
    with pytest.raises(Forbidden):
        find_person(session, CITY, typed)


def test_where_moodle_holds_the_password_the_reset_says_where(
    session: Session, application: Application, tmp_path: Path
) -> None:
    in_moodle = make_application(application.engine, tmp_path, kept_in="moodle")
    with pytest.raises(KeptInMoodle) as refused:
        reset(session, in_moodle)
    assert refused.value.values["address"] == f"{MOODLE}/user/editadvanced.php?id=1"
    assert len(session.scalars(select(Credential)).all()) == 1
