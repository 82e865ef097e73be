"""Tokens after their issue: finding, refreshing, revoking and describing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy import Connection, Engine, bindparam, delete, select, update
from sqlalchemy.orm import Session

from auth.clients.client import Client
from auth.directory import Account
from auth.models import Grant, Method, Token, TokenKind, digest, table_of

if TYPE_CHECKING:
    from auth.oidc.provider import ProtocolRequest, Provider


_TOKENS = table_of(Token)
_FIND = (
    select(_TOKENS)
    .join(table_of(Grant), table_of(Grant).c.grant_id == _TOKENS.c.grant_id)
    .where(_TOKENS.c.token_hash == bindparam("token_hash"))
)


def find_token(engine: Engine, token_string: str) -> Token | None:
    """Return the token, also an expired or used one, unless its grant was revoked."""
    with engine.connect() as db:
        row = db.execute(_FIND, {"token_hash": digest(token_string)}).one_or_none()
    return Token(**row._mapping) if row else None


def revoke_grant(db: Session | Connection, grant_id: str, client_id: str) -> None:
    """End every token that came from the code of this digest."""
    db.execute(delete(Grant).where(Grant.grant_id == grant_id, Grant.client_id == client_id))


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """Each refresh token is good once and gives the next one (RFC 9700 section 4.14.2).

    One that comes again was copied, by its thief or from its owner: nobody can tell, so all
    tokens of its grant end.
    """

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
    INCLUDE_NEW_REFRESH_TOKEN = True

    server: Provider
    request: ProtocolRequest

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token = find_token(self.server.context.engine, refresh_token)
        if token is None or token.kind != TokenKind.REFRESH:
            return None
        return token if token.expires_at > self.server.context.clock() else None

    def validate_token_request(self) -> None:
        """Spend the token last, when nothing else is wrong with the request."""
        super().validate_token_request()
        token, client = self.request.refresh_token, self.request.client
        scope = client.get_allowed_scope(self.request.payload.scope or token.scope)
        if scope is None:
            raise InvalidScopeError()
        account = self.server.context.admitted(token.person_id, client, Method(token.method))
        if account is None or not self._claim(token):
            raise InvalidGrantError()
        self.request.user = account
        self.request.scope = scope

    def _claim(self, token: Token) -> bool:
        """Claim the token: of several uses at once, one updates the row; the others are a reuse."""
        claim = (
            update(Token)
            .where(Token.token_hash == token.token_hash, Token.used.is_(False))
            .values(used=True)
            .returning(Token.token_hash)
        )
        db = self.request.db
        if db.execute(claim).first():
            return True
        revoke_grant(db, token.grant_id, token.client_id)
        return False

    def authenticate_user(self, refresh_token: Token) -> Account | None:
        account: Account = self.request.user
        return account

    def issue_token(self, user: Account, refresh_token: Token) -> dict[str, Any]:
        token: dict[str, Any] = self.generate_token(
            user=user, scope=self.request.scope, include_refresh_token=True
        )
        return token

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """Nothing left to do: it was claimed."""


class _TokenEndpoint:
    server: Provider

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return find_token(self.server.context.engine, token_string)


class Revocation(_TokenEndpoint, RevocationEndpoint):  # type: ignore[misc]
    """RFC 7009, for a client's own tokens."""

    CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

    def revoke_token(self, token: Token, request: ProtocolRequest) -> None:
        """End a refresh token with its grant, an access token alone (section 2.1)."""
        with self.server.context.session_factory.begin() as db:
            if token.kind == TokenKind.REFRESH:
                revoke_grant(db, token.grant_id, token.client_id)
            else:
                db.execute(delete(Token).where(Token.token_hash == token.token_hash))


class Introspection(_TokenEndpoint, IntrospectionEndpoint):  # type: ignore[misc]
    """RFC 7662, for a client's own tokens: any other one is simply not active."""

    CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def check_permission(self, token: Token, client: Client, request: ProtocolRequest) -> bool:
        return token.check_client(client)

    def create_introspection_payload(self, token: Token | None) -> dict[str, Any]:
        context = self.server.context
        client = context.client(token.client_id) if token else None
        if (
            token is None
            or client is None
            or token.used
            or token.expires_at <= context.clock()
            or context.admitted(token.person_id, client, Method(token.method)) is None
        ):
            return {"active": False}
        return {
            "active": True,
            "client_id": token.client_id,
            "sub": token.person_id,
            "scope": token.scope,
            "iss": context.settings.issuer,
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
            **({"token_type": "Bearer"} if token.kind == TokenKind.ACCESS else {}),
        }
