"""The life of a run: receive, approve all or some, reject, apply; and plans that were overtaken."""

from __future__ import annotations

from itertools import chain, repeat
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.access import Forbidden
from service.db import transaction
from service.loads import operations
from service.loads.operations import LoadProblem
from service.models import AuditEntry, LoadStatus, OperatorRole, PlannedChange
from tests.service.installation import SCOPE
from tests.service.place import A, B, C, Place, on_both_databases, pupil, pupils, teacher

ROWS_A, ROWS_B = [*pupils("a", 4), teacher("a-t")], [*pupils("b", 4), teacher("b-t")]


def two_schools(place: Place) -> int:
    return place.load(place.write(A, ROWS_A), place.write(B, ROWS_B))


def reject(place: Place, load_id: int) -> None:
    with transaction(place.application.sessions) as session:
        operations.reject(session, load_id, scope=SCOPE, now=place.application.clock())


def digest(place: Place, load_id: int) -> str:
    return operations.digest(place.plans(load_id).values())


def statuses(place: Place, load_id: int) -> dict[str, str]:
    return {code: plan.status for code, plan in place.plans(load_id).items()}


def test_a_run_keeps_its_own_copies_of_the_files(place: Place) -> None:
    file = place.write(A, ROWS_A)
    run = place.run(place.load(file))
    kept = place.application.settings.home / run.folder
    assert kept.stat().st_mode & 0o077 == 0
    assert (kept / "SB0001.xml").read_bytes() == file.read_bytes()


def test_a_folder_that_cannot_be_copied_leaves_no_run(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "september"
    folder.mkdir()
    (folder / "gone.xml").symlink_to(folder / "nowhere.xml")
    home = place.application.settings.home
    with (
        pytest.raises(LoadProblem, match=r"load\.not_copied"),
        transaction(place.application.sessions) as session,
    ):
        operations.receive(
            session,
            home=home,
            paths=[("september", folder)],
            scope=SCOPE,
            expected_school="",
            now=place.application.clock(),
        )
    with place.application.sessions() as session:
        assert not operations.latest(session, SCOPE, 1)
    assert not list((home / "uploads").iterdir())


@on_both_databases
@pytest.mark.parametrize("number", [2**31 - 1, 2**31, 2**63, 10**30])
def test_no_run_has_a_number_beyond_the_column(place: Place, number: int) -> None:
    with place.application.sessions() as session, pytest.raises(Forbidden):
        operations.find(session, number, SCOPE)


def test_an_approval_names_the_plans_that_were_seen(place: Place) -> None:
    load_id = two_schools(place)
    seen = digest(place, load_id)
    other = digest(place, place.load(place.write(A, ROWS_A[1:])))
    for wrong in (other, seen[:-1] + ("0" if seen[-1] != "0" else "1")):
        with pytest.raises(LoadProblem, match=r"load\.digest_differs"):
            place.approve(load_id, expected_digest=wrong)
    assert place.run(load_id).status == LoadStatus.PLANNED
    place.approve(load_id, expected_digest=seen[:12])
    assert place.run(load_id).status == LoadStatus.APPROVED


def test_the_digest_is_that_of_the_stored_changes(place: Place) -> None:
    """The same file before the same state has the same plan, but for the people it makes."""
    file = place.write(A, ROWS_A)
    first = digest(place, place.load(file))
    assert digest(place, place.load(file)) == first
    assert digest(place, place.load(place.write(A, ROWS_A[1:]))) != first


@on_both_databases
def test_nothing_reaches_moodle_but_from_an_approved_plan(place: Place) -> None:
    load_id = two_schools(place)
    place.approve(load_id, schools=[B])
    assert statuses(place, load_id) == {A: "planned", B: "approved"}
    assert place.moodle()["users"] == []
    place.apply(load_id)
    assert statuses(place, load_id) == {A: "planned", B: "applied"}
    made = {user["institution"] for user in place.moodle()["users"]}
    assert made == {"Школа № 2"}
    with place.application.sessions() as session:
        plan = place.plans(load_id)[A]
        tried = select(func.count()).where(
            PlannedChange.plan_id == plan.id, PlannedChange.result != ""
        )
        assert session.scalar(tried) == 0


def test_what_a_yes_left_out_can_be_approved_later(place: Place) -> None:
    load_id = two_schools(place)
    place.approve(load_id, schools=[B])
    place.apply(load_id)
    place.approve(load_id)
    place.apply(load_id)
    assert statuses(place, load_id) == {A: "applied", B: "applied"}
    with pytest.raises(LoadProblem, match=r"load\.already_decided"):
        place.approve(load_id)


@pytest.mark.parametrize("schools", [["SB9999"], [B], []])
def test_a_yes_to_nothing_is_refused(place: Place, schools: list[str]) -> None:
    load_id = place.load(place.write(A, ROWS_A))
    with pytest.raises(LoadProblem, match=r"load\.nothing_to_approve"):
        place.approve(load_id, schools=schools)
    assert place.run(load_id).status == LoadStatus.PLANNED


def test_a_rejected_run_is_neither_approved_nor_applied(place: Place) -> None:
    load_id = two_schools(place)
    reject(place, load_id)
    assert statuses(place, load_id) == {A: "rejected", B: "rejected"}
    with pytest.raises(LoadProblem, match=r"load\.not_planned"):
        place.approve(load_id)
    with pytest.raises(LoadProblem, match=r"load\.not_approved"):
        place.apply(load_id)
    assert place.writes() == {}


def test_an_approval_can_be_taken_back_until_it_is_applied(place: Place) -> None:
    load_id = two_schools(place)
    place.approve(load_id)
    reject(place, load_id)
    assert place.run(load_id).status == LoadStatus.REJECTED
    other = place.load(place.write(A, ROWS_A))
    place.approve(other)
    place.apply(other)
    with pytest.raises(LoadProblem, match=r"load\.already_applied"):
        reject(place, other)


def test_what_has_begun_is_not_rejected_however_it_is_asked_for(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS_A))
    place.approve(load_id)
    place.apply(load_id, should_stop=iter([False, True]).__next__)
    with transaction(place.application.sessions) as session:
        operations.ready_to_apply(session, load_id, scope=SCOPE, now=place.application.clock())
    with pytest.raises(LoadProblem, match=r"load\.already_applied"):
        reject(place, load_id)
    assert place.apply(load_id).status == LoadStatus.APPLIED


