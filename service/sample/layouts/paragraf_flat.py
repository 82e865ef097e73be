"""A sample school in the flat layout with Russian names: a folder with a file for each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from provisioning.roster import Enrolment, Person, PersonStatus, Role, SchoolClass
from service.sample.rows import Row, SampleSchool
from service.sample.xml_file import XmlFile, xml_file

_SEXES = {"M": "м", "F": "ж"}
_CATEGORIES = {Role.TEACHER: "педагог", Role.ADMINISTRATOR: "администрация"}
_STUDENT_STATUSES = {
    PersonStatus.ACTIVE: "учится",
    PersonStatus.ON_LEAVE: "академический отпуск",
    PersonStatus.LEFT: "выбыл",
}


def write(folder: Path, school: SampleSchool, encoding: str) -> None:
    """Write five files in a folder ``<code>``: classes, students, staff, teaching, parents."""
    parts: tuple[tuple[str, str, str, Sequence[Any], Callable[[XmlFile, Any], None]], ...] = (
        ("classes", "Классы", "Класс", school.classes, _class),
        ("students", "Учащиеся", "Учащийся", school.students(), _student),
        ("staff", "Сотрудники", "Сотрудник", school.staff(), _employee),
        ("teaching", "Нагрузка", "Запись", school.teaching, _lesson),
        ("parents", "Родители", "Родитель", school.guardians, _parent),
    )
    for name, kind, tag, things, write_one in parts:
        path = folder / school.school.code / f"{name}.xml"
        with _part(path, encoding, school, kind, len(things)) as xml:
            for one in things:
                with xml.inside(tag):
                    write_one(xml, one)


@contextmanager
def _part(
    path: Path, encoding: str, school: SampleSchool, kind: str, count: int
) -> Iterator[XmlFile]:
    with xml_file(path, encoding) as xml, xml.inside("Параграф", Версия="1.0", Вид=kind.lower()):
        with xml.inside("Заголовок"):
            xml.leaf("КодОО", school.school.code)
            xml.leaf("Наименование", school.school.name)
            xml.leaf("КраткоеНаименование", school.school.short_name)
            xml.leaf("Номер", f"№ {school.school.number}" if school.school.number else "")
            xml.leaf("ТипОО", school.school.kind)
            xml.leaf("Район", school.school.district)
            xml.leaf("УчебныйГод", school.school_year)
            xml.leaf("ДатаВыгрузки", f"{school.exported_at:%d.%m.%Y %H:%M}")
            xml.leaf("Режим", "полная")
            xml.leaf("КоличествоЗаписей", str(count))
        with xml.inside(kind):
            yield xml


def _class(xml: XmlFile, each: SchoolClass) -> None:
    xml.leaf("Код", _code(each.sourced_id))
    xml.leaf("Параллель", str(each.grade))
    xml.leaf("Название", _title(each.title))
    xml.leaf("Вид", "класс")
    xml.leaf("КодРуководителя", _code(each.teacher_id or ""))
    xml.leaf("ДатаНачала", _day(each.begin_date))
    xml.leaf("ДатаОкончания", _day(each.end_date))


def _student(xml: XmlFile, row: Row) -> None:
    fields = _person(xml, row)
    xml.leaf("КодКласса", _code(fields["class_id"]))
    xml.leaf("Статус", _STUDENT_STATUSES[row.person.status])
    xml.leaf("ДатаЗачисления", fields["begin_date"])
    xml.leaf("ДатаВыбытия", fields["end_date"])


def _employee(xml: XmlFile, row: Row) -> None:
    fields = _person(xml, row)
    xml.leaf("Категория", _CATEGORIES[row.person.role])
    xml.leaf("Должность", row.person.position)
    xml.leaf("Статус", "работает")
    xml.leaf("ДатаПриема", fields["begin_date"])


def _lesson(xml: XmlFile, link: Enrolment) -> None:
    xml.leaf("КодСотрудника", _code(link.person_id))
    xml.leaf("КодКласса", _code(link.class_id))
    xml.leaf("Предмет", link.subject)


def _parent(xml: XmlFile, person: Person) -> None:
    _person(xml, Row(human="", person=person))


def _person(xml: XmlFile, row: Row) -> dict[str, str]:
    fields = row.fields(_day)
    xml.leaf("Код", _code(row.person.sourced_id))
    xml.leaf("Фамилия", fields["family_name"])
    xml.leaf("Имя", fields["given_name"])
    xml.leaf("Отчество", fields["middle_name"])
    xml.leaf("ДатаРождения", fields["birth_date"])
    xml.leaf("Пол", _SEXES[row.person.sex])
    xml.leaf("СНИЛС", _snils(fields["snils"]))
    xml.leaf("ЭлПочта", row.person.email)
    return fields


def _code(sourced_id: str) -> str:
    """A number without the prefix that the layout puts back: ids here are decimal."""
    return sourced_id.rpartition("-")[2]


def _title(title: str) -> str:
    """Return a title with a blank, as the city's web journal prints it
    (docs/facts/paragraf.md P11)."""
    return f"{title[:-1]} {title[-1].lower()}" if title[-1].isalpha() else title


def _day(day: date | None) -> str:
    return f"{day:%d.%m.%Y}" if day else ""


def _snils(digits: str) -> str:
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:9]} {digits[9:]}" if digits else ""
