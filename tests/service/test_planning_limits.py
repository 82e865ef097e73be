"""Plans over their limits: what counts, what is always allowed, and what a yes must say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.models import PlanStatus, RunStatus
from service.runs import RunProblem
from tests.service.place import A, B, Place, pupil, pupils, teacher

MANY = [*pupils("a", 30), teacher("a-t")]


def test_a_plan_over_the_limit_of_suspensions_needs_a_second_yes(place: Place) -> None:
    place.sync(place.write(A, MANY), place.write(B, pupils("b", 3)))
    before = place.moodle()
    run_id = place.load(place.write(A, MANY[11:], day=1), place.write(B, pupils("b", 4), day=1))
    plan = place.plans(run_id)[A]
    assert plan.breaches == [{"limit": "suspended", "count": 11, "base": 31}]
    with pytest.raises(RunProblem) as caught:
        place.approve(run_id)
    assert (caught.value.code, caught.value.values) == ("run.over_limits", {"schools": A})
    # Nothing at all is approved then, the harmless school neither.
    assert {one.status for one in place.plans(run_id).values()} == {PlanStatus.PLANNED}
    with pytest.raises(RunProblem, match=r"run\.not_approved"):
        place.apply(run_id)
    assert place.moodle() == before

    place.approve(run_id, over_limits=True)
    assert place.plans(run_id)[A].limits_confirmed
    assert not place.plans(run_id)[B].limits_confirmed
    assert place.apply(run_id).status == RunStatus.APPLIED
    assert sum(user["suspended"] for user in place.moodle()["users"]) == 11


def test_the_harmless_school_can_be_approved_alone(place: Place) -> None:
    place.sync(place.write(A, MANY), place.write(B, pupils("b", 3)))
    run_id = place.load(place.write(A, MANY[11:], day=1), place.write(B, pupils("b", 4), day=1))
    place.approve(run_id, schools=[B])
    place.apply(run_id)
    users = place.moodle()["users"]
    assert (len(users), sum(user["suspended"] for user in users)) == (35, 0)


def test_a_few_suspensions_are_always_allowed(place: Place) -> None:
    """Ten of thirty-one are a third, and yet below the floor for small schools."""
    place.sync(place.write(A, MANY))
    assert place.plans(place.load(place.write(A, MANY[10:], day=1)))[A].breaches == []


def test_suspending_everybody_is_over_the_limit_in_the_smallest_school(place: Place) -> None:
    place.sync(place.write(A, pupils("a", 3)))
    run_id = place.load(place.write(A, pupils("z", 3), day=1))
    assert place.plans(run_id)[A].breaches == [{"limit": "suspended", "count": 3, "base": 3}]
    with pytest.raises(RunProblem, match=r"run\.over_limits"):
        place.approve(run_id)


def test_new_names_of_too_many_people_need_a_second_yes(place: Place) -> None:
    place.sync(place.write(A, MANY))
    renamed = [
        replace(row, person=replace(row.person, family_name="Образцов")) for row in MANY[:12]
    ]
    run_id = place.load(place.write(A, [*renamed, *MANY[12:]], day=1))
    assert place.plans(run_id)[A].breaches == [{"limit": "updated", "count": 12, "base": 31}]


def test_moving_everybody_to_another_class_is_no_matter_for_the_limits(place: Place) -> None:
    place.sync(place.write(A, MANY))
    moved = [replace(row, class_id="c-2" if row.class_id else "") for row in MANY]
    run_id = place.load(place.write(A, moved, day=1))
    assert place.counts(run_id, A)["user.update"] == 30
    assert place.plans(run_id)[A].breaches == []


def test_those_who_left_before_do_not_count_again(place: Place) -> None:
    place.sync(place.write(A, MANY))
    place.sync(place.write(A, MANY[10:], day=1))
    run_id = place.load(place.write(A, [*MANY[11:], pupil("a-new")], day=2))
    assert place.counts(run_id, A)["user.suspend"] == 1
