"""The flaws of a broken school: rows that a reader must refuse, each for one reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from provisioning.roster import SchoolClass
from service.sample.city import City, places
from service.sample.rows import Row, SampleSchool
from service.sample.students import first_class, student, student_row

_UNUSABLE = (
    {"birth_date": "14.03.12"},
    {"birth_date": "31.02.2013"},
    {"birth_date": ""},
    {"family_name": ""},
)
"""Canonical field -> what the file says; the reader sets these rows aside."""

_LATIN_INSIDE = "Шевчeнко"  # the first «е» is Latin
_LONG_AGO = date(1961, 4, 12)


def with_flaws(city: City, index: int, school: SampleSchool) -> SampleSchool:
    """Return the school with bad rows on top of its own, and with an empty class."""
    empty = SchoolClass(sourced_id="c-900", title="11Ю", grade=11)
    rows = (*school.rows, *_rows(city, index))
    return replace(school, classes=(*school.classes, empty), rows=rows)


def _rows(city: City, index: int) -> Iterator[Row]:
    extra = _extra_students(city, index)
    for raw in _UNUSABLE:
        yield replace(next(extra), raw=raw, usable=False)
    yield replace(next(extra), raw={"snils": "90000000099"})
    yield replace(next(extra), class_id="", raw={"class_id": "c-999"})
    row = next(extra)
    yield replace(row, person=replace(row.person, family_name=_LATIN_INSIDE))
    row = next(extra)
    yield replace(row, person=replace(row.person, birth_date=_LONG_AGO))
    # Two people under one source id: nobody can say who is meant.
    twice = next(extra)
    same_id = replace(twice.person, sourced_id=row.person.sourced_id)
    yield replace(twice, person=same_id, usable=False)


def _extra_students(city: City, index: int) -> Iterator[Row]:
    """Students under numbers that no other student of the school ever gets, without a SNILS."""
    classes = places(city, index, 0)
    for ordinal in range(2 * city.people_per_school, 3 * city.people_per_school):
        place = classes[first_class(city, index, ordinal)]
        row = student_row(city, student(city, index, ordinal), ordinal, place)
        yield replace(row, person=replace(row.person, snils=""))
