"""A gateway to ЕСИА that vouches for somebody else each time, at times for an impossible one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import cycle
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.web import running_handler

SECRET = "gateway-secret-of-the-tests"
TOKEN = "gateway-token-of-the-tests"

KNOWN = {
    "oid": "1000299353", "family_name": "Ученикова", "given_name": "Проба",
    "middle_name": "Образцовна", "birthdate": "04.03.2012", "snils": "112-233-445 95",
    "trusted": True,
}  # fmt: skip
"""Whom a СНИЛС opens the account of a pupil."""
STRANGE: tuple[dict[str, Any], ...] = (
    {"oid": "1000299354", "family_name": "Незнакомцева", "trusted": True},
    {"oid": "1000299355", "snils": "", "trusted": True},
    {"oid": "1000299356", "trusted": "no"},
    {"oid": "1000299357", "birthdate": "31.02.2012", "trusted": "true"},
    {"oid": 7, "kids": [{"given_name": "Проба", "snils": "112-233-445 95"}], "snils": "1"},
    {"oid": 0, "kids": [None, 1, "x", {"snils": ["1"]}, {"given_name": {}}]},
    {"oid": "o" * 256},
    {"oid": "\0"},
    {"oid": "1\r\n2"},
    {"oid": "ёжик \u202e"},
    {"oid": ""},
    {"oid": None},
    {"oid": True},
    {"oid": 1.5},
    {"oid": ["1"]},
    {"family_name": "\0" * 9, "given_name": 5, "middle_name": ["x"], "birthdate": 20120304},
    {"family_name": "я" * 5000, "birthdate": "2012-03-04T00:00", "snils": 11223344595},
    {"birthdate": "٢٠١٢-٠٣-٠٤", "snils": {"number": "1"}, "trusted": []},
    {"kids": "nobody", "child": True},
    {"kids": {"snils": "1"}, "confirmed": {}, "trusted": {}},
)


class Documents(BaseHTTPRequestHandler):
    """What a provider publishes about itself."""

    key: RSAKey

    def document(self) -> dict[str, Any]:
        issuer = f"http://{self.headers['Host']}"
        if self.path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]}
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "end_session_endpoint": f"{issuer}/out",
        }

    def do_GET(self) -> None:
        self.say(self.document())

    def say(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


class Gateway(Documents):
    """The code of a sign-in is its nonce."""

    now: int
    told: Iterator[dict[str, Any]]

    def document(self) -> dict[str, Any]:
        if self.path == "/userinfo":
            return KNOWN | next(self.told) | {"sub": "7"}
        return super().document()

    def do_HEAD(self) -> None:
        self.send_response(405)
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        claims = {
            "iss": f"http://{self.headers['Host']}", "aud": "portal", "sub": "7",
            "nonce": dict(parse_qsl(body)).get("code", ""), "iat": self.now, "exp": self.now + 600,
        }  # fmt: skip
        id_token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        self.say({"access_token": TOKEN, "token_type": "Bearer", "id_token": id_token})


@contextmanager
def running_gateway(now: int) -> Iterator[str]:
    """Its address; ``now`` is what it takes for the time."""
    key = RSAKey.generate_key(parameters={"kid": "one"})
    told = cycle([{}, *STRANGE])
    handler = type("Handler", (Gateway,), {"now": now, "key": key, "told": told})
    with running_handler(handler) as address:
        yield address
