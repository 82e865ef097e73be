"""Refusals explain themselves to the developer of the system, and to nobody else."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
import requests
from asn1crypto import core

from auth.esia.protocol.gost import GostError
from auth.esia.protocol.signatures import Flaw
from auth.esia.workbench import diagnostics
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.signing import GOST, Signer, url_safe
from tests.auth.esia.system import V1_TEXT, System, told_back
from tests.relying_party import TIMEOUT

ON_SQLITE = True

STATE = "c2215a0c-4d8c-4a5c-9b62-0123456789ab"
EXPECTED = f"SCHOOL01openid fullname2026.09.01 11:00:00 +0300{STATE}https://journal.example/esia"


def explanation(esia: EsiaStandin, system: System, **changes: str) -> dict[str, Any]:
    system.authorize(state=STATE, **changes)
    return esia.refusals()[-1].explanation


def test_the_explanation_shows_the_expected_text_and_the_one_that_fits(esia: EsiaStandin) -> None:
    found = explanation(esia, esia.system(signed_names=V1_TEXT))
    assert found["expected"] == EXPECTED
    assert found["fits"] == "the order of v1"
    assert found["fitting_text"] == f"openid fullname2026.09.01 11:00:00 +0300SCHOOL01{STATE}"
    assert found["next_step"] == "sign_expected_text"


@pytest.mark.parametrize("kind", ["raw", "cms", "cms without attributes"])
@pytest.mark.parametrize(
    ("sign", "name"),
    [
        (lambda text: text + "\n", "with a line break at the end"),
        (lambda text: text + "\r\n", "with CRLF at the end"),
        (lambda text: text + " ", "with a blank at the end"),
        (lambda text: text.replace(" ", ""), "without blanks"),
        (lambda text: text.replace(" ", "+"), "with + for blanks"),
        (lambda text: text.replace("+0300", " 0300"), "with a blank for the plus of the time zone"),
    ],
)
def test_a_text_that_differs_in_blanks_is_recognised(
    esia: EsiaStandin, kind: str, sign: Callable[[str], str], name: str
) -> None:
    system = esia.system(dialect=2 if kind == "raw" else 1)
    signer = system.signer

    def signature(text: str) -> str:
        if kind == "raw":
            return url_safe(signer.raw(sign(text)))
        return url_safe(signer.cms(sign(text), attributes=kind == "cms"))

    found = explanation(esia, replace(system, sign=signature))
    assert (found["fits"], found["next_step"]) == (name, "sign_expected_text")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            f"SCHOOL01 openid fullname 2026.09.01 11:00:00 +0300 {STATE} https://journal.example/esia",
            "with blanks between the values",
        ),
        (
            f"SCHOOL01openid%20fullname2026.09.01%2011%3A00%3A00%20%2B0300{STATE}"
            + quote("https://journal.example/esia", safe=""),
            "with percent-encoded values, %20 for blanks",
        ),
        (EXPECTED.encode("utf-16-le"), "in UTF-16"),
        (EXPECTED.removesuffix("https://journal.example/esia"), "without redirect_uri"),
    ],
)
def test_other_texts_that_clients_sign_are_recognised(
    esia: EsiaStandin, text: str | bytes, name: str
) -> None:
    system = esia.system()
    system.sign = lambda _text: url_safe(system.signer.raw(text))
    assert explanation(esia, system)["fits"] == name


def test_a_missing_scope_org_is_recognised(esia: EsiaStandin) -> None:
    names = ("client_id", "scope", "timestamp", "state", "redirect_uri")
    found = explanation(esia, esia.system("GOST01", signed_names=names), scope_org="org_inn")
    assert (found["fits"], found["shape"]) == ("without scope_org", "plain")


def _sequence(raw: bytes) -> bytes:
    """As Java's libraries write it: r, then s."""

    class Numbers(core.SequenceOf):  # type: ignore[misc]
        _child_spec = core.Integer

    s, r = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    encoded: bytes = Numbers([r, s]).dump()
    return encoded


@pytest.mark.parametrize(
    ("arrange", "shape", "step"),
    [
        (lambda raw: raw[::-1], "mirrored", "mirror_bytes"),
        (lambda raw: raw[32:] + raw[:32], "swapped_halves", "swap_halves"),
        (lambda raw: raw[31::-1] + raw[:31:-1], "mirrored_halves", "mirror_bytes"),
        (_sequence, "sequence", "send_both_numbers"),
        (lambda raw: base64.b64encode(raw), "encoded_twice", "encode_once"),
    ],
)
def test_bytes_of_a_signature_in_another_order_are_recognised(
    esia: EsiaStandin, arrange: Callable[[bytes], bytes], shape: str, step: str
) -> None:
    system = esia.system("GOST01")
    system.sign = lambda text: url_safe(arrange(system.signer.raw(text)))
    found = explanation(esia, system)
    assert (found["fits"], found["shape"]) == ("the expected text", shape)
    assert found["next_step"] == step


def test_the_container_of_the_other_dialect_is_recognised(esia: EsiaStandin) -> None:
    system = esia.system("GOST01")
    contained = replace(system, sign=lambda text: url_safe(system.signer.cms(text)))
    found = explanation(esia, contained)
    assert (found["fits"], found["next_step"]) == ("the expected text", "send_raw_signature")
    raw = replace(system, dialect=1, sign=lambda text: url_safe(system.signer.raw(text)))
    found = explanation(esia, raw)
    assert (found["fits"], found["next_step"]) == ("the expected text", "send_cms")


