"""What differs between what we hold and what a look found, and what a look cannot know."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.changes import Kind
from provisioning.drift import (
    UNKNOWN_FIELDS,
    Found,
    FoundAccount,
    FoundObject,
    HeldObject,
    HeldUser,
    Known,
    Visible,
    by_plan,
    compare,
    found_account,
)
from provisioning.drift import DriftKind as Is
from provisioning.state import MoodleCourse, MoodleUser

OURS = MoodleUser(
    person_id="person-1", username="ivanov", firstname="Иван Иванович", lastname="Иванов",
    email="ivanov@school.invalid", auth="oauth2", institution="Школа № 1", department="8А",
    middle_name="Иванович",
)  # fmt: skip
ROW = {
    "id": 7, "username": "ivanov", "firstname": "Иван Иванович", "lastname": "Иванов",
    "email": "ivanov@school.invalid", "auth": "oauth2", "institution": "Школа № 1",
    "department": "8А", "suspended": False, "idnumber": "person-1",
}  # fmt: skip
ALL = Visible(details=True, addresses=True)
HELD = Known(users={"person-1": HeldUser(number=7, user=OURS)})


def drifts(row: dict[str, Any], visible: Visible = ALL) -> list[tuple[str, str]]:
    found = Found(users={"person-1": found_account(row, visible)})
    return [(one.kind, one.field) for one in compare(HELD, found)]


def test_the_same_account_is_no_drift_and_the_case_of_addresses_counts_for_nothing() -> None:
    assert drifts(ROW) == []
    assert drifts(ROW | {"email": "Ivanov@School.invalid"}) == []


@pytest.mark.parametrize("name", UNKNOWN_FIELDS)
def test_what_moodle_never_shows_is_unknown(name: str) -> None:
    assert hasattr(OURS, name)
    assert name not in found_account(ROW, ALL).fields


def test_an_empty_field_is_left_out_of_an_answer_and_is_a_drift_all_the_same() -> None:
    row = {name: value for name, value in ROW.items() if name != "institution"}
    assert drifts(row) == [(Is.ACCOUNT_RENAMED, "institution")]


def test_what_our_account_may_not_see_is_no_drift() -> None:
    few = {name: ROW[name] for name in ("id", "firstname", "lastname")}
    assert drifts(few, Visible(details=False, addresses=False)) == []
    assert drifts({"id": 7}, Visible(details=False, addresses=False, names=False)) == []
    no_address = {name: value for name, value in ROW.items() if name != "email"}
    assert drifts(no_address, Visible(details=True, addresses=False)) == []


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("Иван Иванович Иванов", []),
        ("Иванов Иван Иванович", []),
        ("Иван", []),
        ("Иван Иванович Иначев", [(Is.ACCOUNT_RENAMED, "fullname")]),
    ],
    ids=["as we write it", "the other way round", "one name only", "another name"],
)
def test_names_that_are_hidden_are_compared_as_the_site_shows_them(
    shown: str, told: list[tuple[str, str]]
) -> None:
    row = {name: value for name, value in ROW.items() if name not in ("firstname", "lastname")}
    visible = Visible(details=True, addresses=True, names=False)
    assert drifts(row | {"fullname": shown}, visible) == told


def test_the_guest_tells_what_we_see() -> None:
    assert Visible.of(None) is None
    assert Visible.of({"id": 1, "firstname": "Guest"}) == Visible(details=False, addresses=False)
    guest = {"id": 1, "username": "guest", "email": "root@localhost"}
    assert Visible.of(guest) == Visible(details=True, addresses=True, names=False)
    assert Visible.of(guest | {"firstname": "Guest user"}) == ALL


HUSK = {
    "id": 7, "firstname": "Иван Иванович", "lastname": "Иванов", "suspended": False,
    "username": "ivanov@school.invalid.1795317666", "email": "5f4dcc3b5aa765d61d8327deb882cf99",
}  # fmt: skip


@pytest.mark.parametrize("addresses", [True, False])
def test_what_is_left_of_a_deleted_account_is_one_drift(addresses: bool) -> None:
    row = HUSK if addresses else {name: HUSK[name] for name in HUSK if name != "email"}
    assert drifts(row, Visible(details=True, addresses=addresses)) == [(Is.ACCOUNT_DELETED, "")]


def test_an_account_that_only_lost_its_idnumber_is_not_taken_for_a_deleted_one() -> None:
    row = {name: value for name, value in ROW.items() if name not in ("idnumber", "email")}
    seen = Visible(details=True, addresses=False)
    assert drifts(row, seen) == [(Is.ACCOUNT_RENAMED, "person_id")]


def test_each_second_account_is_a_drift_of_its_own() -> None:
    others = [
        FoundAccount(number=n, deleted=False, fields={"username": f"u{n}"}) for n in (7, 8, 9)
    ]
    found = Found(users={"person-1": found_account(ROW, ALL)}, same_idnumber={"person-1": others})
    told = compare(HELD, found)
    assert [(one.kind, one.moodle_id, one.theirs) for one in told] == [
        (Is.SECOND_ACCOUNT, 8, "u8"), (Is.SECOND_ACCOUNT, 9, "u9"),
    ]  # fmt: skip
    assert len({one.place for one in told}) == 2


COURSE = MoodleCourse(idnumber="c", fullname="Курс", shortname="к", category="cat")


def _courses(*rows: FoundObject) -> list[tuple[str, str, str]]:
    known = Known(objects={(Kind.COURSE, "c"): HeldObject(number=3, record=COURSE)})
    told = compare(known, Found(objects={(Kind.COURSE, "c"): rows}))
    return [(one.kind, one.field, one.theirs) for one in told]


def test_objects_are_deleted_changed_and_doubled() -> None:
    same = {"idnumber": "c", "fullname": "Курс", "shortname": "к", "category": "cat"}
    assert _courses() == [(Is.OBJECT_DELETED, "", "")]
    assert _courses(FoundObject(number=3, fields=same)) == []
    moved = FoundObject(number=3, fields=same | {"category": "moodle:9", "visible": False})
    double = FoundObject(number=4, fields=same)
    assert _courses(moved, double) == [
        (Is.OBJECT_MOVED, "category", "moodle:9"),
        (Is.OBJECT_HIDDEN, "visible", "0"),
        (Is.OBJECT_DOUBLED, "4", "Курс"),
    ]


def _places(ours: dict[str, set[str]], theirs: dict[int, set[str]]) -> list[tuple[str, str]]:
    known = Known(
        roles={"c": {who: frozenset(roles) for who, roles in ours.items()}},
        accounts={1: "one", 2: "two"},
    )
    found = Found(roles={"c": {number: frozenset(roles) for number, roles in theirs.items()}})
    return [(one.kind, one.key) for one in compare(known, found)]


def test_places_in_courses_are_gone_added_or_have_another_role() -> None:
    assert _places({"one": {"student"}}, {1: {"student"}}) == []
    assert _places({"one": {"student"}}, {}) == [(Is.ENROLMENT_GONE, "c|one|student")]
    assert _places({"one": {"student"}}, {1: set()}) == [(Is.ENROLMENT_GONE, "c|one|student")]
    assert _places({"one": {"student"}}, {1: {"4"}}) == [(Is.ROLE_CHANGED, "c|one|student")]
    assert _places({}, {2: {"student"}}) == [(Is.ENROLMENT_ADDED, "c|two|student")]
    assert _places({}, {9: {"student"}}) == [(Is.ENROLMENT_ADDED, "c|moodle:9|student")]
    both = {1: {"student", "editingteacher"}}
    assert _places({"one": {"student"}}, both) == [(Is.ENROLMENT_ADDED, "c|one|editingteacher")]


def test_places_of_somebody_whose_account_is_gone_are_not_told_beside_the_account() -> None:
    known = Known(members={"k": frozenset({"gone"})}, roles={"c": {"gone": frozenset({"student"})}})
    assert compare(known, Found(members={"k": frozenset()}, roles={"c": {}})) == []


def test_plans_speak_of_our_people_and_our_roles_only() -> None:
    assert by_plan(Is.MEMBER_ADDED, "k|person-1")
    assert not by_plan(Is.MEMBER_ADDED, "k|moodle:9")
    assert by_plan(Is.ENROLMENT_ADDED, "c|person-1|student", "student")
    assert not by_plan(Is.ENROLMENT_ADDED, "c|person-1|4", "4")
    assert not by_plan(Is.OBJECT_DOUBLED, "c")
