"""The findings of a run: what is wrong in the files and what to do about it, with filters."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, render_template, request

from provisioning.findings import Finding, Severity
from service.console.context import scope, the_console
from service.console.paging import page_of_list
from service.loads import operations as runs
from service.models import RunFinding
from service.privacy import MASK, is_private

blueprint = Blueprint("findings", __name__, url_prefix="/runs/<int:run_id>/findings")

ORDER = [Severity.FATAL, Severity.ERROR, Severity.WARNING]


@blueprint.get("")
def index(run_id: int) -> str:
    """The worst first; ``rule``, ``school`` and ``severity`` of the address narrow the list."""
    mine = scope()
    wanted = {name: request.args.get(name, "") for name in ("severity", "rule", "school")}
    with the_console().transaction() as db:
        run = runs.find(db, run_id, mine)
        everything = [_shown(row) for row in runs.findings(db, run, mine)]
    shown = [
        finding
        for finding in everything
        if wanted["severity"] in ("", finding.severity)
        and wanted["rule"] in ("", finding.rule)
        and wanted["school"] in ("", finding.school_code)
    ]
    shown.sort(key=lambda finding: ORDER.index(finding.severity))
    return render_template(
        "console/findings.html",
        run=run,
        page=page_of_list(shown, size=100),
        wanted=wanted,
        severities=[s for s in ORDER if any(f.severity == s for f in everything)],
        rules=sorted({finding.rule for finding in everything}),
        schools=sorted({f.school_code for f in everything if f.school_code}),
    )


def _shown(row: RunFinding) -> Finding:
    """With a private value masked for those who need not know it."""
    finding = runs.as_finding(row)
    if finding.value and is_private(finding.field_name, scope()):
        return replace(finding, value=MASK)
    return finding
