"""One finding as the command line prints it."""

from __future__ import annotations

from typing import Any

import click

from provisioning.findings import Finding
from service.i18n import language
from service.words.findings import verdict


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
    click.echo(f"{place}  [{verdict(finding.verdict)}] {finding.rule}  {who}".rstrip())
    field = f"{finding.field_name} = {finding.value!r}: " if finding.field_name else ""
    click.echo(f"    {field}{finding.message(language())}")
    click.echo(f"    → {finding.remedy(language())}")
