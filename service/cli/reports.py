"""``schoolbridge report``: a command for each report, with the options of its definition."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.cli.base import Context, form_of, json_option, pass_context, print_table, writing
from service.db import reading
from service.i18n import gettext as _
from service.models import PublishedReport
from service.reports import REPORTS
from service.reports.definition import Definition, PeriodUse, ask
from service.reports.export import FILES, to_table
from service.reports.publishing import (
    answer,
    find_published,
    publish,
    published_reports,
)
from service.reports.question import Choice, Compare, Flag, Option, Question
from service.reports.report import Report
from service.reports.stored import from_data
from service.reports.tracing import note_export, note_published_export

TABLE = "table"

form_option = click.option(
    "--format", "form", type=click.Choice([TABLE, *FILES]),
    help=_("Form of the output; by default the ending of the file, else a table."),
)  # fmt: skip
out_option = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path),
    help=_("Write to this file instead of the output."),
)  # fmt: skip


@click.group("report")
def report() -> None:
    """Group of the reports."""


def _command(definition: Definition) -> click.Command:
    @pass_context
    def run(
        context: Context, /, form: str | None, out: Path | None, as_json: bool, live: bool,
        **given: Any,
    ) -> None:  # fmt: skip
        form = "json" if as_json else form or form_of(out, FILES, TABLE)
        with reading(context.application.sessions) as session:
            asked = _asked(context, session, definition, given)
            found = answer(session, definition, asked, live=live)
        if form != TABLE:
            with context.transaction() as session:
                note_export(session, asked, found.report, form, at=context.now)
        _write_report(found.report, form, out)
        if found.published and not live:
            click.echo(_("Published as No. {number}; --live counts anew.",
                         number=found.published.id), err=True)  # fmt: skip
        elif found.differs:
            click.echo(_("These figures differ from the published ones."), err=True)

    live = click.Option(
        ["--live"], is_flag=True, help=_("Figures of now, even of what is published.")
    )
    command = click.Command(
        definition.name,
        callback=run,
        params=[*_question(definition), live],
        help=definition.purpose(),
    )
    for option in (form_option, out_option, json_option):
        option(command)
    return command


def _publish_command(definition: Definition) -> click.Command:
    @pass_context
    def run(context: Context, /, reason: str, **given: Any) -> None:
        with context.transaction() as session:
            asked = _asked(context, session, definition, given)
            made = publish(session, definition, asked, now=context.now, by=context.scope.actor,
                           reason=reason)  # fmt: skip
        click.echo(_("Published as No. {number}, version {n}.", number=made.id, n=made.version))

    reason = click.Option(
        ["--reason"], default="", help=_("Why figures that were published are corrected.")
    )
    return click.Command(
        definition.name,
        callback=run,
        params=[*_question(definition), reason],
        help=definition.purpose(),
    )


@report.group("publish", help=_("Store a report as it is now; its question gives these figures."))
def publish_group() -> None:
    """Group of the reports to publish."""


@report.command("published", help=_("List what was published, or print one as it was."))
@click.argument("number", type=int, required=False)
@click.option("--limit", default=50, show_default=True, help=_("So many of the list."))
@form_option
@out_option
@pass_context
def published_command(
    context: Context, number: int | None, limit: int, form: str | None, out: Path | None
) -> None:
    form = form or form_of(out, FILES, TABLE)
    with context.transaction() as session:
        if number is None:
            _print_published(published_reports(session, context.scope, limit=limit))
            return
        found = find_published(session, context.scope, number)
        made, stored = from_data(found.data), found.csv
        if form != TABLE:
            note_published_export(session, context.scope, found, form, at=context.now)
    if form == "csv":
        _write(stored, out)
    else:
        _write_report(made, form, out)


def _print_published(rows: Sequence[PublishedReport]) -> None:
    titles = (_("No."), _("Report"), _("Period"), _("Whose figures"), _("State"), _("Version"))
    found = []
    for row in rows:
        period = "—"
        if row.first_day and row.last_day:
            period = str(Period(first=row.first_day, last=row.last_day))
        part = ", ".join(row.part_items) or _("the city")
        state = _("preliminary") if row.preliminary else _("final")
        found.append((row.id, row.report, period, part, state, row.version))
    print_table(titles, found)


def _write_report(made: Report, form: str, out: Path | None) -> None:
    _write(to_table(made).encode() if form == TABLE else FILES[form].make(made), out)


def _asked(
    context: Context, session: Session, definition: Definition, given: dict[str, Any]
) -> Question:
    texts = {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value is not None
    }
    return ask(
        session, definition, texts, scope=context.scope, zone=context.zone, now=context.now,
        settings=context.settings.reports,
    )  # fmt: skip


def _question(definition: Definition) -> list[click.Option]:
    """Return the options that this report takes."""
    first, last = _("First day of the period, inclusive."), _("Last day of the period, inclusive.")
    asked = [
        click.Option(["--from", "from"], metavar="DAY", help=first),
        click.Option(["--to", "to"], metavar="DAY", help=last),
        click.Option(
            ["--by"], type=click.Choice([str(level) for level in definition.levels]),
            default=str(definition.default_level), show_default=True, help=_("What a row is."),
        ),
        click.Option(["--district"], metavar="NAME", help=_("Only the schools of this district.")),
        click.Option(["--school"], metavar="CODE", help=_("Only this school.")),
        *map(_option, definition.options),
        click.Option(
            ["--compare"], type=click.Choice([each.value for each in Compare if each.value]),
            help=_("Beside the figures: the period before, or the district and the city around."),
        ),
        click.Option(
            ["--publish"], is_flag=True, default=None,
            help=_("For readers outside: hide small numbers."),
        ),
    ]  # fmt: skip
    unused = {"from", "to"} if definition.period is PeriodUse.NONE else set()
    if not definition.levels:
        unused.add("by")
    return [option for option in asked if option.name not in unused]


def _option(option: Option) -> click.Option:
    name = option.name.replace("_", "-")
    kind: dict[str, Any] = {"metavar": "N"}
    if isinstance(option, Choice):
        kind = {"type": click.Choice(list(option.choices))}
    elif isinstance(option, Flag):
        name, kind = f"{name}/--no-{name}", {"default": None}
    return click.Option([f"--{name}", option.name], help=option.label(), **kind)


def _write(data: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(data)
        return
    with writing(out):
        out.write_bytes(data)


for each in REPORTS.values():
    report.add_command(_command(each))
    publish_group.add_command(_publish_command(each))
