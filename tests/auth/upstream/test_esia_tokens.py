"""ЕСИА's tokens are believed only when every claim of them is as it must be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc.util import json_b64encode, urlsafe_b64encode

from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.esia_tokens import Signed, TokenCheck
from tests.auth.conftest import START
from tests.auth.esia.signing import GOST, Signer

NOW = int(START.timestamp())
ISSUER = "http://esia.gosuslugi.ru/"
ESIA = Signer()

Change = Callable[[dict[str, Any]], None]


def part(content: dict[str, Any]) -> str:
    return json_b64encode(content).decode()


def token(header: dict[str, Any], claims: dict[str, Any], signer: Signer = ESIA) -> str:
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{urlsafe_b64encode(signer.raw(signed)).decode()}"


def parts() -> dict[str, Any]:
    """What a right answer is made of."""
    common = {"iss": ISSUER, "nbf": NOW, "iat": NOW, "exp": NOW + 3600, "urn:esia:sid": "s"}
    return {
        "id_header": {"ver": 0, "typ": "JWT", "sbt": "id", "alg": "RS256"},
        "id": {
            **common,
            "aud": "SCHOOL01",
            "sub": 1000000103,
            "urn:esia:sbj": {"urn:esia:sbj:oid": 1000000103, "urn:esia:sbj:typ": "P"},
        },
        "access_header": {"ver": 1, "typ": "JWT", "sbt": "access", "alg": "RS256"},
        "access": {**common, "client_id": "SCHOOL01", "urn:esia:sbj_id": 1000000103},
        "answer": {"token_type": "Bearer"},
        "signer": ESIA,
    }


def read(change: Change = lambda parts: None, *certified: Signer) -> Signed:
    made = parts()
    change(made)
    answer = {
        "id_token": token(made["id_header"], made["id"], made["signer"]),
        "access_token": token(made["access_header"], made["access"], made["signer"]),
        **made["answer"],
    }
    check = TokenCheck(
        mnemonic="SCHOOL01",
        issuer=ISSUER,
        certificates=[one.certificate for one in certified or (ESIA,)],
        gost=GOST,
        clock_tolerance=timedelta(seconds=60),
    )
    return check.read(answer, START)


def test_right_tokens_name_the_person() -> None:
    assert read().oid == 1000000103
    assert not read().is_child


def test_the_level_of_a_child_is_seen() -> None:
    assert read(lambda p: p["id"]["urn:esia:sbj"].update({"urn:esia:sbj:lvl": "KD"})).is_child


def test_gost_tokens_count_by_a_gost_certificate_only() -> None:
    signer = Signer(kind="gost")

    def with_gost(made: dict[str, Any]) -> None:
        made["signer"] = signer
        for header in ("id_header", "access_header"):
            made[header]["alg"] = "GOST3410_2012_256"

    assert read(with_gost, ESIA, signer).oid == 1000000103
    with pytest.raises(UpstreamError):
        read(with_gost, ESIA)


def test_clocks_may_differ_by_a_minute() -> None:
    assert read(lambda p: p["id"].update(exp=NOW - 59, iat=NOW - 100, nbf=NOW - 100)).oid
    assert read(lambda p: p["id"].update(iat=NOW + 60, nbf=NOW + 60)).oid


def both(made: dict[str, Any], subject: object, oid: object) -> None:
    made["id"]["sub"] = subject
    made["id"]["urn:esia:sbj"]["urn:esia:sbj:oid"] = subject
    made["access"]["urn:esia:sbj_id"] = oid


WRONG: dict[str, Change] = {
    "another audience": lambda p: p["id"].update(aud="OTHER"),
    "a list of audiences": lambda p: p["id"].update(aud=["SCHOOL01"]),
    "an access token of another system": lambda p: p["access"].update(client_id="OTHER"),
    "another issuer": lambda p: p["id"].update(iss="http://esia-portal1.test.gosuslugi.ru/"),
    "another issuer of the access token": lambda p: p["access"].update(iss="https://x.example/"),
    "sub as text": lambda p: p["id"].update(sub="1000000103"),
    "sub as truth": lambda p: p["id"].update(sub=True),
    "both as text": lambda p: both(p, "7", "7"),
    "both as truth": lambda p: both(p, True, 1),
    "both below one": lambda p: both(p, 0, 0),
    "no sub": lambda p: p["id"].pop("sub"),
    "two people": lambda p: p["access"].update({"urn:esia:sbj_id": 1000000104}),
    "two people in one token": lambda p: p["id"]["urn:esia:sbj"].update({"urn:esia:sbj:oid": 1}),
    "two sessions": lambda p: p["access"].update({"urn:esia:sid": "other"}),
    "no subject": lambda p: p["id"].update({"urn:esia:sbj": "P"}),
    "ended": lambda p: p["id"].update(exp=NOW - 60),
    "an ended access token": lambda p: p["access"].update(exp=NOW - 60),
    "not yet": lambda p: p["id"].update(nbf=NOW + 61),
    "issued in the future": lambda p: p["id"].update(iat=NOW + 61),
    "no end": lambda p: p["id"].pop("exp"),
    "an end as text": lambda p: p["id"].update(exp=str(NOW + 3600)),
    "no issue time": lambda p: p["id"].pop("iat"),
    "the access token as id token": lambda p: p["id_header"].update(sbt="access", ver=1),
    "the id token as access token": lambda p: p["access_header"].update(sbt="id", ver=0),
    "another version": lambda p: p["id_header"].update(ver=1),
    "a version as truth": lambda p: p["id_header"].update(ver="0"),
    "alg none": lambda p: p["id_header"].update(alg="none"),
    "no alg": lambda p: p["id_header"].pop("alg"),
    "alg as list": lambda p: p["id_header"].update(alg=["RS256"]),
    "alg HS256": lambda p: p["id_header"].update(alg="HS256"),
    "alg of another certificate": lambda p: p["id_header"].update(alg="GOST3410_2012_256"),
    "a foreign key": lambda p: p.update(signer=Signer(number=2)),
    "no id token": lambda p: p["answer"].update(id_token=None),
    "two parts": lambda p: p["answer"].update(id_token="e30.e30"),
    "an empty signature": lambda p: p["answer"].update(id_token=f"{part({'ver': 0})}.e30."),
    "no JSON": lambda p: p["answer"].update(id_token="e.e.e"),
    "an array": lambda p: p["answer"].update(id_token="W10.W10.W10"),
    "another kind of token": lambda p: p["answer"].update(token_type="MAC"),
    "no access token": lambda p: p["answer"].update(access_token=7),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused(name: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        read(lambda made: (WRONG[name](made), None)[1])
    assert caught.value.problem is Problem.UNTRUSTED
    assert "1000000103" not in str(caught.value)


def test_a_changed_certificate_is_named() -> None:
    with pytest.raises(UpstreamError, match="have they changed"):
        read(lambda made: made.update(signer=Signer(number=2)))


def test_a_certificate_counts_between_its_dates_only() -> None:
    for signer in (
        Signer(begin=START - timedelta(days=9), age=timedelta(days=8)),
        Signer(begin=START + timedelta(days=1)),
    ):
        with pytest.raises(UpstreamError, match="not valid now"):
            read(lambda made: None, signer)
