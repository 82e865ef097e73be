"""What the commands share: the application, built when first needed; output as text or JSON."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from service import schema
from service.access import Scope, command_line_scope
from service.application import Application, build
from service.config import load_settings
from service.data_folder import StartError, ensure_home
from service.i18n import gettext as _
from service.i18n import set_language
from service.settings import Settings

STOPPED = 3
"""Exit code: findings or limits stop the command."""

json_option = click.option("--json", "as_json", is_flag=True, help=_("Print data as JSON."))


class Context:
    """Settings and application of one command, built when first needed."""

    @cached_property
    def settings(self) -> Settings:
        settings = load_settings()
        set_language(os.environ.get("SCHOOLBRIDGE_LANG", settings.server.language))
        return settings

    @cached_property
    def application(self) -> Application:
        """Raises ``StartError`` when ``init`` has never run here, or for another version."""
        application = self.any_application
        schema.check_revision(application.engine)
        return application

    @cached_property
    def any_application(self) -> Application:
        """The application whatever the version of its tables: for who looks what is wrong.

        Raises ``StartError`` when ``init`` has never run here.
        """
        application = build(self.settings)
        if not application.is_initialised():
            raise StartError(
                _("{home} is not set up; run: schoolbridge init", home=self.settings.home)
            )
        return application

    def close(self) -> None:
        """Give back what the command held of the database."""
        if "any_application" in self.__dict__:
            self.any_application.engine.dispose()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.server.time_zone)

    @cached_property
    def scope(self) -> Scope:
        return command_line_scope(getpass.getuser())

    def prepare(self) -> Application:
        """Make the data folder and bring the database up to date; then the application."""
        ensure_home(self.settings)
        schema.migrate(self.settings.database_url)
        return self.application


pass_context = click.make_pass_decorator(Context)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their longest cell; columns of numbers to the right."""
    columns = list(zip(titles, *([str(cell) for cell in row] for row in rows), strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [bool(rows) and all(isinstance(row[i], int) for row in rows)
               for i in range(len(titles))]  # fmt: skip
    for number, line in enumerate(zip(*columns, strict=True)):
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())
        if number == 0:
            click.echo("  ".join("-" * width for width in widths))


def form_of(out: Path | None, known: Collection[str], otherwise: str) -> str:
    """The form of a file that nobody has asked for in words: as its ending says."""
    ending = out.suffix.lower().removeprefix(".") if out else ""
    return ending if ending in known else otherwise


def on_terminal() -> bool:
    return sys.stdout.isatty()
