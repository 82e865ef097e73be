"""The kept rows of schools that were merged or divided, and late files of the former."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.loads import school_changes
from service.loads.planning import plan_load
from service.loads.replanning import plan_from_kept_rows
from service.models import School
from tests.service.installation import SCOPE
from tests.service.registry.test_school_changes import (
    course_of,
    entered_anew,
    order,
    roll,
    school,
)
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil

SAME_CLASSES = {"c-1": "c-1", "c-2": "c-2"}


def planned_again(trial: Trial, *codes: str) -> None:
    """Plan from the kept rows: people, cohorts and courses stay as they are.

    Cohorts and courses that were handed over are named as the new school's from then on.
    """
    application = trial.application
    rolls = [roll(trial, code) for code in codes]
    before = trial.moodle()
    with trial.rows() as session:
        load = plan_from_kept_rows(
            session, schools=codes, home=application.settings.home, scope=SCOPE,
            now=application.clock(),
        )  # fmt: skip
        assert load
        load_id = load.id
    plan_load(application, load_id)
    assert trial.rules(load_id).keys() <= {"class.same_title"}
    assert trial.plans(load_id).keys() == {code for code in codes if roll(trial, code)}
    trial.carry_out(load_id)
    after = trial.moodle()
    for name in ("users", "members", "enrolments"):
        assert after[name] == before[name]
    assert [roll(trial, code) for code in codes] == rolls


@on_both_databases
@pytest.mark.parametrize("ids", ["own", "shared"])
def test_the_kept_rows_of_both_schools_are_the_successor_s_after_a_merger(
    trial: Trial, ids: str
) -> None:
    """An answer plans a school again from the rows of its last file."""
    of_a, of_b = (
        school(key) if ids == "own" else entered_anew(school(key), "n", SAME_CLASSES)
        for key in ("a", "b")
    )
    trial.sync(trial.write(A, of_a), trial.write(B, of_b))
    trial.carry_out(order(trial, school_changes.plan_merger, A, B))
    planned_again(trial, A, B)
    # Also with what a late file of the old school brings.
    trial.sync(trial.write(A, [*of_a, pupil("new", "c-1", who="new")], day=1))
    assert course_of(trial, B, f"{A}:new") == course_of(trial, A, of_a[0].person.sourced_id)
    planned_again(trial, B)
    trial.sync(trial.write(B, [*of_b, *entered_anew(of_a, "m", SAME_CLASSES)], day=2))
    planned_again(trial, B)


@on_both_databases
@pytest.mark.parametrize("into", [B, C])
def test_the_kept_rows_are_divided_by_a_split(trial: Trial, into: str) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    with trial.rows() as session:
        session.add(School(code=C, name="Школа № 3", short_name="Школа № 3", district="Невский"))
    trial.carry_out(order(trial, school_changes.plan_split, A, into, ["8Б"]))
    planned_again(trial, A, into)


@on_both_databases
def test_the_classes_of_a_late_file_are_those_that_were_handed_over(trial: Trial) -> None:
    """Both schools have a class of each id and title."""
    of_a = school("a")
    trial.sync(trial.write(A, of_a), trial.write(B, school("b")))
    courses = course_of(trial, A, "a-x-1"), course_of(trial, B, "b-x-1")
    trial.carry_out(order(trial, school_changes.plan_merger, A, B))
    changed = replace(of_a[0], class_id="c-2")
    run = trial.sync(trial.write(A, [changed, *of_a[1:], pupil("a-new", "c-1")], day=1))
    assert trial.rules(run.id).keys() == {"school.merged"}
    assert course_of(trial, B, f"{A}:a-new") == courses[0]
    assert course_of(trial, B, "a-x-1") == course_of(trial, B, "a-y-1") != courses[0]
    assert course_of(trial, B, "b-x-1") == courses[1]
    # Nor does the old school's file say how the successor is called.
    assert {one["institution"] for one in trial.moodle()["users"]} <= {"", "Школа № 2"}
