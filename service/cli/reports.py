"""``schoolbridge report``: a command for each report, with the options of its definition."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from service import db
from service.calendar.period import Period
from service.cli.base import Context, form_of, json_option, pass_context, print_table
from service.i18n import gettext as _
from service.models import PublishedReport
from service.pdf import NoPdf
from service.reports import REPORTS
from service.reports.definition import Definition, PeriodUse, ask
from service.reports.export import to_table
from service.reports.files import FILES
from service.reports.publishing import (
    PublishProblem,
    answer,
    find_published,
    publish,
    published_reports,
    stored_report,
)
from service.reports.question import Asked, AskError, Choice, Compare, Flag, Option
from service.reports.report import Report
from service.reports.tracing import note_export, note_published_export
from service.words.loads import no_pdf

TABLE = "table"


@click.group("report", help=_("Figures per school, district and class."))
def report() -> None:
    """Group of the reports."""


def _command(definition: Definition) -> click.Command:
    @pass_context
    def run(
        context: Context,
        /,
        form: str | None,
        out: Path | None,
        as_json: bool,
        live: bool,
        **given: Any,
    ) -> None:
        form = "json" if as_json else form or form_of(out, FILES, TABLE)
        application = context.application
        with db.transaction(application.sessions) as session:
            asked = _asked(context, session, definition, given)
            found = answer(session, definition, asked, live=live)
            if form != TABLE:
                note_export(session, asked, found.report, form, at=application.clock())
        _write_report(found.report, form, out)
        if found.published and not live:
            click.echo(_("Published as No. {number}; --live counts anew.",
                         number=found.published.id), err=True)  # fmt: skip
        elif found.differs:
            click.echo(_("These figures differ from the published ones."), err=True)

    live = click.Option(
        ["--live"], is_flag=True, help=_("Figures of now, even of what is published.")
    )
    parameters = [*_question(definition), live, *_output()]
    return click.Command(
        definition.name, callback=run, params=parameters, help=definition.purpose()
    )


def _publish_command(definition: Definition) -> click.Command:
    @pass_context
    def run(context: Context, /, reason: str, **given: Any) -> None:
        application = context.application
        try:
            with db.transaction(application.sessions) as session:
                asked = _asked(context, session, definition, given)
                made = publish(session, definition, asked, now=application.clock(),
                               by=context.scope.actor, reason=reason)  # fmt: skip
        except PublishProblem as error:
            raise click.ClickException(str(error)) from error
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
@click.option(
    "--format",
    "form",
    type=click.Choice([TABLE, *FILES]),
    help=_("Form of the output; by default the ending of the file, else a table."),
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help=_("Write to this file instead of the output."))  # fmt: skip
@pass_context
def published_command(
    context: Context, number: int | None, limit: int, form: str | None, out: Path | None
) -> None:
    form = form or form_of(out, FILES, TABLE)
    application = context.application
    with db.transaction(application.sessions) as session:
        if number is None:
            _print_published(published_reports(session, context.scope, limit=limit))
            return
        found = find_published(session, context.scope, number)
        made, stored = stored_report(found), found.csv
        if form != TABLE:
            note_published_export(session, context.scope, found, form, at=application.clock())
    if form == "csv":
        _write(stored, out)
    else:
        _write_report(made, form, out)


def _print_published(rows: Sequence[PublishedReport]) -> None:
    titles = (_("No."), _("Report"), _("Period"), _("Whose figures"), _("State"), _("Version"))
    print_table(
        titles,
        [
            (
                row.id,
                row.report,
                str(Period(first=row.first_day, last=row.last_day))
                if row.first_day and row.last_day
                else "—",
                ", ".join(row.part_items) or _("the city"),
                _("preliminary") if row.preliminary else _("final"),
                row.version,
            )
            for row in rows
        ],
    )


def _write_report(made: Report, form: str, out: Path | None) -> None:
    try:
        _write(to_table(made).encode() if form == TABLE else FILES[form].make(made), out)
    except NoPdf as error:
        raise click.ClickException(no_pdf(error)) from error


def _asked(
    context: Context, session: Session, definition: Definition, given: dict[str, Any]
) -> Asked:
    texts = {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value is not None
    }
    application = context.application
    try:
        return ask(
            session, definition, texts, scope=context.scope, zone=application.zone,
            now=application.clock(), settings=application.settings.reports,
        )  # fmt: skip
    except AskError as error:
        raise click.UsageError(str(error)) from error


def _question(definition: Definition) -> list[click.Parameter]:
    """What may be asked of this report."""
    asked: list[click.Parameter] = []
    if definition.period is not PeriodUse.NONE:
        asked += [
            click.Option(
                ["--from", "from"], metavar="DAY", help=_("First day of the period, inclusive.")
            ),
            click.Option(
                ["--to", "to"], metavar="DAY", help=_("Last day of the period, inclusive.")
            ),
        ]
    if definition.levels:
        asked.append(
            click.Option(
                ["--by"],
                type=click.Choice([str(level) for level in definition.levels]),
                default=str(definition.default_level),
                show_default=True,
                help=_("What a row is."),
            )
        )
    return [
        *asked,
        click.Option(["--district"], metavar="NAME", help=_("Only the schools of this district.")),
        click.Option(["--school"], metavar="CODE", help=_("Only this school.")),
        *map(_option, definition.options),
        click.Option(
            ["--compare"],
            type=click.Choice([each.value for each in Compare if each.value]),
            help=_("Beside the figures: the period before, or the district and the city around."),
        ),
        click.Option(
            ["--publish"],
            is_flag=True,
            default=None,
            help=_("For readers outside: hide small numbers."),
        ),
    ]


def _option(option: Option) -> click.Option:
    name = "--" + option.name.replace("_", "-")
    if isinstance(option, Choice):
        return click.Option(
            [name, option.name], type=click.Choice(list(option.choices)), help=option.label()
        )
    if isinstance(option, Flag):
        names = [f"{name}/--no-{name.removeprefix('--')}", option.name]
        return click.Option(names, default=None, help=option.label())
    return click.Option([name, option.name], metavar="N", help=option.label())


def _output() -> list[click.Parameter]:
    return [
        click.Option(
            ["--format", "form"],
            type=click.Choice([TABLE, *FILES]),
            help=_("Form of the output; by default the ending of the file, else a table."),
        ),
        click.Option(
            ["--out"],
            type=click.Path(dir_okay=False, path_type=Path),
            help=_("Write to this file instead of the output."),
        ),
    ]


def _write(data: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(data)
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        raise click.FileError(str(out), error.strerror or "") from error


for each in REPORTS.values():
    report.add_command(json_option(_command(each)))
    publish_group.add_command(_publish_command(each))

COMMANDS = (report,)
