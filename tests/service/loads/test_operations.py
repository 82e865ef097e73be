"""The life of a run: receive, approve all or some, reject, apply; and plans that were overtaken."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.access import Forbidden
from service.loads import claims, operations
from service.loads.applying import apply_load
from service.loads.operations import LoadProblem
from service.models import AuditEntry, Load, LoadStatus, OperatorRole, PlannedChange, SchoolPlan
from service.words import loads as wording
from tests.service.installation import SCOPE
from tests.service.loads.test_at_once import on_postgresql, waiting
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, refusal, teacher
from tests.waiting import WAIT_SECONDS, until

ROWS_A, ROWS_B = [*pupils("a", 4), teacher("a-t")], [*pupils("b", 4), teacher("b-t")]


def two_schools(trial: Trial) -> int:
    return trial.load(trial.write(A, ROWS_A), trial.write(B, ROWS_B))


def digest(trial: Trial, load_id: int) -> str:
    return operations.digest(trial.plans(load_id).values())


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
    assert refusal(trial.load, folder) == "load.not_copied"
    assert trial.stored(select(Load)) == []
    assert not list((trial.application.settings.home / "uploads").iterdir())


@on_both_databases
@pytest.mark.parametrize("number", [77, 2**31 - 1, 2**31, 2**63, 10**30])
def test_an_unknown_run_is_as_forbidden_as_a_foreign_one(trial: Trial, number: int) -> None:
    with pytest.raises(Forbidden):
        trial.run(number)


def test_an_approval_names_the_plans_that_were_seen(trial: Trial) -> None:
    """The same file before the same state has the same plan, but for the people it makes."""
    load_id = two_schools(trial)
    seen = digest(trial, load_id)
    assert digest(trial, two_schools(trial)) == seen
    other = digest(trial, trial.load(trial.write(A, ROWS_A[1:]), trial.write(B, ROWS_B)))
    for wrong in (other, seen[:-1] + ("0" if seen[-1] != "0" else "1")):
        named = {"expected_digest": wrong}
        assert refusal(trial.approve, load_id, **named) == "load.digest_differs"
    assert trial.run(load_id).status == LoadStatus.PLANNED
    trial.approve(load_id, expected_digest=seen[:12])
    assert trial.run(load_id).status == LoadStatus.APPROVED


@on_both_databases
def test_nothing_reaches_moodle_but_from_an_approved_plan(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id, schools=[B])
    assert trial.decisions(load_id) == {A: "planned", B: "approved"}
    assert trial.moodle()["users"] == []
    trial.apply(load_id)
    assert trial.decisions(load_id) == {A: "planned", B: "applied"}
    assert {user["institution"] for user in trial.moodle()["users"]} == {"Школа № 2"}
    of_a = PlannedChange.plan_id == trial.plans(load_id)[A].id
    assert set(trial.stored(select(PlannedChange.result).where(of_a))) == {""}
    # What a yes left out can be approved later.
    trial.carry_out(load_id)
    assert trial.decisions(load_id) == {A: "applied", B: "applied"}
    assert refusal(trial.ask, operations.reject, load_id) == "load.already_applied"
    assert refusal(trial.approve, load_id) == "load.already_decided"


@pytest.mark.parametrize("schools", [["SB9999"], [B], []])
def test_a_yes_to_nothing_is_refused(trial: Trial, schools: list[str]) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    assert refusal(trial.approve, load_id, schools=schools) == "load.nothing_to_approve"
    assert trial.run(load_id).status == LoadStatus.PLANNED


@pytest.mark.parametrize("approved", [False, True])
def test_a_rejected_run_is_neither_approved_nor_applied(trial: Trial, approved: bool) -> None:
    load_id = two_schools(trial)
    if approved:
        trial.approve(load_id)
    trial.ask(operations.reject, load_id)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.decisions(load_id) == {A: "rejected", B: "rejected"}
    assert refusal(trial.approve, load_id) == "load.not_planned"
    assert refusal(trial.apply, load_id) == "load.not_approved"
    assert trial.writes() == {}


def test_what_has_begun_is_not_rejected_however_it_is_asked_for(trial: Trial) -> None:
    load_id = trial.approved(trial.write(A, ROWS_A))
    trial.apply(load_id, should_stop=iter([False, True]).__next__)
    trial.ask(operations.ready_to_apply, load_id)
    assert refusal(trial.ask, operations.reject, load_id) == "load.already_applied"
    assert trial.apply(load_id).status == LoadStatus.APPLIED


def test_rejecting_one_school_leaves_the_run_to_the_others(trial: Trial) -> None:
    load_id = two_schools(trial)
    scope = operations.Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset([B]))
    trial.approve(load_id, scope=scope)
    trial.ask(operations.reject, load_id, scope=scope)
    assert trial.decisions(load_id) == {A: "planned", B: "rejected"}
    assert trial.run(load_id).status == LoadStatus.PLANNED


@on_postgresql
def test_a_worker_that_begins_while_somebody_says_no_applies_nothing(trial: Trial) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id)
    with trial.rows() as session:
        operations.reject(session, load_id, scope=SCOPE, now=trial.application.clock())
        worker = Thread(target=apply_load, args=(trial.application, load_id))
        worker.start()
        until(lambda: waiting(trial) == 1)
    worker.join(WAIT_SECONDS)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.decisions(load_id) == {A: "rejected", B: "rejected"}
    assert trial.writes() == {}


@on_postgresql
@pytest.mark.parametrize("decide", [operations.approve, operations.reject])
def test_yes_and_no_wait_for_a_beginning_worker(trial: Trial, decide: Callable[..., Load]) -> None:
    load_id = two_schools(trial)
    trial.approve(load_id, schools=[A])
    problems: list[str] = []

    def press() -> None:
        try:
            trial.ask(decide, load_id)
        except LoadProblem as problem:
            problems.append(problem.code)

    with trial.rows() as beginning:
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
    assert trial.decisions(load_id) == {A: "approved", B: "planned"}


@on_both_databases
def test_a_plan_overtaken_by_a_newer_load_is_superseded_and_writes_nothing(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS_A))
    overtaken = trial.approved(trial.write(A, ROWS_A[1:], day=1), trial.write(B, ROWS_B, day=1))
    trial.sync(trial.write(A, [*ROWS_A, pupil("a-5")], day=2))
    before = trial.moodle()["users"]
    assert trial.apply(overtaken).status == LoadStatus.APPLIED
    assert trial.decisions(overtaken) == {A: "superseded", B: "applied"}
    assert trial.moodle()["users"][:6] == before
    assert refusal(trial.approve, overtaken) == "load.already_decided"


def test_a_plan_made_while_another_was_half_applied_is_superseded(trial: Trial) -> None:
    first = trial.approved(trial.write(A, ROWS_A))
    assert trial.apply(first, should_stop=chain([False], repeat(True)).__next__).status == "stopped"
    on_the_way = trial.approved(trial.write(A, ROWS_A[1:], day=1))
    assert trial.apply(first).status == LoadStatus.APPLIED
    trial.writes()
    trial.apply(on_the_way)
    assert trial.decisions(on_the_way) == {A: "superseded"}
    assert trial.writes() == {}


def test_a_half_applied_plan_overtaken_by_a_newer_one_is_not_continued(trial: Trial) -> None:
    first = trial.approved(trial.write(A, ROWS_A))
    trial.apply(first, should_stop=chain([False] * 5, repeat(True)).__next__)
    trial.sync(trial.write(A, ROWS_A[1:], day=1))
    trial.writes()
    trial.apply(first)
    assert trial.decisions(first) == {A: "superseded"}
    assert trial.writes() == {}


def test_applying_an_overtaken_run_does_not_take_back_that_it_was_applied(trial: Trial) -> None:
    first = trial.write(A, [*ROWS_A, pupil("a-5", "c-9")])
    run = trial.sync(first)
    with trial.rows() as session:
        session.get_one(PlannedChange, trial.changes(run.id)[0].id).result = "failed"
    trial.sync(trial.write(A, ROWS_A, day=1))
    trial.apply(run.id)
    assert trial.decisions(run.id) == {A: "applied"}
    assert "file.loaded_before" in trial.rules(trial.load(first))


def test_every_step_of_a_run_is_in_the_audit_without_people(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, ROWS_A))
    trial.carry_out(load_id)
    entries = trial.stored(select(AuditEntry).order_by(AuditEntry.id))
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

    def progress(total: int, done: int) -> None:
        with trial.rows() as session:
            run = operations.find(session, load_id, SCOPE)
            found = operations.progress(session, run, SCOPE)
        assert found == {"total": total, "done": done, "failed": 0, "skipped": 0}

    progress(total=0, done=0)
    trial.approve(load_id, schools=[A])
    whole = sum(trial.counts(load_id, A).values())
    progress(total=whole, done=0)
    trial.apply(load_id)
    progress(total=whole, done=whole)


# Plans whose stored rows are not what somebody approved: nothing of them reaches Moodle

MANY = [*pupils("a", 30), teacher("a-t")]


def change_a_name(session: Session, plan: SchoolPlan) -> None:
    row = session.query(PlannedChange).filter_by(plan_id=plan.id, kind="user").first()
    assert row is not None
    row.after = dict(row.after) | {"family_name": "Чужая"}


def drop_a_change(session: Session, plan: SchoolPlan) -> None:
    session.query(PlannedChange).filter_by(plan_id=plan.id, position=0).delete()


def forget_the_breaches(_session: Session, plan: SchoolPlan) -> None:
    plan.breaches = []


def take_back_the_second_yes(_session: Session, plan: SchoolPlan) -> None:
    plan.limits_confirmed = False


@on_both_databases
@pytest.mark.parametrize(
    "alter", [change_a_name, drop_a_change, forget_the_breaches, take_back_the_second_yes]
)
def test_an_altered_plan_is_left_out_and_the_load_says_so(
    trial: Trial, alter: Callable[[Session, SchoolPlan], None]
) -> None:
    trial.sync(trial.write(A, MANY), trial.write(B, ROWS_B))
    before = trial.account(A, "a-1")
    fewer = [*MANY[:5], teacher("a-t")]
    files = trial.write(A, fewer, day=1), trial.write(B, pupils("b", 5), day=1)
    load_id = trial.approved(*files, over_limits=True)
    with trial.rows() as session:
        alter(session, session.get_one(SchoolPlan, trial.plans(load_id)[A].id))

    load = trial.apply(load_id)
    assert (load.status, load.problem, load.go_on_at) == (
        LoadStatus.STOPPED, f"plan_altered: {A}", None,
    )  # fmt: skip
    assert A in wording.problem_in_words(load)
    assert "{" not in wording.problem_in_words(load)
    assert trial.decisions(load_id) == {A: "approved", B: "applied"}
    assert not trial.plans(load_id)[A].started
    assert trial.account(A, "a-1") == before
    assert trial.known(A, "a-30").in_roll
    assert trial.known(B, "b-5").moodle_id is not None
    # Going on finds the same.
    assert trial.apply(load_id).problem == f"plan_altered: {A}"

    # What the text advises helps.
    trial.sync(trial.write(A, fewer, day=2))
    assert not trial.known(A, "a-30").in_roll
    load = trial.apply(load_id)
    assert (load.status, load.problem) == (LoadStatus.APPLIED, "")
    assert trial.decisions(load_id)[A] == "superseded"


def test_rows_that_a_killed_process_has_left_half_done_are_not_altered(trial: Trial) -> None:
    """Outcomes are written into the same rows; the digest is of what was planned."""
    load_id = trial.approved(trial.write(A, ROWS_A))
    with trial.rows() as session:
        session.execute(update(PlannedChange).values(result="failed", code="empty"))
    assert trial.apply(load_id).status == LoadStatus.APPLIED
