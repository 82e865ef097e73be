"""Commands about the year's turn: how far the schools are, and on which day they turn."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from service.cli.base import Context, json_option, pass_context, print_json, print_table
from service.i18n import gettext as _
from service.loads import year_checklist
from service.loads import years as turning
from service.words import years as wording

_YEAR = click.option(
    "--year", default="", metavar="YYYY/YYYY", help=_("School year; else the next one.")
)


@click.group("years")
def years() -> None:
    """The group; its commands are below."""


@years.command("list", help=_("Print how far each school is with the new year."))
@_YEAR
@json_option
@pass_context
def show(context: Context, year: str, as_json: bool) -> None:
    asked = year or year_checklist.year_to_come(context.application)
    with context.transaction() as session:
        lines = year_checklist.checklist(session, context.application, context.scope, asked)
    if as_json:
        print_json([asdict(one) for one in lines])
        return
    print_table(
        (_("School"), _("District"), _("Year of the roll"), _("State"), _("Turns on"), _("Load")),
        [
            (one.code, one.district, one.current_year, wording.state(one.state),
             f"{one.turn_on:%d.%m.%Y}" if one.turn_on else _("at once"), one.load_id or "")
            for one in lines
        ],
    )  # fmt: skip


@years.command("set", help=_("Let the city, a district or a school turn on another day."))
@click.argument("day", type=click.DateTime(["%Y-%m-%d", "%d.%m.%Y"]))
@_YEAR
@click.option("--district", default="", help=_("Of this district."))
@click.option("--school", "school_code", default="", metavar="CODE", help=_("Of this school."))
@pass_context
def set_day(context: Context, day: datetime, year: str, district: str, school_code: str) -> None:
    with context.transaction() as session:
        turning.set_day(
            session, scope=context.scope, turn_on=day.date(), district=district,
            school_year=year or year_checklist.year_to_come(context.application),
            school_code=school_code, now=context.now,
        )  # fmt: skip
    click.echo(_("The day is set."))
