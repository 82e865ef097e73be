"""A process of its own that exchanges codes: ``python exchanging.py DATABASE KEYS``.

It reads a code in JSON from each line of its input and writes the status of the answer. Nothing of
the tests is imported: outside pytest another package may be called ``tests``.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from auth import Account, AuthSettings, init_app
from auth.clients.client import Client
from auth.oidc.keys import load_keys

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
CLIENT = Client(
    client_id="moodle",
    client_secret="moodle-secret",
    redirect_uris=("https://moodle.example/admin/oauth2callback.php",),
)


class Everybody:
    """As much of a directory as codes need: every identifier is somebody."""

    def by_person_id(self, person_id: str) -> Account:
        return Account(
            person_id=person_id,
            username="1234p5678",
            email="1234p5678@school.invalid",
            given_name="Ученик",
            family_name="Проверочный",
        )


def main(database_url: str, keys: Path) -> None:
    app = Flask("portal")
    app.secret_key = "a secret of the tests"
    init_app(
        app,
        AuthSettings(issuer="https://login.example", clients=(CLIENT,)),
        directory=Everybody(),
        session_factory=sessionmaker(create_engine(database_url)),
        clock=lambda: NOW,
        keys=load_keys(keys, NOW),
    )
    client = app.test_client()
    for line in sys.stdin:
        form = {
            "grant_type": "authorization_code",
            "code": json.loads(line),
            "redirect_uri": CLIENT.redirect_uris[0],
            "client_id": CLIENT.client_id,
            "client_secret": CLIENT.client_secret,
        }
        print(client.post("/auth/token", data=form).status_code, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
