"""Commands that move a load on, and what shows how far it is: import, approve, reject, apply,
retry, sync."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import date
from pathlib import Path

import click

from service.cli.base import (
    STOPPED,
    Context,
    json_option,
    pass_context,
    print_json,
    print_table,
    school_option,
)
from service.cli.loads import load_argument, show
from service.cli.watching import wait, watch_apply
from service.i18n import gettext as _
from service.loads import claims, due, operations
from service.loads.failures import failures, try_again
from service.models import Load, LoadStatus, PlanStatus
from service.moodle_gate import GOES_ON_BY_ITSELF
from service.processes import neighbours
from service.queue import JobQueue

MOST_PLANS = 5
"""The most plans that one ``sync`` makes: each tries the next login of those that are taken."""

paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)


@click.command("import")
@paths_argument
@school_option
@json_option
@pass_context
def import_(context: Context, paths: tuple[Path, ...], school: str, as_json: bool) -> None:
    with context.application.sessions() as session:  # nothing is kept: the worker says it
        left = claims.abandoned(session, context.now)
    # The worker will first go on with what a killed one was applying.
    applies = any(load.status != LoadStatus.RECEIVED for load in left)
    with neighbours(context.settings, moodle=applies):
        load_id = _import(context, paths, school)
    show(context, load_id, as_json=as_json)
    sys.exit(_stop_code(context, load_id))


def _import(context: Context, paths: tuple[Path, ...], school: str) -> int:
    with context.transaction() as session:
        named = [(path.name or path.absolute().name, path) for path in paths]
        load = operations.receive(
            session, home=context.settings.home, paths=named, scope=context.scope,
            expected_school=school, now=context.now,
        )  # fmt: skip
    return _plan(context, load.id)


def _plan(context: Context, load_id: int) -> int:
    """Queue a load and wait until it is planned or rejected, or waits for its next try."""
    JobQueue(context.settings).plan_load(load_id)
    wait(context, load_id, lambda load: load.status != LoadStatus.RECEIVED or bool(load.go_on_at))
    return load_id


def plan_and_wait(context: Context, load_id: int) -> int:
    """Plan a received load and wait; the exit code says whether it may go on."""
    return _stop_code(context, _plan(context, load_id))


def carry_out(context: Context, load_id: int, *, as_json: bool) -> int:
    """Approve what is within its limits, and apply it. 3 when something is left for a person."""
    with context.transaction() as session:
        load = operations.find(session, load_id, context.scope)
        plans = operations.plans(session, load, context.scope)
        within = [plan.school_code for plan in plans if plan.awaits_yes and not plan.breaches]
        if not within:
            return _stop_code(context, load_id)
        now = context.now
        load = operations.approve(
            session, load_id, scope=context.scope, now=now, schools=within,
            limits=context.settings.limits,
        )  # fmt: skip
        if load.status != LoadStatus.APPROVED:
            days = {plan.begins_on for plan in plans if plan.begins_on}
            _tell_waiting(days)
            return _stop_code(context, load_id)
        operations.ready_to_apply(session, load_id, scope=context.scope, now=now)
    code = _apply(context, load_id, as_json=as_json)
    return code or (STOPPED if len(within) < len(plans) else 0)


def _tell_waiting(days: Collection[date]) -> None:
    click.echo(_("Of the next school year; it begins by itself on its day: {days}.",
                 days=", ".join(f"{day:%d.%m.%Y}" for day in sorted(days))))  # fmt: skip


def _stop_code(context: Context, load_id: int) -> int:
    """3 when a finding stops the load or a school, or limits want a second yes; 1 when the reading
    itself broke off; 0 when the load may go on.
    """
    with context.transaction() as session:
        load = operations.find(session, load_id, context.scope)
        plans = operations.plans(session, load, context.scope)
        day = operations.day_of(session, plans, context.settings.limits, context.now)
    if load.problem:
        return STOPPED if load.problem.startswith(GOES_ON_BY_ITSELF) else 1
    blocked = any(plan.status == PlanStatus.BLOCKED or plan.breaches for plan in plans)
    return STOPPED if load.status == LoadStatus.REJECTED or blocked or day.breaches else 0


@click.command("approve")
@load_argument
@click.option("--digest", default="", help=_("Approve only if the plan still has this digest."))
@click.option("--school", "schools", multiple=True, metavar="CODE", help=_("Only this school."))
@click.option("--over-limits", is_flag=True, help=_("The second yes: plans over their limits too."))
@pass_context
def approve(
    context: Context, load_id: int, digest: str, schools: tuple[str, ...], over_limits: bool
) -> None:
    try:
        with context.transaction() as session:
            load = operations.approve(
                session, load_id, scope=context.scope, now=context.now,
                expected_digest=digest, over_limits=over_limits, schools=schools or None,
                limits=context.settings.limits,
            )  # fmt: skip
            can_begin = load.status == LoadStatus.APPROVED
            days = {plan.begins_on for plan in load.plans if plan.begins_on}
    except operations.LoadProblem as problem:
        if problem.code == "load.over_limits":
            text = _("Over the limits: {schools}. Look at the plan; to go on all the same, add "
                     "--over-limits.", schools=problem.values["schools"])  # fmt: skip
        elif problem.code == "load.city_day":
            text = _("All schools together lose too much in a day: {schools}. Look at the plan; to "
                     "go on all the same, add --over-limits.",
                     schools=problem.values["schools"])  # fmt: skip
        else:
            raise
        click.echo(text, err=True)
        sys.exit(STOPPED)
    if not can_begin:
        _tell_waiting(days)
        return
    click.echo(_("Load {load} is approved. Next: schoolbridge apply {load}", load=load_id))


@click.command("reject")
@load_argument
@pass_context
def reject(context: Context, load_id: int) -> None:
    with context.transaction() as session:
        operations.reject(session, load_id, scope=context.scope, now=context.now)
    click.echo(_("Load {load} is rejected.", load=load_id))


@click.command("apply")
@load_argument
@json_option
@pass_context
def apply(context: Context, load_id: int, as_json: bool) -> None:
    with context.transaction() as session:
        operations.ready_to_apply(session, load_id, scope=context.scope, now=context.now)
    with neighbours(context.settings):
        code = _apply(context, load_id, as_json=as_json)
    if as_json:
        show(context, load_id, as_json=True)
    sys.exit(code)


def _apply(context: Context, load_id: int, *, as_json: bool) -> int:
    """Apply and watch; Ctrl-C asks the job to stop after its batch. 0 when all of it is done, 3
    when it waits because nothing may be written to Moodle now, 1 otherwise.

    With JSON on standard output the progress goes to standard error.
    """
    JobQueue(context.settings).apply_load(load_id)
    if watch_apply(context, load_id, err=as_json):
        return 0
    with context.transaction() as session:
        waits = session.get_one(Load, load_id).problem.startswith(GOES_ON_BY_ITSELF)
    return STOPPED if waits else 1


@click.command("retry")
@load_argument
@json_option
@pass_context
def retry(context: Context, load_id: int, as_json: bool) -> None:
    with neighbours(context.settings):
        number, is_new = _retry(context, load_id)
        code = _stop_code(context, number) if is_new else _apply(context, number, as_json=as_json)
    if is_new or as_json:
        show(context, number, as_json=as_json)
    sys.exit(code)


def _retry(context: Context, load_id: int) -> tuple[int, bool]:
    """The load that does it, and whether it is a new one, which is planned then."""
    with context.transaction() as session:
        load, is_new = try_again(
            session, load_id, home=context.settings.home, scope=context.scope, now=context.now
        )
    return _plan(context, load.id) if is_new else load.id, is_new


@click.command("sync")
@paths_argument
@school_option
@click.option("--yes", is_flag=True, required=True, help=_("Required: nobody is asked."))
@json_option
@pass_context
def sync(context: Context, paths: tuple[Path, ...], school: str, yes: bool, as_json: bool) -> None:
    with neighbours(context.settings):
        load_id = _import(context, paths, school)
        if not as_json:
            show(context, load_id, as_json=False)
        code = _stop_code(context, load_id)
        for _plan in range(MOST_PLANS):
            if code != 0:
                break
            with context.transaction() as session:
                now = context.now
                operations.approve(
                    session, load_id, scope=context.scope, now=now, limits=context.settings.limits
                )
                operations.ready_to_apply(session, load_id, scope=context.scope, now=now)
            code = _apply(context, load_id, as_json=as_json)
            if code == 0 or not _needs_another_plan(context, load_id):
                break
            load_id, is_new = _retry(context, load_id)
            if not is_new:  # its files are gone, so the rest is tried as it was approved
                code = _apply(context, load_id, as_json=as_json)
                break
            code = _stop_code(context, load_id)
    if as_json:
        show(context, load_id, as_json=True)
    sys.exit(code)


@click.command("due")
@click.option("--apply", "does", is_flag=True, help=_("Plan it, and apply what is within limits."))
@json_option
@pass_context
def due_(context: Context, does: bool, as_json: bool) -> None:
    if not does:
        waiting = due.schools_with_due(context.application)
        if as_json:
            print_json(waiting)
        else:
            print_table([_("School"), _("People")], sorted(waiting.items()))
        return
    load_id = due.begin(context.application)
    if load_id is None:
        click.echo(_("Nothing is due, or a load of what is due is under way."), err=True)
        return
    with neighbours(context.settings):
        _plan(context, load_id)
        may_apply = due.approve_within_limits(context.application, load_id)
        code = _apply(context, load_id, as_json=as_json) if may_apply else 0
    show(context, load_id, as_json=as_json)
    sys.exit(code or _stop_code(context, load_id))


def _needs_another_plan(context: Context, load_id: int) -> bool:
    with context.transaction() as session:
        load = operations.find(session, load_id, context.scope)
        return bool(failures(session, load, context.scope).again)
