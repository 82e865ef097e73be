"""Schools are merged and split: planned and approved like a load, with the accounts of before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from service.loads import school_changes
from service.loads.planning import plan_load
from service.models import School, SchoolMembership
from service.registry.schools import preview
from service.sample.rows import Row
from tests.service.installation import NOW, SCOPE
from tests.service.questions.asked import answer, open_questions
from tests.service.trial import (
    CLASSES,
    A,
    B,
    C,
    Trial,
    make_class,
    on_both_databases,
    pupil,
    pupils,
    refusal,
    teacher,
)

TODAY = NOW.date()
KEPT = "users", "courses", "cohorts"


def school(prefix: str, number: int = 12) -> list[Row]:
    return [
        *pupils(f"{prefix}-x", number), *pupils(f"{prefix}-y", number, "c-2"),
        teacher(f"{prefix}-t1"), teacher(f"{prefix}-t2"),
    ]  # fmt: skip


def order(trial: Trial, what: Any, *given: Any) -> int:
    """The number of the planned load."""
    application = trial.application
    days = [TODAY] if what is school_changes.plan_closing else []
    with trial.rows() as session:
        load = what(session, application.settings, SCOPE, *given, application.clock(), *days)
        return int(load.id)


def roll(trial: Trial, code: str) -> set[str]:
    of_school = SchoolMembership.school_code == code
    return set(trial.stored(select(SchoolMembership.person_id).where(of_school)))


def numbers(trial: Trial, what: str) -> dict[int, str]:
    """Moodle's numbers of objects, with their idnumbers."""
    return {one["id"]: one["idnumber"] for one in trial.moodle()[what]}


def course_of(trial: Trial, code: str, sourced_id: str) -> set[int]:
    state, user_id = trial.moodle(), trial.account(code, sourced_id)["id"]
    return {one["courseid"] for one in state["enrolments"] if one["userid"] == user_id}


def entered_anew(rows: Sequence[Row], prefix: str, classes: dict[str, str]) -> list[Row]:
    """The same people in another school's system: ids and ids of classes are new."""
    return [
        replace(
            row,
            person=replace(row.person, sourced_id=f"{prefix}-{number}"),
            class_id=classes.get(row.class_id, ""),
        )
        for number, row in enumerate(rows)
    ]


@on_both_databases
@pytest.mark.parametrize("size", [3, 40])
def test_a_merger_moves_people_classes_and_categories_without_new_accounts(
    trial: Trial, size: int
) -> None:
    trial.sync(trial.write(A, school("a", size)), trial.write(B, school("b", size)))
    before, of_a, of_b = trial.moodle(), roll(trial, A), roll(trial, B)
    courses = course_of(trial, A, "a-x-1")
    load_id = order(trial, school_changes.plan_merger, A, B)
    assert trial.plans(load_id)[B].breaches == []
    assert trial.moodle() == before
    run = trial.carry_out(load_id)
    assert (run.status, run.problem) == ("applied", "")

    after = trial.moodle()
    assert {one: len(after[one]) for one in KEPT} == {one: len(before[one]) for one in KEPT}
    assert (roll(trial, A), roll(trial, B)) == (set(), of_a | of_b)
    account = trial.account(A, "a-x-1")
    assert (account["institution"], account["suspended"]) == ("Школа № 2", 0)
    assert course_of(trial, A, "a-x-1") == courses
    names = {one["id"]: one for one in after["categories"]}
    (old,) = (one for one in after["categories"] if one["idnumber"] == f"school:{A}")
    assert names[old["parent"]]["idnumber"] == f"school:{B}"
    ((closed, successor),) = trial.stored(
        select(School.closed_on, School.merged_into).where(School.code == A)
    )
    assert (closed is not None, successor) == (True, B)


@on_both_databases
def test_after_a_merger_the_successor_s_file_goes_on_with_people_and_courses(
    trial: Trial,
) -> None:
    of_a, of_b = school("a"), school("b")
    trial.sync(trial.write(A, of_a), trial.write(B, of_b))
    trial.carry_out(order(trial, school_changes.plan_merger, A, B))
    before, courses = trial.moodle(), course_of(trial, A, "a-x-1")
    accounts, married = len(before["users"]), trial.account(A, "a-x-2")["id"]

    joined = entered_anew(of_a[1:], "n", {"c-1": "k-1", "c-2": "k-2"})
    joined[0] = replace(joined[0], person=replace(joined[0].person, family_name="Новова"))
    classes = [*CLASSES, make_class("k-1", "8В"), make_class("k-2", "8Г")]
    trial.sync(trial.write(B, [*of_b, *joined], day=1, classes=classes))
    after = trial.moodle()
    assert len(after["users"]) == accounts
    assert {one: len(after[one]) for one in KEPT} == {one: len(before[one]) for one in KEPT}
    (account,) = (one for one in after["users"] if one["id"] == married)
    assert account["lastname"] == "Новова"
    assert course_of(trial, B, "n-1") == courses
    # Who is not in the successor's file has left, as anybody else.
    assert not trial.known(A, "a-x-1").in_roll
    trial.settled(trial.write(B, [*of_b, *joined], day=2, classes=classes))


