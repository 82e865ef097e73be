"""The ``schoolbridge`` command. Exit codes: 0 done, 1 error, 2 wrong usage, 3 stopped."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import click

from service.i18n import gettext as _
from service.i18n import set_language

# Help texts are made when the commands are defined, so the language is chosen before that.
set_language(os.environ.get("SCHOOLBRIDGE_LANG", "ru"))

from service.cli.base import Context  # noqa: E402 - after the language

OLD_WORDS = {"runs": "loads"}
"""Commands of earlier versions, for scripts that were written with them."""

COMMANDS = {
    "system": {
        "init": _("Make the data folder, keys, database and the first operator."),
        "serve": _("Run everything: web, worker, Redis, Moodle stand-in."),
        "worker": _("Run a worker alone."),
        "moodle-standin": _("Run the Moodle stand-in alone."),
    },
    "doctor": {
        "doctor": _("Check the installation and Moodle; say what to change and where."),
        "moodle-setup-script": _(
            "Print a PHP script that sets up Moodle's side, and can take it back."
        ),
        "moodle-login-setup": _("Print what to type into Moodle's OAuth 2 pages, and check it."),
    },
    "sample": {"sample": _("Write an invented city as XML; the same for the same seed.")},
    "check": {"check": _("Read and validate files; nothing is stored or changed.")},
    "loading": {
        "import": _("Read files, folders or a zip and plan what would change."),
        "approve": _("Say yes to the plans of a load."),
        "reject": _("Say no to a load."),
        "apply": _("Apply an approved load, or go on with a stopped one."),
        "retry": _(
            "Try again what failed: apply it again, or plan it again where that cannot help."
        ),
        "sync": _("Import, approve and apply when nothing stops it (for schedules)."),
        "due": _("People whom no school lists: who is to be suspended or archived by now."),
    },
    "loads": {
        "loads": _("List the loads, newest first."),
        "plan": _("Show what a load found and would change."),
    },
    "moodle": {"moodle": _("Pause all writing to Moodle, or let it go on.")},
    "reconcile": {
        "reconcile": _("Look into Moodle for what was changed there by hand; repair it."),
    },
    "deleting": {
        "delete-accounts": _("Delete accounts of archived people for good, by a list."),
    },
    "undo": {"undo": _("Plan a load that brings back what earlier loads changed.")},
    "questions": {
        "questions": _("List what only a person can say: who or what a row is."),
        "answer": _("Answer such a question, or take an answer back; plans the school again."),
    },
    "rehearsing": {
        "rehearse": _("Try a load, or the year's turn, in a copy; changes nothing."),
    },
    "years": {"years": _("The new school year: how far schools are, and when they turn to it.")},
    "adopt": {"adopt": _("Take over accounts that somebody else made in Moodle.")},
    "person": {"person": _("People entered by hand, and people who were taken for one.")},
    "people": {
        "slips": _("Print logins and first passwords to hand out. Each time is written down."),
        "reset-password": _("Let the first password of a person count again; prints the new slip."),
    },
    "keys": {
        "keys": _("Keys that sign what applications get."),
        "client-secret": _("Make a secret for an application and the hash for the settings."),
    },
    "events": {"events": _("Sign-ins that reports count: history and roll-ups.")},
    "operators": {"operators": _("Accounts of the console: school, district and city operators.")},
    "drifts": {"drifts": _("Answer what looks into Moodle have found: repair, keep, exclude.")},
    "exclusions": {
        "exclusions": _("What nothing of ours touches in Moodle: people, classes, courses."),
    },
    "phases": {"phases": _("Who signs in with what: password, ЕСИА, or both, and from when.")},
    "registry": {"registry": _("Registry of schools and reference figures (docs/registry.md).")},
    "reports": {"report": _("Figures per school, district and class.")},
    "mail": {"mail": _("Reports and reminders by e-mail.")},
}
"""Each command with its help, by the module of this folder that has it."""


class Later(click.Command):
    """The name and help of a command whose module is loaded when the command is used."""

    def __init__(self, module: str, name: str, help: str) -> None:
        super().__init__(name, help=help)
        self._module = module

    def load(self) -> click.Command:
        """Return the command itself."""
        there = vars(import_module(f"service.cli.{self._module}")).values()
        (command,) = (
            one for one in there if isinstance(one, click.Command) and one.name == self.name
        )
        command.help = self.help
        return command


class Commands(click.Group):
    """Commands of which each loads what it uses, and ``--help`` nothing."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, OLD_WORDS.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Later) else command, rest


@click.group(
    cls=Commands,
    commands=[
        Later(module, name, help)
        for module, commands in COMMANDS.items()
        for name, help in commands.items()
    ],
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
    # What we write is about children: nobody else on the machine reads it.
    os.umask(0o077)
    if config is not None:
        # Child processes read the same file.
        os.environ["SCHOOLBRIDGE_CONFIG"] = str(config.absolute())
    ctx.obj = Context()
    ctx.call_on_close(ctx.obj.close)
