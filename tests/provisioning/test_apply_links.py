"""Members and enrolments: added, removed, and what is there or gone already."""

from __future__ import annotations

import pytest

from provisioning.changes import Kind
from provisioning.moodle import MoodleClient, MoodleMisconfigured
from provisioning.settings import MoodleSettings
from tests.provisioning.apply_city import (
    Ledger,
    ask,
    members_of,
    new_category,
    new_cohort,
    new_course,
    new_enrolment,
    new_member,
    new_user,
    removed,
    roles_in,
    run,
)

PEOPLE = [f"p-{number}" for number in range(7)]


@pytest.fixture
def school(moodle: MoodleClient, ledger: Ledger) -> Ledger:
    """Two cohorts, two courses and seven people, not linked yet."""
    changes = [
        new_category("city"),
        new_cohort("class"),
        new_cohort("class-2"),
        new_course("course", "city"),
        new_course("course-2", "city"),
        *(new_user(person_id) for person_id in PEOPLE),
    ]
    assert run(changes, moodle, ledger)
    return ledger


def numbers(ledger: Ledger, *person_ids: str) -> set[int]:
    return {ledger.numbers[Kind.USER, person_id] for person_id in person_ids}


def test_members_come_and_go(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    cohort = school.numbers[Kind.COHORT, "class"]
    members = [new_member("class", person_id) for person_id in PEOPLE]
    assert run(members, moodle, school)
    assert members_of(moodle_settings, cohort) == numbers(school, *PEOPLE)
    assert run([removed(member) for member in members[2:]], moodle, school)
    assert members_of(moodle_settings, cohort) == numbers(school, "p-0", "p-1")
    assert school.codes() == {}


def test_links_that_are_there_already_are_done(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    links = [new_member("class", "p-1"), new_enrolment("course", "p-1")]
    assert run(links, moodle, school)
    school.outcomes.clear()
    links = [new_member("class", "p-1"), new_member("class", "p-2"), new_enrolment("course", "p-1")]
    assert run(links, moodle, school)
    assert school.codes() == {}
    cohort = school.numbers[Kind.COHORT, "class"]
    assert members_of(moodle_settings, cohort) == numbers(school, "p-1", "p-2")


def test_a_link_waits_for_both_its_ends(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    changes = [
        new_user("failed", lastname=""),
        new_member("class", "failed"),
        new_member("class", "p-1"),
        new_member("class-without-number", "p-1"),
        new_enrolment("course", "failed"),
        new_enrolment("course", "p-1"),
    ]
    assert run(changes, moodle, school)
    assert school.codes() == {
        "failed": "failed: empty",
        "class|failed": "skipped: dependency_failed",
        "class-without-number|p-1": "skipped: dependency_failed",
        "course|failed|student": "skipped: dependency_failed",
    }
    course = school.numbers[Kind.COURSE, "course"]
    assert set(roles_in(moodle_settings, course)) == numbers(school, "p-1")


def test_a_user_who_vanished_from_moodle_fails_alone(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    school.numbers[Kind.USER, "p-3"] = 999_999
    members = [new_member("class", person_id) for person_id in PEOPLE]
    assert run(members, moodle, school)
    assert school.codes() == {"class|p-3": "failed: account_gone"}
    cohort = school.numbers[Kind.COHORT, "class"]
    assert len(members_of(moodle_settings, cohort)) == 6


def test_a_deleted_account_fails_alone_in_a_course(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    ask(moodle_settings, "core_user_delete_users", userids=[school.numbers[Kind.USER, "p-3"]])
    assert run([new_enrolment("course", person_id) for person_id in PEOPLE], moodle, school)
    assert school.codes() == {"course|p-3|student": "failed: account_gone"}
    assert len(roles_in(moodle_settings, school.numbers[Kind.COURSE, "course"])) == 6


def test_one_of_two_roles_is_taken_away_and_the_other_stays(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    pupil = new_enrolment("course", "p-1")
    teacher = new_enrolment("course", "p-1", role="editingteacher")
    only_pupil = new_enrolment("course", "p-2")
    assert run([pupil, teacher, only_pupil], moodle, school)
    assert run([removed(pupil), removed(only_pupil)], moodle, school)
    course = school.numbers[Kind.COURSE, "course"]
    assert roles_in(moodle_settings, course) == {
        school.numbers[Kind.USER, "p-1"]: {"editingteacher"}
    }
    assert run([removed(teacher)], moodle, school)
    assert roles_in(moodle_settings, course) == {}
    assert school.codes() == {}


def test_both_roles_taken_away_at_once_end_the_enrolment(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    both = [new_enrolment("course", "p-1", role=role) for role in ("student", "editingteacher")]
    assert run(both, moodle, school)
    assert run([removed(enrolment) for enrolment in both], moodle, school)
    assert roles_in(moodle_settings, school.numbers[Kind.COURSE, "course"]) == {}
    assert school.codes() == {}


def test_what_is_gone_from_moodle_needs_no_removal(
    school: Ledger, moodle: MoodleClient, moodle_settings: MoodleSettings
) -> None:
    member, stays = new_member("class", "p-1"), new_member("class-2", "p-1")
    in_course, in_other = new_enrolment("course", "p-1"), new_enrolment("course-2", "p-1")
    assert run([member, stays, in_course, in_other], moodle, school)
    never = new_enrolment("course-2", "p-2")
    cohort, course = school.numbers[Kind.COHORT, "class"], school.numbers[Kind.COURSE, "course"]
    ask(moodle_settings, "core_cohort_delete_cohorts", cohortids=[cohort])
    ask(moodle_settings, "core_course_delete_courses", courseids=[course])
    links = [member, stays, in_course, in_other, never]
    assert run([removed(link) for link in links], moodle, school)
    assert school.codes() == {
        "class|p-1": "done: already_gone",
        "course|p-1|student": "done: already_gone",
        "course-2|p-2|student": "done: already_gone",
    }
    other = school.numbers[Kind.COURSE, "course-2"]
    assert roles_in(moodle_settings, other) == {}
    assert members_of(moodle_settings, school.numbers[Kind.COHORT, "class-2"]) == set()


def test_a_role_that_the_service_may_not_give_stops_the_whole_plan(
    school: Ledger, moodle: MoodleClient
) -> None:
    manager = {"student": 1, "editingteacher": 3}
    changes = [new_member("class", "p-1"), new_enrolment("course", "p-1")]
    with pytest.raises(MoodleMisconfigured) as caught:
        run(changes, moodle, school, role_ids=manager)
    assert caught.value.code == "wsusercannotassign"
    assert school.of(changes[0]).result == "done"