def without_number(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, person=replace(row.person, snils="")) for row in rows]


@on_both_databases
def test_people_without_a_number_keep_their_accounts_when_the_smaller_school_takes_over(
    trial: Trial,
) -> None:
    """New ids and new class titles of nearly everybody are no question: it was a merger."""
    of_a = without_number(school("s", 15))
    # Both systems count from one on.
    of_b = without_number([pupil(f"s-x-{n}", f"c-{1 + n % 2}", who=f"b-{n}") for n in range(1, 7)])
    trial.sync(trial.write(A, of_a), trial.write(B, of_b))
    trial.carry_out(order(trial, school_changes.plan_merger, A, B))
    before = trial.moodle()
    mistyped = trial.account(A, "s-y-15")

    joined = entered_anew(of_a, "n", {"c-1": "k-1", "c-2": "k-2"})
    odd = joined[29]
    joined[29] = replace(odd, person=replace(odd.person, family_name=odd.person.family_name + "х"))
    classes = [*CLASSES, make_class("k-1", "8Л"), make_class("k-2", "8М")]
    file = trial.write(B, [*of_b, *joined], day=1, classes=classes)
    load_id = trial.sync(file).id
    after = trial.moodle()
    assert {one: len(after[one]) for one in KEPT} == {one: len(before[one]) for one in KEPT}
    assert all(trial.account(B, f"n-{number}")["suspended"] == 0 for number in range(29))
    assert len(trial.findings(load_id, "match.new_id")) == len(of_a) - 1
    (asked,) = open_questions(trial)
    assert (asked.question.kind, asked.question.key) == ("match", "n-29")
    done = answer(trial, asked.id, "same", candidate=trial.person_id(A, "s-y-15"))
    assert done.load_id is not None
    plan_load(trial.application, done.load_id)
    trial.carry_out(done.load_id)
    assert trial.account(B, "n-29")["id"] == mistyped["id"]
    assert len(trial.moodle()["users"]) == len(before["users"])

    # From now on they are pupils as any: another new id and another class are asked about.
    last = joined[0]
    joined[0] = replace(last, person=replace(last.person, sourced_id="m-1"), class_id="k-2")
    trial.load(trial.write(B, [*of_b, *joined], day=2, classes=classes))
    (asked,) = open_questions(trial)
    assert (asked.question.kind, asked.question.key) == ("match", "m-1")


@on_both_databases
def test_the_old_school_s_file_takes_no_ids_of_its_successor(trial: Trial) -> None:
    """The pupils of both are numbered from one."""
    of_a, of_b = (
        [pupil(f"{number}", "c-1" if school == A else "c-2", who=f"{school} {number}", snils="")
         for number in range(1, 9)]
        for school in (A, B)
    )  # fmt: skip
    trial.sync(trial.write(A, of_a), trial.write(B, of_b))
    trial.carry_out(order(trial, school_changes.plan_merger, A, B))
    before, everybody = trial.moodle(), roll(trial, B)
    ours = [trial.person_id(B, "1"), trial.person_id(A, "1")]
    newcomer = pupil("9", "c-1", who="new")
    for day in (1, 2):
        run = trial.sync(trial.write(A, [*of_a, newcomer], day=day))
        assert "match.key_reused" not in trial.rules(run.id)
        assert [trial.person_id(B, "1"), trial.person_id(B, f"{A}:1")] == ours
        assert len(roll(trial, B)) == len(everybody) + 1
        named = {one["id"]: one["lastname"] for one in trial.moodle()["users"]}
        assert named.items() >= {one["id"]: one["lastname"] for one in before["users"]}.items()
        assert len(named) == len(before["users"]) + 1
    # The next pupil of the successor is its own.
    assert trial.person_id(B, f"{A}:9")
    trial.load(trial.write(B, [*of_b, pupil("9", "c-2", who="own", snils="")], day=3))
    assert trial.person_id(B, "9") != trial.person_id(B, f"{A}:9")


@on_both_databases
def test_a_split_moves_classes_with_their_pupils_and_courses(trial: Trial) -> None:
    rows = school("a")
    trial.sync(trial.write(A, rows))
    with trial.rows() as session:
        session.add(School(code=C, name="Школа № 3", short_name="Школа № 3", district="Невский"))
    before, courses = trial.moodle(), course_of(trial, A, "a-y-1")
    load_id = order(trial, school_changes.plan_split, A, C, ["8Б"])
    assert trial.plans(load_id)[C].breaches == []
    trial.carry_out(load_id)
    after = trial.moodle()
    assert (len(after["users"]), len(after["courses"])) == (
        len(before["users"]), len(before["courses"])
    )  # fmt: skip
    assert (len(roll(trial, A)), len(roll(trial, C))) == (14, 12)
    (course,) = (one for one in after["courses"] if {one["id"]} == courses)
    category = next(one for one in after["categories"] if one["id"] == course["category"])
    assert category["idnumber"] == f"school:{C}:2026/2027"

    # Both schools' files go on with the same accounts and courses.
    trial.sync(trial.write(A, [*rows[:12], *rows[24:]], day=1))
    trial.sync(trial.write(C, rows[12:24], day=1))
    done = trial.moodle()
    assert (len(done["users"]), len(done["courses"])) == (
        len(before["users"]), len(before["courses"])
    )  # fmt: skip
    assert course_of(trial, C, "a-y-1") == courses
    assert trial.account(C, "a-y-1")["suspended"] == 0
    trial.settled(
        trial.write(A, [*rows[:12], *rows[24:]], day=2), trial.write(C, rows[12:24], day=2)
    )


