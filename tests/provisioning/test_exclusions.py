"""What is excluded: patterns, schools, and what of a school's states is left out with it."""

from __future__ import annotations

import pytest

from provisioning.exclusions import Excluded, Exclusion, Exclusions, left_out
from provisioning.naming import Names
from provisioning.roster import School
from provisioning.settings import NamingSettings
from provisioning.state import CourseEnrolment, CourseRole, Member, MoodleCohort, MoodleCourse
from tests.factories import make_state, make_user

NAMES = Names(NamingSettings(), School(code="1", name="", short_name="Ш", district=""), "2026/2027")
COHORT, OTHER = NAMES.class_cohort_id("c-1"), NAMES.class_cohort_id("c-2")
COURSE, SUBJECT = NAMES.class_course_id("c-1"), NAMES.subject_course_id("c-1", "Алгебра")
OF_OTHER = NAMES.class_course_id("c-2")


def excluded(what: Excluded, pattern: str, school_code: str = "") -> Exclusions:
    return Exclusions([Exclusion(what=what, pattern=pattern, school_code=school_code)])


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("ws-*", "ws-portal", True), ("WS-*", "ws-portal", True), ("ws-*", "aws-portal", False),
        ("admin", "admin", True), ("admin", "administrator", False), ("*.test", "a.test", True),
        ("a.c", "abc", False), ("*", "", False),
    ],
)  # fmt: skip
def test_a_pattern_fits_the_whole_text(pattern: str, text: str, fits: bool) -> None:
    assert excluded(Excluded.LOGIN, pattern).names_person(login=text) is fits


def test_a_role_is_looked_for_among_all_of_an_account() -> None:
    managers = excluded(Excluded.ROLE, "manager")
    assert managers.names_person(roles=["student", "manager"])
    assert not managers.names_person(roles=["student"], login="manager", idnumber="manager")


def test_one_account_is_excluded_everywhere_and_a_pattern_of_a_school_there_only() -> None:
    person = excluded(Excluded.PERSON, "p-1", "1")
    pattern = excluded(Excluded.LOGIN, "48*", "1")
    assert person.at("2").names_person(idnumber="p-1")
    assert not pattern.at("2").names_person(login="48p1")
    assert pattern.at("1").names_person(login="48p1")


def test_a_class_takes_its_courses_along_and_no_others() -> None:
    known = make_state(
        [make_user("p-1")],
        cohorts={key: MoodleCohort(idnumber=key, name=key) for key in (COHORT, OTHER)},
        courses={
            key: MoodleCourse(idnumber=key, fullname=key, shortname=key, category="x")
            for key in (COURSE, SUBJECT, OF_OTHER)
        },
    )
    out = left_out(known, known, excluded(Excluded.CLASS, COHORT), NAMES)
    assert (out.cohorts, out.courses, out.people) == ({COHORT}, {COURSE, SUBJECT}, set())
    assert out.counts == {"classes": 1, "courses": 2}


def test_what_is_left_out_is_in_neither_state_with_all_links_to_it() -> None:
    known = make_state(
        [make_user("p-1"), make_user("p-2")],
        cohorts={COHORT: MoodleCohort(idnumber=COHORT, name="8А")},
        members=frozenset(Member(cohort=COHORT, person_id=one) for one in ("p-1", "p-2")),
        enrolments=frozenset(
            CourseEnrolment(course=COURSE, person_id=one, role=CourseRole.STUDENT)
            for one in ("p-1", "p-2")
        ),
    )
    out = left_out(known, make_state([]), excluded(Excluded.PERSON, "P-1"), NAMES)
    rest = out.without(known)
    assert set(rest.users) == {"p-2"}
    assert {one.person_id for one in rest.members | rest.enrolments} == {"p-2"}
    assert set(rest.cohorts) == {COHORT}


def test_nothing_is_left_out_where_nothing_is_excluded() -> None:
    known = make_state([make_user("p-1")])
    assert not left_out(known, known, Exclusions(), NAMES)
