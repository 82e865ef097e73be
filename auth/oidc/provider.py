"""Provider: Authlib's authorization server, put together of our grants, endpoints and errors."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    MissingAuthorizationError,
    OAuth2Payload,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6749.authenticate_client import authenticate_client_secret_basic
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator, InvalidTokenError
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Request, abort, jsonify
from flask import request as flask_request
from sqlalchemy import Connection, insert
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.models import SignIn, Token, TokenKind, digest, table_of
from auth.oidc.context import Context
from auth.oidc.grants import ChallengeS256, CodeGrant, IdToken
from auth.oidc.tokens import Introspection, RefreshGrant, Revocation, find_token

_INSERT_TOKENS = insert(table_of(Token))


class _Parameters(OAuth2Payload):  # type: ignore[misc]
    """Plain dictionaries: Authlib asks dozens of times a request."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._first = values.to_dict()
        self._all = dict(values.lists())

    @property
    def data(self) -> dict[str, str]:
        return self._first

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._all


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it, and the sign-in it comes with.

    Its address is the public one, not what a proxy made of it: whether the transport is safe was
    decided when the issuer was accepted (``AuthSettings``).
    """

    def __init__(self, request: Request, issuer: str, values: MultiDict[str, str]) -> None:
        super().__init__(method=request.method, uri=issuer + request.path, headers=request.headers)
        self._request = request
        self.payload = _Parameters(values)
        self.sign_in: SignIn | None = None
        self.expected_person = ""
        """The person id in the client's ``id_token_hint``."""
        self.db: Connection
        """At the token endpoint (``Provider.create_token_response``)."""

    @property
    def form(self) -> Any:
        return self._request.form


