"""What the next file makes of a school: leavers, moves, renamings, a new year, other schools."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from provisioning.person_states import PersonState
from provisioning.roster import Mode, Part, PersonStatus, Role, Roster
from provisioning.settings import CourseSettings, PeopleSettings
from provisioning.several_schools import Place
from tests.factories import (
    make_class,
    make_enrolment,
    make_person,
    make_roster,
    make_school,
    make_state,
    make_teacher,
)
from tests.provisioning.loading import Loaded, load

COHORT = "class:78-0243:2026/2027:{}".format
COURSE = "course:78-0243:2026/2027:{}".format
OTHER_SCHOOL = "78-0006"
OTHER_PLACE = Place(
    exported_at=datetime(2026, 9, 1, tzinfo=UTC), role="student", class_id="c-6", class_title="6В",
    institution="Школа № 6",
)  # fmt: skip
ELSEWHERE = {"person s-1": {OTHER_SCHOOL: OTHER_PLACE}}
PER_SUBJECT = CourseSettings(create="per_subject")
NO_COURSES = CourseSettings(create="none")
PHYSICS = make_enrolment("t-1", role=Role.TEACHER, subject="Физика")


def october(**overrides: Any) -> Roster:
    """One pupil and one class teacher of 8А."""
    return make_roster(
        [make_person(), make_teacher()],
        [make_class(teacher_id="t-1")],
        [make_enrolment()],
        **overrides,
    )


FIRST = load(october())
ONLY_THE_TEACHER = make_roster([make_teacher()])
LEFT = FIRST.next(ONLY_THE_TEACHER)


def test_the_same_file_again_wants_the_same_state_and_builds_nobody_twice() -> None:
    again = FIRST.next(october())
    assert again.state == FIRST.state
    assert again.user("s-1") is FIRST.user("s-1")


def test_a_leaver_is_in_transit_with_an_open_account_and_without_places() -> None:
    after = FIRST.next(make_roster([make_teacher()], [make_class(teacher_id="t-1")]))
    in_transit = PersonState.IN_TRANSIT
    assert after.user("s-1") == replace(FIRST.user("s-1"), state=in_transit, in_roll=False)
    assert after.links_of("s-1") == (set(), set())


def test_a_leaver_is_suspended_at_once_where_nobody_is_waited_for() -> None:
    after = FIRST.next(ONLY_THE_TEACHER, people=PeopleSettings(transit_days=0))
    assert (after.user("s-1").suspended, after.user("s-1").state) == (True, PersonState.SUSPENDED)


@pytest.mark.parametrize(
    ("title", "today", "state"),
    [
        ("11А", date(2027, 6, 25), PersonState.GRADUATE),
        ("11А", date(2027, 3, 1), PersonState.IN_TRANSIT),
        ("9А", date(2027, 6, 25), PersonState.IN_TRANSIT),
    ],
)
@pytest.mark.parametrize("listed", [True, False], ids=["class listed", "class not listed"])
def test_a_pupil_of_the_last_class_who_leaves_in_summer_is_a_graduate(
    title: str, today: date, state: PersonState, listed: bool
) -> None:
    classes = [make_class(title=title, grade=int(title[:-1]))]
    first = load(make_roster([make_person()], classes, [make_enrolment()]))
    after = first.next(make_roster([], classes if listed else []), today=today)
    assert (after.user("s-1").state, after.user("s-1").suspended) == (state, False)


def test_a_leaver_who_is_on_another_roll_is_handed_over_and_loses_the_places_of_this_school() -> (
    None
):
    after = FIRST.next(ONLY_THE_TEACHER, elsewhere=ELSEWHERE)
    theirs = {"school_code": OTHER_SCHOOL, "institution": "Школа № 6", "department": "6В"}
    theirs |= {"class_id": "c-6", "class_title": "6В"}
    assert after.user("s-1") == replace(FIRST.user("s-1"), **theirs)
    assert after.links_of("s-1") == (set(), set())


def test_who_left_before_turning_up_elsewhere_is_left_to_the_other_school() -> None:
    assert LEFT.next(ONLY_THE_TEACHER, elsewhere=ELSEWHERE).state == LEFT.state


def test_a_leaver_whose_row_cannot_be_used_is_left_alone_even_when_elsewhere() -> None:
    unusable = make_roster([make_teacher()], set_aside=frozenset({"s-1"}))
    assert LEFT.next(unusable, elsewhere=ELSEWHERE).state.members == LEFT.state.members


def test_who_is_left_on_no_roll_is_in_transit_by_the_next_full_file() -> None:
    left = FIRST.next(ONLY_THE_TEACHER, elsewhere=ELSEWHERE)
    assert left.user("s-1").state == PersonState.ON_ROLL
    assert left.next(ONLY_THE_TEACHER).user("s-1").state == PersonState.IN_TRANSIT


def test_a_roll_moves_nobody_on_who_was_away_before() -> None:
    assert LEFT.next(ONLY_THE_TEACHER).state == LEFT.state


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
    assert FIRST.next(make_roster(**unsaid)).state == FIRST.state


@pytest.mark.parametrize("unsaid", [{"mode": Mode.CHANGES}, {"parts": frozenset({Part.STAFF})}])
def test_an_account_of_a_half_applied_plan_is_not_suspended_by_a_file_that_does_not_speak_of_it(
    unsaid: dict[str, Any],
) -> None:
    made = load(make_roster([make_person()])).state
    after = Loaded().next(make_roster(**unsaid), known=made)
    assert after.state.users == made.users


def test_who_was_never_here_and_is_said_to_have_left_gets_nothing() -> None:
    state = load(make_roster([make_person(status=PersonStatus.LEFT)])).state
    assert (state.users, state.members) == ({}, frozenset())


def test_a_returner_is_restored_with_the_same_login() -> None:
    assert FIRST.next(make_roster()).next(october()).state == FIRST.state


@pytest.mark.parametrize(("mode", "kept"), [(Mode.FULL, ["c-8b"]), (Mode.CHANGES, ["c-8b", "g-1"])])
def test_a_pupil_who_moves_leaves_the_old_class_and_only_in_a_full_file_the_groups(
    mode: Mode, kept: list[str]
) -> None:
    classes = [make_class(), make_class("c-8b", title="8Б"), make_class("g-1", title="Хор")]
    links = [make_enrolment(), make_enrolment(class_id="g-1")]
    moved = make_roster([make_person()], classes, [make_enrolment(class_id="c-8b")], mode=mode)
    after = load(make_roster([make_person()], classes, links)).next(moved)
    assert after.user("s-1").department == "8Б"
    assert after.links_of("s-1") == (
        {*map(COHORT, kept), "role:78-0243:student"},
        {(COURSE(class_id), "student") for class_id in kept},
    )


def test_a_renamed_class_keeps_its_cohort_and_course_under_the_new_name() -> None:
    renamed = replace(october(), classes={"c-8a": make_class(title="8К", teacher_id="t-1")})
    after = FIRST.next(renamed)
    assert set(after.state.cohorts) == set(FIRST.state.cohorts)
    assert after.state.cohorts[COHORT("c-8a")].name.startswith("8К ")
    assert after.state.courses[COURSE("c-8a")].fullname.startswith("8К,")
    assert after.user("s-1").department == "8К"
    assert after.state.members == FIRST.state.members


@pytest.mark.parametrize("made", ["per_class", "per_subject"])
def test_a_renamed_class_renames_its_courses_also_when_no_more_are_made(made: str) -> None:
    before, after = (
        make_roster([make_teacher()], [make_class(title=title)], [PHYSICS])
        for title in ("8А", "8К")
    )
    first = load(before, courses=CourseSettings(create=made))
    (course,) = first.next(after, courses=NO_COURSES).state.courses.values()
    assert "8К, Школа № 243" in course.fullname


def test_a_class_that_vanishes_within_the_year_stays_and_loses_its_members() -> None:
    after = FIRST.next(make_roster([make_person(), make_teacher()]))
    assert COHORT("c-8a") in after.state.cohorts
    assert COURSE("c-8a") in after.state.courses
    assert after.cohorts_of("s-1") == {"role:78-0243:student"}


def test_a_new_school_year_leaves_last_years_cohorts_and_courses_as_they_were() -> None:
    classes = {"c-8a": make_class(title="9А", grade=9, teacher_id="t-1")}
    ninth = replace(october(), classes=classes, school_year="2027/2028")
    after = FIRST.next(ninth, today=date(2027, 9, 2))
    assert after.state.cohorts[COHORT("c-8a")] == FIRST.state.cohorts[COHORT("c-8a")]
    assert after.state.courses[COURSE("c-8a")] == FIRST.state.courses[COURSE("c-8a")]
    assert after.cohorts_of("s-1") == FIRST.cohorts_of("s-1") | {"class:78-0243:2027/2028:c-8a"}
    assert FIRST.courses_of("s-1") < after.courses_of("s-1")
    assert FIRST.courses_of("t-1") < after.courses_of("t-1")
    assert set(FIRST.state.categories) < set(after.state.categories)


def test_a_married_teacher_keeps_the_login() -> None:
    after = FIRST.next(make_roster([make_teacher(family_name="Замужняя")]))
    married = replace(FIRST.user("t-1"), family_name="Замужняя", lastname="Замужняя")
    assert after.user("t-1") == married


def test_a_pupil_who_becomes_a_teacher_changes_cohorts() -> None:
    after = FIRST.next(make_roster([make_teacher("s-1")], [make_class()]))
    assert after.cohorts_of("s-1") == {"role:78-0243:teacher"}
    assert after.user("s-1").class_id == ""


def test_a_new_class_teacher_replaces_the_old_one() -> None:
    people = [make_teacher(), make_teacher("t-2")]
    first = load(make_roster(people, [make_class(teacher_id="t-1")]))
    after = first.next(make_roster(people, [make_class(teacher_id="t-2")]))
    assert (after.courses_of("t-1"), after.courses_of("t-2")) == (set(), first.courses_of("t-1"))


def test_teaching_links_that_did_not_arrive_again_are_kept() -> None:
    people = [make_teacher(), make_teacher("t-2")]
    links = [replace(PHYSICS, person_id="t-2")]
    classes = [make_class(teacher_id="t-1")]
    first = load(make_roster(people, classes, links, parts=frozenset(Part)))
    assert first.courses_of("t-2") == {(COURSE("c-8a"), "editingteacher")}
    assert first.next(make_roster(people, classes)).state == first.state
    arrived = first.next(make_roster(people, classes, parts=frozenset(Part)))
    assert arrived.courses_of("t-2") == set()


def test_a_newcomer_joins_the_subject_courses_that_the_class_already_has() -> None:
    people, classes = [make_person(), make_teacher()], [make_class(), make_class("c-8")]
    taught = make_roster(people, classes, [make_enrolment(), PHYSICS], parts=frozenset(Part))
    first = load(taught, courses=PER_SUBJECT)
    people += [make_person("s-2"), make_person("s-3")]
    links = [make_enrolment(), make_enrolment("s-2"), make_enrolment("s-3", "c-8")]
    after = first.next(make_roster(people, classes, links), courses=PER_SUBJECT)
    assert after.courses_of("s-2") == first.courses_of("s-1") != set()
    assert after.courses_of("s-1") == first.courses_of("s-1")
    assert after.courses_of("s-3") == set()


def test_switching_courses_off_makes_none_and_takes_nobody_out() -> None:
    assert FIRST.next(october(), courses=NO_COURSES).state == FIRST.state


def in_second_school(first: Loaded, **options: Any) -> Loaded:
    """School 6 loads the pupil whom the first school has, under its own key."""
    school = make_school(code=OTHER_SCHOOL, short_name="Школа № 6")
    roster = make_roster(
        [make_person("x-9", family_name="Иначе")],
        [make_class("c-5", title="5В")],
        [make_enrolment("x-9", "c-5")],
        school=school,
    )
    known = make_state([first.user("s-1")], school_code=OTHER_SCHOOL)
    return Loaded().next(roster, known=known, ids={"x-9": "person s-1"}, **options)


def listed_by_the_first(day: int) -> dict[str, dict[str, Place]]:
    """Both schools list the pupil; the first one's export is of this day of October."""
    exported_at = datetime(2026, 10, day, 8, tzinfo=UTC)
    return {"person s-1": {"78-0243": replace(OTHER_PLACE, exported_at=exported_at)}}


