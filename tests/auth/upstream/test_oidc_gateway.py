"""A gateway that misbehaves in one way at a time: nobody is let in by it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.util import json_b64encode

from auth.outside import Attempt, OutsideChild, OutsideIdentity
from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.oidc import Oidc
from auth.upstream.settings import ClaimNames, OidcUpstream, UpstreamSettings
from tests.auth.conftest import START
from tests.waiting import WAIT_SECONDS
from tests.web import running_handler

NOW = int(START.timestamp())
KEY = RSAKey.generate_key(parameters={"kid": "one"})
OTHER_KEY = RSAKey.generate_key(parameters={"kid": "one"})
NEXT_KEY = RSAKey.generate_key(parameters={"kid": "next"})
SECRET = "portal-secret-that-is-long-enough-for-hs256"
PERSON = {
    "sub": "7",
    "person": {"last": " Шлюзовой ", "first": "Пётр", "snils": "112-233-445 95"},
    "birthdate": "2014-03-05",
    "trusted": "true",
    "kids": [{"given_name": "Анна", "snils": "11223344595"}, "nobody"],
}
NAMES = ClaimNames(
    family_name="person.last", given_name="person.first", snils="person.snils", children="kids"
)


CLAIMS: dict[str, dict[str, Any]] = {
    "wrong_nonce": {"nonce": "another"},
    "wrong_issuer": {"iss": "https://other.example"},
    "wrong_audience": {"aud": "other"},
    "other_audience_our_party": {"aud": "other", "azp": "portal"},
    "foreign_party": {"aud": ["portal", "other"], "azp": "other"},
    "no_party": {"aud": ["portal", "other"]},
    "ended": {"iat": NOW - 700, "exp": NOW - 100},
    "future": {"iat": NOW + 100},
    "wrong_hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    **{f"no_{name}": {name: None} for name in ("nonce", "sub", "exp", "iss", "aud")},
}
"""Fault -> what is otherwise in the ID token; None is left out."""
DISCOVERY = {
    "other_discovery": {"issuer": "https://other.example"},
    "plain_endpoint": {"end_session_endpoint": "http://other.example/out"},
}
USERINFO = {
    "userinfo_of_another": (PERSON | {"sub": "8"}, 200),
    "userinfo_refused": ({"error": "invalid_token"}, 401),
    "userinfo_html": ("<h1>maintenance</h1>", 200),
}
TOKENS = {
    "html": ("<h1>Bad Gateway</h1>", 502),
    "html_with_200": ("<h1>maintenance</h1>", 200),
    "list": ([1], 200),
}


class Gateway(BaseHTTPRequestHandler):
    """The first part of the path says what goes wrong; the code is the nonce."""

    address: str
    requests: list[str]
    published: list[dict[str, Any]]
    over: threading.Event

    def do_GET(self) -> None:
        fault, issuer, place = self._asked()
        if place == "userinfo":
            self._say(*USERINFO.get(fault, (PERSON, 200)))
        elif place == "jwks":
            self._say({"keys": "none" if fault == "no_keys" else self.published})
        else:
            right = {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "end_session_endpoint": f"{issuer}/out",
            }
            self._say(right | DISCOVERY.get(fault, {}))

    def do_POST(self) -> None:
        fault, issuer, _ = self._asked()
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if fault == "slow":
            self.over.wait(WAIT_SECONDS)
        else:
            given = id_token(fault, issuer, dict(parse_qsl(body))["code"])
            right = {"access_token": "a-token", "token_type": "Bearer", "id_token": given}
            self._say(*TOKENS.get(fault, (right, 200)))

    def do_HEAD(self) -> None:
        self.send_response(405)
        self.end_headers()

    def _asked(self) -> tuple[str, str, str]:
        self.requests.append(self.path)
        fault, _, place = self.path.strip("/").partition("/")
        return fault, f"http://{self.headers['Host']}/{fault}", place

    def _say(self, body: object, status: int = 200) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        kind = "text/html" if isinstance(body, str) else "application/json"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


def id_token(fault: str, issuer: str, nonce: str) -> str | None:
    right: dict[str, Any] = {
        "iss": issuer, "aud": "portal", "sub": "7", "nonce": nonce, "iat": NOW, "exp": NOW + 600,
    }  # fmt: skip
    told = right | CLAIMS.get(fault, {})
    claims = {name: value for name, value in told.items() if value is not None}
    if fault == "no_id_token":
        return None
    if fault == "alg_none":
        unsigned = b".".join(map(json_b64encode, ({"alg": "none"}, claims)))
        return f"{unsigned.decode()}."
    if fault == "alg_hs256":
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
    key = {"foreign_key": OTHER_KEY, "next_key": NEXT_KEY}.get(fault, KEY)
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, algorithms=["RS256"])


@pytest.fixture
def gateway() -> Iterator[type[Gateway]]:
    published = [KEY.as_dict(private=False)]
    own = {"requests": [], "published": published, "over": threading.Event()}
    handler = type("Handler", (Gateway,), own)
    with running_handler(handler) as handler.address:
        yield handler
        handler.over.set()


def make(gateway: type[Gateway], fault: str, **changes: Any) -> Oidc:
    values: dict[str, Any] = {
        "key": "gateway",
        "issuer": f"{gateway.address}/{fault}",
        "client_id": "portal",
        "client_secret": SECRET,
        "claims": NAMES,
    }
    common = UpstreamSettings(timeout_seconds=1 if fault == "slow" else 60)
    return Oidc(OidcUpstream(**values | changes), common)


ATTEMPT = Attempt(
    state="c2215a0c-4d8c-4a5c-9b62-0123456789ab",
    cookie="a cookie",
    redirect_uri="https://portal.example/auth/upstream/gateway/callback",
    at=START,
)


def identify(upstream: Oidc) -> OutsideIdentity:
    return upstream.identify({"code": ATTEMPT.nonce, "state": ATTEMPT.state}, ATTEMPT)


def test_claims_are_found_by_the_names_of_the_settings(gateway: type[Gateway]) -> None:
    assert identify(make(gateway, "right")) == OutsideIdentity(
        provider="gateway",
        subject="7",
        family_name="Шлюзовой",
        given_name="Пётр",
        birth_date=date(2014, 3, 5),
        snils="11223344595",
        confirmed=True,
        children=(OutsideChild(given_name="Анна", snils="11223344595"),),
    )


UNTRUSTED = (
    *CLAIMS, *DISCOVERY, "no_id_token", "foreign_key", "alg_none", "alg_hs256", "html_with_200",
    "list", "no_keys", "userinfo_of_another", "userinfo_html",
)  # fmt: skip


@pytest.mark.parametrize("fault", UNTRUSTED)
def test_an_answer_that_fails_a_check_lets_nobody_in(gateway: type[Gateway], fault: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        identify(make(gateway, fault))
    assert caught.value.problem is Problem.UNTRUSTED


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("html", Problem.UNAVAILABLE),
        ("slow", Problem.UNAVAILABLE),
        ("userinfo_refused", Problem.REFUSED),
    ],
)
def test_a_gateway_that_cannot_answer_is_told_apart(
    gateway: type[Gateway], fault: str, problem: Problem
) -> None:
    with pytest.raises(UpstreamError) as caught:
        identify(make(gateway, fault))
    assert caught.value.problem is problem
    tries = [path for path in gateway.requests if path.endswith("/token")]
    assert len(tries) == 1  # a code is good for one


def test_a_subject_that_the_gateway_does_not_give_is_named(gateway: type[Gateway]) -> None:
    with pytest.raises(UpstreamError, match="no claim oid"):
        identify(make(gateway, "right", claims=ClaimNames(subject="oid")))


@pytest.mark.parametrize("given", ["7\n", "\0", "7" * 256])
def test_a_subject_that_nobody_can_have_lets_nobody_in(
    gateway: type[Gateway], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setitem(PERSON, "oid", given)
    with pytest.raises(UpstreamError, match="an impossible oid") as caught:
        identify(make(gateway, "right", claims=ClaimNames(subject="oid")))
    assert caught.value.problem is Problem.UNTRUSTED


def test_new_keys_are_asked_for_but_not_again_and_again(gateway: type[Gateway]) -> None:
    upstream = make(gateway, "next_key")
    upstream.discovery.keys(START)
    for _ in range(3):  # within the minute nobody is asked again
        with pytest.raises(UpstreamError):
            identify(upstream)
    assert gateway.requests.count("/next_key/jwks") == 1
    gateway.published.append(NEXT_KEY.as_dict(private=False))
    later = replace(ATTEMPT, at=START + timedelta(minutes=2))
    answer = {"code": later.nonce, "state": later.state}
    assert upstream.identify(answer, later).subject == "7"
    assert gateway.requests.count("/next_key/.well-known/openid-configuration") == 1


def test_without_pkce_no_challenge_is_sent(gateway: type[Gateway]) -> None:
    for pkce in (True, False):
        address = make(gateway, "right", pkce=pkce).authorization_address(ATTEMPT)
        asked = dict(parse_qsl(urlsplit(address).query))
        assert ("code_challenge" in asked) is pkce
        assert asked["nonce"] == ATTEMPT.nonce


def test_another_browser_has_another_nonce_and_verifier() -> None:
    other = replace(ATTEMPT, cookie="another")
    assert len({ATTEMPT.nonce, ATTEMPT.code_verifier, other.nonce, other.code_verifier}) == 4


def test_the_way_out_is_that_of_discovery(gateway: type[Gateway]) -> None:
    back = "https://portal.example/auth/upstream/gateway/signed-out"
    address = make(gateway, "right").sign_out_address(back, "s", START)
    assert address.startswith(f"{gateway.address}/right/out?")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked == {"client_id": "portal", "post_logout_redirect_uri": back, "state": "s"}
    assert make(gateway, "other_discovery").sign_out_address(back, "s", START) == ""
