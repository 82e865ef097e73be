"""The command that looks into Moodle and repairs what it finds: reconcile."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import click
from sqlalchemy import select

from provisioning.drift import DriftKind
from service.cli.base import (
    STOPPED,
    Context,
    json_option,
    pass_context,
    print_json,
    print_table,
)
from service.cli.loading import carry_out
from service.cli.loads import show
from service.i18n import gettext as _
from service.models import Drift, DriftState, PortalLook
from service.portal import looks, repairing
from service.portal.looking import look
from service.processes import neighbours
from service.words import drifts as wording

SHOWN = 50
"""Drifts on a terminal; ``--json`` and the console give all."""


@click.command("reconcile")
@click.option("--school", default="", metavar="CODE", help=_("Only this school."))
@click.option(
    "--sample", type=click.IntRange(1, 100), default=100, show_default=True,
    help=_("So many percent of the people, cohorts and courses; another part each time."),
)  # fmt: skip
@click.option("--no-look", is_flag=True, help=_("Do not look again: what earlier looks found."))
@click.option("--repair", is_flag=True, help=_("Plan what brings Moodle back to what we hold."))
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([one.value for one in DriftKind]),
    help=_("Only this kind of drift; named here, also what is kept is repaired."),
)  # fmt: skip
@click.option("--yes", is_flag=True, help=_("With --repair: apply what is within the limits."))
@json_option
@pass_context
def reconcile(
    context: Context,
    school: str,
    sample: int,
    no_look: bool,
    repair: bool,
    kinds: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    with neighbours(context.settings):
        code = 0
        if no_look:
            done = _last(context, school)
        else:
            done = look(
                context.application, actor=context.scope.actor, school=school, sample=sample
            )
            code = 1 if done.problem else 0
        found = _found(context, school, kinds)
        if not as_json:
            _print(done, found)
        load_id = _plan(context, school, kinds) if repair and not code else None
        if load_id is not None:
            if not as_json:
                show(context, load_id, as_json=False)
            code = carry_out(context, load_id, as_json=as_json) if yes else _waits(load_id)
    if as_json:
        print_json(_as_data(done, found, load_id))
    elif repair and load_id is None and not code:
        click.echo(_("There is nothing that a plan can repair."))
    sys.exit(code)


def _last(context: Context, school: str) -> PortalLook | None:
    with context.transaction() as session:
        return looks.last(session, school=school, sample=1)


def _found(context: Context, school: str, kinds: tuple[str, ...]) -> list[Drift]:
    standing = Drift.state.in_([DriftState.OPEN, DriftState.KEPT])
    query = select(Drift).where(standing, Drift.school_code.in_(context.scope.codes()))
    if context.scope.is_city:
        query = select(Drift).where(standing)
    if school:
        query = query.where(Drift.school_code == school)
    if kinds:
        query = query.where(Drift.kind.in_(kinds))
    with context.transaction() as session:
        return list(session.scalars(query.order_by(Drift.school_code, Drift.kind, Drift.id)))


def _plan(context: Context, school: str, kinds: tuple[str, ...]) -> int | None:
    with context.transaction() as session:
        chosen = repairing.open_drifts(session, context.scope, school=school, kinds=kinds)
        load = repairing.plan_repair(
            session, chosen, home=context.settings.home, scope=context.scope, now=context.now,
            limits=context.settings.limits,
        )  # fmt: skip
        return load.id if load else None


def _waits(load_id: int) -> int:
    click.echo(_("To carry it out: schoolbridge approve {load}", load=load_id), err=True)
    return STOPPED


def _print(done: PortalLook | None, found: list[Drift]) -> None:
    if done is None:
        click.echo(_("Nobody has looked into Moodle yet."))
        return
    text = _(
        "Look {look}: {people} people, {objects} categories, cohorts and courses",
        look=done.id, people=done.people, objects=done.objects,
    )  # fmt: skip
    click.echo(text)
    if done.unread:
        click.echo(_("Moodle showed nothing of {n} of them: unknown.", n=done.unread))
    if done.problem:
        click.echo(wording.look_problem(done), err=True)
    waiting = [one for one in found if one.state == DriftState.OPEN]
    kept = Counter(one.kind for one in found if one.state == DriftState.KEPT)
    if not waiting:
        click.echo(_("Moodle has what we hold."))
    else:
        titles = (_("School"), _("What"), _("Which"), _("Difference"))
        rows = [
            (one.school_code, wording.kind(one.kind), one.key, wording.difference(one))
            for one in waiting[:SHOWN]
        ]
        print_table(titles, rows)
        if len(waiting) > SHOWN:
            click.echo(_("... and {n} more; --json prints all", n=len(waiting) - SHOWN))
        for told in sorted({wording.remedy(one) for one in waiting[:SHOWN]}):
            click.echo(f"    → {told}")
    for kind, number in sorted(kept.items()):
        what = wording.kind(kind)
        click.echo(_("stays as Moodle has it: {what}, {n} times", what=what, n=number))


def _as_data(done: PortalLook | None, found: list[Drift], load_id: int | None) -> dict[str, Any]:
    names = ("id", "school_code", "people", "objects", "unread", "drifts", "sample", "problem")
    return {
        "look": done
        and {name: getattr(done, name) for name in names}
        | {"began_at": done.began_at, "ended_at": done.ended_at},
        "load": load_id,
        "drifts": [
            {
                "id": one.id, "school": one.school_code, "kind": one.kind, "subject": one.subject,
                "key": one.key, "person_id": one.person_id, "moodle_id": one.moodle_id,
                "field": one.field, "ours": one.ours, "theirs": one.theirs, "state": one.state,
                "found_at": one.found_at, "seen_at": one.seen_at,
                "repairable": repairing.is_repairable(one), "remedy": wording.remedy(one),
            }
            for one in found
        ],
    }  # fmt: skip
