"""Commands about files alone: sample, check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import click

from provisioning.findings import Finding, Severity
from provisioning.formats import read_school, scan
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
    writing,
)
from service.cli.findings import finding_as_data, print_finding
from service.i18n import gettext as _
from service.sample import ENCODINGS, LAYOUTS, City, write_sample


@click.command("sample")
@click.option("--schools", default=3, show_default=True, help=_("How many schools."))
@click.option("--people-per-school", default=300, show_default=True, help=_("People in each."))
@click.option("--seed", default=1, show_default=True, help=_("Another number, another city."))
@click.option(
    "--layout", default="roster-1", show_default=True, type=click.Choice(sorted(LAYOUTS)),
    help=_("XML layout."),
)  # fmt: skip
@click.option(
    "--encoding", type=click.Choice(ENCODINGS), help=_("Encoding, if not the layout's own.")
)
@click.option("--month", default=0, show_default=True, help=_("The same city so many months on."))
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help=_("Files of this day's school year; by default of today's."),
)
@click.option(
    "--broken",
    default=0,
    show_default=True,
    help=_("So many schools have mistakes in their files."),
)
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help=_("Folder.")
)
def sample(
    schools: int, people_per_school: int, seed: int, layout: str, encoding: str | None, month: int,
    today: datetime | None, broken: int, out: Path,
) -> None:  # fmt: skip
    try:
        city = City(
            schools=schools, people_per_school=people_per_school, seed=seed, broken=broken,
            today=today.date() if today else date.today(),  # noqa: DTZ011 - chooses a school year
        )  # fmt: skip
        with writing(out):
            people = write_sample(out, city, layout=layout, month=month, encoding=encoding)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(_("{people} people of {schools} schools in {folder}",
                 people=people, schools=schools, folder=out))  # fmt: skip


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
    for count, findings in _read(context, paths, school):
        people += count
        found += findings
        if not as_json:
            for finding in findings:
                print_finding(finding)
    if as_json:
        print_json({"people": people, "findings": [finding_as_data(one) for one in found]})
    else:
        click.echo(_("{people} people read, {n} findings", people=people, n=len(found)))
    if any(finding.severity != Severity.WARNING for finding in found):
        sys.exit(STOPPED)


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
    context: Context, paths: tuple[Path, ...], school: str
) -> Iterator[tuple[int, list[Finding]]]:
    """People and findings school by school, so that a whole city is checked in little memory."""
    reading = context.settings.reading
    today = datetime.now(context.zone).date()
    seen = scan(paths, limits=reading.limits, layout_folders=reading.layout_dirs)
    yield 0, list(seen.findings)
    for files in seen.schools:
        read = read_school(
            files, limits=reading.limits, today=today, expected_school=school or None
        )
        if read.roster is None:
            yield 0, list(read.findings)
        else:
            roster, more = validate(read.roster, today)
            yield len(roster.persons), [*read.findings, *more]
