"""The command check: files are read and validated, and nothing is stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from provisioning.findings import Finding, Severity
from provisioning.formats import Found, Tally, layouts, read_school, scan
from provisioning.formats.drafting import Draft, layout_draft
from provisioning.validation import validate
from service.cli.base import (
    STOPPED,
    Context,
    json_option,
    pass_context,
    print_json,
    print_table,
    school_option,
)
from service.cli.findings import finding_as_data, print_finding
from service.i18n import gettext as _


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@school_option
@click.option(
    "--layout-draft", "draft", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=_("List what an unknown file holds, to start a layout from (docs/new-layout.md)."),
)  # fmt: skip
@json_option
@pass_context
def check(
    context: Context, paths: tuple[Path, ...], school: str, draft: Path | None, as_json: bool
) -> None:
    if bool(paths) == bool(draft):
        raise click.UsageError(_("give files to check, or one file to --layout-draft"))
    if draft:
        _print_draft(layout_draft(draft, context.settings.reading.limits), as_json=as_json)
        return
    people = 0
    found: list[Finding] = []
    tally = Tally()
    for count, findings in _read(context, paths, school, tally):
        people += count
        found += findings
        if not as_json:
            for finding in findings:
                print_finding(finding)
    if as_json:
        data = {"people": people, "findings": [finding_as_data(one) for one in found]}
        print_json({**data, "read": [asdict(one) for one in tally.found()]})
    else:
        _print_found(tally)
        click.echo(_("{people} people read, {n} findings", people=people, n=len(found)))
    if any(finding.severity != Severity.WARNING for finding in found):
        sys.exit(STOPPED)


def _print_found(tally: Tally) -> None:
    """Print what the layouts of this installation found; the shipped ones are known to work."""
    shipped = layouts()
    found = [one for one in tally.found() if one.layout not in shipped]
    if found:
        titles = (_("Layout"), _("Record"), _("Path"), _("Found"), _("Fields never found"))
        print_table(titles, [_found_row(one) for one in found])
        click.echo()


def _found_row(one: Found) -> tuple[str, ...]:
    never = ", ".join(one.never) if one.rows else ""
    return one.layout, one.kind.value, ", ".join(one.paths), str(one.rows), never


def _print_draft(draft: Draft, *, as_json: bool) -> None:
    if as_json:
        paths = [
            {"path": one.path, "count": one.count, "shapes": one.shapes} for one in draft.paths
        ]
        print_json({"paths": paths, "layout": draft.starter})
    else:
        titles = (_("Path"), _("Count"), _("Shapes"))
        rows = [(one.path, one.count, "  ".join(one.shapes)) for one in draft.paths]
        print_table(titles, rows)
        click.echo()
        click.echo(draft.starter)
    for finding in draft.findings:
        print_finding(finding)
    if draft.findings:
        sys.exit(STOPPED)


def _read(
    context: Context, paths: tuple[Path, ...], school: str, tally: Tally
) -> Iterator[tuple[int, list[Finding]]]:
    """People and findings school by school, so that a whole city is checked in little memory."""
    reading = context.settings.reading
    now = datetime.now(context.zone)
    today = now.date()
    seen = scan(
        paths, limits=reading.limits, layout_folders=reading.layout_dirs, school_code=school,
        came_at=now,
    )  # fmt: skip
    yield 0, list(seen.findings)
    for files in seen.schools:
        read = read_school(
            files, limits=reading.limits, today=today, expected_school=school or None, tally=tally,
            years=context.settings.years,
        )  # fmt: skip
        if read.roster is None:
            yield 0, list(read.findings)
        else:
            roster, more = validate(read.roster, today)
            yield len(roster.persons), [*read.findings, *more]
