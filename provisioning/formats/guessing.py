"""What a path of an unknown file may mean, by its name alone: the first words of a new layout."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_KINDS = {
    "student": "ученик учащийся учащиеся обучающийся обучающиеся ребёнок воспитанник "
    "физическиелица физическоелицо pupil student child learner eleve leerling",
    "staff": "сотрудник сотрудники педагог учитель работник employee teacher staff tutor "
    "enseignant leerkracht",
    "class": "класс классы группа группы class group groep classe division",
}
_FIELDS = {
    "id": "id ид код номер ссылка guid uuid no num key sourcedid eleveid личныйномер "
    "табельныйномер",
    "family_name": "фамилия surname lastname familyname family nom nomdefamille achternaam",
    "given_name": "имя firstname givenname given first prenom roepnaam",
    "middle_name": "отчество middlename patronymic secondname prenom2",
    "full_name": "фио fio fullname полноеимя",
    "birth_date": "датарождения др рождён родился деньрождения birthdate dateofbirth dob bday born "
    "birthday datenaiss datenaissance geboortedatum",
    "sex": "пол sex gender sexe geslacht",
    "snils": "снилс snils",
    "email": "email mail почта элпочта электроннаяпочта courriel",
    "class_id": "класс группа class group classe groep division",
    "title": "название наименование title name naam codestructure",
    "grade": "параллель ступень grade jaargroep niveau",
    "position": "должность position",
    "begin_date": "датазачисления зачислен датаприёма instroomdatum dateentree",
    "end_date": "датавыбытия выбыл датаувольнения uitstroomdatum datesortie",
    "school_code": "школа кодшколы кодоо school schoolcode datasource uaj brincode",
    "school_name": "названиешколы наименованиеоо schoolname",
    "district": "район district area",
    "school_year": "год учебныйгод year schoolyear schooljaar anneescolaire",
    "exported_at": "дата датавыгрузки creationdate aanmaakdatum horodatage datetime exportedat at",
}
_OF_KIND = {
    "header": ("school_code", "school_name", "district", "school_year", "exported_at"),
    "class": ("id", "title", "grade", "begin_date", "end_date"),
    "staff": (
        *("id", "family_name", "given_name", "middle_name", "full_name", "birth_date", "sex"),
        *("snils", "email", "position", "begin_date", "end_date"),
    ),
}
_OF_KIND["student"] = (*(one for one in _OF_KIND["staff"] if one != "position"), "class_id")
_PARTS = {"student": "students", "staff": "staff", "class": "classes"}
_FULL_NAME = ("family_name", "given_name", "middle_name")
_KEYS = "ключевыесвоиства"
"""Where 1C's EnterpriseData has the key of a record, without marks."""
_CLASS_SHAPE = re.compile(r"9{1,2}\s*[\"«]?[АаAa][\"»]?")

SEX_WORDS = '[dictionaries.sex]\n"м" = "M"\n"муж" = "M"\n"ж" = "F"\n"жен" = "F"'


class PathText(NamedTuple):
    """A path inside its record, and how its texts are written."""

    path: str
    shapes: tuple[str, ...]


def kind_of(record: str) -> str:
    """The likely kind of a record at this path; ``?`` when its names say nothing."""
    kinds = [_kind_of_name(step) for step in record.split("/")]
    if kinds[-1] == "class" and "staff" in kinds:
        return "teaching"
    return "?" if kinds[-1] == "class" and "student" in kinds else kinds[-1]


def _kind_of_name(step: str) -> str:
    name = _plain(step.rpartition(".")[2])
    return next((kind for kind, words in _KINDS.items() if _has(words, name)), "?")


def parts_of(kinds: Iterable[str]) -> list[str]:
    """The parts of a file with records of these kinds."""
    return [part for kind, part in _PARTS.items() if kind in set(kinds)]


def fields_of(kind: str, texts: Iterable[PathText]) -> dict[str, list[str]]:
    """Path -> lines of a layout that name fields of ours; each field once."""
    lines: dict[str, list[str]] = {}
    taken: set[str] = set()
    for text in texts:
        field = _field_of(kind, text.path)
        names = _FULL_NAME if field == "full_name" else (field,)
        if field and not taken & set(names):
            taken.update(names)
            lines[text.path] = [_line(name, field, text) for name in names]
    return lines


def class_of_rows(kind: str, texts: Iterable[PathText]) -> str:
    """The path with the title of the class in rows of pupils; empty when there is none."""
    return next(
        (
            text.path
            for text in texts
            if kind == "student"
            and _field_of(kind, text.path) == "class_id"
            and any(map(_CLASS_SHAPE.fullmatch, text.shapes))
        ),
        "",
    )


def _field_of(kind: str, path: str) -> str:
    """Our field, as far as the last names of the path tell it."""
    steps = [_plain(step) for step in path.split("/")]
    for name in _OF_KIND.get(kind, ()):
        if name == "id":
            # The key of something inside the record is no key of the record.
            own = len(steps) == 1 or steps[:-1] == [_KEYS]
            if own and _has(_FIELDS["id"], steps[-1]):
                return name
        elif name == "class_id" and len(steps) > 1:
            if _has(_FIELDS[name], steps[-2]) and _has(_FIELDS["id"], steps[-1]):
                return name
        elif _has(_FIELDS[name], steps[-1]):
            return name
    return ""


def _line(name: str, field: str, text: PathText) -> str:
    path = f'"{text.path}"'
    if field == "full_name":
        part = name.partition("_")[0]
        return f'{name} = {{ path = {path}, transform = "{part}_of_full_name" }}'
    if name == "sex":
        return f'sex = {{ path = {path}, dictionary = "sex" }}'
    if name == "class_id" and any(map(_CLASS_SHAPE.fullmatch, text.shapes)):
        return f'class_id = {{ path = {path}, transform = "class_title" }}'
    return f"{name} = {path}"


def _has(words: str, name: str) -> bool:
    return name in {_plain(word) for word in words.split()}


def _plain(name: str) -> str:
    """Small letters and digits, without marks."""
    split = unicodedata.normalize("NFD", name.casefold())
    return "".join(sign for sign in split if sign.isalnum())
