"""A running stand-in on SQLite and on PostgreSQL with registered systems, RSA and GOST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from auth.esia import init_app
from auth.esia.models import EsiaRefusal
from auth.esia.standin import Standin
from auth.settings import EsiaSettings, EsiaSystem
from tests.auth.conftest import Portal, StartPortal
from tests.auth.esia.signing import Signer
from tests.auth.esia.system import Reader, System
from tests.relying_party import Browser

OF_PEOPLE = (
    "openid fullname birthdate gender snils inn id_doc email mobile contacts addresses vehicles "
    "usr_org birth_cert_doc kid_fullname kid_birthdate kid_snils kid_birth_cert_doc "
    "kid_medical_doc self_employed"
)
SCOPES = tuple(f"{OF_PEOPLE} org_inn org_shortname org_emps org_grps prm_chg".split())


@dataclass(kw_only=True)
class EsiaStandin(Portal):
    """The ЕСИА face of a provider, and what its test may look at or change."""

    signers: dict[str, Signer]
    browser: Browser = field(init=False)
    """That of most people who come."""

    def __post_init__(self) -> None:
        self.browser = self.another_browser()

    @property
    def url(self) -> str:
        return self.issuer

    @property
    def standin(self) -> Standin:
        return self.app.extensions["esia"]

    def change_standin(self, **changes: Any) -> None:
        """Let the stand-in go on with something else in it."""
        self.app.extensions["esia"] = replace(self.standin, **changes)

    def another_browser(self) -> Browser:
        return Browser(self.url)

    def system(self, mnemonic: str = "SCHOOL01", **changes: Any) -> System:
        values: dict[str, Any] = {
            "url": self.url, "mnemonic": mnemonic, "signer": self.signers[mnemonic],
            "clock": self.clock, "browser": self.browser,
        }  # fmt: skip
        return System(**values | changes)

    def reader(self, person: str = "confirmed", scope: str = OF_PEOPLE, **asked: str) -> Reader:
        return Reader(self.system(), person, scope=scope, **asked)

    def refusals(self) -> list[EsiaRefusal]:
        return self.rows(EsiaRefusal)


Start = Callable[..., EsiaStandin]


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
def start_esia(start_portal: StartPortal, key_folder: Path, tmp_path: Path) -> Start:
    """Start a stand-in with changed settings of its systems (``system=``) or its own."""

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
                "scopes": SCOPES,
                "token_algorithm": "RS256" if signer.kind == "rsa" else "GOST3410_2012_256",
            }
            systems.append(EsiaSystem(**values | (system or {})))
        portal = start_portal()
        served = EsiaSettings(**{"systems": tuple(systems), "test_people": True} | settings)
        init_app(portal.app, portal.provider.context, served, key_folder)
        return EsiaStandin(**vars(portal), signers=signers)

    return start


@pytest.fixture
def esia(start_esia: Start) -> EsiaStandin:
    return start_esia()


@pytest.fixture
def system(esia: EsiaStandin) -> System:
    return esia.system()
