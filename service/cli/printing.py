"""Runs, plans, findings and changes as the command line prints them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import click

from provisioning.findings import Finding, Severity
from service.cli.base import print_json, print_table
from service.doctor.check import Check, Verdict
from service.i18n import gettext as _
from service.i18n import language
from service.loads import operations
from service.models import Load, LoadFinding, LoadStatus, PlannedChange, SchoolPlan
from service.privacy import PRIVATE_FIELDS
from service.words import loads as wording

SHOWN_FINDINGS = 50
SHOWN_FAILURES = 20
"""On a terminal; ``--json`` and the console give all."""


def load_as_data(
    load: Load, plans: Sequence[SchoolPlan], findings: Sequence[LoadFinding]
) -> dict[str, Any]:
    """A load as JSON data."""
    return {
        "load": load.id,
        "run": load.id,  # the old word, for programs that read it
        "status": load.status,
        "problem": load.problem,
        "received_at": load.created_at,
        "received_by": load.created_by,
        "approved_by": load.approved_by,
        "digest": operations.digest(plans),
        "files": [
            {"name": file.name, "school": file.school_code, "layout": file.layout,
             "records": file.records}
            for file in load.files
        ],
        "schools": [
            {
                "school": plan.school_code,
                "status": plan.status,
                "people": plan.people,
                "set_aside": plan.set_aside,
                "counts": plan.counts,
                "limits_exceeded": plan.breaches,
                "digest": plan.digest,
            }
            for plan in plans
        ],
        "findings": [finding_as_data(operations.as_finding(row)) for row in findings],
    }  # fmt: skip


def finding_as_data(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "school": finding.school_code,
        "sourced_id": finding.sourced_id,
        "source_id": finding.sourced_id,  # the old word, for programs that read it
        "person": finding.person,
        "field": finding.field_name,
        "value": finding.value,
        "message": finding.message(language()),
        "remedy": finding.remedy(language()),
    }


def print_finding(finding: Finding) -> None:
    place = finding.file + (f":{finding.line}" if finding.line else "")
    who = " ".join(filter(None, (finding.sourced_id, finding.person)))
    click.echo(f"{place}  [{wording.severity(finding.severity)}] {finding.rule}  {who}".rstrip())
    field = f"{finding.field_name} = {finding.value!r}: " if finding.field_name else ""
    click.echo(f"    {field}{finding.message(language())}")
    click.echo(f"    → {finding.remedy(language())}")


def print_findings(rows: Sequence[LoadFinding]) -> None:
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


def print_load(load: Load, plans: Sequence[SchoolPlan], findings: Sequence[LoadFinding]) -> None:
    status = wording.load_status(load.status)
    click.echo(_("Load {load}: {status}", load=load.id, status=status))
    if load.problem:
        click.echo(wording.problem_in_words(load))
    if load.status == LoadStatus.STOPPED:
        click.echo(_("To go on: schoolbridge apply {load}", load=load.id))
    if load.status == LoadStatus.APPLIED_WITH_FAILURES:
        click.echo(_("To try again: schoolbridge retry {load}", load=load.id))
    by_severity = Counter(finding.severity for finding in findings)
    if by_severity:
        parts = [f"{wording.severity(name)}: {n}" for name, n in sorted(by_severity.items())]
        click.echo(_("Findings: {counts}", counts=", ".join(parts)))
    if not plans:
        return
    titles = (_("School"), _("Status"), _("People"), _("Set aside"), _("Changes"))
    print_table(titles, [_plan_row(plan) for plan in plans])
    for plan in plans:
        if plan.counts:
            counts = "; ".join(f"{wording.change(key)} {n}" for key, n in plan.counts.items())
            click.echo(f"{plan.school_code}: {counts}")
        for breach in plan.breaches:
            what = _("over the limit: {what}", what=wording.breach(breach))
            click.echo(f"{plan.school_code}: {what}")
    click.echo(_("Digest: {digest}", digest=operations.digest(plans)))


def _plan_row(plan: SchoolPlan) -> tuple[Any, ...]:
    return (
        plan.school_code,
        wording.plan_status(plan.status),
        plan.people,
        plan.set_aside,
        sum(plan.counts.values()),
    )


def print_changes(changes: Iterable[tuple[str, PlannedChange]], *, as_json: bool) -> None:
    rows: Iterator[dict[str, Any]] = (
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


def print_failures(changes: Iterable[tuple[str, PlannedChange]], total: int) -> None:
    """What Moodle refused, and why; the first few on a terminal."""
    for school, change in islice(changes, SHOWN_FAILURES):
        reason = wording.result_and_outcome(change.result, change.code)
        detail = f" ({change.detail})" if change.detail else ""
        click.echo(
            f"{school}  {wording.kind(change.kind)}  {change.key}  {reason}{detail}", err=True
        )
        click.echo(f"    → {wording.outcome_remedy(change.code)}", err=True)
    if total > SHOWN_FAILURES:
        click.echo(_("... and {n} more", n=total - SHOWN_FAILURES), err=True)


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


def print_checks(checks: Iterable[Check]) -> None:
    """What the doctor found, each with what to change."""
    signs = {Verdict.OK: "✓", Verdict.WARNING: "!", Verdict.PROBLEM: "✗"}
    for check in checks:
        click.echo(f"{signs[check.verdict]} {check.subject}: {check.message}")
        if check.remedy:
            click.echo(f"    → {check.remedy}")
