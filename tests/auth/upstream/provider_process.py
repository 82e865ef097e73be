"""A process of its own that plays the outside provider: ``python provider_process.py FOLDER``.

It is both our ЕСИА stand-in and our standard provider, on SQLite in the folder, with the clock and
the systems of ``FOLDER/plan.json``; it writes its port and waits to be ended. Nothing of the tests
is imported: outside pytest another package may be called ``tests``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from werkzeug.serving import make_server

from auth import Account, AuthSettings, init_app
from auth.clients.client import Client
from auth.esia.protocol.keys import load_standin_keys
from auth.oidc.keys import load_keys
from auth.settings import EsiaSettings, EsiaSystem
from auth.signin.passwords import set_first_own_password
from auth.tables import metadata


@dataclass
class OnePerson:
    """As much of a directory as is asked: one teacher with an own password."""

    account: Account

    def by_username(self, username: str) -> Account | None:
        return self.account if username == self.account.username else None

    def by_person_id(self, person_id: str) -> Account | None:
        return self.account if person_id == self.account.person_id else None

    def by_snils(self, snils: str) -> list[Account]:
        return []


def main(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    now = datetime.fromisoformat(plan["now"])
    engine = create_engine(f"sqlite:///{folder / 'provider.sqlite'}")
    sessions = sessionmaker(engine)
    # Its certificates are older than any clock of the tests is slow.
    load_standin_keys(folder / "esia", now - timedelta(days=1))
    app = Flask("provider")
    app.secret_key = "a secret of the tests"
    server = make_server("127.0.0.1", 0, app, threaded=True)
    init_app(
        app,
        AuthSettings(
            # Another host than that of the portal: cookies do not tell ports apart.
            issuer=f"http://localhost:{server.port}",
            clients=tuple(Client(**client) for client in plan["clients"]),
        ),
        directory=OnePerson(Account(**plan["account"])),
        session_factory=sessions,
        clock=lambda: now,
        keys=load_keys(folder / "keys", now),
        esia=EsiaSettings(
            systems=tuple(EsiaSystem(**system) for system in plan["systems"]), test_people=True
        ),
        esia_keys=folder / "esia",
    )
    metadata.create_all(engine)
    set_first_own_password(sessions, plan["account"]["person_id"], plan["password"], now)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
