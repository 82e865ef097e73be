"""Commands that check and say what to change: doctor, moodle-login-setup, moodle-setup-script."""

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
from provisioning.moodle.requirements import required_capabilities, required_functions
from service.cli.base import STOPPED, Context, json_option, pass_context, print_json
from service.data_folder import StartError
from service.doctor import Check, Verdict, examine
from service.doctor.setup_script import MAPPINGS, SCOPES, setup_script
from service.doctor.sign_in import (
    callback_of,
    examine_moodle_login,
    moodle_client,
    usable_clients,
)
from service.i18n import gettext as _
from service.signin.provider import provider_settings
from service.words.requirements import purpose

SERVICES = "Site administration > Server > OAuth 2 services > Create new custom service"
MAPPINGS_PAGE = "Site administration > Server > OAuth 2 services > Configure user field mappings"
PLUGINS = "Site administration > Plugins > Authentication > Manage authentication"
OAUTH2 = "Site administration > Plugins > Authentication > OAuth 2"


def moodle_fields(client: Client | None, issuer: str, *, show_secret: bool) -> list[dict[str, str]]:
    """Return what to put into each field of Moodle's pages, by their English names, in the order
    of the pages (docs/facts/moodle.md 7.1 to 7.9)."""
    secret = _("the one made by schoolbridge client-secret, or shown once in the console")
    if client and client.client_secret:
        hidden = _("as in [[auth.clients]] (printed with --show-secret)")
        secret = client.client_secret if show_secret else hidden
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
        (SERVICES, "Scopes included in a login request", SCOPES, ""),
        (SERVICES, "Scopes included in a login request for offline access", SCOPES, ""),
        (SERVICES, "Login domains", "", _("empty")),
        (SERVICES, "Require email verification", no,
         _("the addresses are placeholders: nobody would get the message")),
        (MAPPINGS_PAGE, "sub", "username",
         _("before anyone signs in. Moodle finds the account by the e-mail the first time and "
           "stores a link under this name; sub never changes, the login may. The user name "
           "of the account stays the login")),
        *((MAPPINGS_PAGE, claim, field, "") for claim, field in MAPPINGS.items() if claim != "sub"),
        (MAPPINGS_PAGE, _("all other rows"), _("delete"),
         _("Moodle made them by itself: a sign-in would write the patronymic into the middle name, "
           "while the first name holds it already")),
        (OAUTH2, "Lock value (First name, Last name, Middle name, Email address)", "Locked",
         _("names come from the school's roll, not from each sign-in")),
    ]  # fmt: skip
    names = ("page", "name", "value", "why")
    return [dict(zip(names, field, strict=True)) for field in fields]


@click.command("doctor")
@click.option(
    "--requirements", is_flag=True,
    help=_("Only list what our account needs in Moodle; asks neither Moodle nor the database."),
)  # fmt: skip
@json_option
@pass_context
def doctor(context: Context, requirements: bool, as_json: bool) -> None:
    if requirements:
        _print_requirements(as_json)
        return
    logging.getLogger("provisioning").setLevel(logging.ERROR)  # what fails is said below
    config = os.environ.get("SCHOOLBRIDGE_CONFIG")
    checks = examine(context.any_application, Path(config) if config else None)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        _print_checks(checks)
    _stop_at_problems(checks)


def _print_requirements(as_json: bool) -> None:
    capabilities, functions = required_capabilities(), required_functions()
    if as_json:
        print_json(
            {
                "capabilities": [
                    {"name": one.capability, "functions": one.functions, "optional": one.optional}
                    for one in capabilities
                ],
                "functions": [{"name": one, "optional": one.optional} for one in functions],
            }
        )
        return
    optional = _(" (optional)")
    click.echo(_("Capabilities of the role, at system level:"))
    for one in capabilities:
        told = f": {purpose(one.capability)}" if one.purpose else ""
        click.echo(f"  {one.capability}{optional if one.optional else ''}{told}")
    click.echo("\n" + _("Functions of the service:"))
    for function in functions:
        click.echo(f"  {function}{optional if function.optional else ''}")
    click.echo(
        "\n" + _("Loads work without what is optional, but more slowly, and less can be looked at.")
    )
    click.echo(_("The role must be allowed to assign student and editingteacher, or every "
                 "enrolment fails. “schoolbridge moodle-setup-script” does all this."))  # fmt: skip


@click.command("moodle-setup-script")
@click.option("--show-secret", is_flag=True, help=_("Put the client secret into the script too."))
@pass_context
def moodle_setup_script(context: Context, show_secret: bool) -> None:
    settings = context.settings
    try:
        clients = usable_clients(context.any_application)
    except StartError:  # nothing of the settings file needs a data folder
        clients = settings.auth.clients
    issuer = provider_settings(settings).issuer
    client = moodle_client(settings, clients)
    click.echo(setup_script(settings, client, issuer, show_secret=show_secret), nl=False)


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
