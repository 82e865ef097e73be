"""The pages of linking and their addresses."""

from __future__ import annotations

from flask import Blueprint

from auth.linking.confirming import confirm
from auth.linking.pages import choose, enter_as_another, show
from auth.linking.parents import children
from auth.linking.requesting import ask_school, withdraw
from auth.oidc.context import with_context
from auth.pages.guard import guard


def make_blueprint() -> Blueprint:
    blueprint = Blueprint("auth_linking", "auth", url_prefix="/auth/linking")
    blueprint.after_request(guard)
    blueprint.get("/")(with_context(show))
    for view in (choose, withdraw):
        blueprint.post(f"/{view.__name__}")(with_context(view))
    blueprint.post("/other")(with_context(enter_as_another))
    for path, view in (("confirm", confirm), ("school", ask_school), ("children", children)):
        blueprint.route(f"/{path}", methods=["GET", "POST"])(with_context(view))
    return blueprint
