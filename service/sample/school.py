"""One school of the city in one month, put together from its students, staff and classes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from provisioning.roster import Person, Role, School, SchoolClass
from service.sample.city import City, district_of, places, school_code
from service.sample.people import make_human
from service.sample.rows import SampleSchool, person_of
from service.sample.staff import employee, first_teacher, heads, staff_rows, teaching_links
from service.sample.students import student, student_rows

_KINDS = (
    ("Школа", "Средняя общеобразовательная школа", "СОШ"),
    ("Гимназия", "Гимназия", "гимназия"),
    ("Лицей", "Лицей", "лицей"),
)


def make_school(city: City, index: int, month: int) -> SampleSchool:
    """The school with this index in this month, without its flaws (see ``flaws.py``)."""
    classes = places(city, index, month)
    staff = list(staff_rows(city, index, month))
    teachers = [row for row in staff if row.person.role is Role.TEACHER]
    class_teachers = heads(classes, teachers)
    return SampleSchool(
        school=invented_school(index),
        school_year=city.school_year,
        exported_at=city.exported_at(month),
        classes=tuple(
            SchoolClass(
                sourced_id=place.sourced_id,
                title=place.title,
                grade=place.grade,
                teacher_id=class_teachers[place.number],
                begin_date=date(city.first_year, 9, 1),
                end_date=date(city.first_year + 1, 5, 31),
            )
            for place in classes
        ),
        rows=(*student_rows(city, index, month, classes), *staff),
        teaching=tuple(teaching_links(classes, teachers)),
        guardians=tuple(_guardians(city, index)),
    )


def invented_school(index: int) -> School:
    """The school with this index, as its registration names it."""
    district = district_of(index)
    title, full, kind = _KINDS[0 if index < 2 else index % len(_KINDS)]
    # Two schools of one number in two districts, and some without any
    # (docs/facts/paragraf.md section 7).
    number = "153" if index < 2 else "" if index % 100 == 9 else str(200 + index)
    named = f"№ {number}" if number else f"«Пример-{index + 1}»"
    return School(
        code=school_code(index),
        name=f"{full} {named}, {district} район (вымышленная, для показа)",
        short_name=f"{title} {named}",
        district=district,
        number=number,
        kind=kind,
    )


def _guardians(city: City, index: int) -> Iterator[Person]:
    """Parents of a few students of month 0; one of each school's is its first teacher."""
    for ordinal in range(0, city.students, 100):
        child = student(city, index, ordinal)
        key = f"parent of {child.key}"
        born = date(child.birth_date.year - 27, 6, 15)
        human = (
            employee(city, index, first_teacher(city))
            if ordinal == 0
            else make_human(key, seed=city.seed, birth_date=born, snils="")
        )
        yield person_of(
            human,
            sourced_id=f"g-{1001 + ordinal}",
            role=Role.GUARDIAN,
            begin_date=date(city.first_year, 9, 1),
        )
