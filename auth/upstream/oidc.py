"""An ordinary OpenID Connect provider, through Authlib's client: usually a gateway to ЕСИА."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from auth.outside import Attempt, OutsideChild, OutsideIdentity
from auth.upstream.discovery import Discovery, Metadata
from auth.upstream.errors import Problem, UpstreamError, refusal
from auth.upstream.http import Bearer, no_answer, read_json
from auth.upstream.provider import (
    OutsideProvider,
    code_of,
    read_birth_date,
    read_snils,
    read_text,
)
from auth.upstream.settings import OidcUpstream, UpstreamSettings

Claims = Mapping[str, Any]


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
            raise UpstreamError(
                Problem.UNTRUSTED, f"the ID token fails: {type(error).__name__} {_claim(error)}"
            ) from error
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
        confirmed = find_claim(claims, names.confirmed)
        children = find_claim(claims, names.children)
        try:
            return OutsideIdentity(
                provider=self.key,
                subject=str(subject),
                family_name=read_text(find_claim(claims, names.family_name)),
                given_name=read_text(find_claim(claims, names.given_name)),
                middle_name=read_text(find_claim(claims, names.middle_name)),
                birth_date=read_birth_date(find_claim(claims, names.birth_date)),
                snils=read_snils(find_claim(claims, names.snils)),
                confirmed=confirmed is True
                or (not isinstance(confirmed, bool) and str(confirmed) in names.confirmed_values),
                child=find_claim(claims, names.child) is True,
                children=tuple(self._children(children)),
            )
        except ValueError as error:
            raise UpstreamError(Problem.UNTRUSTED, f"an impossible {names.subject}") from error

    def _children(self, told: Any) -> Iterable[OutsideChild]:
        names = self.settings.claims
        for child in told if isinstance(told, list) else ():
            if isinstance(child, dict):
                yield OutsideChild(
                    snils=read_snils(find_claim(child, names.child_snils)),
                    given_name=read_text(find_claim(child, names.child_given_name)),
                )


def find_claim(claims: Claims, name: str) -> Any:
    """Return the claim of this name, or where its dots lead to; None when there is none."""
    if not name:
        return None
    if name in claims:
        return claims[name]
    first, _, rest = name.partition(".")
    inner = claims.get(first)
    return find_claim(inner, rest) if rest and isinstance(inner, Mapping) else None


def _claim(error: Exception) -> str:
    """Return the name of the claim an error is about; its text may hold what was sent."""
    return str(getattr(error, "claim", ""))
