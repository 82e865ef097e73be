"""The ``schoolbridge`` command. Exit codes: 0 done, 1 error, 2 wrong usage, 3 stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from provisioning.formats import LayoutError
from provisioning.moodle import MoodleError
from service.access import Forbidden
from service.config import ConfigError
from service.data_folder import StartError
from service.i18n import gettext as _
from service.i18n import set_language
from service.loads.operations import LoadProblem
from service.people.passwords import KeptInMoodle
from service.words.loads import (
    kept_in_moodle,
    layout_problem,
    load_problem,
    moodle_problem,
    not_found,
)

# Help texts are made when the commands are defined, so the language is chosen before that.
set_language(os.environ.get("SCHOOLBRIDGE_LANG", "ru"))

from service.cli import (  # noqa: E402
    events,
    keys,
    loading,
    mail,
    moodle_login,
    operators,
    people,
    phases,
    reading,
    registry,
    reports,
    system,
)
from service.cli.base import Context  # noqa: E402 - after the language


class _Group(click.Group):
    """Turns the errors an operator can meet into one clear line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (ConfigError, StartError) as error:
            click.echo(_("Error: {what}", what=error), err=True)
        except LoadProblem as error:
            click.echo(_("Error: {what}", what=load_problem(error)), err=True)
        except Forbidden as error:
            click.echo(_("Error: {what}", what=not_found(error.what)), err=True)
        except KeptInMoodle as error:
            click.echo(_("Error: {what}", what=kept_in_moodle(error.address)), err=True)
        except LayoutError as error:
            click.echo(_("Error: {what}", what=layout_problem(error)), err=True)
        except MoodleError as error:
            click.echo(_("Error: {what}", what=moodle_problem(error)), err=True)
        except (OperationalError, ProgrammingError):
            # The driver's text may quote the address with its password, or what a row holds.
            what = _("the database does not do its work; run: schoolbridge doctor")
            click.echo(_("Error: {what}", what=what), err=True)
        except RedisError:
            click.echo(
                _("Error: {what}", what=_("Redis does not answer; see [redis] url")), err=True
            )
        sys.exit(1)


@click.group(
    cls=_Group,
    help=_("School rolls from Paragraf to Moodle: accounts, sign-in, coverage."),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=_("Settings file (or the variable SCHOOLBRIDGE_CONFIG)."),
)
@click.version_option(package_name="schoolbridge", message="%(version)s")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Entry point."""
    # What we write is about children: nobody else on the machine reads it.
    os.umask(0o077)
    if config is not None:
        # Child processes read the same file.
        os.environ["SCHOOLBRIDGE_CONFIG"] = str(config.absolute())
    ctx.obj = Context()
    ctx.call_on_close(ctx.obj.close)


for module in (
    system,
    reading,
    loading,
    events,
    operators,
    people,
    phases,
    registry,
    reports,
    mail,
    keys,
    moodle_login,
):
    for command in module.COMMANDS:
        main.add_command(command)
