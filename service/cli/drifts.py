"""Commands that answer what looks into Moodle have found: drifts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from provisioning.drift import DriftKind
from service.cli.base import STOPPED, Context, json_option, pass_context, print_json, print_table
from service.cli.loading import carry_out
from service.cli.loads import show as show_load
from service.i18n import gettext as _
from service.i18n import ngettext
from service.models import DriftState
from service.portal import deciding
from service.portal.deciding import Decided, Deciding
from service.processes import neighbours
from service.words import drifts as wording
from service.words.problems import sentence


@click.group("drifts")
def drifts() -> None:
    """The group; its commands are below."""


def _chosen_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which drifts are answered: by number, or all of a kind or a school."""
    for option in reversed(
        (
            click.argument("numbers", type=int, nargs=-1),
            click.option("--kind", "kinds", multiple=True,
                         type=click.Choice(list(DriftKind)),
                         help=_("All of this kind that wait.")),
            click.option("--school", default="", metavar="CODE", help=_("Of this school.")),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@drifts.command("list", help=_("Print what Moodle has otherwise than we hold it."))
@click.option("--school", default="", metavar="CODE", help=_("Of this school."))
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(DriftKind)),
              help=_("Of this kind."))  # fmt: skip
@click.option("--state", type=click.Choice(list(DriftState)), default=DriftState.OPEN.value,
              show_default=True, help=_("Which ones."))  # fmt: skip
@json_option
@pass_context
def show(context: Context, school: str, kinds: Sequence[str], state: str, as_json: bool) -> None:
    with context.transaction() as session:
        query = deciding.listed(
            context.scope, states=[DriftState(state)], school=school, kinds=kinds
        )
        rows = session.scalars(query).all()
        names = deciding.people_of(session, context.scope, rows)
    if as_json:
        fields = (
            "id", "school_code", "kind", "subject", "key", "person_id", "moodle_id", "field",
            "ours", "theirs", "state", "found_at", "seen_at", "decided_by", "reason",
        )  # fmt: skip
        print_json([
            {name: getattr(row, name) for name in fields}
            | {"answers": [name for name, can in deciding.may(row).items() if can]}
            for row in rows
        ])  # fmt: skip
        return
    print_table((_("No."), _("School"), _("What"), _("Whose"), _("Difference")), [
        (row.id, row.school_code or "—", wording.kind(row.kind),
         names[row.person_id].username if row.person_id in names else row.key,
         wording.difference(row))
        for row in rows
    ])  # fmt: skip


@drifts.command("keep", help=_("Let it stay as Moodle has it, until the source changes too."))
@_chosen_options
@click.option("--reason", default="", help=_("Why, for other operators."))
@pass_context
def keep(
    context: Context, numbers: Sequence[int], kinds: Sequence[str], school: str, reason: str
) -> None:
    with _answering(context) as use_cases:
        chosen = _chosen(use_cases, numbers, kinds, school)
        done = use_cases.keep(chosen, reason=reason)
    _tell(done)


@drifts.command("exclude", help=_("Leave the person, class or course alone from now on."))
@_chosen_options
@click.option("--reason", required=True, help=_("Why, for other operators."))
@pass_context
def exclude(
    context: Context, numbers: Sequence[int], kinds: Sequence[str], school: str, reason: str
) -> None:
    with _answering(context) as use_cases:
        chosen = _chosen(use_cases, numbers, kinds, school)
        done = use_cases.exclude(chosen, reason=reason)
    _tell(done)


@drifts.command("repair", help=_("Plan what brings Moodle back to what we hold."))
@_chosen_options
@click.option("--yes", is_flag=True, help=_("Apply what is within the limits, without asking."))
@json_option
@pass_context
def repair(
    context: Context,
    numbers: Sequence[int],
    kinds: Sequence[str],
    school: str,
    yes: bool,
    as_json: bool,
) -> None:
    with _answering(context) as use_cases:
        load_id = use_cases.repair(_chosen(use_cases, numbers, kinds, school)).id
    if not yes:
        show_load(context, load_id, as_json=as_json)
        click.echo(_("To carry it out: schoolbridge approve {load}", load=load_id), err=True)
        sys.exit(STOPPED)
    with neighbours(context.settings):
        code = carry_out(context, load_id, as_json=as_json)
    show_load(context, load_id, as_json=as_json)
    sys.exit(code)


@contextmanager
def _answering(context: Context) -> Iterator[Deciding]:
    """The use cases in one transaction."""
    with context.transaction() as session:
        yield Deciding(
            session=session, settings=context.settings, scope=context.scope, now=context.now
        )


def _chosen(
    use_cases: Deciding, numbers: Sequence[int], kinds: Sequence[str], school: str
) -> list[int]:
    """Return the numbers, or those of all that wait; ``click.UsageError`` without any choice."""
    if numbers:
        return list(numbers)
    if not kinds and not school:
        raise click.UsageError(_("name numbers, a kind or a school"))
    query = deciding.listed(use_cases.scope, school=school, kinds=kinds)
    return [row.id for row in use_cases.session.scalars(query.limit(deciding.MOST_AT_ONCE))]


def _tell(decided: Decided) -> None:
    """Say what is done; exit code 1 when something could not be."""
    number = len(decided.done)
    click.echo(ngettext("{n} difference is answered", "{n} differences are answered", number))
    for drift_id, problem in decided.refused.items():
        told = _("No. {number}: {why}", number=drift_id, why=sentence(problem))
        click.echo(told, err=True)
    if decided.refused:
        sys.exit(1)
