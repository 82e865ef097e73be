"""Provider: Authlib's authorization server with our clients, people, tables and errors."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    MissingAuthorizationError,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6749.authenticate_client import authenticate_client_secret_basic
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator, InvalidTokenError
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Request, abort, current_app, jsonify
from flask import request as flask_request
from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from auth.clients.client import Client
from auth.clients.registered import Clients
from auth.directory import Account, Directory
from auth.events import INSERT_EVENT, event_values, make_event
from auth.models import Method, SignIn, Token, TokenKind, digest, table_of
from auth.oidc.backchannel import end_grants
from auth.oidc.grants import ChallengeS256, CodeGrant, IdToken
from auth.oidc.keys import ALGORITHMS, SigningKey, SigningKeys
from auth.oidc.protocol_request import ProtocolRequest
from auth.oidc.tokens import Introspection, RefreshGrant, Revocation, find_token
from auth.settings import AuthSettings
from auth.signin import policy
from auth.signin.devices import Devices
from auth.signin.phases import Phase, Phases
from auth.signin.policy import Decision, Reason
from auth.signin.sessions import Begun, Sessions
from auth.signin.throttle import Throttle
from auth.texts import Texts

_INSERT_TOKENS = insert(table_of(Token))

if TYPE_CHECKING:
    from auth.pages.own_class import OwnClass


class Provider(AuthorizationServer):  # type: ignore[misc]
    """All that one application's sign-in consists of. Lives in ``app.extensions["auth"]``."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        directory: Directory,
        session_factory: sessionmaker[Session],
        clock: Callable[[], datetime],
        keys: SigningKeys,
        throttle: Throttle,
        phases: Phases,
        devices: Devices,
        own_class: OwnClass,
        texts: Texts,
        notices_waiting: Callable[[], None],
    ) -> None:
        super().__init__()
        self.settings = settings
        self._clients = Clients(settings.clients, session_factory, clock)
        self.directory = directory
        self.session_factory = session_factory
        self.clock = clock
        self.keys = keys
        self.throttle = throttle
        self.phases = phases
        self.devices = devices
        self.own_class = own_class
        self.texts = texts
        self._notices_waiting = notices_waiting
        self.engine: Engine = session_factory.kw["bind"]
        self.sessions = Sessions(self.engine, issuer=settings.issuer)
        self.bearer = _BearerProtector()
        self.bearer.register_token_validator(_AccessTokenValidator(self))
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                access_token_generator=lambda **_: secrets.token_urlsafe(32),
                refresh_token_generator=lambda **_: secrets.token_urlsafe(32),
                expires_generator=lambda client, grant_type: settings.access_token_seconds,
            ),
        )
        self.register_client_auth_method("client_secret_basic", _authenticate_basic)
        self.register_grant(CodeGrant, [ChallengeS256(required=True), IdToken(self)])
        self.register_grant(RefreshGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)
        self._issuer_parameter = _IssuerParameter(settings.issuer)
        self._issuer_parameter(self)

    @property
    def clients(self) -> Mapping[str, Client]:
        """Those of the settings file and of the console that may be used now."""
        return self._clients.current.clients

    # What Authlib asks.

    def query_client(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def create_oauth2_request(
        self, request: Request | ProtocolRequest | None, values: MultiDict[str, str] | None = None
    ) -> ProtocolRequest:
        """``values``: the parameters, where not all of ``request.values`` are meant."""
        if isinstance(request, ProtocolRequest):
            return request
        request = request or flask_request
        return ProtocolRequest(
            request, self.settings.issuer, request.values if values is None else values
        )

    def get_authorization_grant(self, request: ProtocolRequest) -> CodeGrant:
        """The grant, or an error that says what is wrong with ``response_type``.

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
        grant_id = old.grant_id if old else request.authorization_code.code_hash
        now = self.clock()
        shared = {
            "grant_id": grant_id,
            "client_id": request.client.client_id,
            "person_id": request.user.person_id,
            "method": (old or request.authorization_code).method,
            "issued_at": now,
            "used": False,
        }
        rows = [
            shared
            | {
                "token_hash": digest(token["access_token"]),
                "kind": TokenKind.ACCESS,
                "scope": token["scope"],
                "expires_at": now + timedelta(seconds=token["expires_in"]),
            }
        ]
        if "refresh_token" in token:
            rows.append(
                shared
                | {
                    "token_hash": digest(token["refresh_token"]),
                    "kind": TokenKind.REFRESH,
                    "scope": old.scope if old else token["scope"],
                    "expires_at": (
                        old.expires_at if old else now + self.settings.grant_age(token["scope"])
                    ),
                }
            )
        request.db.execute(_INSERT_TOKENS, rows)
        request.db.commit()

    def create_token_response(self, request: Request | None = None) -> Response:
        """Claim what is exchanged and store what is given for it, in one transaction.

        It ends before anything is signed. What was claimed in vain is spent, too.
        """
        asked = self.create_oauth2_request(request)
        with self.engine.connect() as asked.db:
            response: Response = super().create_token_response(asked)
            asked.db.commit()
        return response

    # What the views ask.

    def redirect_with_error(self, error: OAuth2Error) -> Response:
        """Tell the client, at its checked address, with ``state`` and ``iss`` (RFC 9207)."""
        response: Response = self.handle_error_response(None, error)
        self._issuer_parameter.add_issuer_parameter(self, response)
        return response

    def decide(self, account: Account, client: Client | None, method: Method) -> Decision:
        """Whether a sign-in that began by this method opens this application now; without one,
        whether it counts at all."""
        phase, exempt = self._phase_of(account, method)
        return policy.decide(account, client, method, phase=phase, exempt=exempt)

    def _phase_of(self, account: Account, method: Method) -> tuple[Phase, bool]:
        """The phase in force, and whether the person is exempt: asked only where it matters."""
        schedule = self.phases.schedule()
        day = schedule.day(self.clock())
        phase = schedule.phase(account, day)
        asked = phase is Phase.ESIA_ONLY and method is not Method.ESIA
        return phase, asked and self.phases.exemptions(account).cover(account, day)

    def admitted(self, person_id: str, client: Client, method: Method) -> Account | None:
        """The person, when still known and still let in after a sign-in that began so."""
        account = self.directory.by_person_id(person_id)
        if account and self.decide(account, client, method).allowed:
            return account
        return None

    def sign_in(
        self,
        request: Request,
        *,
        account: Account,
        method: Method,
        age: timedelta,
        with_first_password: bool = False,
        goes_on: bool = False,
    ) -> Begun:
        """Begin the browser's sign-in, by the cookie that the answer has to set
        (``Sessions.set_cookie``); who was signed in here before is signed out.

        It is stored together with its login event: there is never one without the other, whether
        or not an application asked. ``goes_on``: the person proved nothing anew, so that the event
        of the sign-in before stands for this one too.
        """
        clients, now = self.clients, self.clock()
        with self.engine.begin() as db:
            begun = self.sessions.begin(
                db,
                request,
                person_id=account.person_id,
                method=method,
                with_first_password=with_first_password,
                now=now,
                age=age,
            )
            if not goes_on:
                db.execute(
                    INSERT_EVENT,
                    event_values(account, client_id="", method=method, refused=None, now=now),
                )
            over = begun.over
            waiting = over is not None and self._end_grants(db, over, clients)
        if waiting:
            self._notices_waiting()
        return begun

    def sign_out(self, request: Request, response: Response) -> None:
        """End the browser's sign-in and what applications got in it, and have them told."""
        clients = self.clients
        with self.engine.begin() as db:
            over = self.sessions.end(db, request, response)
            waiting = over is not None and self._end_grants(db, over, clients)
        if waiting:
            self._notices_waiting()

    def _end_grants(self, db: Connection, sign_in: SignIn, clients: Mapping[str, Client]) -> bool:
        with Session(db) as session:
            notices = end_grants(session, sign_in, clients, self.clock())
            session.flush()
            return bool(notices)

    def signing_key(self, client: Client) -> SigningKey:
        return self.keys.signing(client.id_token_algorithm, self.clock())

    def read_id_token(self, id_token: str) -> dict[str, Any]:
        """The claims of an ID token of ours that a client shows us, expired or not.

        Raises ``InvalidRequestError`` for any other text.
        """
        keys = self.keys.key_set(self.clock(), self.settings.signature_age)
        try:
            claims = dict(jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError) as error:
            raise InvalidRequestError("The 'id_token_hint' is not of ours.") from error
        if (
            claims.get("iss") != self.settings.issuer
            or not isinstance(claims.get("sub"), str)
            or "events" in claims  # a logout token
        ):
            raise InvalidRequestError("The 'id_token_hint' is not of ours.")
        return claims

    def record_refusal(
        self, account: Account | None, *, client_id: str, method: Method, reason: Reason
    ) -> None:
        """Write the login event of somebody not let in. An unknown client is stored as none."""
        event = make_event(
            account,
            client_id=client_id if client_id in self.clients else "",
            method=method,
            refused=reason,
            now=self.clock(),
        )
        with self.session_factory.begin() as db:
            db.add(event)


def current_provider() -> Provider:
    """The provider of the application that answers this request."""
    provider: Provider = current_app.extensions["auth"]
    return provider


class _BearerProtector(ResourceProtector):  # type: ignore[misc]
    """Authlib's, which takes a token in the header only, with the posted form added."""

    def parse_request_authorization(self, request: object) -> tuple[BearerTokenValidator, str]:
        """Raises ``InvalidRequestError`` for a token in both places (RFC 6750 section 2)."""
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
    """Looks the bearer token up; raises ``InvalidTokenError`` for one that counts no more."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self._provider = provider

    def authenticate_token(self, token_string: str) -> Token | None:
        return find_token(self._provider.engine, token_string)

    def validate_token(
        self, token: Token | None, scopes: list[str] | None, request: object
    ) -> None:
        """Every token has the scope ``openid``, the only one anything here requires."""
        if (
            token is None
            or token.kind != TokenKind.ACCESS
            or token.expires_at <= self._provider.clock()
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
    """Authlib's check, with a header it cannot take apart answered like a wrong secret."""
    try:
        client: Client | None = authenticate_client_secret_basic(query_client, request)
    except ValueError as error:
        raise InvalidClientError(status_code=401) from error
    return client
