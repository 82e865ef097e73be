"""What a token opens: one verification with its claims, and one record of the ЕСИА stand-in.

The requests go straight to the whole application over its database. The reference is an answer that
asks nothing: what the web framework takes of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from auth.esia.models import EsiaToken
from auth.esia.protocol.keys import rsa_certificate
from auth.models import Grant, Token, TokenKind, digest
from auth.settings import EsiaSettings, EsiaSystem
from bench.measuring import Figure, in_turns
from bench.place import installation
from bench.providers.ours import CLIENT, PERSON, add_person
from service.application import Application
from service.db import transaction
from service.web import create_app

PERSONA = 1000000103
"""A made-up person of the stand-in with every field."""
SYSTEM = "BENCH01"
SCOPE = "openid fullname birthdate gender snils inn id_doc email mobile contacts addresses"
AGE = timedelta(hours=1)


def figures(folder: Path, *, answers: int, rounds: int) -> list[Figure]:
    application = _installation(folder / "tokens")
    token = secrets.token_urlsafe(32)
    _store(application, token)
    app = create_app(application)
    found = []
    for name, path in (
        ("one token verified, with its claims", "/auth/userinfo"),
        ("one /rs/prns answer of the ЕСИА stand-in", f"/rs/prns/{PERSONA}"),
    ):
        ours, bare = in_turns(
            rounds,
            _asking(app, path, token, answers),
            _asking(app, "/health/live", token, answers),
        )
        found.append(
            Figure(
                name=name,
                ours=f"{ours / answers * 1000:.2f} ms",
                reference=f"{bare / answers * 1000:.2f} ms (an empty answer)",
                ratio=ours / bare,
            )
        )
    application.engine.dispose()
    return found


def _asking(app: Flask, path: str, token: str, times: int) -> Callable[[], None]:
    environ = EnvironBuilder(path, headers={"Authorization": f"Bearer {token}"}).get_environ()

    def ask() -> None:
        for _ in range(times):
            body, status, _headers = run_wsgi_app(app, dict(environ))
            if not status.startswith("200"):
                raise RuntimeError(f"{path} answered {status}")
            b"".join(body)

    return ask


def _installation(folder: Path) -> Application:
    application = installation(folder)
    now = datetime.now(UTC)
    certificate = folder / "system.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate.write_text(rsa_certificate(key, SYSTEM, now - AGE, now + AGE))
    system = EsiaSystem(
        mnemonic=SYSTEM,
        certificate=str(certificate),
        redirect_hosts=("journal.example",),
        scopes=tuple(SCOPE.split()),
    )
    settings = application.settings
    add_person(application)
    return replace(
        application,
        settings=replace(
            settings,
            auth=replace(settings.auth, clients=(CLIENT,)),
            esia=EsiaSettings(systems=(system,), test_people=True),
        ),
    )


def _store(application: Application, token: str) -> None:
    """As if it had been given just now, at each face."""
    now = datetime.now(UTC)
    given = {"scope": "openid profile email school", "expires_at": now + AGE}
    whose = {"grant_id": digest("a code"), "client_id": CLIENT.client_id, "person_id": PERSON}
    with transaction(application.sessions) as session:
        session.add_all(
            [
                Grant(**whose, **given, sid=""),
                Token(
                    **whose, **given, token_hash=digest(token), kind=TokenKind.ACCESS,
                    issued_at=now,
                ),
                EsiaToken(
                    token_hash=digest(token), kind="access", system=SYSTEM, scope=SCOPE,
                    oid=PERSONA, sid="", auth_time=now, grant_hash="", expires_at=now + AGE,
                ),
            ]
        )  # fmt: skip
