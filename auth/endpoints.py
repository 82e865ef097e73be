"""What applications talk to: discovery, keys, authorize, token, userinfo."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750 import InvalidTokenError
from flask import Blueprint, Response, jsonify, redirect, request, url_for

from auth.claims import CLAIMS_SUPPORTED, make_claims
from auth.clients import KNOWN_SCOPES
from auth.keys import ALGORITHM
from auth.models import Method
from auth.pages import guard, render
from auth.provider import current_provider
from auth.texts import LANGUAGES

blueprint = Blueprint("auth", __name__)
blueprint.after_request(guard)


@blueprint.get("/.well-known/openid-configuration")
def discovery() -> Response:
    """OpenID Connect Discovery 1.0. Moodle stores every key that ends in ``_endpoint``."""
    issuer = current_provider().settings.issuer
    return _public(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/auth/authorize",
            "token_endpoint": f"{issuer}/auth/token",
            "userinfo_endpoint": f"{issuer}/auth/userinfo",
            "jwks_uri": f"{issuer}/auth/jwks.json",
            "scopes_supported": KNOWN_SCOPES,
            "claims_supported": CLAIMS_SUPPORTED,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "none",
            ],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "claims_parameter_supported": False,
            "ui_locales_supported": LANGUAGES,
        }
    )


@blueprint.get("/auth/jwks.json")
def jwks() -> Response:
    return _public(current_provider().keys.jwks())


def _public(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.cache_control.public = True
    response.cache_control.max_age = 300
    return response


@blueprint.route("/auth/authorize", methods=["GET", "POST"])
def authorize() -> Any:
    """Send the person back with a code, or to our pages first.

    Nothing is redirected to an address that is not registered (RFC 6749 section 4.1.2.1).
    """
    provider = current_provider()
    sign_in = provider.sessions.current(request, provider.clock())
    account = provider.directory.by_person_id(sign_in.person_id) if sign_in else None
    try:
        grant = provider.get_consent_grant(end_user=account)
    except OAuth2Error as error:
        if error.redirect_uri:
            return provider.redirect_with_error(error)
        return render("bad_request.html", status=400, error=error.error)
    query = [(name, value) for name, value in request.values.items(multi=True)]
    if sign_in is None or account is None or grant.prompt in {"login", "select_account"}:
        # The person is asked once: the way back is without the wish to be asked.
        query = [(name, value) for name, value in query if name != "prompt"]
        return redirect(f"{url_for('auth_pages.login')}?{urlencode(query)}", 303)
    client = grant.client
    decision = provider.decide(account, client, Method.SESSION)
    if decision.reason:
        method = Method.SESSION if sign_in.used else Method.PASSWORD
        provider.record_refusal(
            account, client_id=client.client_id, method=method, reason=decision.reason
        )
        return render("refused.html", status=403, reason=decision.reason, client=client)
    if sign_in.with_first_password:
        return redirect(f"{url_for('auth_pages.set_password')}?{urlencode(query)}", 303)
    grant.request.sign_in = sign_in
    return provider.create_authorization_response(grant_user=account, grant=grant)


@blueprint.post("/auth/token")
def token() -> Any:
    return current_provider().create_token_response()


@blueprint.route("/auth/userinfo", methods=["GET", "POST"])
def userinfo() -> Any:
    """The claims of the token's scope, for as long as the person is let in."""
    provider = current_provider()
    with provider.bearer.acquire() as token:
        client = provider.query_client(token.client_id)
        account = provider.admitted(token.person_id, client) if client else None
        if account is None:
            raise InvalidTokenError()
        return jsonify(make_claims(account, token.scope))
