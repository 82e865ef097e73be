"""The life of a run: receive, approve all or some, reject, apply; and plans that were overtaken."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, select

from service.access import Forbidden
from service.db import transaction
from service.loads import claims, operations
from service.loads.applying import apply_load
from service.loads.operations import LoadProblem
from service.models import AuditEntry, Load, LoadStatus, OperatorRole, PlannedChange
from tests.service.installation import SCOPE
from tests.service.loads.test_two_loads_at_once import waiting
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, teacher
from tests.waiting import WAIT_SECONDS, until

ROWS_A, ROWS_B = [*pupils("a", 4), teacher("a-t")], [*pupils("b", 4), teacher("b-t")]


def two_schools(trial: Trial) -> int:
    return trial.load(trial.write(A, ROWS_A), trial.write(B, ROWS_B))


def digest(trial: Trial, load_id: int) -> str:
    return operations.digest(trial.plans(load_id).values())


def statuses(trial: Trial, load_id: int) -> dict[str, str]:
    return {code: plan.status for code, plan in trial.plans(load_id).items()}


def test_a_run_keeps_its_own_copies_of_the_files(trial: Trial) -> None:
    file = trial.write(A, ROWS_A)
    run = trial.run(trial.load(file))
    kept = trial.application.settings.home / run.folder
    assert kept.stat().st_mode & 0o077 == 0
    assert (kept / "SB0001.xml").read_bytes() == file.read_bytes()


def test_a_folder_that_cannot_be_copied_leaves_no_run(trial: Trial, tmp_path: Path) -> None:
    folder = tmp_path / "september"
    folder.mkdir()
    (folder / "gone.xml").symlink_to(folder / "nowhere.xml")
    home = trial.application.settings.home
    with (
        pytest.raises(LoadProblem, match=r"load\.not_copied"),
        transaction(trial.application.sessions) as session,
    ):
        operations.receive(
            session,
            home=home,
            paths=[("september", folder)],
            scope=SCOPE,
            expected_school="",
            now=trial.application.clock(),
        )
    with trial.application.sessions() as session:
        assert not operations.latest(session, SCOPE, 1)
    assert not list((home / "uploads").iterdir())


@on_both_databases
@pytest.mark.parametrize("number", [2**31 - 1, 2**31, 2**63, 10**30])
def test_no_run_has_a_number_beyond_the_column(trial: Trial, number: int) -> None:
    with trial.application.sessions() as session, pytest.raises(Forbidden):
        operations.find(session, number, SCOPE)


def test_an_approval_names_the_plans_that_were_seen(trial: Trial) -> None:
    load_id = two_schools(trial)
    seen = digest(trial, load_id)
    other = digest(trial, trial.load(trial.write(A, ROWS_A[1:])))
    for wrong in (other, seen[:-1] + ("0" if seen[-1] != "0" else "1")):
        with pytest.raises(LoadProblem, match=r"load\.digest_differs"):
            trial.approve(load_id, expected_digest=wrong)
    assert trial.run(load_id).status == LoadStatus.PLANNED
    trial.approve(load_id, expected_digest=seen[:12])
    assert trial.run(load_id).status == LoadStatus.APPROVED


def test_the_digest_is_that_of_the_stored_changes(trial: Trial) -> None:
    """The same file before the same state has the same plan, but for the people it makes."""
    file = trial.write(A, ROWS_A)
    first = digest(trial, trial.load(file))
    assert digest(trial, trial.load(file)) == first
    assert digest(trial, trial.load(trial.write(A, ROWS_A[1:]))) != first


@on_both_databases
def test_nothing_reaches_moodle_but_from_an_approved_plan(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id, schools=[B])
    assert statuses(trial, load_id) == {A: "planned", B: "approved"}
    assert trial.moodle()["users"] == []
    trial.apply(load_id)
    assert statuses(trial, load_id) == {A: "planned", B: "applied"}
    made = {user["institution"] for user in trial.moodle()["users"]}
    assert made == {"Школа № 2"}
    with trial.application.sessions() as session:
        plan = trial.plans(load_id)[A]
        tried = select(func.count()).where(
            PlannedChange.plan_id == plan.id, PlannedChange.result != ""
        )
        assert session.scalar(tried) == 0


def test_what_a_yes_left_out_can_be_approved_later(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.carry_out(load_id, schools=[B])
    trial.carry_out(load_id)
    assert statuses(trial, load_id) == {A: "applied", B: "applied"}
    with pytest.raises(LoadProblem, match=r"load\.already_decided"):
        trial.approve(load_id)


@pytest.mark.parametrize("schools", [["SB9999"], [B], []])
def test_a_yes_to_nothing_is_refused(trial: Trial, schools: list[str]) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    with pytest.raises(LoadProblem, match=r"load\.nothing_to_approve"):
        trial.approve(load_id, schools=schools)
    assert trial.run(load_id).status == LoadStatus.PLANNED


def test_a_rejected_run_is_neither_approved_nor_applied(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.ask(operations.reject, load_id)
    assert statuses(trial, load_id) == {A: "rejected", B: "rejected"}
    with pytest.raises(LoadProblem, match=r"load\.not_planned"):
        trial.approve(load_id)
    with pytest.raises(LoadProblem, match=r"load\.not_approved"):
        trial.apply(load_id)
    assert trial.writes() == {}


def test_an_approval_can_be_taken_back_until_it_is_applied(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id)
    trial.ask(operations.reject, load_id)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    other = trial.load(trial.write(A, ROWS_A))
    trial.carry_out(other)
    with pytest.raises(LoadProblem, match=r"load\.already_applied"):
        trial.ask(operations.reject, other)


def test_what_has_begun_is_not_rejected_however_it_is_asked_for(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    trial.approve(load_id)
    trial.apply(load_id, should_stop=iter([False, True]).__next__)
    trial.ask(operations.ready_to_apply, load_id)
    with pytest.raises(LoadProblem, match=r"load\.already_applied"):
        trial.ask(operations.reject, load_id)
    assert trial.apply(load_id).status == LoadStatus.APPLIED


def test_rejecting_one_school_leaves_the_run_to_the_others(trial: Trial) -> None:
    load_id = two_schools(trial)
    scope = operations.Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset([B]))
    trial.approve(load_id, scope=scope)
    trial.ask(operations.reject, load_id, scope=scope)
    assert statuses(trial, load_id) == {A: "planned", B: "rejected"}
    assert trial.run(load_id).status == LoadStatus.PLANNED


@pytest.mark.parametrize("trial", ["postgresql"], indirect=True)
def test_a_worker_that_begins_while_somebody_says_no_applies_nothing(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id)
    with transaction(trial.application.sessions) as session:
        operations.reject(session, load_id, scope=SCOPE, now=trial.application.clock())
        worker = Thread(target=apply_load, args=(trial.application, load_id))
        worker.start()
        until(lambda: waiting(trial) == 1)
    worker.join(WAIT_SECONDS)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert statuses(trial, load_id) == {A: "rejected", B: "rejected"}
    assert trial.writes() == {}


@pytest.mark.parametrize("trial", ["postgresql"], indirect=True)
@pytest.mark.parametrize("decide", [operations.approve, operations.reject])
def test_a_yes_or_no_waits_for_a_worker_that_is_just_beginning(
    trial: Trial, decide: Callable[..., Load]
) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id, schools=[A])
    problems: list[str] = []

    def press() -> None:
        try:
            trial.ask(decide, load_id)
        except LoadProblem as problem:
            problems.append(problem.code)

    with transaction(trial.application.sessions) as beginning:
        load = beginning.get_one(Load, load_id)
        assert claims.take(beginning, load, trial.application.clock(), {LoadStatus.APPROVED})
        load.status = LoadStatus.APPLYING
        beginning.flush()
        person = Thread(target=press)
        person.start()
        until(lambda: waiting(trial) == 1)
    person.join(WAIT_SECONDS)
    assert problems
    assert trial.run(load_id).status == LoadStatus.APPLYING
    assert statuses(trial, load_id) == {A: "approved", B: "planned"}


@on_both_databases
def test_a_plan_overtaken_by_a_newer_load_is_superseded_and_writes_nothing(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    overtaken = trial.load(trial.write(A, ROWS_A[1:], day=1), trial.write(B, ROWS_B, day=1))
    trial.approve(overtaken)
    trial.sync(trial.write(A, [*ROWS_A, pupil("a-5")], day=2))
    before = trial.moodle()["users"]
    assert trial.apply(overtaken).status == LoadStatus.APPLIED
    assert statuses(trial, overtaken) == {A: "superseded", B: "applied"}
    assert trial.moodle()["users"][:6] == before
    with pytest.raises(LoadProblem, match=r"load\.already_decided"):
        trial.approve(overtaken)


def test_a_plan_made_while_another_was_half_applied_is_superseded(trial: Trial) -> None:
    first = trial.load(trial.write(A, ROWS_A))
    trial.approve(first)
    assert trial.apply(first, should_stop=chain([False], repeat(True)).__next__).status == "stopped"
    on_the_way = trial.load(trial.write(A, ROWS_A[1:], day=1))
    trial.approve(on_the_way)
    assert trial.apply(first).status == LoadStatus.APPLIED
    trial.writes()
    trial.apply(on_the_way)
    assert statuses(trial, on_the_way) == {A: "superseded"}
    assert trial.writes() == {}


def test_a_half_applied_plan_overtaken_by_a_newer_one_is_not_continued(trial: Trial) -> None:
    first = trial.load(trial.write(A, ROWS_A))
    trial.approve(first)
    trial.apply(first, should_stop=chain([False] * 5, repeat(True)).__next__)
    trial.sync(trial.write(A, ROWS_A[1:], day=1))
    trial.writes()
    trial.apply(first)
    assert statuses(trial, first) == {A: "superseded"}
    assert trial.writes() == {}


def test_applying_an_overtaken_run_again_does_not_take_back_that_it_was_applied(
    trial: Trial,
) -> None:
    first = trial.write(A, [*ROWS_A, pupil("a-5", "c-9")])
    run = trial.sync(first)
    with trial.application.sessions() as session, session.begin():
        session.get_one(PlannedChange, trial.changes(run.id)[0].id).result = "failed"
    trial.sync(trial.write(A, ROWS_A, day=1))
    trial.apply(run.id)
    assert statuses(trial, run.id) == {A: "applied"}
    assert "file.loaded_before" in trial.rules(trial.load(first))


def test_every_step_of_a_run_is_in_the_audit_without_people(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    trial.carry_out(load_id)
    with trial.application.sessions() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("cli:test", "load.receive"),
        ("worker", "load.plan"),
        ("cli:test", "load.approve"),
        ("worker", "plan.apply"),
    ]
    everything = " ".join(str(entry.details) for entry in entries)
    for row in ROWS_A:
        assert row.person.family_name not in everything


def test_progress_counts_only_what_is_approved(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A), trial.write(B, ROWS_B), trial.write(C, ROWS_B))

    def progress() -> dict[str, int]:
        with trial.application.sessions() as session:
            return operations.progress(session, operations.find(session, load_id, SCOPE), SCOPE)

    assert progress() == {"total": 0, "done": 0, "failed": 0, "skipped": 0}
    trial.approve(load_id, schools=[A])
    whole = sum(trial.counts(load_id, A).values())
    assert progress() == {"total": whole, "done": 0, "failed": 0, "skipped": 0}
    trial.apply(load_id)
    assert progress() == {"total": whole, "done": whole, "failed": 0, "skipped": 0}


def test_an_unknown_run_is_as_forbidden_as_a_foreign_one(trial: Trial) -> None:
    with pytest.raises(Forbidden):
        trial.run(77)
