"""The provider's own pages and their addresses."""

from __future__ import annotations

from functools import partial

from flask import Blueprint

from auth.oidc import endpoints
from auth.oidc.context import with_context
from auth.oidc.provider import Provider
from auth.pages.guard import guard
from auth.portal.authorize import authorize, check_login, consent
from auth.portal.home import home, login, own_class, set_password
from auth.portal.logout import logout


def make_protocol_blueprint(provider: Provider) -> Blueprint:
    """Make the addresses for applications, with the two to which they send people."""
    blueprint = endpoints.make_blueprint(provider)
    blueprint.after_request(guard)
    for view in (authorize, consent):
        blueprint.add_url_rule(
            f"/auth/{view.__name__}",
            view.__name__,
            partial(view, provider),
            methods=["GET", "POST"],
        )
    return blueprint


def make_blueprint(provider: Provider) -> Blueprint:
    blueprint = Blueprint(
        "auth_pages",
        "auth",
        url_prefix="/auth",
        template_folder="templates",
        static_folder="static",
    )
    blueprint.after_request(guard)
    blueprint.get("/")(with_context(home))
    blueprint.get("/login")(with_context(login))
    blueprint.add_url_rule(
        "/login", "check_login", partial(check_login, provider), methods=["POST"]
    )
    for path, view in (("set-password", set_password), ("logout", logout), ("class", own_class)):
        blueprint.route(f"/{path}", methods=["GET", "POST"])(with_context(view))
    return blueprint
