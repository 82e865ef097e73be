"""A plan is gone through lazily, in batches of one kind and action, and only in its order."""

from __future__ import annotations

from itertools import count, pairwise

import pytest

from provisioning.apply import PlanOrderError
from provisioning.apply.objects import OBJECTS
from provisioning.apply.refusals import _TEXTS
from provisioning.apply.run import HANDLERS, batches
from provisioning.changes import APPLY_ORDER, Action, Change, Kind
from tests.provisioning.apply_city import (
    change,
    new_category,
    new_cohort,
    new_member,
    new_user,
    updated,
)


def keys(changes: list[Change], size: int = 100) -> list[list[str]]:
    return [[one.key for one in batch] for batch in batches(changes, size)]


def test_every_kind_of_change_has_its_place_a_handler_and_what_moodle_refuses_of_it() -> None:
    assert {kind for kind, _action in APPLY_ORDER} == set(Kind)
    assert set(APPLY_ORDER) == set(HANDLERS)
    assert OBJECTS.keys() == _TEXTS.keys()


def test_a_batch_has_one_kind_and_action_and_not_too_many_changes() -> None:
    user = new_user("p-0")
    changes = [
        *(new_user(f"p-{number}") for number in range(1, 6)),
        updated(user, department="9А"),
        new_member("class", "p-1"),
    ]
    created = [["p-1", "p-2"], ["p-3", "p-4"], ["p-5"]]
    assert keys(changes, size=2) == [*created, ["p-0"], ["class|p-1"]]


def test_a_category_waits_for_the_number_of_its_parent() -> None:
    changes = [
        new_category("city"),
        new_category("district-1", parent="city"),
        new_category("district-2", parent="city"),
        new_category("school", parent="district-2"),
    ]
    assert keys(changes) == [["city"], ["district-1", "district-2"], ["school"]]
    assert keys([]) == []


def test_a_plan_in_another_order_is_refused_after_what_was_in_order() -> None:
    going_through = batches([new_cohort("class"), new_user("p-1"), new_category("city")], 100)
    assert [one.key for one in next(going_through)] == ["class"]
    with pytest.raises(PlanOrderError, match="category create is out of order"):
        list(going_through)


@pytest.mark.parametrize("places", [*pairwise(APPLY_ORDER)], ids=str)
def test_no_two_neighbours_of_the_order_may_change_places(
    places: tuple[tuple[Kind, Action], ...],
) -> None:
    changes = [change(kind, action, "k", {}) for kind, action in places]
    assert keys(changes) == [["k"], ["k"]]
    with pytest.raises(PlanOrderError):
        keys(changes[::-1])


def test_a_change_that_no_plan_has_is_refused() -> None:
    with pytest.raises(PlanOrderError):
        keys([change(Kind.USER, Action.REMOVE, "p-1", {})])


def test_no_more_than_a_batch_is_taken_from_a_long_plan() -> None:
    numbers = count()
    next(batches((new_user(f"p-{number}") for number in numbers), 10))
    assert next(numbers) == 11
