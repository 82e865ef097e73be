"""``schoolbridge person``: people entered by hand; two humans who were taken for one."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click

from provisioning.questions import RowRef
from provisioning.roster import Role
from service.cli.base import Context, json_option, pass_context, print_json, print_table
from service.cli.loading import carry_out, plan_and_wait
from service.cli.loads import show
from service.i18n import gettext as _
from service.loads import by_hand
from service.processes import neighbours
from service.questions import separating

DAY = click.DateTime(formats=["%Y-%m-%d", "%d.%m.%Y"])


@click.group("person")
def person() -> None:
    """Group of the commands about single people."""


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


@person.command(
    "split", help=_("Say that a row is not this person: it gets an account of its own.")
)
@click.argument("who", metavar="PERSON")
@click.option("--row", required=True, metavar="SCHOOL/ID", help=_("The row that is another human."))
@click.option("--reason", default="", help=_("Why; it stays with the answer."))
@click.option("--yes", is_flag=True, help=_("Apply what is within the limits, without asking."))
@json_option
@pass_context
def split(context: Context, who: str, row: str, reason: str, yes: bool, as_json: bool) -> None:
    school, slash, sourced_id = row.partition("/")
    if not (school and slash and sourced_id):
        raise click.UsageError(_("write --row as SCHOOL/ID"))
    with neighbours(context.settings, moodle=yes):
        done = separating.separate(
            context.application.sessions, who, RowRef(school_code=school, sourced_id=sourced_id),
            home=context.settings.home, scope=context.scope, now=context.now, reason=reason,
        )  # fmt: skip
        told = _("Two people from now on; to take it back: answer {id} --undo", id=done.question_id)
        click.echo(told, err=as_json)
        code = 0
        if done.load_id is not None:
            code = plan_and_wait(context, done.load_id)
            if yes:
                code = carry_out(context, done.load_id, as_json=as_json)
    if done.load_id is not None:
        show(context, done.load_id, as_json=as_json)
    elif as_json:
        print_json(None)
    sys.exit(code)


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
