"""Names and idnumbers in Moodle: the templates of the settings, filled in, kept within limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from string import Formatter
from typing import NamedTuple

from provisioning.roster import Role, School, SchoolClass
from provisioning.settings import NamingSettings
from provisioning.state import MoodleCategory, MoodleCohort, MoodleCourse

NAME_LENGTH = 254
"""The longest name of a category, cohort or course, in characters (docs/facts/moodle.md 5.3)."""
IDNUMBER_LENGTH = 100
SHORTNAME_LENGTH = 255
SUBJECT_KEY_LENGTH = 10

ROLE_NAMES = {
    Role.STUDENT: "Ученики",
    Role.TEACHER: "Учителя",
    Role.ADMINISTRATOR: "Администрация",
}

_DISTRICT = ("district",)
_SCHOOL = (*_DISTRICT, "school_code", "school_name", "school_short_name", "school_number")
_YEAR = (*_SCHOOL, "school_year")
_ROLE = (*_SCHOOL, "role", "role_name")
_CLASS = (*_YEAR, "class_id", "class_title", "grade")
_CLASS_KEY = (*_YEAR, "class_id")
_SUBJECT = (*_CLASS, "subject", "subject_key")
_SUBJECT_KEY = (*_CLASS_KEY, "subject_key")

_THE_CLASS = ("school_code", "school_year", "class_id")
"""A class id alone does not tell a class from last year's (docs/facts/paragraf.md R12)."""


class _Template(NamedTuple):
    may_name: tuple[str, ...]
    must_name: tuple[str, ...]
    limit: int


_TEMPLATES = {
    "city_idnumber": _Template((), (), IDNUMBER_LENGTH),
    "city_name": _Template((), (), NAME_LENGTH),
    "district_idnumber": _Template(_DISTRICT, ("district",), IDNUMBER_LENGTH),
    "district_name": _Template(_DISTRICT, (), NAME_LENGTH),
    "school_idnumber": _Template(_SCHOOL, ("school_code",), IDNUMBER_LENGTH),
    "school_name": _Template(_SCHOOL, (), NAME_LENGTH),
    "year_idnumber": _Template(_YEAR, ("school_code", "school_year"), IDNUMBER_LENGTH),
    "year_name": _Template(_YEAR, (), NAME_LENGTH),
    "class_cohort_idnumber": _Template(_CLASS_KEY, _THE_CLASS, IDNUMBER_LENGTH),
    "class_cohort_name": _Template(_CLASS, (), NAME_LENGTH),
    "role_cohort_idnumber": _Template(_ROLE, ("school_code", "role"), IDNUMBER_LENGTH),
    "role_cohort_name": _Template(_ROLE, (), NAME_LENGTH),
    "class_course_idnumber": _Template(_CLASS_KEY, _THE_CLASS, IDNUMBER_LENGTH),
    "class_course_fullname": _Template(_CLASS, (), NAME_LENGTH),
    "class_course_shortname": _Template(_CLASS, _THE_CLASS, SHORTNAME_LENGTH),
    "subject_course_idnumber": _Template(
        _SUBJECT_KEY, (*_THE_CLASS, "subject_key"), IDNUMBER_LENGTH
    ),
    "subject_course_fullname": _Template(_SUBJECT, (), NAME_LENGTH),
    "subject_course_shortname": _Template(_SUBJECT, (*_THE_CLASS, "subject"), SHORTNAME_LENGTH),
}


def check_naming(settings: NamingSettings) -> list[str]:
    """What is wrong with the templates, a sentence each; empty when they can be used."""
    return [
        f"{setting}: {problem}"
        for setting in _TEMPLATES
        for problem in _problems(setting, getattr(settings, setting))
    ]


def _problems(setting: str, text: str) -> Iterator[str]:
    template = _TEMPLATES[setting]
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        yield f"is not a template ({error})"
        return
    fields = [name for _, name, _, _ in parts if name is not None]
    fixed = sum(len(literal) for literal, _, _, _ in parts)
    if not text or text != text.strip():
        yield "is empty or has blanks around it"
    if fixed > template.limit // 2:
        yield f"has {fixed} fixed characters; at most {template.limit // 2} leave room for fields"
    if any(form or conversion for _, _, form, conversion in parts):
        yield "fields are written {name}, without a format"
    for name in sorted(set(fields) - set(template.may_name)):
        yield f"unknown field {{{name}}}"
    missing = [name for name in template.must_name if name not in fields]
    for name in missing:
        yield f"needs {{{name}}}: without it two things would share one value"
    if not missing and setting in _CLASS_IDNUMBERS:
        if fields.index("class_id") < max(map(fields.index, ("school_code", "school_year"))):
            yield "{class_id} must come after {school_code} and {school_year}"
        if "subject_key" in fields and not text.endswith("{subject_key}"):
            yield "must end with {subject_key}"


_CLASS_IDNUMBERS = ("class_cohort_idnumber", "class_course_idnumber", "subject_course_idnumber")
"""Templates whose text before ``{class_id}`` tells this year's things from last year's."""