class Provider(AuthorizationServer):  # type: ignore[misc]
    """The protocol over one application's ``context``. Lives in ``app.extensions["auth"]``."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.bearer = _BearerProtector()
        self.bearer.register_token_validator(_AccessTokenValidator(self))
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                access_token_generator=lambda **_: secrets.token_urlsafe(32),
                refresh_token_generator=lambda **_: secrets.token_urlsafe(32),
                expires_generator=lambda client, grant_type: context.settings.access_token_seconds,
            ),
        )
        self.register_client_auth_method("client_secret_basic", _authenticate_basic)
        self.register_grant(CodeGrant, [ChallengeS256(required=True), IdToken(self)])
        self.register_grant(RefreshGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)
        self._issuer_parameter = _IssuerParameter(context.settings.issuer)
        self._issuer_parameter(self)

    # What Authlib asks.

    def query_client(self, client_id: str) -> Client | None:
        return self.context.client(client_id)

    def create_oauth2_request(
        self, request: Request | ProtocolRequest | None, values: MultiDict[str, str] | None = None
    ) -> ProtocolRequest:
        """Read a request; ``values``: the parameters, if not all of ``request.values`` count."""
        if isinstance(request, ProtocolRequest):
            return request
        request = request or flask_request
        return ProtocolRequest(
            request, self.context.settings.issuer, request.values if values is None else values
        )

    def get_authorization_grant(self, request: ProtocolRequest) -> CodeGrant:
        """Return the grant, or raise an error that says what is wrong with ``response_type``.

        Authlib repeats the asked type in its error, which then cannot be built when the type
        holds a character that OAuth errors may not hold.
        """
        if request.payload.response_type == "code":
            grant: CodeGrant = super().get_authorization_grant(request)
            return grant
        error = (
            OAuth2Error(
                "Only 'response_type=code' is supported.", error="unsupported_response_type"
            )
            if request.payload.response_type
            else InvalidRequestError("Missing 'response_type' in request.")
        )
        client = self.query_client(request.payload.client_id)
        if client and client.check_redirect_uri(request.payload.redirect_uri):
            error.redirect_uri = request.payload.redirect_uri
        raise error

    def save_token(self, token: dict[str, Any], request: ProtocolRequest) -> None:
        """Store the tokens of one answer. A refresh token keeps the scope of its grant, however
        little is asked of it this time (RFC 6749 section 6)."""
        old: Token | None = request.refresh_token
        now, scope = self.context.clock(), token["scope"]
        shared = {
            "grant_id": old.grant_id if old else request.authorization_code.code_hash,
            "client_id": request.client.client_id,
            "person_id": request.user.person_id,
            "method": (old or request.authorization_code).method,
            "issued_at": now,
            "used": False,
        }
        refresh_ends = old.expires_at if old else now + self.context.settings.grant_age(scope)
        issued = (
            (TokenKind.ACCESS, scope, now + timedelta(seconds=token["expires_in"])),
            (TokenKind.REFRESH, old.scope if old else scope, refresh_ends),
        )
        rows = [
            {
                **shared,
                "token_hash": digest(token[f"{kind}_token"]),
                "kind": kind,
                "scope": scope,
                "expires_at": ends,
            }
            for kind, scope, ends in issued
            if f"{kind}_token" in token
        ]
        request.db.execute(_INSERT_TOKENS, rows)
        request.db.commit()

    def create_token_response(self, request: Request | None = None) -> Response:
        """Claim what is exchanged and store what is given for it, in one transaction.

        It ends before anything is signed. What was claimed in vain is spent, too.
        """
        asked = self.create_oauth2_request(request)
        with self.context.engine.connect() as asked.db:
            response: Response = super().create_token_response(asked)
            asked.db.commit()
        return response

    # What the views ask.

    def redirect_with_error(self, error: OAuth2Error) -> Response:
        """Tell the client, at its checked address, with ``state`` and ``iss`` (RFC 9207)."""
        response: Response = self.handle_error_response(None, error)
        self._issuer_parameter.add_issuer_parameter(self, response)
        return response


class _BearerProtector(ResourceProtector):  # type: ignore[misc]
    """Authlib's, which takes a token in the header only, with the posted form added."""

    def parse_request_authorization(self, request: object) -> tuple[BearerTokenValidator, str]:
        """Find the token. Raises ``InvalidRequestError`` for two of them (RFC 6750 section 2)."""
        in_form = flask_request.method == "POST"
        posted = flask_request.form.getlist("access_token") if in_form else []
        if not posted:
            found: tuple[BearerTokenValidator, str] = super().parse_request_authorization(request)
            return found
        if len(posted) > 1 or "Authorization" in flask_request.headers:
            raise InvalidRequestError("The access token must come once.")
        return self.get_token_validator("bearer"), posted[0]

    def raise_error_response(self, error: OAuth2Error) -> NoReturn:
        """Answer with the challenge of RFC 6750 section 3, without a code where no token came."""
        challenge = "Bearer"
        if not isinstance(error, MissingAuthorizationError | UnsupportedTokenTypeError):
            challenge += f' error="{error.error}", error_description="{error.description}"'
        text = error.description or "A bearer token is needed."
        response = jsonify(dict(error.get_body()) | {"error_description": text})
        response.status_code = error.status_code
        response.headers["WWW-Authenticate"] = challenge
        abort(response)


class _AccessTokenValidator(BearerTokenValidator):  # type: ignore[misc]
    """Looks the bearer token up; raises ``InvalidTokenError`` for one that has ended."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self._provider = provider

    def authenticate_token(self, token_string: str) -> Token | None:
        return find_token(self._provider.context.engine, token_string)

    def validate_token(
        self, token: Token | None, scopes: list[str] | None, request: object
    ) -> None:
        """Check the token; each has the scope ``openid``, the only one that is required here."""
        if (
            token is None
            or token.kind != TokenKind.ACCESS
            or token.expires_at <= self._provider.context.clock()
        ):
            raise InvalidTokenError()


class _IssuerParameter(IssuerParameter):  # type: ignore[misc]
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer


def _authenticate_basic(
    query_client: Callable[[str], Client | None], request: ProtocolRequest
) -> Client | None:
    """Check as Authlib does, and answer a header that it cannot take apart like a wrong secret."""
    try:
        client: Client | None = authenticate_client_secret_basic(query_client, request)
    except ValueError as error:
        raise InvalidClientError(status_code=401) from error
    return client
