"""A running stand-in on SQLite and on PostgreSQL with registered systems, RSA and GOST."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from auth import AuthSettings, init_app
from auth.esia.models import EsiaRefusal
from auth.esia.standin import Standin
from auth.models import LoginEvent
from auth.oidc.keys import SigningKeys
from auth.settings import EsiaSettings, EsiaSystem
from auth.signin.passwords import set_first_own_password
from tests.auth.conftest import Clock
from tests.auth.esia.signing import Signer
from tests.auth.esia.system import OWN_WORD, System
from tests.auth.people import PUPIL, People, make_account, make_teacher
from tests.relying_party import Browser

SCOPES = (
    "openid fullname birthdate gender snils inn id_doc email mobile contacts addresses vehicles "
    "usr_org birth_cert_doc kid_fullname kid_birthdate kid_snils kid_birth_cert_doc "
    "kid_medical_doc org_inn org_shortname prm_chg self_employed"
)


@dataclass(kw_only=True)
class EsiaStandin:
    """One stand-in over real HTTP and what its test may look at or change."""

    url: str
    app: Flask
    standin: Standin
    people: People
    clock: Clock
    session_factory: sessionmaker[Session]
    signers: dict[str, Signer]

    def system(self, mnemonic: str = "SCHOOL01", **changes: Any) -> System:
        values = {"signer": self.signers[mnemonic], "clock": self.clock}
        return System(url=self.url, mnemonic=mnemonic, **values | changes)

    def give_password(self) -> None:
        """Give the pupil an own password, with which this sign-in can be entered."""
        set_first_own_password(self.session_factory, PUPIL, OWN_WORD, self.clock())

    def refusals(self) -> list[EsiaRefusal]:
        with self.session_factory() as db:
            return list(db.scalars(select(EsiaRefusal).order_by(EsiaRefusal.id)))

    def events(self) -> list[LoginEvent]:
        with self.session_factory() as db:
            return list(db.scalars(select(LoginEvent).order_by(LoginEvent.id)))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try a module with ``ON_SQLITE`` on SQLite alone: it makes no difference which database it
    is."""
    on_sqlite = getattr(metafunc.module, "ON_SQLITE", False)
    if on_sqlite and "session_factory" in metafunc.fixturenames:
        one = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)
        metafunc.definition.add_marker(one)


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making an RSA key takes longer than most tests."""
    return tmp_path_factory.mktemp("esia-keys")


@pytest.fixture
def start_esia(
    session_factory: sessionmaker[Session],
    clock: Clock,
    keys: SigningKeys,
    key_folder: Path,
    tmp_path: Path,
) -> Iterator[Callable[..., EsiaStandin]]:
    """Start a stand-in with changed settings of its systems (``system=``) or its own."""
    servers = []

    def start(
        system: dict[str, Any] | None = None,
        signers: dict[str, Signer] | None = None,
        **settings: Any,
    ) -> EsiaStandin:
        signers = signers or {"SCHOOL01": Signer(), "GOST01": Signer(kind="gost")}
        systems = []
        for mnemonic, signer in signers.items():
            file = tmp_path / f"{mnemonic}.pem"
            file.write_text(signer.pem)
            values: dict[str, Any] = {
                "mnemonic": mnemonic,
                "certificate": str(file),
                "redirect_hosts": ("journal.example",),
                "scopes": tuple(SCOPES.split()),
                "token_algorithm": "RS256" if signer.kind == "rsa" else "GOST3410_2012_256",
            }
            systems.append(EsiaSystem(**values | (system or {})))
        app = Flask("esia")
        app.secret_key = "a secret of the tests"
        server = make_server("127.0.0.1", 0, app, threaded=True)
        people = People()
        people.add(make_account())
        people.add(make_teacher())
        url = f"http://127.0.0.1:{server.port}"
        init_app(
            app,
            AuthSettings(issuer=url),
            directory=people,
            session_factory=session_factory,
            clock=clock,
            keys=keys,
            esia=EsiaSettings(**{"systems": tuple(systems), "test_people": True} | settings),
            esia_keys=key_folder,
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return EsiaStandin(
            url=url,
            app=app,
            standin=app.extensions["esia"],
            people=people,
            clock=clock,
            session_factory=session_factory,
            signers=signers,
        )

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def esia(start_esia: Callable[..., EsiaStandin]) -> EsiaStandin:
    return start_esia()


@pytest.fixture
def system(esia: EsiaStandin) -> System:
    return esia.system()


@pytest.fixture
def browse() -> Iterator[Callable[[EsiaStandin], Browser]]:
    """Open a browser at a stand-in; any number of them."""
    opened: list[Browser] = []

    def browse(esia: EsiaStandin) -> Browser:
        opened.append(Browser(esia.url))
        return opened[-1]

    yield browse
    for browser in opened:
        browser.close()


@pytest.fixture
def browser(esia: EsiaStandin, browse: Callable[[EsiaStandin], Browser]) -> Browser:
    return browse(esia)
