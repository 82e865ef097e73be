"""The findings of a load: what is wrong in the files and what to do about it, with filters."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, render_template

from provisioning.findings import Finding
from service.console.context import scope, transaction
from service.console.forms import filters
from service.console.paging import page_of_list
from service.loads import operations
from service.models import LoadFinding
from service.privacy import MASK, is_private

blueprint = Blueprint("findings", __name__, url_prefix="/loads/<int:load_id>/findings")

ORDER = ["fatal", "error", "taken", "warning"]


@blueprint.get("")
def index(load_id: int) -> str:
    """The worst first; ``rule``, ``school`` and ``severity`` of the address narrow the list."""
    mine = scope()
    wanted = filters("severity", "rule", "school")
    with transaction() as db:
        load = operations.find(db, load_id, mine)
        everything = [_shown(row) for row in operations.findings(db, load, mine)]
    shown = [
        finding
        for finding in everything
        if wanted["severity"] in ("", finding.verdict)
        and wanted["rule"] in ("", finding.rule)
        and wanted["school"] in ("", finding.school_code)
    ]
    shown.sort(key=lambda finding: ORDER.index(finding.verdict))
    return render_template(
        "console/findings.html",
        load=load,
        page=page_of_list(shown, size=100),
        wanted=wanted,
        severities=[s for s in ORDER if any(f.verdict == s for f in everything)],
        rules=sorted({finding.rule for finding in everything}),
        schools=sorted({f.school_code for f in everything if f.school_code}),
    )


def _shown(row: LoadFinding) -> Finding:
    """With a private value masked for those who need not know it."""
    finding = operations.as_finding(row)
    if finding.value and is_private(finding.field_name, scope()):
        return replace(finding, value=MASK)
    return finding
