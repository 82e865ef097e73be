"""The tokens that ЕСИА gives for a code: in its own shape, each claim of them checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auth.esia.protocol.gost import Gost, GostError
from auth.esia.protocol.signatures import Certificate, SignatureRefused, decode_base64
from auth.upstream.errors import Problem, UpstreamError

ALGORITHMS = {"RS256": "RSA", "GOST3410_2012_256": "GOST R 34.10-2012"}
"""``alg`` of a token -> the kind of certificate that makes it."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Signed:
    """The person who signed in over there, and the token that opens their data."""

    oid: int
    access_token: str
    is_child: bool
    """A child's account (``urn:esia:sbj:lvl``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenCheck:
    """The checks of one upstream's tokens (docs/facts/esia.md 5.10, 5.11)."""

    mnemonic: str
    issuer: str
    certificates: Sequence[Certificate]
    gost: Gost
    clock_tolerance: timedelta

    def read(self, answer: Mapping[str, Any], now: datetime) -> Signed:
        """Read who signed in. Raises ``UpstreamError`` for the first claim that is wrong."""
        access_token = answer.get("access_token")
        if answer.get("token_type") != "Bearer" or not isinstance(access_token, str):
            raise _untrusted("no bearer token")
        identity = self._claims(answer.get("id_token"), "id", 0, now)
        access = self._claims(access_token, "access", 1, now)
        if identity.get("aud") != self.mnemonic or access.get("client_id") != self.mnemonic:
            raise _untrusted("a token for another system")
        oid = identity.get("sub")
        if type(oid) is not int or oid <= 0 or access.get("urn:esia:sbj_id") != oid:
            raise _untrusted("sub is not the oid of the access token")
        if identity.get("urn:esia:sid") != access.get("urn:esia:sid"):
            raise _untrusted("tokens of two sessions")
        subject = identity.get("urn:esia:sbj")
        if not isinstance(subject, dict) or subject.get("urn:esia:sbj:oid", oid) != oid:
            raise _untrusted("no subject")
        is_child = subject.get("urn:esia:sbj:lvl") == "KD"
        return Signed(oid=oid, access_token=access_token, is_child=is_child)

    def _claims(self, token: Any, kind: str, version: int, now: datetime) -> dict[str, Any]:
        parts = token.split(".") if isinstance(token, str) else []
        if len(parts) != 3:
            raise _untrusted(f"no {kind} token")
        header, claims = _object(parts[0]), _object(parts[1])
        if header.get("sbt") != kind or header.get("ver") != version:
            raise _untrusted(f"no {kind} token by its header")
        self._check_signature(header.get("alg"), parts, now)
        if claims.get("iss") != self.issuer:
            raise _untrusted("another issuer")
        moments = [claims.get(name) for name in ("exp", "nbf", "iat")]
        ends, begins, issued = [one if type(one) is int else 0 for one in moments]
        if not (ends and begins and issued):
            raise _untrusted("a token without its moments")
        seconds, tolerance = now.timestamp(), self.clock_tolerance.total_seconds()
        if seconds - tolerance >= ends:
            raise _untrusted("the token has ended")
        if max(begins, issued) > seconds + tolerance:
            raise _untrusted("the token is of the future: compare the clocks")
        return claims

    def _check_signature(self, algorithm: Any, parts: list[str], now: datetime) -> None:
        """Check by a certificate of the file that is valid now. ЕСИА's tokens name no key."""
        kind = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
        if kind is None:
            raise _untrusted("a token signed in an unknown way, or not at all")
        data = f"{parts[0]}.{parts[1]}".encode()
        try:
            signature = decode_base64(parts[2])
            fitting = [
                one
                for one in self.certificates
                if one.algorithm == kind and one.check(data, signature, self.gost)
            ]
        except SignatureRefused as error:
            raise _untrusted("no signature") from error
        except GostError as error:
            raise UpstreamError(Problem.UNAVAILABLE, f"here: {error}") from error
        if not fitting:
            raise _untrusted("the signature fits none of token_certificates: have they changed?")
        if not any(one.is_active(now) for one in fitting):
            raise _untrusted("the fitting one of token_certificates is not valid now")


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(decode_base64(part))
    except (SignatureRefused, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _untrusted("a token that cannot be read")
    return found


def _untrusted(detail: str) -> UpstreamError:
    return UpstreamError(Problem.UNTRUSTED, detail)
