"""Commands that show loads, their plans, findings and changes: loads, plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import click

from provisioning.changes import Result
from provisioning.findings import Severity
from service.cli.base import Context, json_option, pass_context, print_json, print_table
from service.cli.findings import finding_as_data, print_finding
from service.cli.moodle import say_if_closed
from service.i18n import gettext as _
from service.i18n import ngettext
from service.loads import operations, undo
from service.loads.failures import counts, totals
from service.models import Load, LoadFinding, LoadStatus, PlannedChange, SchoolPlan
from service.privacy import PRIVATE_FIELDS
from service.questions import listing
from service.words import loads as wording
from service.words.exclusions import left_out
from service.words.findings import verdict

SHOWN_FINDINGS = 50
"""On a terminal; ``--json`` and the console give all."""

load_argument = click.argument("load_id", metavar="LOAD", type=int)


@click.command("loads")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help=_("How many.")
)
@json_option
@pass_context
def list_loads(context: Context, limit: int, as_json: bool) -> None:
    with context.transaction() as session:
        found = operations.latest(session, context.scope, limit)
        failed = counts(session, found, context.scope)
        totals_ = totals(session, failed, context.scope)
        if as_json:
            data = (_as_data(load, load.plans, []) for load in found)
            print_json([
                one | {"failed": failed.get(one["load"], 0),
                       "changes_in_all": totals_.get(one["load"])}
                for one in data
            ])  # fmt: skip
            return
        titles = (_("Load"), _("Received"), _("By"), _("Status"), _("Failed"), _("Schools"))
        rows = [
            (
                load.id, f"{load.created_at.astimezone(context.zone):%d.%m.%Y %H:%M}",
                load.created_by, load.status,
                _("{n} of {total}", n=failed[load.id], total=totals_.get(load.id, 0))
                if load.id in failed else 0,
                len(load.plans),
            )
            for load in found
        ]  # fmt: skip
        print_table(titles, rows)
    say_if_closed(context)


@click.command("plan")
@load_argument
@click.option("--changes", is_flag=True, help=_("Every single change."))
@json_option
@pass_context
def plan(context: Context, load_id: int, changes: bool, as_json: bool) -> None:
    if not changes:
        show(context, load_id, as_json=as_json)
        return
    with context.transaction() as session:
        load = operations.find(session, load_id, context.scope)
        _print_changes(operations.changes(session, load, context.scope), as_json=as_json)


def show(context: Context, load_id: int, *, as_json: bool) -> None:
    """Print a load with its plans and findings."""
    with context.transaction() as session:
        load = operations.find(session, load_id, context.scope)
        plans = operations.plans(session, load, context.scope)
        findings = operations.findings(session, load, context.scope)
        day = operations.day_of(session, plans, context.settings.limits, context.now)
        if as_json:
            progress = operations.progress(session, load, context.scope)
            more: dict[str, Any] = {
                "progress": progress,
                "city_day": [one.facts for one in day.breaches],
            }
            codes = [plan.school_code for plan in plans]
            more["undone"] = undo.facts(session, load, codes)
            print_json(_as_data(load, plans, findings) | more)
            return
        say_if_closed(context)
        _print_findings(findings)
        _print_load(load, plans, findings)
        for one in undo.facts(session, load, [plan.school_code for plan in plans]):
            click.echo(_("{school}: undone by load {load}, {approved_by}", **one))
        if waiting := listing.count_open(session, context.scope, load_id=load.id):
            text = ngettext(
                "{n} question waits for an answer: schoolbridge questions",
                "{n} questions wait for an answer: schoolbridge questions", waiting,
            )  # fmt: skip
            click.echo(text)
        for breach in day.breaches:
            what = wording.breach(breach.facts)
            click.echo(_("over the limit of a day, waits for a yes of the city: {what}", what=what))


def _as_data(
    load: Load, plans: Sequence[SchoolPlan], findings: Sequence[LoadFinding]
) -> dict[str, Any]:
    return {
        "load": load.id,
        "run": load.id,  # the old word, for programs that read it
        "status": load.status,
        "problem": load.problem,
        "received_at": load.created_at,
        "received_by": load.created_by,
        "approved_by": load.approved_by,
        "digest": operations.digest(plans),
        "undoes": load.undoes,
        "files": [
            {"name": file.name, "school": file.school_code, "layout": file.layout,
             "records": file.records}
            for file in load.files
        ],
        "schools": [
            {"school": plan.school_code, "status": plan.status, "people": plan.people,
             "set_aside": plan.set_aside, "counts": plan.counts, "limits_exceeded": plan.breaches,
             "unusual": plan.unusual, "left_alone": plan.left_out,
             "digest": plan.digest}
            for plan in plans
        ],
        "findings": [finding_as_data(operations.as_finding(row)) for row in findings],
    }  # fmt: skip


def _print_findings(rows: Sequence[LoadFinding]) -> None:
    order = [Severity.FATAL, Severity.ERROR, Severity.WARNING]
    found = sorted(
        (operations.as_finding(row) for row in rows), key=lambda f: order.index(f.severity)
    )
    for finding in found[:SHOWN_FINDINGS]:
        print_finding(finding)
    if len(found) > SHOWN_FINDINGS:
        click.echo(_("... and {n} more; --json prints all", n=len(found) - SHOWN_FINDINGS))
    if found:
        click.echo()


def _print_load(load: Load, plans: Sequence[SchoolPlan], findings: Sequence[LoadFinding]) -> None:
    status = wording.load_status(load.status)
    click.echo(_("Load {load}: {status}", load=load.id, status=status))
    if load.problem:
        click.echo(wording.problem_in_words(load))
    if load.status == LoadStatus.STOPPED:
        click.echo(_("To go on: schoolbridge apply {load}", load=load.id))
    if load.status == LoadStatus.APPLIED_WITH_FAILURES:
        click.echo(_("To try again: schoolbridge retry {load}", load=load.id))
    by_verdict = Counter(operations.as_finding(row).verdict for row in findings)
    if by_verdict:
        parts = [f"{verdict(name)}: {n}" for name, n in sorted(by_verdict.items())]
        click.echo(_("Findings: {counts}", counts=", ".join(parts)))
    if not plans:
        return
    titles = (_("School"), _("Status"), _("People"), _("Set aside"), _("Changes"))
    rows = [
        (plan.school_code, wording.plan_status(plan.status), plan.people, plan.set_aside,
         sum(plan.counts.values()))
        for plan in plans
    ]  # fmt: skip
    print_table(titles, rows)
    for plan in plans:
        if plan.counts:
            changes = "; ".join(f"{wording.change(key)} {n}" for key, n in plan.counts.items())
            click.echo(f"{plan.school_code}: {changes}")
        if left := left_out(plan.left_out):
            click.echo(f"{plan.school_code}: {left}")
        for one in plan.unusual:
            what = _("unusual: {what}", what=wording.unusual(one))
            click.echo(f"{plan.school_code}: {what}")
        for breach in plan.breaches:
            what = _("over the limit: {what}", what=wording.breach(breach))
            click.echo(f"{plan.school_code}: {what}")
    click.echo(_("Digest: {digest}", digest=operations.digest(plans)))


def _print_changes(changes: Iterable[tuple[str, PlannedChange]], *, as_json: bool) -> None:
    rows: Iterable[dict[str, Any]] = (
        {
            "school": school,
            "kind": change.kind,
            "action": change.action,
            "key": change.key,
            "before": _masked(change.before),
            "after": _masked(change.after),
            "changed": [
                name
                for name, value in change.after.items()
                if change.before and change.before.get(name) != value
            ],
            "result": change.result,
            "code": change.code,
            "detail": change.detail,
            "remedy": wording.outcome_remedy(change.code) if change.result == Result.FAILED else "",
        }
        for school, change in changes
    )
    if as_json:
        print_json(list(rows))
        return
    for row in rows:
        fields = _differences(row["before"], row["after"], row["changed"])
        said = wording.result_and_outcome(row["result"], row["code"])
        result = f"[{said}]" if row["result"] else ""
        click.echo(
            f"{row['school']}  {row['action']:8} {row['kind']:9} {row['key']}  {fields} {result}"
        )
        if row["result"] == Result.FAILED:
            click.echo(f"    → {row['remedy']}")


def _masked(fields: dict[str, Any]) -> dict[str, Any]:
    """Only that they are there; the console shows private fields to whom they concern."""
    return {
        name: "***" if value and name in PRIVATE_FIELDS else value for name, value in fields.items()
    }


def _differences(before: dict[str, Any], after: dict[str, Any], changed: list[str]) -> str:
    """``name: old → new`` of what changes; of a new thing, every field that has a value."""
    if before:
        return ", ".join(f"{name}: {before.get(name)} → {after[name]}" for name in changed)
    return ", ".join(f"{name}: {value}" for name, value in after.items() if value)
