"""Plans over their limits: what counts, what is always allowed, and what a yes must say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from service.loads.operations import LoadProblem
from service.models import KnownUser, LoadStatus
from service.sample.rows import Row
from service.words import loads as wording
from tests.language import in_language
from tests.service.trial import A, B, Trial, make_class, make_trial, pupil, pupils, refusal, teacher

MANY = [*pupils("a", 30), teacher("a-t")]


def in_class(class_ids: Mapping[str, str], rows: Sequence[Row]) -> list[Row]:
    """The same rows with other classes."""
    return [replace(row, class_id=class_ids.get(row.class_id, row.class_id)) for row in rows]


def renamed(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, person=replace(row.person, family_name="Образцов")) for row in rows]


def loss(limit: str, count: int, base: int, **among: Any) -> dict[str, Any]:
    return {"limit": limit, "count": count, "base": base, **among}


def next_breaches(trial: Trial, rows: Sequence[Row], day: int = 1) -> list[dict[str, Any]]:
    """Of the plan of school A by its next file."""
    return trial.plans(trial.load(trial.write(A, rows, day=day)))[A].breaches


@pytest.fixture
def over(trial: Trial) -> int:
    """A plan of A over the limit of suspensions, and a harmless one of B."""
    trial.sync(trial.write(A, MANY), trial.write(B, pupils("b", 3)))
    return trial.load(trial.write(A, MANY[11:], day=1), trial.write(B, pupils("b", 4), day=1))


def test_a_plan_over_the_limit_of_suspensions_needs_a_second_yes(trial: Trial, over: int) -> None:
    before = trial.moodle()
    assert trial.plans(over)[A].breaches == [loss("suspended", 11, 31)]
    with pytest.raises(LoadProblem) as caught:
        trial.approve(over)
    assert (caught.value.code, caught.value.values) == ("load.over_limits", {"schools": A})
    # Nothing at all is approved then, the harmless school neither.
    assert trial.decisions(over) == {A: "planned", B: "planned"}
    assert refusal(trial.apply, over) == "load.not_approved"
    assert trial.moodle() == before

    trial.approve(over, over_limits=True)
    confirmed = {code: plan.limits_confirmed for code, plan in trial.plans(over).items()}
    assert confirmed == {A: True, B: False}
    assert trial.apply(over).status == LoadStatus.APPLIED
    left = trial.stored(select(KnownUser.person_id).where(KnownUser.state == "in_transit"))
    assert len(left) == 11


def test_the_harmless_school_can_be_approved_alone(trial: Trial, over: int) -> None:
    trial.carry_out(over, schools=[B])
    assert len(trial.moodle()["users"]) == 35
    assert trial.stored(select(KnownUser.state).distinct()) == ["on_roll"]


def test_few_suspensions_and_any_moves_are_allowed_but_not_many_new_names(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    # Ten of thirty-one are a third, and yet below the floor for small schools.
    assert next_breaches(trial, MANY[10:]) == []
    moved = trial.load(trial.write(A, in_class({"c-1": "c-2"}, MANY), day=1))
    assert trial.counts(moved, A)["user.update"] == 30
    assert trial.plans(moved)[A].breaches == []
    names = [loss("updated", 12, 31)]
    assert next_breaches(trial, [*renamed(MANY[:12]), *MANY[12:]]) == names


def test_suspending_everybody_is_over_the_limit_in_the_smallest_school(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 3)))
    load_id = trial.load(trial.write(A, pupils("z", 3), day=1))
    assert trial.plans(load_id)[A].breaches == [loss("suspended", 3, 3)]
    assert refusal(trial.approve, load_id) == "load.over_limits"


def test_those_who_left_before_do_not_count_again(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    trial.sync(trial.write(A, MANY[10:], day=1))
    load_id = trial.load(trial.write(A, [*MANY[11:], pupil("a-new")], day=2))
    assert trial.counts(load_id, A)["user.in_transit"] == 1


STAFF = [teacher(f"a-t{number}") for number in range(1, 61)]
BIG = [row for grade in range(1, 31) for row in pupils(f"a-{grade}", 25, f"c-{grade}")]
BIG_CLASSES = [make_class(f"c-{grade}", f"{grade}Ю") for grade in range(1, 31)]
WHOLE = [*BIG, *STAFF]


def without(*classes: str) -> list[Row]:
    """The school when the pupils of these classes are gone."""
    return [row for row in WHOLE if row.class_id not in classes]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A school of 30 classes and 60 teachers, loaded once; the tests only plan."""
    with make_trial(tmp_path_factory.mktemp("big")) as trial:
        trial.sync(trial.write(A, WHOLE, classes=BIG_CLASSES))
        yield trial


LOSSES: dict[str, tuple[list[Row], list[dict[str, Any]]]] = {
    "a class has graduated": (without("c-1"), []),
    "two classes have graduated": (without("c-1", "c-2"), []),
    "18 teachers have left": ([*BIG, *STAFF[18:]], []),
    "19 pupils of a class are in none": (
        [*in_class({"c-1": ""}, BIG[:19]), *BIG[19:], *STAFF], [],
    ),
    "two classes have changed places": (in_class({"c-1": "c-2", "c-2": "c-1"}, WHOLE), []),
    "59 of 60 teachers are missing": (
        [*BIG, STAFF[0]], [loss("suspended", 59, 60, among="teacher")],
    ),
    "three classes are missing": (
        without("c-1", "c-2", "c-3"),
        [loss("suspended", 75, 75, among="classes", classes=["1Ю", "2Ю", "3Ю"])],
    ),
    "a class is blank": (
        in_class({"c-7": ""}, WHOLE),
        [loss(limit, 25, 25, among="classes", classes=["7Ю"])
         for limit in ("course_places", "memberships")],
    ),
    "every class is blank": (
        in_class({one.sourced_id: "" for one in BIG_CLASSES}, WHOLE),
        [loss("course_places", 750, 810), loss("memberships", 750, 810)],
    ),
    "20 teachers have other names": (
        [*BIG, *renamed(STAFF[:20]), *STAFF[20:]],
        [loss("updated", 20, 60, among="teacher")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "breaches"), LOSSES.values(), ids=LOSSES)
def test_each_kind_of_loss_needs_a_second_yes_and_a_small_change_none(
    big: Trial, rows: list[Row], breaches: list[dict[str, Any]]
) -> None:
    load_id = big.load(big.write(A, rows, day=1, classes=BIG_CLASSES))
    assert big.plans(load_id)[A].breaches == breaches
    if breaches:
        assert refusal(big.approve, load_id) == "load.over_limits"
    for language, doubt in (("ru", ("?", "так выглядит")), ("en", ("?", "looks like this"))):
        with in_language(language):
            said = [wording.breach(one) for one in breaches]
        assert all("{" not in one and any(why in one for why in doubt) for one in said)


def test_one_teacher_of_three_may_leave_but_not_all(trial: Trial) -> None:
    rows = pupils("a", 40)
    trial.sync(trial.write(A, [*rows, *STAFF[:3]]))
    assert next_breaches(trial, [*rows, *STAFF[:2]]) == []
    all_new = [loss("suspended", 3, 3, among="teacher")]
    assert next_breaches(trial, [*rows, STAFF[9]], day=2) == all_new