def test_rejecting_one_school_leaves_the_run_to_the_others(place: Place) -> None:
    load_id = two_schools(place)
    scope = operations.Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset([B]))
    place.approve(load_id, scope=scope)
    with transaction(place.application.sessions) as session:
        operations.reject(session, load_id, scope=scope, now=place.application.clock())
    assert statuses(place, load_id) == {A: "planned", B: "rejected"}
    assert place.run(load_id).status == LoadStatus.PLANNED


@on_both_databases
def test_a_plan_overtaken_by_a_newer_load_is_superseded_and_writes_nothing(place: Place) -> None:
    place.sync(place.write(A, ROWS_A))
    overtaken = place.load(place.write(A, ROWS_A[1:], day=1), place.write(B, ROWS_B, day=1))
    place.approve(overtaken)
    place.sync(place.write(A, [*ROWS_A, pupil("a-5")], day=2))
    before = place.moodle()["users"]
    assert place.apply(overtaken).status == LoadStatus.APPLIED
    assert statuses(place, overtaken) == {A: "superseded", B: "applied"}
    assert place.moodle()["users"][:6] == before
    with pytest.raises(LoadProblem, match=r"load\.already_decided"):
        place.approve(overtaken)


def test_a_plan_made_while_another_was_half_applied_is_superseded(place: Place) -> None:
    first = place.load(place.write(A, ROWS_A))
    place.approve(first)
    assert place.apply(first, should_stop=chain([False], repeat(True)).__next__).status == "stopped"
    on_the_way = place.load(place.write(A, ROWS_A[1:], day=1))
    place.approve(on_the_way)
    assert place.apply(first).status == LoadStatus.APPLIED
    place.writes()
    place.apply(on_the_way)
    assert statuses(place, on_the_way) == {A: "superseded"}
    assert place.writes() == {}


def test_a_half_applied_plan_overtaken_by_a_newer_one_is_not_continued(place: Place) -> None:
    first = place.load(place.write(A, ROWS_A))
    place.approve(first)
    place.apply(first, should_stop=chain([False] * 5, repeat(True)).__next__)
    place.sync(place.write(A, ROWS_A[1:], day=1))
    place.writes()
    place.apply(first)
    assert statuses(place, first) == {A: "superseded"}
    assert place.writes() == {}


def test_applying_an_overtaken_run_again_does_not_take_back_that_it_was_applied(
    place: Place,
) -> None:
    first = place.write(A, [*ROWS_A, pupil("a-5", "c-9")])
    run = place.sync(first)
    with place.application.sessions() as session, session.begin():
        session.get_one(PlannedChange, place.changes(run.id)[0].id).result = "failed"
    place.sync(place.write(A, ROWS_A, day=1))
    place.apply(run.id)
    assert statuses(place, run.id) == {A: "applied"}
    assert "file.loaded_before" in place.rules(place.load(first))


def test_every_step_of_a_run_is_in_the_audit_without_people(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS_A))
    place.approve(load_id)
    place.apply(load_id)
    with place.application.sessions() as session:
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


def test_progress_counts_only_what_is_approved(place: Place) -> None:
    load_id = place.load(place.write(A, ROWS_A), place.write(B, ROWS_B), place.write(C, ROWS_B))

    def progress() -> dict[str, int]:
        with place.application.sessions() as session:
            return operations.progress(session, operations.find(session, load_id, SCOPE), SCOPE)

    assert progress() == {"total": 0, "done": 0, "failed": 0, "skipped": 0}
    place.approve(load_id, schools=[A])
    whole = sum(place.counts(load_id, A).values())
    assert progress() == {"total": whole, "done": 0, "failed": 0, "skipped": 0}
    place.apply(load_id)
    assert progress() == {"total": whole, "done": whole, "failed": 0, "skipped": 0}


def test_an_unknown_run_is_as_forbidden_as_a_foreign_one(place: Place) -> None:
    with pytest.raises(Forbidden):
        place.run(77)
