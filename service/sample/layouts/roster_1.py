"""A sample school in our own layout: one file."""

from __future__ import annotations

from pathlib import Path

from provisioning.roster import Role
from service.sample.rows import Row, SampleSchool
from service.sample.xml_file import XmlFile, iso, xml_file

_CATEGORIES = {Role.TEACHER: "teacher", Role.ADMINISTRATOR: "administration"}


def write(folder: Path, school: SampleSchool, encoding: str) -> None:
    """Write the file ``<code>.xml``."""
    path = folder / f"{school.school.code}.xml"
    with xml_file(path, encoding) as xml, xml.inside("roster", version="1"):
        _header(xml, school)
        with xml.inside("classes"):
            for each in school.classes:
                with xml.inside("class", id=each.sourced_id):
                    xml.leaf("grade", str(each.grade))
                    xml.leaf("title", each.title)
                    xml.leaf("kind", each.kind)
                    xml.leaf("teacher_id", each.teacher_id or "")
                    xml.leaf("begin_date", iso(each.begin_date))
                    xml.leaf("end_date", iso(each.end_date))
        with xml.inside("students"):
            for row in school.students():
                with xml.inside("student", id=row.person.sourced_id):
                    fields = _person(xml, row)
                    xml.leaf("class_id", fields["class_id"])
                    xml.leaf("enrolled_on", fields["begin_date"])
                    xml.leaf("left_on", fields["end_date"])
        with xml.inside("staff"):
            for row in school.staff():
                with xml.inside("employee", id=row.person.sourced_id):
                    xml.leaf("category", _CATEGORIES[row.person.role])
                    fields = _person(xml, row)
                    xml.leaf("position", row.person.position)
                    xml.leaf("hired_on", fields["begin_date"])
                    xml.leaf("dismissed_on", fields["end_date"])
        with xml.inside("teaching"):
            for link in school.teaching:
                xml.empty(
                    "link", staff_id=link.person_id, class_id=link.class_id, subject=link.subject
                )


def _header(xml: XmlFile, school: SampleSchool) -> None:
    with xml.inside("header"):
        with xml.inside("school", code=school.school.code):
            xml.leaf("name", school.school.name)
            xml.leaf("short_name", school.school.short_name)
            xml.leaf("number", school.school.number)
            xml.leaf("type", school.school.kind)
            xml.leaf("district", school.school.district)
        xml.leaf("school_year", school.school_year)
        xml.leaf("exported_at", school.exported_at.isoformat())
        xml.leaf("content", "all")
        xml.leaf("mode", "full")
        xml.leaf("producer", "schoolbridge sample")
        xml.empty(
            "counts",
            classes=str(len(school.classes)),
            students=str(len(school.students())),
            staff=str(len(school.staff())),
            teaching=str(len(school.teaching)),
        )


def _person(xml: XmlFile, row: Row) -> dict[str, str]:
    fields = row.fields(iso)
    for name in ("family_name", "given_name", "middle_name", "birth_date"):
        xml.leaf(name, fields[name])
    xml.leaf("sex", row.person.sex)
    xml.leaf("snils", fields["snils"])
    xml.leaf("email", row.person.email)
    xml.leaf("status", row.person.status)
    return fields
