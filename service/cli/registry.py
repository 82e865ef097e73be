"""Commands of the registry: template, import, schools, rename-district, and what is ordered about
whole schools."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from service.cli.base import (
    STOPPED,
    Context,
    form_of,
    json_option,
    pass_context,
    print_json,
    print_table,
    writing,
)
from service.cli.loads import show
from service.i18n import gettext as _
from service.loads import school_changes
from service.registry import editing, imports
from service.registry.lookup import registry_schools
from service.registry.mappings import DEFAULT, load_mappings
from service.registry.preview import Entry, Preview
from service.registry.template import FORMS, template
from service.words import registry as wording

SUBJECTS = (*imports.SUBJECTS, imports.PLATFORM)
SHOWN = 20
"""Entries of each kind that a preview prints."""


@click.group("registry")
def registry() -> None:
    """Group of the registry."""


@registry.command("template", help=_("Write an empty file to fill in."))
@click.argument("subject", type=click.Choice(SUBJECTS))
@click.option(
    "--format", "form", type=click.Choice(FORMS),
    help=_("Form of the output; by default the ending of the file, else xlsx."),
)  # fmt: skip
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help=_("File to write."))  # fmt: skip
def write_template(subject: str, form: str | None, out: Path) -> None:
    form = form or form_of(out, FORMS, "xlsx")
    with writing(out):
        out.write_bytes(template(subject, form))
    click.echo(_("Written: {path}", path=out))


@registry.command("import", help=_("Show what a CSV or XLSX file would change; --yes changes it."))
@click.argument("subject", type=click.Choice(SUBJECTS))
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help=_("Change it, without asking again."))
@click.option("--platform", default="", help=_("Name of the platform, e.g. Сферум."))
@click.option("--week", type=click.DateTime(["%Y-%m-%d", "%d.%m.%Y"]),
              help=_("Any day of the week of the figures."))  # fmt: skip
@click.option("--mapping", default=DEFAULT, show_default=True,
              help=_("How the platform's file is read (docs/registry.md)."))  # fmt: skip
@json_option
@pass_context
def import_(
    context: Context, subject: str, path: Path, yes: bool, platform: str, week: datetime | None,
    mapping: str, as_json: bool,
) -> None:  # fmt: skip
    now = context.now
    about = _week(context, platform, week, mapping) if subject == imports.PLATFORM else None
    with context.transaction() as session:
        received = imports.receive(
            session, context.settings.registry, scope=context.scope, subject=subject,
            file_name=path.name, data=path.read_bytes(), now=now, week=about,
        )  # fmt: skip
        found = imports.preview(session, received)
        if yes and found.can_apply:
            imports.apply(session, received.id, scope=context.scope, digest=found.digest, now=now)
        else:
            # What nobody has said yes to leaves no file waiting in the console.
            imports.reject(session, received.id, scope=context.scope, now=now)
    _print_preview(found, as_json=as_json, applied=yes and found.can_apply)
    if any(one.stops for one in found.problems):
        sys.exit(STOPPED)


def _week(
    context: Context, platform: str, week: datetime | None, mapping: str
) -> imports.WeekOfPlatform:
    if not platform or week is None:
        raise click.UsageError(_("for a platform give --platform and --week"))
    mappings = load_mappings(context.settings.registry.mapping_dirs)
    if mapping not in mappings:
        known = ", ".join(sorted(mappings))
        raise click.UsageError(
            _("no mapping {name}; there are: {known}", name=mapping, known=known)
        )
    return imports.WeekOfPlatform(platform=platform, day=week.date(), mapping=mappings[mapping])


def _print_preview(found: Preview, *, as_json: bool, applied: bool) -> None:
    if as_json:
        print_json({"applied": applied, **asdict(found)})
        return
    for problem in found.problems:
        what, remedy = wording.problem(problem)
        place = _("row {row}", row=problem.row) if problem.row else _("file")
        click.echo(f"{place}: {what} {remedy}")
    for title, entries in (
        (_("Added"), found.added), (_("Changed"), found.changed),
        (_("Not in the file, stay as they are"), found.missing),
    ):  # fmt: skip
        click.echo(f"{title}: {len(entries)}")
        for entry in entries[:SHOWN]:
            click.echo(f"    {_in_words(entry)}")
        if len(entries) > SHOWN:
            click.echo(f"    {_('and {n} more', n=len(entries) - SHOWN)}")
    click.echo(f"{_('Unchanged')}: {found.same}")
    if found.unmatched:
        click.echo(_("To be matched in the console: {n}", n=len(found.unmatched)))
    if applied:
        click.echo(_("Done."))
    elif found.can_apply:
        click.echo(_("Nothing is changed yet. To change it, add --yes."))


def _in_words(entry: Entry) -> str:
    changes = "; ".join(
        f"{wording.field(name)}: {wording.value(name, before)} → {wording.value(name, after)}"
        for name, (before, after) in entry.changes.items()
        if before is not None
    )
    return "  ".join(filter(None, (entry.key, entry.title, changes)))


@registry.command("schools", help=_("List the schools of the registry, also those without loads."))
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), help=_("As of this day; by default now."))
@json_option
@pass_context
def schools(context: Context, at: datetime | None, as_json: bool) -> None:
    day = at.date() if at else context.today
    with context.transaction() as session:
        found = registry_schools(session, context.scope, at=day)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    titles = [wording.field(name) for name in ("code", "district", "number", "short_name")]
    rows: list[list[Any]] = [
        [one.code, one.district, one.number, one.short_name, wording.school_type(one.type),
         one.source_system or "—", wording.school_state("open" if one.is_open else "closed")]
        for one in found
    ]  # fmt: skip
    print_table([*titles, wording.field("type"), wording.field("source_system"), _("State")], rows)


@registry.command("rename-district", help=_("Give a district another name, operators' rights too."))
@click.argument("old")
@click.argument("new")
@pass_context
def rename_district(context: Context, old: str, new: str) -> None:
    with context.transaction() as session:
        schools, operators = editing.rename_district(session, context.scope, old, new, context.now)
    click.echo(
        _("Renamed: {schools} schools, {operators} operators", schools=schools, operators=operators)
    )


@registry.command(
    "school-code", help=_("Say that a school has another code now; nothing changes in Moodle.")
)
@click.argument("old")
@click.argument("new")
@pass_context
def school_code(context: Context, old: str, new: str) -> None:
    with context.transaction() as session:
        school_changes.change_code(session, context.scope, old, new, context.now)
    click.echo(_("Files under the code {new} are those of school {old} now.", new=new, old=old))


@registry.command("school-merge", help=_("Plan a load that merges a school into another."))
@click.argument("school")
@click.argument("into")
@json_option
@pass_context
def school_merge(context: Context, school: str, into: str, as_json: bool) -> None:
    _merge(context, school, into, as_json=as_json)


@registry.command("school-close", help=_("Plan a load that closes a school: everybody leaves."))
@click.argument("school")
@click.option("--into", default="", metavar="CODE", help=_("The successor, if there is one."))
@json_option
@pass_context
def school_close(context: Context, school: str, into: str, as_json: bool) -> None:
    if into:
        _merge(context, school, into, as_json=as_json)
        return
    with context.transaction() as session:
        load = school_changes.plan_closing(
            session, context.settings, context.scope, school, context.now, context.today
        )
    _show_planned(context, load.id, as_json=as_json)


@registry.command("school-split", help=_("Plan a load that moves classes to another school."))
@click.argument("school")
@click.argument("new")
@click.option("--classes", required=True, metavar="CLASSES", help=_("Titles or ids, with commas."))
@json_option
@pass_context
def school_split(context: Context, school: str, new: str, classes: str, as_json: bool) -> None:
    names = [one for one in map(str.strip, classes.split(",")) if one]
    with context.transaction() as session:
        load = school_changes.plan_split(
            session, context.settings, context.scope, school, new, names, context.now
        )
    _show_planned(context, load.id, as_json=as_json)


def _merge(context: Context, school: str, into: str, *, as_json: bool) -> None:
    with context.transaction() as session:
        load = school_changes.plan_merger(
            session, context.settings, context.scope, school, into, context.now
        )
    _show_planned(context, load.id, as_json=as_json)


def _show_planned(context: Context, load_id: int, *, as_json: bool) -> None:
    """Print the plan; it waits for its yes like every other one."""
    show(context, load_id, as_json=as_json)
    if not as_json:
        click.echo(_("Next: schoolbridge approve {load}", load=load_id))
