"""The doctor's look at our identity provider, at its ЕСИА face, and at the sign-in to Moodle."""

from __future__ import annotations

import ipaddress
import socket
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

import requests
from sqlalchemy.exc import SQLAlchemyError

from auth.clients.client import Client
from auth.esia.protocol.gost import OpensslGost, find_gost
from auth.esia.registration import Change, certificate_change, read_systems
from auth.esia.standin import RegisteredSystem
from auth.esia.standin import read_systems as read_configured
from auth.oidc.keys import load_keys
from provisioning.moodle import bounded_session
from service.application import Application
from service.doctor.check import SOON, About, Check
from service.i18n import gettext as _
from service.settings import Settings
from service.signin.clients import application_clients

ANSWER_SECONDS = 10
UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21}
"""OpenSSL's verification codes for a certificate whose signer is not known here."""
DISCOVERY = "/.well-known/openid-configuration"


def examine_sign_in(application: Application) -> Iterator[Check]:
    settings = application.settings
    yield _issuer(settings)
    yield _clients(settings, usable_clients(application))
    yield _keys(application)


def _issuer(settings: Settings) -> Check:
    about = About(_("Address of the sign-in"))
    issuer = settings.auth.issuer or settings.base_url
    try:
        replace(settings.auth, issuer=issuer)
    except ValueError:
        return about.problem(
            _("{issuer} cannot be used: it must be https, or http on loopback", issuer=issuer),
            _("Set [server] base_url, or [auth] issuer, to the https address that browsers use."),
        )
    if not issuer.startswith("https:") and not settings.uses_standin:
        return about.warning(*_plain_http(issuer))
    return about.ok(issuer)


def _plain_http(issuer: str) -> tuple[str, str]:
    """Return what is wrong with the address, and the remedy."""
    return (
        _("{issuer} is not https, and Moodle refuses such a provider", issuer=issuer),
        _("Put a web server with a certificate before us; set [server] base_url to its "
          "https address and trusted_proxies to 1."),
    )  # fmt: skip


def usable_clients(application: Application) -> Sequence[Client]:
    """Return the clients of the settings file and the console; the former without a database."""
    try:
        return application_clients(application)
    except SQLAlchemyError:
        return application.settings.auth.clients


def _clients(settings: Settings, clients: Sequence[Client]) -> Check:
    about = About(_("Clients of the sign-in"))
    names = ", ".join(client.client_id for client in clients)
    if settings.uses_standin or settings.passwords.kept_in == "moodle":
        return about.ok(names or _("none"))
    if moodle_client(settings, clients):
        return about.ok(names)
    return about.problem(
        _("none of them is this Moodle, so nobody can sign in to it"),
        _("Register a client in the console, or add [[auth.clients]], with the return address "
          "{callback}; put its client id and secret into Moodle: Site administration > Server > "
          "OAuth 2 services.", callback=callback_of(settings.moodle.url)),
    )  # fmt: skip


def _keys(application: Application) -> Check:
    about = About(_("Signing keys"))
    folder = application.settings.signing_keys
    files = list(folder.glob("*.pem"))
    if not files:
        return about.problem(
            _("there are none in {folder}", folder=folder), _("Run: schoolbridge init")
        )
    try:
        load_keys(folder, application.clock())
    except (OSError, ValueError):
        return about.problem(
            _("those in {folder} cannot be read", folder=folder),
            _("Restore the folder from a copy, or remove the broken file: another is made."),
        )
    return about.ok(_("{n} in {folder}", n=len(files), folder=folder))


def examine_esia(application: Application) -> Iterator[Check]:
    """Check the stand-in; there is nothing to check where it is not served."""
    settings = application.settings.esia
    if not settings.is_served:
        return
    gost = find_gost()
    about = About(_("ЕСИА stand-in"))
    engine = _("OpenSSL with its engine gost")
    name = engine if isinstance(gost, OpensslGost) else _("gostcrypto, in Python alone")
    yield about.ok(_("GOST signatures are checked by: {name}", name=name))
    try:
        systems = read_configured(settings, gost)
    except ValueError as error:
        yield about.problem(str(error), _("See [[esia.systems]]."))
        return
    # The look at the database says what is wrong with it.
    with suppress(SQLAlchemyError), application.sessions() as db:
        systems = read_systems(db, systems, gost)
    for _mnemonic, system in sorted(systems.items()):
        yield from _certificates(system, application.clock())


