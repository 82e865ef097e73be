"""What the commands share: the application, built when first needed; errors; text or JSON.

Nothing heavy is imported at the top: a command pays for what it uses.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from service.i18n import gettext as _
from service.i18n import set_language

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

    from service.access import Scope
    from service.application import Application
    from service.settings import Settings

STOPPED = 3
"""Exit code: findings or limits stop the command."""

P = ParamSpec("P")
R = TypeVar("R")

json_option = click.option("--json", "as_json", is_flag=True, help=_("Print data as JSON."))
school_option = click.option(
    "--school", default="", metavar="CODE", help=_("The school these files must be of.")
)
text_or_csv = click.option(
    "--format", "form", type=click.Choice(["text", "csv"]), default="text", show_default=True,
    help=_("Form of the output."),
)  # fmt: skip


class Failure(click.ClickException):
    """An error that an operator can meet, in one clear line; exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(_("Error: {what}", what=self.message), err=True)


class Context:
    """Settings and application of one command, built when first needed."""

    @cached_property
    def settings(self) -> Settings:
        from service.config import load_settings

        settings = load_settings()
        set_language(os.environ.get("SCHOOLBRIDGE_LANG", settings.server.language))
        return settings

    @cached_property
    def application(self) -> Application:
        """Raises ``StartError`` when ``init`` has never run here, or for another version."""
        from service import schema

        schema.check_revision(self.any_application.engine)
        return self.any_application

    @cached_property
    def any_application(self) -> Application:
        """The application, even over tables of another version: the doctor looks at those.

        Raises ``StartError`` when ``init`` has never run here.
        """
        from service.application import build
        from service.data_folder import StartError

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

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a session that is one transaction of the application."""
        from service.db import transaction

        return transaction(self.application.sessions)

    @property
    def now(self) -> datetime:
        return self.application.clock()

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def zone(self) -> ZoneInfo:
        return self.settings.server.zone

    @cached_property
    def scope(self) -> Scope:
        from service.access import command_line_scope

        return command_line_scope(getpass.getuser())

    def prepare(self) -> Application:
        """Make the data folder and bring the database up to date; return the application."""
        from service import schema
        from service.data_folder import ensure_home

        ensure_home(self.settings)
        schema.migrate(self.settings.database_url)
        return self.application


def pass_context(command: Callable[Concatenate[Context, P], R]) -> Callable[P, R]:
    """Hand the ``Context`` to the command; turn the errors an operator can meet into words."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(click.get_current_context().obj, *args, **kwargs)
        except (click.ClickException, click.Abort):
            raise
        except Exception as error:
            from service.cli.errors import in_words

            told = in_words(error)
            if told is None:
                raise
            raise told from error

    return run


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their longest cell; columns of numbers to the right."""
    columns = list(zip(titles, *rows, strict=True))
    widths = [max(len(str(cell)) for cell in column) for column in columns]
    signs = [">" if rows and all(isinstance(cell, int) for cell in column[1:]) else "<"
             for column in columns]  # fmt: skip
    for line in (titles, ["-" * width for width in widths], *rows):
        cells = zip(map(str, line), signs, widths, strict=True)
        click.echo("  ".join(f"{cell:{sign}{width}}" for cell, sign, width in cells).rstrip())


def form_of(out: Path | None, known: Collection[str], otherwise: str) -> str:
    """The form of a file that nobody has asked for in words: as its ending says."""
    ending = out.suffix.lower().removeprefix(".") if out else ""
    return ending if ending in known else otherwise


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Say in one line why ``out`` cannot be written."""
    try:
        yield
    except OSError as error:
        raise click.FileError(str(out), error.strerror or "") from error
