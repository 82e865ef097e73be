"""Applications hear of sign-outs through the worker, however badly they listen at first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from auth.clients.client import Client, hash_secret
from auth.clients.registered import ClientRow
from auth.models import LogoutNotice
from auth.settings import AuthSettings
from service.application import Application
from service.db import transaction
from service.queue import JobQueue
from service.signin import provider
from service.signin.provider import tell_signed_out
from tests.service.installation import installation
from tests.web import running_handler

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


class Diary(BaseHTTPRequestHandler):
    """An application that listens for sign-outs."""

    status = 200
    heard: list[str]
    drips = False
    over: threading.Event
    address: str

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.heard.append(parse_qs(body)["logout_token"][0])
        with suppress(OSError):
            while self.drips and not self.over.wait(0.05):
                self.wfile.write(b"H")
        if not self.drips:
            self.send_response(self.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()


@pytest.fixture
def diary() -> Iterator[type[Diary]]:
    diary = type("Handler", (Diary,), {"heard": [], "over": threading.Event()})
    with running_handler(diary) as address:
        diary.address = f"{address}/signed-out"
        yield diary
        diary.over.set()


def with_clients(application: Application, *clients: Client) -> Application:
    settings = replace(application.settings, auth=AuthSettings(clients=clients))
    return replace(application, settings=settings)


@pytest.fixture
def application(tmp_path: Path, diary: type[Diary]) -> Iterator[Application]:
    """One of its people has just signed out."""
    client = Client(
        client_id="diary",
        client_secret="secret",
        redirect_uris=("https://diary.example/callback",),
        backchannel_logout_uri=diary.address,
    )
    with installation(tmp_path) as application:
        notice = LogoutNotice(
            client_id="diary",
            person_id="6f2f2f4e-0000-4000-8000-000000000001",
            sid="a" * 64,
            next_try_at=START,
            expires_at=START + timedelta(days=1),
        )
        with transaction(application.sessions) as session:
            session.add(notice)
        yield replace(with_clients(application, client), clock=lambda: START)


def notices(application: Application) -> int:
    with application.sessions() as session:
        return session.query(LogoutNotice).count()


@pytest.mark.parametrize("status", [200, 204])
def test_an_application_that_takes_the_notice_is_told_once(
    application: Application, diary: type[Diary], status: int
) -> None:
    diary.status = status
    for _ in range(2):
        tell_signed_out(application)
    assert (len(diary.heard), notices(application)) == (1, 0)


@pytest.mark.parametrize("status", [400, 500, 302])
def test_an_application_that_refuses_is_told_again_later(
    application: Application, diary: type[Diary], status: int
) -> None:
    diary.status = status
    tell_signed_out(application)
    assert notices(application) == 1
    diary.status = 200
    tell_signed_out(replace(application, clock=lambda: START + timedelta(minutes=5)))
    assert (len(diary.heard), notices(application)) == (2, 0)


def test_an_application_that_is_away_is_told_again_later(application: Application) -> None:
    (client,) = application.settings.auth.clients
    away = replace(client, backchannel_logout_uri="http://127.0.0.1:9/signed-out")
    tell_signed_out(with_clients(application, away))
    assert notices(application) == 1


def test_an_application_that_answers_drop_by_drop_does_not_hold_the_worker(
    application: Application, diary: type[Diary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "NOTICE_SECONDS", 0.5)
    diary.drips = True
    asked = threading.Thread(target=tell_signed_out, args=(application,), daemon=True)
    asked.start()
    asked.join(60)
    assert not asked.is_alive()
    assert (len(diary.heard), notices(application)) == (1, 1)


def test_an_application_of_the_console_is_told_too(application: Application) -> None:
    (client,) = application.settings.auth.clients
    with transaction(application.sessions) as session:
        row = ClientRow(client_id="diary", secret_hash=hash_secret("s"), created_at=START)
        row.keep(client, START)
        session.add(row)
    tell_signed_out(with_clients(application))
    assert notices(application) == 0


def test_a_lost_redis_does_not_keep_anybody_from_signing_out(application: Application) -> None:
    JobQueue(application.settings).tell_signed_out()
    assert notices(application) == 1
