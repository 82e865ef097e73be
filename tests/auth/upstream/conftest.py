"""An outside provider in another process, our portal with ways to it, and who arrives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from auth.directory import Account
from auth.outside import OutsideIdentity
from auth.upstream import build
from auth.upstream.settings import EsiaUpstream, OidcUpstream, UpstreamSettings
from tests.auth.conftest import START, Portal
from tests.auth.esia.signing import Signer
from tests.auth.people import TEACHER, make_teacher
from tests.auth.upstream import provider_process
from tests.auth.upstream.travelling import Traveller
from tests.service.command_line import free_port

ROOT = Path(__file__).parents[3]
PASSWORD = "зимний жираф"
NOBODY = "http://127.0.0.1:1"
"""Where nobody listens."""
SCOPES = ("openid", "fullname", "birthdate", "snils", "kid_fullname", "kid_snils")

FAULTS = (
    "ac:007004", "ac:007005", "ac:007007", "ac:007015", "ac:007019", "ac:007023", "ac:007053",
    "ac:007055", "ac:007062", "ac:wrong_state",
    "te:007007", "te:007011", "te:007053", "te:html", "te:slow", "te:wrong_state",
    "te:expired_token", "te:wrong_audience", "te:changed_certificate",
    "rs:005011", "rs:005013", "rs:005029", "rs:html", "rs:slow",
)  # fmt: skip


def system_of(fault: str) -> str:
    return fault.upper().replace(":", "").replace("_", "")


def key_of(fault: str) -> str:
    return system_of(fault).lower()


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The provider in the other process, and our keys there."""

    url: str
    folder: Path
    portal_port: int
    """Of the portal whose addresses are registered at the standard face, as whole strings."""

    @property
    def rsa_certificate(self) -> str:
        return self._certificate("rsa")

    @property
    def gost_certificate(self) -> str:
        return self._certificate("gost")

    def _certificate(self, kind: str) -> str:
        """As a file, out of what the stand-in publishes."""
        path = self.folder / f"esia-{kind}.pem"
        if not path.exists():
            stored = json.loads((self.folder / "esia" / "esia.json").read_text())
            path.write_text(stored[f"{kind}_certificate"])
        return str(path)

    def esia(self, **changes: Any) -> EsiaUpstream:
        """A way to the ЕСИА face, signing with RSA unless told otherwise."""
        values: dict[str, Any] = {
            "mnemonic": "SCHOOL01",
            "base_url": self.url,
            "certificate": str(self.folder / "SCHOOL01.pem"),
            "signing_key": str(self.folder / "SCHOOL01.key"),
            "token_certificates": (self.rsa_certificate,),
            "scopes": SCOPES,
        }
        return EsiaUpstream(**values | changes)

    def faulty(self, fault: str) -> EsiaUpstream:
        return self.esia(key=key_of(fault), mnemonic=system_of(fault))

    def oidc(self, **changes: Any) -> OidcUpstream:
        """A way to the standard face."""
        values: dict[str, Any] = {
            "key": "gateway",
            "issuer": self.url,
            "client_id": "portal",
            "client_secret": "portal-secret",
        }
        return OidcUpstream(**values | changes)


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("outside")
    portal_port = free_port()
    portal = f"http://127.0.0.1:{portal_port}"
    signers = {"SCHOOL01": Signer(), "GOST01": Signer(kind="gost")}
    for name, signer in signers.items():
        (folder / f"{name}.pem").write_text(signer.pem)
        (folder / f"{name}.key").write_bytes(signer.key_pem)
    systems = [
        {
            "mnemonic": mnemonic,
            "certificate": str(folder / f"{signed_as}.pem"),
            "redirect_hosts": ["127.0.0.1"],
            "scopes": SCOPES,
            "token_algorithm": "GOST3410_2012_256" if signed_as == "GOST01" else "RS256",
            "faults": faults,
        }
        for mnemonic, signed_as, faults in (
            ("SCHOOL01", "SCHOOL01", []),
            ("GOST01", "GOST01", []),
            *((system_of(fault), "SCHOOL01", [fault]) for fault in FAULTS),
        )
    ]
    plan = {
        "now": START.isoformat(),
        "systems": systems,
        "clients": [
            {
                "client_id": "portal",
                "client_secret": "portal-secret",
                "redirect_uris": [f"{portal}/auth/upstream/gateway/callback"],
                "post_logout_redirect_uris": [f"{portal}/auth/upstream/gateway/signed-out"],
                "require_pkce": True,
            }
        ],
        "account": {
            "person_id": TEACHER,
            "username": "8765p4321",
            "email": "8765p4321@school.invalid",
            "given_name": "Проба",
            "family_name": "Шлюзовая",
            "middle_name": "Образцовна",
            "roles": ["teacher"],
        },
        "password": PASSWORD,
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, provider_process.__file__, str(folder)],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert process.stdout
    port = process.stdout.readline().strip()
    yield Outside(url=f"http://localhost:{port}", folder=folder, portal_port=portal_port)
    process.kill()
    process.wait()
    process.stdout.close()
    log.close()


@dataclass
class Arrivals:
    """Plays linking: remembers who arrived and with which request."""

    identities: list[OutsideIdentity] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    def __call__(self, identity: OutsideIdentity, *, query: str) -> Response:
        self.identities.append(identity)
        self.queries.append(query)
        return Response("arrived")


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
def open_portal(start_portal: Callable[..., Portal], arrivals: Arrivals) -> Callable[..., Portal]:
    """Start our portal with these ways to outside providers."""

    def start(
        *ways: EsiaUpstream | OidcUpstream,
        linked: bool = False,
        timeout: float = 60,
        **settings: Any,
    ) -> Portal:
        upstreams = build(
            UpstreamSettings(
                esia=tuple(one for one in ways if isinstance(one, EsiaUpstream)),
                oidc=tuple(one for one in ways if isinstance(one, OidcUpstream)),
                timeout_seconds=timeout,
            )
        )
        return start_portal(
            upstreams=upstreams,
            arrive=None if linked else arrivals,
            **{"phase": "both"} | settings,
        )

    return start


@pytest.fixture
def travellers(outside: Outside) -> Iterator[Callable[[Portal], Traveller]]:
    opened = []

    def make(portal: Portal) -> Traveller:
        opened.append(Traveller(portal.issuer, outside.url))
        return opened[-1]

    yield make
    for traveller in opened:
        traveller.close()


@dataclass(frozen=True, kw_only=True)
class Journey:
    """All that a sign-in elsewhere needs."""

    outside: Outside
    open_portal: Callable[..., Portal]
    travellers: Callable[[Portal], Traveller]
    arrivals: Arrivals

    def begin(
        self, *ways: EsiaUpstream | OidcUpstream, **settings: Any
    ) -> tuple[Portal, Traveller]:
        """Start our portal with these ways, and a browser."""
        portal = self.open_portal(*ways, **settings)
        return portal, self.travellers(portal)


@pytest.fixture
def journey(
    outside: Outside,
    open_portal: Callable[..., Portal],
    travellers: Callable[[Portal], Traveller],
    arrivals: Arrivals,
) -> Journey:
    return Journey(
        outside=outside, open_portal=open_portal, travellers=travellers, arrivals=arrivals
    )


def make_confirmed_teacher() -> Account:
    """The teacher as the made-up person of the stand-in whose account is confirmed."""
    return make_teacher(
        family_name="Подтверждённый",
        given_name="Тест",
        middle_name="Тестович",
        birth_date=date(1985, 7, 21),
        snils="00000070103",
    )


LATER = timedelta(minutes=16)
"""After every attempt has ended."""
