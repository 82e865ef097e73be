"""What the next file makes of a school: leavers, moves, renamings, a new year, other schools."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.roster import Mode, Part, PersonStatus, Role, Roster
from provisioning.settings import CourseSettings
from tests.factories import (
    make_class,
    make_enrolment,
    make_person,
    make_roster,
    make_school,
    make_teacher,
)
from tests.provisioning.loading import Loaded, load

COHORT = "class:78-0243:2026/2027:{}".format
COURSE = "course:78-0243:2026/2027:{}".format
OTHER_SCHOOL = "78-0006"
ELSEWHERE = {"person s-1": {OTHER_SCHOOL}}
PER_SUBJECT = CourseSettings(create="per_subject")


def october(**overrides: Any) -> Roster:
    """One pupil and one class teacher of 8А."""
    return make_roster(
        [make_person(), make_teacher()],
        [make_class(teacher_id="t-1")],
        [make_enrolment()],
        **overrides,
    )


def test_the_same_file_again_wants_the_same_state() -> None:
    first = load(october())
    assert first.next(october()).state == first.state


def test_an_unchanged_person_is_not_built_twice() -> None:
    first = load(october())
    again = first.next(october())
    assert again.state.users["person s-1"] is first.state.users["person s-1"]


def test_a_leaver_is_suspended_and_keeps_cohorts_and_courses() -> None:
    first = load(october())
    after = first.next(make_roster([make_teacher()], [make_class(teacher_id="t-1")]))
    user = after.state.users["person s-1"]
    assert (user.suspended, user.in_roll) == (True, False)
    assert after.cohorts_of("s-1") == first.cohorts_of("s-1")
    assert after.courses_of("s-1") == first.courses_of("s-1")


def test_a_leaver_who_is_on_another_roll_loses_this_schools_cohorts_and_courses_only() -> None:
    first = load(october())
    after = first.next(make_roster([make_teacher()]), elsewhere=ELSEWHERE)
    assert after.state.users["person s-1"] == first.state.users["person s-1"]
    assert (after.cohorts_of("s-1"), after.courses_of("s-1")) == (set(), set())


def test_a_suspended_leaver_who_turns_up_elsewhere_loses_what_was_remembered_here() -> None:
    left = load(october()).next(make_roster([make_teacher()]))
    after = left.next(make_roster([make_teacher()]), elsewhere=ELSEWHERE)
    assert (after.cohorts_of("s-1"), after.courses_of("s-1")) == (set(), set())


def test_a_leaver_whose_row_cannot_be_used_is_left_alone_even_when_elsewhere() -> None:
    left = load(october()).next(make_roster([make_teacher()]))
    unusable = make_roster([make_teacher()], set_aside=frozenset({"s-1"}))
    assert left.next(unusable, elsewhere=ELSEWHERE).state.members == left.state.members


def test_who_is_left_on_no_roll_is_suspended_by_the_next_full_file() -> None:
    left = load(october()).next(make_roster([make_teacher()]), elsewhere=ELSEWHERE)
    assert not left.state.users["person s-1"].suspended
    after = left.next(make_roster([make_teacher()]))
    assert after.state.users["person s-1"].suspended


@pytest.mark.parametrize(
    "unsaid",
    [
        {"mode": Mode.CHANGES},
        {"parts": frozenset({Part.CLASSES})},
        {"set_aside": frozenset({"s-1", "t-1"})},
    ],
)
def test_a_file_that_does_not_speak_of_people_leaves_everything_as_it_is(
    unsaid: dict[str, Any],
) -> None:
    first = load(october())
    assert first.next(make_roster(**unsaid)).state == first.state


@pytest.mark.parametrize("unsaid", [{"mode": Mode.CHANGES}, {"parts": frozenset({Part.STAFF})}])
def test_an_account_of_a_half_applied_plan_is_not_suspended_by_a_file_that_does_not_speak_of_it(
    unsaid: dict[str, Any],
) -> None:
    made = load(make_roster([make_person()])).state
    after = Loaded().next(make_roster(**unsaid), known=made)
    assert after.state.users == made.users


def test_who_was_never_here_and_is_said_to_have_left_gets_nothing() -> None:
    school = load(make_roster([make_person(status=PersonStatus.LEFT)]))
    assert school.state.users == {}
    assert school.state.members == frozenset()


def test_a_returner_is_restored_with_the_same_login() -> None:
    first = load(october())
    back = first.next(make_roster()).next(october())
    assert back.state == first.state


def test_a_pupil_who_moves_to_another_class_leaves_the_old_one() -> None:
    classes = [make_class(), make_class("c-8b", title="8Б")]
    first = load(make_roster([make_person()], classes, [make_enrolment()]))
    after = first.next(make_roster([make_person()], classes, [make_enrolment(class_id="c-8b")]))
    assert after.state.users["person s-1"].department == "8Б"
    assert after.cohorts_of("s-1") == {COHORT("c-8b"), "role:78-0243:student"}
    assert after.courses_of("s-1") == {(COURSE("c-8b"), "student")}


def test_a_file_of_changes_moves_a_pupil_and_leaves_the_groups_alone() -> None:
    classes = [make_class(), make_class("c-8b", title="8Б"), make_class("g-1", title="Хор")]
    links = [make_enrolment(), make_enrolment(class_id="g-1")]
    first = load(make_roster([make_person()], classes, links))
    changes = make_roster(
        [make_person()], classes, [make_enrolment(class_id="c-8b")], mode=Mode.CHANGES
    )
    after = first.next(changes)
    assert after.cohorts_of("s-1") == {COHORT("c-8b"), COHORT("g-1"), "role:78-0243:student"}
    assert {course for course, _ in after.courses_of("s-1")} == {COURSE("c-8b"), COURSE("g-1")}


def test_a_renamed_class_keeps_its_cohort_and_course_under_the_new_name() -> None:
    first = load(october())
    renamed = replace(october(), classes={"c-8a": make_class(title="8К", teacher_id="t-1")})
    after = first.next(renamed)
    assert set(after.state.cohorts) == set(first.state.cohorts)
    assert after.state.cohorts[COHORT("c-8a")].name.startswith("8К ")
    assert after.state.courses[COURSE("c-8a")].fullname.startswith("8К,")
    assert after.state.users["person s-1"].department == "8К"
    assert after.state.members == first.state.members


@pytest.mark.parametrize("made", ["per_class", "per_subject"])
def test_a_renamed_class_renames_its_courses_also_when_no_more_are_made(made: str) -> None:
    link = make_enrolment("t-1", role=Role.TEACHER, subject="Физика")
    first = load(
        make_roster([make_teacher()], [make_class()], [link]),
        courses=CourseSettings(create=made),
    )
    after = first.next(
        make_roster([make_teacher()], [make_class(title="8К")], [link]),
        courses=CourseSettings(create="none"),
    )
    (course,) = after.state.courses.values()
    assert "8К, Школа № 243" in course.fullname


def test_a_class_that_vanishes_within_the_year_stays_and_loses_its_members() -> None:
    after = load(october()).next(make_roster([make_person(), make_teacher()]))
    assert COHORT("c-8a") in after.state.cohorts
    assert COURSE("c-8a") in after.state.courses
    assert after.cohorts_of("s-1") == {"role:78-0243:student"}


def test_a_new_school_year_leaves_last_years_cohorts_and_courses_as_they_were() -> None:
    first = load(october())
    ninth = make_roster(
        [make_person(), make_teacher()],
        [make_class("c-8a", title="9А", grade=9, teacher_id="t-1")],
        [make_enrolment()],
        school_year="2027/2028",
    )
    after = first.next(ninth, today=date(2027, 9, 2))
    assert after.state.cohorts[COHORT("c-8a")] == first.state.cohorts[COHORT("c-8a")]
    assert after.state.courses[COURSE("c-8a")] == first.state.courses[COURSE("c-8a")]
    assert after.cohorts_of("s-1") == first.cohorts_of("s-1") | {"class:78-0243:2027/2028:c-8a"}
    assert first.courses_of("s-1") < after.courses_of("s-1")
    assert first.courses_of("t-1") < after.courses_of("t-1")
    assert set(first.state.categories) < set(after.state.categories)


def test_a_married_teacher_keeps_the_login() -> None:
    first = load(make_roster([make_teacher()]))
    after = first.next(make_roster([make_teacher(family_name="Замужняя")]))
    old, new = first.state.users["person t-1"], after.state.users["person t-1"]
    assert new == replace(old, family_name="Замужняя", lastname="Замужняя")


def test_a_pupil_who_becomes_a_teacher_changes_cohorts() -> None:
    after = load(october()).next(make_roster([make_teacher("s-1")], [make_class()]))
    assert after.cohorts_of("s-1") == {"role:78-0243:teacher"}
    assert after.state.users["person s-1"].class_id == ""


def test_a_new_class_teacher_replaces_the_old_one() -> None:
    people = [make_teacher(), make_teacher("t-2")]
    first = load(make_roster(people, [make_class(teacher_id="t-1")]))
    after = first.next(make_roster(people, [make_class(teacher_id="t-2")]))
    assert (after.courses_of("t-1"), after.courses_of("t-2")) == (set(), first.courses_of("t-1"))


def test_teaching_links_that_did_not_arrive_again_are_kept() -> None:
    people = [make_teacher(), make_teacher("t-2")]
    link = make_enrolment("t-2", role=Role.TEACHER, subject="Физика")
    classes = [make_class(teacher_id="t-1")]
    first = load(make_roster(people, classes, [link], parts=frozenset(Part)))
    assert first.courses_of("t-2") == {(COURSE("c-8a"), "editingteacher")}
    assert first.next(make_roster(people, classes)).state == first.state
    arrived = first.next(make_roster(people, classes, parts=frozenset(Part)))
    assert arrived.courses_of("t-2") == set()


def test_a_newcomer_joins_the_subject_courses_that_the_class_already_has() -> None:
    link = make_enrolment("t-1", role=Role.TEACHER, subject="Физика")
    links = [make_enrolment(), link]
    people, classes = [make_person(), make_teacher()], [make_class(), make_class("c-8")]
    first = load(make_roster(people, classes, links, parts=frozenset(Part)), courses=PER_SUBJECT)
    newcomers = [make_person("s-2"), make_person("s-3")]
    after = first.next(
        make_roster(
            [*people, *newcomers],
            classes,
            [make_enrolment(), make_enrolment("s-2"), make_enrolment("s-3", "c-8")],
        ),
        courses=PER_SUBJECT,
    )
    assert after.courses_of("s-2") == first.courses_of("s-1") != set()
    assert after.courses_of("s-1") == first.courses_of("s-1")
    assert after.courses_of("s-3") == set()


def test_switching_courses_off_makes_none_and_takes_nobody_out() -> None:
    first = load(october())
    after = first.next(october(), courses=CourseSettings(create="none"))
    assert after.state == first.state


def in_second_school(first: Loaded, **options: Any) -> Loaded:
    """School 6 loads the pupil whom the first school has, under its own key."""
    school = make_school(code=OTHER_SCHOOL, short_name="Школа № 6")
    roster = make_roster(
        [make_person("x-9", family_name="Иначе")],
        [make_class("c-5", title="5В")],
        [make_enrolment("x-9", "c-5")],
        school=school,
    )
    known = replace(
        Loaded().state,
        school_code=OTHER_SCHOOL,
        users={"person s-1": first.state.users["person s-1"]},
    )
    return Loaded().next(roster, known=known, ids={"x-9": "person s-1"}, **options)


def test_a_second_school_adds_its_cohorts_and_courses_and_leaves_the_account_alone() -> None:
    first = load(october())
    second = in_second_school(first, elsewhere={"person s-1": {"78-0243"}})
    assert second.state.users["person s-1"] is first.state.users["person s-1"]
    assert second.cohorts_of("s-1") == {
        "class:78-0006:2026/2027:c-5",
        "role:78-0006:student",
    }
    assert second.roll.after["person s-1"].class_title == "5В"


@pytest.mark.parametrize("has_left", [True, False])
def test_the_school_a_person_moved_to_speaks_for_them_and_restores_the_account(
    has_left: bool,
) -> None:
    first = load(october())
    if has_left:
        first = first.next(make_roster([make_teacher()]))
    user = in_second_school(first).state.users["person s-1"]
    old = first.state.users["person s-1"]
    assert (user.username, user.email) == (old.username, old.email)
    assert (user.suspended, user.in_roll) == (False, True)
    assert (user.school_code, user.institution, user.department) == (
        OTHER_SCHOOL,
        "Школа № 6",
        "5В",
    )
    assert (user.lastname, user.sourced_id) == ("Иначе", "x-9")
