"""The doctor's look at our identity provider: its address, its clients, its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from auth.clients.client import Client
from auth.oidc.keys import load_keys
from service.application import Application
from service.doctor.check import Check, ok, problem, warning
from service.i18n import gettext as _
from service.settings import Settings
from service.signin.clients import application_clients


def examine_sign_in(application: Application) -> Iterator[Check]:
    settings = application.settings
    yield _issuer(settings)
    yield _clients(settings, usable_clients(application))
    yield _keys(application)


def _issuer(settings: Settings) -> Check:
    subject = _("Address of the sign-in")
    issuer = settings.auth.issuer or settings.base_url
    try:
        replace(settings.auth, issuer=issuer)
    except ValueError:
        return problem(
            subject,
            _("{issuer} cannot be used: it must be https, or http on loopback", issuer=issuer),
            _("Set [server] base_url, or [auth] issuer, to the https address that browsers use."),
        )
    if not issuer.startswith("https:") and not settings.uses_standin:
        return warning(
            subject,
            _("{issuer} is not https, and Moodle refuses such a provider", issuer=issuer),
            _(
                "Put a web server with a certificate before us; set [server] base_url to its "
                "https address and trusted_proxies to 1."
            ),
        )
    return ok(subject, issuer)


def usable_clients(application: Application) -> Sequence[Client]:
    """Return the clients of the settings file and the console; the former without a database."""
    try:
        return application_clients(application)
    except SQLAlchemyError:
        return application.settings.auth.clients


def _clients(settings: Settings, clients: Sequence[Client]) -> Check:
    subject = _("Clients of the sign-in")
    names = ", ".join(client.client_id for client in clients)
    if settings.uses_standin or settings.passwords.kept_in == "moodle":
        return ok(subject, names or _("none"))
    callback = settings.moodle.url.rstrip("/") + "/admin/oauth2callback.php"
    if any(callback in client.redirect_uris for client in clients):
        return ok(subject, names)
    return problem(
        subject,
        _("none of them is this Moodle, so nobody can sign in to it"),
        _(
            "Register a client in the console, or add [[auth.clients]], with the return address "
            "{callback}; put its client id and secret into Moodle: Site administration > Server > "
            "OAuth 2 services.",
            callback=callback,
        ),
    )


def _keys(application: Application) -> Check:
    subject = _("Signing keys")
    folder = application.settings.signing_keys
    files = list(folder.glob("*.pem"))
    if not files:
        return problem(
            subject, _("there are none in {folder}", folder=folder), _("Run: schoolbridge init")
        )
    try:
        load_keys(folder, application.clock())
    except (OSError, ValueError):
        return problem(
            subject,
            _("those in {folder} cannot be read", folder=folder),
            _("Restore the folder from a copy, or remove the broken file: another is made."),
        )
    return ok(subject, _("{n} in {folder}", n=len(files), folder=folder))
