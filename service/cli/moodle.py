"""Commands about writing to Moodle: pause all of it, let it go on, say how it stands."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from service import moodle_gate
from service.cli.base import STOPPED, Context, json_option, pass_context, print_json
from service.i18n import gettext as _
from service.words import loads as wording

_MOMENT = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M", "%H:%M"])


@click.group("moodle")
def moodle() -> None:
    """The group; its commands are below."""


@moodle.command("pause", help=_("Stop all writing to Moodle, everywhere, at the next batch."))
@click.option(
    "--until",
    type=_MOMENT,
    metavar="MOMENT",
    help=_("It ends by itself then: a day and a time, or the next such time."),
)
@click.option("--reason", required=True, help=_("Why; shown to everybody who waits."))
@pass_context
def pause(context: Context, until: datetime | None, reason: str) -> None:
    end = until and _as_moment(until, context)
    with context.transaction() as session:
        moodle_gate.pause(session, scope=context.scope, now=context.now, reason=reason, until=end)
    _say(context)


@moodle.command("resume", help=_("End the pause: what waits goes on at once."))
@pass_context
def resume(context: Context) -> None:
    with context.transaction() as session:
        moodle_gate.resume(session, scope=context.scope, now=context.now)
    _say(context)


@moodle.command("status", help=_("Say whether anything may be written; exit code 3 if not."))
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    context: Context = ctx.obj
    closed = context.application.writing_closed()
    if as_json:
        print_json({
            "may_write": closed is None,
            "why": closed.why if closed else "",
            "until": closed.until if closed else None,
            "by": closed.by if closed else "",
            "reason": closed.reason if closed else "",
        })  # fmt: skip
    else:
        _say(context)
    ctx.exit(STOPPED if closed else 0)


def _as_moment(typed: datetime, context: Context) -> datetime:
    """Return what was typed as a moment; a time without a day is the next one."""
    now = context.now.astimezone(context.zone)
    if typed.year != 1900:  # the year of a time alone
        return typed.replace(tzinfo=context.zone)
    today = datetime.combine(now.date(), typed.time(), context.zone)
    return today if today > now else today + timedelta(days=1)


def _say(context: Context) -> None:
    if not say_if_closed(context):
        click.echo(_("Writing to Moodle is open."))


def say_if_closed(context: Context) -> bool:
    """Say why nothing is written to Moodle now, and until when; False when it is open."""
    closed = context.application.writing_closed()
    if closed is None:
        return False
    until = f"{closed.until.astimezone(context.zone):%d.%m.%Y %H:%M}" if closed.until else ""
    click.echo(wording.writing_closed(closed.why, until))
    if closed.by:
        click.echo(_("Paused by {who}: {reason}", who=closed.by, reason=closed.reason))
    return True
