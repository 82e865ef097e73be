"""The command moodle-login-setup: what to type into Moodle, and whether it can work."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass

import click

from auth.clients.client import Client
from service.cli.base import STOPPED, Context, json_option, pass_context, print_json
from service.cli.printing import print_checks
from service.doctor import Verdict
from service.doctor.moodle_login import callback_of, examine_moodle_login, moodle_client
from service.doctor.sign_in import usable_clients
from service.i18n import gettext as _
from service.signin.provider import provider_settings

SERVICES = "Site administration > Server > OAuth 2 services > Create new custom service"
MAPPINGS = "Site administration > Server > OAuth 2 services > Configure user field mappings"
PLUGINS = "Site administration > Plugins > Authentication > Manage authentication"
OAUTH2 = "Site administration > Plugins > Authentication > OAuth 2"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a Moodle page, by its English name, and what to put there."""

    page: str
    name: str
    value: str
    why: str = ""


def moodle_fields(client: Client | None, issuer: str, *, show_secret: bool) -> list[Field]:
    """Every value, in the order of the pages (docs/facts/moodle.md 7.1 to 7.9)."""
    secret = _("the one made by schoolbridge client-secret, or shown once in the console")
    if client and client.client_secret:
        hidden = _("as in [[auth.clients]] (printed with --show-secret)")
        secret = client.client_secret if show_secret else hidden
    scopes = "openid profile email"
    yes, no = _("yes"), _("no")

    def service(name: str, value: str, why: str = "") -> Field:
        return Field(page=SERVICES, name=name, value=value, why=why)

    def login(name: str, value: str, why: str = "") -> Field:
        return Field(page=OAUTH2, name=name, value=value, why=why)

    return [
        Field(page=PLUGINS, name="OAuth 2", value=yes),
        Field(
            page=PLUGINS,
            name="Prevent account creation when authenticating",
            value=yes,
            why=_("accounts come from the school's roll; others would get a second one"),
        ),
        service("Name", _("School sign-in"), _("people see it on the button")),
        service("Client ID", client.client_id if client else "moodle"),
        service("Client secret", secret),
        service("Authenticate token requests via HTTP headers", yes),
        service("Service base URL", issuer),
        service("This service will be used", "Login page only"),
        service("Scopes included in a login request", scopes),
        service("Scopes included in a login request for offline access", scopes),
        service("Login domains", "", _("empty")),
        service(
            "Require email verification",
            no,
            _("the addresses are placeholders: nobody would get the message"),
        ),
        Field(
            page=MAPPINGS,
            name="sub",
            value="username",
            why=_(
                "before anyone signs in. Moodle finds the account by the e-mail the first time and "
                "stores a link under this name; sub never changes, the login may. The user name "
                "of the account stays the login"
            ),
        ),
        login(
            "Lock value (First name, Last name, Email address)",
            "Locked",
            _("names come from the school's roll, not from each sign-in"),
        ),
    ]


@click.command(
    "moodle-login-setup", help=_("Print what to type into Moodle's OAuth 2 pages, and check it.")
)
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
        print_json(
            {
                "redirect_uri": callback_of(settings.moodle_target.url),
                "fields": [asdict(field) for field in fields],
                "checks": [check.as_data() for check in checks],
            }
        )
    else:
        click.echo(_("Names of pages and fields are those of Moodle in English."))
        page = ""
        for field in fields:
            if field.page != page:
                page = field.page
                click.echo(f"\n{page}")
            why = f"  ({field.why})" if field.why else ""
            click.echo(f"  {field.name}: {field.value}{why}")
        click.echo("")
        print_checks(checks)
    if any(check.verdict == Verdict.PROBLEM for check in checks):
        sys.exit(STOPPED)


COMMANDS = (moodle_login_setup,)
