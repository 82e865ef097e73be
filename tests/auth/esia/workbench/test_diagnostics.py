"""Refusals explain themselves to the developer of the system, and to nobody else."""

from __future__ import annotations

import base64
import hashlib
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
from tests.auth.esia.system import STATE, V1_TEXT, System, told_back
from tests.relying_party import TIMEOUT

ON_SQLITE = True

BACK = "https://journal.example/esia"
EXPECTED = f"SCHOOL01openid fullname2026.09.01 11:00:00 +0300{STATE}{BACK}"


def explanation(esia: EsiaStandin, system: System, **changes: str) -> dict[str, Any]:
    system.authorize(state=STATE, **changes)
    return esia.refusals()[-1].explanation


def test_the_explanation_shows_the_expected_text_and_the_one_that_fits(esia: EsiaStandin) -> None:
    found = explanation(esia, esia.system(signed_names=V1_TEXT))
    shown = {
        "expected": EXPECTED,
        "fits": "the order of v1",
        "fitting_text": f"openid fullname2026.09.01 11:00:00 +0300SCHOOL01{STATE}",
        "next_step": "sign_expected_text",
    }
    assert found | shown == found


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


def test_a_missing_scope_org_is_recognised(esia: EsiaStandin) -> None:
    names = ("client_id", "scope", "timestamp", "state", "redirect_uri")
    found = explanation(esia, esia.system("GOST01", signed_names=names), scope_org="org_inn")
    assert (found["fits"], found["shape"]) == ("without scope_org", "plain")


def _sequence(raw: bytes) -> bytes:
    """As Java's libraries write it: r, then s."""
    s, r = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    return core.SequenceOf([r, s], spec=core.Integer).dump()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            f"SCHOOL01 openid fullname 2026.09.01 11:00:00 +0300 {STATE} {BACK}",
            "with blanks between the values",
        ),
        (
            f"SCHOOL01openid%20fullname2026.09.01%2011%3A00%3A00%20%2B0300{STATE}"
            + quote(BACK, safe=""),
            "with percent-encoded values, %20 for blanks",
        ),
        (EXPECTED.encode("utf-16-le"), "in UTF-16"),
        (EXPECTED.removesuffix(BACK), "without redirect_uri"),
    ],
)
def test_other_texts_that_clients_sign_are_recognised(
    esia: EsiaStandin, text: str | bytes, name: str
) -> None:
    system = esia.system(sign=lambda _text: url_safe(Signer().raw(text)))
    assert explanation(esia, system)["fits"] == name


Sign = Callable[[Signer, str], bytes]


def arranged(arrange: Callable[[bytes], bytes]) -> Sign:
    return lambda own, text: arrange(own.raw(text))


@pytest.mark.parametrize(
    ("dialect", "sign", "shape", "step"),
    [
        (2, arranged(lambda raw: raw[::-1]), "mirrored", "mirror_bytes"),
        (2, arranged(lambda raw: raw[32:] + raw[:32]), "swapped_halves", "swap_halves"),
        (2, arranged(lambda raw: raw[31::-1] + raw[:31:-1]), "mirrored_halves", "mirror_bytes"),
        (2, arranged(_sequence), "sequence", "send_both_numbers"),
        (2, arranged(base64.b64encode), "encoded_twice", "encode_once"),
        (2, lambda own, text: own.cms(text), "plain", "send_raw_signature"),
        (1, lambda own, text: own.raw(text), "plain", "send_cms"),
        (2, lambda _own, text: Signer(kind="gost", number=2).raw(text), "", "check_key"),
    ],
)
def test_bytes_of_a_signature_in_another_order_or_container_are_recognised(
    esia: EsiaStandin, dialect: int, sign: Sign, shape: str, step: str
) -> None:
    system = esia.system("GOST01", dialect=dialect)
    system.sign = lambda text: url_safe(sign(system.signer, text))
    found = explanation(esia, system)
    assert (found["shape"], found["next_step"]) == (shape, step)
    assert found["fits"] == ("the expected text" if shape else "")


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda own: GOST.digest(own.pem.encode()), "Streebog-256 of the PEM file"),
        (lambda own: hashlib.sha1(own.certificate.der).digest(), "SHA-1 of the DER form"),
        (lambda own: hashlib.sha256(own.certificate.der).digest(), "SHA-256 of the DER form"),
        (lambda own: hashlib.sha256(own.pem.encode()).digest(), "SHA-256 of the PEM file"),
        (
            lambda own: GOST.digest(own.certificate.der)[::-1],
            "Streebog-256 of the DER form, bytes reversed",
        ),
        (
            lambda _own: bytes.fromhex(Signer().certificate.hash),
            "a certificate registered for another system",
        ),
        (lambda _own: b"\0" * 32, ""),
    ],
)
def test_another_hash_than_that_of_the_certificate_is_recognised(
    esia: EsiaStandin, made: Callable[[Signer], bytes], name: str
) -> None:
    system = esia.system("GOST01")
    hashed = made(system.signer).hex().upper()
    found = explanation(esia, system, client_certificate_hash=hashed)
    of_another = "another system" in name
    step = "register_certificate" if of_another else "hash_der_certificate"
    assert (found["hash_is_of"], found["next_step"]) == (name, step)


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
    for mnemonic in ["SCHOOL01"] * 5 + ["GOST01"]:
        esia.system(mnemonic).authorize(timestamp="never")
    assert Counter(one.system for one in esia.refusals()) == {"SCHOOL01": 3, "GOST01": 1}


def test_a_shared_secret_in_place_of_a_signature_is_told_what_to_do(esia: EsiaStandin) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "state": STATE}
    answer = requests.post(
        f"{esia.url}/aas/oauth2/v3/te", data=form, auth=("SCHOOL01", "secret"), timeout=TIMEOUT
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert answer.json()["error_description"].startswith("ESIA-008010: ")
    (refusal,) = esia.refusals()
    assert refusal.explanation["next_step"] == "send_signature"


class AwayGost:
    """OpenSSL that does not answer."""

    def verify(self, *_: object) -> bool:
        raise GostError("away")

    digest = verify


def test_a_signature_that_cannot_be_checked_now_is_a_matter_of_trying_later(
    esia: EsiaStandin,
) -> None:
    esia.change_standin(gost=AwayGost())
    assert explanation(esia, esia.system("GOST01"))["next_step"] == "try_later"
    assert esia.refusals()[-1].code == "007008"
