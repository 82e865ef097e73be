"""Planning a run: what a school's file is good for, and what stops it without touching anybody."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from service.loads import planning
from service.models import (
    Identity,
    Load,
    LoadFile,
    LoadFinding,
    LoadStatus,
    PlannedChange,
    PlannedMembership,
    SchoolPlan,
)
from service.words.loads import problem_in_words
from tests.provisioning.roster_files import roster_file
from tests.service.command_line import TRACE, run
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, teacher

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
    # Planning twice is harmless.
    planning.plan_load(trial.application, load_id)
    assert trial.plans(load_id)[A].digest == plan.digest


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


@pytest.mark.parametrize(("rule", "write"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_stops_its_school_alone_and_touches_nobody(
    trial: Trial, rule: str, write: Callable[[Trial], Path]
) -> None:
    trial.sync(trial.write(A, ROWS_A), trial.write(B, ROWS_B))
    before = trial.moodle()
    load_id = trial.load(write(trial), trial.write(B, [*ROWS_B, pupil("b-5")], day=30))
    assert trial.rules(load_id)[rule] == A
    assert trial.decisions(load_id) == {A: "blocked", B: "planned"}
    assert trial.counts(load_id, A) == {}
    alone = trial.load(write(trial))
    assert rule in trial.rules(alone)
    assert trial.run(alone).status == LoadStatus.REJECTED
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED
    after = trial.moodle()
    assert after["users"][:10] == before["users"]
    assert len(after["users"]) == 11
    assert {user["suspended"] for user in after["users"]} == {0}


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
    for table in (SchoolPlan, PlannedChange, PlannedMembership, LoadFile, LoadFinding):
        assert trial.stored(select(table)) == [], table
    # Who somebody is stays decided, also for the school whose plan broke.
    assert set(trial.stored(select(Identity.school_code))) == {A, B}
    run = trial.run(1)
    assert (run.status, run.problem, run.claimed_by) == (LoadStatus.REJECTED, "internal", "")


def test_a_planning_that_was_killed_starts_afresh(trial: Trial) -> None:
    """The rows of a school that the killed process had finished do not come twice."""
    load_id = trial.load(trial.write(A, ROWS_A))
    with trial.rows() as session:
        run = session.get_one(Load, load_id)
        run.status, run.claimed_by, run.claimed_at = LoadStatus.RECEIVED, "", None
    planning.plan_load(trial.application, load_id)
    assert trial.counts(load_id, A)["user.create"] == 5
    assert len(trial.changes(load_id)) == 5


# A file that was loaded before, or is older than what was loaded


@on_both_databases
def test_the_file_loaded_last_may_come_again_and_changes_nothing(trial: Trial) -> None:
    file = trial.write(A, ROWS_A)
    loaded = trial.sync(file)
    load_id = trial.load(file)
    (finding,) = trial.findings(load_id)
    assert (finding.rule, finding.school_code) == ("file.loaded_last", A)
    assert finding.details == {"load": str(loaded.id)}
    assert trial.run(load_id).status == LoadStatus.PLANNED
    assert trial.counts(load_id, A) == {}


def stopped(trial: Trial, file: Path, rule: str) -> None:
    load_id = trial.load(file)
    assert trial.rules(load_id) == {rule: A}
    assert trial.run(load_id).status == LoadStatus.REJECTED


@on_both_databases
def test_a_file_loaded_before_a_newer_one_is_stopped(trial: Trial) -> None:
    first = trial.write(A, ROWS_A)
    trial.sync(first)
    trial.sync(trial.write(A, [*ROWS_A, pupil("a-5")], day=1))
    stopped(trial, first, "file.loaded_before")


def test_a_file_that_was_only_planned_or_rejected_may_come_again(trial: Trial) -> None:
    file = trial.write(A, ROWS_A)
    trial.load(file)
    load_id = trial.load(file)
    assert trial.rules(load_id) == {}
    assert trial.counts(load_id, A)["user.create"] == 5


def test_an_older_export_of_another_school_is_welcome(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A, day=5))
    another_school = trial.load(trial.write(B, ROWS_B, day=4))
    assert trial.rules(another_school) == {}


def test_an_older_export_is_stopped_as_soon_as_the_newer_one_has_begun(trial: Trial) -> None:
    newer = trial.approved(trial.write(A, ROWS_A, day=5))
    calls = iter([False, False])
    assert trial.apply(newer, should_stop=lambda: next(calls, True)).status == LoadStatus.STOPPED
    stopped(trial, trial.write(A, ROWS_A[2:], day=4), "file.older_export")


# A wrong file in a folder of layouts


@pytest.fixture
def layouts(tmp_path: Path) -> Path:
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "bad.toml").write_text("root = 'roll'\n")
    return folder


def test_a_run_ends_rejected_with_the_name_of_the_file(trial: Trial, layouts: Path) -> None:
    trial.configure("reading", layout_dirs=(layouts,))
    ended = trial.run(trial.load(trial.write(A, ROWS_A)))
    assert (ended.status, ended.claimed_by) == (LoadStatus.REJECTED, "")
    assert "bad.toml" in problem_in_words(ended)
    assert "layout_dirs" in problem_in_words(ended)


def test_check_says_it_in_one_line(layouts: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[reading]\nlayout_dirs = ["{layouts}"]\n')
    ended = run("--config", config, "check", layouts / "bad.toml", home=tmp_path / "home")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "bad.toml" in ended.err
    assert TRACE not in ended.err


# A ZIP file of many members costs what it holds: the reading grows with the content, not faster

FEW, MANY = 100, 1_000


def bytes_read(folder: Path, members: int) -> int:
    """What this process reads of files while it checks so many schools of two people."""
    path = folder / f"{members}.zip"
    make_archive(path, (roster_file(code=f"S{number:05d}") for number in range(members)))
    process = psutil.Process()
    before = process.io_counters().read_chars
    ended = run("check", path, "--json", home=folder / "home")
    assert ended.data["people"] == 2 * members
    return int(process.io_counters().read_chars - before)


def make_archive(path: Path, texts: Iterable[str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, text in enumerate(texts):
            archive.writestr(f"{number:05d}.xml", text)


def test_ten_times_the_members_cost_about_ten_times_the_reading(tmp_path: Path) -> None:
    bytes_read(tmp_path, FEW)  # whatever is read once only
    assert bytes_read(tmp_path, MANY) < 12 * bytes_read(tmp_path, FEW)


def test_findings_about_a_thousand_files_are_a_thousand(tmp_path: Path) -> None:
    path = tmp_path / "one-school.zip"
    moments = (f"2026-10-01T08:{number // 60:02d}:{number % 60:02d}" for number in range(MANY))
    make_archive(path, (roster_file(exported_at=moment) for moment in moments))
    ended = run("check", path, "--json", home=tmp_path / "home")
    twice = [one for one in ended.data["findings"] if one["rule"] == "set.part_twice"]
    assert len(twice) == MANY - 1
