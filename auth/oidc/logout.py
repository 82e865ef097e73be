"""Signing out: our own page, and OpenID Connect RP-Initiated Logout at the same address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from flask import redirect, request, url_for

from auth.clients.client import Client, source_of
from auth.models import SignIn
from auth.oidc.provider import Provider, current_provider
from auth.pages.guard import let_forms_lead_to
from auth.pages.sign_in import blueprint, render
from auth.upstream.offers import current_handover
from auth.upstream.pages import sign_out_there


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What an application asks for when it sends somebody here to sign out."""

    claims: dict[str, Any]
    """Of its ``id_token_hint``; empty without one."""
    back: str
    """Its checked address with ``state``; empty: our own page."""
    client: Client | None
    """The application whose address ``back`` is."""

    def names(self, sign_in: SignIn) -> bool:
        """Whether the application proves that it means this very sign-in."""
        return (
            self.claims.get("sub") == sign_in.person_id
            and self.claims.get("sid", sign_in.sid) == sign_in.sid
        )


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> Any:
    """Ask first, unless the application shows the person's ID token: a link on a strange page
    must not sign anybody out (RP-Initiated Logout section 6)."""
    provider = current_provider()
    here = url_for("auth_pages.logout")
    if request.method == "POST" and "form_token" not in request.form:
        # Browsers send no cookie with another site's form, but they do with a link.
        return redirect(f"{here}?{urlencode(list(request.form.items(multi=True)))}", 303)
    try:
        wish = _read_wish(provider)
    except OAuth2Error as error:
        return render("bad_request.html", status=400, error=error.error)
    sign_in = provider.sessions.current(request, provider.clock())
    confirmed = request.method == "POST" and provider.sessions.is_own_form(request)
    # A sign-in at an outside provider lasts longer than ours, and has to end all the same.
    handover = current_handover()
    elsewhere = sign_in is None and handover.remembered(request) is not None
    if (
        ((sign_in or elsewhere) and confirmed)
        or (sign_in and wish.names(sign_in))
        or (elsewhere and wish.claims)
    ):
        onward = wish.back or here
        response = sign_out_there(onward) or redirect(onward, 303)
        handover.forget(response)
        provider.sign_out(request, response)
        return response
    if sign_in is None and wish.back:
        return redirect(wish.back, 303)
    if wish.client:
        let_forms_lead_to(wish.client.origins, source_of(wish.back))
    return render("logout.html", signed_in=sign_in is not None or elsewhere)


def _read_wish(provider: Provider) -> Wish:
    """Raises ``OAuth2Error`` for a wrong hint, client or address, and nobody is sent anywhere."""
    hint, client_id = request.args.get("id_token_hint"), request.args.get("client_id")
    claims = provider.read_id_token(hint) if hint else {}
    if client_id and claims and claims.get("aud") != client_id:
        raise InvalidRequestError("The 'id_token_hint' was given to another client.")
    back, client = request.args.get("post_logout_redirect_uri", ""), None
    if back:
        client = provider.query_client(client_id or str(claims.get("aud", "")))
        if client is None:
            raise InvalidClientError()
        if back not in client.post_logout_redirect_uris:
            raise InvalidRequestError("The 'post_logout_redirect_uri' is not registered.")
        if state := request.args.get("state"):
            back = add_params_to_uri(back, [("state", state)])
    return Wish(claims=claims, back=back, client=client)
