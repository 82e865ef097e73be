"""Commands about recorded sign-ins: events import, events rebuild."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from service import audit
from service.activity.importing import FileProblem, Imported, import_events
from service.activity.rebuild import rebuild
from service.audit import AuditAction
from service.cli.base import STOPPED, Context, Failure, json_option, pass_context, print_json
from service.i18n import gettext as _
from service.words.findings import line_remedy
from service.words.problems import sentence

REPORTED_EVERY = 500_000
"""Events between two lines about the progress."""


@click.group("events")
def events() -> None:
    """Group of the commands about events."""


@events.command(
    "import",
    help=_("Add the sign-ins of an earlier portal from CSV files. Repeating it changes nothing."),
)
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@json_option
@pass_context
def import_history(context: Context, paths: tuple[Path, ...], as_json: bool) -> None:
    application = context.application
    secret = application.derived_secret(b"outside events")
    told = []
    for path in paths:
        try:
            done = import_events(application.sessions, path, secret=secret, now=context.now)
        except FileProblem as error:
            raise Failure(f"{path}: {sentence(error)}") from error
        numbers: dict[str, Any] = {
            "lines": done.lines, "new": done.new, "known_before": done.known_before,
            "unmatched": done.unmatched, "bad": len(done.bad),
        }  # fmt: skip
        with context.transaction() as session:
            audit.record(
                session, AuditAction.EVENT_IMPORT, at=context.now, actor=context.scope.actor,
                file=path.name, **numbers,
            )  # fmt: skip
        told.append({"file": str(path), **numbers, "bad_lines": [asdict(one) for one in done.bad]})
        if not as_json:
            _print(path, done)
    if as_json:
        print_json(told)
    if any(one["bad"] for one in told):
        sys.exit(STOPPED)


def _print(path: Path, done: Imported) -> None:
    for one in done.bad:
        remedy = line_remedy(one.code)
        click.echo(_("{file}, line {line}: {column} “{value}”: {remedy}", file=path, line=one.line,
                     column=one.column, value=one.value, remedy=remedy))  # fmt: skip
    click.echo(
        _("{file}: {lines} lines, {new} new sign-ins, {before} known before, {bad} bad lines",
          file=path, lines=done.lines, new=done.new, before=done.known_before, bad=len(done.bad))
    )  # fmt: skip
    if done.unmatched:
        click.echo(_("{n} of the new ones are of people whom we do not know: they are counted "
                     "apart and stand in no figure about people", n=done.unmatched))  # fmt: skip


@events.command(
    "rebuild", help=_("Make the roll-ups of sign-ins anew from the events that are kept.")
)
@pass_context
def rebuild_roll_ups(context: Context) -> None:
    application = context.application
    begin = time.monotonic()
    done = told = 0

    def progress(events: int) -> None:
        nonlocal done, told
        done += events
        if done - told >= REPORTED_EVERY:
            told = done
            click.echo(_("{n} events, {rate} a second", n=done, rate=_rate(done, begin)), err=True)

    counted = rebuild(application.engine, application.zone, progress)
    click.echo(_("Rebuilt from {n} events, {rate} a second", n=counted, rate=_rate(counted, begin)))


def _rate(events: int, begin: float) -> int:
    return round(events / max(time.monotonic() - begin, 0.001))
