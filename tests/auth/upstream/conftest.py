"""An outside provider in another process, our portal with ways to it, and who arrives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from auth.directory import Account
from auth.esia.protocol.gost import OpensslGost, find_gost
from auth.outside import OutsideIdentity
from auth.upstream import build
from auth.upstream.settings import EsiaUpstream, OidcUpstream, UpstreamSettings
from tests.auth.conftest import START, Portal, StartPortal
from tests.auth.esia.signing import Signer
from tests.auth.people import make_teacher
from tests.auth.upstream import provider_process
from tests.relying_party import Browser, Page
from tests.service.command_line import free_port

ROOT = Path(__file__).parents[3]
PASSWORD = "зимний жираф"
NOBODY = "http://127.0.0.1:1"
"""Where nobody listens."""
SCOPES = ("openid", "fullname", "birthdate", "snils", "kid_fullname", "kid_snils")

needs_engine = pytest.mark.skipif(
    not isinstance(find_gost(), OpensslGost), reason="OpenSSL has no engine gost"
)

FAILED, DENIED, SILENT = "upstream_failed", "upstream_denied", "upstream_unavailable"

FAULTS = {
    "ac:007004": (403, "Вы не вошли", DENIED),
    "ac:007005": (502, "не принимает наш запрос", FAILED),
    "ac:007007": (503, "не отвечает", SILENT),
    "ac:007015": (502, "не принимает наш запрос", FAILED),
    "ac:007019": (502, "не принимает наш запрос", FAILED),
    "ac:007023": (502, "не принимает наш запрос", FAILED),
    "ac:007053": (502, "не принимает наш запрос", FAILED),
    "ac:007055": (403, "не подходит", DENIED),
    "ac:007062": (403, "не подходит", DENIED),
    "ac:wrong_state": (400, "Этот вход завершён", FAILED),
    "te:007007": (503, "не отвечает", SILENT),
    "te:007011": (502, "ещё раз", FAILED),
    "te:007053": (502, "не принимает наш запрос", FAILED),
    "te:html": (503, "не отвечает", SILENT),
    "te:slow": (503, "не отвечает", SILENT),
    "te:wrong_state": (502, "не прошёл проверку", FAILED),
    "te:expired_token": (502, "не прошёл проверку", FAILED),
    "te:wrong_audience": (502, "не прошёл проверку", FAILED),
    "te:changed_certificate": (502, "не прошёл проверку", FAILED),
    "rs:005011": (502, "не прошёл проверку", FAILED),
    "rs:005013": (502, "не прошёл проверку", FAILED),
    "rs:005029": (502, "не принимает наш запрос", FAILED),
    "rs:html": (503, "не отвечает", SILENT),
    "rs:slow": (503, "не отвечает", SILENT),
}
"""Fault of the stand-in -> status, words of our page, reason of the login event."""


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

    def certificate(self, kind: str) -> str:
        """As a file, out of what the stand-in publishes."""
        path = self.folder / f"esia-{kind}.pem"
        stored = json.loads((self.folder / "esia" / "esia.json").read_text())
        path.write_text(stored[f"{kind}_certificate"])
        return str(path)

    def esia(self, signed_as: str = "SCHOOL01", **changes: Any) -> EsiaUpstream:
        """A way to the ЕСИА face."""
        kind = "gost" if signed_as == "GOST01" else "rsa"
        values: dict[str, Any] = {
            "mnemonic": signed_as,
            "base_url": self.url,
            "certificate": str(self.folder / f"{signed_as}.pem"),
            "signing_key": str(self.folder / f"{signed_as}.key"),
            "token_certificates": (self.certificate(kind),),
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
    account = make_teacher(
        family_name="Шлюзовая", given_name="Проба", middle_name="Образцовна", birth_date=None
    )
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
        "account": asdict(account),
        "password": PASSWORD,
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, provider_process.__file__, str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        ) as process,
    ):
        assert process.stdout
        port = process.stdout.readline().strip()
        yield Outside(url=f"http://localhost:{port}", folder=folder, portal_port=portal_port)
        process.kill()


class Traveller(Browser):
    """A browser that goes between our portal and the outside provider, as people do."""

    def __init__(self, portal: Portal, outside: Outside) -> None:
        super().__init__(portal.issuer, outside.url)
        self.portal, self.outside = portal, outside

    def leave(self, key: str = "esia", query: str = "") -> Page:
        """Press the button of the sign-in page; where that leads."""
        page = self.open(f"{self.portal.issuer}/auth/login?{query}")
        return self.submit(page, form_to=f"/auth/upstream/{key}/start")

    def sign_in_there(self, page: Page, person: str = "confirmed", decision: str = "allow") -> Page:
        """Sign in and answer there, where anything is asked; where that leads."""
        if page.asks_who:
            page = self.submit(page, username="8765p4321", password=PASSWORD)
        if "/login?" in page.url:
            page = self.submit(page, persona=person)
        if "/login/consent?" in page.url:
            page = self.submit(page, decision=decision)
        return page

    def go(self, key: str = "esia", person: str = "confirmed", query: str = "") -> Page:
        return self.sign_in_there(self.leave(key, query), person)

    def stop_short(self, page: Page) -> str:
        """Sign in there, and do not come back; the address that the browser was sent to."""
        self.sites = (self.outside.url,)
        back = self.sign_in_there(page).url
        self.sites = (self.portal.issuer, self.outside.url)
        return back

    def the(self, part: str) -> str:
        """The one address with this part that was opened."""
        (found,) = [url for url in self.seen if part in url]
        return found


@dataclass(kw_only=True)
class Journey:
    """A sign-in elsewhere. It plays linking: remembers who arrived and with which request."""

    outside: Outside
    start_portal: StartPortal
    opened: ExitStack
    identities: list[OutsideIdentity] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    def arrive(self, identity: OutsideIdentity, *, query: str) -> Response:
        self.identities.append(identity)
        self.queries.append(query)
        return Response("arrived")

    def open_portal(
        self,
        *ways: EsiaUpstream | OidcUpstream,
        linked: bool = False,
        timeout: float = 60,
        **settings: Any,
    ) -> Portal:
        """Start our portal with these ways to outside providers, where linking may be our own."""
        upstreams = build(
            UpstreamSettings(
                esia=tuple(one for one in ways if isinstance(one, EsiaUpstream)),
                oidc=tuple(one for one in ways if isinstance(one, OidcUpstream)),
                timeout_seconds=timeout,
            )
        )
        arrive = None if linked else self.arrive
        return self.start_portal(upstreams=upstreams, arrive=arrive, **{"phase": "both"} | settings)

    def traveller(self, portal: Portal) -> Traveller:
        return self.opened.enter_context(closing(Traveller(portal, self.outside)))

    def begin(self, *ways: EsiaUpstream | OidcUpstream, **settings: Any) -> Traveller:
        """A browser and our portal with these ways, or with one to ЕСИА as it should be."""
        return self.traveller(self.open_portal(*(ways or (self.outside.esia(),)), **settings))


@pytest.fixture
def journey(outside: Outside, start_portal: StartPortal, opened: ExitStack) -> Journey:
    return Journey(outside=outside, start_portal=start_portal, opened=opened)


def make_confirmed_teacher() -> Account:
    """The teacher as the made-up person of the stand-in whose account is confirmed."""
    return make_teacher(
        family_name="Подтверждённый",
        given_name="Тест",
        middle_name="Тестович",
        birth_date=date(1985, 7, 21),
        snils="00000070103",
    )