def _certificates(system: RegisteredSystem, now: datetime) -> Iterator[Check]:
    """Warn of a system that will be shut out soon, or is already."""
    about = About(_("ЕСИА stand-in: {system}", system=system.mnemonic))
    remedy = _("Register the next certificate: in the console, or next_certificate in the file.")
    change = certificate_change(system.certificates, now)
    if change.state is Change.NONE:
        yield about.warning(_("has no certificate yet"), remedy)
    elif change.state is Change.ENDED:
        yield about.warning(_("its certificate has ended"), remedy)
    elif change.state in {Change.SINGLE, Change.DONE} and change.until:
        last = f"{change.until:%d.%m.%Y}"
        if change.until - now < SOON:
            yield about.warning(_("its certificate ends on {last}", last=last), remedy)


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
        yield About(_("Passwords")).warning(
            _("they are kept in Moodle, so our page takes none"),
            _("For signing in through us, set [passwords] kept_in to provider."),
        )
    if not issuer.startswith("https:"):
        yield About(_("Address of the sign-in")).problem(*_plain_http(issuer))
    yield from _discovery(issuer)
    yield from _blocked(issuer)


def _client(settings: Settings, client: Client | None) -> Check:
    about = About(_("Client of this Moodle"))
    callback = callback_of(settings.moodle_target.url)
    if client is None:
        return about.problem(
            _("no client has the address {callback}", callback=callback),
            _("Register a client in the console, or add [[auth.clients]], with the return "
              "address {callback}.", callback=callback),
        )  # fmt: skip
    if client.is_public or client.require_pkce or "email" not in client.scopes:
        return about.problem(
            _("{client} cannot be used by Moodle", client=client.client_id),
            _("It needs a secret and the scope email, and require_pkce must be off."),
        )
    return about.ok(client.client_id)


def _way_on(settings: Settings, client: Client) -> Check:
    """Check the way on to Moodle for people who sign in at the address on the slip."""
    about = About(_("Button to this Moodle"))
    if client.home_url:
        return about.ok(client.home_url)
    return about.warning(
        _("whoever signs in at our own address finds no way on to Moodle"),
        _("Set the address of the application (home_url) of {client} to {address}.",
          client=client.client_id, address=settings.moodle_target.url.rstrip("/") + "/"),
    )  # fmt: skip


def _discovery(issuer: str) -> Iterator[Check]:
    about = About(_("Reachable for Moodle"))
    address = issuer + DISCOVERY
    try:
        try:
            found = _ask(address)
        except requests.exceptions.SSLError as error:
            if not _of_unknown_authority(error):
                raise
            # Moodle has a list of its own; only a look from there tells.
            yield about.warning(
                _("this machine does not know the authority of the certificate of {address}",
                  address=address),
                _("If Moodle knows it, all is well: put your own authority into Moodle's data "
                  "folder as moodleorgca.crt. The script of moodle-setup-script looks from "
                  "Moodle's side (--check)."),
            )  # fmt: skip
            found = _ask(address, verify=False)
    except requests.exceptions.SSLError:
        yield about.problem(
            _("the certificate of {address} is not trusted", address=address),
            _("Use a certificate of a known authority, with its whole chain; or put your own "
              "authority into Moodle's data folder as moodleorgca.crt."),
        )  # fmt: skip
    except requests.RequestException:
        yield about.problem(
            _("{address} does not answer", address=address),
            _("Start schoolbridge serve and look at the web server before it."),
        )
    else:
        if isinstance(found, dict) and found.get("issuer") == issuer:
            yield about.ok(address)
            return
        yield about.problem(
            _("{address} answers, but not as our provider", address=address),
            _("The web server before us must pass on everything below this address."),
        )


def _ask(address: str, *, verify: bool = True) -> object:
    """Return the public document at ``address``, if it is one. Raises ``RequestException``."""
    with bounded_session(seconds=ANSWER_SECONDS) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said to the operator already
        answer = session.get(address, timeout=ANSWER_SECONDS, allow_redirects=False, verify=verify)
    return answer.json() if answer.ok else None


def _of_unknown_authority(error: requests.exceptions.SSLError) -> bool:
    """Tell whether nothing is wrong with the certificate but who signed it."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    cause = reason.args[0] if reason is not None and reason.args else None
    return getattr(cause, "verify_code", 0) in UNKNOWN_AUTHORITY


def _blocked(issuer: str) -> Iterator[Check]:
    """Check our address against Moodle's default block list (docs/facts/moodle.md 7.3)."""
    about = About(_("Moodle's cURL block list"))
    parts = urlsplit(issuer)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        yield about.warning(
            _("the name {host} is not known here", host=parts.hostname),
            _("Moodle must be able to find it."),
        )
        found = []
    private = sorted({a[4][0] for a in found if ipaddress.ip_address(a[4][0]).is_private})
    if private:
        yield about.warning(
            _("{host} is {address}, which Moodle blocks", host=parts.hostname, address=private[0]),
            _("In Moodle: Site administration > General > Security > HTTP security; take the "
              "network of this address out of the list of blocked hosts."),
        )  # fmt: skip
    if port not in {80, 443}:
        yield about.warning(
            _("Moodle does not ask port {port}", port=port),
            _("In Moodle: Site administration > General > Security > HTTP security; add the "
              "port to the list of allowed ports."),
        )  # fmt: skip
    elif found and not private:
        yield about.ok(_("does not concern {host}", host=parts.hostname))
