"""Commands of a load: import, loads, plan, approve, reject, apply, sync."""

from __future__ import annotations

import sys
from copy import copy
from pathlib import Path
from typing import Any

import click

from service.cli.base import STOPPED, Context, json_option, pass_context, print_json, print_table
from service.cli.printing import load_as_data, print_changes, print_findings, print_load
from service.cli.watching import watch_apply, watch_plan
from service.db import transaction
from service.i18n import gettext as _
from service.loads import claims, operations
from service.loads.failures import counts, failures
from service.models import Load, LoadStatus, PlanStatus
from service.processes import neighbours
from service.queue import JobQueue

MOST_PLANS = 5
"""Of one ``sync``: each gives people whose login is taken in Moodle the next one."""

paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
school_option = click.option(
    "--school", default="", metavar="CODE", help=_("The school these files must be of.")
)
load_argument = click.argument("load_id", metavar="LOAD", type=int)


@click.command("import", help=_("Read files, folders or a zip and plan what would change."))
@paths_argument
@school_option
@json_option
@pass_context
def import_(context: Context, paths: tuple[Path, ...], school: str, as_json: bool) -> None:
    with neighbours(context.settings, worker=True, moodle=_something_is_applied(context)):
        load_id = _import(context, paths, school)
    _show(context, load_id, as_json=as_json)
    sys.exit(_stop_code(context, load_id))


def _something_is_applied(context: Context) -> bool:
    """Whether the worker will first go on with what a killed one was applying."""
    application = context.application
    with application.sessions() as session:
        left = claims.abandoned(session, application.clock())
    return any(load.status != LoadStatus.RECEIVED for load in left)


def _import(context: Context, paths: tuple[Path, ...], school: str) -> int:
    application = context.application
    with transaction(application.sessions) as session:
        load = operations.receive(
            session,
            home=context.settings.home,
            paths=[(path.name or path.absolute().name, path) for path in paths],
            scope=context.scope,
            expected_school=school,
            now=application.clock(),
        )
    JobQueue(context.settings).plan_load(load.id)
    watch_plan(application, load.id)
    return load.id


def _show(context: Context, load_id: int, *, as_json: bool) -> None:
    with context.application.sessions() as session:
        load = operations.find(session, load_id, context.scope)
        plans = operations.plans(session, load, context.scope)
        findings = operations.findings(session, load, context.scope)
        if as_json:
            progress = operations.progress(session, load, context.scope)
            print_json(load_as_data(load, plans, findings) | {"progress": progress})
            return
        print_findings(findings)
        print_load(load, plans, findings)


def _stop_code(context: Context, load_id: int) -> int:
    """3 when a finding stops the load or a school, or limits want a second yes; 1 when the reading
    itself broke off; 0 when the load may go on.
    """
    with context.application.sessions() as session:
        load = operations.find(session, load_id, context.scope)
        plans = operations.plans(session, load, context.scope)
    if load.problem:
        return 1
    blocked = any(plan.status == PlanStatus.BLOCKED or plan.breaches for plan in plans)
    return STOPPED if load.status == LoadStatus.REJECTED or blocked else 0


@click.command("loads", help=_("List the loads, newest first."))
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help=_("How many.")
)
@json_option
@pass_context
def list_loads(context: Context, limit: int, as_json: bool) -> None:
    with context.application.sessions() as session:
        found = operations.latest(session, context.scope, limit)
        failed = counts(session, found, context.scope)
        if as_json:
            print_json(
                [
                    load_as_data(load, load.plans, []) | {"failed": failed.get(load.id, 0)}
                    for load in found
                ]
            )
            return
        titles = (_("Load"), _("Received"), _("By"), _("Status"), _("Failed"), _("Schools"))
        print_table(titles, [_load_row(context, load, failed.get(load.id, 0)) for load in found])


def _load_row(context: Context, load: Load, failed: int) -> tuple[Any, ...]:
    received = f"{load.created_at.astimezone(context.application.zone):%d.%m.%Y %H:%M}"
    return load.id, received, load.created_by, load.status, failed, len(load.plans)


@click.command("plan", help=_("Show what a load found and would change."))
@load_argument
@click.option("--changes", is_flag=True, help=_("Every single change."))
@json_option
@pass_context
def plan(context: Context, load_id: int, changes: bool, as_json: bool) -> None:
    if not changes:
        _show(context, load_id, as_json=as_json)
        return
    with context.application.sessions() as session:
        load = operations.find(session, load_id, context.scope)
        print_changes(operations.changes(session, load, context.scope), as_json=as_json)


