"""A reset and a suspension end what the person has everywhere, and applications hear of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.clients.client import Client
from auth.models import AuthorizationCode, Grant, LogoutNotice, SignIn
from auth.settings import AuthSettings
from service.application import Application
from service.db import transaction
from service.people.passwords import reset_password
from tests.service.factories import add
from tests.service.installation import SCOPE
from tests.service.trial import NOW, A, Trial, make_trial, pupils

CLIENTS = tuple(
    Client(
        client_id=name,
        client_secret="secret",
        redirect_uris=(f"https://{name}.example/callback",),
        backchannel_logout_uri=told,
    )
    for name, told in (("diary", "https://diary.example/signed-out"), ("moodle", ""))
)
ROWS = pupils("a", 12)


def with_clients(application: Application) -> None:
    settings = replace(application.settings, auth=AuthSettings(clients=CLIENTS))
    application.settings = settings


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Trial]:
    """A loaded school whose first two pupils are signed in to two applications."""
    with make_trial(tmp_path, configure=with_clients) as trial:
        trial.sync(trial.write(A, ROWS))
        with transaction(trial.application.sessions) as session:
            for key in ("a-1", "a-2"):
                person_id = trial.person_id(A, key)
                common = {"person_id": person_id, "sid": key, "expires_at": NOW.replace(year=2099)}
                add(session, SignIn, cookie_hash=key, **common)
                code = {"scope": "openid offline_access", **common}
                for client in ("diary", "moodle"):
                    add(session, Grant, grant_id=f"{key} {client}", client_id=client, **code)
                add(session, AuthorizationCode, code_hash=key, **code)
        yield trial


def left(trial: Trial) -> dict[str, list[str]]:
    """Whose rows of each kind there are."""
    names = {trial.person_id(A, key): key for key in ("a-1", "a-2")}
    with trial.application.sessions() as session:
        return {
            table.__tablename__: sorted(
                names[one] for one in session.scalars(select(table.person_id))
            )
            for table in (SignIn, AuthorizationCode, Grant)
        }


def notices(trial: Trial) -> list[tuple[str, str, str]]:
    with trial.application.sessions() as session:
        rows = session.scalars(select(LogoutNotice))
        return [(row.client_id, row.person_id, row.sid) for row in rows]


ONLY_THE_OTHER = {
    "auth_sign_ins": ["a-2"],
    "auth_codes": ["a-2"],
    "auth_grants": ["a-2", "a-2"],
}


def test_a_reset_of_the_password_is_told_to_applications(school: Trial) -> None:
    application = school.application
    with transaction(application.sessions) as session:
        login = school.account(A, "a-1")["username"]
        reset_password(session, application.settings, SCOPE, login, NOW)
    assert left(school) == ONLY_THE_OTHER
    assert notices(school) == [("diary", school.person_id(A, "a-1"), "a-1")]


def test_a_suspension_by_a_load_is_told_to_applications(school: Trial) -> None:
    school.sync(school.write(A, ROWS[1:], day=1))
    assert school.account(A, "a-1")["suspended"]
    assert left(school) == ONLY_THE_OTHER
    assert notices(school) == [("diary", school.person_id(A, "a-1"), "a-1")]


def test_another_load_ends_nothing(school: Trial) -> None:
    school.sync(school.write(A, ROWS, day=1))
    assert notices(school) == []
    assert left(school)["auth_sign_ins"] == ["a-1", "a-2"]
