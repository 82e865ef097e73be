"""A class teacher resets passwords of the own class, and nobody else's; others reset nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from auth.models import Credential, SignIn
from auth.settings import AuthSettings
from auth.signin.passwords import hash_password
from provisioning.settings import PasswordSettings
from service.models import ClassTeacher
from service.web import create_app
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import NOW, add_known_person, add_school, choose_own_password
from tests.service.trial import A, Trial, make_class, pupils, teacher

OWN = "зимний жираф"


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """``lead`` leads 8А of school 1; ``sub`` teaches a subject; ``far`` is of another class."""
    console = make_console(
        tmp_path,
        auth=AuthSettings(class_teacher_resets=True),
        passwords=PasswordSettings(first="random"),
    )
    with console.rows() as rows:
        add_school(rows, "1")
        add_school(rows, "2")
        for name in ("lead", "sub"):
            add_known_person(rows, name, "1", role="teacher")
        add_known_person(rows, "ann", "1", family_name="Ученикова")
        add_known_person(rows, "far", "1", class_id="c-9b", class_title="9Б", family_name="Дальний")
        add_known_person(rows, "other", "2", family_name="Чужой")
        rows.add(ClassTeacher(school_code="1", class_id="c-8a", person_id="lead"))
        rows.add(ClassTeacher(school_code="1", class_id="c-9b", person_id="gone"))
        # A mistake in a roll: a pupil leads a class.
        add_known_person(rows, "ten", "1", class_id="c-10", class_title="10А")
        rows.add(ClassTeacher(school_code="1", class_id="c-10", person_id="ann"))
        for name in ("lead", "sub", "ann", "far", "other"):
            choose_own_password(rows, name, password_hash=hash_password(OWN))
    return console


def signed_in(console: ConsoleUnderTest, person: str) -> FlaskClient:
    client = console.app.test_client()
    token = form_token(client.get("/auth/login"))
    fields = {"form_token": token, "username": f"48p{person}", "password": OWN}
    assert client.post("/auth/login", data=fields).status_code == 303
    return client


def form_token(page: TestResponse) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found
    return found[1]


def reset(client: FlaskClient, person: str, token: str = "") -> TestResponse:
    if not token:
        page = client.get("/auth/class")
        token = form_token(page) if page.status_code == 200 else "none"
    return client.post("/auth/class", data={"form_token": token, "login": f"48p{person}"})


def own_passwords(console: ConsoleUnderTest) -> set[str]:
    with console.rows() as rows:
        return set(rows.scalars(select(Credential.person_id)))


def test_the_class_teacher_sees_the_class_and_resets_a_password(console: ConsoleUnderTest) -> None:
    signed_in(console, "ann")
    client = signed_in(console, "lead")
    assert "Мой класс" in client.get("/auth/").text
    page = client.get("/auth/class").text
    names = [name for name in ("Ученикова", "Дальний", "Чужой") if name in page]
    assert names == ["Ученикова"]
    slip = reset(client, "ann")
    assert slip.status_code == 200
    assert "48pann" in slip.text
    assert slip.headers["Cache-Control"] == "no-store"
    assert "ann" not in own_passwords(console)
    with console.rows() as rows:
        assert "ann" not in set(rows.scalars(select(SignIn.person_id)))
    assert [(e.actor, e.action, e.school_code) for e in console.audit()] == [
        ("person:lead", "password.reset", "1"),
        ("person:lead", "slip.show", "1"),
    ]


@pytest.mark.parametrize("pupil", ["far", "other", "lead", "sub", "nobody"])
def test_nobody_of_another_class_is_reset(console: ConsoleUnderTest, pupil: str) -> None:
    before = own_passwords(console)
    assert reset(signed_in(console, "lead"), pupil).status_code == 404
    assert own_passwords(console) == before


@pytest.mark.parametrize("person", ["sub", "ann", "other"])
def test_whoever_leads_no_class_has_no_such_page(console: ConsoleUnderTest, person: str) -> None:
    client = signed_in(console, person)
    assert "Мой класс" not in client.get("/auth/").text
    assert client.get("/auth/class").status_code == 404
    token = form_token(client.get("/auth/logout"))
    assert reset(client, "ann", token).status_code == 404
    assert "ann" in own_passwords(console)


def test_a_teacher_who_left_the_school_leads_nothing(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        add_known_person(rows, "gone", "2", role="teacher")
        choose_own_password(rows, "gone", password_hash=hash_password(OWN))
    assert signed_in(console, "gone").get("/auth/class").status_code == 404


def test_a_form_of_another_site_resets_nothing(console: ConsoleUnderTest) -> None:
    answer = reset(signed_in(console, "lead"), "ann", "forged")
    assert answer.status_code == 400
    assert "ann" in own_passwords(console)


def test_a_sign_in_of_a_while_ago_is_not_enough(console: ConsoleUnderTest) -> None:
    client = signed_in(console, "lead")
    with console.rows() as rows:
        rows.query(SignIn).update({"auth_time": NOW - timedelta(minutes=16)})
    for answer in (client.get("/auth/class"), reset(client, "ann", "any")):
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith("/auth/login")
    assert console.app.test_client().get("/auth/class").status_code == 303


def test_by_default_class_teachers_reset_nothing(console: ConsoleUnderTest, tmp_path: Path) -> None:
    settings = replace(console.application.settings, auth=AuthSettings())
    application = replace(console.application, settings=settings)
    closed = replace(console, app=create_app(application, queue=console.queue))
    assert signed_in(closed, "lead").get("/auth/class").status_code == 404


def test_the_roll_says_who_leads_a_class(trial: Trial) -> None:
    people = [*pupils("a", 3), teacher("a-t"), teacher("a-u")]
    for day, leader in enumerate(("a-t", "a-u", None)):
        one = make_class(teacher_id=leader)
        trial.sync(trial.write(A, people, day=day, classes=[one]))
        expected = [("c-1", trial.person_id(A, leader))] if leader else []
        leaders = trial.stored(select(ClassTeacher.class_id, ClassTeacher.person_id))
        assert leaders == expected