@pytest.mark.parametrize(
    ("digest", "of_pem", "name"),
    [
        ("streebog", True, "Streebog-256 of the PEM file"),
        ("sha1", False, "SHA-1 of the DER form"),
        ("sha256", False, "SHA-256 of the DER form"),
        ("sha256", True, "SHA-256 of the PEM file"),
        ("mirrored", False, "Streebog-256 of the DER form, bytes reversed"),
        ("unknown", False, ""),
    ],
)
def test_another_hash_than_that_of_the_certificate_is_recognised(
    esia: EsiaStandin, digest: str, of_pem: bool, name: str
) -> None:
    system = esia.system("GOST01")
    content = system.signer.pem.encode() if of_pem else system.signer.certificate.der
    made = {
        "streebog": GOST.digest,
        "mirrored": lambda data: GOST.digest(data)[::-1],
        "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
        "sha256": lambda data: hashlib.sha256(data).digest(),
        "unknown": lambda data: b"\0" * 32,
    }[digest](content)
    found = explanation(esia, system, client_certificate_hash=made.hex().upper())
    assert (found["hash_is_of"], found["next_step"]) == (name, "hash_der_certificate")


def test_a_certificate_of_another_system_is_recognised(esia: EsiaStandin) -> None:
    foreign = esia.signers["SCHOOL01"].certificate.hash
    found = explanation(esia, esia.system("GOST01"), client_certificate_hash=foreign)
    assert found["hash_is_of"] == "a certificate registered for another system"


def test_a_certificate_that_is_not_registered_is_shown_beside_the_registered_one(
    esia: EsiaStandin,
) -> None:
    own = Signer(number=2)
    found = explanation(esia, esia.system(dialect=1, signer=own))
    assert found["flaw"] == Flaw.FOREIGN_CERTIFICATE
    assert [one["hash"] for one in found["certificates_sent"]] == [own.certificate.hash]
    registered = esia.signers["SCHOOL01"].certificate.hash
    assert [one["hash"] for one in found["certificates"]] == [registered]
    assert found["next_step"] == "register_certificate"


def test_another_key_fits_nothing(esia: EsiaStandin) -> None:
    system = esia.system()
    system.sign = lambda text: url_safe(Signer(number=2).raw(text))
    found = explanation(esia, system)
    assert (found["fits"], found["shape"], found["next_step"]) == ("", "", "check_key")


def test_an_address_of_another_environment_is_shown_beside_the_registered_hosts(
    esia: EsiaStandin,
) -> None:
    found = explanation(esia, esia.system(redirect_uri="https://test.journal.example/esia?a=1"))
    assert found["redirect_uri"] == "https://test.journal.example/esia"
    assert found["redirect_hosts"] == ["journal.example"]
    assert found["next_step"] == "register_redirect_host"


@pytest.mark.parametrize(
    ("timestamp", "seconds", "step"),
    [
        ("2026.09.01 11:00:00 +0000", 10800, "correct_time_zone"),
        ("2026.09.02 01:00:00 +0300", 50400, "correct_time_zone"),
        ("2026.09.02 02:00:00 +0300", 54000, "correct_clock"),  # no zone is so far away
        ("2026.09.01 11:20:00 +0300", 1200, "correct_clock"),
        ("2026.09.01 11:00:00  0300", None, "escape_plus"),
        ("2026/09/01 11:00", None, "correct_timestamp_form"),
    ],
)
def test_the_explanation_tells_a_time_zone_from_a_clock(
    esia: EsiaStandin, timestamp: str, seconds: int | None, step: str
) -> None:
    found = explanation(esia, esia.system(), timestamp=timestamp)
    assert (found["clock_difference_seconds"], found["next_step"]) == (seconds, step)


def test_the_client_is_told_nothing_of_the_explanation(esia: EsiaStandin) -> None:
    back = told_back(esia.system(signed_names=V1_TEXT).authorize(state=STATE))
    assert back["error_description"] == "ESIA-007053: OAuthErrorEnum.clientSecretWrong"


def test_only_the_newest_explanations_of_a_system_are_kept(
    esia: EsiaStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "KEPT_PER_SYSTEM", 3)
    for _ in range(5):
        esia.system().authorize(timestamp="never")
    esia.system("GOST01").authorize(timestamp="never")
    assert Counter(one.system for one in esia.refusals()) == {"SCHOOL01": 3, "GOST01": 1}


def test_a_shared_secret_in_place_of_a_signature_is_told_what_to_do(esia: EsiaStandin) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "state": str(uuid.uuid4())}
    answer = requests.post(
        f"{esia.url}/aas/oauth2/v3/te", data=form, auth=("SCHOOL01", "secret"), timeout=TIMEOUT
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client"
    assert answer.json()["error_description"].startswith("ESIA-008010: ")
    (refusal,) = esia.refusals()
    assert refusal.explanation["next_step"] == "send_signature"


class AwayGost:
    """OpenSSL that does not answer."""

    name = "away"

    def verify(self, *_: object) -> bool:
        raise GostError("away")

    def digest(self, _: bytes) -> bytes:
        raise GostError("away")


def test_a_signature_that_cannot_be_checked_now_is_a_matter_of_trying_later(
    esia: EsiaStandin,
) -> None:
    esia.app.extensions["esia"] = replace(esia.standin, gost=AwayGost())
    found = explanation(esia, esia.system("GOST01"))
    assert found["next_step"] == "try_later"
    assert esia.refusals()[-1].code == "007008"
