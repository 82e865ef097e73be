"""Templates, their limits, and what tells two things apart."""

from __future__ import annotations

import pytest

from provisioning.naming import Names, check_naming, clean, shorten, shorten_key, subject_key
from provisioning.settings import NamingSettings
from tests.factories import SCHOOL_YEAR, make_class, make_school


def names(**school: str) -> Names:
    return Names(NamingSettings(), make_school(**school), SCHOOL_YEAR)


KEY = "{school_code}:{school_year}:{class_id}"


def test_the_shipped_templates_have_no_problems() -> None:
    assert check_naming(NamingSettings()) == []


@pytest.mark.parametrize(
    ("setting", "template", "problem"),
    [
        ("school_name", "{school_shortname}", "unknown field {school_shortname}"),
        ("district_name", "{class_title}", "unknown field {class_title}"),
        ("city_name", "{", "is not a template"),
        ("city_name", "", "is empty"),
        ("city_name", "Город ", "blanks around it"),
        ("year_name", "{school_year!r}", "without a format"),
        ("year_name", "{school_year:>20}", "without a format"),
        ("school_name", "{school_code.upper}", "unknown field {school_code.upper}"),
        ("city_idnumber", "x" * 51, "51 fixed characters"),
        ("class_course_idnumber", KEY + ":{class_title}", "unknown field {class_title}"),
        ("subject_course_idnumber", KEY + "{subject}{subject_key}", "unknown field {subject}"),
        ("class_course_idnumber", "{school_code}-{school_year}", "needs {class_id}"),
        ("class_course_idnumber", "{school_code}-{class_id}", "needs {school_year}"),
        ("class_course_shortname", "{school_code} {school_year}", "needs {class_id}"),
        ("district_idnumber", "district", "needs {district}"),
        ("class_cohort_idnumber", "{class_id}{school_code}{school_year}", "must come after"),
        ("subject_course_idnumber", KEY + "{subject_key}!", "must end with {subject_key}"),
    ],
)
def test_a_template_that_cannot_work_is_refused_by_name(
    setting: str, template: str, problem: str
) -> None:
    (found,) = check_naming(NamingSettings(**{setting: template}))
    assert found.startswith(f"{setting}: ")
    assert problem in found


def test_categories_go_from_the_city_down_to_the_school_year() -> None:
    levels = names().categories()
    shown = ["Санкт-Петербург", "Адмиралтейский район", "Школа № 243", "2026/2027"]
    assert [level.name for level in levels] == shown
    assert [level.parent for level in levels] == ["", *(level.idnumber for level in levels[:-1])]


def test_a_school_without_a_district_stands_under_the_city() -> None:
    city, school, *_ = names(district="").categories()
    assert (city.idnumber, school.idnumber) == ("city", "school:78-0243")


def test_two_schools_of_one_number_share_nothing_but_city_and_district() -> None:
    ids = [{level.idnumber for level in names(code=code).categories()} for code in ("1", "2")]
    assert ids[0] & ids[1] == {"city", "district:Адмиралтейский"}


def test_two_classes_of_one_title_have_different_short_names() -> None:
    courses = [names().class_course(make_class(key)) for key in ("c-1", "c-2")]
    assert courses[0].fullname == courses[1].fullname
    assert courses[0].shortname != courses[1].shortname


def test_every_name_and_idnumber_of_a_school_with_long_names_fits_moodle() -> None:
    long = names(code="к" * 90, short_name="Ш" * 400, district="Д" * 300)
    one = make_class("c" * 200, title="8" * 300)
    twin = make_class("c" * 199 + "d", title="8" * 300)
    courses = [long.class_course(one), long.subject_course(one, "А" * 300)]
    named = [*long.categories(), long.class_cohort(one)]
    assert max(len(each.idnumber) for each in (*named, *courses)) <= 100
    assert max(len(each.name) for each in named) <= 254
    assert max(len(course.fullname) for course in courses) <= 254
    assert max(len(course.shortname) for course in courses) <= 255
    assert courses[0].idnumber != long.class_course(twin).idnumber
    assert courses[0].shortname != long.class_course(twin).shortname


def test_this_years_cohorts_and_courses_are_told_from_last_years() -> None:
    this, last = names(), Names(NamingSettings(), make_school(), "2025/2026")
    one = make_class()
    for mine, old in (
        (this.class_cohort(one).idnumber, last.class_cohort(one).idnumber),
        (this.class_course(one).idnumber, last.class_course(one).idnumber),
        (this.subject_course(one, "Физика").idnumber, last.subject_course(one, "Ф").idnumber),
    ):
        assert this.is_of_this_year(mine)
        assert not this.is_of_this_year(old)


def test_spellings_of_a_subject_share_a_key_and_another_subject_has_another() -> None:
    spellings = ("Черчение", " черчение ", "ЧЕРЧЕНИЕ", "Чёрчение")
    assert len(set(map(subject_key, spellings))) == 1
    assert subject_key("Алгебра") != subject_key("Геометрия")


def test_control_characters_and_superfluous_blanks_go_and_a_clean_text_is_kept() -> None:
    assert clean("  Ан\u00adна\tМария\u200b\x00\u00a0 Ли ") == "Анна Мария Ли"
    text = "Школа № 243"
    assert clean(text) is text


def test_a_name_that_is_too_long_says_so_with_an_ellipsis() -> None:
    assert shorten("абв где", 7) == "абв где"
    assert shorten("абв где", 5) == "абв…"


def test_a_key_that_is_too_long_stays_different_from_its_neighbours() -> None:
    assert shorten_key("a" * 100, 100) == "a" * 100
    keys = {shorten_key("a" * 100 + end, 100) for end in "bcd"}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {100}
