"""The authorization-code grant with PKCE and the ID token, over our tables."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.errors import (
    LoginRequiredError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import bindparam, delete, insert, update

from auth.clients.client import Client
from auth.directory import Account
from auth.events import INSERT_EVENT, event_values
from auth.models import AuthorizationCode, Grant, Method, SignIn, digest, table_of
from auth.oidc.keys import ALGORITHMS, SigningKey

if TYPE_CHECKING:
    from auth.oidc.context import Context
    from auth.oidc.provider import ProtocolRequest, Provider

MAX_NONCE_LENGTH = 255
PASSWORD_CONTEXT = "urn:schoolbridge:acr:password"  # noqa: S105 - a name, told in ``acr``
"""A person typed a password, in this sign-in."""

_CODES, _GRANTS, _SIGN_INS = map(table_of, (AuthorizationCode, Grant, SignIn))
_INSERT_CODE, _INSERT_GRANT = insert(_CODES), insert(_GRANTS)
_FIRST_USE = (
    update(_SIGN_INS)
    .where(_SIGN_INS.c.cookie_hash == bindparam("cookie"), _SIGN_INS.c.used.is_(False))
    .values(used=True)
    .returning(_SIGN_INS.c.cookie_hash)
)
_CLAIM = (
    delete(_CODES)
    .where(
        _CODES.c.code_hash == bindparam("code_hash"),
        _CODES.c.client_id == bindparam("client_id"),
        _CODES.c.expires_at > bindparam("now"),
    )
    .returning(*_CODES.c)
)
_REVOKE = delete(_GRANTS).where(
    _GRANTS.c.grant_id == bindparam("code_hash"), _GRANTS.c.client_id == bindparam("client_id")
)

_MAX_AGE = re.compile(r"[0-9]{1,9}")


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes live in one row each; an exchange claims the row by deleting it."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

    server: Provider
    request: ProtocolRequest

    @staticmethod
    def validate_authorization_redirect_uri(request: ProtocolRequest, client: Client) -> str:
        """Return the address, when it is registered as it stands.

        Authlib's own check puts the wrong address into its error, which then cannot be built
        when the address holds a character that OAuth errors may not hold.
        """
        redirect_uri: str | None = request.payload.redirect_uri
        if not redirect_uri:
            raise InvalidRequestError("Missing 'redirect_uri' in request.")
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The 'redirect_uri' is not registered for this client.")
        return redirect_uri

    def generate_authorization_code(self) -> str:
        return secrets.token_urlsafe(32)

    def save_authorization_code(self, code: str, request: ProtocolRequest) -> None:
        """Store the code together with its login event: there is never one without the other."""
        sign_in = request.sign_in
        if sign_in is None:
            raise RuntimeError("a code is issued for a sign-in only")
        context = self.server.context
        now = context.clock()
        data = request.payload.data
        with context.engine.begin() as db:
            # The conditional update decides which of two tabs has the first code of a sign-in.
            first = (
                not sign_in.used and db.execute(_FIRST_USE, {"cookie": sign_in.cookie_hash}).first()
            )
            if request.client.ask_each_time and not first:
                raise LoginRequiredError(redirect_uri=request.payload.redirect_uri)
            asked = ("redirect_uri", "nonce", "code_challenge", "code_challenge_method")
            db.execute(
                _INSERT_CODE,
                {
                    **{name: data.get(name) for name in asked},
                    "code_hash": digest(code),
                    "client_id": request.client.client_id,
                    "person_id": sign_in.person_id,
                    "scope": request.scope,
                    "auth_time": sign_in.auth_time,
                    # A wish that we cannot meet is left out (OpenID Connect Core 5.5.1.1).
                    "acr": PASSWORD_CONTEXT if data.get("acr_values") else None,
                    "sid": sign_in.sid,
                    "method": sign_in.method,
                    "expires_at": now + timedelta(seconds=context.settings.code_seconds),
                },
            )
            event = event_values(
                request.user,
                client_id=request.client.client_id,
                # How the person proved who they are stands in the event of the sign-in itself.
                method=Method.SESSION,
                refused=None,
                now=now,
            )
            db.execute(INSERT_EVENT, event)

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:
        """Claim the code: of any number of exchanges at once, one deletes the row and has it.

        A code is spent by the first try of its own client, right or wrong (RFC 9700 section 2.1:
        a wrong verifier may be an attack); another client cannot spend it. A code that comes
        again may have been stolen: the tokens it gave are revoked (RFC 6749 section 4.1.2).
        """
        now = self.server.context.clock()
        spent = {"code_hash": digest(code), "client_id": client.client_id, "now": now}
        db = self.request.db
        row = db.execute(_CLAIM, spent).one_or_none()
        if row is None:
            db.execute(_REVOKE, spent)
            return None
        copied = {name: row._mapping[name] for name in ("client_id", "person_id", "scope", "sid")}
        ends = now + self.server.context.settings.grant_age(row.scope)
        db.execute(_INSERT_GRANT, copied | {"grant_id": row.code_hash, "expires_at": ends})
        return AuthorizationCode(**row._mapping)

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """Nothing left to do: it was claimed."""

    def authenticate_user(self, authorization_code: AuthorizationCode) -> Account | None:
        return self.server.context.admitted(
            authorization_code.person_id, self.request.client, Method(authorization_code.method)
        )

    def generate_token(self, *, scope: str, **arguments: Any) -> dict[str, Any]:
        """Add a refresh token when it was asked for (OpenID Connect Core 11)."""
        arguments["include_refresh_token"] = "offline_access" in scope.split()
        token: dict[str, Any] = super().generate_token(scope=scope, **arguments)
        return token


class ChallengeS256(CodeChallenge):  # type: ignore[misc]
    """PKCE (RFC 7636) with S256 alone, compulsory where the client needs it."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            if grant.request.client.needs_challenge:
                raise InvalidRequestError("Missing 'code_challenge'")
        elif data.get("code_challenge_method") != "S256":
            # Without a method the challenge would be the verifier itself.
            raise InvalidRequestError("The 'code_challenge_method' must be S256.")


