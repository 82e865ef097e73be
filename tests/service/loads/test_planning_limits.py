"""Plans over their limits: what counts, what is always allowed, and what a yes must say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.loads.operations import LoadProblem
from service.models import LoadStatus, PlanStatus
from service.sample.rows import Row
from service.words import loads as wording
from tests.language import in_language
from tests.service.trial import A, B, Trial, make_class, make_trial, pupil, pupils, teacher

MANY = [*pupils("a", 30), teacher("a-t")]


def test_a_plan_over_the_limit_of_suspensions_needs_a_second_yes(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY), trial.write(B, pupils("b", 3)))
    before = trial.moodle()
    load_id = trial.load(trial.write(A, MANY[11:], day=1), trial.write(B, pupils("b", 4), day=1))
    plan = trial.plans(load_id)[A]
    assert plan.breaches == [{"limit": "suspended", "count": 11, "base": 31}]
    with pytest.raises(LoadProblem) as caught:
        trial.approve(load_id)
    assert (caught.value.code, caught.value.values) == ("load.over_limits", {"schools": A})
    # Nothing at all is approved then, the harmless school neither.
    assert {one.status for one in trial.plans(load_id).values()} == {PlanStatus.PLANNED}
    with pytest.raises(LoadProblem, match=r"load\.not_approved"):
        trial.apply(load_id)
    assert trial.moodle() == before

    trial.approve(load_id, over_limits=True)
    assert trial.plans(load_id)[A].limits_confirmed
    assert not trial.plans(load_id)[B].limits_confirmed
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert sum(user["suspended"] for user in trial.moodle()["users"]) == 11


def test_the_harmless_school_can_be_approved_alone(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY), trial.write(B, pupils("b", 3)))
    load_id = trial.load(trial.write(A, MANY[11:], day=1), trial.write(B, pupils("b", 4), day=1))
    trial.carry_out(load_id, schools=[B])
    users = trial.moodle()["users"]
    assert (len(users), sum(user["suspended"] for user in users)) == (35, 0)


def test_a_few_suspensions_are_always_allowed(trial: Trial) -> None:
    """Ten of thirty-one are a third, and yet below the floor for small schools."""
    trial.sync(trial.write(A, MANY))
    assert trial.plans(trial.load(trial.write(A, MANY[10:], day=1)))[A].breaches == []


def test_suspending_everybody_is_over_the_limit_in_the_smallest_school(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 3)))
    load_id = trial.load(trial.write(A, pupils("z", 3), day=1))
    assert trial.plans(load_id)[A].breaches == [{"limit": "suspended", "count": 3, "base": 3}]
    with pytest.raises(LoadProblem, match=r"load\.over_limits"):
        trial.approve(load_id)


def test_new_names_of_too_many_people_need_a_second_yes(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    renamed = [
        replace(row, person=replace(row.person, family_name="Образцов")) for row in MANY[:12]
    ]
    load_id = trial.load(trial.write(A, [*renamed, *MANY[12:]], day=1))
    assert trial.plans(load_id)[A].breaches == [{"limit": "updated", "count": 12, "base": 31}]


def test_moving_everybody_to_another_class_is_no_matter_for_the_limits(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    moved = [replace(row, class_id="c-2" if row.class_id else "") for row in MANY]
    load_id = trial.load(trial.write(A, moved, day=1))
    assert trial.counts(load_id, A)["user.update"] == 30
    assert trial.plans(load_id)[A].breaches == []


def test_those_who_left_before_do_not_count_again(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    trial.sync(trial.write(A, MANY[10:], day=1))
    load_id = trial.load(trial.write(A, [*MANY[11:], pupil("a-new")], day=2))
    assert trial.counts(load_id, A)["user.suspend"] == 1


STAFF = [teacher(f"a-t{number}") for number in range(1, 61)]
BIG = [
    row
    for grade in range(1, 31)
    for row in pupils(f"a-{grade}", 25, f"c-{grade}")
]  # fmt: skip
BIG_CLASSES = [make_class(f"c-{grade}", f"{grade}Ю") for grade in range(1, 31)]


def whole(trial: Trial, rows: Sequence[Row], day: int = 0) -> Path:
    return trial.write(A, rows, day=day, classes=BIG_CLASSES)


def without_class(rows: Sequence[Row], *classes: str) -> list[Row]:
    return [replace(row, class_id="") if row.class_id in classes else row for row in rows]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A school of 30 classes and 60 teachers, loaded once; the tests only plan."""
    with make_trial(tmp_path_factory.mktemp("big")) as trial:
        trial.sync(whole(trial, [*BIG, *STAFF]))
        yield trial


