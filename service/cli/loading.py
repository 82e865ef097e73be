"""Commands of a load: import, runs, plan, approve, reject, apply, sync."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from service.cli.base import STOPPED, Context, json_option, pass_context, print_json, print_table
from service.cli.printing import print_changes, print_findings, print_run, run_as_data
from service.cli.watching import watch_apply, watch_plan
from service.db import transaction
from service.i18n import gettext as _
from service.jobs import Jobs
from service.loads import claims
from service.loads import operations as runs
from service.loads.failures import counts, failures
from service.models import PlanStatus, RunStatus, SyncRun
from service.processes import neighbours

MOST_PLANS = 5
"""Of one ``sync``: each gives people whose login is taken in Moodle the next one."""

paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
school_option = click.option(
    "--school", default="", metavar="CODE", help=_("The school these files must be of.")
)
run_argument = click.argument("run_id", metavar="RUN", type=int)


@click.command("import", help=_("Read files, folders or a zip and plan what would change."))
@paths_argument
@school_option
@json_option
@pass_context
def import_(context: Context, paths: tuple[Path, ...], school: str, as_json: bool) -> None:
    with neighbours(context.settings, worker=True, moodle=_something_is_applied(context)):
        run_id = _import(context, paths, school)
    _show(context, run_id, as_json=as_json)
    sys.exit(_stop_code(context, run_id))


def _something_is_applied(context: Context) -> bool:
    """Whether the worker will first go on with what a killed one was applying."""
    application = context.application
    with application.sessions() as session:
        left = claims.abandoned(session, application.clock())
    return any(run.status != RunStatus.RECEIVED for run in left)


def _import(context: Context, paths: tuple[Path, ...], school: str) -> int:
    application = context.application
    with transaction(application.sessions) as session:
        run = runs.receive(
            session,
            home=context.settings.home,
            paths=[(path.name or path.absolute().name, path) for path in paths],
            scope=context.scope,
            expected_school=school,
            now=application.clock(),
        )
    Jobs(context.settings).plan_run(run.id)
    watch_plan(application, run.id)
    return run.id


def _show(context: Context, run_id: int, *, as_json: bool) -> None:
    with context.application.sessions() as session:
        run = runs.find(session, run_id, context.scope)
        plans = runs.plans(session, run, context.scope)
        findings = runs.findings(session, run, context.scope)
        if as_json:
            progress = runs.progress(session, run, context.scope)
            print_json(run_as_data(run, plans, findings) | {"progress": progress})
            return
        print_findings(findings)
        print_run(run, plans, findings)


def _stop_code(context: Context, run_id: int) -> int:
    """3 when a finding stops the run or a school, or limits want a second yes; 1 when the reading
    itself broke off; 0 when the run may go on.
    """
    with context.application.sessions() as session:
        run = runs.find(session, run_id, context.scope)
        plans = runs.plans(session, run, context.scope)
    if run.problem:
        return 1
    blocked = any(plan.status == PlanStatus.BLOCKED or plan.breaches for plan in plans)
    return STOPPED if run.status == RunStatus.REJECTED or blocked else 0


@click.command("runs", help=_("List the runs, newest first."))
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help=_("How many.")
)
@json_option
@pass_context
def list_runs(context: Context, limit: int, as_json: bool) -> None:
    with context.application.sessions() as session:
        found = runs.latest(session, context.scope, limit)
        failed = counts(session, found, context.scope)
        if as_json:
            print_json(
                [
                    run_as_data(run, run.plans, []) | {"failed": failed.get(run.id, 0)}
                    for run in found
                ]
            )
            return
        titles = (_("Run"), _("Received"), _("By"), _("Status"), _("Failed"), _("Schools"))
        print_table(titles, [_run_row(context, run, failed.get(run.id, 0)) for run in found])


def _run_row(context: Context, run: SyncRun, failed: int) -> tuple[Any, ...]:
    received = f"{run.created_at.astimezone(context.application.zone):%d.%m.%Y %H:%M}"
    return run.id, received, run.created_by, run.status, failed, len(run.plans)


@click.command("plan", help=_("Show what a run found and would change."))
@run_argument
@click.option("--changes", is_flag=True, help=_("Every single change."))
@json_option
@pass_context
def plan(context: Context, run_id: int, changes: bool, as_json: bool) -> None:
    if not changes:
        _show(context, run_id, as_json=as_json)
        return
    with context.application.sessions() as session:
        run = runs.find(session, run_id, context.scope)
        print_changes(runs.changes(session, run, context.scope), as_json=as_json)


@click.command("approve", help=_("Say yes to the plans of a run."))
@run_argument
@click.option("--digest", default="", help=_("Approve only if the plan still has this digest."))
@click.option("--school", "schools", multiple=True, metavar="CODE", help=_("Only this school."))
@click.option("--over-limits", is_flag=True, help=_("The second yes: plans over their limits too."))
@pass_context
def approve(
    context: Context, run_id: int, digest: str, schools: tuple[str, ...], over_limits: bool
) -> None:
    application = context.application
    try:
        with transaction(application.sessions) as session:
            runs.approve(
                session, run_id, scope=context.scope, now=application.clock(),
                expected_digest=digest, over_limits=over_limits, schools=schools or None,
            )  # fmt: skip
    except runs.RunProblem as problem:
        if problem.code != "run.over_limits":
            raise
        click.echo(_over_limits(problem.values["schools"]), err=True)
        sys.exit(STOPPED)
    click.echo(_("Run {run} is approved. Next: schoolbridge apply {run}", run=run_id))


def _over_limits(schools: str) -> str:
    return _(
        "Over the limits: {schools}. Look at the plan; to go on all the same, add --over-limits.",
        schools=schools,
    )


@click.command("reject", help=_("Say no to a run."))
@run_argument
@pass_context
def reject(context: Context, run_id: int) -> None:
    application = context.application
    with transaction(application.sessions) as session:
        runs.reject(session, run_id, scope=context.scope, now=application.clock())
    click.echo(_("Run {run} is rejected.", run=run_id))


@click.command("apply", help=_("Apply an approved run, or go on with a stopped one."))
@run_argument
@json_option
@pass_context
def apply(context: Context, run_id: int, as_json: bool) -> None:
    application = context.application
    with transaction(application.sessions) as session:
        runs.ready_to_apply(session, run_id, scope=context.scope, now=application.clock())
    with neighbours(context.settings, worker=True):
        code = _apply(context, run_id, as_json=as_json)
    if as_json:
        _show(context, run_id, as_json=True)
    sys.exit(code)


def _apply(context: Context, run_id: int, *, as_json: bool) -> int:
    """Apply and watch; Ctrl-C asks the job to stop after its batch. 0 when all of it is done.

    With JSON on standard output the progress goes to standard error.
    """
    Jobs(context.settings).apply_run(run_id)
    done = watch_apply(context.application, run_id, context.scope, err=as_json)
    return 0 if done else 1


@click.command(
    "retry",
    help=_("Try again what failed: apply it again, or plan it again where that cannot help."),
)
@run_argument
@json_option
@pass_context
def retry(context: Context, run_id: int, as_json: bool) -> None:
    with neighbours(context.settings, worker=True):
        number, is_new = _retry(context, run_id)
        code = _stop_code(context, number) if is_new else _apply(context, number, as_json=as_json)
    if is_new or as_json:
        _show(context, number, as_json=as_json)
    sys.exit(code)


def _retry(context: Context, run_id: int) -> tuple[int, bool]:
    """The run that does it, and whether it is a new one, which is planned then."""
    application = context.application
    with transaction(application.sessions) as session:
        run, is_new = runs.try_again(
            session, run_id, home=context.settings.home, scope=context.scope,
            now=application.clock(),
        )  # fmt: skip
        number = run.id
    if is_new:
        Jobs(context.settings).plan_run(number)
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
        run_id = _import(context, paths, school)
        if not as_json:
            _show(context, run_id, as_json=False)
        code = _stop_code(context, run_id)
        for _plan in range(MOST_PLANS):
            if code != 0:
                break
            with transaction(application.sessions) as session:
                runs.approve(session, run_id, scope=context.scope, now=application.clock())
                runs.ready_to_apply(session, run_id, scope=context.scope, now=application.clock())
            code = _apply(context, run_id, as_json=as_json)
            if code == 0 or not _needs_another_plan(context, run_id):
                break
            run_id, _is_new = _retry(context, run_id)
            code = _stop_code(context, run_id)
    if as_json:
        _show(context, run_id, as_json=True)
    sys.exit(code)


def _needs_another_plan(context: Context, run_id: int) -> bool:
    with context.application.sessions() as session:
        run = runs.find(session, run_id, context.scope)
        return bool(failures(session, run, context.scope).again)


COMMANDS = (import_, list_runs, plan, approve, reject, apply, retry, sync)