class IdToken(OpenIDCode):  # type: ignore[misc]
    """The ID token: who signed in, when and for whom. Everything else comes from userinfo."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self._provider = provider

    def validate_openid_authorization_request(self, grant: CodeGrant, redirect_uri: str) -> None:
        """Refuse what we would ignore (OpenID Connect Core 6) or could not store.

        That a nonce comes once is for the client to see (Core 15.5.2).
        """
        data = grant.request.payload.data
        if data.get("request"):
            raise RequestNotSupportedError()
        if data.get("request_uri"):
            raise RequestURINotSupportedError()
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("Only 'response_mode=query' is supported.")
        nonce = data.get("nonce", "")
        if len(nonce) > MAX_NONCE_LENGTH or not nonce.isprintable():
            raise InvalidRequestError("The 'nonce' must be short printable text.")
        if not _MAX_AGE.fullmatch(data.get("max_age") or "0"):
            raise InvalidRequestError("The 'max_age' must be a number of seconds.")
        if hint := data.get("id_token_hint"):
            grant.request.expected_person = read_id_token(self._provider.context, hint)["sub"]

    def get_authorization_code_claims(
        self, authorization_code: AuthorizationCode
    ) -> dict[str, Any]:
        """Return the claims of the code; the session's name only for a client that hears of
        sign-outs."""
        client = self._provider.context.client(authorization_code.client_id)
        claims = {
            "nonce": authorization_code.nonce,
            "auth_time": int(authorization_code.auth_time.timestamp()),
            "acr": authorization_code.acr,
            "sid": authorization_code.sid if client and client.backchannel_logout_uri else None,
        }
        return {name: value for name, value in claims.items() if value}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        now = int(self._provider.context.clock().timestamp())
        settings = self._provider.context.settings
        return {
            "iss": settings.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + settings.id_token_seconds,
        }

    def get_client_algorithm(self, client: Client) -> str:
        return client.id_token_algorithm

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": client.id_token_algorithm, "kid": self._signing_key(client).kid}

    def resolve_client_private_key(self, client: Client) -> RSAKey | ECKey:
        return self._signing_key(client).key

    def _signing_key(self, client: Client) -> SigningKey:
        context = self._provider.context
        return context.keys.signing(client.id_token_algorithm, context.clock())

    def generate_user_info(self, user: Account, scope: str) -> dict[str, Any]:
        return {"sub": user.person_id}


def read_id_token(context: Context, id_token: str) -> dict[str, Any]:
    """Read the claims of an ID token of ours that a client shows us, expired or not.

    Raises ``InvalidRequestError`` for any other text.
    """
    keys = context.keys.key_set(context.clock(), context.settings.signature_age)
    try:
        claims = dict(jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims)
    except (JoseError, ValueError):
        claims = {}
    is_logout_token = "events" in claims
    if (
        claims.get("iss") != context.settings.issuer
        or not isinstance(claims.get("sub"), str)
        or is_logout_token
    ):
        raise InvalidRequestError("The 'id_token_hint' is not of ours.")
    return claims