@on_both_databases
def test_a_plan_gives_way_to_a_file_that_came_between(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    load_id = order(trial, school_changes.plan_merger, A, B)
    trial.approve(load_id)
    trial.sync(trial.write(A, [*school("a"), pupil("a-new")], day=1))
    trial.apply(load_id)
    assert trial.decisions(load_id) == {B: "superseded"}
    assert len(roll(trial, A)) == 27


def test_a_merger_waits_for_its_yes_and_supersedes_the_old_school_s_plans(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    waiting = trial.approved(trial.write(A, [*school("a"), pupil("a-new")], day=1))
    merger = order(trial, school_changes.plan_merger, A, B)
    assert len(roll(trial, A)) == 26
    trial.carry_out(merger)
    trial.apply(waiting)
    assert trial.decisions(waiting) == {A: "superseded"}
    assert roll(trial, A) == set()


def test_what_cannot_be_done_is_refused(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    assert refusal(order, trial, school_changes.plan_merger, A, A) == "schools.same"
    assert refusal(order, trial, school_changes.plan_split, A, B, ["9Я"]) == "schools.no_class"
    trial.carry_out(order(trial, school_changes.plan_merger, A, B))
    assert refusal(order, trial, school_changes.plan_merger, A, B) == "schools.closed"


@on_both_databases
def test_a_closed_school_lets_everybody_go_whom_no_other_school_lists(trial: Trial) -> None:
    shared = teacher("b-t9", who="a-t1")
    trial.sync(trial.write(A, school("a")), trial.write(B, [*school("b"), shared]))
    load_id = order(trial, school_changes.plan_closing, A)
    assert refusal(trial.approve, load_id) == "load.over_limits"
    trial.carry_out(load_id, over_limits=True)
    assert (roll(trial, A), len(roll(trial, B))) == (set(), 27)
    assert not trial.known(A, "a-x-1").in_roll
    assert trial.known(A, "a-t1").in_roll
    assert trial.moodle()["users"]  # nobody is deleted


@on_both_databases
def test_a_school_that_has_ended_speaks_for_nobody(trial: Trial) -> None:
    """Its last roll stays as it was, and another school's word counts all the same."""
    shared = teacher("b-t9", who="a-t1")
    trial.sync(trial.write(A, school("a")))
    trial.sync(trial.write(B, [*school("b"), shared], day=1))
    with trial.rows() as session:
        session.get_one(School, A).closed_on = trial.application.clock().date().replace(day=1)
    married = replace(shared, person=replace(shared.person, family_name="Новова"))
    trial.sync(trial.write(B, [*school("b"), married], day=2))
    assert trial.account(B, "b-t9")["lastname"] == "Новова"
    trial.sync(trial.write(B, school("b"), day=3))
    assert not trial.known(B, "b-t9").in_roll


@on_both_databases
def test_another_code_of_a_school_changes_nothing_in_moodle(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    application = trial.application
    with trial.rows() as session:
        session.add(School(code=C, name="Школа № 3", short_name="Школа № 3", district="Невский"))
        school_changes.change_code(session, SCOPE, A, C, application.clock())
    load_id = trial.load(trial.write(C, school("a"), day=1))
    assert trial.decisions(load_id) == {A: "planned"}
    assert {key for key in trial.counts(load_id, A) if key.endswith(".create")} == set()
    with trial.rows() as session:
        given = session, SCOPE, A, B, application.clock()
        assert refusal(school_changes.change_code, *given) == "schools.has_people"
    # The registry's file may name the school by either code.
    rows = [{"row": 2, "code": C, "number": "33"}]
    with trial.rows() as session:
        (entry,) = preview(session, rows).changed
        assert entry.key == A


@pytest.mark.parametrize("kind", ["merge", "split", "close"])
def test_a_load_killed_in_the_middle_goes_on(trial: Trial, kind: str) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    users = len(trial.moodle()["users"])
    orders = {
        "merge": (school_changes.plan_merger, A, B),
        "split": (school_changes.plan_split, A, B, ["8Б"]),
        "close": (school_changes.plan_closing, A),
    }
    load_id = order(trial, *orders[kind])
    trial.approve(load_id, over_limits=True)
    batches = iter([False, False, True])
    trial.apply(load_id, should_stop=lambda: next(batches, True))
    assert trial.run(load_id).status == "stopped"
    assert trial.apply(load_id).status == "applied"
    after = trial.moodle()
    assert len(after["users"]) == users
    idnumbers = [one["idnumber"] for one in after["courses"]]
    assert len(set(idnumbers)) == len(idnumbers) == 4
