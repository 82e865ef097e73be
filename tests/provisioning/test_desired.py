"""What one file makes of a school: categories, cohorts, courses and accounts."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.roster import ClassKind, Enrolment, Part, Role
from provisioning.settings import CourseSettings, LoginSettings, PasswordSettings
from tests.factories import (
    make_class,
    make_enrolment,
    make_person,
    make_roster,
    make_school,
    make_teacher,
    make_user,
)
from tests.provisioning.loading import load

CLASS_COHORT = "class:78-0243:2026/2027:c-8a"
CLASS_COURSE = "course:78-0243:2026/2027:c-8a"
LONG = "Я" * 120
PER_SUBJECT = CourseSettings(create="per_subject")


def teaching(subject: str = "Физика", teacher: str = "t-1") -> Enrolment:
    return make_enrolment(teacher, role=Role.TEACHER, subject=subject)


def test_a_pupil_gets_an_account_a_class_and_a_course() -> None:
    school = load(make_roster([make_person()], [make_class()], [make_enrolment()]))
    user = school.user("s-1")
    assert user == make_user("person s-1", username="login0", email="login0@school.invalid")
    cohorts = {CLASS_COHORT, "role:78-0243:student"}
    assert school.links_of("s-1") == (cohorts, {(CLASS_COURSE, "student")})


@pytest.mark.parametrize(
    ("person", "rules", "expected"),
    [
        ({"middle_name": ""}, {}, {"firstname": "Пример"}),
        ({"family_name": LONG}, {}, {"lastname": "Я" * 99 + "…", "family_name": LONG}),
        ({}, {"passwords": PasswordSettings(kept_in="provider")}, {"auth": "oauth2"}),
        ({}, {"passwords": PasswordSettings(kept_in="moodle")}, {"auth": "manual"}),
        ({}, {"logins": LoginSettings(email_domain="do2.ru")}, {"email": "login0@do2.ru"}),
    ],
    ids=["no patronymic", "a name too long for Moodle", "provider", "moodle", "domain"],
)
def test_an_account_follows_the_row_and_the_settings(
    person: dict[str, Any], rules: dict[str, Any], expected: dict[str, str]
) -> None:
    user = load(make_roster([make_person(**person)]), **rules).user("s-1")
    assert {name: getattr(user, name) for name in expected} == expected


TEACHES = {(CLASS_COURSE, "editingteacher")}


@pytest.mark.parametrize(
    ("role", "teacher_id", "links", "courses"),
    [
        pytest.param(Role.TEACHER, "t-1", (), TEACHES, id="a class teacher"),
        pytest.param(Role.TEACHER, None, [teaching()], TEACHES, id="a teacher of a subject"),
        pytest.param(Role.ADMINISTRATOR, None, (), set(), id="an administrator"),
    ],
)
def test_staff_are_in_the_cohort_of_the_role_and_teach_in_the_course_of_the_class(
    role: Role, teacher_id: str | None, links: list[Enrolment], courses: set[tuple[str, str]]
) -> None:
    classes = [make_class(teacher_id=teacher_id)]
    school = load(make_roster([make_teacher(role=role)], classes, links, parts=frozenset(Part)))
    assert school.links_of("t-1") == ({f"role:78-0243:{role}"}, courses)


def test_groups_and_home_education_get_cohorts_and_courses_too() -> None:
    classes = [
        make_class("g-1", title="Хор", kind=ClassKind.GROUP),
        make_class("h-1", title="8Н", kind=ClassKind.HOME_EDUCATION),
    ]
    links = [make_enrolment(class_id="g-1"), make_enrolment(class_id="h-1")]
    school = load(make_roster([make_person()], classes, links))
    assert school.user("s-1").department == "8Н"
    assert [len(links) for links in school.links_of("s-1")] == [3, 2]


def test_an_empty_class_and_a_pupil_without_a_class_are_both_made() -> None:
    school = load(make_roster([make_person()], [make_class()]))
    assert CLASS_COHORT in school.state.cohorts
    assert CLASS_COURSE in school.state.courses
    assert school.links_of("s-1") == ({"role:78-0243:student"}, set())
    assert school.user("s-1").department == ""


def test_no_courses_are_made_when_the_setting_says_none() -> None:
    roster = make_roster(
        [make_person(), make_teacher()], [make_class(teacher_id="t-1")], [make_enrolment()]
    )
    school = load(roster, courses=CourseSettings(create="none"))
    assert (school.state.courses, school.state.enrolments) == ({}, frozenset())


def test_a_course_per_subject_has_the_pupils_of_the_class_and_its_teacher() -> None:
    roster = make_roster(
        [make_person(), make_teacher(), make_teacher("t-2")],
        [make_class()],
        [make_enrolment(), teaching("Физика"), teaching("Химия", "t-2")],
        parts=frozenset(Part),
    )
    school = load(roster, courses=PER_SUBJECT)
    names = {course.fullname for course in school.state.courses.values()}
    assert names == {f"{one}, 8А, Школа № 243, 2026/2027" for one in ("Физика", "Химия")}
    assert school.courses_of("s-1") == {(course, "student") for course in school.state.courses}
    assert len(school.courses_of("t-1")) == len(school.courses_of("t-2")) == 1


def test_two_spellings_of_a_subject_are_one_course_of_the_same_name_in_any_order() -> None:
    links = [teaching("физика"), teaching("Физика", "t-2")]
    people = [make_teacher(), make_teacher("t-2")]
    for order in (links, links[::-1]):
        roster = make_roster(people, [make_class()], order, parts=frozenset(Part))
        school = load(roster, courses=PER_SUBJECT)
        (course,) = school.state.courses.values()
        assert course.fullname.startswith("Физика, ")
        assert school.courses_of("t-1") == school.courses_of("t-2")


def test_links_to_a_class_or_a_person_that_is_not_there_are_left_out() -> None:
    roster = make_roster(
        [make_person()],
        [make_class(teacher_id="t-gone")],
        [make_enrolment(class_id="c-gone"), make_enrolment("s-gone"), teaching(teacher="t-gone")],
    )
    school = load(roster)
    assert school.links_of("s-1") == ({"role:78-0243:student"}, set())
    assert not school.state.enrolments


def test_schools_of_one_district_share_city_and_district() -> None:
    first = load(make_roster())
    second = load(make_roster(school=make_school(code="78-0006", short_name="Школа № 6")))
    shared = set(first.state.categories) & set(second.state.categories)
    assert shared == {"city", "district:Адмиралтейский"}
