"""What applications talk to: discovery, keys, authorize, token, userinfo."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6750 import InvalidTokenError
from flask import Blueprint, Response, jsonify

from auth.clients.client import KNOWN_SCOPES
from auth.models import Method
from auth.oidc.authorize import authorize, consent
from auth.oidc.claims import CLAIMS_SUPPORTED, make_claims
from auth.oidc.grants import PASSWORD_CONTEXT
from auth.oidc.keys import ALGORITHMS, JWKS_SECONDS
from auth.oidc.provider import current_provider
from auth.pages.guard import guard
from auth.texts import LANGUAGES

SECRET_METHODS = ("client_secret_basic", "client_secret_post")

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
            "revocation_endpoint": f"{issuer}/auth/revoke",
            "introspection_endpoint": f"{issuer}/auth/introspect",
            "jwks_uri": f"{issuer}/auth/jwks.json",
            "end_session_endpoint": f"{issuer}/auth/logout",
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "scopes_supported": KNOWN_SCOPES,
            "claims_supported": CLAIMS_SUPPORTED,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "acr_values_supported": [PASSWORD_CONTEXT],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ALGORITHMS,
            "token_endpoint_auth_methods_supported": [*SECRET_METHODS, "none"],
            "revocation_endpoint_auth_methods_supported": [*SECRET_METHODS, "none"],
            "introspection_endpoint_auth_methods_supported": SECRET_METHODS,
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
    provider = current_provider()
    return _public(provider.keys.jwks(provider.clock(), provider.settings.signature_age))


def _public(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.cache_control.public = True
    response.cache_control.max_age = JWKS_SECONDS
    return response


blueprint.add_url_rule("/auth/authorize", view_func=authorize, methods=["GET", "POST"])
blueprint.add_url_rule("/auth/consent", view_func=consent, methods=["GET", "POST"])


@blueprint.post("/auth/token")
def token() -> Any:
    return current_provider().create_token_response()


@blueprint.post("/auth/revoke")
def revoke() -> Any:
    return current_provider().create_endpoint_response("revocation")


@blueprint.post("/auth/introspect")
def introspect() -> Any:
    return current_provider().create_endpoint_response("introspection")


@blueprint.route("/auth/userinfo", methods=["GET", "POST"])
def userinfo() -> Any:
    """The claims of the token's scope, for as long as the person is let in.

    The token comes in the header, or in a posted form (RFC 6750 sections 2.1 and 2.2).
    """
    provider = current_provider()
    with provider.bearer.acquire() as token:
        client = provider.query_client(token.client_id)
        method = Method(token.method)
        account = provider.admitted(token.person_id, client, method) if client else None
        if account is None:
            raise InvalidTokenError()
        return jsonify(make_claims(account, token.scope))
