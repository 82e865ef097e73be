"""Commands about people's passwords: slips, reset-password."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from auth.directory import Slip
from service.cli.base import Context, json_option, pass_context, print_json, text_or_csv
from service.i18n import gettext as _
from service.people import passwords
from service.people.slips import STAFF, groups, slip_of, slips
from service.spreadsheet import csv_file


@click.command(
    "slips",
    epilog=_("csv: load the passwords as text into a spreadsheet, or it drops leading zeros."),
)
@click.option("--school", required=True, metavar="CODE", help=_("Of this school."))
@click.option(
    "--class", "group", metavar="ID",
    help=_("Only this class, by its identifier in the file; {staff}: only the staff.", staff=STAFF),
)  # fmt: skip
@text_or_csv
@json_option
@pass_context
def print_slips(context: Context, school: str, group: str | None, form: str, as_json: bool) -> None:
    with context.transaction() as session:
        known = [one.key for one in groups(session, context.scope, school) if one.key]
        if group and group not in known:
            raise click.UsageError(
                _("no class {group} in this school; there are: {known}",
                  group=group, known=", ".join(known))
            )  # fmt: skip
        found = slips(session, context.application, context.scope, school, group)
    if as_json:
        print_json([asdict(slip) for slip in found])
    elif form == "csv":
        sys.stdout.buffer.write(_as_csv(found))
    else:
        for slip in found:
            click.echo(_as_text(slip))


def _as_text(slip: Slip) -> str:
    password = slip.password or _("own password")
    return "\n".join(
        (
            ", ".join(filter(None, (slip.name, slip.group, slip.school))),
            f"    {_('Login')}: {slip.login}    {slip.login_advice}",
            f"    {_('Password')}: {password}    {slip.password_advice}",
            f"    {_('Where to sign in')}: {slip.address}",
            "- " * 40,
        )
    )


def _as_csv(found: Sequence[Slip]) -> bytes:
    titles = _("Name"), _("Class"), _("School"), _("Login"), _("Password"), _("Where to sign in")
    own = _("own password")
    lines = [
        (slip.name, slip.group, slip.school, slip.login, slip.password or own, slip.address)
        for slip in found
    ]
    return csv_file(titles, lines)


@click.command("reset-password")
@click.argument("login")
@json_option
@pass_context
def reset_password(context: Context, login: str, as_json: bool) -> None:
    with context.transaction() as session:
        person = passwords.reset_password(
            session, context.settings, context.scope, login, context.now
        )
        slip = slip_of(session, context.application, context.scope, person)
    if as_json:
        print_json(asdict(slip) if slip else None)
    elif slip:
        click.echo(_as_text(slip))
    else:
        click.echo(_("The password is reset. The person is suspended and gets no slip."))
