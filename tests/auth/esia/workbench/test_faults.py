"""Each fault on demand happens to the system that asked for it, and to no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from auth.esia.protocol.gost import Gost
from auth.esia.standin import read_systems
from auth.esia.workbench.faults import SLOW_SECONDS
from auth.settings import EsiaSettings, EsiaSystem
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.system import came_back, parts_of, unpadded

ON_SQLITE = True


OID = 1000000103
STATE = "c2215a0c-4d8c-4a5c-9b62-0123456789ab"

Start = Callable[..., EsiaStandin]


def with_faults(start_esia: Start, *faults: str) -> EsiaStandin:
    return start_esia(system={"faults": faults})


def test_authorization_fails_with_any_code_and_with_another_state(
    start_esia: Start, browse: Any
) -> None:
    esia = with_faults(start_esia, "ac:007007")
    back = came_back(browse(esia).open(esia.system().authorize_url()))
    assert back["error_description"].startswith("ESIA-007007: ")
    esia = with_faults(start_esia, "ac:wrong_state")
    assert came_back(esia.system().enter(browse(esia), state=STATE))["state"] != STATE


def test_token_answers_go_wrong_as_asked(start_esia: Start, browse: Any) -> None:
    esia = with_faults(start_esia, "te:html")
    answer = esia.system().ask(code=esia.system().sign_in(browse(esia)))
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (503, "text/html")
    esia = with_faults(start_esia, "te:007011")
    answer = esia.system().ask(code=esia.system().sign_in(browse(esia)))
    assert answer.json()["error_description"].startswith("ESIA-007011: ")
    esia = with_faults(start_esia, "te:wrong_state", "te:wrong_audience", "te:expired_token")
    system = esia.system()
    found = system.tokens(system.sign_in(browse(esia)), state=STATE)
    assert found["state"] != STATE
    claims = parts_of(found["id_token"])[1]
    assert claims["aud"] == "ANOTHER"
    assert claims["exp"] < esia.clock().timestamp()
    late = system.rest(f"prns/{OID}", found["access_token"])
    assert late.json()["code"] == "ESIA-005013"


def fits_our_certificate(esia: EsiaStandin, token: str) -> bool:
    signed, _, signature = token.rpartition(".")
    key = esia.standin.keys.rsa_key.public_key()
    try:
        key.verify(unpadded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def test_a_changed_certificate_is_a_signature_that_does_not_fit(
    start_esia: Start, browse: Any
) -> None:
    found = []
    for faults in ((), ("te:changed_certificate",)):
        esia = with_faults(start_esia, *faults)
        system = esia.system()
        token = system.tokens(system.sign_in(browse(esia)))["id_token"]
        found.append(fits_our_certificate(esia, token))
    assert found == [True, False]


def test_the_rest_service_fails_as_asked(start_esia: Start, browse: Any) -> None:
    for fault, status in (("rs:005029", 403), ("rs:html", 503)):
        esia = with_faults(start_esia, fault)
        system = esia.system()
        token = system.tokens(system.sign_in(browse(esia)))["access_token"]
        assert system.rest(f"prns/{OID}", token).status_code == status


def test_a_slow_answer_waits_and_comes(start_esia: Start, browse: Any) -> None:
    esia = with_faults(start_esia, "te:slow")
    waited: list[float] = []
    esia.app.extensions["esia"] = replace(esia.standin, sleep=waited.append)
    system = esia.system()
    assert system.tokens(system.sign_in(browse(esia)))["access_token"]
    assert waited == [SLOW_SECONDS]


def test_a_fault_there_is_not_is_refused_by_name() -> None:
    system = EsiaSystem(mnemonic="SCHOOL01", certificate="any.pem", faults=("te:nothing",))
    with pytest.raises(ValueError, match="te:nothing"):
        read_systems(EsiaSettings(systems=(system,)), Gost())
