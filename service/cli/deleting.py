"""The command that deletes accounts of archived people: delete-accounts."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from service.cli.base import STOPPED, Context, json_option, pass_context, print_json, print_table
from service.i18n import gettext as _
from service.loads import deleting
from service.processes import neighbours


@click.command("delete-accounts")
@click.option(
    "--list", "listed", metavar="FILE", type=click.Path(exists=True, path_type=Path),
    help=_("A file with a login or person id in each line."),
)  # fmt: skip
@click.option(
    "--archived-before", "before", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]),
    help=_("Who was on no roll since before this day."),
)  # fmt: skip
@click.option(
    "--yes", "said", default="", metavar="DIGEST",
    help=_("The second yes: the digest of the list as it was printed."),
)  # fmt: skip
@json_option
@pass_context
def delete_accounts(
    context: Context, listed: Path | None, before: datetime | None, said: str, as_json: bool
) -> None:
    with context.transaction() as session:
        if listed is not None and before is None:
            lines = listed.read_text("utf-8-sig").split()
            people = deleting.listed(session, context.scope, lines)
        elif before is not None and listed is None:
            moment = before.replace(tzinfo=context.zone)
            people = deleting.archived_before(session, context.scope, moment)
        else:
            raise click.UsageError(_("name a list or a day, one of the two"))
    digest = deleting.digest(people)
    if not said:
        _show(context, people, digest, as_json=as_json)
        sys.exit(STOPPED if people else 0)
    with neighbours(context.settings):
        deleted, kept = deleting.carry_out(context.application, people, said, scope=context.scope)
    back = sum(code == deleting.CAME_BACK for _one, code in kept)
    if as_json:
        failed = [{"login": one.username, "code": code} for one, code in kept]
        print_json({"deleted": deleted, "failed": failed, "came_back": back})
    else:
        click.echo(_("Deleted: {deleted}, failed: {failed}", deleted=deleted, failed=len(kept)))
        if back:
            click.echo(_("Left out, because they have come back or are about to: {n}", n=back))
        for one, code in kept:
            click.echo(f"{one.username}  {code}", err=True)
    sys.exit(1 if kept else 0)


def _show(
    context: Context, people: list[deleting.Deletable], digest: str, *, as_json: bool
) -> None:
    if as_json:
        rows = [
            {"person_id": one.person_id, "login": one.username, "school": one.school_code,
             "away_since": one.away_since}
            for one in people
        ]  # fmt: skip
        print_json({"digest": digest, "people": rows})
        return
    titles = (_("Login"), _("School"), _("On no roll since"))
    print_table(
        titles,
        [
            (one.username, one.school_code,
             f"{one.away_since.astimezone(context.zone):%d.%m.%Y}" if one.away_since else "")
            for one in people
        ],
    )  # fmt: skip
    if people:
        text = _(
            "To delete these {n} accounts for good: schoolbridge delete-accounts … --yes {digest}",
            n=len(people), digest=digest,
        )  # fmt: skip
        click.echo(text)
