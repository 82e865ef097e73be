"""What an OpenID Connect gateway says about itself: its addresses and keys."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.http import Wire, no_answer, read_json
from auth.upstream.settings import OidcUpstream, check_address

KEPT = timedelta(hours=1)
"""So long what was answered counts."""
KEYS_AGAIN_AFTER = timedelta(minutes=1)
"""Tokens with unknown keys do not make us ask oftener."""


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
    """Asks, and remembers for a while; used by many threads."""

    settings: OidcUpstream
    wire: Wire
    _metadata: Metadata | None = None
    _metadata_at: datetime | None = None
    _keys: KeySet | None = None
    _keys_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metadata(self, now: datetime) -> Metadata:
        """Raises ``UpstreamError``; what was learnt before counts on while nobody answers."""
        given = self.settings
        if not given.uses_discovery:
            return Metadata(
                authorization_endpoint=given.authorization_endpoint,
                token_endpoint=given.token_endpoint,
                jwks_uri=given.jwks_uri,
                userinfo_endpoint=given.userinfo_endpoint,
                end_session_endpoint=given.end_session_endpoint,
            )
        with self._lock:
            known, asked_at = self._metadata, self._metadata_at
        if known and asked_at and now - asked_at < KEPT:
            return known
        try:
            found = self._discover()
        except UpstreamError:
            if known:
                return known
            raise
        with self._lock:
            self._metadata, self._metadata_at = found, now
        return found

    def keys(self, now: datetime, *, others: bool = False) -> KeySet:
        """The published keys; ``others``: a token was signed with none of the known ones.

        Raises ``UpstreamError``.
        """
        with self._lock:
            known, asked_at = self._keys, self._keys_at
        limit = KEYS_AGAIN_AFTER if others else KEPT
        if known and asked_at and now - asked_at < limit:
            return known
        body = self._get(self.metadata(now).jwks_uri)
        try:
            found = KeySet.import_key_set({"keys": [*_readable(body.get("keys"))]})
        except (JoseError, ValueError, TypeError) as error:
            raise UpstreamError(Problem.UNTRUSTED, "no keys at jwks_uri") from error
        with self._lock:
            self._keys, self._keys_at = found, now
        return found

    def _discover(self) -> Metadata:
        body = self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if body.get("issuer") != self.settings.issuer:
            raise UpstreamError(Problem.UNTRUSTED, "discovery names another issuer")
        names = (
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "end_session_endpoint",
        )
        found = {name: str(body.get(name) or "") for name in names}
        for name, address in found.items():
            if not address and name in names[3:]:
                continue
            try:
                check_address(self.settings.key, name, address)
            except ValueError as error:
                raise UpstreamError(Problem.UNTRUSTED, f"discovery: {error}") from error
        names_itself = body.get("authorization_response_iss_parameter_supported") is True
        return Metadata(**found, names_itself=names_itself)

    def _get(self, address: str) -> dict[str, Any]:
        with self.wire.session() as session:
            try:
                answer = session.get(address)
            except requests.RequestException as error:
                raise no_answer(error) from error
        if answer.status_code != 200:
            raise UpstreamError(Problem.UNAVAILABLE, f"status {answer.status_code}")
        return read_json(answer)


def _readable(keys: Any) -> list[dict[str, Any]]:
    """Keys for signatures; a set may hold others, and kinds that are newer than we are."""
    if not isinstance(keys, list):
        return []
    return [
        key
        for key in keys
        if isinstance(key, dict)
        and key.get("kty") in {"RSA", "EC"}
        and key.get("use", "sig") == "sig"
    ]
