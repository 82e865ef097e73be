"""The doctor's look at outside providers: what is wrong with them and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
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
from tests.service.doctor.conftest import NOW, at
from tests.service.gateway_of_odd_people import Documents
from tests.web import running_handler

NOBODY = "http://127.0.0.1:1"


class Neighbour(Documents):
    """Answers like a provider whose clock is set by the test."""

    key = RSAKey.generate_key()
    late = timedelta(0)
    publishes_keys = True

    def do_HEAD(self) -> None:
        self.send_response_only(302)
        self.send_header("Location", "/login")
        self.send_header("Date", format_datetime(NOW - self.late, usegmt=True))
        self.end_headers()

    def document(self) -> dict[str, Any]:
        document = super().document()
        return document if self.publishes_keys else document | {"keys": []}


@pytest.fixture
def handler() -> type[Neighbour]:
    """Whose clock and keys the test may change."""
    return type("Handler", (Neighbour,), {})


@pytest.fixture
def neighbour(handler: type[Neighbour]) -> Iterator[str]:
    with running_handler(handler) as address:
        yield address


Examine = Callable[..., list[Check]]


@pytest.fixture
def examine(application: Application) -> Examine:
    """Look at outside providers as they are at a moment."""

    def examine(now: datetime = NOW, **providers: Any) -> list[Check]:
        upstream = UpstreamSettings(timeout_seconds=60, **providers)
        return list(examine_upstream(at(now, application, upstream=upstream)))

    return examine


@pytest.fixture
def examine_esia(examine: Examine, neighbour: str, tmp_path: Path) -> Examine:
    """Look at one ЕСИА with these files and settings."""
    certificate, signing_key = tmp_path / "own.pem", tmp_path / "own.key"

    def look(
        own: Signer | None = None, key: Signer | None = None, now: datetime = NOW, **changes: Any
    ) -> list[Check]:
        own = own or Signer()
        certificate.write_text(own.pem)
        signing_key.write_bytes((key or own).key_pem)
        values: dict[str, Any] = {
            "mnemonic": "SCHOOL01",
            "base_url": neighbour,
            "certificate": str(certificate),
            "signing_key": str(signing_key),
            "token_certificates": (str(certificate),),
        }
        return examine(now, esia=(EsiaUpstream(**values | changes),))

    return look


def of(checks: list[Check], verdict: Verdict) -> list[str]:
    for check in checks:
        assert bool(check.remedy) == (check.verdict != Verdict.OK), check
    return [check.message for check in checks if check.verdict == verdict]


def test_without_outside_providers_there_is_nothing_to_look_at(examine: Examine) -> None:
    assert examine() == []


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


@pytest.mark.parametrize("name", ["certificate", "token_certificates", "ca_file"])
def test_files_that_are_missing_are_named(examine_esia: Examine, tmp_path: Path, name: str) -> None:
    none = str(tmp_path / "none.pem")
    changes: dict[str, Any] = {name: (none,) if name == "token_certificates" else none}
    (message,) = of(examine_esia(**changes), Verdict.PROBLEM)
    assert none in message


def test_a_clock_that_differs_is_told_with_the_seconds(
    examine_esia: Examine, neighbour: str, handler: type[Neighbour]
) -> None:
    handler.late = timedelta(minutes=3)
    (message,) = of(examine_esia(), Verdict.PROBLEM)
    assert message == f"our clock differs from that of {neighbour} by 180 s"


def test_an_address_that_does_not_answer_is_told(examine_esia: Examine) -> None:
    (message,) = of(examine_esia(base_url=NOBODY), Verdict.PROBLEM)
    assert message.startswith(f"{NOBODY}: no answer")


def test_a_gateway_is_looked_at_by_its_documents(
    examine: Examine, neighbour: str, handler: type[Neighbour]
) -> None:
    gateway = OidcUpstream(
        key="gateway", issuer=neighbour, client_id="portal", client_secret="secret"
    )

    def look(**changes: Any) -> list[Check]:
        return examine(oidc=(replace(gateway, **changes),))

    assert [one.verdict for one in look()] == [Verdict.OK] * 3
    names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
    fixed = {name: f"{neighbour}/{path}" for name, path in names.items()}
    assert len(of(look(**fixed), Verdict.WARNING)) == 1
    handler.publishes_keys = False
    for changes, what in (
        ({}, "no keys at jwks_uri"), ({"issuer": NOBODY}, "no answer (ConnectionError)")
    ):  # fmt: skip
        found = of(look(**changes), Verdict.PROBLEM)
        assert found == [f"does not answer as it should ({what})"]
    assert "ca_file" in of(look(ca_file="/none"), Verdict.PROBLEM)[0]
