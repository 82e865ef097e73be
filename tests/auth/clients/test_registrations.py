"""Clients registered while the provider runs: they count soon, everywhere, until disabled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.client import Client, hash_secret
from auth.clients.problems import Flaw, WrongFields
from auth.clients.registered import (
    ClientRow,
    Clients,
    end_what_was_given,
    read_clients,
)
from tests.auth.conftest import START, Clock, Portal, Visit
from tests.relying_party import Browser, RelyingParty
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


def known(portal: Portal) -> bool:
    return "library" in portal.provider.context.clients


def library(portal: Portal, secret: str = "library-secret") -> RelyingParty:
    return portal.client(
        "library", client_secret=secret, redirect_uri=ADDRESS, scope="openid offline_access"
    )


@pytest.fixture
def other(portal: Portal, start_portal: Callable[..., Portal]) -> Portal:
    """Another process of the same installation."""
    return start_portal()


def test_a_client_of_the_console_signs_people_in_without_a_restart_in_every_process(
    portal: Portal, other: Portal, browser: Browser, pupil: Visit
) -> None:
    assert not known(portal)
    assert not known(other)
    register(portal)
    until(lambda: known(portal) and known(other))
    page = browser.open(library(portal).start().url)
    assert "https://library.example" in page.headers["Content-Security-Policy"]
    start = library(portal).start()
    answer = library(portal).redeem(pupil(start.url).parameters["code"], start)
    assert answer.status_code == 200, answer.text


def test_disabling_a_client_ends_its_tokens_and_shuts_it_out(portal: Portal, pupil: Visit) -> None:
    register(portal)
    until(lambda: known(portal))
    party = library(portal)
    start = party.start()
    tokens = party.redeem(pupil(start.url).parameters["code"], start).json()
    assert party.userinfo(tokens["access_token"]).status_code == 200
    with portal.session_factory.begin() as db:
        row = db.get_one(ClientRow, "library")
        row.disabled_at = START
        row.touch(START)
        end_what_was_given(db, "library")
    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.refresh(tokens["refresh_token"]).status_code in {400, 401}
    until(lambda: not known(portal))
    assert pupil(party.start().url).status == 400


def test_two_secrets_count_until_the_overlap_is_over(portal: Portal, clock: Clock) -> None:
    register(portal)
    with portal.session_factory.begin() as db:
        row = db.get_one(ClientRow, "library")
        row.previous_secret_hash = row.secret_hash
        row.previous_secret_until = START + timedelta(hours=1)
        row.secret_hash = hash_secret("new-secret")
        row.touch(START)
    until(lambda: known(portal))

    def accepted() -> list[bool]:
        tried = (library(portal, secret) for secret in ("library-secret", "new-secret", "other"))
        return [one.ask("introspection_endpoint", token="any").status_code == 200 for one in tried]

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
    with portal.session_factory.begin() as db:
        row = db.get_one(ClientRow, "library")
        row.settings = row.settings | {"scopes": ["gone"], "a field of the past": 1}
        row.touch(START)
    with portal.session_factory() as db:
        assert "library" not in read_clients(db, [], START).clients
    assert "moodle" in portal.provider.context.clients


@pytest.fixture
def statements(session_factory: sessionmaker[Session]) -> Iterator[list[str]]:
    engine = session_factory.kw["bind"]
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        heard.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    yield heard
    event.remove(engine, "before_cursor_execute", hear)


def test_many_looks_in_a_second_are_one_query(
    session_factory: sessionmaker[Session], statements: list[str]
) -> None:
    clients = Clients((), session_factory, lambda: START, fresh_seconds=3600)
    for _ in range(100):
        assert clients.current.clients == {}
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
    values = {f.name: getattr(changed, f.name) for f in fields(Client)}
    kept = {
        name: value
        for name, value in values.items()
        if name not in {"client_id", "client_secret", "client_secret_hash", "previous_secret_hash"}
    }
    register(portal, "s", **kept)
    with portal.session_factory() as db:
        assert db.get_one(ClientRow, "library").client(START) == changed
