"""Addresses and keys of an OpenID Connect gateway, by its own word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.http import Http, no_answer, read_json
from auth.upstream.settings import OidcUpstream, check_address

KEPT = timedelta(hours=1)
"""The time for which an answer counts."""
KEYS_AGAIN_AFTER = timedelta(minutes=1)
"""The pause before tokens with unknown keys make us ask again."""


OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")
ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri", *OPTIONAL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """As in OpenID Connect Discovery 1.0 section 3; optional addresses may be empty."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    names_itself: bool = False
    """Its answers always carry ``iss`` (RFC 9207)."""


@dataclass(kw_only=True)
class Discovery:
    """Asks, and remembers for a while, each answer with its moment; used by many threads."""

    settings: OidcUpstream
    http: Http
    _metadata: tuple[datetime, Metadata] | None = None
    _keys: tuple[datetime, KeySet] | None = None

    def metadata(self, now: datetime) -> Metadata:
        """Return addresses; those learnt before count on while nobody answers.

        Raises ``UpstreamError``.
        """
        if not self.settings.uses_discovery:
            return Metadata(**{name: getattr(self.settings, name) for name in ADDRESSES})
        known = self._metadata
        if known and now - known[0] < KEPT:
            return known[1]
        try:
            found = self._discover()
        except UpstreamError:
            if known:
                return known[1]
            raise
        self._metadata = now, found
        return found

    def keys(self, now: datetime, *, others: bool = False) -> KeySet:
        """Return the published keys; ``others``: a token was signed with none of the known ones.

        Raises ``UpstreamError``.
        """
        known = self._keys
        if known and now - known[0] < (KEYS_AGAIN_AFTER if others else KEPT):
            return known[1]
        body = self._get(self.metadata(now).jwks_uri)
        try:
            found = KeySet.import_key_set({"keys": [*_readable(body.get("keys"))]})
        except (JoseError, ValueError, TypeError) as error:
            raise UpstreamError(Problem.UNTRUSTED, "no keys at jwks_uri") from error
        self._keys = now, found
        return found

    def _discover(self) -> Metadata:
        body = self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if body.get("issuer") != self.settings.issuer:
            raise UpstreamError(Problem.UNTRUSTED, "discovery names another issuer")
        found = {name: str(body.get(name) or "") for name in ADDRESSES}
        for name, address in found.items():
            if not address and name in OPTIONAL:
                continue
            try:
                check_address(self.settings.key, name, address)
            except ValueError as error:
                raise UpstreamError(Problem.UNTRUSTED, f"discovery: {error}") from error
        names_itself = body.get("authorization_response_iss_parameter_supported") is True
        return Metadata(**found, names_itself=names_itself)

    def _get(self, address: str) -> dict[str, Any]:
        with self.http.session() as session:
            try:
                answer = session.get(address)
            except requests.RequestException as error:
                raise no_answer(error) from error
        if answer.status_code != 200:
            raise UpstreamError(Problem.UNAVAILABLE, f"status {answer.status_code}")
        return read_json(answer)


def _readable(keys: Any) -> list[dict[str, Any]]:
    """Return the keys for signatures; a set may hold others, and kinds that are unknown here."""
    if not isinstance(keys, list):
        return []
    return [
        key
        for key in keys
        if isinstance(key, dict)
        and key.get("kty") in {"RSA", "EC"}
        and key.get("use", "sig") == "sig"
    ]
