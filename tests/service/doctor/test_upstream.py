"""The doctor's look at outside providers: what is wrong with them and what to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from auth.esia.protocol.gost import OpensslGost, find_gost
from auth.upstream.settings import EsiaUpstream, OidcUpstream, UpstreamSettings
from service.application import Application
from service.doctor import Check, Verdict
from service.doctor.upstream import examine_upstream
from tests.auth.esia.signing import Signer
from tests.service.installation import installation

pytestmark = pytest.mark.usefixtures("english")

KEY = RSAKey.generate_key()
NOBODY = "http://127.0.0.1:1"
NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


class Neighbour(BaseHTTPRequestHandler):
    """Answers like a provider whose clock is set by the test."""

    late = timedelta(0)
    keys = True

    def do_HEAD(self) -> None:
        self.send_response_only(302)
        self.send_header("Location", "/login")
        self.send_header("Date", format_datetime(NOW - self.late, usegmt=True))
        self.end_headers()

    def do_GET(self) -> None:
        issuer = f"http://{self.headers['Host']}"
        found: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
        }
        if self.path == "/jwks":
            found = {"keys": [KEY.as_dict(private=False)] if self.keys else []}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def neighbour() -> Iterator[tuple[str, type[Neighbour]]]:
    handler = type("Handler", (Neighbour,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


Examine = Callable[..., list[Check]]


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path / "home") as made:
        yield replace(made, clock=lambda: NOW)


@pytest.fixture
def examine_esia(
    application: Application, neighbour: tuple[str, type[Neighbour]], tmp_path: Path
) -> Examine:
    """Look at one ЕСИА with these files and settings."""

    def examine(
        own: Signer | None = None, key: Signer | None = None, now: datetime = NOW, **changes: Any
    ) -> list[Check]:
        own = own or Signer()
        (tmp_path / "own.pem").write_text(own.pem)
        (tmp_path / "own.key").write_bytes((key or own).key_pem)
        values: dict[str, Any] = {
            "mnemonic": "SCHOOL01",
            "base_url": neighbour[0],
            "certificate": str(tmp_path / "own.pem"),
            "signing_key": str(tmp_path / "own.key"),
            "token_certificates": (str(tmp_path / "own.pem"),),
        }
        upstream = UpstreamSettings(esia=(EsiaUpstream(**values | changes),), timeout_seconds=60)
        settings = replace(application.settings, upstream=upstream)
        return list(examine_upstream(replace(application, settings=settings, clock=lambda: now)))

    return examine


def of(checks: list[Check], verdict: Verdict) -> list[str]:
    for check in checks:
        assert bool(check.remedy) == (check.verdict != Verdict.OK), check
    return [check.message for check in checks if check.verdict == verdict]


def test_without_outside_providers_there_is_nothing_to_look_at(application: Application) -> None:
    assert list(examine_upstream(application)) == []


def test_a_way_in_order_has_no_problem_but_a_last_day(examine_esia: Examine) -> None:
    checks = examine_esia()
    assert of(checks, Verdict.PROBLEM) == []
    (direct,) = of(checks, Verdict.WARNING)
    assert "31.12.2026" in direct
    good = "\n".join(of(checks, Verdict.OK))
    assert f"client_certificate_hash: {Signer().certificate.hash}" in good
    assert "the key signs, and fits the certificate" in good
    assert "our certificate is valid until 01.06.2027" in good
    assert "the clocks differ by 0 s" in good


def test_a_direct_way_ends_with_the_year(examine_esia: Examine) -> None:
    messages = of(examine_esia(now=datetime(2027, 1, 1, tzinfo=UTC)), Verdict.PROBLEM)
    assert "asks ЕСИА directly, which ended with the year 2026" in messages


@pytest.mark.parametrize(
    ("begin", "age", "verdict", "words"),
    [
        (-10, 5, Verdict.PROBLEM, "is valid from 22.08.2026 to 27.08.2026, not now"),
        (5, 400, Verdict.PROBLEM, "is valid from 06.09.2026"),
        (-300, 320, Verdict.WARNING, "ends on 21.09.2026"),
    ],
)
def test_dates_of_certificates_are_watched(
    examine_esia: Examine, begin: int, age: int, verdict: Verdict, words: str
) -> None:
    own = Signer(begin=NOW + timedelta(days=begin), age=timedelta(days=age))
    found = [one for one in of(examine_esia(own), verdict) if words in one]
    assert len(found) == 2  # ours, and the one that plays ЕСИА's


def test_a_key_that_does_not_fit_is_found(examine_esia: Examine) -> None:
    assert of(examine_esia(key=Signer(number=2)), Verdict.PROBLEM) == [
        "nothing can be signed (the key does not fit the certificate)"
    ]


def test_a_gost_key_wants_the_engine(
    examine_esia: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(find_gost(), OpensslGost):
        checks = examine_esia(Signer(kind="gost"))
        assert "GOST is counted by: openssl engine gost" in of(checks, Verdict.OK)
        assert of(checks, Verdict.PROBLEM) == []
    monkeypatch.setenv("PATH", "/nowhere")
    messages = of(examine_esia(Signer(kind="gost")), Verdict.PROBLEM)
    assert messages[0] == "OpenSSL has no GOST engine here, so nothing can be signed"


def test_files_that_are_missing_are_named(examine_esia: Examine, tmp_path: Path) -> None:
    none = str(tmp_path / "none.pem")
    for changes in ({"certificate": none}, {"token_certificates": (none,)}, {"ca_file": none}):
        (message,) = of(examine_esia(**changes), Verdict.PROBLEM)
        assert none in message


def test_a_clock_that_differs_is_told_with_the_seconds(
    examine_esia: Examine, neighbour: tuple[str, type[Neighbour]]
) -> None:
    neighbour[1].late = timedelta(minutes=3)
    (message,) = of(examine_esia(), Verdict.PROBLEM)
    assert message == f"our clock differs from that of {neighbour[0]} by 180 s"


def test_an_address_that_does_not_answer_is_told(examine_esia: Examine) -> None:
    (message,) = of(examine_esia(base_url=NOBODY), Verdict.PROBLEM)
    assert message.startswith(f"{NOBODY}: no answer")


def test_a_gateway_is_looked_at_by_its_documents(
    application: Application, neighbour: tuple[str, type[Neighbour]]
) -> None:
    def examine(**changes: Any) -> list[Check]:
        values: dict[str, Any] = {
            "key": "gateway",
            "issuer": neighbour[0],
            "client_id": "portal",
            "client_secret": "secret",
        }
        upstream = UpstreamSettings(oidc=(OidcUpstream(**values | changes),), timeout_seconds=60)
        settings = replace(application.settings, upstream=upstream)
        return list(examine_upstream(replace(application, settings=settings)))

    assert of(examine(), Verdict.PROBLEM) == of(examine(), Verdict.WARNING) == []
    assert len(examine()) == 3
    fixed = {
        name: f"{neighbour[0]}/{name}" for name in ("authorization_endpoint", "token_endpoint")
    }
    checks = examine(jwks_uri=f"{neighbour[0]}/jwks", **fixed)
    assert len(of(checks, Verdict.WARNING)) == 1
    neighbour[1].keys = False
    assert of(examine(), Verdict.PROBLEM) == ["does not answer as it should (no keys at jwks_uri)"]
    assert of(examine(issuer=NOBODY), Verdict.PROBLEM) == [
        "does not answer as it should (no answer (ConnectionError))"
    ]
    assert "ca_file" in of(examine(ca_file="/none"), Verdict.PROBLEM)[0]
