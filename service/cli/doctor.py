"""Commands that check and say what to change: doctor, moodle-login-setup."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import click

from auth.clients.client import Client
from service.cli.base import STOPPED, Context, json_option, pass_context, print_json
from service.doctor import Check, Verdict, examine
from service.doctor.sign_in import (
    callback_of,
    examine_moodle_login,
    moodle_client,
    usable_clients,
)
from service.i18n import gettext as _
from service.signin.provider import provider_settings

SERVICES = "Site administration > Server > OAuth 2 services > Create new custom service"
MAPPINGS = "Site administration > Server > OAuth 2 services > Configure user field mappings"
PLUGINS = "Site administration > Plugins > Authentication > Manage authentication"
OAUTH2 = "Site administration > Plugins > Authentication > OAuth 2"


def moodle_fields(client: Client | None, issuer: str, *, show_secret: bool) -> list[dict[str, str]]:
    """Return what to put into each field of Moodle's pages, by their English names, in the order
    of the pages (docs/facts/moodle.md 7.1 to 7.9)."""
    secret = _("the one made by schoolbridge client-secret, or shown once in the console")
    if client and client.client_secret:
        hidden = _("as in [[auth.clients]] (printed with --show-secret)")
        secret = client.client_secret if show_secret else hidden
    scopes = "openid profile email"
    yes, no = _("yes"), _("no")
    fields = [
        (PLUGINS, "OAuth 2", yes, ""),
        (PLUGINS, "Prevent account creation when authenticating", yes,
         _("accounts come from the school's roll; others would get a second one")),
        (SERVICES, "Name", _("School sign-in"), _("people see it on the button")),
        (SERVICES, "Client ID", client.client_id if client else "moodle", ""),
        (SERVICES, "Client secret", secret, ""),
        (SERVICES, "Authenticate token requests via HTTP headers", yes, ""),
        (SERVICES, "Service base URL", issuer, ""),
        (SERVICES, "This service will be used", "Login page only", ""),
        (SERVICES, "Scopes included in a login request", scopes, ""),
        (SERVICES, "Scopes included in a login request for offline access", scopes, ""),
        (SERVICES, "Login domains", "", _("empty")),
        (SERVICES, "Require email verification", no,
         _("the addresses are placeholders: nobody would get the message")),
        (MAPPINGS, "sub", "username",
         _("before anyone signs in. Moodle finds the account by the e-mail the first time and "
           "stores a link under this name; sub never changes, the login may. The user name "
           "of the account stays the login")),
        (OAUTH2, "Lock value (First name, Last name, Email address)", "Locked",
         _("names come from the school's roll, not from each sign-in")),
    ]  # fmt: skip
    names = ("page", "name", "value", "why")
    return [dict(zip(names, field, strict=True)) for field in fields]


@click.command("doctor")
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    logging.getLogger("provisioning").setLevel(logging.ERROR)  # what fails is said below
    config = os.environ.get("SCHOOLBRIDGE_CONFIG")
    checks = examine(context.any_application, Path(config) if config else None)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        _print_checks(checks)
    _stop_at_problems(checks)


@click.command("moodle-login-setup")
@click.option("--show-secret", is_flag=True, help=_("Print the client secret too."))
@json_option
@pass_context
def moodle_login_setup(context: Context, show_secret: bool, as_json: bool) -> None:
    settings = context.settings
    issuer = provider_settings(settings).issuer
    client = moodle_client(settings, usable_clients(context.application))
    fields = moodle_fields(client, issuer, show_secret=show_secret)
    checks = list(examine_moodle_login(settings, client, issuer))
    if as_json:
        told = {"redirect_uri": callback_of(settings.moodle_target.url), "fields": fields}
        print_json({**told, "checks": [asdict(check) for check in checks]})
    else:
        click.echo(_("Names of pages and fields are those of Moodle in English."))
        for page, of_page in groupby(fields, key=itemgetter("page")):
            click.echo(f"\n{page}")
            for field in of_page:
                why = f"  ({field['why']})" if field["why"] else ""
                click.echo(f"  {field['name']}: {field['value']}{why}")
        click.echo("")
        _print_checks(checks)
    _stop_at_problems(checks)


def _print_checks(checks: Iterable[Check]) -> None:
    """Print what was found, each with what to change."""
    signs = {Verdict.OK: "✓", Verdict.WARNING: "!", Verdict.PROBLEM: "✗"}
    for check in checks:
        click.echo(f"{signs[check.verdict]} {check.subject}: {check.message}")
        if check.remedy:
            click.echo(f"    → {check.remedy}")


def _stop_at_problems(checks: Iterable[Check]) -> None:
    if any(check.verdict == Verdict.PROBLEM for check in checks):
        sys.exit(STOPPED)