def test_a_second_school_adds_its_cohorts_and_courses_and_leaves_the_account_alone() -> None:
    second = in_second_school(FIRST, elsewhere=listed_by_the_first(day=2))
    assert second.user("s-1") is FIRST.user("s-1")
    assert second.cohorts_of("s-1") == {"class:78-0006:2026/2027:c-5", "role:78-0006:student"}
    assert second.roll.after["person s-1"].class_title == "5В"


@pytest.mark.parametrize("first", [FIRST, LEFT], ids=["still there", "left"])
def test_the_school_a_person_moved_to_speaks_for_them_and_restores_the_account(
    first: Loaded,
) -> None:
    now = {"school_code": OTHER_SCHOOL, "institution": "Школа № 6", "sourced_id": "x-9"}
    now |= {"class_id": "c-5", "class_title": "5В", "department": "5В"}
    now |= {"lastname": "Иначе", "family_name": "Иначе"}
    assert in_second_school(first).user("s-1") == replace(FIRST.user("s-1"), **now)


@pytest.mark.parametrize("day", [1, 2])
def test_of_two_schools_the_newest_export_speaks_and_of_equal_ones_the_smallest_code(
    day: int,
) -> None:
    second = in_second_school(FIRST, elsewhere=listed_by_the_first(day))
    assert second.user("s-1").family_name == (
        "Иначе" if day == 1 else FIRST.user("s-1").family_name
    )


def test_a_school_that_has_let_go_says_nothing_more() -> None:
    elsewhere = {"person s-1": {"78-9999": replace(OTHER_PLACE, exported_at=None)}}
    assert in_second_school(FIRST, elsewhere=elsewhere).user("s-1").school_code == OTHER_SCHOOL
