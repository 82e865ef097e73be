"""Signing out: our own page, and OpenID Connect RP-Initiated Logout at the same address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from flask import redirect, request, url_for

from auth.clients.client import Client, source_of
from auth.oidc.context import Context
from auth.oidc.grants import read_id_token
from auth.oidc.sign_ins import end_sign_in
from auth.pages.guard import let_forms_lead_to
from auth.pages.shell import render
from auth.upstream.pages import forget, remembered, sign_out_there


def logout(context: Context) -> Any:
    """Sign out; ask first, unless the application shows the person's ID token: a link on a strange
    page must not sign anybody out (RP-Initiated Logout section 6)."""
    here = url_for("auth_pages.logout")
    if request.method == "POST" and "form_token" not in request.form:
        # Browsers send no cookie with another site's form, but they do with a link.
        return redirect(f"{here}?{urlencode(list(request.form.items(multi=True)))}", 303)
    try:
        claims, back, client = _read_wish(context)
    except OAuth2Error as error:
        return render(context, "bad_request.html", status=400, error=error.error)
    sign_in = context.sessions.current(request, context.clock())
    confirmed = request.method == "POST" and context.sessions.cookie.is_own_form(request)
    # A sign-in at an outside provider lasts longer than ours, and has to end all the same.
    elsewhere = sign_in is None and remembered(context) is not None
    # The application proves that it means this very sign-in.
    meant = sign_in is not None and (
        (claims.get("sub"), claims.get("sid", sign_in.sid)) == (sign_in.person_id, sign_in.sid)
    )
    if ((sign_in or elsewhere) and confirmed) or meant or (elsewhere and claims):
        onward = back or here
        response = sign_out_there(context, onward) or redirect(onward, 303)
        forget(context, response)
        end_sign_in(context, response)
        return response
    if sign_in is None and back:
        return redirect(back, 303)
    if client:
        let_forms_lead_to(client.origins, source_of(back))
    return render(context, "logout.html", signed_in=sign_in is not None or elsewhere)


def _read_wish(context: Context) -> tuple[dict[str, Any], str, Client | None]:
    """Return the claims of the ``id_token_hint``, the checked address to go back to, with
    ``state``, and its application; they are empty where nothing was sent.

    Raises ``OAuth2Error`` for a wrong hint, client or address.
    """
    hint, client_id = request.args.get("id_token_hint"), request.args.get("client_id")
    claims = read_id_token(context, hint) if hint else {}
    if client_id and claims and claims.get("aud") != client_id:
        raise InvalidRequestError("The 'id_token_hint' was given to another client.")
    back, client = request.args.get("post_logout_redirect_uri", ""), None
    if back:
        client = context.client(client_id or str(claims.get("aud", "")))
        if client is None:
            raise InvalidClientError()
        if back not in client.post_logout_redirect_uris:
            raise InvalidRequestError("The 'post_logout_redirect_uri' is not registered.")
        if state := request.args.get("state"):
            back = add_params_to_uri(back, [("state", state)])
    return claims, back, client
