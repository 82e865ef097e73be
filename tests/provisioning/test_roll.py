"""Who is on the roll after a file."""

from __future__ import annotations

from datetime import date

import pytest

from provisioning.matching import Matching
from provisioning.roll import Membership, next_roll
from provisioning.roster import ClassKind, Mode, Part, Person, PersonStatus, Role, Roster
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher
from tests.provisioning.loading import TODAY, matching_of, person_id_of

PUPIL = Membership(person_id="person s-1", role="student", class_id="c-8a", class_title="8А")
TEACHER = Membership(person_id="person t-1", role="teacher")


def after(roster: Roster, *before: Membership, matching: Matching | None = None) -> set[str]:
    known = {entry.person_id: entry for entry in before}
    return set(next_roll(roster, matching or matching_of(roster), known, today=TODAY).after)


def entry_of(roster: Roster, sourced_id: str, *before: Membership) -> Membership:
    known = {entry.person_id: entry for entry in before}
    roll = next_roll(roster, matching_of(roster), known, today=TODAY)
    return roll.after[person_id_of(sourced_id)]


def test_a_pupil_of_a_class_is_on_the_roll_with_it() -> None:
    roster = make_roster([make_person()], [make_class()], [make_enrolment()])
    assert entry_of(roster, "s-1") == PUPIL


def test_a_person_absent_from_a_full_roll_has_left() -> None:
    assert after(make_roster(), PUPIL, TEACHER) == set()


def test_a_person_absent_from_a_file_of_changes_has_not_left() -> None:
    assert after(make_roster(mode=Mode.CHANGES), PUPIL, TEACHER) == {"person s-1", "person t-1"}


@pytest.mark.parametrize(
    ("parts", "stay"),
    [
        ({Part.CLASSES, Part.STUDENTS}, {"person t-1"}),
        ({Part.CLASSES, Part.STAFF}, {"person s-1"}),
        ({Part.CLASSES}, {"person s-1", "person t-1"}),
    ],
)
def test_absence_is_judged_only_in_the_parts_that_arrived(parts: set[Part], stay: set[str]) -> None:
    assert after(make_roster(parts=frozenset(parts)), PUPIL, TEACHER) == stay


def test_a_person_whose_row_cannot_be_used_stays() -> None:
    roster = make_roster(set_aside=frozenset({"s-1"}))
    assert after(roster, PUPIL) == {"person s-1"}


def test_a_row_in_doubt_is_nobody_and_its_person_stays() -> None:
    matching = Matching(set_aside=frozenset({"person s-1"}))
    assert after(make_roster([make_person()]), PUPIL, matching=matching) == {"person s-1"}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "leaver",
    [
        make_person(status=PersonStatus.LEFT),
        make_person(end_date=date(2026, 10, 1)),
    ],
)
def test_who_is_said_to_have_left_has_left_in_every_kind_of_file(
    mode: Mode, leaver: Person
) -> None:
    roster = make_roster([leaver], mode=mode)
    assert after(roster, PUPIL) == set()


@pytest.mark.parametrize(
    "person",
    [make_person(status=PersonStatus.ON_LEAVE), make_person(end_date=TODAY)],
)
def test_academic_leave_and_a_leaving_date_of_today_are_still_here(person: Person) -> None:
    assert after(make_roster([person])) == {"person s-1"}


def test_a_pupil_named_without_a_class_in_a_full_roll_has_none() -> None:
    roster = make_roster([make_person()], [make_class()])
    assert entry_of(roster, "s-1", PUPIL).class_id == ""


@pytest.mark.parametrize(
    "incomplete", [{"mode": Mode.CHANGES}, {"parts": frozenset({Part.STUDENTS})}]
)
def test_a_pupil_named_without_a_class_elsewhere_keeps_it(incomplete: dict[str, object]) -> None:
    assert entry_of(make_roster([make_person()], **incomplete), "s-1", PUPIL) == PUPIL


def test_a_class_that_the_file_does_not_describe_keeps_its_known_title() -> None:
    classmate = make_person("s-2")
    roster = make_roster([classmate], (), [make_enrolment("s-2")], parts=frozenset({Part.STUDENTS}))
    assert entry_of(roster, "s-2", PUPIL).class_title == "8А"


def test_a_group_is_nobodys_home_class() -> None:
    roster = make_roster(
        [make_person()],
        [make_class(), make_class("a-group", title="Хор", kind=ClassKind.GROUP)],
        [make_enrolment(class_id="a-group"), make_enrolment()],
    )
    assert entry_of(roster, "s-1").class_id == "c-8a"


def test_of_two_home_classes_the_first_by_id_counts_in_any_order() -> None:
    links = [make_enrolment(class_id="c-8a"), make_enrolment(class_id="c-7b")]
    classes = [make_class(), make_class("c-7b", title="7Б", grade=7)]
    for order in (links, links[::-1]):
        assert entry_of(make_roster([make_person()], classes, order), "s-1").class_id == "c-7b"


def test_staff_have_no_home_class() -> None:
    links = [make_enrolment("t-1", role=Role.TEACHER), make_enrolment("t-1")]
    roster = make_roster([make_teacher()], [make_class()], links)
    assert entry_of(roster, "t-1") == TEACHER
