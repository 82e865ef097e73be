"""Who is on the roll after a file."""

from __future__ import annotations

from datetime import date

import pytest

from provisioning.matching import Matching
from provisioning.roll import Membership, next_roll
from provisioning.roster import ClassKind, Mode, Part, PersonStatus, Role, Roster
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher
from tests.provisioning.loading import TODAY, matching_of, person_id_of

PUPIL = Membership(person_id="person s-1", role="student", class_id="c-8a", class_title="8А")
TEACHER = Membership(person_id="person t-1", role="teacher")


def entry_of(roster: Roster, sourced_id: str, *before: Membership) -> Membership:
    known = {entry.person_id: entry for entry in before}
    roll = next_roll(roster, matching_of(roster), known, today=TODAY)
    return roll.after[person_id_of(sourced_id)]


def test_a_pupil_of_a_class_is_on_the_roll_with_it() -> None:
    roster = make_roster([make_person()], [make_class()], [make_enrolment()])
    assert entry_of(roster, "s-1") == PUPIL


LEFT = make_person(status=PersonStatus.LEFT)
LEFT_YESTERDAY = make_person(end_date=date(2026, 10, 1))

STILL_HERE: dict[str, tuple[Roster, set[str]]] = {
    "absent from a full roll": (make_roster(), set()),
    "absent from a file of changes": (make_roster(mode=Mode.CHANGES), {"s-1", "t-1"}),
    "no staff came": (make_roster(parts=frozenset({Part.CLASSES, Part.STUDENTS})), {"t-1"}),
    "no students came": (make_roster(parts=frozenset({Part.CLASSES, Part.STAFF})), {"s-1"}),
    "only classes came": (make_roster(parts=frozenset({Part.CLASSES})), {"s-1", "t-1"}),
    "the row cannot be used": (make_roster(set_aside=frozenset({"s-1"})), {"s-1"}),
    "said to have left": (make_roster([LEFT]), set()),
    "left yesterday": (make_roster([LEFT_YESTERDAY]), set()),
    "said to have left, of changes": (make_roster([LEFT], mode=Mode.CHANGES), {"t-1"}),
    "left yesterday, of changes": (make_roster([LEFT_YESTERDAY], mode=Mode.CHANGES), {"t-1"}),
    "on academic leave": (make_roster([make_person(status=PersonStatus.ON_LEAVE)]), {"s-1"}),
    "the last day": (make_roster([make_person(end_date=TODAY)]), {"s-1"}),
}


@pytest.mark.parametrize(("roster", "here"), STILL_HERE.values(), ids=STILL_HERE)
def test_who_of_a_pupil_and_a_teacher_is_here_after_a_file(roster: Roster, here: set[str]) -> None:
    known = {entry.person_id: entry for entry in (PUPIL, TEACHER)}
    roll = next_roll(roster, matching_of(roster), known, today=TODAY)
    assert set(roll.after) == set(map(person_id_of, here))


def test_a_row_in_doubt_is_nobody_and_its_person_stays() -> None:
    doubtful = Matching(set_aside=frozenset({"person s-1"}))
    roll = next_roll(make_roster([make_person()]), doubtful, {"person s-1": PUPIL}, today=TODAY)
    assert roll.after == {"person s-1": PUPIL}


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
