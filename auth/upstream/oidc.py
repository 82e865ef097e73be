"""An ordinary OpenID Connect provider, through Authlib's client: usually a gateway to ЕСИА. Its
addresses and keys are known by its own word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from auth.outside import Attempt, OutsideIdentity
from auth.upstream.errors import Problem, UpstreamError, refusal
from auth.upstream.http import Bearer, Http, no_answer, read_json
from auth.upstream.provider import Claims, OutsideProvider, code_of, find_claim, read_identity
from auth.upstream.settings import OidcUpstream, UpstreamSettings, check_address

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


class Oidc(OutsideProvider):
    """An ``Upstream``."""

    def __init__(self, settings: OidcUpstream, common: UpstreamSettings) -> None:
        """Raises ``ValueError`` for a ``ca_file`` that is not there."""
        super().__init__(settings, common)
        self.settings = settings
        self.discovery = Discovery(settings=settings, http=self.http)
        self._tolerance = common.clock_tolerance_seconds

    def authorization_address(self, attempt: Attempt) -> str:
        metadata = self.discovery.metadata(attempt.at)
        self.http.require_answer(metadata.authorization_endpoint)
        with self._session(attempt) as session:
            address, _state = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.code_verifier if self.settings.pkce else None,
            )
        return str(address)

    def identify(self, answer: Mapping[str, str], attempt: Attempt) -> OutsideIdentity:
        metadata = self.discovery.metadata(attempt.at)
        named = answer.get("iss")
        if named != self.settings.issuer and (named or metadata.names_itself):
            raise UpstreamError(Problem.UNTRUSTED, "an answer of another issuer")
        code = code_of(answer)
        with self._session(attempt) as session:
            try:
                token = self._exchange(session, code, attempt, metadata)
                claims: Claims = self._id_token(token, attempt)
                if metadata.userinfo_endpoint:
                    claims = {**claims, **self._userinfo(session, token, claims, metadata)}
            except requests.RequestException as error:
                raise no_answer(error) from error
        return self._identity(claims)

    def sign_out_address(self, back: str, state: str, now: datetime) -> str:
        """OpenID Connect RP-Initiated Logout 1.0 section 2."""
        try:
            endpoint = self.discovery.metadata(now).end_session_endpoint
        except UpstreamError:
            return ""
        if not endpoint:
            return ""
        parameters = {
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": back,
            "state": state,
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    def _session(self, attempt: Attempt) -> OAuth2Session:
        session = OAuth2Session(
            self.settings.client_id,
            self.settings.client_secret or None,
            token_endpoint_auth_method=self.settings.token_endpoint_auth_method,
            scope=" ".join(self.settings.scopes),
            redirect_uri=attempt.redirect_uri,
            code_challenge_method="S256",
        )
        self.http.prepare(session)
        return session

    def _exchange(
        self, session: OAuth2Session, code: str, attempt: Attempt, metadata: Metadata
    ) -> Claims:
        """Exchange the code for tokens: one try, for it is good for one."""
        verifier = {"code_verifier": attempt.code_verifier} if self.settings.pkce else {}
        try:
            token = session.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                redirect_uri=attempt.redirect_uri,
                **verifier,
            )
        except OAuthError as error:
            raise refusal(str(error.error or ""), str(error.description or "")) from error
        except requests.HTTPError as error:
            raise UpstreamError(Problem.UNAVAILABLE, "a fault at the token endpoint") from error
        except ValueError as error:
            raise UpstreamError(Problem.UNTRUSTED, "no JSON from the token endpoint") from error
        if not isinstance(token, Mapping) or not isinstance(token.get("access_token"), str):
            raise UpstreamError(Problem.UNTRUSTED, "no access token")
        return token

    def _id_token(self, token: Claims, attempt: Attempt) -> Claims:
        """Read the claims and check them as OpenID Connect Core 3.1.3.7 says."""
        encoded = token.get("id_token")
        if not isinstance(encoded, str):
            raise UpstreamError(Problem.UNTRUSTED, "no ID token")
        try:
            decoded = self._decode(encoded, attempt.at)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.settings.issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                },
                {
                    "nonce": attempt.nonce,
                    "client_id": self.settings.client_id,
                    "access_token": token["access_token"],
                },
            )
            claims.validate(now=int(attempt.at.timestamp()), leeway=self._tolerance)
        except (JoseError, ValueError, TypeError) as error:
            # The text of the error may hold what was sent.
            fault = f"{type(error).__name__} {getattr(error, 'claim', '')}"
            raise UpstreamError(Problem.UNTRUSTED, f"the ID token fails: {fault}") from error
        return dict(claims)

    def _decode(self, encoded: str, now: datetime) -> jwt.Token:
        """Decode with a published key; ask for the keys once more when none of them fits."""
        registry = JWSRegistry(
            algorithms=list(self.settings.id_token_algorithms), strict_check_header=False
        )
        try:
            return jwt.decode(encoded, self.discovery.keys(now), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            return jwt.decode(encoded, self.discovery.keys(now, others=True), registry=registry)

    def _userinfo(
        self, session: OAuth2Session, token: Claims, claims: Claims, metadata: Metadata
    ) -> Claims:
        answer = session.get(
            metadata.userinfo_endpoint, withhold_token=True, auth=Bearer(token["access_token"])
        )
        if answer.status_code >= 500:
            raise UpstreamError(Problem.UNAVAILABLE, f"userinfo: status {answer.status_code}")
        if answer.status_code != 200:
            raise UpstreamError(Problem.REFUSED, f"userinfo: status {answer.status_code}")
        found = read_json(answer)
        if found.get("sub") != claims["sub"]:
            # OpenID Connect Core 5.3.2: else it may be somebody else's.
            raise UpstreamError(Problem.UNTRUSTED, "userinfo of another person")
        return found

    def _identity(self, claims: Claims) -> OutsideIdentity:
        names = self.settings.claims
        subject = find_claim(claims, names.subject)
        if isinstance(subject, bool) or not isinstance(subject, str | int) or subject == "":
            raise UpstreamError(Problem.UNTRUSTED, f"no claim {names.subject}")
        children = find_claim(claims, names.children)
        try:
            return read_identity(self.key, str(subject), claims, names, children)
        except ValueError as error:
            raise UpstreamError(Problem.UNTRUSTED, f"an impossible {names.subject}") from error
