"""Planning a run: what a school's file is good for, and what stops it without touching anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from service.loads import planning
from service.models import (
    Identity,
    LoadFile,
    LoadFinding,
    LoadStatus,
    PlannedChange,
    PlannedMembership,
    SchoolPlan,
)
from tests.service.trial import (
    A,
    B,
    C,
    Trial,
    on_both_databases,
    pupil,
    pupils,
    teacher,
)

ROWS_A, ROWS_B = [*pupils("a", 4), teacher("a-t")], [*pupils("b", 4), teacher("b-t")]


@on_both_databases
def test_a_plan_says_what_would_be_made_and_writes_nothing_to_moodle(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    plan = trial.plans(load_id)[A]
    assert trial.run(load_id).status == LoadStatus.PLANNED
    assert plan.counts == {
        "category.create": 4,
        "cohort.create": 4,
        "course.create": 1,
        "user.create": 5,
        "member.add": 9,
        "enrolment.add": 4,
    }
    assert (plan.people, plan.set_aside, plan.breaches) == (5, 0, [])
    assert trial.moodle()["users"] == []
    assert trial.writes() == {}


def test_planning_twice_is_harmless(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    digest = trial.plans(load_id)[A].digest
    planning.plan_load(trial.application, load_id)
    assert trial.plans(load_id)[A].digest == digest


def cut(trial: Trial) -> Path:
    path = trial.write(A, ROWS_A, day=30)
    path.write_bytes(path.read_bytes()[:-400])
    return path


BAD_FILES: dict[str, tuple[str, Callable[[Trial], Path]]] = {
    "cut in the middle": ("xml.truncated", cut),
    "an empty roll": ("roll.empty", lambda trial: trial.write(A, [], day=30)),
    "last school year": (
        "school_year.other",
        lambda trial: trial.write(A, ROWS_A, day=30, school_year="2025/2026"),
    ),
    "an older export": ("file.older_export", lambda trial: trial.write(A, ROWS_A[:3], day=-1)),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_stops_its_school_alone_and_touches_nobody(trial: Trial, case: str) -> None:
    rule, write = BAD_FILES[case]
    trial.sync(trial.write(A, ROWS_A), trial.write(B, ROWS_B))
    before = trial.moodle()
    load_id = trial.load(write(trial), trial.write(B, [*ROWS_B, pupil("b-5")], day=30))
    assert trial.rules(load_id)[rule] == A
    assert {code: plan.status for code, plan in trial.plans(load_id).items()} == {
        A: "blocked", B: "planned",
    }  # fmt: skip
    assert trial.counts(load_id, A) == {}
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED
    after = trial.moodle()
    assert after["users"][:10] == before["users"]
    assert len(after["users"]) == 11
    assert {user["suspended"] for user in after["users"]} == {0}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_alone_is_a_rejected_run(trial: Trial, case: str) -> None:
    rule, write = BAD_FILES[case]
    trial.sync(trial.write(A, ROWS_A))
    load_id = trial.load(write(trial))
    assert rule in trial.rules(load_id)
    assert trial.run(load_id).status == LoadStatus.REJECTED


def test_a_refused_file_of_an_unknown_school_makes_no_school(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A, school_year="2025/2026"))
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.plans(load_id) == {}
    assert "school_year.other" in trial.rules(load_id)


def test_the_same_file_twice_in_one_upload_is_read_once(trial: Trial) -> None:
    file = trial.write(A, ROWS_A)
    copy = file.with_name("copy.xml")
    copy.write_bytes(file.read_bytes())
    load_id = trial.load(file, copy)
    assert "file.same_twice" in trial.rules(load_id)
    assert trial.counts(load_id, A)["user.create"] == 5


def test_two_files_of_one_name_are_both_kept_and_read(trial: Trial) -> None:
    first, second = trial.write(A, ROWS_A), trial.write(B, ROWS_B)
    second = second.rename(second.with_name(first.name))
    assert set(trial.plans(trial.load(first, second))) == {A, B}


def test_another_schools_file_is_refused_when_a_school_is_expected(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    load_id = trial.load(trial.write(A, ROWS_A[:2], day=1), expected_school=B)
    assert trial.rules(load_id) == {"school.wrong": A}
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.plans(load_id)[A].status == "blocked"


def test_a_row_that_cannot_be_used_changes_nothing_about_its_person(trial: Trial) -> None:
    broken = replace(ROWS_A[0], raw={"birth_date": "31.02.2012"})
    trial.sync(trial.write(A, ROWS_A))
    load_id = trial.load(trial.write(A, [broken, *ROWS_A[1:]], day=1))
    assert trial.rules(load_id)["birth_date.impossible"] == A
    assert trial.counts(load_id, A) == {}
    assert trial.plans(load_id)[A].set_aside == 1


def test_a_key_given_to_another_human_is_set_aside(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    before = trial.account(A, "a-1")
    run = trial.sync(trial.write(A, [pupil("a-1", who="someone else"), *ROWS_A[1:]], day=1))
    assert trial.rules(run.id) == {"match.key_reused": A}
    assert trial.account(A, "a-1") == before


@on_both_databases
def test_a_broken_off_planning_says_so_and_leaves_nothing_half_stored(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    schools = iter([1])

    def break_at_the_second(*given: Any) -> Any:
        next(schools)
        return make_plan(*given)

    make_plan = planning.make_plan
    monkeypatch.setattr(planning, "make_plan", break_at_the_second)
    with pytest.raises(StopIteration):
        trial.load(trial.write(A, ROWS_A), trial.write(B, ROWS_B), trial.write(C, pupils("c", 3)))
    monkeypatch.undo()
    with trial.application.sessions() as session:
        for table in (SchoolPlan, PlannedChange, PlannedMembership, LoadFile, LoadFinding):
            assert session.scalar(select(func.count()).select_from(table)) == 0, table
        # Who somebody is stays decided, also for the school whose plan broke.
        assert set(session.scalars(select(Identity.school_code))) == {A, B}
    run = trial.run(1)
    assert (run.status, run.problem, run.claimed_by) == (LoadStatus.REJECTED, "internal", "")


def test_a_planning_that_was_killed_starts_afresh(trial: Trial) -> None:
    """The rows of a school that the killed process had finished do not come twice."""
    load_id = trial.load(trial.write(A, ROWS_A))
    with trial.application.sessions() as session, session.begin():
        run = session.get_one(planning.Load, load_id)
        run.status, run.claimed_by, run.claimed_at = LoadStatus.RECEIVED, "", None
    planning.plan_load(trial.application, load_id)
    assert trial.counts(load_id, A)["user.create"] == 5
    assert len(trial.changes(load_id)) == 5
