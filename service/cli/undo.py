"""The command that undoes loads: undo."""

from __future__ import annotations

import sys

import click

from service.cli.base import Context, json_option, pass_context
from service.cli.loading import carry_out, plan_and_wait
from service.cli.loads import show
from service.i18n import gettext as _
from service.loads import undo as undoing
from service.processes import neighbours


@click.command("undo")
@click.argument("loads", metavar="LOAD...", nargs=-1, required=True, type=int)
@click.option("--school", "schools", multiple=True, metavar="CODE", help=_("Only this school."))
@click.option(
    "--with-later", is_flag=True, help=_("Together with what came after it at these schools.")
)
@click.option(
    "--also-changed", is_flag=True, help=_("Bring back also what has changed since by other ways.")
)
@click.option("--yes", is_flag=True, help=_("Approve what is within the limits, and apply it."))
@json_option
@pass_context
def undo(
    context: Context,
    loads: tuple[int, ...],
    schools: tuple[str, ...],
    with_later: bool,
    also_changed: bool,
    yes: bool,
    as_json: bool,
) -> None:
    with context.transaction() as session:
        load_id = undoing.begin(
            session, set(loads), home=context.settings.home, scope=context.scope, now=context.now,
            schools=schools, with_later=with_later, also_changed=also_changed,
        ).id  # fmt: skip
    with neighbours(context.settings):
        code = plan_and_wait(context, load_id)
        if yes:
            code = carry_out(context, load_id, as_json=as_json)
    show(context, load_id, as_json=as_json)
    sys.exit(code)
