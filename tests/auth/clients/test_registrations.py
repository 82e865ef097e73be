"""Clients registered while the provider runs: they count soon, everywhere, until disabled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.client import Client, hash_secret
from auth.clients.problems import Flaw, WrongFields
from auth.clients.registered import ClientRow, Clients, end_what_was_given, read_clients
from tests.auth.conftest import START, Clock, Person, Portal, StartPortal
from tests.relying_party import RelyingParty
from tests.waiting import until

ADDRESS = "https://library.example/back"


def register(portal: Portal, secret: str = "library-secret", **changes: Any) -> None:
    client = Client(
        client_id="library",
        client_secret_hash=hash_secret(secret),
        **{"redirect_uris": (ADDRESS,), "scopes": ("openid", "profile", "offline_access")}
        | changes,
    )
    with portal.session_factory.begin() as db:
        row = ClientRow(
            client_id="library", secret_hash=client.client_secret_hash, created_at=START
        )
        row.keep(client, START)
        db.add(row)


@contextmanager
def changing(portal: Portal) -> Iterator[tuple[ClientRow, Session]]:
    with portal.session_factory.begin() as db:
        row = db.get_one(ClientRow, "library")
        yield row, db
        row.touch(START)


def known(portal: Portal) -> bool:
    return "library" in portal.provider.context.clients


@pytest.fixture
def library(portal: Portal) -> RelyingParty:
    """Not registered yet."""
    return portal.client("library", redirect_uri=ADDRESS, scope="openid offline_access")


def test_a_client_of_the_console_signs_people_in_without_a_restart_in_every_process(
    portal: Portal, start_portal: StartPortal, library: RelyingParty, pupil: Person
) -> None:
    other = start_portal()
    assert [known(portal), known(other)] == [False, False]
    register(portal)
    until(lambda: known(portal) and known(other))
    page = pupil.visit(library)
    assert "https://library.example" in page.headers["Content-Security-Policy"]
    assert pupil.tokens(library)["access_token"]


def test_disabling_a_client_ends_its_tokens_and_shuts_it_out(
    portal: Portal, library: RelyingParty, pupil: Person
) -> None:
    register(portal)
    until(lambda: known(portal))
    tokens = pupil.tokens(library)
    assert library.userinfo(tokens["access_token"]).status_code == 200
    with changing(portal) as (row, db):
        row.disabled_at = START
        end_what_was_given(db, "library")
    assert library.userinfo(tokens["access_token"]).status_code == 401
    assert library.refresh(tokens["refresh_token"]).status_code in {400, 401}
    until(lambda: not known(portal))
    assert pupil(library.start().url).status == 400


def test_two_secrets_count_until_the_overlap_is_over(
    portal: Portal, library: RelyingParty, clock: Clock
) -> None:
    register(portal)
    with changing(portal) as (row, _):
        row.previous_secret_hash = row.secret_hash
        row.previous_secret_until = START + timedelta(hours=1)
        row.secret_hash = hash_secret("new-secret")
    until(lambda: known(portal))

    def accepted() -> list[bool]:
        asked = {"endpoint": "introspection_endpoint", "token": "any"}
        secrets = ("library-secret", "new-secret", "other")
        return [library.ask(**asked, client_secret=one).status_code == 200 for one in secrets]

    assert accepted() == [True, True, False]
    clock.forward(3600)
    assert accepted() == [False, True, False]


def test_two_changes_in_the_same_moment_are_both_seen(portal: Portal) -> None:
    register(portal)
    with portal.session_factory() as db:
        before = db.get_one(ClientRow, "library").version
    with portal.session_factory() as one:
        stale = one.get_one(ClientRow, "library")
        with portal.session_factory.begin() as other:
            other.get_one(ClientRow, "library").touch(START)
        stale.touch(START)
        one.commit()
    with portal.session_factory() as db:
        assert db.get_one(ClientRow, "library").version == before + 2


def test_the_settings_file_wins_over_the_console(
    session_factory: sessionmaker[Session], portal: Portal
) -> None:
    register(portal, name="of the console")
    configured = Client(client_id="library", client_secret="x", redirect_uris=(ADDRESS,), name="F")
    with session_factory() as db:
        assert read_clients(db, [configured], START).clients["library"].name == "F"


def test_a_row_that_no_longer_fits_shuts_out_nobody_else(portal: Portal) -> None:
    register(portal)
    with changing(portal) as (row, _):
        row.settings = row.settings | {"scopes": ["gone"], "a field of the past": 1}
    with portal.session_factory() as db:
        assert "library" not in read_clients(db, [], START).clients
    assert "moodle" in portal.provider.context.clients


def test_many_looks_in_a_second_are_one_query(session_factory: sessionmaker[Session]) -> None:
    statements: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(session_factory.kw["bind"], "before_cursor_execute", hear)
    clients = Clients((), session_factory, lambda: START, fresh_seconds=3600)
    for _ in range(100):
        assert clients.current.clients == {}
    event.remove(session_factory.kw["bind"], "before_cursor_execute", hear)
    assert len([one for one in statements if "auth_clients" in one]) == 2


def test_every_reason_is_told_at_its_field() -> None:
    with pytest.raises(WrongFields) as caught:
        Client(
            client_id="library",
            redirect_uris=("relative", "javascript:alert(1)"),
            scopes=("everything",),
            session_seconds=-1,
        )
    found = {(one.field, one.flaw) for one in caught.value.problems}
    assert found == {
        ("redirect_uris", Flaw.NOT_AN_ADDRESS),
        ("redirect_uris", Flaw.RUNS_AS_SCRIPT),
        ("scopes", Flaw.UNKNOWN),
        ("scopes", Flaw.WITHOUT_OPENID),
        ("session_seconds", Flaw.NEGATIVE),
    }


def test_every_departure_survives_its_row(portal: Portal) -> None:
    changed = Client(
        client_id="library",
        client_secret_hash=hash_secret("s"),
        redirect_uris=(ADDRESS,),
        name="Библиотека",
        scopes=("openid", "email"),
        token_endpoint_auth_methods=("client_secret_post",),
        require_pkce=True,
        roles=("teacher",),
        id_token_algorithm="ES256",
        ask_consent=True,
        ask_each_time=True,
        session_seconds=600,
        post_logout_redirect_uris=("https://library.example/bye",),
        backchannel_logout_uri="https://library.example/out",
    )
    secrets = {"client_id", "client_secret", "client_secret_hash", "previous_secret_hash"}
    names = {one.name for one in fields(Client)} - secrets
    kept = {name: getattr(changed, name) for name in names}
    register(portal, "s", **kept)
    with portal.session_factory() as db:
        assert db.get_one(ClientRow, "library").client(START) == changed
