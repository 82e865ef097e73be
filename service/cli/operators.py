"""``schoolbridge operators``: who signs in to the console, and what each may see."""

from __future__ import annotations

import secrets
from typing import Any, TextIO

import click

from service import operators as accounts
from service.cli.base import Context, json_option, pass_context, print_json, print_table
from service.i18n import gettext as _
from service.models import Operator, OperatorRole
from service.words.people import operator_role

of_option = click.option(
    "--of", "scope", multiple=True, metavar="CODE|DISTRICT",
    help=_("The school's code or the district's name; may be repeated."),
)  # fmt: skip
password_option = click.option(
    "--password-file",
    type=click.File(),
    help=_("Take the password from this file; without it one is made and printed."),
)
ROLES = click.Choice([role.value for role in OperatorRole])


@click.group("operators")
def operators() -> None:
    """Group of the commands about operators."""


@operators.command("list", help=_("Who there is, what each sees, and who is signed in."))
@json_option
@pass_context
def listed(context: Context, as_json: bool) -> None:
    lifetime = context.application.operator_lifetime
    with context.transaction() as session:
        rows = accounts.everybody(session, lifetime, context.now)
    if as_json:
        print_json([_as_data(one) | {"sessions": sessions} for one, sessions in rows])
        return
    titles = (_("Name"), _("Role"), _("Sees"), _("State"), _("Sessions"))
    print_table(titles, [
        (
            one.username, operator_role(one.role), ", ".join(one.scope) or _("the whole city"),
            _("may sign in") if one.active else _("closed"), sessions,
        )
        for one, sessions in rows
    ])  # fmt: skip


@operators.command("add", help=_("Add an operator of a school, a district or the city."))
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help=_("What part of the city one sees."))
@of_option
@password_option
@json_option
@pass_context
def add(
    context: Context, name: str, role: str, scope: tuple[str, ...], password_file: TextIO | None,
    as_json: bool,
) -> None:  # fmt: skip
    given, password = read_or_made(password_file)
    with context.transaction() as session:
        operator = accounts.add(
            session, username=name, password=password, role=OperatorRole(role), scope=scope,
            **_who_and_when(context),
        )  # fmt: skip
    _say_password(operator, "" if given else password, as_json)


@operators.command("disable", help=_("Close an account: the sessions end, nobody signs in."))
@click.argument("name")
@pass_context
def disable(context: Context, name: str) -> None:
    with context.transaction() as session:
        operator = accounts.find(session, name)
        accounts.set_active(session, operator, False, **_who_and_when(context))
    click.echo(_("The account is closed, its sessions have ended."))


@operators.command("enable", help=_("Open a closed account again, with its old password."))
@click.argument("name")
@pass_context
def enable(context: Context, name: str) -> None:
    with context.transaction() as session:
        operator = accounts.find(session, name)
        accounts.set_active(session, operator, True, **_who_and_when(context))
    click.echo(_("The account is open."))


@operators.command("password", help=_("Give a new password; the sessions end."))
@click.argument("name")
@password_option
@json_option
@pass_context
def password(context: Context, name: str, password_file: TextIO | None, as_json: bool) -> None:
    given, new = read_or_made(password_file)
    with context.transaction() as session:
        operator = accounts.find(session, name)
        accounts.set_password(session, operator, new, **_who_and_when(context))
    _say_password(operator, "" if given else new, as_json)


@operators.command("scope", help=_("Let an operator see another part of the city."))
@click.argument("name")
@click.option("--role", type=ROLES, help=_("Another role; without it the role stays."))
@of_option
@pass_context
def scope(context: Context, name: str, role: str | None, scope: tuple[str, ...]) -> None:
    with context.transaction() as session:
        operator = accounts.find(session, name)
        accounts.set_scope(
            session, operator, OperatorRole(role or operator.role), scope, **_who_and_when(context)
        )
    click.echo(_("The scope is changed, the sessions have ended."))


def _who_and_when(context: Context) -> dict[str, Any]:
    return {"actor": context.scope.actor, "now": context.now}


def read_or_made(file: TextIO | None) -> tuple[bool, str]:
    """Return whether a password was given, and which it is."""
    given = file.read().strip() if file else ""
    return bool(given), given or secrets.token_urlsafe(12)


def _say_password(operator: Operator, made: str, as_json: bool) -> None:
    """A password that was made is shown this once."""
    if as_json:
        print_json(_as_data(operator) | ({"password": made} if made else {}))
    elif made:
        click.echo(_("Password (shown once): {password}", password=made))


def _as_data(operator: Operator) -> dict[str, Any]:
    return {
        "name": operator.username,
        "role": operator.role,
        "scope": operator.scope,
        "active": operator.active,
        "created_at": operator.created_at,
    }
