"""``schoolbridge person``: people whom an operator enters until the next export names them."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click

from provisioning.roster import Role
from service.cli.base import Context, json_option, pass_context, print_json, print_table
from service.cli.loads import show
from service.i18n import gettext as _
from service.loads import by_hand

DAY = click.DateTime(formats=["%Y-%m-%d", "%d.%m.%Y"])


@click.group("person")
def person() -> None:
    """Group of the commands about people entered by hand."""


@person.command("add", help=_("Plan an account for somebody who is in no export yet."))
@click.option("--school", required=True, metavar="CODE", help=_("Of this school."))
@click.option("--family", required=True, help=_("Family name."))
@click.option("--given", required=True, help=_("Given name."))
@click.option("--middle", default="", help=_("Patronymic, if there is one."))
@click.option("--born", type=DAY, required=True, help=_("Birth date."))
@click.option(
    "--role", type=click.Choice([role.value for role in by_hand.ROLES]),
    default=Role.STUDENT.value, show_default=True, help=_("What the person is at the school."),
)  # fmt: skip
@click.option("--class", "class_id", default="", metavar="ID", help=_("The class, if any."))
@click.option("--until", type=DAY, required=True, help=_("Last day, unless an export comes."))
@click.option("--same-as", default="", metavar="LOGIN", help=_("It is this person, whom we know."))
@click.option(
    "--another", is_flag=True, help=_("It is nobody of this name and birth date whom we know.")
)
@json_option
@pass_context
def add(
    context: Context, school: str, family: str, given: str, middle: str, born: datetime,
    role: str, class_id: str, until: datetime, same_as: str, another: bool, as_json: bool,
) -> None:  # fmt: skip
    entered = by_hand.Entered(
        school_code=school, family_name=family, given_name=given, middle_name=middle,
        birth_date=born.date(), role=Role(role), class_id=class_id, until=until.date(),
        same_as=same_as, is_another=another,
    )  # fmt: skip
    load_id = by_hand.add(context.application, entered, scope=context.scope)
    show(context, load_id, as_json=as_json)


@person.command("list", help=_("Who was entered by hand and is in no export yet."))
@json_option
@pass_context
def listed(context: Context, as_json: bool) -> None:
    with context.transaction() as session:
        rows = [
            (place.school_code, place.class_title, known.username, place.role, _day(place.until))
            for known, place in session.execute(by_hand.entered_people(context.scope))
        ]
    if as_json:
        names = ("school", "class", "login", "role", "until")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        sys.exit(0)
    print_table((_("School"), _("Class"), _("Login"), _("Role"), _("Until")), rows)


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
