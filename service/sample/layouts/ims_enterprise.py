"""A sample school in IMS Enterprise 1.1: one file of persons, groups and memberships.

The standard has no place for a class teacher, a position, a leave or the dates of a person: they
are not written. Elements are in the order of the standard's DTD.
"""

from __future__ import annotations

from pathlib import Path

from provisioning.roster import PersonStatus, Role
from service.sample.rows import Row, SampleSchool
from service.sample.xml_file import XmlFile, iso, xml_file

_GENDERS = {"F": "1", "M": "2"}
_INSTITUTION_ROLES = {
    Role.STUDENT: "Student",
    Role.TEACHER: "Faculty",
    Role.ADMINISTRATOR: "Administrator",
    Role.GUARDIAN: "Observer",
}
_LEARNER, _INSTRUCTOR = "01", "02"


def write(folder: Path, school: SampleSchool, encoding: str) -> None:
    """Write the file ``<code>.xml``."""
    code = school.school.code
    with xml_file(folder / f"{code}.xml", encoding) as xml, xml.inside("enterprise"):
        with xml.inside("properties"):
            xml.leaf("datasource", code)
            xml.leaf("type", "full")
            xml.leaf("datetime", school.exported_at.isoformat())
        for row in (*school.rows, *(Row(human="", person=person) for person in school.guardians)):
            _person(xml, code, row)
        _school_group(xml, school)
        for each in school.classes:
            with xml.inside("group"):
                _sourced_id(xml, code, each.sourced_id)
                _group_type(xml, "Class")
                with xml.inside("description"):
                    xml.leaf("short", each.title)
                with xml.inside("timeframe"):
                    xml.leaf("begin", iso(each.begin_date))
                    xml.leaf("end", iso(each.end_date))
                    xml.leaf("adminperiod", school.school_year)
        for class_id, members in _memberships(school).items():
            with xml.inside("membership"):
                _sourced_id(xml, code, class_id)
                for person_id, role, subject in members:
                    with xml.inside("member"):
                        _sourced_id(xml, code, person_id)
                        xml.leaf("idtype", "1")
                        with xml.inside("role", roletype=role):
                            xml.leaf("subrole", subject)
                            xml.leaf("status", "1")


def _person(xml: XmlFile, source: str, row: Row) -> None:
    person = row.person
    fields = row.fields(iso)
    left = {"recstatus": "3"} if person.status is PersonStatus.LEFT else {}
    names = (fields["family_name"], fields["given_name"], fields["middle_name"])
    with xml.inside("person", **left):
        _sourced_id(xml, source, person.sourced_id)
        xml.leaf("userid", fields["snils"], useridtype="SNILS")
        with xml.inside("name"):
            xml.leaf("fn", " ".join(filter(None, names)))
            with xml.inside("n"):
                xml.leaf("family", fields["family_name"])
                xml.leaf("given", fields["given_name"])
                xml.leaf("partname", fields["middle_name"], partnametype="MiddleName")
        with xml.inside("demographics"):
            xml.leaf("gender", _GENDERS[person.sex])
            xml.leaf("bday", fields["birth_date"])
        xml.leaf("email", person.email)
        role = _INSTITUTION_ROLES[person.role]
        xml.empty("institutionrole", primaryrole="Yes", institutionroletype=role)


def _school_group(xml: XmlFile, school: SampleSchool) -> None:
    with xml.inside("group"):
        _sourced_id(xml, school.school.code, school.school.code)
        _group_type(xml, "School")
        with xml.inside("description"):
            xml.leaf("short", school.school.short_name)
            xml.leaf("long", school.school.name)
        with xml.inside("org"):
            xml.leaf("orgname", school.school.short_name)
            xml.leaf("orgunit", school.school.district)
            xml.leaf("type", school.school.kind)
        with xml.inside("timeframe"):
            xml.leaf("adminperiod", school.school_year)


def _memberships(school: SampleSchool) -> dict[str, list[tuple[str, str, str]]]:
    """Class id -> (source id of the person, role, subject); students first."""
    members: dict[str, list[tuple[str, str, str]]] = {}
    for row in school.students():
        class_id = row.raw.get("class_id", row.class_id)
        if class_id:
            members.setdefault(class_id, []).append((row.person.sourced_id, _LEARNER, ""))
    for link in school.teaching:
        members.setdefault(link.class_id, []).append((link.person_id, _INSTRUCTOR, link.subject))
    return members


def _sourced_id(xml: XmlFile, source: str, value: str) -> None:
    with xml.inside("sourcedid"):
        xml.leaf("source", source)
        xml.leaf("id", value)


def _group_type(xml: XmlFile, kind: str) -> None:
    with xml.inside("grouptype"):
        xml.leaf("scheme", "schoolbridge")
        xml.leaf("typevalue", kind, level="1")
