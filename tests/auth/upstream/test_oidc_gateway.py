"""A gateway that misbehaves in one way at a time: nobody is let in by it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from auth.outside import Attempt, OutsideIdentity
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


class Gateway(BaseHTTPRequestHandler):
    """The first part of the path says what goes wrong; the code is the nonce."""

    requests: list[str]
    published: list[dict[str, Any]]
    over: threading.Event

    def do_GET(self) -> None:
        self.requests.append(self.path)
        fault, _, place = self.path.strip("/").partition("/")
        issuer = f"http://{self.headers['Host']}/{fault}"
        if place == ".well-known/openid-configuration":
            named = "https://other.example" if fault == "other_discovery" else issuer
            self._say(
                {
                    "issuer": named,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/jwks",
                    "userinfo_endpoint": f"{issuer}/userinfo",
                    "end_session_endpoint": (
                        "http://other.example/out" if fault == "plain_endpoint" else f"{issuer}/out"
                    ),
                }
            )
        elif place == "jwks":
            keys = self.published
            self._say({"keys": "none"} if fault == "no_keys" else {"keys": keys})
        elif place == "userinfo":
            self._userinfo(fault)

    def do_POST(self) -> None:
        self.requests.append(self.path)
        fault = self.path.strip("/").partition("/")[0]
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body))
        issuer = f"http://{self.headers['Host']}/{fault}"
        if fault == "html":
            self._say("<h1>Bad Gateway</h1>", status=502)
        elif fault == "html_with_200":
            self._say("<h1>maintenance</h1>")
        elif fault == "list":
            self._say([1])
        elif fault == "slow":
            self.over.wait(WAIT_SECONDS)
        else:
            self._say(
                {
                    "access_token": "a-token",
                    "token_type": "Bearer",
                    "id_token": id_token(fault, issuer, form["code"]),
                }
            )

    def do_HEAD(self) -> None:
        self.send_response(405)
        self.end_headers()

    def _userinfo(self, fault: str) -> None:
        if fault == "userinfo_of_another":
            self._say(PERSON | {"sub": "8"})
        elif fault == "userinfo_refused":
            self._say({"error": "invalid_token"}, status=401)
        elif fault == "userinfo_html":
            self._say("<h1>maintenance</h1>")
        else:
            self._say(PERSON)

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
    claims: dict[str, Any] = {
        "iss": issuer, "aud": "portal", "sub": "7", "nonce": nonce, "iat": NOW, "exp": NOW + 600,
    }  # fmt: skip
    changes: dict[str, dict[str, Any]] = {
        "wrong_nonce": {"nonce": "another"},
        "wrong_issuer": {"iss": "https://other.example"},
        "wrong_audience": {"aud": "other"},
        "other_audience_our_party": {"aud": "other", "azp": "portal"},
        "foreign_party": {"aud": ["portal", "other"], "azp": "other"},
        "no_party": {"aud": ["portal", "other"]},
        "ended": {"iat": NOW - 700, "exp": NOW - 100},
        "future": {"iat": NOW + 100},
        "wrong_hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    }
    claims |= changes.get(fault, {})
    for name in ("nonce", "sub", "exp", "iss", "aud"):
        if fault == f"no_{name}":
            del claims[name]
    if fault == "no_id_token":
        return None
    header, key = {"alg": "RS256", "kid": "one"}, KEY
    if fault == "foreign_key":
        key = OTHER_KEY
    if fault == "next_key":
        header, key = {"alg": "RS256", "kid": "next"}, NEXT_KEY
    if fault == "alg_none":
        return ".".join(_base64(json.dumps(part)) for part in ({"alg": "none"}, claims)) + "."
    if fault == "alg_hs256":
        secret = OctKey.import_key("portal-secret-that-is-long-enough-for-hs256")
        return jwt.encode({"alg": "HS256"}, claims, secret, algorithms=["HS256"])
    return jwt.encode(header, claims, key, algorithms=["RS256"])


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.fixture
def gateway() -> Iterator[tuple[str, type[Gateway]]]:
    published = [KEY.as_dict(private=False)]
    own = {"requests": [], "published": published, "over": threading.Event()}
    handler = type("Handler", (Gateway,), own)
    with running_handler(handler) as address:
        yield address, handler
        handler.over.set()


def make(address: str, fault: str, **changes: Any) -> Oidc:
    values: dict[str, Any] = {
        "key": "gateway",
        "issuer": f"{address}/{fault}",
        "client_id": "portal",
        "client_secret": "portal-secret-that-is-long-enough-for-hs256",
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


def test_claims_are_found_by_the_names_of_the_settings(gateway: tuple[str, Any]) -> None:
    identity = identify(make(gateway[0], "right"))
    assert (identity.family_name, identity.given_name) == ("Шлюзовой", "Пётр")
    assert (identity.snils, identity.birth_date) == ("11223344595", date(2014, 3, 5))
    assert (identity.confirmed, identity.middle_name) == (True, "")
    (child,) = identity.children
    assert (child.given_name, child.snils) == ("Анна", "11223344595")


UNTRUSTED = (
    "wrong_nonce", "wrong_issuer", "wrong_audience", "foreign_party", "other_audience_our_party",
    "no_party", "ended", "future", "wrong_hash", "no_nonce", "no_sub", "no_exp", "no_iss", "no_aud",
    "no_id_token", "foreign_key", "alg_none", "alg_hs256", "html_with_200", "list",
    "other_discovery", "plain_endpoint", "no_keys", "userinfo_of_another", "userinfo_html",
)  # fmt: skip


@pytest.mark.parametrize("fault", UNTRUSTED)
def test_an_answer_that_fails_a_check_lets_nobody_in(gateway: tuple[str, Any], fault: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        identify(make(gateway[0], fault))
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
    gateway: tuple[str, Any], fault: str, problem: Problem
) -> None:
    with pytest.raises(UpstreamError) as caught:
        identify(make(gateway[0], fault))
    assert caught.value.problem is problem
    tries = [path for path in gateway[1].requests if path.endswith("/token")]
    assert len(tries) == 1  # a code is good for one


def test_a_subject_that_the_gateway_does_not_give_is_named(gateway: tuple[str, Any]) -> None:
    with pytest.raises(UpstreamError, match="no claim oid"):
        identify(make(gateway[0], "right", claims=ClaimNames(subject="oid")))


@pytest.mark.parametrize("given", ["7\n", "\0", "7" * 256])
def test_a_subject_that_nobody_can_have_lets_nobody_in(
    gateway: tuple[str, Any], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setitem(PERSON, "oid", given)
    with pytest.raises(UpstreamError, match="an impossible oid") as caught:
        identify(make(gateway[0], "right", claims=ClaimNames(subject="oid")))
    assert caught.value.problem is Problem.UNTRUSTED


def test_new_keys_are_asked_for_but_not_again_and_again(gateway: tuple[str, Any]) -> None:
    address, handler = gateway
    upstream = make(address, "next_key")
    upstream.discovery.keys(START)
    for _ in range(3):  # within the minute nobody is asked again
        with pytest.raises(UpstreamError):
            identify(upstream)
    assert handler.requests.count("/next_key/jwks") == 1
    handler.published.append(NEXT_KEY.as_dict(private=False))
    later = Attempt(
        state=ATTEMPT.state,
        cookie=ATTEMPT.cookie,
        redirect_uri=ATTEMPT.redirect_uri,
        at=START.replace(minute=2),
    )
    answer = {"code": later.nonce, "state": later.state}
    assert upstream.identify(answer, later).subject == "7"
    assert handler.requests.count("/next_key/.well-known/openid-configuration") == 1


def test_without_pkce_no_challenge_is_sent(gateway: tuple[str, Any]) -> None:
    for pkce in (True, False):
        address = make(gateway[0], "right", pkce=pkce).authorization_address(ATTEMPT)
        asked = dict(parse_qsl(urlsplit(address).query))
        assert ("code_challenge" in asked) is pkce
        assert asked["nonce"] == ATTEMPT.nonce


def test_another_browser_has_another_nonce_and_verifier() -> None:
    other = Attempt(state=ATTEMPT.state, cookie="another", redirect_uri="", at=START)
    assert len({ATTEMPT.nonce, ATTEMPT.code_verifier, other.nonce, other.code_verifier}) == 4


def test_the_way_out_is_that_of_discovery(gateway: tuple[str, Any]) -> None:
    back = "https://portal.example/auth/upstream/gateway/signed-out"
    make_out: Callable[[str], str] = lambda fault: make(  # noqa: E731
        gateway[0], fault
    ).sign_out_address(back, "s", START)
    address = make_out("right")
    assert address.startswith(f"{gateway[0]}/right/out?")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked == {"client_id": "portal", "post_logout_redirect_uri": back, "state": "s"}
    assert make_out("other_discovery") == ""
