"""The addresses for applications: discovery, keys, token, userinfo."""

from __future__ import annotations

from functools import partial
from typing import Any

from authlib.oauth2.rfc6750 import InvalidTokenError
from flask import Blueprint, Response, jsonify

from auth.clients.client import KNOWN_SCOPES
from auth.directory import Account
from auth.models import Method
from auth.oidc.context import Context, with_context
from auth.oidc.grants import PASSWORD_CONTEXT
from auth.oidc.keys import ALGORITHMS, JWKS_SECONDS
from auth.oidc.provider import Provider
from auth.texts import LANGUAGES

CLAIMS_SUPPORTED = (
    "sub", "preferred_username", "name", "given_name", "family_name", "middle_name", "birthdate",
    "email", "email_verified", "school", "school_code", "district", "class", "roles",
)  # fmt: skip
SECRET_METHODS = ("client_secret_basic", "client_secret_post")

Claims = dict[str, str | bool | list[str]]


def make_blueprint(provider: Provider) -> Blueprint:
    """Make all but the two addresses that are pages, which ``portal`` adds."""
    blueprint = Blueprint("auth", "auth")
    blueprint.get("/.well-known/openid-configuration")(with_context(discovery))
    blueprint.get("/auth/jwks.json")(with_context(jwks))
    for name, answer in (
        ("token", provider.create_token_response),
        ("revoke", partial(provider.create_endpoint_response, "revocation")),
        ("introspect", partial(provider.create_endpoint_response, "introspection")),
    ):
        blueprint.add_url_rule(f"/auth/{name}", name, answer, methods=["POST"])
    blueprint.add_url_rule(
        "/auth/userinfo", "userinfo", partial(userinfo, provider), methods=["GET", "POST"]
    )
    return blueprint


def discovery(context: Context) -> Response:
    """Answer by OpenID Connect Discovery 1.0. Moodle stores every key that ends in
    ``_endpoint``."""
    issuer = context.settings.issuer
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


def jwks(context: Context) -> Response:
    return _public(context.keys.jwks(context.clock(), context.settings.signature_age))


def _public(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.cache_control.public = True
    response.cache_control.max_age = JWKS_SECONDS
    return response


def userinfo(provider: Provider) -> Any:
    """Answer with the claims of the token's scope, for as long as the person is let in.

    The token comes in the header, or in a posted form (RFC 6750 sections 2.1 and 2.2).
    """
    context = provider.context
    with provider.bearer.acquire() as token:
        client = context.client(token.client_id)
        method = Method(token.method)
        account = context.admitted(token.person_id, client, method) if client else None
        if account is None:
            raise InvalidTokenError()
        return jsonify(make_claims(account, token.scope))


def make_claims(account: Account, scope: str) -> Claims:
    """Return what an application learns about a person, by scope, the least by default: the claims
    of OpenID Connect Core 5.1 and 5.4, and those of our own scope ``school``.

    Empty claims are left out. ``email`` is the very address Moodle holds, a placeholder that
    receives no mail, hence never verified. Names keep the order family, given, patronymic.
    ``birthdate`` has a scope of its own instead of coming with ``profile``: hardly an application
    needs it, and for many children it is the first password.
    """
    scopes = set(scope.split())
    claims: Claims = {"sub": account.person_id}
    if "profile" in scopes:
        names = (account.family_name, account.given_name, account.middle_name)
        claims |= {
            "preferred_username": account.username,
            "name": " ".join(name for name in names if name),
            "given_name": account.given_name,
            "family_name": account.family_name,
            "middle_name": account.middle_name,
        }
    if "birthdate" in scopes and account.birth_date:
        claims["birthdate"] = account.birth_date.isoformat()
    if "email" in scopes:
        claims |= {"email": account.email, "email_verified": False}
    if "school" in scopes:
        claims |= {
            "school": account.school_name,
            "school_code": account.school_code,
            "district": account.district,
            "class": account.class_title,
            "roles": list(account.roles),
        }
    return {name: value for name, value in claims.items() if value not in ("", [])}
