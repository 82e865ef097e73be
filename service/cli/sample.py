"""The command sample: invented files to try everything with."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from service.cli.base import writing
from service.i18n import gettext as _
from service.sample import ENCODINGS, LAYOUTS, City, write_sample
from service.sample.life import MOST_MONTHS, Life, write_life


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
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]),
              help=_("Files of this day's school year; by default of today's."))  # fmt: skip
@click.option("--broken", default=0, show_default=True,
              help=_("So many schools have mistakes in their files."))  # fmt: skip
@click.option(
    "--life",
    is_flag=True,
    help=_("The files of every month of a city that lives, and who truly is who."),
)
@click.option("--months", default=MOST_MONTHS, show_default=True,
              help=_("How many months a city lives; with --life."))  # fmt: skip
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help=_("Folder.")
)
def sample(
    schools: int, people_per_school: int, seed: int, layout: str, encoding: str | None, month: int,
    today: datetime | None, broken: int, life: bool, months: int, out: Path,
) -> None:  # fmt: skip
    day = today.date() if today else date.today()  # noqa: DTZ011 - chooses a school year
    if life and (month or broken):
        raise click.UsageError(_("--life does not go with --month and --broken"))
    try:
        size = {"schools": schools, "people_per_school": people_per_school, "seed": seed}
        if life:
            living = Life(months=months, today=day, **size)
            with writing(out):
                rows = write_life(out, living, layout=layout, encoding=encoding)
            click.echo(_("{rows} rows of {months} months of {schools} schools in {folder}",
                         rows=rows, months=months, schools=schools, folder=out))  # fmt: skip
            return
        city = City(broken=broken, today=day, **size)
        with writing(out):
            people = write_sample(out, city, layout=layout, month=month, encoding=encoding)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(_("{people} people of {schools} schools in {folder}",
                 people=people, schools=schools, folder=out))  # fmt: skip