SMALL_CHANGES = {
    "a class has graduated": [row for row in [*BIG, *STAFF] if row.class_id != "c-1"],
    "two classes have graduated": [
        row for row in [*BIG, *STAFF] if row.class_id not in ("c-1", "c-2")
    ],
    "18 teachers have left": [*BIG, *STAFF[18:]],
    "19 pupils of a class are in none": [
        *without_class(BIG[:19], "c-1"), *BIG[19:], *STAFF,
    ],
    "two classes have changed places": [
        replace(row, class_id={"c-1": "c-2", "c-2": "c-1"}.get(row.class_id, row.class_id))
        for row in [*BIG, *STAFF]
    ],
}  # fmt: skip


@pytest.mark.parametrize("change", SMALL_CHANGES)
def test_a_small_change_is_no_matter_for_the_limits(big: Trial, change: str) -> None:
    load_id = big.load(whole(big, SMALL_CHANGES[change], day=1))
    assert big.plans(load_id)[A].breaches == []


LOSSES: dict[str, tuple[list[Row], list[dict[str, object]]]] = {
    "59 of 60 teachers are missing": (
        [*BIG, STAFF[0]],
        [{"limit": "suspended", "among": "teacher", "count": 59, "base": 60}],
    ),
    "three classes are missing": (
        [row for row in [*BIG, *STAFF] if row.class_id not in ("c-1", "c-2", "c-3")],
        [
            {"limit": "suspended", "among": "classes", "count": 75, "base": 75,
             "classes": ["1Ю", "2Ю", "3Ю"]},
        ],
    ),
    "a class is blank": (
        without_class([*BIG, *STAFF], "c-7"),
        [
            {"limit": "course_places", "among": "classes", "count": 25, "base": 25,
             "classes": ["7Ю"]},
            {"limit": "memberships", "among": "classes", "count": 25, "base": 25,
             "classes": ["7Ю"]},
        ],
    ),
    "every class is blank": (
        [replace(row, class_id="") for row in [*BIG, *STAFF]],
        [
            {"limit": "course_places", "count": 750, "base": 810},
            {"limit": "memberships", "count": 750, "base": 810},
        ],
    ),
    "20 teachers have other names": (
        [
            *BIG,
            *(replace(row, person=replace(row.person, family_name="Образцов"))
              for row in STAFF[:20]),
            *STAFF[20:],
        ],
        [{"limit": "updated", "among": "teacher", "count": 20, "base": 60}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_each_kind_of_loss_needs_a_second_yes(big: Trial, loss: str) -> None:
    rows, breaches = LOSSES[loss]
    load_id = big.load(whole(big, rows, day=1))
    assert big.plans(load_id)[A].breaches == breaches
    with pytest.raises(LoadProblem, match=r"load\.over_limits"):
        big.approve(load_id)
    for language, doubt in (("ru", ("?", "так выглядит")), ("en", ("?", "looks like this"))):
        with in_language(language):
            said = [wording.breach(one) for one in breaches]
        assert all("{" not in one and any(why in one for why in doubt) for one in said)


def test_one_teacher_of_three_may_leave_but_not_all(trial: Trial) -> None:
    rows = pupils("a", 40)
    trial.sync(trial.write(A, [*rows, *STAFF[:3]]))
    one_left = trial.load(trial.write(A, [*rows, *STAFF[:2]], day=1))
    assert trial.plans(one_left)[A].breaches == []
    all_new = trial.load(trial.write(A, [*rows, STAFF[9]], day=2))
    assert trial.plans(all_new)[A].breaches == [
        {"limit": "suspended", "among": "teacher", "count": 3, "base": 3}
    ]
