"""The command that tries a load, or the year's turn, before anything is changed."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict

import click

from service.cli.base import STOPPED, Context, json_option, pass_context, print_json, print_table
from service.i18n import gettext as _
from service.words import loads as wording


@click.command("rehearse")
@click.argument("load", type=int, required=False)
@click.option("--year", "turns", is_flag=True, help=_("The turn of all schools that wait for it."))
@click.option("--school", "schools", multiple=True, metavar="CODE", help=_("Only this school."))
@json_option
@pass_context
def rehearse(
    context: Context, load: int | None, turns: bool, schools: tuple[str, ...], as_json: bool
) -> None:
    # The stage takes longer to load than most commands take.
    from service.loads.rehearsal import rehearse_load, rehearse_turn

    if (load is None) == (not turns):
        raise click.UsageError(_("Name a load, or --year."))
    if load is None:
        told = rehearse_turn(context.application, context.scope, schools)
    else:
        told = rehearse_load(context.application, load, context.scope)
    failed = sum(len(school.failed) for school in told.schools)
    if as_json:
        print_json(asdict(told))
        sys.exit(STOPPED if failed or told.problem else 0)
    rows = []
    for school in told.schools:
        rows += [(school.code, wording.change(name), n, "") for name, n in school.done.items()]
        codes = Counter((one.kind, one.action, one.code) for one in school.failed)
        rows += [
            (school.code, wording.change(f"{kind}.{action}"), n, wording.outcome(code))
            for (kind, action, code), n in codes.items()
        ]
    print_table((_("School"), _("Change"), _("Count"), _("Fails because")), rows)
    click.echo(_("Nothing was changed: this was tried in a copy of what is known."))
    sys.exit(STOPPED if failed or told.problem else 0)
