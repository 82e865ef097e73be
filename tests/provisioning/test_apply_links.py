"""Members and enrolments: added, removed, and what is there or gone already."""

from __future__ import annotations

import pytest

from provisioning.changes import Kind
from provisioning.moodle import MoodleMisconfigured
from tests.provisioning.apply_city import (
    Site,
    new_category,
    new_cohort,
    new_course,
    new_enrolment,
    new_member,
    new_user,
    removed,
)

PEOPLE = [f"p-{number}" for number in range(7)]


@pytest.fixture
def school(site: Site) -> Site:
    """Two cohorts, two courses and seven people, not linked yet."""
    cohorts = [new_cohort(idnumber) for idnumber in ("class", "class-2")]
    courses = [new_course(idnumber, "city") for idnumber in ("course", "course-2")]
    site.run([new_category("city"), *cohorts, *courses, *map(new_user, PEOPLE)])
    return site


def numbers(school: Site, *person_ids: str) -> set[int]:
    return {school.number(Kind.USER, person_id) for person_id in person_ids}


def test_members_come_and_go(school: Site) -> None:
    members = [new_member("class", person_id) for person_id in PEOPLE]
    school.run(members)
    assert school.members_of("class") == numbers(school, *PEOPLE)
    school.run([removed(member) for member in members[2:]])
    assert school.members_of("class") == numbers(school, "p-0", "p-1")
    assert school.codes() == {}


def test_links_that_are_there_already_are_done(school: Site) -> None:
    member, enrolment = new_member("class", "p-1"), new_enrolment("course", "p-1")
    school.run([member, enrolment])
    school.ledger.outcomes.clear()
    school.run([member, new_member("class", "p-2"), enrolment])
    assert school.codes() == {}
    assert school.members_of("class") == numbers(school, "p-1", "p-2")


def test_a_link_waits_for_both_its_ends(school: Site) -> None:
    changes = [
        new_user("failed", lastname=""),
        new_member("class", "failed"),
        new_member("class", "p-1"),
        new_member("class-without-number", "p-1"),
        new_enrolment("course", "failed"),
        new_enrolment("course", "p-1"),
    ]
    school.run(changes)
    assert school.codes() == {
        "failed": "failed: empty",
        "class|failed": "skipped: dependency_failed",
        "class-without-number|p-1": "skipped: dependency_failed",
        "course|failed|student": "skipped: dependency_failed",
    }
    assert set(school.roles_in("course")) == numbers(school, "p-1")


def test_a_user_who_vanished_from_moodle_fails_alone(school: Site) -> None:
    school.ledger.numbers[Kind.USER, "p-3"] = 999_999
    school.run([new_member("class", person_id) for person_id in PEOPLE])
    assert school.codes() == {"class|p-3": "failed: account_gone"}
    assert len(school.members_of("class")) == 6


def test_a_deleted_account_fails_alone_in_a_course(school: Site) -> None:
    school.ask("core_user_delete_users", userids=[school.number(Kind.USER, "p-3")])
    school.run([new_enrolment("course", person_id) for person_id in PEOPLE])
    assert school.codes() == {"course|p-3|student": "failed: account_gone"}
    assert len(school.roles_in("course")) == 6


def test_one_of_two_roles_is_taken_away_and_the_other_stays(school: Site) -> None:
    pupil = new_enrolment("course", "p-1")
    teacher = new_enrolment("course", "p-1", role="editingteacher")
    only_pupil = new_enrolment("course", "p-2")
    school.run([pupil, teacher, only_pupil])
    school.run([removed(pupil), removed(only_pupil)])
    assert school.roles_in("course") == {school.number(Kind.USER, "p-1"): {"editingteacher"}}
    school.run([removed(teacher)])
    assert (school.roles_in("course"), school.codes()) == ({}, {})


def test_both_roles_taken_away_at_once_end_the_enrolment(school: Site) -> None:
    both = [new_enrolment("course", "p-1", role=role) for role in ("student", "editingteacher")]
    school.run(both)
    school.run([removed(enrolment) for enrolment in both])
    assert (school.roles_in("course"), school.codes()) == ({}, {})


def test_what_is_gone_from_moodle_needs_no_removal(school: Site) -> None:
    member, stays = new_member("class", "p-1"), new_member("class-2", "p-1")
    in_course, in_other = new_enrolment("course", "p-1"), new_enrolment("course-2", "p-1")
    school.run([member, stays, in_course, in_other])
    never = new_enrolment("course-2", "p-2")
    cohort, course = school.number(Kind.COHORT, "class"), school.number(Kind.COURSE, "course")
    school.ask("core_cohort_delete_cohorts", cohortids=[cohort])
    school.ask("core_course_delete_courses", courseids=[course])
    school.run([removed(link) for link in (member, stays, in_course, in_other, never)])
    gone = ("class|p-1", "course|p-1|student", "course-2|p-2|student")
    assert school.codes() == dict.fromkeys(gone, "done: already_gone")
    assert school.roles_in("course-2") == {}
    assert school.members_of("class-2") == set()


def test_a_role_that_the_service_may_not_give_stops_the_whole_plan(school: Site) -> None:
    changes = [new_member("class", "p-1"), new_enrolment("course", "p-1")]
    with pytest.raises(MoodleMisconfigured) as caught:
        school.run(changes, role_ids={"student": 1})  # a manager
    assert caught.value.code == "wsusercannotassign"
    assert school.ledger.of(changes[0]).result == "done"