@click.command("approve", help=_("Say yes to the plans of a load."))
@load_argument
@click.option("--digest", default="", help=_("Approve only if the plan still has this digest."))
@click.option("--school", "schools", multiple=True, metavar="CODE", help=_("Only this school."))
@click.option("--over-limits", is_flag=True, help=_("The second yes: plans over their limits too."))
@pass_context
def approve(
    context: Context, load_id: int, digest: str, schools: tuple[str, ...], over_limits: bool
) -> None:
    application = context.application
    try:
        with transaction(application.sessions) as session:
            operations.approve(
                session, load_id, scope=context.scope, now=application.clock(),
                expected_digest=digest, over_limits=over_limits, schools=schools or None,
            )  # fmt: skip
    except operations.LoadProblem as problem:
        if problem.code != "load.over_limits":
            raise
        click.echo(_over_limits(problem.values["schools"]), err=True)
        sys.exit(STOPPED)
    click.echo(_("Load {load} is approved. Next: schoolbridge apply {load}", load=load_id))


def _over_limits(schools: str) -> str:
    return _(
        "Over the limits: {schools}. Look at the plan; to go on all the same, add --over-limits.",
        schools=schools,
    )


@click.command("reject", help=_("Say no to a load."))
@load_argument
@pass_context
def reject(context: Context, load_id: int) -> None:
    application = context.application
    with transaction(application.sessions) as session:
        operations.reject(session, load_id, scope=context.scope, now=application.clock())
    click.echo(_("Load {load} is rejected.", load=load_id))


@click.command("apply", help=_("Apply an approved load, or go on with a stopped one."))
@load_argument
@json_option
@pass_context
def apply(context: Context, load_id: int, as_json: bool) -> None:
    application = context.application
    with transaction(application.sessions) as session:
        operations.ready_to_apply(session, load_id, scope=context.scope, now=application.clock())
    with neighbours(context.settings, worker=True):
        code = _apply(context, load_id, as_json=as_json)
    if as_json:
        _show(context, load_id, as_json=True)
    sys.exit(code)


def _apply(context: Context, load_id: int, *, as_json: bool) -> int:
    """Apply and watch; Ctrl-C asks the job to stop after its batch. 0 when all of it is done.

    With JSON on standard output the progress goes to standard error.
    """
    JobQueue(context.settings).apply_load(load_id)
    done = watch_apply(context.application, load_id, context.scope, err=as_json)
    return 0 if done else 1


@click.command(
    "retry",
    help=_("Try again what failed: apply it again, or plan it again where that cannot help."),
)
@load_argument
@json_option
@pass_context
def retry(context: Context, load_id: int, as_json: bool) -> None:
    with neighbours(context.settings, worker=True):
        number, is_new = _retry(context, load_id)
        code = _stop_code(context, number) if is_new else _apply(context, number, as_json=as_json)
    if is_new or as_json:
        _show(context, number, as_json=as_json)
    sys.exit(code)


def _retry(context: Context, load_id: int) -> tuple[int, bool]:
    """The load that does it, and whether it is a new one, which is planned then."""
    application = context.application
    with transaction(application.sessions) as session:
        load, is_new = operations.try_again(
            session, load_id, home=context.settings.home, scope=context.scope,
            now=application.clock(),
        )  # fmt: skip
        number = load.id
    if is_new:
        JobQueue(context.settings).plan_load(number)
        watch_plan(application, number)
    return number, is_new


@click.command("sync", help=_("Import, approve and apply when nothing stops it (for schedules)."))
@paths_argument
@school_option
@click.option("--yes", is_flag=True, required=True, help=_("Required: nobody is asked."))
@json_option
@pass_context
def sync(context: Context, paths: tuple[Path, ...], school: str, yes: bool, as_json: bool) -> None:
    application = context.application
    with neighbours(context.settings, worker=True):
        load_id = _import(context, paths, school)
        if not as_json:
            _show(context, load_id, as_json=False)
        code = _stop_code(context, load_id)
        for _plan in range(MOST_PLANS):
            if code != 0:
                break
            with transaction(application.sessions) as session:
                operations.approve(session, load_id, scope=context.scope, now=application.clock())
                operations.ready_to_apply(
                    session, load_id, scope=context.scope, now=application.clock()
                )
            code = _apply(context, load_id, as_json=as_json)
            if code == 0 or not _needs_another_plan(context, load_id):
                break
            load_id, _is_new = _retry(context, load_id)
            code = _stop_code(context, load_id)
    if as_json:
        _show(context, load_id, as_json=True)
    sys.exit(code)


def _needs_another_plan(context: Context, load_id: int) -> bool:
    with context.application.sessions() as session:
        load = operations.find(session, load_id, context.scope)
        return bool(failures(session, load, context.scope).again)


runs = copy(list_loads)
"""The old word of ``loads``, for scripts that were written with it."""
runs.name, runs.hidden = "runs", True

COMMANDS = (import_, list_loads, runs, plan, approve, reject, apply, retry, sync)
