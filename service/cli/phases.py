"""Commands about the phases of the sign-in: rules, exemptions, and who would be locked out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from auth.signin.phases import PUPIL, STAFF, Phase, Target, Who
from service.cli.base import (
    Context,
    json_option,
    pass_context,
    print_json,
    print_table,
    text_or_csv,
)
from service.i18n import gettext as _
from service.models import KnownUser, PhaseExemption, PhaseRule, School
from service.signin import phase_rules
from service.signin.phase_rules import PhaseRules
from service.signin.phases import locked_out, locked_out_by_school, read_schedule
from service.spreadsheet import csv_file
from service.words import phases as wording
from service.words.people import role

_DAY = click.DateTime(["%Y-%m-%d", "%d.%m.%Y"])
_from_option = click.option(
    "--from", "starts_on", type=_DAY, required=True, metavar="DAY", help=_("First day.")
)
_number_argument = click.argument("number", type=int)


@click.group("phases")
def phases() -> None:
    """The group; its commands are below."""


def _target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Whom a rule or an exemption is for; without any of them the whole city."""
    for option in reversed(
        (
            click.option("--district", default="", help=_("Of this district.")),
            click.option("--school", "school_code", default="", metavar="CODE",
                         help=_("Of this school.")),
            click.option("--class", "class_name", default="", metavar="TITLE",
                         help=_("Of this class of the school, by title or identifier.")),
            click.option("--role", default="", type=click.Choice(["", PUPIL, *sorted(STAFF)]),
                         help=_("Of this role.")),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@phases.command("list", help=_("Print the rules and the exemptions."))
@json_option
@pass_context
def show(context: Context, as_json: bool) -> None:
    with context.transaction() as session:
        schedule = read_schedule(session, context.application)
        rules = phase_rules.rules(session, context.scope)
        exempt = phase_rules.exemptions(session, context.scope)
        titles = phase_rules.class_titles(session, [*rules, *(row for row, _person in exempt)])
    if as_json:
        print_json({
            "default": schedule.default.value,
            "rules": [
                {**_as_data(row), "phase": row.phase, "starts_on": row.starts_on} for row in rules
            ],
            "exemptions": [
                {**_as_data(row), "login": person.username if person else "", "who": row.who,
                 "until": row.until, "reason": row.reason}
                for row, person in exempt
            ],
        })  # fmt: skip
        return
    click.echo(_("Where nothing is ruled: {phase}", phase=wording.phase(schedule.default)))
    print_table((_("No."), _("For"), _("Phase"), _("From")), [
        (row.id, wording.target(row.target, titles), wording.phase(row.phase),
         f"{row.starts_on:%d.%m.%Y}")
        for row in rules
    ])  # fmt: skip
    if exempt:
        click.echo(f"\n{_('Exemptions')}")
        print_table((_("No."), _("For"), _("Whom there"), _("Until"), _("Reason")), [
            (row.id, person.username if person else wording.target(row.target, titles),
             wording.who(row.who), f"{row.until:%d.%m.%Y}" if row.until else "", row.reason)
            for row, person in exempt
        ])  # fmt: skip


@phases.command("set", help=_("Put a phase in force from a day on."))
@click.argument("phase", type=click.Choice([one.value for one in Phase]))
@_from_option
@_target_options
@pass_context
def set_phase(context: Context, /, phase: str, starts_on: datetime, **place: str) -> None:
    with _writing(context) as rules:
        target = phase_rules.find_target(rules.session, **place)
        rule = rules.set_phase(target=target, phase=Phase(phase), starts_on=starts_on.date())
    click.echo(_("Phase {number} is set.", number=rule.id))


@phases.command("move", help=_("Let a phase that has not begun begin on another day."))
@_number_argument
@_from_option
@pass_context
def move_phase(context: Context, number: int, starts_on: datetime) -> None:
    with _writing(context) as rules:
        rules.move_phase(number, starts_on=starts_on.date())
    click.echo(_("Phase {number} is moved.", number=number))


@phases.command("remove", help=_("Remove a phase: what was in force before it counts again."))
@_number_argument
@pass_context
def remove_phase(context: Context, number: int) -> None:
    with _writing(context) as rules:
        rules.remove_phase(number)
    click.echo(_("Phase {number} is removed.", number=number))


@phases.command("exempt", help=_("Let people go on with a password where only ЕСИА counts."))
@click.option("--login", default="", help=_("This person alone."))
@_target_options
@click.option("--who", type=click.Choice([one.value for one in Who]), default=Who.ALL.value,
              show_default=True, help=_("Whom of them."))  # fmt: skip
@click.option("--until", type=_DAY, metavar="DAY", help=_("Last day; without it there is no end."))
@click.option("--reason", required=True, help=_("Why, for other operators."))
@pass_context
def exempt(
    context: Context, /, login: str, who: str, until: datetime | None, reason: str, **place: str
) -> None:
    with _writing(context) as rules:
        row = rules.add_exemption(
            target=Target() if login else phase_rules.find_target(rules.session, **place),
            login=login,
            who=Who(who),
            until=until.date() if until else None,
            reason=reason,
        )
    click.echo(_("Exemption {number} is added.", number=row.id))


@phases.command("unexempt", help=_("Remove an exemption."))
@_number_argument
@pass_context
def unexempt(context: Context, number: int) -> None:
    with _writing(context) as rules:
        rules.remove_exemption(number)
    click.echo(_("Exemption {number} is removed.", number=number))


@phases.command("locked-out", help=_("Who could not sign in on a day: only ЕСИА, and no link."))
@click.option("--on", "day", type=_DAY, metavar="DAY", help=_("Today without it."))
@click.option("--school", default="", metavar="CODE", help=_("Name the people of this school."))
@text_or_csv
@json_option
@pass_context
def show_locked_out(
    context: Context, day: datetime | None, school: str, form: str, as_json: bool
) -> None:
    on = day.date() if day else context.today
    titles: tuple[str, ...] = (_("District"), _("School"), _("People"))
    with context.transaction() as session:
        default = read_schedule(session, context.application).default
        rows: list[tuple[Any, ...]]
        if school:
            titles = (_("School"), _("Class"), _("Role"), _("Login"), _("Name"))
            found = session.execute(
                locked_out(on, default)
                .where(School.code == school, context.scope.schools())
                .order_by(KnownUser.class_title, KnownUser.family_name, KnownUser.username)
            )
            rows = [
                (one.code, person.class_title, role(person.role), person.username, person.full_name)
                for person, one in found
            ]
        else:
            counted = locked_out_by_school(on, default).where(context.scope.schools())
            rows = [(one.district, one.code, n) for one, n in session.execute(counted)]
    if as_json:
        print_json({"day": on, "titles": titles, "rows": rows})
    elif form == "csv":
        sys.stdout.buffer.write(csv_file(titles, (map(str, row) for row in rows)))
    else:
        print_table(titles, rows)


@contextmanager
def _writing(context: Context) -> Iterator[PhaseRules]:
    """The use cases in one transaction."""
    with context.transaction() as session:
        yield PhaseRules(
            session=session, settings=context.settings, scope=context.scope, now=context.now,
            today=context.today,
        )  # fmt: skip


def _as_data(row: PhaseRule | PhaseExemption) -> dict[str, Any]:
    names = ("id", "district", "school_code", "class_id", "role")
    return {name: getattr(row, name) for name in names}
