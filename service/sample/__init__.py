"""A sample city as XML, the same for the same numbers on any machine; all its people are invented.

``City`` holds the numbers. Month 0 is the export of September, month K the export of the same city
K months later, inside one school year.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from service.sample.city import LAST_MONTH, City
from service.sample.flaws import with_flaws
from service.sample.layouts import ENCODINGS, LAYOUTS
from service.sample.rows import SampleSchool
from service.sample.school import make_school

__all__ = [
    "ENCODINGS",
    "LAST_MONTH",
    "LAYOUTS",
    "City",
    "SampleSchool",
    "make_city",
    "write_sample",
]


def make_city(city: City, month: int = 0) -> Iterator[SampleSchool]:
    """The schools of the city in this month, one at a time.

    Raises ``ValueError`` for a month that is not from 0 to ``LAST_MONTH``.
    """
    city.exported_at(month)  # Refuses a wrong month now and not at the first school.
    return (_school(city, index, month) for index in range(city.schools))


def write_sample(
    out: Path, city: City, *, layout: str, month: int = 0, encoding: str | None = None
) -> int:
    """Write the files of every school into ``out`` and return how many people they list.

    ``layout`` is a key of ``LAYOUTS``, ``encoding`` one of ``ENCODINGS`` or None for the layout's
    own. Files of the same name are replaced, others in ``out`` stay.
    """
    chosen = LAYOUTS[layout]
    people = 0
    for school in make_city(city, month):
        chosen.write(out, school, encoding or chosen.encoding)
        people += len(school.rows)
    return people


def _school(city: City, index: int, month: int) -> SampleSchool:
    school = make_school(city, index, month)
    return with_flaws(city, index, school) if index >= city.schools - city.broken else school
