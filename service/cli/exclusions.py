"""Commands about what nothing of ours touches in Moodle: exclusions, and fields changed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from provisioning.exclusions import Excluded
from service.cli.base import Context, json_option, pass_context, print_json, print_table
from service.i18n import gettext as _
from service.portal import excluding
from service.portal.excluding import Excluding
from service.words import exclusions as wording


@click.group("exclusions")
def exclusions() -> None:
    """The group; its commands are below."""


@exclusions.command("list", help=_("Print what is excluded."))
@click.option("--ended", is_flag=True, help=_("What was excluded once and is no more."))
@json_option
@pass_context
def show(context: Context, ended: bool, as_json: bool) -> None:
    with context.transaction() as session:
        rows = excluding.listed(session, context.scope, ended=ended)
        people = excluding.people_named(session, context.scope, rows)
    untouched = context.settings.moodle.untouched_logins
    if as_json:
        names = ("id", "what", "pattern", "school_code", "reason", "made_by", "made_at",
                 "ended_by", "ended_at")  # fmt: skip
        print_json({
            "exclusions": [{name: getattr(row, name) for name in names} for row in rows],
            "untouched_logins": list(untouched),
        })  # fmt: skip
        return
    print_table((_("No."), _("What"), _("Which one"), _("School"), _("Reason"), _("By")), [
        (row.id, wording.what(row.what), wording.named(row, people), row.school_code or "—",
         row.reason, row.made_by)
        for row in rows
    ])  # fmt: skip
    click.echo(_("By the settings never touched: {logins}", logins=", ".join(untouched)))


@exclusions.command("add", help=_("Leave something alone from now on, whatever the files say."))
@click.argument("what", type=click.Choice([one.value for one in Excluded]))
@click.argument("pattern")
@click.option("--school", "school_code", default="", metavar="CODE",
              help=_("In the plans of this school only."))  # fmt: skip
@click.option("--reason", required=True, help=_("Why, for other operators."))
@pass_context
def add(context: Context, what: str, pattern: str, school_code: str, reason: str) -> None:
    with _writing(context) as use_cases:
        row = use_cases.add(
            what=Excluded(what), pattern=pattern, school_code=school_code, reason=reason
        )
    click.echo(_("Exclusion {number} is added.", number=row.id))


@exclusions.command("end", help=_("Let plans touch it again."))
@click.argument("number", type=int)
@pass_context
def end(context: Context, number: int) -> None:
    with _writing(context) as use_cases:
        use_cases.end(number)
    click.echo(_("Exclusion {number} is ended.", number=number))


@contextmanager
def _writing(context: Context) -> Iterator[Excluding]:
    """The use cases in one transaction."""
    with context.transaction() as session:
        yield Excluding(
            session=session, settings=context.settings, scope=context.scope, now=context.now
        )
