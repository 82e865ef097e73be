"""The doctor's look at the sign-in to Moodle through us, from the outside."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import requests

from auth.clients.client import Client
from provisioning.moodle import bounded_session
from service.doctor.check import Check, ok, problem, warning
from service.i18n import gettext as _
from service.settings import Settings

ANSWER_SECONDS = 10
DISCOVERY = "/.well-known/openid-configuration"


def callback_of(moodle_url: str) -> str:
    """Return the address to which Moodle wants people sent back (docs/facts/moodle.md 7.1)."""
    return moodle_url.rstrip("/") + "/admin/oauth2callback.php"


def moodle_client(settings: Settings, clients: Iterable[Client]) -> Client | None:
    """Return the client that is the configured Moodle, or None."""
    callback = callback_of(settings.moodle_target.url)
    return next((one for one in clients if callback in one.redirect_uris), None)


def examine_moodle_login(settings: Settings, client: Client | None, issuer: str) -> Iterator[Check]:
    """Check what shows from our side: Moodle's own settings have no web service."""
    yield _client(settings, client)
    if client and settings.passwords.kept_in == "provider":
        yield _way_on(settings, client)
    if settings.passwords.kept_in == "moodle":
        yield warning(
            _("Passwords"),
            _("they are kept in Moodle, so our page takes none"),
            _("For signing in through us, set [passwords] kept_in to provider."),
        )
    if not issuer.startswith("https:"):
        yield problem(
            _("Address of the sign-in"),
            _("{issuer} is not https, and Moodle refuses such a provider", issuer=issuer),
            _(
                "Put a web server with a certificate before us; set [server] base_url to its "
                "https address and trusted_proxies to 1."
            ),
        )
    yield _discovery(issuer)
    yield _blocked(issuer)


def _client(settings: Settings, client: Client | None) -> Check:
    subject = _("Client of this Moodle")
    callback = callback_of(settings.moodle_target.url)
    if client is None:
        return problem(
            subject,
            _("no client has the address {callback}", callback=callback),
            _(
                "Register a client in the console, or add [[auth.clients]], with the return "
                "address {callback}.",
                callback=callback,
            ),
        )
    if client.is_public or client.require_pkce or "email" not in client.scopes:
        return problem(
            subject,
            _("{client} cannot be used by Moodle", client=client.client_id),
            _("It needs a secret and the scope email, and require_pkce must be off."),
        )
    return ok(subject, client.client_id)


def _way_on(settings: Settings, client: Client) -> Check:
    """Check the way on to Moodle for people who sign in at the address on the slip."""
    subject = _("Button to this Moodle")
    if client.home_url:
        return ok(subject, client.home_url)
    return warning(
        subject,
        _("whoever signs in at our own address finds no way on to Moodle"),
        _(
            "Set the address of the application (home_url) of {client} to {address}.",
            client=client.client_id,
            address=settings.moodle_target.url.rstrip("/") + "/",
        ),
    )


def _discovery(issuer: str) -> Check:
    subject = _("Reachable for Moodle")
    address = issuer + DISCOVERY
    try:
        with bounded_session(seconds=ANSWER_SECONDS) as session:
            answer = session.get(address, timeout=ANSWER_SECONDS, allow_redirects=False)
        found = answer.json() if answer.ok else {}
    except requests.exceptions.SSLError:
        return problem(
            subject,
            _("the certificate of {address} is not trusted", address=address),
            _(
                "Use a certificate of a known authority, with its whole chain; or put your own "
                "authority into Moodle's data folder as moodleorgca.crt."
            ),
        )
    except requests.RequestException:
        return problem(
            subject,
            _("{address} does not answer", address=address),
            _("Start schoolbridge serve and look at the web server before it."),
        )
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        return problem(
            subject,
            _("{address} answers, but not as our provider", address=address),
            _("The web server before us must pass on everything below this address."),
        )
    return ok(subject, address)


def _blocked(issuer: str) -> Check:
    """Check our address against Moodle's default block list (docs/facts/moodle.md 7.3)."""
    subject = _("Moodle's cURL block list")
    parts = urlsplit(issuer)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return warning(
            subject,
            _("the name {host} is not known here", host=parts.hostname),
            _("Moodle must be able to find it."),
        )
    private = sorted({a[4][0] for a in found if ipaddress.ip_address(a[4][0]).is_private})
    if private:
        return warning(
            subject,
            _("{host} is {address}, which Moodle blocks", host=parts.hostname, address=private[0]),
            _(
                "In Moodle: Site administration > General > Security > HTTP security; take the "
                "network of this address out of the list of blocked hosts."
            ),
        )
    if port not in {80, 443}:
        return warning(
            subject,
            _("Moodle does not ask port {port}", port=port),
            _(
                "In Moodle: Site administration > General > Security > HTTP security; add the "
                "port to the list of allowed ports."
            ),
        )
    return ok(subject, _("does not concern {host}", host=parts.hostname))
