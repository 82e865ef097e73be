"""The difference of two states: order, content, digest and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from provisioning.changes import APPLY_ORDER, Action, Change, Kind
from provisioning.limits import Limit
from provisioning.plan import Plan, make_plan, plan_digest
from provisioning.settings import LimitSettings
from provisioning.state import (
    CourseEnrolment,
    CourseRole,
    Member,
    MoodleCategory,
    MoodleCohort,
    MoodleCourse,
    State,
)
from tests.factories import make_state, make_user

LIMITS = LimitSettings()


def category(idnumber: str, parent: str = "", name: str = "Уровень") -> MoodleCategory:
    return MoodleCategory(idnumber=idnumber, name=name, parent=parent)


def school_of(size: int, **overrides: Any) -> State:
    return make_state([make_user(f"p-{number}", **overrides) for number in range(size)])


def changed(state: State, count: int, **fields: Any) -> State:
    users = {key: replace(state.users[key], **fields) for key in list(state.users)[:count]}
    return replace(state, users={**state.users, **users})


def suspend(state: State, count: int) -> State:
    return changed(state, count, suspended=True, in_roll=False)


def plan(known: State, desired: State, limits: LimitSettings = LIMITS) -> Plan:
    return make_plan(known, desired, limits)


def only_change(known: State, desired: State) -> Change:
    (change,) = plan(known, desired).changes
    return change


FULL = make_state(
    [make_user()],
    categories={"b": category("b"), "a": category("a", parent="b")},
    cohorts={"k": MoodleCohort(idnumber="k", name="8А")},
    courses={"c": MoodleCourse(idnumber="c", fullname="8А", shortname="8А", category="a")},
    members=frozenset({Member(cohort="k", person_id="p-1")}),
    enrolments=frozenset({CourseEnrolment(course="c", person_id="p-1", role=CourseRole.STUDENT)}),
)


def test_nothing_to_do_is_an_empty_plan() -> None:
    empty = plan(FULL, FULL)
    assert (list(empty.changes), dict(empty.counts), empty.breaches) == ([], {}, ())


def test_a_new_school_is_created_from_the_top_down() -> None:
    found = plan(make_state(), FULL)
    assert [(change.kind, change.action, change.key) for change in found.changes] == [
        (Kind.CATEGORY, Action.CREATE, "b"),
        (Kind.CATEGORY, Action.CREATE, "a"),
        (Kind.COHORT, Action.CREATE, "k"),
        (Kind.COURSE, Action.CREATE, "c"),
        (Kind.USER, Action.CREATE, "p-1"),
        (Kind.MEMBER, Action.ADD, "k|p-1"),
        (Kind.ENROLMENT, Action.ADD, "c|p-1|student"),
    ]
    assert found.counts[Kind.CATEGORY, Action.CREATE] == 2
    assert sum(found.counts.values()) == len(list(found.changes))
    # Counts are in the order in which the plan is applied, and it can be read again.
    assert list(found.counts) == sorted(found.counts, key=APPLY_ORDER.index)
    assert list(found.changes) == list(found.changes)


def test_changes_hold_plain_json_values() -> None:
    user = only_change(make_state(), make_state([make_user()]))
    assert user.before == {}
    assert user.after["birth_date"] == "2012-09-01"
    assert json.loads(json.dumps(dict(user.after))) == user.after
    *_, enrolment = plan(make_state(), FULL).changes
    assert enrolment.after == {"course": "c", "person_id": "p-1", "role": "student"}
    assert type(enrolment.after["role"]) is str


def test_an_update_names_the_fields_that_differ() -> None:
    change = only_change(school_of(1), school_of(1, lastname="Иначе", family_name="Иначе"))
    assert (change.kind, change.action) == (Kind.USER, Action.UPDATE)
    assert change.changed == ("lastname", "family_name")
    assert (change.before["lastname"], change.after["lastname"]) == ("Примеров", "Иначе")
    # In a log it does not show the person.
    assert all(shown not in repr(change) for shown in ("Примеров", "Иначе", "2012"))


@pytest.mark.parametrize(
    ("kind", "desired"),
    [
        (Kind.CATEGORY, {"categories": {"b": category("b"), "a": category("a", "b", "Новое")}}),
        (Kind.COHORT, {"cohorts": {"k": MoodleCohort(idnumber="k", name="Новое")}}),
        (Kind.COURSE, {"courses": {"c": replace(FULL.courses["c"], fullname="Новое")}}),
    ],
)
def test_a_renamed_object_is_one_update(kind: Kind, desired: dict[str, Any]) -> None:
    change = only_change(FULL, replace(FULL, **desired))
    assert (change.kind, change.action) == (kind, Action.UPDATE)
    assert "Новое" in change.after.values()


def test_a_suspension_comes_after_everything_else() -> None:
    desired = replace(suspend(FULL, 1), members=frozenset(), enrolments=frozenset())
    actions = [change.action for change in plan(FULL, desired).changes]
    assert actions == [Action.REMOVE, Action.REMOVE, Action.SUSPEND]


def test_a_removal_says_what_was_there() -> None:
    change = only_change(FULL, replace(FULL, members=frozenset()))
    assert (change.before, change.after) == ({"cohort": "k", "person_id": "p-1"}, {})


def test_a_returner_is_restored_with_the_other_changes_in_the_same_step() -> None:
    known = school_of(1, suspended=True, in_roll=False)
    change = only_change(known, school_of(1, department="9А"))
    assert change.action == Action.RESTORE
    assert change.changed == ("department", "suspended", "in_roll")


def test_what_desired_leaves_out_is_not_removed() -> None:
    bare = replace(make_state(), members=FULL.members, enrolments=FULL.enrolments)
    assert list(plan(FULL, bare).changes) == []


def test_members_come_cohort_by_cohort() -> None:
    wanted = {Member(cohort=f"k-{a}", person_id=f"p-{b}") for a in range(9) for b in range(9)}
    known = school_of(9)
    keys = [one.key for one in plan(known, replace(known, members=frozenset(wanted))).changes]
    assert keys == sorted(keys)
    assert len(keys) == 81


def test_the_digest_does_not_depend_on_the_order_of_the_input() -> None:
    desired = school_of(20)
    turned = replace(desired, users=dict(reversed(desired.users.items())))
    assert plan(make_state(), desired).digest == plan(make_state(), turned).digest


@pytest.mark.parametrize(
    "other",
    [school_of(2, department="8Б"), school_of(3), replace(school_of(2), school_code="78-0006")],
)
def test_another_plan_has_another_digest(other: State) -> None:
    assert plan(make_state(), school_of(2)).digest != plan(make_state(), other).digest


def test_the_verdict_of_the_limits_is_part_of_the_digest() -> None:
    known = school_of(20)
    strict = plan(known, suspend(known, 12))
    loose = plan(known, suspend(known, 12), LimitSettings(max_suspended_share=1.0))
    assert (len(strict.breaches), len(loose.breaches)) == (1, 0)
    assert strict.digest != loose.digest


def test_the_digest_of_stored_changes_comes_out_the_same() -> None:
    def again(fields: Mapping[str, Any]) -> Any:
        return json.loads(json.dumps(dict(fields)))

    found = plan(make_state(), FULL)
    stored = [
        replace(one, before=again(one.before), after=again(one.after)) for one in found.changes
    ]
    facts = [one.facts for one in found.breaches]
    assert plan_digest(found.school_code, facts, stored) == found.digest


@pytest.mark.parametrize(
    ("size", "count", "is_over"),
    [
        (200, 20, False),
        (200, 21, True),
        (50, 10, False),  # the floor
        (50, 11, True),
        (10, 9, False),
        (10, 10, True),  # the floor does not cover the whole school
        (1, 1, True),
    ],
)
def test_suspensions_are_limited_by_share_with_a_floor(
    size: int, count: int, is_over: bool
) -> None:
    known = school_of(size)
    breaches = plan(known, suspend(known, count)).breaches
    found = [(one.limit, one.count, one.base) for one in breaches]
    assert found == [(Limit.SUSPENDED, count, size)] * is_over


@pytest.mark.parametrize(
    ("fields", "limit", "allowed"),
    [
        ({"family_name": "Иначе"}, Limit.NAMES, 40),
        ({"given_name": "Иначе"}, Limit.NAMES, 40),
        ({"username": "x"}, Limit.LOGINS, 10),
        ({"birth_date": None}, Limit.BIRTH_DATES, 20),
    ],
)
def test_changes_of_name_login_and_birth_date_are_limited(
    fields: dict[str, Any], limit: Limit, allowed: int
) -> None:
    known = school_of(200)
    for count, over in (
        (allowed, []),
        (allowed + 1, [limit]),
        (60, [limit]),
        (61, [Limit.UPDATED]),
    ):
        breaches = plan(known, changed(known, count, **fields)).breaches
        assert [one.limit for one in breaches] == over


def test_different_fields_of_different_people_count_together() -> None:
    known = school_of(200)
    mixed = changed(changed(known, 60, given_name="Иначе"), 20, birth_date=None)
    assert [one.limit for one in plan(known, mixed).breaches] == [Limit.NAMES]
    users = list(known.users)
    born = {key: replace(known.users[key], birth_date=None) for key in users[180:]}
    named = {key: replace(known.users[key], given_name="Иначе") for key in users[:41]}
    both = replace(known, users={**known.users, **born, **named})
    assert [one.limit for one in plan(known, both).breaches] == [Limit.UPDATED]


def test_whose_account_stays_open_for_a_while_has_left_all_the_same() -> None:
    known = school_of(200)
    (breach,) = plan(known, changed(known, 21, in_roll=False)).breaches
    assert (breach.limit, breach.count) == (Limit.SUSPENDED, 21)


@pytest.mark.parametrize(
    "inactive",
    [{"suspended": True, "in_roll": False}, {"school_code": "another"}],
    ids=["suspended", "of another school"],
)
def test_changes_of_inactive_people_count_towards_no_limit(inactive: dict[str, Any]) -> None:
    active = [make_user(f"p-{number}") for number in range(20)]
    others = [make_user(f"q-{number}", **inactive) for number in range(61)]
    known = make_state([*others, *active])
    desired = changed(known, 61, family_name="Иначе")
    assert plan(known, desired).breaches == ()


def test_the_whole_school_may_move_up_a_class() -> None:
    known = school_of(200)
    assert plan(known, changed(known, 200, department="9А", class_id="c-9a")).breaches == ()


def test_the_base_is_the_active_people_of_the_school_only() -> None:
    gone = make_user("gone-1", suspended=True, in_roll=False)
    moved = [make_user(f"moved-{number}", school_code="78-0006") for number in range(500)]
    known = make_state([*school_of(20).users.values(), gone, *moved])
    (breach,) = plan(known, suspend(known, 11)).breaches
    assert (breach.count, breach.base) == (11, 20)