class Names:
    """The names and idnumbers of one school in one school year."""

    def __init__(self, settings: NamingSettings, school: School, school_year: str) -> None:
        self._settings = settings
        self.school_year = school_year
        self.institution = shorten(school.short_name or school.name or school.code, NAME_LENGTH)
        self._fields = {
            "district": clean(school.district),
            "school_code": clean(school.code),
            "school_name": clean(school.name),
            "school_short_name": self.institution,
            "school_number": clean(school.number),
            "school_year": clean(school_year),
        }
        self._prefixes = tuple(self._before(one, "{class_id}") for one in _CLASS_IDNUMBERS)

    def categories(self) -> tuple[MoodleCategory, ...]:
        """City, district, school, school year: parents first."""
        levels = ["city", "district", "school", "year"]
        if not self._fields["district"]:
            levels.remove("district")
        found: list[MoodleCategory] = []
        for level in levels:
            category = MoodleCategory(
                idnumber=self._key(f"{level}_idnumber"),
                name=self._name(f"{level}_name"),
                parent=found[-1].idnumber if found else "",
            )
            found.append(category)
        return tuple(found)

    @property
    def school_category(self) -> str:
        """The idnumber of the school's category."""
        return self._key("school_idnumber")

    @property
    def year_category(self) -> str:
        """The idnumber of the category of the school year."""
        return self._key("year_idnumber")

    def role_cohort(self, role: Role) -> MoodleCohort:
        return self._cohort("role_cohort", role=role.value, role_name=ROLE_NAMES[role])

    def class_cohort(self, one: SchoolClass) -> MoodleCohort:
        return self._cohort("class_cohort", **_class_fields(one))

    def class_cohort_id(self, class_id: str) -> str:
        return self._key("class_cohort_idnumber", class_id=class_id)

    def class_course(self, one: SchoolClass) -> MoodleCourse:
        return self._course("class_course", **_class_fields(one))

    def class_course_id(self, class_id: str) -> str:
        return self._key("class_course_idnumber", class_id=class_id)

    def subject_course(self, one: SchoolClass, subject: str) -> MoodleCourse:
        fields = {"subject": clean(subject), "subject_key": subject_key(subject)}
        return self._course("subject_course", **_class_fields(one), **fields)

    def subject_course_id(self, class_id: str, subject: str) -> str:
        key = subject_key(subject)
        return self._key("subject_course_idnumber", class_id=class_id, subject_key=key)

    def class_id_in(self, cohort: str) -> str:
        """Return the class whose cohort of this year has the idnumber; empty when none has."""
        before, _field, after = self._settings.class_cohort_idnumber.partition("{class_id}")
        start, end = before.format_map(self._fields), after.format_map(self._fields)
        class_id = cohort[len(start) : len(cohort) - len(end)]
        return class_id if class_id and self.class_cohort_id(class_id) == cohort else ""

    def subject_courses_prefix(self, class_id: str) -> str:
        """What the idnumbers of all subject courses of a class begin with."""
        return self._before("subject_course_idnumber", "{subject_key}", class_id=class_id)

    def is_of_this_year(self, idnumber: str) -> bool:
        """Whether a class cohort or a course belongs to this school year."""
        return idnumber.startswith(self._prefixes)

    def _cohort(self, what: str, **fields: str) -> MoodleCohort:
        return MoodleCohort(
            idnumber=self._key(f"{what}_idnumber", **fields),
            name=self._name(f"{what}_name", **fields),
        )

    def _course(self, what: str, **fields: str) -> MoodleCourse:
        return MoodleCourse(
            idnumber=self._key(f"{what}_idnumber", **fields),
            fullname=self._name(f"{what}_fullname", **fields),
            shortname=self._key(f"{what}_shortname", **fields),
            category=self._key("year_idnumber"),
        )

    def _before(self, setting: str, field: str, **fields: str) -> str:
        template: str = getattr(self._settings, setting)
        return template.partition(field)[0].format_map(self._fields | fields)

    def _fill(self, setting: str, fields: dict[str, str]) -> str:
        template: str = getattr(self._settings, setting)
        return template.format_map(self._fields | fields)

    def _key(self, setting: str, **fields: str) -> str:
        return shorten_key(self._fill(setting, fields), _TEMPLATES[setting].limit)

    def _name(self, setting: str, **fields: str) -> str:
        return shorten(self._fill(setting, fields), _TEMPLATES[setting].limit)


def _class_fields(one: SchoolClass) -> dict[str, str]:
    return {
        "class_id": one.sourced_id,
        "class_title": clean(one.title),
        "grade": str(one.grade),
    }


def subject_key(subject: str) -> str:
    """Return one key for all spellings of a subject that differ in case, blanks or ``ё`` only."""
    normal = clean(subject).casefold().replace("ё", "е")
    return hashlib.sha256(normal.encode()).hexdigest()[:SUBJECT_KEY_LENGTH]


def clean(text: str) -> str:
    """Return the text without control characters and superfluous blanks: Moodle would store
    them."""
    if not text.isprintable():
        kept = (sign if sign.isprintable() else " " if sign.isspace() else "" for sign in text)
        text = "".join(kept)
    cleaned = " ".join(text.split())
    # The very same string where nothing is wrong: a school holds each name once in memory.
    return text if cleaned == text else cleaned


def shorten(text: str, limit: int) -> str:
    """Cut a text for people to ``limit`` characters, with ``…`` at its end."""
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def shorten_key(text: str, limit: int) -> str:
    """Cut a text that tells things apart to ``limit`` characters, with a hash of it at its end."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[: limit - 17].rstrip()}~{digest}"
