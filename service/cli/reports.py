"""``schoolbridge report``: a command for each report, with the options of its definition."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from service import db
from service.cli.base import Context, json_option, pass_context
from service.i18n import gettext as _
from service.reports import REPORTS
from service.reports.asked import Asked, AskError, Choice, Flag, Option
from service.reports.definition import Definition, PeriodUse, ask, make
from service.reports.export import to_table
from service.reports.files import FILES
from service.reports.report import Report
from service.reports.tracing import note_export

TABLE = "table"


@click.group("report", help=_("Figures per school, district and class."))
def report() -> None:
    """Group of the reports."""


def _command(definition: Definition) -> click.Command:
    @pass_context
    def run(context: Context, /, form: str, out: Path | None, as_json: bool, **given: Any) -> None:
        form = "json" if as_json else form
        application = context.application
        with db.transaction(application.sessions) as session:
            asked, made = _answer(context, session, definition, given)
            if form != TABLE:
                note_export(session, asked, made, form, at=application.clock())
        _write(to_table(made).encode() if form == TABLE else FILES[form].make(made), out)

    parameters = [*_question(definition), *_output()]
    return click.Command(
        definition.name, callback=run, params=parameters, help=definition.purpose()
    )


def _answer(
    context: Context, session: Any, definition: Definition, given: dict[str, Any]
) -> tuple[Asked, Report]:
    texts = {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value is not None
    }
    application = context.application
    try:
        asked = ask(
            session, definition, texts, scope=context.scope, zone=application.zone,
            now=application.clock(), settings=application.settings.reports,
        )  # fmt: skip
        return asked, make(session, definition, asked)
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
            default=TABLE,
            show_default=True,
            help=_("Form of the output."),
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

COMMANDS = (report,)
